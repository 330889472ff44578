//! Authorities that are KMS keys: withdrawn, changed, or not to be asked.

use super::*;
use crate::{
    attestation::join,
    testing::{
        evidence::{changed, payload, saying, signed},
        policies::{document, kms_authority},
    },
};

/// One line: `p` is the PEM authority, `k` the KMS one, `k'` over another statement, `k?` not a statement.
fn lines(signers: &str) -> Vec<u8> {
    let line = |signer: &str| {
        let key = LocalKey::p256(if signer.starts_with('p') { 1 } else { 2 });
        let payload = match signer.as_bytes().get(1) {
            None => payload(Kind::Sbom),
            Some(b'\'') => saying(Kind::Sbom, "1"),
            Some(b's') => payload(Kind::Scan),
            Some(_) => b"no statement".to_vec(),
        };
        signed(&[(&key, payload)])
    };
    signers.split_whitespace().flat_map(line).collect()
}

fn asked(listed: &[&str], threshold: usize, answer: Result<KeyAnswer, String>, evidence: Vec<u8>) -> Asked {
    let kms = kms_authority("kms", &LocalKey::p256(2));
    let policy = document(&[("pem", &LocalKey::p256(1))], &[("sbom", listed, threshold)], &kms);
    Asked { policy, kms: [("kms", answer)].into(), ..Asked::of(evidence) }
}

fn answers() -> [Result<KeyAnswer, String>; 4] {
    [
        enabled(&LocalKey::p256(2)),
        Ok(KeyAnswer::Withdrawn { state: "PendingDeletion".into() }),
        enabled(&LocalKey::p256(3)),
        Err("throttled".into()),
    ]
}

#[test]
fn a_key_that_is_not_at_hand_matters_only_where_it_makes_the_difference() {
    let (pem, kms, both): (&[&str], &[&str], &[&str]) = (&["pem"], &["kms"], &["pem", "kms"]);
    let missing = "reject attestation-missing";
    let withdrawn = "reject authority-key-withdrawn attestation-missing";
    let changed = "reject authority-key-changed attestation-missing";
    let unavailable = "undetermined key-unavailable";
    // The answers of KMS: enabled, withdrawn, another key, none.
    let table = [
        (kms, 1, "k", ["admit", withdrawn, changed, unavailable]),
        // Nothing in the evidence bears its hint: no answer could change that.
        (kms, 1, "", [missing, withdrawn, changed, missing]),
        (kms, 1, "p", [missing, withdrawn, changed, missing]),
        (kms, 1, "ks", [missing, withdrawn, changed, missing]),
        // An authority that is not asked for it has no part in what is missing.
        (pem, 1, "", [missing; 4]),
        (pem, 1, "k", [missing; 4]),
        (both, 1, "p", ["admit"; 4]),
        (both, 1, "p k", ["admit"; 4]),
        (both, 1, "p ks", ["admit"; 4]),
        (both, 1, "k", ["admit", withdrawn, changed, unavailable]),
        (
            both,
            2,
            "p k",
            [
                "admit",
                "reject authority-key-withdrawn attestation-under-threshold",
                "reject authority-key-changed attestation-under-threshold",
                unavailable,
            ],
        ),
        (
            both,
            2,
            "p",
            [
                "reject attestation-under-threshold",
                "reject authority-key-withdrawn attestation-under-threshold",
                "reject authority-key-changed attestation-under-threshold",
                "reject attestation-under-threshold",
            ],
        ),
        // What it may have signed would contradict the other: an outage must not admit what an answer would reject.
        (both, 1, "p k'", ["reject attestation-ambiguous", "admit", "admit", unavailable]),
        (both, 1, "p k'", ["reject attestation-ambiguous", "admit", "admit", unavailable]),
        (
            both,
            2,
            "p k'",
            [
                "reject attestation-ambiguous",
                "reject authority-key-withdrawn attestation-under-threshold",
                "reject authority-key-changed attestation-under-threshold",
                "reject attestation-under-threshold",
            ],
        ),
        // What it may have signed would make all unreadable.
        (both, 1, "p k?", ["reject json-malformed", "admit", "admit", unavailable]),
        // Not listed for this kind: it may contradict as it likes, but not be unreadable.
        (&["pem"], 1, "p k'", ["admit"; 4]),
        (&["pem"], 1, "p k?", ["reject json-malformed", "admit", "admit", unavailable]),
    ];
    for (listed, threshold, signers, expected) in table {
        for (answer, expected) in answers().into_iter().zip(expected) {
            let what = format!("{threshold} of {listed:?}, signed by {signers:?}, KMS says {answer:?}");
            let mut outcome = asked(listed, threshold, answer, lines(signers)).outcome();
            // A line that nobody known signed is listed beside what is missing.
            outcome = outcome.replace(" signer-unknown", "");
            assert_eq!(outcome, expected, "{what}");
        }
    }
}

#[test]
fn an_answer_never_turns_an_admission_without_it_into_a_rejection() {
    let known = answers();
    for signers in ["p", "k", "p k", "p k'", "p' k", "p k?", "p ks", "k k'", "p p'"] {
        for (listed, threshold) in [(["pem", "kms"].as_slice(), 1), (&["pem", "kms"], 2), (&["pem"], 1), (&["kms"], 1)]
        {
            let without = asked(listed, threshold, Err("throttled".into()), lines(signers)).outcome();
            for answer in &known[..3] {
                let with = asked(listed, threshold, answer.clone(), lines(signers)).outcome();
                let word = |text: &str| text.split(' ').next().unwrap().to_owned();
                let (without, with) = (word(&without), word(&with));
                assert!(
                    without == with || without == "undetermined",
                    "{threshold} of {listed:?} by {signers}: {without} without KMS, {with} with {answer:?}"
                );
            }
        }
    }
}

#[test]
fn a_line_without_a_hint_may_be_anybodys() {
    let key = LocalKey::p256(2);
    let bare = changed(&key.bundle(payload(Kind::Sbom)), &key.public().hint(), "");
    for (answer, expected) in answers().into_iter().zip(["admit", "reject", "reject", "undetermined"]) {
        let outcome = asked(&["kms"], 1, answer, bare.clone()).outcome();
        assert!(outcome.starts_with(expected), "{outcome}");
    }
    let pem = LocalKey::p256(1);
    let known = changed(&pem.bundle(saying(Kind::Sbom, "1")), &pem.public().hint(), "");
    let evidence = join([pem.bundle(saying(Kind::Sbom, "1")).as_slice(), &known]);
    assert_eq!(asked(&["pem", "kms"], 1, Err("throttled".into()), evidence).outcome(), "admit");
    let outcome = asked(&["kms"], 1, Err("throttled".into()), known).outcome();
    assert_eq!(outcome, "reject attestation-missing", "it is known whose it is");
}

#[test]
fn malformed_evidence_is_rejected_even_when_no_key_is_at_hand() {
    for answer in answers() {
        assert_eq!(asked(&["kms"], 1, answer, b"x".to_vec()).outcome(), "reject json-malformed");
    }
    let kms = kms_authority("kms", &LocalKey::p256(2));
    let policy = document(&[], &[("sbom", &["kms"], 1)], &kms);
    for answer in answers() {
        let asked = Asked { policy: policy.clone(), kms: [("kms", answer)].into(), ..Asked::of(b"x".to_vec()) };
        assert_eq!(asked.outcome(), "reject json-malformed");
    }
}

#[test]
fn an_answer_that_is_no_key_of_the_policys_scheme_is_no_answer() {
    let ci = LocalKey::p256(2);
    let policy = asked(&["kms"], 1, enabled(&ci), Vec::new()).policy.replace("p256-sha256", "p384-sha384");
    let asked = Asked { policy, kms: [("kms", enabled(&ci))].into(), ..Asked::of(lines("k")) };
    assert_eq!(asked.outcome(), "undetermined key-unavailable");
}
