//! What a case holds: whether it is whole, what stands in, and what was verified before.

use futures_executor::block_on;
use jiff::SignedDuration;

use super::*;
use crate::{
    policy::{FoundReceipt, Lists, Source},
    testing::{
        evidence::{carrying, payload, sealed, signed},
        images::{described, descriptor, facts, other_facts},
        keys::LocalKey,
        lists::{now, revocations, revoker, signed_list},
        policies::{compiled, document, minimal},
        ports::{FakeCatalog, FakeStore},
        receipts::{evidence, receipt_policy, receiver, required, said, signed_receipt},
    },
    verdict::Verdict,
};

fn image() -> ImageRef {
    descriptor().image()
}

fn keys(policy: &str) -> Arc<Keys> {
    Arc::new(Keys::new(&compiled(policy), |_| Err(String::new())))
}

fn ci() -> Arc<Keys> {
    keys(&minimal(&LocalKey::p256(1)))
}

fn known() -> Facts {
    Facts::of_ec2(&image(), described())
}

fn stored(bytes: &[u8]) -> Result<Option<Cow<'_, [u8]>>, &'static PortError> {
    Ok(Some(bytes.into()))
}

fn of(facts: Facts, evidence: Result<Option<Cow<'_, [u8]>>, &PortError>) -> Case {
    Case::examined(&image(), facts, evidence, "somewhere".to_owned(), &ci(), None)
}

fn failing(kind: PortErrorKind) -> PortError {
    PortError::new(kind, "s3:GetObject", "evidence")
}

fn codes(verdict: &Verdict) -> Vec<&'static str> {
    match verdict {
        Verdict::Admit(_) => Vec::new(),
        Verdict::Reject(reasons) => reasons.as_slice().iter().map(Reason::code).collect(),
        Verdict::Undetermined(faults) => faults.as_slice().iter().map(Fault::code).collect(),
    }
}

#[test]
fn what_could_not_be_asked_is_incomplete_and_what_is_not_there_is_lacking() {
    let unknown = || Facts::Unknown(Fault::ImageUnavailable { problem: "throttled".to_owned() });
    let refused = || Facts::Refused(vec![Reason::ImageNotFound { image: image() }]);
    let (good, denied) = (sealed(&LocalKey::p256(1)), failing(PortErrorKind::Denied));
    let mut instead = of(known(), Err(&denied));
    instead.stand_in(&good, Note::new("last-known-good", "kept"));
    for (what, case, incomplete, lacking) in [
        ("whole", of(known(), stored(&good)), false, false),
        ("EC2 did not say", of(unknown(), stored(&good)), true, true),
        ("no such image", of(refused(), stored(&good)), false, true),
        ("no evidence", of(known(), Ok(None)), false, true),
        ("the store did not say", of(known(), Err(&denied)), true, false),
        ("another answer stands in", instead, true, false),
        ("neither said", of(unknown(), Err(&denied)), true, false),
        ("no such image, and no answer", of(refused(), Err(&denied)), true, true),
    ] {
        assert_eq!((case.is_incomplete(), case.lacks_something()), (incomplete, lacking), "{what}");
    }
}

#[test]
fn only_an_outage_that_may_pass_is_one() {
    for (kind, passing) in [
        (PortErrorKind::Unavailable, true),
        (PortErrorKind::Throttled, true),
        (PortErrorKind::Denied, false),
        (PortErrorKind::Malformed, false),
        (PortErrorKind::Refused, false),
    ] {
        let mut case = of(known(), Err(&failing(kind)));
        assert_eq!(case.outage().is_some(), passing, "{kind:?}");
        assert!(case.dossier().is_none());
        // Why nothing stands in for it is told with the fault.
        let before = case.outage().map(str::to_owned);
        case.nothing_stands_in("nothing was kept");
        let policy = compiled(&minimal(&LocalKey::p256(1)));
        let Verdict::Undetermined(faults) = case.judge(&policy, now()).verdict else { panic!("{kind:?}") };
        let [Fault::EvidenceUnavailable { problem }] = faults.as_slice() else { panic!("{faults:?}") };
        assert!(problem.ends_with("; nothing was kept"), "{problem}");
        assert!(before.is_none_or(|before| problem.starts_with(&before)), "{problem}");
    }
    let good = sealed(&LocalKey::p256(1));
    for case in [of(known(), stored(&good)), of(known(), Ok(None))] {
        assert_eq!(case.outage(), None);
    }
}

#[test]
fn evidence_is_verified_again_unless_bytes_subject_and_keys_are_the_same() {
    let opened = |evidence: &[u8], keys: &Arc<Keys>, before: Option<&Arc<Dossier>>| {
        let catalog = FakeCatalog([(image(), Ok(described()))].into());
        let opened = block_on(Case::open(&image(), &catalog, &FakeStore::holding(&image(), evidence), keys, before));
        assert_eq!(opened.bytes.as_deref(), Some(evidence));
        Arc::clone(opened.case.dossier().unwrap())
    };
    let (good, bad) = (sealed(&LocalKey::p256(1)), sealed(&LocalKey::p256(2)));
    let before = opened(&good, &ci(), None);
    assert_eq!(before.evidence, Sha256Digest::of(&good));
    assert!(Arc::ptr_eq(&opened(&good, &ci(), Some(&before)), &before));
    for (what, evidence, keys) in
        [("other evidence", &bad, ci()), ("other keys", &good, keys(&minimal(&LocalKey::p256(2))))]
    {
        let again = opened(evidence, &keys, Some(&before));
        assert!(!Arc::ptr_eq(&again, &before), "{what}");
        assert!(again.is_of(&keys, descriptor().digest()) && again.evidence == Sha256Digest::of(evidence), "{what}");
    }
    let subject = other_facts().descriptor.digest();
    let of_other = Arc::new(ci().examine(good.as_slice(), subject));
    assert!(opened(&good, &ci(), Some(&of_other)).is_of(&ci(), descriptor().digest()), "it was about another subject");
}

#[test]
fn of_descriptors_in_provenance_one_must_be_of_this_image() {
    let key = LocalKey::p256(1);
    let carried = |facts: &ImageFacts| carrying(&facts.descriptor, r#"{"builder":"c"}"#);
    let mut renamed = described();
    renamed.name = Some("other".to_owned());
    let renamed = ImageFacts::in_region(&image().region, renamed).unwrap();
    let elsewhere = ImageFacts::in_region(&"us-east-1".parse().unwrap(), described()).unwrap();
    let found = |facts: &[&ImageFacts]| {
        let lines: Vec<_> = facts.iter().map(|facts| (&key, carried(facts))).collect();
        facts::sealed(&ci().survey(signed(&lines)), &image())
    };
    assert_eq!(found(&[&facts(), &other_facts()]).unwrap(), descriptor());
    let [Reason::AttestationAmbiguous { found: 2, .. }] = found(&[&facts(), &renamed]).unwrap_err()[..] else {
        panic!("two say it")
    };
    for (other, differs) in [(other_facts(), "image"), (elsewhere, "region")] {
        let reasons = found(&[&other]).unwrap_err();
        let [Reason::IdentityMismatch { what, document, descriptor }] = reasons.as_slice() else {
            panic!("{reasons:?}")
        };
        assert!(*what == differs && document != descriptor, "{reasons:?}");
    }
    let reasons = found(&[]).unwrap_err();
    assert!(matches!(reasons.as_slice(), [Reason::AttestationMissing { .. }]), "{reasons:?}");
}

#[test]
fn of_keys_in_the_policy_those_that_counted_are_named() {
    let [ci, boss] = [1, 2].map(LocalKey::p256);
    let both: &[&str] = &["ci", "boss"];
    let policy = document(&[("ci", &ci), ("boss", &boss)], &[("sbom", both, 1), ("provenance", &["ci"], 1)], "");
    let evidence = signed(&[Kind::Provenance, Kind::Sbom].map(|kind| (&ci, payload(kind))));
    // What nobody asks for counts for nothing, whoever signed it.
    let evidence = [evidence, signed(&[(&boss, payload(Kind::Scan))])].concat();
    let (compiled, keys) = (compiled(&policy), keys(&policy));
    let case = Case::of(facts(), &evidence, "somewhere", &keys);
    let report = case.report(&compiled, case.judge(&compiled, now()), &Context::default());
    let named: Vec<&str> = report
        .notes
        .iter()
        .filter(|note| note.code == "key-state-not-asked")
        .map(|note| note.message.split(' ').next().unwrap())
        .collect();
    assert_eq!(named, ["ci"]);
}

/// The newest receipt may say what an older one did not know.
#[test]
fn a_receipt_that_is_too_old_is_no_time_that_may_pass() {
    let day = SignedDuration::from_hours(24);
    let ended = format!("name = \"ci\"\nvalid_until = {}\n", now() + SignedDuration::from_hours(1));
    let lapsed = |rule: &str, after: SignedDuration| {
        let policy = compiled(&receipt_policy(rule).replacen("name = \"ci\"\n", &ended, 1));
        let keys = Keys::new(&policy, |_| Err(String::new()));
        let list = signed_list(&revocations(1, &[]), &revoker());
        let source = Source { place: "store".into(), answer: Ok(Some(list.as_slice())), kept: false };
        let lists = Lists::default().revoking(&policy, &keys, &[source], now());
        let keys = Arc::new(keys.with(lists));
        let mut case = Case::of(facts(), evidence(), "somewhere", &keys);
        let receipt = FoundReceipt { place: "receipts".into(), bytes: signed_receipt(said(), &receiver()) };
        case.receipts = Receipts::read(&keys, Ok(&[receipt]));
        let judgement = case.judge(&policy, now() + after);
        (codes(&judgement.verdict), case.lapsed(&policy, &judgement, now() + after))
    };
    let until = now() + SignedDuration::from_hours(1);
    assert_eq!(lapsed("", day).1, Some(until));
    assert_eq!(lapsed(&required(), SignedDuration::from_hours(2)).1, Some(until), "it is young enough yet");
    let (codes, lapsed) = lapsed(&required(), day);
    assert!(codes.contains(&"receipt-missing"), "{codes:?}");
    assert_eq!(lapsed, None);
}
