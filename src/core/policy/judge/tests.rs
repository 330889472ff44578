mod every_code;
mod flips;
mod gated;
mod requirements;
mod retired;
mod sealed;
mod setbacks;

use std::collections::BTreeMap;

use super::*;
use crate::{
    image::Tags,
    policy::compile,
    testing::{evidence::sealed, images::facts, keys::LocalKey, policies},
    trust::KeyAnswer,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Well after the build of the image, and after every signature.
const NOW: i64 = 1_800_000_000;

/// A case. Signatures are new in every one: a key of P-256 signs no message twice alike.
///
/// It is a policy, what KMS answers by authority, the image, its evidence, the time.
#[derive(Clone)]
struct Asked {
    policy: String,
    kms: BTreeMap<&'static str, Result<KeyAnswer, String>>,
    facts: ImageFacts,
    evidence: Vec<u8>,
    now: Timestamp,
}

impl Asked {
    /// The minimal policy, met.
    fn admitted() -> Self {
        let ci = LocalKey::p256(1);
        Self { policy: policies::minimal(&ci), ..Self::of(sealed(&ci)) }
    }

    fn of(evidence: Vec<u8>) -> Self {
        Self { policy: String::new(), kms: BTreeMap::new(), facts: facts(), evidence, now: at(NOW) }
    }

    fn judge(&self) -> Judgement {
        let policy = policies::compiled(&self.policy);
        let keys = Keys::new(&policy, |name| self.kms[name.as_str()].clone());
        judge_bytes(&policy, &keys, &self.facts, &self.evidence, self.now)
    }

    fn judge_gathered(&self, gathered: &Gathered<'_>) -> Judgement {
        let policy = policies::compiled(&self.policy);
        let keys = Keys::new(&policy, |name| self.kms[name.as_str()].clone());
        judge(&policy, &keys, &self.facts, gathered, self.now)
    }

    fn tagged(mut self, tags: &[(&str, &str)]) -> Self {
        self.facts.tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self
    }

    /// The verdict and its codes, in one line.
    fn outcome(&self) -> String {
        outcome(&self.judge())
    }
}

/// Judges evidence that was examined with the same keys.
fn judge_bytes(policy: &Policy, keys: &Keys, facts: &ImageFacts, evidence: &[u8], now: Timestamp) -> Judgement {
    judge(policy, keys, facts, &Gathered::Found(&keys.examine(evidence, facts.descriptor.digest())), now)
}

fn outcome(judgement: &Judgement) -> String {
    let (word, mut codes): (&str, Vec<&str>) = match &judgement.verdict {
        Verdict::Admit(_) => ("admit", Vec::new()),
        Verdict::Reject(reasons) => ("reject", reasons.as_slice().iter().map(Reason::code).collect()),
        Verdict::Undetermined(faults) => ("undetermined", faults.as_slice().iter().map(Fault::code).collect()),
    };
    codes.dedup();
    std::iter::once(word).chain(codes).collect::<Vec<_>>().join(" ")
}

fn enabled(key: &LocalKey) -> Result<KeyAnswer, String> {
    Ok(KeyAnswer::Enabled { spki: key.public().spki().to_vec() })
}

#[test]
fn what_meets_the_policy_is_admitted_and_says_on_what_grounds() {
    let judgement = Asked::admitted().judge();
    let Verdict::Admit(grounds) = &judgement.verdict else { panic!("{judgement:?}") };
    let kinds: Vec<Kind> = grounds.as_slice().iter().map(|ground| ground.kind).collect();
    assert_eq!(kinds, [Kind::Provenance, Kind::Sbom, Kind::Scan]);
    assert!(grounds.as_slice().iter().all(|ground| ground.by.len() == 1 && ground.by[0].as_str() == "ci"));
    assert!(judgement.checked.iter().all(|one| one.required));
    assert_eq!((judgement.until, judgement.discounted.len(), judgement.checked.len()), (None, 0, 3));
}

#[test]
fn every_reason_is_collected_and_sorted() {
    let mut asked = Asked::admitted().tagged(&[(EVIDENCE_TAG, "x")]);
    asked.policy += "[identity]\nowners = [\"999999999999\"]\nregions = [\"us-east-1\"]\n";
    asked.evidence = Vec::new();
    assert_eq!(
        asked.outcome(),
        "reject owner-not-accepted region-not-accepted attestation-missing tag-mismatch",
        "three kinds are missing, under one code"
    );
}

#[test]
fn a_reason_beats_every_fault() {
    let gathered = Gathered::Unavailable { problem: "throttled".into() };
    let mut asked = Asked::admitted();
    assert_eq!(outcome(&asked.judge_gathered(&gathered)), "undetermined evidence-unavailable");
    asked.policy += "[identity]\nowners = [\"999999999999\"]\n";
    assert_eq!(outcome(&asked.judge_gathered(&gathered)), "reject owner-not-accepted");
}

#[test]
fn owners_and_regions_of_the_policy_accept_what_they_name() {
    let mut asked = Asked::admitted();
    asked.policy += "[identity]\nowners = [\"999999999999\", \"123456789012\"]\nregions = [\"eu-west-1\"]\n";
    assert_eq!(asked.outcome(), "admit");
}

#[test]
fn lines_that_count_for_nothing_are_causes_only_where_something_is_missing() {
    let (ci, stranger) = (LocalKey::p256(1), LocalKey::p256(3));
    let mut asked = Asked::admitted();
    asked.evidence = [sealed(&stranger), sealed(&ci)].concat();
    let judgement = asked.judge();
    assert_eq!((outcome(&judgement).as_str(), judgement.discounted.len()), ("admit", 3));
    asked.evidence = sealed(&stranger);
    assert_eq!(asked.outcome(), "reject signer-unknown attestation-missing");
}

#[test]
fn a_policy_of_no_rules_admits_nothing() {
    let compiled = policies::compiled(&Asked::admitted().policy);
    let empty = Policy { requirements: Vec::new(), ..compiled };
    let keys = Keys::new(&empty, |_| Err(String::new()));
    let judgement = judge_bytes(&empty, &keys, &facts(), &sealed(&LocalKey::p256(1)), at(NOW));
    assert_eq!(outcome(&judgement), "undetermined internal");
}

#[test]
fn statements_that_nobody_requires_are_listed_and_change_nothing() {
    let ci = LocalKey::p256(1);
    let mut asked = Asked::admitted();
    let more = [Kind::Tests, Kind::Approval].map(|kind| (&ci, crate::testing::evidence::payload(kind)));
    asked.evidence.extend(crate::testing::evidence::signed(&more));
    let judgement = asked.judge();
    assert_eq!(outcome(&judgement), "admit");
    let required: Vec<bool> = judgement.checked.iter().map(|one| one.required).collect();
    assert_eq!(required, [true, true, true, false, false]);
}

#[test]
fn evidence_that_was_examined_for_something_else_decides_nothing() {
    let (ours, others) = (facts(), crate::testing::images::other_facts());
    let keys_of = |policy: &Policy| Keys::new(policy, |_| Err(String::new()));
    let policy = policies::compiled(&Asked::admitted().policy);
    let stricter = policies::compiled(&policies::minimal(&LocalKey::p256(2)));
    let (keys, other_keys) = (keys_of(&policy), keys_of(&stricter));
    let dossier = keys.examine(sealed(&LocalKey::p256(1)), ours.descriptor.digest());
    for (policy, keys, facts, expected) in [
        (&policy, &keys, &ours, "admit"),
        (&policy, &keys, &others, "undetermined internal"),
        (&stricter, &other_keys, &ours, "undetermined internal"),
        (&policy, &other_keys, &ours, "undetermined internal"),
    ] {
        assert_eq!(outcome(&judge(policy, keys, facts, &Gathered::Found(&dossier), at(NOW))), expected);
    }
}
