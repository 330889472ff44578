//! `[receipt]`.

use super::*;
use crate::testing::receipts::{receipt_policy, required};

fn told(from: &str, to: &str) -> Vec<String> {
    let text = receipt_policy(&required());
    assert!(text.contains(from), "{from}");
    problems(&text.replacen(from, to, 1)).iter().map(|one| format!("{}: {}", one.key, one.message)).collect()
}

#[test]
fn receipts_are_believed_as_it_is_written() {
    let required = crate::testing::policies::compiled(&receipt_policy(&required()));
    let rule = required.receipts().unwrap();
    assert_eq!((rule.authorities.len(), rule.required.as_ref().unwrap().policies.len()), (1, 1));
    let optional = crate::testing::policies::compiled(&receipt_policy("required = false"));
    assert_eq!(optional.receipts().unwrap().required, None);
    let without = crate::testing::policies::compiled(&crate::testing::policies::minimal(&LocalKey::p256(1)));
    assert!(without.receipts().is_none());
}

#[test]
fn a_receipt_is_believed_of_nobody_who_signs_something_else() {
    for other in ["ci", "revoker", "one"] {
        let told = told("[\"receipts\"]", &format!("[\"receipts\", \"{other}\"]"));
        let expected = format!("receipt.authorities: {other} also signs other statements");
        assert!(told.iter().any(|one| one.starts_with(&expected)), "{told:?}");
    }
}

#[test]
fn a_receipt_that_is_required_says_of_which_policy_and_how_old() {
    let policies = format!("policies = [\"{}\"]", crate::testing::receipts::judged_by());
    for (from, to, key, message) in [
        ("max_age = \"24h\"\n", "", "receipt.max_age", "what was so once"),
        (policies.as_str(), "", "receipt.policies", "only you know which one"),
        (policies.as_str(), "policies = []", "receipt.policies", "name at least one policy"),
        (policies.as_str(), "policies = [\"ab\"]", "receipt.policies", ""),
        ("required = true\n", "", "receipt.max_age", "only with `required = true`"),
        ("required = true\n", "required = false\n", "receipt.policies", "only with `required = true`"),
        ("required = true\n", "required = \"yes\"\n", "receipt.required", ""),
        ("[\"receipts\"]", "[\"nobody\"]", "receipt.authorities", "no [[authority]] is called nobody"),
        ("authorities = [\"receipts\"]\n", "", "receipt.authorities", "required"),
    ] {
        let told = told(from, to);
        assert!(told.iter().any(|one| one.starts_with(key) && one.contains(message)), "{to}: {told:?}");
    }
}
