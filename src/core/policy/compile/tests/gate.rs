//! A policy with a gate, and one that says that it has none.

use super::*;
use crate::gate::{EndOfLife, Limits, Period};

#[test]
fn going_without_a_gate_is_said_in_so_many_words() {
    one_problem("dangerous_without_gate = true\n", "", "", "require", "asks for gate, approval");
    one_problem("= true", "= false", "false", "require", "asks for gate, approval");
    for kind in ["gate", "approval"] {
        let to = format!("\"{kind}\"");
        one_problem("\"sbom\"", &to, "true\n", "dangerous_without_gate", &format!("the {kind} is required"));
    }
}

/// The good document with a gate: `vault` seals, `risk` approves.
fn with_gate(approving: &str) -> String {
    let more =
        "[[require]]\nattestation = \"gate\"\nauthorities = [\"vault\"]\n\n[[require]]\nattestation = \"approval\"\n";
    let sbom = "attestation = \"sbom\"\nauthorities = [\"ci\", \"risk\"]\nthreshold = 2\n";
    let text = whole().replace("dangerous_without_gate = true\n", "");
    assert!(text.contains(sbom));
    text.replace(
        sbom,
        &format!("attestation = \"sbom\"\nauthorities = [\"vault\"]\n\n{more}authorities = {approving}\n"),
    )
}

#[test]
fn a_policy_with_a_gate_requires_gate_sbom_and_approval() {
    let good = with_gate("[\"risk\"]");
    assert_eq!(problems(&good), []);
    for kind in ["gate", "sbom", "approval"] {
        let told = problems(&good.replace(&format!("attestation = \"{kind}\""), "attestation = \"tests\""));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].key == "require" && told[0].message.contains(&format!("asks for {kind};")), "{told:?}");
    }
}

#[test]
fn nobody_approves_their_own_work() {
    for approving in ["[\"vault\"]", "[\"risk\", \"vault\"]\nthreshold = 1"] {
        let told = problems(&with_gate(approving));
        assert!(
            told.iter().all(|one| one.key == "require.authorities" && one.message.contains("nobody approves")),
            "{told:?}"
        );
        assert_eq!(told.len(), 3, "provenance, sbom and gate: {told:?}");
    }
    // A key that would sign something else altogether is a key all the same.
    let tests = "[[require]]\nattestation = \"tests\"\nauthorities = [\"risk\"]\n\n[identity]";
    let told = problems(&with_gate("[\"risk\"]").replace("[identity]", tests));
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn limits_are_what_is_written_or_built_in() {
    let policy = compile("policy.toml", &with_gate("[\"risk\"]"), &files()).unwrap();
    let limits = &policy.gate().limits;
    let period = |text: &str| text.parse::<Period>().unwrap();
    assert_eq!((limits.scan_age, limits.database_age, limits.data_age), (period("30d"), period("36h"), period("14d")));
    assert_eq!((limits.exception_life, limits.end_of_life), (period("90d"), EndOfLife::Accept));
    assert_eq!(policy.gate().written.len(), 6);
    let silent = with_gate("[\"risk\"]");
    let (start, end) = (silent.find("[gate]").unwrap(), silent.find("[provenance]").unwrap());
    let policy = compile("policy.toml", &(silent[..start].to_owned() + &silent[end..]), &files()).unwrap();
    assert_eq!((&policy.gate().limits, policy.gate().written.len()), (&Limits::BUILT_IN, 0));
    for (from, to, key) in [
        ("\"30d\"", "\"30\"", "gate.max_scan_age"),
        ("\"36h\"", "36", "gate.max_database_age"),
        ("\"high\"", "\"unknown\"", "gate.fail_on"),
        ("\"accept\"", "\"ignore\"", "gate.end_of_life"),
        ("\"accepted-risks\"", "\"none\"", "gate.approval"),
        ("[\"https://ci.example\"]", "[]", "provenance.builders"),
    ] {
        let (_, told) = after(from, to);
        assert!(told.len() == 1 && told[0].0.ends_with(key), "{told:?}");
    }
}
