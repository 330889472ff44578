//! Evidence: lines, bundles, statements, predicates, and what a policy makes of all of them.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    sync::{Arc, LazyLock},
};

use goldseal_core::{
    attestation::{
        Bundle, Content, EVIDENCE_LIMITS, Envelope, Kind, Statement, join, lines,
        predicate::{
            self, Approval, BuildFacts, Grant, Provenance, Receipt, Reference, Revocations, Summary, TestResult,
        },
        write_bundle,
    },
    digest::Sha256Digest,
    flow::Case,
    policy::{Keys, Policy},
    testing::{
        evidence::{self, signed},
        gated::{Gated, gated_policy},
        images::{descriptor, facts},
        keys::{LocalKey, authority},
        policies::compiled,
    },
    trust::{TrustRoot, survey},
    verdict::Verdict,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, de::DeserializeOwned};

/// The instant that is taken for now.
pub const NOW: &str = "2026-11-24T08:00:00Z";

/// Returns [`NOW`].
pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A bundle that was read is the bundle that would be written of its envelope, as far as that says.
pub fn bundle(bytes: &[u8]) -> bool {
    let read = match Bundle::parse(bytes) {
        Ok(read) => read,
        Err(defect) => {
            assert!(!defect.code().is_empty() && defect.to_string().len() < 4096 + bytes.len());
            return false;
        }
    };
    let Content::Envelope(envelope) = &read.content else { return false };
    assert!(envelope.payload.len() + envelope.signature.len() < bytes.len());
    let written = write_bundle(envelope, b"spki").unwrap();
    assert_eq!(Bundle::parse(&written).unwrap().content, read.content);
    true
}

/// What the seeds hold signed: nothing else may ever verify.
static SIGNED: LazyLock<BTreeSet<Sha256Digest>> = LazyLock::new(|| {
    let evidence = [evidence::sealed(&LocalKey::p256(1)), gated()].concat();
    let payload = |line: &[u8]| match Bundle::parse(line).unwrap().content {
        Content::Envelope(Envelope { payload, .. }) => Sha256Digest::of(&payload),
        Content::Message { .. } => unreachable!("we sign statements"),
    };
    lines(&evidence).unwrap().into_iter().map(|(_, line)| payload(line)).collect()
});

/// Returns evidence of a gate that passed a day before now.
pub fn gated() -> Vec<u8> {
    let day = SignedDuration::from_hours(24);
    Gated::at(now().saturating_sub(day).unwrap()).evidence(&LocalKey::p256(1), &LocalKey::p256(2))
}

/// Lines are all of the file and within the limits, and nothing verifies that nobody signed.
pub fn evidence_file(bytes: &[u8]) -> bool {
    if let Ok(lines) = lines(bytes) {
        let end: &[u8] = if bytes.is_empty() || bytes.ends_with(b"\n") { b"" } else { b"\n" };
        assert_eq!(join(lines.iter().map(|(_, line)| *line)), [bytes, end].concat());
        assert!(lines.len() <= EVIDENCE_LIMITS.lines);
        assert!(lines.iter().enumerate().all(|(at, (number, _))| *number == at + 1));
    }
    let authorities = ["ci", "boss"].into_iter().zip(1..).map(|(name, key)| authority(name, &LocalKey::p256(key)));
    let root = TrustRoot::new(authorities.collect()).unwrap();
    let Ok(surveyed) = survey(&root, bytes) else { return false };
    for statement in surveyed.statements() {
        assert!(SIGNED.contains(&statement.digest()), "nobody signed {}", statement.digest());
    }
    surveyed.statements().count() > 0
}

/// A statement is the bytes that were signed: its predicate stands in them, and its digest is theirs.
pub fn statement(bytes: &[u8]) -> bool {
    let Ok(statement) = Statement::parse(bytes.to_vec()) else { return false };
    assert_eq!(statement.digest(), Sha256Digest::of(bytes));
    let predicate = statement.predicate_bytes();
    assert!(!predicate.is_empty() && bytes.windows(predicate.len()).any(|part| part == predicate));
    typed(&statement);
    let without = statement.clone().without_payload();
    assert_eq!((without.subject(), without.kind()), (statement.subject(), statement.kind()));
    true
}

/// A predicate of any type that is read reads the same when it is written.
pub fn predicate(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    for kind in Kind::ALL {
        let Ok(statement) = Statement::parse(evidence::saying(kind, text)) else { return false };
        let receipt = kind == Kind::Gate && statement.is_receipt();
        assert_eq!(statement.kind(), (!receipt).then_some(kind));
        typed(&statement);
    }
    let reference = evidence::statement(descriptor().digest(), predicate::REFERENCE_TYPE, text);
    if let Ok(statement) = Statement::parse(reference) {
        assert!(matches!(statement.kind(), None | Some(Kind::Sbom)));
        if let Some(reference) = again::<Reference>(&statement) {
            assert!(reference.document().is_none_or(|(_, place)| place.len() < bytes.len()));
        }
    }
    listed(text);
    true
}

/// What stands beside evidence: a list goes on with itself, an override has a name, and a receipt passed when it says so.
fn listed(text: &str) {
    let of = |kind| Statement::parse(evidence::statement(descriptor().digest(), kind, text));
    if let Some(list) = of(predicate::REVOCATIONS_TYPE).ok().as_ref().and_then(again::<Revocations>)
        && list.check("default").is_ok()
    {
        assert!(list.is_continued_by(&list) && list.contradicted_by(&list).is_none());
        assert!(list.standing().count() <= list.entries.len());
    }
    if let Some(grant) = of(predicate::GRANT_TYPE).ok().as_ref().and_then(again::<Grant>)
        && grant.check().is_ok()
    {
        assert!(grant.from < grant.until && !grant.causes.is_empty() && grant.scope.name().contains(':'));
    }
    let receipt = of(predicate::SUMMARY_TYPE);
    if let Some(one) = receipt.as_ref().ok().and_then(again::<Receipt>)
        && one.check().is_ok()
    {
        let said = one.said();
        assert!(receipt.is_ok_and(|statement| statement.is_receipt() && statement.kind().is_none()));
        assert_eq!(one.passed(), said.instant.verdict == "admit" && said.instant.overridden.is_none());
        assert!(said.covers.iter().all(|covered| covered.at <= said.instant.issued_at));
    }
}

fn again<T: DeserializeOwned + Serialize + PartialEq + Debug>(statement: &Statement) -> Option<T> {
    let read: T = statement.predicate().ok()?;
    let written = serde_json::to_vec(&read).unwrap();
    assert_eq!(serde_json::from_slice::<T>(&written).unwrap(), read);
    Some(read)
}

fn typed(statement: &Statement) {
    if let Some(one) = again::<Provenance>(statement) {
        if let Ok(Some(descriptor)) = one.descriptor() {
            assert!(statement.predicate_bytes().len() > descriptor.bytes().len());
        }
        let _everything = (one.content(), one.content_digests(), one.base_image(), one.ancestry(), one.boot_guard());
        let repository = one.repository();
        assert_eq!(repository.as_deref().map(predicate::repository), repository.clone().map(Some));
    }
    if let Some(one) = again::<Summary>(statement) {
        assert_eq!(one.check(&descriptor()), one.check(&descriptor()));
        assert!(!one.names(Sha256Digest::of(b"something that no seed names")));
    }
    if let Some(one) = again::<Approval>(statement) {
        let _everything = (one.accepted_risks(), one.at(), predicate::is_approver(one.approver()));
    }
    if let Some(one) = again::<TestResult>(statement) {
        let (passed, _, failed) = one.counts();
        assert!(!one.passed() || failed == 0, "{passed} passed");
        assert!(one.not_passed().count() < statement.predicate_bytes().len());
    }
    let _facts = again::<BuildFacts>(statement);
}

static POLICY: LazyLock<(Policy, Arc<Keys>)> = LazyLock::new(|| {
    let policy = compiled(&gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), ""));
    let keys = Keys::new(&policy, |_| Err(String::new()));
    (policy, Arc::new(keys))
});

/// Payloads, one a line, signed as they come: the second word of a line is signed by the approver. An admission ends when it
/// says and not before, holds nothing against the image, and needs each of the lines that it stands on.
pub fn judgement(bytes: &[u8]) -> bool {
    let (policy, keys) = &*POLICY;
    let payloads: Vec<(usize, &[u8])> = bytes.split(|byte| *byte == b'\n').take(8).map(signer).collect();
    let (ci, boss) = (LocalKey::p256(1), LocalKey::p256(2));
    let lines: Vec<(&LocalKey, Vec<u8>)> =
        payloads.iter().map(|(key, payload)| (if *key == 1 { &ci } else { &boss }, payload.to_vec())).collect();
    let judge =
        |lines: &[(&LocalKey, Vec<u8>)], at| Case::of(facts(), &signed(lines), "a place", keys).judge(policy, at);
    let judged = judge(&lines, now());
    let Verdict::Admit(grounds) = &judged.verdict else {
        assert_eq!(judged.until, None);
        return false;
    };
    if let Some(until) = judged.until {
        assert!(until > now());
        let before = until.saturating_sub(SignedDuration::from_nanos(1)).unwrap();
        assert!(matches!(judge(&lines, before).verdict, Verdict::Admit(_)), "it was to hold until {until}");
        assert!(!matches!(judge(&lines, until).verdict, Verdict::Admit(_)), "it was to end at {until}");
    }
    for ground in grounds.as_slice() {
        let others = lines.iter().filter(|(_, payload)| Sha256Digest::of(payload) != ground.statement);
        let others: Vec<(&LocalKey, Vec<u8>)> = others.cloned().collect();
        let other = judge(&others, now()).verdict;
        let without = matches!(&other, Verdict::Admit(grounds) if grounds.as_slice().contains(ground));
        assert!(!without, "{} does not need {}", ground.kind, ground.statement);
    }
    true
}

/// Whose payload it is, and what it is.
fn signer(line: &[u8]) -> (usize, &[u8]) {
    match line.strip_prefix(b"boss ") {
        Some(payload) => (2, payload),
        None => (1, line),
    }
}
