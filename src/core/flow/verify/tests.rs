use std::collections::BTreeMap;

use futures_executor::block_on;

use super::*;
use crate::{
    attestation::predicate::GrantScope,
    image::DescribedImage,
    policy::Mode,
    ports::{Listing, PortErrorKind},
    report::Outcome,
    testing::{
        evidence::sealed,
        images::{described, facts, other_facts},
        keys::LocalKey,
        lists::{self, grant, granters, listed_policy, revocations, revoker, signed_grant, signed_list},
        policies::{compiled, document, kms_authority, minimal},
        ports::{FakeCatalog, FakeKeys, FakeLists, FakeStore},
    },
};

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn image() -> ImageRef {
    facts().descriptor.image()
}

/// The world that one image is verified in.
struct World {
    policy: String,
    image: ImageRef,
    described: Option<Result<DescribedImage, PortErrorKind>>,
    store: FakeStore,
    keys: FakeKeys,
    context: Context,
}

impl World {
    fn good() -> Self {
        Self {
            policy: minimal(&LocalKey::p256(1)),
            image: image(),
            described: Some(Ok(described())),
            store: FakeStore::holding(&image(), &sealed(&LocalKey::p256(1))),
            keys: FakeKeys::default(),
            context: Context::default(),
        }
    }

    fn verify(&self) -> ImageReport {
        let catalog = self.described.clone().map(|described| (self.image.clone(), described));
        let (policy, catalog) = (compiled(&self.policy), FakeCatalog(catalog.into_iter().collect()));
        let images = std::slice::from_ref(&self.image);
        let report = verify(&policy, images, &self.context, &catalog, &self.store, &self.keys, now());
        block_on(report).images.remove(0)
    }
}

/// The verdict and the first code.
fn outcome(report: &ImageReport) -> (Outcome, &str) {
    let cause = report.reasons.iter().chain(&report.faults).next();
    (report.verdict, cause.map_or("", |cause| &cause.code))
}

#[test]
fn whatever_ec2_answers_about_the_image_has_its_verdict() {
    let without = |change: fn(&mut DescribedImage)| {
        let mut image = described();
        change(&mut image);
        Some(Ok(image))
    };
    for (what, described, expected) in [
        ("described", Some(Ok(described())), (Outcome::Admit, "")),
        ("not there", None, (Outcome::Reject, "image-not-found")),
        ("denied", Some(Err(PortErrorKind::Denied)), (Outcome::Undetermined, "image-unavailable")),
        ("throttled", Some(Err(PortErrorKind::Throttled)), (Outcome::Undetermined, "image-unavailable")),
        (
            "another image",
            without(|image| image.image_id = Some("ami-0fedcba9876543210".into())),
            (Outcome::Undetermined, "image-unavailable"),
        ),
        ("no owner", without(|image| image.owner_id = None), (Outcome::Undetermined, "image-unavailable")),
        (
            "malformed id",
            without(|image| image.image_id = Some("ami-x".into())),
            (Outcome::Undetermined, "image-unavailable"),
        ),
        ("changed", without(|image| image.architecture = Some("arm64".into())), (Outcome::Reject, "subject-mismatch")),
    ] {
        let report = World { described, ..World::good() }.verify();
        assert_eq!(outcome(&report), expected, "{what}");
        assert_eq!(report.image, image());
    }
}

#[test]
fn whatever_the_store_answers_has_its_verdict() {
    let store = |fault| FakeStore { read_fault: Some(fault), ..FakeStore::default() };
    for (what, store, expected) in [
        ("absent", FakeStore::default(), (Outcome::Reject, "evidence-absent")),
        ("empty", FakeStore::holding(&image(), b""), (Outcome::Reject, "attestation-missing")),
        ("malformed", FakeStore::holding(&image(), b"x"), (Outcome::Reject, "json-malformed")),
        (
            "another's",
            FakeStore::holding(&other_facts().descriptor.image(), &sealed(&LocalKey::p256(1))),
            (Outcome::Reject, "evidence-absent"),
        ),
        ("denied", store(PortErrorKind::Denied), (Outcome::Undetermined, "evidence-unavailable")),
        ("no bucket", store(PortErrorKind::NotFound), (Outcome::Undetermined, "evidence-unavailable")),
        ("too large", store(PortErrorKind::Malformed), (Outcome::Undetermined, "evidence-unavailable")),
        ("down", store(PortErrorKind::Unavailable), (Outcome::Undetermined, "evidence-unavailable")),
    ] {
        assert_eq!(outcome(&World { store, ..World::good() }.verify()), expected, "{what}");
    }
}

#[test]
fn whatever_kms_answers_has_its_verdict() {
    let kms = kms_authority("ci", &LocalKey::p256(1));
    let policy = document(&[], &[("sbom", &["ci"], 1)], &kms);
    let spki = LocalKey::p256(1).public().spki().to_vec();
    let other = LocalKey::p256(2).public().spki().to_vec();
    for (answer, expected) in [
        (Some(Ok(KeyAnswer::Enabled { spki })), (Outcome::Admit, "")),
        (Some(Ok(KeyAnswer::Enabled { spki: other })), (Outcome::Reject, "authority-key-changed")),
        (Some(Ok(KeyAnswer::Withdrawn { state: "Disabled".into() })), (Outcome::Reject, "authority-key-withdrawn")),
        (Some(Err(PortErrorKind::Denied)), (Outcome::Undetermined, "key-unavailable")),
        (None, (Outcome::Undetermined, "key-unavailable")),
    ] {
        let keys = FakeKeys(answer.into_iter().map(|answer| ("awskms:///alias/ci".to_owned(), answer)).collect());
        let report = World { policy: policy.clone(), keys, ..World::good() }.verify();
        assert_eq!(outcome(&report), expected);
        assert!(report.notes.iter().all(|note| note.code != "key-state-not-asked"), "it was asked");
    }
}

#[test]
fn each_authority_has_the_answer_about_its_own_key() {
    let [ci, second] = [1, 2].map(LocalKey::p256);
    let tables = kms_authority("ci", &ci) + &kms_authority("second", &second);
    let policy = document(&[], &[("sbom", &["ci"], 1), ("scan", &["second"], 1)], &tables);
    let spki = |key: &LocalKey| Ok(KeyAnswer::Enabled { spki: key.public().spki().to_vec() });
    let answers = [("awskms:///alias/ci".to_owned(), spki(&ci)), ("awskms:///alias/second".to_owned(), spki(&second))];
    let lines = [sealed(&ci), sealed(&second)].concat();
    let store = FakeStore::holding(&image(), &lines);
    let report = World { policy, store, keys: FakeKeys(answers.into()), ..World::good() }.verify();
    assert_eq!(outcome(&report), (Outcome::Admit, ""));
}

#[test]
fn an_override_lets_pass_what_it_names_while_it_holds_and_is_told() {
    let policy = compiled(&listed_policy());
    let catalog = FakeCatalog([(image(), Ok(described()))].into());
    let overridden = |cause: &str, evidence: Option<&[u8]>| {
        let store = evidence.map_or_else(FakeStore::default, |evidence| FakeStore::holding(&image(), evidence));
        let granted = signed_grant(&grant(GrantScope::Image(image()), &[cause]), &granters());
        let list = signed_list(&revocations(1, &[]), &revoker());
        let posted = vec![(Listing::Revocations(Default::default()), list), (Listing::Overrides, granted)];
        let lists = FakeLists(posted, lists::now());
        let (images, context) = ([image()], Context::default());
        let report = verify(&policy, &images, &context, &catalog, &store, &lists, lists::now());
        let report = block_on(report).images.remove(0);
        (report.verdict, report.overridden.is_some())
    };
    assert_eq!(overridden("evidence-absent", None), (Outcome::Admit, true));
    assert_eq!(overridden("attestation-missing", None), (Outcome::Reject, false), "it names something else");
    let good = sealed(&LocalKey::p256(1));
    assert_eq!(overridden("evidence-absent", Some(&good)), (Outcome::Admit, false), "nothing had to be let pass");
}

#[test]
fn several_images_are_judged_each_on_its_own() {
    let other = other_facts().descriptor.image();
    let (absent, denied) = (
        ImageRef { id: "ami-00000000000000001".parse().unwrap(), ..image() },
        ImageRef { id: "ami-00000000000000002".parse().unwrap(), ..image() },
    );
    let other_described = DescribedImage { image_id: Some(other.id.to_string()), ..described() };
    let catalog = FakeCatalog(BTreeMap::from([
        (image(), Ok(described())),
        (other.clone(), Ok(other_described)),
        (denied.clone(), Err(PortErrorKind::Denied)),
    ]));
    let store = FakeStore::holding(&image(), &sealed(&LocalKey::p256(1)));
    let asked = [absent, image(), other, denied, image()];
    let policy = compiled(&minimal(&LocalKey::p256(1)));
    let (context, keys) = (Context::default(), FakeKeys::default());
    let report = block_on(verify(&policy, &asked, &context, &catalog, &store, &keys, now()));
    let verdicts: Vec<(Outcome, &str)> = report.images.iter().map(outcome).collect();
    assert_eq!(
        verdicts,
        [
            (Outcome::Reject, "image-not-found"),
            (Outcome::Admit, ""),
            (Outcome::Reject, "evidence-absent"),
            (Outcome::Undetermined, "image-unavailable"),
            (Outcome::Admit, ""),
        ]
    );
    let images: Vec<ImageRef> = report.images.iter().map(|one| one.image.clone()).collect();
    assert_eq!((images.as_slice(), report.outcome()), (asked.as_slice(), Outcome::Reject));
    assert_eq!((report.at, report.policy), (now(), policy.digest()));
}

#[test]
fn no_images_are_no_admission() {
    let policy = compiled(&minimal(&LocalKey::p256(1)));
    let (context, keys) = (Context::default(), FakeKeys::default());
    let (catalog, store) = (FakeCatalog::default(), FakeStore::default());
    let report = block_on(verify(&policy, &[], &context, &catalog, &store, &keys, now()));
    assert_eq!(report.outcome(), Outcome::Undetermined);
}

#[test]
fn the_worst_of_several_is_the_outcome() {
    let with = |outcomes: &[Outcome]| {
        let one = World::good().verify();
        let images = outcomes.iter().map(|verdict| ImageReport { verdict: *verdict, ..one.clone() }).collect();
        let policy = compiled(&minimal(&LocalKey::p256(1))).digest();
        VerifyReport { schema: VERIFY_SCHEMA, at: now(), policy, images }.outcome()
    };
    use Outcome::{Admit, Reject, Undetermined};
    assert_eq!(with(&[Admit, Admit]), Admit);
    assert_eq!(with(&[Admit, Undetermined]), Undetermined);
    assert_eq!(with(&[Reject, Undetermined, Admit]), Reject);
}

#[test]
fn the_report_says_what_was_looked_at() {
    let report = World::good().verify();
    let evidence = sealed(&LocalKey::p256(1));
    assert_eq!(report.subject, Some(facts().descriptor.digest()));
    assert_eq!(report.owner.unwrap().as_str(), "123456789012");
    assert_eq!(report.evidence, "fake://v1/aws/eu-west-1/ami-0123456789abcdef0.jsonl");
    assert!(report.evidence_sha256.is_some() && report.checked.len() == 3 && report.discounted.is_empty());
    let notes: Vec<&str> = report.notes.iter().map(|note| note.code.as_ref()).collect();
    assert_eq!(notes, ["dangerous-without-gate", "key-state-not-asked"]);
    let absent = World { store: FakeStore::default(), ..World::good() }.verify();
    assert_eq!(absent.evidence_sha256, None);
    let notes: Vec<&str> = absent.notes.iter().map(|note| note.code.as_ref()).collect();
    assert_eq!(notes, ["dangerous-without-gate"], "no key of the policy counted");
    assert!(!evidence.is_empty());
}

#[test]
fn a_mode_changes_no_verdict() {
    let scope = "[[scope]]\nmode = \"warn\"\nregions = [\"eu-west-1\"]\n";
    let policy = World::good().policy + scope;
    let world = World { policy, store: FakeStore::default(), ..World::good() };
    let report = world.verify();
    assert_eq!((outcome(&report), report.mode), ((Outcome::Reject, "evidence-absent"), Mode::Warn));
    let undescribed = World { described: None, ..world };
    assert_eq!(undescribed.verify().mode, Mode::Warn, "the region of a launch is the image's");
    let elsewhere = Context { region: Some("us-east-1".parse().unwrap()), ..Context::default() };
    assert_eq!(World { context: elsewhere, ..undescribed }.verify().mode, Mode::Warn);
    assert_eq!(World::good().verify().mode, Mode::Enforce);
}

#[test]
fn files_are_judged_like_stores() {
    let policy = compiled(&minimal(&LocalKey::p256(1)));
    let (facts, evidence) = (facts(), sealed(&LocalKey::p256(1)));
    for (evidence, expected) in [
        (evidence.as_slice(), (Outcome::Admit, "")),
        (b"", (Outcome::Reject, "attestation-missing")),
        (b"x", (Outcome::Reject, "json-malformed")),
    ] {
        let offline = Offline { facts: &facts, evidence, place: "file" };
        let (context, keys) = (Context::default(), FakeKeys::default());
        let report = block_on(judge_offline(&policy, &offline, &context, &keys, now()));
        assert_eq!((outcome(&report.images[0]), report.images[0].evidence.as_str()), (expected, "file"));
    }
}
