//! Of what is admitted, no bit may be another: evidence, key, descriptor and policy.

use super::*;
use crate::{
    image::Descriptor,
    testing::{
        evidence::{changed, sealed},
        images::descriptor,
        policies::{compiled, minimal},
    },
    trust::{Authority, PublicKey, TrustRoot, believe},
};

/// Calls `what` with every version of `bytes` that differs in one bit.
fn every_flip(bytes: &[u8], mut what: impl FnMut(usize, &[u8])) {
    let mut flipped = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        flipped[bit / 8] ^= 1 << (bit % 8);
        what(bit, &flipped);
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
}

/// The minimal case, compiled once.
struct Minimal {
    policy: Policy,
    keys: Keys,
    facts: ImageFacts,
    evidence: Vec<u8>,
}

impl Minimal {
    fn new() -> Self {
        let ci = LocalKey::p256(1);
        let policy = compiled(&minimal(&ci));
        let keys = Keys::new(&policy, |_| Err(String::new()));
        Self { policy, keys, facts: facts(), evidence: sealed(&ci) }
    }

    fn judge(&self, evidence: &[u8]) -> Judgement {
        judge_bytes(&self.policy, &self.keys, &self.facts, evidence, at(NOW))
    }

    fn admits(&self, evidence: &[u8]) -> bool {
        matches!(self.judge(evidence).verdict, Verdict::Admit(_))
    }
}

#[test]
fn no_bit_of_the_evidence_can_be_another() {
    let minimal = Minimal::new();
    assert!(minimal.admits(&minimal.evidence));
    let mut tried = 0;
    every_flip(&minimal.evidence, |bit, flipped| {
        tried += 1;
        assert!(!minimal.admits(flipped), "bit {} of byte {}: {}", bit % 8, bit / 8, String::from_utf8_lossy(flipped));
    });
    assert!(tried > 10_000, "{tried}");
}

#[test]
fn no_bit_of_the_descriptor_can_be_another() {
    let minimal = Minimal::new();
    every_flip(descriptor().bytes(), |bit, flipped| {
        let Ok(descriptor) = Descriptor::parse(flipped) else { return };
        let facts = ImageFacts { descriptor, state: None, tags: Tags::default() };
        let judgement = judge_bytes(&minimal.policy, &minimal.keys, &facts, &minimal.evidence, at(NOW));
        assert!(!matches!(judgement.verdict, Verdict::Admit(_)), "bit {bit}");
    });
}

/// Judges with a key that was read from other bytes.
fn admitted_by(key: PublicKey, evidence: &[u8]) -> bool {
    let authority = Authority { key: key.into(), ..crate::testing::keys::authority("ci", &LocalKey::p256(1)) };
    let root = TrustRoot::new(vec![authority]).unwrap();
    let believed = believe(&root, evidence, descriptor().digest(), at(NOW));
    believed.is_ok_and(|believed| believed.verified.len() == 3)
}

#[test]
fn no_bit_of_the_key_can_be_another() {
    let minimal = Minimal::new();
    let ci = LocalKey::p256(1);
    let mut bare = minimal.evidence.clone();
    for _ in 0..3 {
        bare = changed(&bare, &ci.public().hint(), "");
    }
    assert!(admitted_by(ci.public(), &minimal.evidence) && admitted_by(ci.public(), &bare));
    every_flip(ci.pem().as_bytes(), |bit, flipped| {
        let Ok(text) = std::str::from_utf8(flipped) else { return };
        let Ok(key) = PublicKey::from_pem(text, None) else { return };
        assert!(!admitted_by(key, &minimal.evidence), "bit {bit}: {text}");
    });
    every_flip(ci.public().spki(), |bit, flipped| {
        let Ok(key) = PublicKey::from_spki(flipped, None) else { return };
        assert!(!admitted_by(key, &bare), "bit {bit}, and no hint to tell");
    });
}

#[test]
fn no_bit_of_a_minimal_policy_can_be_another() {
    let case = Minimal::new();
    let text = minimal(&LocalKey::p256(1));
    every_flip(text.as_bytes(), |bit, flipped| {
        let Ok(text) = std::str::from_utf8(flipped) else { return };
        let Ok(policy) = compile("policy.toml", text, &BTreeMap::new()) else { return };
        let keys = Keys::new(&policy, |_| Err(String::new()));
        let judgement = judge_bytes(&policy, &keys, &case.facts, &case.evidence, at(NOW));
        assert!(!matches!(judgement.verdict, Verdict::Admit(_)), "bit {bit}: {text}");
    });
}

#[test]
fn no_part_of_the_evidence_is_enough() {
    let minimal = Minimal::new();
    for length in 0..minimal.evidence.len() - 1 {
        assert!(!minimal.admits(&minimal.evidence[..length]), "cut at {length}");
        assert!(!minimal.admits(&minimal.evidence[length + 1..]), "from {length}");
    }
    assert!(minimal.admits(&minimal.evidence[..minimal.evidence.len() - 1]), "the last line end is optional");
}

#[test]
fn neither_order_nor_repetition_of_lines_changes_the_verdict() {
    let minimal = Minimal::new();
    let lines: Vec<&[u8]> = minimal.evidence.split_inclusive(|&byte| byte == b'\n').collect();
    let expected = minimal.judge(&minimal.evidence).verdict;
    let stranger = sealed(&LocalKey::p256(3));
    for a in 0..3 {
        for b in 0..3 {
            for c in 0..3 {
                let order = [lines[a], lines[b], lines[c]].concat();
                let whole = a != b && b != c && a != c;
                assert_eq!(minimal.admits(&order), whole, "{a} {b} {c}");
                for more in [&order, &minimal.evidence, &stranger] {
                    let verdict = minimal.judge(&[order.as_slice(), more, &minimal.evidence].concat()).verdict;
                    assert_eq!(verdict, expected, "{a} {b} {c}");
                }
            }
        }
    }
}
