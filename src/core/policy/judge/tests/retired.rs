//! Authorities that retire: what is older goes on counting, and nothing newer ever counts.

use super::*;
use crate::{
    testing::{
        evidence::{payload, signed},
        gated::{Gated, gated_policy},
        log::FakeLog,
    },
    trust::Discount,
};

const HOUR: i64 = 3600;

/// A policy with a gate, of which `who` retires at an instant.
fn policy(who: &str, retired: i64) -> String {
    let policy = gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), "");
    retiring(&policy, who, retired)
}

fn retiring(policy: &str, who: &str, retired: i64) -> String {
    let name = format!("name = \"{who}\"\n");
    assert!(policy.contains(&name), "{who}");
    policy.replacen(&name, &format!("{name}retired = {}\n", at(retired)), 1)
}

fn gated(second: i64) -> Vec<u8> {
    Gated::at(at(second)).evidence(&LocalKey::p256(1), &LocalKey::p256(2))
}

fn judged(policy: String, evidence: Vec<u8>, now: i64) -> Judgement {
    Asked { policy, now: at(now), ..Asked::of(evidence) }.judge()
}

#[test]
fn what_a_gate_result_from_before_the_retirement_names_goes_on_counting() {
    for who in ["ci", "boss"] {
        let judgement = judged(policy(who, NOW + HOUR), gated(NOW), NOW + 9 * HOUR);
        assert_eq!(outcome(&judgement), "admit", "{who}");
        assert!(judgement.until > Some(at(NOW + 9 * HOUR)), "its retirement is no end of an admission");
        assert_eq!(judgement.checked.iter().map(|one| one.line).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
}

#[test]
fn a_gate_result_at_the_retirement_or_after_does_not_count_nor_does_what_it_names() {
    for (who, missing) in [("ci", 3), ("boss", 1)] {
        for signed in [NOW, NOW + 1] {
            let judgement = judged(policy(who, NOW), gated(signed), NOW + HOUR);
            assert_eq!(outcome(&judgement), "reject authority-retired attestation-missing", "{who}");
            let retired = |one: &&Discounted| matches!(one.discount, Discount::AuthorityRetired { .. });
            assert_eq!(judgement.discounted.iter().filter(retired).count(), missing);
        }
    }
}

#[test]
fn a_newer_gate_result_of_a_retired_key_does_not_hide_the_older_one() {
    let both = [gated(NOW), gated(NOW + 2 * HOUR)].concat();
    let judgement = judged(policy("ci", NOW + HOUR), both, NOW + 3 * HOUR);
    assert_eq!((outcome(&judgement).as_str(), judgement.gate.map(|gate| gate.at())), ("admit", Some(at(NOW))));
}

#[test]
fn a_new_key_does_not_vouch_for_what_the_old_one_signs_after_it_retired() {
    let (old, new, boss) = (LocalKey::p256(1), LocalKey::p256(3), LocalKey::p256(2));
    let policy = gated_policy(&old, &boss, &policies::authority_table("new", &new));
    let policy = retiring(&policy, "ci", NOW).replace("authorities = [\"ci\"]", "authorities = [\"ci\", \"new\"]");
    for (second, expected) in [(NOW - 1, "admit"), (NOW, "reject authority-retired attestation-missing")] {
        let gated = Gated::at(at(second)).clean();
        let lines = [Kind::Provenance, Kind::Sbom].map(|kind| (&old, payload(kind)));
        let named: Vec<_> = lines.iter().map(|(_, payload)| Sha256Digest::of(payload)).collect();
        let evidence = signed(&[lines.as_slice(), &[(&new, gated.payload(&named))]].concat());
        assert_eq!(outcome(&judged(policy.clone(), evidence, NOW + HOUR)), expected, "{second}");
    }
}

#[test]
fn what_no_gate_result_names_is_of_no_known_age() {
    let more = signed(&[(&LocalKey::p256(1), payload(Kind::Tests))]);
    let judgement = judged(policy("ci", NOW + HOUR), [gated(NOW), more].concat(), NOW + 2 * HOUR);
    assert_eq!(outcome(&judgement), "admit");
    assert_eq!(judgement.discounted.iter().map(|one| one.discount.code()).collect::<Vec<_>>(), ["authority-retired"]);
    assert!(judgement.discounted.iter().all(|one| one.discount.to_string().contains("nothing that counts says")));
}

#[test]
fn without_a_gate_a_signature_counts_until_the_retirement_and_a_witnessed_one_goes_on() {
    let ci = LocalKey::p256(1);
    let minimal = policies::minimal(&ci);
    let unwitnessed = |now| judged(retiring(&minimal, "ci", NOW), sealed(&ci), now);
    let before = unwitnessed(NOW - 1);
    assert_eq!((outcome(&before).as_str(), before.until), ("admit", Some(at(NOW))));
    assert_eq!(outcome(&unwitnessed(NOW)), "reject authority-retired attestation-missing");

    let log = FakeLog::new(3);
    let line = ci.bundle(payload(Kind::Sbom));
    let witness = "witness = [\"log\"]\ntrusted_root = \"root.json\"\n";
    let text = policies::document(&[("ci", &ci)], &[("sbom", &["ci"], 1)], "");
    // No log is believed that has seen what is to come.
    let gone = 1_700_000_000;
    let text = retiring(&text, "ci", gone).replacen("retired", &format!("{witness}retired"), 1);
    let files = [("root.json".to_owned(), Ok(log.trusted_root()))].into();
    let policy = compile("policy.toml", &text, &files).unwrap();
    let keys = Keys::new(&policy, |_| Err(String::new()));
    for (seen, expected) in [(gone - 1, "admit"), (gone, "reject authority-retired attestation-missing")] {
        let judgement = judge_bytes(&policy, &keys, &facts(), &log.seen(&line, &ci, seen), at(NOW + HOUR));
        assert_eq!((outcome(&judgement).as_str(), judgement.until), (expected, None), "{seen}");
    }
}

proptest::proptest! {
    /// Whenever it is judged: of whom retires, a gate result counts if it is older, and never if it is not.
    #[test]
    fn a_gate_result_counts_if_and_only_if_it_is_older_than_the_retirement(
        signed in 0..1000i64, retired in 0..1000i64, later in 0..1000i64, boss in proptest::bool::ANY,
    ) {
        let who = if boss { "boss" } else { "ci" };
        let judgement = judged(policy(who, NOW + retired), gated(NOW + signed), NOW + signed + later);
        let admitted = matches!(judgement.verdict, Verdict::Admit(_));
        proptest::prop_assert_eq!(admitted, signed < retired, "{}", outcome(&judgement));
    }

    /// Of two gate results, in any order, what is decided is what the older one alone would have decided.
    #[test]
    fn what_is_too_new_is_as_if_it_were_not_there(older in 0..500i64, newer in 0..500i64, swapped in proptest::bool::ANY) {
        let (old, new) = (gated(NOW + older), gated(NOW + 500 + newer));
        let both = if swapped { [new, old].concat() } else { [old, new].concat() };
        let judgement = judged(policy("ci", NOW + 500), both, NOW + 2000);
        proptest::prop_assert_eq!(outcome(&judgement), "admit");
        proptest::prop_assert_eq!(judgement.gate.map(|gate| gate.at()), Some(at(NOW + older)));
    }
}
