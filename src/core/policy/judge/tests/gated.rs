//! The gate result as the root: which one counts, what it names, what still holds of it, and who approved.

use super::*;
use crate::testing::{
    evidence::{changed, payload, saying, signed},
    gated::{Gated, accepted, gated_policy},
    policies::kms_authority,
};

/// A policy with a gate, and evidence that meets it.
struct Gate {
    gated: Gated,
    more: &'static str,
    now: i64,
}

impl Gate {
    fn of(gated: Gated) -> Self {
        Self { gated, more: "", now: NOW + 60 }
    }

    fn judge(&self) -> Judgement {
        self.with(|evidence| evidence)
    }

    fn with(&self, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Judgement {
        let (ci, boss) = keys();
        let policy = gated_policy(&ci, &boss, self.more);
        let evidence = change(self.gated.evidence(&ci, &boss));
        Asked { policy, now: at(self.now), ..Asked::of(evidence) }.judge()
    }

    fn outcome(&self) -> String {
        outcome(&self.judge())
    }
}

fn keys() -> (LocalKey, LocalKey) {
    (LocalKey::p256(1), LocalKey::p256(2))
}

fn good() -> Gated {
    Gated::at(at(NOW))
}

#[test]
fn a_gate_result_with_its_statements_and_approval_admits_until_the_first_limit() {
    let judgement = Gate::of(good()).judge();
    let Verdict::Admit(grounds) = &judgement.verdict else { panic!("{judgement:?}") };
    let kinds: Vec<Kind> = grounds.as_slice().iter().map(|ground| ground.kind).collect();
    assert_eq!(kinds, [Kind::Gate, Kind::Provenance, Kind::Sbom, Kind::Approval]);
    assert_eq!(judgement.until, Some(at(NOW - 3600 + 30 * 24 * 3600)));
    assert_eq!(judgement.gate.unwrap().at(), at(NOW));
}

#[test]
fn a_policy_with_a_gate_admits_nothing_without_one() {
    let (ci, boss) = keys();
    let policy = gated_policy(&ci, &boss, "");
    let without = signed(&[(&ci, payload(Kind::Provenance)), (&ci, payload(Kind::Sbom))]);
    assert_eq!(Asked { policy, ..Asked::of(without) }.outcome(), "reject attestation-missing");
}

#[test]
fn what_the_gate_does_not_name_does_not_count() {
    for kind in [Kind::Provenance, Kind::Sbom] {
        let gate = Gate::of(Gated { unnamed: vec![kind], ..good() });
        assert_eq!(gate.outcome(), "reject attestation-not-named", "{kind}");
    }
    let gate = Gate::of(Gated { unnamed: vec![Kind::Approval], ..good() });
    assert_eq!(gate.outcome(), "reject attestation-missing");
}

#[test]
fn a_second_statement_that_the_gate_does_not_name_changes_nothing() {
    let (ci, _) = keys();
    let more = signed(&[(&ci, saying(Kind::Sbom, r#"{"another":1}"#))]);
    let judgement = Gate::of(good()).with(|evidence| [evidence, more.clone()].concat());
    assert_eq!(outcome(&judgement), "admit");
}

#[test]
fn of_several_gate_results_the_newest_counts_and_only_it() {
    let (ci, boss) = keys();
    let old = good().evidence(&ci, &boss);
    let policy = gated_policy(&ci, &boss, "");
    let judged = |newer: Gated| {
        let newer = newer.evidence(&ci, &boss);
        let orders = [[old.clone(), newer.clone()].concat(), [newer, old.clone()].concat()];
        let [one, other] = orders.map(|evidence| {
            let judgement = Asked { policy: policy.clone(), now: at(NOW + 60), ..Asked::of(evidence) }.judge();
            (outcome(&judgement), judgement.gate.map(|gate| gate.at()))
        });
        assert_eq!(one, other, "the order of the lines says nothing");
        one
    };
    let later = at(NOW + 10);
    assert_eq!(judged(Gated::at(later)), ("admit".to_owned(), Some(later)));
    let unnamed = Gated { unnamed: vec![Kind::Sbom], ..Gated::at(later) };
    assert_eq!(judged(unnamed).0, "reject attestation-not-named", "the older one is no way out");
    let expired = Gated::at(later).excepting(at(NOW + 30));
    assert_eq!(judged(expired).0, "reject exception-expired");
    let twin = Gated { unnamed: vec![Kind::Sbom], ..good() };
    assert_eq!(judged(twin).0, "reject attestation-ambiguous");
}

#[test]
fn a_gate_result_of_somebody_else_is_none() {
    let (ci, boss) = keys();
    let stranger = LocalKey::p256(3);
    for sealer in [&stranger, &boss] {
        let evidence = good().evidence(sealer, &boss);
        let asked = Asked { policy: gated_policy(&ci, &boss, ""), now: at(NOW + 60), ..Asked::of(evidence) };
        assert!(asked.outcome().starts_with("reject"), "{}", asked.outcome());
        assert!(asked.outcome().contains("attestation-missing"), "{}", asked.outcome());
    }
}

#[test]
fn what_was_measured_is_held_against_the_present_time_and_the_own_limits() {
    let day = 24 * 3600;
    for (gated, more, now, expected) in [
        (good(), "", NOW + 29 * day, "admit"),
        (good(), "", NOW + 30 * day, "reject scan-too-old database-too-old database-data-too-old"),
        (good(), "[gate]\nmax_scan_age = \"1d\"\n", NOW + day, "reject scan-too-old"),
        (good(), "[gate]\nmax_database_age = \"1d\"\n", NOW + day, "reject database-too-old"),
        (good(), "[gate]\nmax_data_age = \"1d\"\n", NOW + day, "reject database-data-too-old"),
        (good(), "[gate]\nfail_on = \"low\"\n", NOW + 60, "reject finding-at-threshold"),
        (good(), "[gate]\nfail_on = \"critical\"\n", NOW + 60, "admit"),
        (good().excepting(at(NOW + day)), "", NOW + day - 1, "admit"),
        (good().excepting(at(NOW + day)), "", NOW + day, "reject exception-expired"),
        (good().excepting(at(NOW + 91 * day)), "", NOW, "reject exception-too-long"),
        (
            good().excepting(at(NOW + 9 * day)),
            "[gate]\nmax_exception_life = \"8d\"\n",
            NOW,
            "reject exception-too-long",
        ),
        (good(), "", NOW - 1, "undetermined clock-before-signed-time"),
        (good(), "", NOW - 3601, "reject input-in-future"),
    ] {
        assert_eq!(Gate { more, now, ..Gate::of(gated) }.outcome(), expected, "{more}{now}");
    }
}

#[test]
fn a_distribution_without_maintenance_is_rejected_where_the_policy_says_so() {
    let mut gated = good();
    gated.measurement.packages.end_of_life = Some(true);
    assert_eq!(Gate::of(gated.clone()).outcome(), "admit");
    let gate = Gate { more: "[gate]\nend_of_life = \"reject\"\n", ..Gate::of(gated) };
    assert_eq!(gate.outcome(), "reject distribution-end-of-life");
}

#[test]
fn accepted_risks_need_an_approval_of_exactly_them() {
    let day = 24 * 3600;
    let other = Sha256Digest::of(b"another list");
    for (gated, expected) in [
        (Gated { approved: None, ..good() }, "reject attestation-missing"),
        (Gated { approved: Some(other), ..good() }, "reject attestation-missing approval-mismatch"),
        (good().clean(), "admit"),
        (Gated { approved: None, ..good().clean().excepting(at(NOW + day)) }, "reject attestation-missing"),
        (Gated { approved: Some(accepted()), ..good().clean().excepting(at(NOW + day)) }, "admit"),
        (Gated { approved_at: at(NOW + 61), ..good() }, "undetermined clock-before-signed-time"),
    ] {
        assert_eq!(Gate::of(gated).outcome(), expected);
    }
}

#[test]
fn a_policy_may_ask_for_approval_of_exceptions_only() {
    let more = "[gate]\napproval = \"exceptions\"\n";
    let unapproved = Gated { approved: None, ..good() };
    assert_eq!(Gate { more, ..Gate::of(unapproved.clone()) }.outcome(), "admit");
    let excepting = unapproved.excepting(at(NOW + 3600));
    assert_eq!(Gate { more, ..Gate::of(excepting) }.outcome(), "reject attestation-missing");
}

#[test]
fn two_approvers_each_sign_a_statement_of_their_own() {
    let (ci, boss, chief) = (LocalKey::p256(1), LocalKey::p256(2), LocalKey::p256(4));
    let one = policies::document(&[("chief", &chief)], &[], "");
    let chief_table = &one[one.find("[[authority]]").unwrap()..];
    let policy = gated_policy(&ci, &boss, chief_table)
        .replace("authorities = [\"boss\"]\nthreshold = 1", "authorities = [\"boss\", \"chief\"]\nthreshold = 2");
    let judged = |second: Option<(&LocalKey, i64)>| {
        let first = good().approval().unwrap();
        let second = second.map(|(key, when)| (key, Gated { approved_at: at(when), ..good() }.approval().unwrap()));
        let mut lines = vec![(&boss, first)];
        lines.extend(second);
        lines.extend([Kind::Provenance, Kind::Sbom].map(|kind| (&ci, payload(kind))));
        let named: Vec<Sha256Digest> = lines.iter().map(|(_, payload)| Sha256Digest::of(payload)).collect();
        lines.push((&ci, good().payload(&named)));
        Asked { policy: policy.clone(), now: at(NOW + 60), ..Asked::of(signed(&lines)) }.outcome()
    };
    assert_eq!(judged(None), "reject attestation-under-threshold");
    assert_eq!(judged(Some((&boss, NOW + 1))), "reject attestation-under-threshold", "once, however often");
    assert_eq!(judged(Some((&chief, NOW + 1))), "admit");
}

#[test]
fn a_result_that_did_not_pass_or_is_of_another_resource_is_rejected() {
    let (ci, boss) = keys();
    let payload = good().clean().payload(&[Kind::Provenance, Kind::Sbom].map(|kind| Sha256Digest::of(&payload(kind))));
    let policy = gated_policy(&ci, &boss, "");
    for (from, to, expected) in [
        ("\"PASSED\"", "\"FAILED\"", "reject gate-not-passed"),
        ("\"PASSED\"", "\"passed\"", "reject gate-not-passed"),
        (
            "\"resourceUri\":\"arn:aws:ec2:eu-west-1",
            "\"resourceUri\":\"arn:aws:ec2:eu-west-2",
            "reject predicate-malformed",
        ),
        ("https://goldseal.dev/gate/v1", "https://goldseal.dev/gate/v2", "reject predicate-malformed"),
        ("\"high\"", "\"hgih\"", "reject predicate-malformed"),
    ] {
        let gate = changed(&payload, from, to);
        let lines = [
            (&ci, crate::testing::evidence::payload(Kind::Provenance)),
            (&ci, crate::testing::evidence::payload(Kind::Sbom)),
            (&ci, gate),
        ];
        let asked = Asked { policy: policy.clone(), now: at(NOW + 60), ..Asked::of(signed(&lines)) };
        assert_eq!(asked.outcome(), expected, "{to}");
    }
}

#[test]
fn a_key_that_could_not_be_asked_for_may_have_signed_a_newer_result_or_the_approval() {
    let (ci, boss) = keys();
    let pem = gated_policy(&ci, &boss, "");
    let table = |name: &str| {
        let start = pem.find(&format!("[[authority]]\nname = \"{name}\"")).unwrap();
        let end = pem[start + 1..].find("[[").map_or(pem.len(), |end| start + 1 + end);
        pem[start..end].to_owned()
    };
    for (name, key, expected) in
        [("boss", &boss, "undetermined key-unavailable"), ("ci", &ci, "undetermined key-unavailable")]
    {
        let policy = pem.replace(&table(name), &kms_authority(name, key));
        let kms = [(name, Err("throttled".to_owned()))].into();
        let asked = Asked { policy, kms, now: at(NOW + 60), ..Asked::of(good().evidence(&ci, &boss)) };
        assert_eq!(asked.outcome(), expected, "{name}");
    }
}

#[test]
fn no_bit_of_gated_evidence_can_be_another() {
    let (ci, boss) = keys();
    let policy = policies::compiled(&gated_policy(&ci, &boss, ""));
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let evidence = good().evidence(&ci, &boss);
    let admits = |evidence: &[u8]| {
        let judgement = judge_bytes(&policy, &keys, &facts(), evidence, at(NOW + 60));
        matches!(judgement.verdict, Verdict::Admit(_))
    };
    assert!(admits(&evidence));
    let mut flipped = evidence.clone();
    for bit in (0..evidence.len() * 8).step_by(7) {
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!admits(&flipped), "bit {bit}");
        flipped[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn only_approvals_that_may_be_there_leave_open_whether_they_are_enough() {
    let (ci, boss, chief) = (LocalKey::p256(1), LocalKey::p256(2), LocalKey::p256(4));
    let (seals, approve): (&[&str], &[&str]) = (&["ci"], &["boss", "chief"]);
    let require = [("gate", seals, 1), ("provenance", seals, 1), ("sbom", seals, 1), ("approval", approve, 2)];
    let tables = kms_authority("boss", &boss) + &kms_authority("chief", &chief);
    let policy = policies::document(&[("ci", &ci)], &require, &tables).replace("dangerous_without_gate = true\n", "");
    let judged = |approvals: [(&LocalKey, Vec<u8>); 2]| {
        let mut lines = approvals.to_vec();
        lines.extend([Kind::Provenance, Kind::Sbom].map(|kind| (&ci, payload(kind))));
        let named: Vec<Sha256Digest> = lines.iter().map(|(_, payload)| Sha256Digest::of(payload)).collect();
        lines.push((&ci, good().payload(&named)));
        let kms = ["boss", "chief"].map(|name| (name, Err("throttled".to_owned()))).into();
        Asked { policy: policy.clone(), kms, now: at(NOW + 60), ..Asked::of(signed(&lines)) }.outcome()
    };
    let approval = |when| Gated { approved_at: at(when), ..good() }.approval().unwrap();
    assert_eq!(judged([(&boss, approval(NOW)), (&chief, approval(NOW))]), "undetermined key-unavailable");
    assert_eq!(
        judged([(&boss, approval(NOW)), (&boss, approval(NOW + 1))]),
        "reject signer-unknown attestation-missing"
    );
    assert_eq!(
        judged([(&boss, approval(NOW)), (&chief, payload(Kind::Tests))]),
        "reject signer-unknown attestation-missing"
    );
}
