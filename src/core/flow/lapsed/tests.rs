use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    attestation::Kind,
    gate::Shortfall,
    policy::Keys,
    testing::{
        evidence::changed,
        gated::{Gated, gated_policy},
        images::facts,
        keys::LocalKey,
        policies::compiled,
    },
    verdict::Fault,
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn day(number: i32) -> Timestamp {
    start().saturating_add(DAY * number).unwrap()
}

/// A policy, and evidence of approval, provenance, SBOM and gate: the exception ends after five days, the scan with it, and
/// `ci`, who signed all but the approval, where it says so.
fn world(window: Option<i32>) -> (Policy, Vec<u8>) {
    let (ci, boss) = (LocalKey::p256(1), LocalKey::p256(2));
    let mut document = gated_policy(&ci, &boss, "");
    if let Some(end) = window {
        let named = "name = \"ci\"\n";
        document = document.replacen(named, &format!("{named}valid_until = {}\n", day(end)), 1);
    }
    (compiled(&document), Gated::at(start()).excepting(day(5)).evidence(&ci, &boss))
}

fn case(policy: &Policy, evidence: &[u8]) -> Case {
    let keys = Arc::new(Keys::new(policy, |_| Err("nobody asks KMS".to_owned())));
    Case::of(facts(), evidence, "somewhere", &keys)
}

fn lapsed(policy: &Policy, evidence: &[u8], now: Timestamp, more: &[Reason]) -> Option<Timestamp> {
    let case = case(policy, evidence);
    let mut judgement = case.judge(policy, now);
    judgement.verdict = judgement.verdict.and(more.to_vec(), Vec::new());
    case.lapsed(policy, &judgement, now)
}

/// The evidence with a line left out, signed by nobody, or said by somebody else.
fn spoilt(evidence: &[u8], line: usize, how: usize) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = evidence.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = line % lines.len();
    match how {
        0 => drop(lines.remove(at)),
        1 => lines[at] = changed(&lines[at], "\"payload\":\"e", "\"payload\":\"f"),
        _ => lines[at] = changed(&lines[at], "\"sig\":\"M", "\"sig\":\"N"),
    }
    lines.concat()
}

#[test]
fn what_held_until_an_end_has_lapsed_since() {
    for (window, now, expected) in [
        (None, 4, None),
        (None, 5, Some(5)),
        (None, 400, Some(5)),
        (Some(3), 4, Some(3)),
        // The gate cannot be read any more, and would be over too: each hides the other.
        (Some(3), 400, Some(3)),
        (Some(8), 400, Some(5)),
    ] {
        let (policy, evidence) = world(window);
        assert_eq!(lapsed(&policy, &evidence, day(now), &[]), expected.map(day), "{window:?} {now}");
    }
}

#[test]
fn what_never_held_has_not_lapsed() {
    let (policy, evidence) = world(None);
    let unsigned = changed(&evidence, "\"sig\":\"M", "\"sig\":\"N");
    for never in [&unsigned[..], b"", b"{}\n"] {
        assert_eq!(lapsed(&policy, never, day(400), &[]), None);
    }
    // The window of its signer was over before the gate passed.
    let (policy, evidence) = world(Some(-1));
    assert_eq!(lapsed(&policy, &evidence, day(400), &[]), None);
}

#[test]
fn by_a_clock_that_is_in_doubt_nothing_has_lapsed() {
    let (policy, evidence) = world(None);
    let case = case(&policy, &evidence);
    let mut judgement = case.judge(&policy, day(400));
    assert_eq!(case.lapsed(&policy, &judgement, day(400)), Some(day(5)));
    judgement.clock = Some(Fault::ClockBeforeSignedTime { now: day(400), signed: day(401) });
    assert_eq!(case.lapsed(&policy, &judgement, day(400)), None);
}

fn added() -> Vec<Reason> {
    let discounted = |discount| Reason::EvidenceDiscounted { line: 1, discount };
    vec![
        Reason::AttestationMissing { kind: Kind::Tests },
        Reason::AttestationUnderThreshold { kind: Kind::Sbom, found: 1, needed: 2 },
        Reason::AttestationAmbiguous { kind: Kind::Sbom, found: 2 },
        Reason::EvidenceAbsent { place: String::new() },
        Reason::GateNotPassed { result: String::new() },
        Reason::GateShort { shortfall: Shortfall::SbomEmpty },
        discounted(Discount::SignatureInvalid { authority: "ci".parse().unwrap() }),
        discounted(Discount::SignerUnknown),
        discounted(Discount::AuthorityExpired { authority: "ci".parse().unwrap(), until: start() }),
        Reason::IdentityMismatch { what: "owner", document: String::new(), descriptor: String::new() },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_reason_from_elsewhere_is_never_one_of_time(
        more in prop::sample::subsequence(added(), 1..4),
        window in prop_oneof![Just(None), (1..10).prop_map(Some)],
    ) {
        let (policy, evidence) = world(window);
        prop_assert!(lapsed(&policy, &evidence, day(400), &[]).is_some());
        prop_assert_eq!(lapsed(&policy, &evidence, day(400), &more), None);
    }

    #[test]
    fn what_is_spoilt_lapses_only_where_it_would_have_been_good(
        spoils in prop::collection::vec((0..4_usize, 0..3_usize), 1..3),
        window in prop_oneof![Just(None), (1..10).prop_map(Some)],
        now in prop_oneof![5..10, Just(400)],
    ) {
        let (policy, evidence) = world(window);
        let (line, how) = spoils[0];
        let spoilt = spoilt(&evidence, line, how);
        let good = matches!(case(&policy, &spoilt).judge(&policy, start()).verdict, Verdict::Admit(_));
        prop_assert!(!good, "each line is needed");
        prop_assert_eq!(lapsed(&policy, &spoilt, day(now), &[]), None);
    }
}
