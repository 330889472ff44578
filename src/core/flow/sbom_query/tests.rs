use futures_executor::block_on;
use jiff::SignedDuration;

use super::*;
use crate::{
    attestation::predicate::{CYCLONEDX_TYPE, SPDX_TYPE},
    fleet::Place,
    flow::{Auditing, audit},
    gate::Period,
    ids::AmiId,
    image::{Descriptor, ImageFacts},
    ports::PortErrorKind,
    report::Class,
    testing::{
        evidence::{changed, sealed},
        fleet::{FakeFleet, FakeView, Running, image},
        gated::{Gated, gated_policy},
        inputs::SPDX,
        keys::LocalKey,
        policies::{compiled, document},
        ports::{FakeCatalog, FakeKeys, FakeStore},
    },
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn policy() -> Policy {
    compiled(&gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), ""))
}

fn place() -> Place {
    Place { account: "123456789012".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

/// The SBOM with three packages, one of them another version of openssl.
fn with_openssl(version: &str) -> String {
    SPDX.replace("3.0.20", version)
}

/// Images of one place, by number, and what the store has of them.
#[derive(Default)]
struct World {
    running: Running,
    store: BTreeMap<ImageRef, Vec<u8>>,
}

impl World {
    /// Lets so many instances of an image run, whose evidence is made of a gate two days ago.
    fn run(&mut self, number: u64, instances: u64, evidence: impl FnOnce(Gated) -> Option<Vec<u8>>) -> ImageRef {
        let (described, descriptor) = image(&place().region, number);
        let gated = Gated::at(now().saturating_sub(2 * DAY).unwrap());
        let gated = gated.excepting(now().saturating_add(60 * DAY).unwrap()).of(descriptor.clone());
        self.store.extend(evidence(gated).map(|bytes| (descriptor.image(), bytes)));
        self.running.images.0.insert(descriptor.image(), Ok(described));
        let ami: AmiId = descriptor.image().id;
        for machine in 0..instances {
            self.running.launch(number * 100 + machine, &ami, number);
            self.running.listed.last_mut().unwrap().seen.owner = Some(descriptor.owner().clone());
        }
        descriptor.image()
    }

    fn audited(self, policy: &Policy) -> (AuditReport, FakeStore) {
        let views = BTreeMap::from([(place(), Ok(FakeView(self.running.into())))]);
        let fleet = FakeFleet { views, ..FakeFleet::default() };
        let store = FakeStore { held: self.store.into(), ..FakeStore::default() };
        let (soon, deadline) = (Period::days(14), SignedDuration::from_mins(10));
        let auditing = Auditing { policy, at: now(), soon, stopped: false, hooks: Vec::new(), queue: None, deadline };
        let report = block_on(audit(&auditing, &fleet, &store, &FakeKeys::default(), &(), now())).unwrap();
        (report, store)
    }
}

fn evidence(gated: Gated) -> Option<Vec<u8>> {
    Some(gated.evidence(&LocalKey::p256(1), &LocalKey::p256(2)))
}

fn has(version: &str) -> impl FnOnce(Gated) -> Option<Vec<u8>> {
    let sbom = with_openssl(version);
    move |gated| evidence(gated.listing(SPDX_TYPE, &sbom))
}

fn ask(policy: &Policy, query: &str, audit: &AuditReport, store: &FakeStore) -> SbomQueryReport {
    let query = query.parse().unwrap();
    let querying = Querying { query: &query, policy, at: now() };
    let asked = Asked { catalog: &FakeCatalog::default(), store };
    block_on(query_running(querying, audit, &asked, &FakeKeys::default(), &()))
}

/// Where the SBOM stands: behind approval and provenance.
const SBOM_LINE: usize = 2;

fn codes(image: &QueriedImage) -> Vec<&str> {
    image.not_searched.iter().map(|note| note.code.as_ref()).collect()
}

#[test]
fn the_instances_of_every_image_that_has_it_are_found() {
    let mut world = World::default();
    let old = world.run(1, 2, has("3.0.11"));
    let older = world.run(2, 3, has("3.0.9"));
    world.run(3, 4, has("3.0.14"));
    let policy = policy();
    let (audit, store) = world.audited(&policy);
    let report = ask(&policy, "openssl>=3.0,<3.0.14", &audit, &store);
    assert_eq!((report.answer, report.count(Answer::Found), report.count(Answer::Absent)), (Answer::Found, 5, 4));
    assert_eq!((report.at, report.policy), (Some(now()), Some(policy.digest())));
    let found: Vec<_> = report.images.iter().map(|one| (one.image.clone().unwrap(), one.instances.len())).collect();
    assert_eq!(found[..2], [(older, 3), (old, 2)]);
    let package = &report.images[0].found[0];
    assert_eq!((package.package.name.as_str(), package.package.version.as_deref()), ("openssl", Some("3.0.9")));
    assert!(package.whole && report.images[0].entries == 4);
    assert_eq!(ask(&policy, "openssl<3.0.9", &audit, &store).answer, Answer::Absent);
    assert_eq!(ask(&policy, "zlib", &audit, &store).answer, Answer::Absent);
}

#[test]
fn an_image_that_is_refused_or_has_expired_is_searched_since_it_runs() {
    let mut world = World::default();
    let expires = now().saturating_sub(DAY).unwrap();
    let sbom = with_openssl("3.0.11");
    world.run(1, 1, |gated| evidence(gated.excepting(expires).listing(SPDX_TYPE, &sbom)));
    world.run(2, 1, has("3.0.12"));
    world.running.listed.last_mut().unwrap().seen.owner = Some("999999999999".parse().unwrap());
    let policy = policy();
    let (audit, store) = world.audited(&policy);
    assert_eq!(audit.classes, BTreeMap::from([(Class::Refused, 1), (Class::Expired, 1)]));
    let report = ask(&policy, "openssl<3.0.14", &audit, &store);
    assert_eq!((report.answer, report.count(Answer::Found)), (Answer::Found, 2));
}

#[test]
fn what_holds_no_sbom_that_counts_is_told_of_as_not_searched() {
    type Held = Box<dyn FnOnce(Gated) -> Option<Vec<u8>>>;
    let (ci, boss) = (LocalKey::p256(1), LocalKey::p256(2));
    let reference = Reference::new("ci", Sha256Digest::of(b""), "https://sbom.example/x.json", "application/spdx+json");
    let reference = serde_json::to_string(&reference).unwrap();
    let gated_evidence = |change: fn(Gated) -> Gated| move |gated| evidence(change(gated));
    let cases: [(&str, Held); 8] = [
        ("evidence-absent", Box::new(|_| None)),
        ("sbom-elsewhere", Box::new(move |gated| evidence(gated.listing(REFERENCE_TYPE, &reference)))),
        ("sbom-unreadable", Box::new(gated_evidence(|gated| gated))),
        ("sbom-empty", Box::new(gated_evidence(|gated| gated.listing(SPDX_TYPE, r#"{"spdxVersion":"SPDX-2.3"}"#)))),
        (
            "attestation-not-named",
            Box::new(gated_evidence(|gated| Gated { unnamed: vec![Kind::Sbom], ..gated.listing(SPDX_TYPE, SPDX) })),
        ),
        (
            "signature-invalid",
            Box::new(|gated| {
                let whole = evidence(gated.listing(SPDX_TYPE, SPDX))?;
                let mut lines: Vec<Vec<u8>> = whole.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
                lines[SBOM_LINE] = changed(&lines[SBOM_LINE], "\"payload\":\"e", "\"payload\":\"f");
                Some(lines.concat())
            }),
        ),
        // Signed by nobody that the policy knows.
        (
            "attestation-missing",
            Box::new(|gated| Some(gated.listing(SPDX_TYPE, SPDX).evidence(&LocalKey::p256(3), &LocalKey::p256(4)))),
        ),
        // The evidence of another image.
        ("image", Box::new(move |_| Some(Gated::at(now()).listing(SPDX_TYPE, SPDX).evidence(&ci, &boss)))),
    ];
    for (code, held) in cases {
        let mut world = World::default();
        world.run(1, 2, held);
        let policy = policy();
        let (audit, store) = world.audited(&policy);
        let report = ask(&policy, "openssl", &audit, &store);
        let image = &report.images[0];
        assert_eq!((report.answer, image.answer), (Answer::Undetermined, Answer::NotSearched), "{code}");
        assert_eq!(report.count(Answer::NotSearched), 2, "{code}");
        assert_eq!(image.sbom.is_some(), code == "sbom-empty", "{code}");
        if code == "image" {
            assert!(codes(image).contains(&"identity-mismatch"), "{:?}", image.not_searched);
        } else {
            assert!(codes(image).contains(&code), "{code}: {:?}", image.not_searched);
        }
    }
}

#[test]
fn a_store_that_is_out_and_a_place_that_was_not_seen_leave_it_open() {
    let mut world = World::default();
    world.run(1, 1, has("3.0.14"));
    let policy = policy();
    let (mut audit, store) = world.audited(&policy);
    assert_eq!(ask(&policy, "openssl<3", &audit, &store).answer, Answer::Absent);
    let out = FakeStore { read_fault: Some(PortErrorKind::Unavailable), ..FakeStore::default() };
    let report = ask(&policy, "openssl<3", &audit, &out);
    assert_eq!((report.answer, codes(&report.images[0])), (Answer::Undetermined, vec!["evidence-unavailable"]));
    let fault = crate::verdict::Fault::PlaceUnavailable { problem: "denied".into() };
    audit.places[0].faults.push(crate::report::Cause::fault(&fault));
    let report = ask(&policy, "openssl<3", &audit, &store);
    assert_eq!((report.answer, report.missed.len()), (Answer::Undetermined, 1));
    audit.places.clear();
    assert_eq!(ask(&policy, "openssl<3", &audit, &store).answer, Answer::Undetermined);
}

#[test]
fn the_sbom_of_an_image_does_not_speak_for_another_root_volume() {
    let mut world = World::default();
    world.run(1, 1, has("3.0.14"));
    let ami = world.running.listed[0].image.clone();
    world.running.launch(999, &ami, 0);
    world.running.listed.last_mut().unwrap().seen.owner = world.running.listed[0].seen.owner.clone();
    let policy = policy();
    let (mut audit, store) = world.audited(&policy);
    assert_eq!(audit.classes, BTreeMap::from([(Class::RootReplaced, 1), (Class::Admitted, 1)]));
    let report = ask(&policy, "openssl<3.0.14", &audit, &store);
    assert_eq!(report.answer, Answer::Undetermined);
    assert_eq!((report.count(Answer::Absent), report.count(Answer::Undetermined)), (1, 1));
    let found = ask(&policy, "openssl", &audit, &store);
    assert_eq!((found.answer, found.count(Answer::Found), found.count(Answer::Undetermined)), (Answer::Found, 1, 1));
    // Where the audit did not know the image, it could not look at what roots are made of.
    audit.instances.retain(|one| one.class == Class::Admitted);
    audit.images[0].report.subject = None;
    assert_eq!(ask(&policy, "openssl<3.0.14", &audit, &store).count(Answer::Undetermined), 1);
}

#[test]
fn evidence_that_is_about_another_image_than_the_audit_saw_is_not_searched() {
    let mut world = World::default();
    world.run(1, 1, has("3.0.14"));
    let policy = policy();
    let (mut audit, store) = world.audited(&policy);
    audit.images[0].report.subject = Some(Sha256Digest::of(b"another"));
    let report = ask(&policy, "openssl", &audit, &store);
    assert_eq!(codes(&report.images[0]), ["subject-differs"]);
}

#[test]
fn images_that_are_named_are_searched_without_an_audit_and_without_ec2() {
    let mut world = World::default();
    let (one, bare) = (world.run(1, 0, has("3.0.11")), world.run(2, 0, |_| None));
    let (policy, query) = (policy(), "openssl<3.0.14".parse().unwrap());
    let (_, store) = world.audited(&policy);
    let querying = Querying { query: &query, policy: &policy, at: now() };
    let asked = Asked { catalog: &FakeCatalog::default(), store: &store };
    let images = [bare, one.clone()];
    let report = block_on(query_images(querying, &images, &asked, &FakeKeys::default(), &()));
    let told: Vec<Answer> = report.images.iter().map(|image| image.answer).collect();
    assert_eq!((report.answer, told), (Answer::Found, vec![Answer::Found, Answer::NotSearched]));
    assert_eq!((report.images[0].image.as_ref(), report.total()), (Some(&one), 0));
}

#[test]
fn without_provenance_ec2_says_what_an_image_is() {
    let ci = LocalKey::p256(1);
    let require: [(&str, &[&str], usize); 1] = [("sbom", &["ci"], 1)];
    let policy = compiled(&document(&[("ci", &ci)], &require, ""));
    let (described, descriptor) = image(&place().region, 1);
    let payload = crate::testing::evidence::statement(
        descriptor.digest(),
        CYCLONEDX_TYPE,
        r#"{"bomFormat":"CycloneDX","components":[{"name":"musl","version":"1.2.4-r2","purl":"pkg:apk/alpine/musl@1.2.4-r2"}]}"#,
    );
    let digest = Sha256Digest::of(&payload);
    let held = crate::testing::evidence::signed(&[(&ci, payload)]);
    let store = FakeStore::holding(&descriptor.image(), &held);
    for (query, there, expected) in [
        ("musl<1.2.5", true, Answer::Found),
        ("musl<1.2.x", true, Answer::Undetermined),
        ("musl=1.2.4-r2", true, Answer::Found),
        ("musl=1.3", true, Answer::Absent),
        ("musl", false, Answer::NotSearched),
    ] {
        let query = query.parse().unwrap();
        let querying = Querying { query: &query, policy: &policy, at: now() };
        let mut catalog = FakeCatalog::default();
        if there {
            catalog.0.insert(descriptor.image(), Ok(described.clone()));
        }
        let asked = Asked { catalog: &catalog, store: &store };
        let report = block_on(query_images(querying, &[descriptor.image()], &asked, &FakeKeys::default(), &()));
        let image = &report.images[0];
        assert_eq!((image.answer, image.sbom), (expected, there.then_some(digest)), "{query}");
        let doubts = usize::from(expected == Answer::Undetermined);
        assert_eq!(image.undetermined.len(), doubts, "{query}");
        assert!(report.notes.iter().any(|note| note.code == "dangerous-without-gate"), "{:?}", report.notes);
    }
}

#[test]
fn files_are_searched_by_the_same_rules() {
    let (_, descriptor): (_, Descriptor) = image(&place().region, 1);
    let gated = Gated::at(now().saturating_sub(DAY).unwrap()).of(descriptor.clone());
    let held = evidence(gated.listing(SPDX_TYPE, SPDX)).unwrap();
    let (policy, query) = (policy(), "tar<2".parse().unwrap());
    let querying = Querying { query: &query, policy: &policy, at: now() };
    let facts = ImageFacts { descriptor, state: None, tags: crate::image::Tags::default() };
    for (evidence, expected) in [(held.as_slice(), Answer::Found), (&sealed(&LocalKey::p256(2)), Answer::Undetermined)]
    {
        let offline = Offline { facts: &facts, evidence, place: "evidence.jsonl" };
        let report = block_on(query_evidence(querying, &offline, &FakeKeys::default()));
        assert_eq!(report.answer, expected);
    }
    let report = query_sbom(&query, SPDX.as_bytes(), "sbom.json").unwrap();
    assert_eq!((report.answer, report.images[0].file.as_deref()), (Answer::Found, Some("sbom.json")));
    assert_eq!(report.images[0].sbom, Some(Sha256Digest::of(SPDX.as_bytes())));
    assert_eq!((report.notes[0].code.as_ref(), report.policy), ("not-verified", None));
    assert!(query_sbom(&query, &b"{}"[..], "x").is_err());
}
