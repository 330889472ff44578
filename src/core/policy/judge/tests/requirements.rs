//! k of n: none, one, some, all; twice; two statements; strangers.

use super::*;
use crate::testing::{
    evidence::{payload, saying, signed},
    policies::document,
};

/// Who signs what: `1` is authority 1 over the usual statement, `1'` over another of the same kind.
fn lines(signers: &str) -> Vec<u8> {
    let line = |signer: &str| {
        let number = signer[..1].parse().unwrap();
        let payload = if signer.ends_with('\'') { saying(Kind::Sbom, "1") } else { payload(Kind::Sbom) };
        signed(&[(&LocalKey::p256(number), payload)])
    };
    signers.split_whitespace().flat_map(line).collect()
}

/// A policy with authorities 1, 2 and 3, of which `listed` sign SBOMs.
fn policy(listed: &[&str], threshold: usize) -> String {
    let keys = [1, 2, 3].map(LocalKey::p256);
    document(&[("a1", &keys[0]), ("a2", &keys[1]), ("a3", &keys[2])], &[("sbom", listed, threshold)], "")
}

#[test]
fn enough_of_the_listed_authorities_must_have_signed_one_statement() {
    let [one, two, three]: [&[&str]; 3] = [&["a1"], &["a1", "a2"], &["a1", "a2", "a3"]];
    let table = [
        // 1 of 1
        (one, 1, "", "reject attestation-missing"),
        (one, 1, "1", "admit"),
        (one, 1, "2", "reject attestation-missing"),
        (one, 1, "1 2 3", "admit"),
        // 1 of 2
        (two, 1, "", "reject attestation-missing"),
        (two, 1, "1", "admit"),
        (two, 1, "2", "admit"),
        (two, 1, "1 2", "admit"),
        (two, 1, "3", "reject attestation-missing"),
        // 2 of 2
        (two, 2, "", "reject attestation-missing"),
        (two, 2, "1", "reject attestation-under-threshold"),
        (two, 2, "2", "reject attestation-under-threshold"),
        (two, 2, "1 2", "admit"),
        (two, 2, "2 1", "admit"),
        (two, 2, "1 3", "reject attestation-under-threshold"),
        // 2 of 3
        (three, 2, "3", "reject attestation-under-threshold"),
        (three, 2, "1 3", "admit"),
        (three, 2, "2 3", "admit"),
        (three, 2, "1 2 3", "admit"),
        // An authority counts once.
        (two, 2, "1 1", "reject attestation-under-threshold"),
        (two, 2, "1 1 1 2", "admit"),
        (one, 1, "1 1", "admit"),
        // Two statements of one kind.
        (one, 1, "1 1'", "reject attestation-ambiguous"),
        (two, 1, "1 2'", "reject attestation-ambiguous"),
        (two, 2, "1 2'", "reject attestation-ambiguous"),
        (two, 2, "1 2 2'", "reject attestation-ambiguous"),
        (three, 2, "1 2 3'", "reject attestation-ambiguous"),
        // An authority that is not listed for the kind neither counts nor disturbs.
        (one, 1, "1 2'", "admit"),
        (one, 1, "2' 1 3'", "admit"),
        (two, 2, "1 2 3'", "admit"),
        (two, 2, "1 3 3'", "reject attestation-under-threshold"),
    ];
    for (listed, threshold, signers, expected) in table {
        let asked = Asked { policy: policy(listed, threshold), ..Asked::of(lines(signers)) };
        assert_eq!(asked.outcome(), expected, "{threshold} of {listed:?}, signed by {signers:?}");
    }
}

#[test]
fn each_kind_is_asked_for_on_its_own() {
    let ci = LocalKey::p256(1);
    for kinds in [[Kind::Provenance, Kind::Sbom], [Kind::Sbom, Kind::Scan], [Kind::Provenance, Kind::Scan]] {
        let evidence = signed(&kinds.map(|kind| (&ci, payload(kind))));
        let asked = Asked { evidence, ..Asked::admitted() };
        assert_eq!(asked.outcome(), "reject attestation-missing");
        let Verdict::Reject(reasons) = asked.judge().verdict else { panic!("rejected") };
        let [Reason::AttestationMissing { kind }] = reasons.as_slice() else { panic!("{reasons:?}") };
        assert!(!kinds.contains(kind));
    }
}

#[test]
fn a_predicate_type_that_nobody_knows_is_no_statement_of_any_kind() {
    let ci = LocalKey::p256(1);
    let unknown = crate::testing::evidence::statement(facts().descriptor.digest(), "https://x.example/sbom", "{}");
    let asked = Asked { policy: policy(&["a1"], 1), ..Asked::of(signed(&[(&ci, unknown)])) };
    let judgement = asked.judge();
    assert_eq!(outcome(&judgement), "reject attestation-missing");
    assert_eq!((judgement.checked[0].kind, judgement.checked[0].required), (None, false));
}

#[test]
fn the_grounds_name_everybody_who_signed() {
    let judgement = Asked { policy: policy(&["a1", "a2", "a3"], 2), ..Asked::of(lines("3 1 2 3")) }.judge();
    let Verdict::Admit(grounds) = judgement.verdict else { panic!("admitted") };
    let names: Vec<&str> = grounds.as_slice()[0].by.iter().map(AuthorityName::as_str).collect();
    assert_eq!(names, ["a1", "a2", "a3"]);
}

fn until(ends: [Option<&str>; 2], signers: &str, now: i64) -> (String, Option<Timestamp>) {
    let mut policy = policy(&["a1", "a2"], 1);
    for (name, end) in ["a1", "a2"].into_iter().zip(ends) {
        let line = format!("name = \"{name}\"\n");
        let end = end.map(|end| format!("valid_until = {end}\n")).unwrap_or_default();
        policy = policy.replace(&line, &format!("{line}{end}"));
    }
    let judgement = Asked { policy, now: at(now), ..Asked::of(lines(signers)) }.judge();
    (outcome(&judgement), judgement.until)
}

#[test]
fn an_admission_holds_until_the_earliest_end_of_what_counted() {
    let (early, late) = ("2030-01-01T00:00:00Z", "2040-01-01T00:00:00Z");
    let instant = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    for (ends, signers, expected) in [
        ([None, None], "1 2", None),
        ([Some(early), None], "1", instant(early)),
        ([Some(early), None], "2", None),
        ([Some(early), Some(late)], "1 2", instant(early)),
        ([Some(late), Some(early)], "1 2", instant(early)),
        ([Some(late), Some(early)], "1", instant(late)),
    ] {
        assert_eq!(until(ends, signers, NOW), ("admit".to_owned(), expected), "{ends:?} {signers}");
    }
}

#[test]
fn windows_are_exact_to_the_instant_and_a_rejection_has_no_horizon() {
    let end = "2027-01-01T00:00:00Z";
    let second = end.parse::<Timestamp>().unwrap().as_second();
    let ends = [Some(end), None];
    assert_eq!(until(ends, "1", second - 1), ("admit".to_owned(), Some(at(second))));
    assert_eq!(until(ends, "1", second), ("reject authority-expired attestation-missing".to_owned(), None));
    assert_eq!(until(ends, "1 2", second), ("admit".to_owned(), None), "the other one still counts");
}
