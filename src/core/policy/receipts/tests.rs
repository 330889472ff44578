//! Receipts → verdicts: what nothing but a whole and early receipt proves, and what is required.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    attestation::predicate::{Covered, Instant, Revoked, Said},
    policy::{Gathered, Judgement, Lists, Source, judge_with},
    testing::{
        images::facts,
        keys::LocalKey,
        lists::{now, revocations, revoker, signed_list},
        policies::compiled,
        receipts::{
            evidence, receipt, receipt_policy, receiver, required, said, said_at, signed_receipt, statement_of,
        },
    },
    verdict::Verdict,
};

fn ago(minutes: i64) -> Timestamp {
    now().saturating_sub(SignedDuration::from_mins(minutes)).unwrap()
}

/// A policy, what is revoked, and the receipts that were found.
struct Asked {
    policy: String,
    revoked: Vec<Revoked>,
    receipts: Result<Vec<Vec<u8>>, String>,
    at: Timestamp,
}

impl Asked {
    fn requiring(receipts: Vec<Vec<u8>>) -> Self {
        Self { policy: receipt_policy(&required()), revoked: Vec::new(), receipts: Ok(receipts), at: now() }
    }

    /// The key of `ci` was revoked, and what was signed before half an hour ago stays.
    fn revoking(receipts: Vec<Vec<u8>>) -> Self {
        let key = Revoked::Key { spki_sha256: LocalKey::p256(1).public().digest(), since: Some(ago(30)) };
        Self { policy: receipt_policy(""), revoked: vec![key], receipts: Ok(receipts), at: now() }
    }

    fn judge(&self) -> Judgement {
        let policy = compiled(&self.policy);
        let keys = Keys::new(&policy, |_| Err("KMS is out".into()));
        let list = signed_list(&revocations(1, &self.revoked), &revoker());
        let source = Source { place: "store".into(), answer: Ok(Some(list.as_slice())), kept: false };
        let lists = Lists::default().revoking(&policy, &keys, &[source], now());
        let keys = keys.with(lists);
        let found = self.receipts.as_ref().map(|all| {
            let found = all.iter().map(|bytes| FoundReceipt { place: "receipts".into(), bytes: bytes.clone() });
            found.collect::<Vec<_>>()
        });
        let receipts = Receipts::read(&keys, found.as_deref().map_err(|problem| (*problem).clone()));
        let facts = facts();
        let dossier = keys.examine(evidence(), facts.descriptor.digest());
        judge_with(&policy, &keys, &facts, &Gathered::Found(&dossier), &receipts, self.at)
    }

    fn outcome(&self) -> String {
        let (word, mut codes) = match self.judge().verdict {
            Verdict::Admit(_) => ("admit", Vec::new()),
            Verdict::Reject(reasons) => ("reject", reasons.as_slice().iter().map(|one| one.code()).collect()),
            Verdict::Undetermined(faults) => ("undetermined", faults.as_slice().iter().map(|one| one.code()).collect()),
        };
        codes.dedup();
        std::iter::once(word).chain(codes).collect::<Vec<_>>().join(" ")
    }
}

fn changed(change: impl FnOnce(&mut Said)) -> Said {
    let mut said = said();
    change(&mut said);
    said
}

fn signed(said: Said) -> Vec<u8> {
    signed_receipt(said, &receiver())
}

#[test]
fn a_receipt_that_is_required_must_be_there_and_pass() {
    let asked = Asked::requiring(vec![signed(said())]);
    assert_eq!(asked.outcome(), "admit");
    assert_eq!(asked.judge().until, Some(ago(60).saturating_add(SignedDuration::from_hours(24)).unwrap()));
    assert_eq!(Asked::requiring(Vec::new()).outcome(), "reject receipt-missing");
    let optional = Asked { policy: receipt_policy(""), ..Asked::requiring(Vec::new()) };
    assert_eq!(optional.outcome(), "admit");
    let unread = Asked { receipts: Err("no answer".into()), ..Asked::requiring(Vec::new()) };
    assert_eq!(unread.outcome(), "undetermined receipts-unavailable");
    let late = Asked { at: now().saturating_add(SignedDuration::from_hours(23)).unwrap(), ..asked };
    assert_eq!(late.outcome(), "reject receipt-missing", "a day after the decision it is too old");
}

#[test]
fn receipts_are_asked_for_where_one_is_required_or_a_key_was_revoked_since_an_instant() {
    let wanted = |policy: &str, revoked: &[Revoked]| {
        let policy = compiled(policy);
        let keys = Keys::new(&policy, |_| Err(String::new()));
        let list = signed_list(&revocations(1, revoked), &revoker());
        let source = Source { place: "store".into(), answer: Ok(Some(list.as_slice())), kept: false };
        let lists = Lists::default().revoking(&policy, &keys, &[source], now());
        keys.with(lists).wanted_receipts()
    };
    let key = |since| Revoked::Key { spki_sha256: LocalKey::p256(1).public().digest(), since };
    let stranger = Revoked::Key { spki_sha256: LocalKey::p256(6).public().digest(), since: Some(ago(30)) };
    let (optional, required) = (receipt_policy(""), receipt_policy(&required()));
    let newest = Some("24h".parse().unwrap());
    for (policy, revoked, expected) in [
        (&optional, vec![], None),
        (&optional, vec![key(None)], None),
        (&optional, vec![stranger], None),
        (&optional, vec![key(Some(ago(30)))], Some(WantedReceipts { older: true, newest: None })),
        (&required, vec![], Some(WantedReceipts { older: false, newest })),
        (&required, vec![key(Some(ago(30)))], Some(WantedReceipts { older: true, newest })),
        (&crate::testing::lists::listed_policy(), vec![key(Some(ago(30)))], None),
    ] {
        assert_eq!(wanted(policy, &revoked), expected, "{revoked:?}");
    }
}

#[test]
fn a_key_that_makes_no_receipts_leaves_none_of_them_unknown() {
    let other = crate::testing::policies::kms_authority("other", &LocalKey::p256(6));
    let policy = receipt_policy(&required()) + &other;
    assert_eq!(Asked { policy, ..Asked::requiring(Vec::new()) }.outcome(), "reject receipt-missing");
}

#[test]
fn a_receipt_of_something_else_is_none() {
    let other = Sha256Digest::of(b"other evidence");
    for (what, said) in [
        ("other evidence", changed(|said| said.timeless.evidence = Some(other))),
        ("no evidence", changed(|said| said.timeless.evidence = None)),
        ("another subject", changed(|said| said.timeless.subject = Some(other))),
        ("another image", changed(|said| said.timeless.image = None)),
        ("rejected", changed(|said| said.instant.verdict = "reject".into())),
        ("undetermined", changed(|said| said.instant.verdict = "undetermined".into())),
        ("let pass", changed(|said| said.instant.overridden = Some(other))),
        ("it held until a minute ago", changed(|said| said.instant.until = Some(ago(1)))),
        ("of tomorrow", said_at(now().saturating_add(SignedDuration::from_hours(24)).unwrap())),
        ("of the day before yesterday", said_at(ago(48 * 60))),
    ] {
        assert_eq!(Asked::requiring(vec![signed(said)]).outcome(), "reject receipt-missing", "{what}");
    }
    let of_policy =
        |digest: &str| receipt_policy(&required()).replace(&crate::testing::receipts::judged_by().to_string(), digest);
    let other = Asked { policy: of_policy(&"ab".repeat(32)), ..Asked::requiring(vec![signed(said())]) };
    assert_eq!(other.outcome(), "reject receipt-missing", "another policy");
    let digest = Sha256Digest::of(&statement_of(&receipt(said())));
    let withdrawn =
        Asked { revoked: vec![Revoked::Evidence { sha256: digest }], ..Asked::requiring(vec![signed(said())]) };
    assert_eq!(withdrawn.outcome(), "reject receipt-missing", "withdrawn");
}

#[test]
fn the_newest_receipt_decides() {
    let failed =
        |at| signed(Said { instant: Instant { verdict: "reject".into(), ..said_at(at).instant }, ..said_at(at) });
    let passed = |at| signed(said_at(at));
    assert_eq!(Asked::requiring(vec![failed(ago(90)), passed(ago(60))]).outcome(), "admit");
    assert_eq!(Asked::requiring(vec![passed(ago(90)), failed(ago(60))]).outcome(), "reject receipt-missing");
    for order in [[passed(ago(60)), failed(ago(60))], [failed(ago(60)), passed(ago(60))]] {
        assert_eq!(Asked::requiring(order.to_vec()).outcome(), "reject receipt-missing");
    }
}

#[test]
fn only_its_authorities_make_a_receipt() {
    for key in 1..=4 {
        let signed = signed_receipt(said(), &LocalKey::p256(key));
        assert_eq!(Asked::requiring(vec![signed]).outcome(), "reject receipt-missing", "key {key}");
    }
    let unsigned = statement_of(&receipt(said()));
    assert_eq!(Asked::requiring(vec![unsigned, b"{}".to_vec(), Vec::new()]).outcome(), "reject receipt-missing");
    let receipts = receiver().public().digest();
    let revoked = Revoked::Key { spki_sha256: receipts, since: Some(now()) };
    let asked = Asked { revoked: vec![revoked], ..Asked::requiring(vec![signed(said())]) };
    assert_eq!(asked.outcome(), "reject receipt-missing", "no receipt proves the age of another");
    let pem = crate::testing::policies::authority_table("receipts", &receiver());
    let kms = crate::testing::policies::kms_authority("receipts", &receiver());
    let out =
        Asked { policy: receipt_policy(&required()).replace(&pem, &kms), ..Asked::requiring(vec![signed(said())]) };
    assert_eq!(out.outcome(), "undetermined key-unavailable");
}

/// A receipt lists launches: its last one says how new it is, and not its first.
#[test]
fn the_newest_decision_decides_in_whatever_receipt_it_is() {
    let of = |verdict: &str, minutes: &[i64]| {
        let mut said = said_at(ago(minutes[0]));
        said.instant.verdict = verdict.into();
        let first = said.covers[0].clone();
        said.covers = minutes.iter().map(|one| Covered { at: ago(*one), ..first.clone() }).collect();
        said.instant.issued_at = ago(10);
        signed(said)
    };
    let outcome = |receipts: [Vec<u8>; 2]| Asked::requiring(receipts.to_vec()).outcome();
    assert_eq!(outcome([of("reject", &[90, 30]), of("admit", &[60])]), "reject receipt-missing");
    assert_eq!(outcome([of("admit", &[90, 30]), of("reject", &[60])]), "admit");
}

/// Even if the key of receipts could seal: what says to be a receipt is no gate result.
#[test]
fn a_receipt_in_the_evidence_is_not_the_gate() {
    let [ci, boss] = [1, 2].map(LocalKey::p256);
    let policy = compiled(&crate::testing::gated::gated_policy(&ci, &boss, ""));
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let facts = facts();
    let gated = crate::testing::gated::Gated::at(now()).clean();
    let whole = gated.evidence(&ci, &boss);
    let judged = |evidence: &[u8]| {
        let dossier = keys.examine(evidence, facts.descriptor.digest());
        judge_with(&policy, &keys, &facts, &Gathered::Found(&dossier), &Receipts::default(), now()).verdict
    };
    assert!(matches!(judged(&whole), Verdict::Admit(_)));
    // Signed by the very authority of the gate, and newer than its result.
    let forged = signed_receipt(said_at(now().saturating_add(SignedDuration::from_secs(1)).unwrap()), &ci);
    let with = [whole.as_slice(), &forged, b"\n"].concat();
    assert!(matches!(judged(&with), Verdict::Admit(_)), "it is not even looked at");
    let mut lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    lines.pop();
    let instead = [lines.concat().as_slice(), &forged, b"\n"].concat();
    let Verdict::Reject(reasons) = judged(&instead) else { panic!("no gate result is left") };
    assert!(reasons.as_slice().contains(&Reason::AttestationMissing { kind: crate::attestation::Kind::Gate }));
}

#[test]
fn what_an_earlier_receipt_proves_older_stays() {
    assert_eq!(Asked::revoking(vec![signed(said())]).outcome(), "admit");
    assert_eq!(Asked::revoking(Vec::new()).outcome(), "reject key-revoked attestation-missing");
    let without = Asked {
        policy: receipt_policy("").replace("[receipt]", "[breaker]").replace("authorities = [\"receipts\"]", ""),
        ..Asked::revoking(vec![signed(said())])
    };
    assert_eq!(without.outcome(), "reject key-revoked attestation-missing", "a policy that believes nobody");
    // A decision that did not pass saw the same signatures.
    let rejected = changed(|said| said.instant.verdict = "reject".into());
    assert_eq!(Asked::revoking(vec![signed(rejected)]).outcome(), "admit");
    let forever = Revoked::Key { spki_sha256: LocalKey::p256(1).public().digest(), since: None };
    let never = Asked { revoked: vec![forever], ..Asked::revoking(vec![signed(said())]) };
    assert_eq!(never.outcome(), "reject key-revoked attestation-missing");
    // Nobody knows what receipts would have said.
    let unasked = Asked { receipts: Err("no answer".into()), ..Asked::revoking(Vec::new()) };
    let Verdict::Reject(reasons) = unasked.judge().verdict else { panic!("the key is revoked") };
    assert_eq!(reasons.beside(), [Fault::ReceiptsUnavailable { problem: "no answer".into() }]);
}

fn said_otherwise() -> impl Strategy<Value = (Said, usize)> {
    let time = (-1_000_i64..10_000, 1_usize..=6, 0_u8..6);
    time.prop_map(|(minutes, key, what)| {
        let mut said = said_at(ago(minutes));
        match what {
            0 => said.timeless.signatures.clear(),
            1 => said.timeless.signatures.iter_mut().for_each(|one| one.statement = Sha256Digest::of(b"another")),
            2 => said.timeless.signatures.iter_mut().for_each(|one| one.key = LocalKey::p256(6).public().digest()),
            3 => said.timeless.subject = Some(Sha256Digest::of(b"another")),
            // Made early by what it says, and late by when it was made.
            4 => said.instant.at = ago(minutes.max(60)),
            _ => {}
        }
        // Whatever is right about a receipt in time, another key signs it.
        let late = said.instant.issued_at >= ago(30);
        let key = if key == 5 && what >= 4 && !late { 6 } else { key };
        (said, key)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// A receipt that is later, by another signer, or of another statement never helps.
    #[test]
    fn no_other_receipt_proves_anything((said, key) in said_otherwise()) {
        let signed = signed_receipt(said, &LocalKey::p256(key));
        prop_assert_eq!(Asked::revoking(vec![signed]).outcome(), "reject key-revoked attestation-missing");
    }
}
