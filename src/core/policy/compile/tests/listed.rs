//! `[revocation]` and `[override]`.

use super::*;
use crate::testing::lists::listed_policy;

fn told(from: &str, to: &str) -> Vec<String> {
    let text = listed_policy();
    assert!(text.contains(from), "{from}");
    problems(&text.replacen(from, to, 1)).iter().map(|one| format!("{}: {}", one.key, one.message)).collect()
}

#[test]
fn lists_are_read_as_they_are_written() {
    let policy = crate::testing::policies::compiled(&listed_policy());
    let (revocation, overrides) = (policy.revocation().unwrap(), policy.overrides().unwrap());
    assert_eq!((revocation.threshold, revocation.list.as_str()), (1, "default"));
    assert_eq!(serde_json::to_value(&revocation.list).unwrap(), "default");
    assert_eq!((overrides.threshold, overrides.authorities.len(), overrides.scopes.len()), (2, 2, 3));
    let without = crate::testing::policies::compiled(&crate::testing::policies::minimal(&LocalKey::p256(1)));
    assert!(without.revocation().is_none() && without.overrides().is_none());
}

#[test]
fn who_retires_signs_no_lists_and_lets_nothing_pass() {
    for name in ["revoker", "one"] {
        let named = format!("name = \"{name}\"\n");
        let found = told(&named, &format!("{named}retired = 2026-12-01T00:00:00Z\n"));
        assert!(found.iter().any(|one| one.contains(&format!("{name} retires, and no gate result"))), "{found:?}");
    }
}

#[test]
fn what_would_let_one_person_pass_what_they_made_does_not_compile() {
    for (from, to, key, message) in [
        ("authorities = [\"one\", \"two\"]", "authorities = [\"one\"]", "override.threshold", "from 1 to 1"),
        ("max_life = \"24h\"", "threshold = 1\nmax_life = \"24h\"", "override.threshold", "two people"),
        ("[\"one\", \"two\"]", "[\"one\", \"ci\"]", "override.authorities", "ci also signs evidence"),
        ("[\"revoker\"]", "[\"ci\"]", "revocation.authorities", "ci also signs evidence"),
        ("[\"one\", \"two\"]", "[\"one\", \"revoker\"]", "override.authorities", "also revokes"),
        ("max_age = \"1h\"\n", "", "revocation.max_age", "required"),
        ("max_life = \"24h\"\n", "", "override.max_life", "required"),
        ("max_life", "causes = [\"internal\"]\nmax_life", "override.causes", "cannot be overridden"),
        ("max_life", "causes = [\"no-such\"]\nmax_life", "override.causes", "is no code"),
        ("max_age", "list = \"A/b\"\nmax_age", "revocation.list", "is not the name of a list"),
        ("[\"revoker\"]", "[\"nobody\"]", "revocation.authorities", "no [[authority]] is called nobody"),
    ] {
        let told = told(from, to);
        assert!(told.iter().any(|one| one.starts_with(key) && one.contains(message)), "{to}: {told:?}");
    }
}

#[test]
fn nobody_lets_pass_what_nobody_could_end() {
    let told = told("[revocation]\nauthorities = [\"revoker\"]\nmax_age = \"1h\"\n", "");
    assert_eq!(told, ["override: overrides without [revocation]: nobody could end one before its time"]);
}

#[test]
fn a_key_that_has_to_be_asked_for_lets_nothing_pass() {
    let [one, _] = crate::testing::lists::granters();
    let (pem, kms) = (authority_table("one", &one), crate::testing::policies::kms_authority("one", &one));
    assert!(told(&pem, &kms)[0].contains("has to work when KMS does not"));
}
