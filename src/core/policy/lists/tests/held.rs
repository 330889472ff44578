//! How an override stands, and what it let pass while it held.

use super::*;
use crate::{
    attestation::{predicate::GRANT_TYPE, write_named},
    testing::evidence::signed,
};

/// The lists of a case, with what its verdict would be without an override.
fn lists(asked: &Asked) -> (Policy, Lists, Verdict) {
    let policy = compiled(&asked.policy);
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let source = |bytes| Source { place: "store".into(), answer: Ok(Some(bytes)), kept: false };
    let stored = asked.store.as_ref().unwrap().as_deref().unwrap();
    let lists = Lists::default().revoking(&policy, &keys, &[source(stored)], asked.asked);
    let lists = lists.overriding(&policy, &keys, &[source(&asked.overrides)]);
    let bare = Asked { overrides: Vec::new(), ..unsealed() };
    let verdict = if asked.evidence.is_empty() { bare } else { Asked::admitted() }.judge().0.verdict;
    (policy, lists, verdict)
}

#[test]
fn how_an_override_stands_is_told() {
    let state = |asked: &Asked, at: Timestamp| {
        let (policy, lists, _) = lists(asked);
        let grants = lists.grants(&policy, at);
        assert_eq!(grants.len(), 1);
        let one = &grants[0];
        assert_eq!(one.found, ["store"]);
        (one.state.clone(), one.by.len(), one.standing())
    };
    let whole = || letting_pass(unsealed(), &for_image(&["attestation-missing"]));
    let (state_now, by, _) = state(&whole(), now());
    assert_eq!((state_now, by), (GrantState::Active, 2));
    assert_eq!(state(&whole(), now() - HOUR).0, GrantState::NotYet);
    assert_eq!(state(&whole(), now() + HOUR * 8).0, GrantState::Over);
    let half = signed_grant(&for_image(&["attestation-missing"]), &granters()[..1]);
    let (half, by, said) = state(&Asked { overrides: half, ..unsealed() }, now());
    assert_eq!((half, by), (GrantState::HalfSigned, 1));
    assert!(said.contains("signed by 1 of the 2"), "{said}");
    let long = Grant { until: now() + HOUR * 25, ..for_image(&["attestation-missing"]) };
    assert!(matches!(state(&letting_pass(unsealed(), &long), now()).0, GrantState::Void(_)));
    let granted = for_image(&["attestation-missing"]);
    let elsewhere = write_named("image:eu-west-1:ami-0fedcba9876543210", GRANT_TYPE, &granted, false).unwrap();
    let overrides = signed(&granters().each_ref().map(|key| (key, elsewhere.clone())));
    let (misplaced, by, _) = state(&Asked { overrides, ..unsealed() }, now());
    assert!(matches!(misplaced, GrantState::Void(_)), "{misplaced:?}: no launch is looked for under that name");
    assert_eq!(by, 2);
}

#[test]
fn of_several_the_one_that_ended_last_is_named() {
    let granted = |hours: i32| Grant { until: now() + HOUR * hours, ..for_image(&["attestation-missing"]) };
    let (image, context) = (image(), Context::default());
    for (one, other) in [(1, 2), (2, 1), (2, 3), (3, 1), (4, 2), (3, 4)] {
        let overrides = [one, other].map(|hours| signed_grant(&granted(hours), &granters())).concat();
        let (policy, lists, verdict) = lists(&Asked { overrides, ..unsealed() });
        let held = lists.held(&policy, (&image, &context), &verdict, now()).unwrap();
        assert_eq!(held.ended(), now() + HOUR * one.max(other), "{one} {other}");
    }
}

#[test]
fn what_was_launched_while_an_override_held_stays_named_and_is_admitted_by_nothing() {
    let granted = for_image(&["attestation-missing"]);
    let passed = letting_pass(unsealed(), &granted);
    let (policy, lists, verdict) = lists(&passed);
    let (image, context) = (image(), Context::default());
    let held = |verdict: &Verdict, launched| lists.held(&policy, (&image, &context), verdict, launched);
    let end = now() + HOUR * 8;
    for (launched, expected) in [
        (now(), true),
        (end - SignedDuration::from_nanos(1), true),
        // It may have waited for its verdict when the override came.
        (now() - HOUR, true),
        (now() - HOUR - SignedDuration::from_nanos(1), false),
        (end, false),
    ] {
        assert_eq!(held(&verdict, launched).is_some(), expected, "{launched}");
    }
    assert_eq!(held(&verdict, now()).unwrap().ended(), end);
    let admitted = Asked::admitted().judge().0.verdict;
    assert!(held(&admitted, now()).is_some(), "what was out then is there again");
    let other = Asked::revoking(&[of_image()]).judge().0.verdict;
    assert!(held(&other, now()).is_none(), "what it does not name stands");
}

#[test]
fn an_override_that_was_revoked_later_held_until_then() {
    let granted = for_image(&["attestation-missing"]);
    let bytes = signed_grant(&granted, &granters());
    let policy = compiled(&listed_policy());
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let sha256 = keys.survey(&bytes).into_content().unwrap().statements().next().unwrap().digest();
    // The entry is of two hours before now.
    let asked = Asked { overrides: bytes, evidence: Vec::new(), ..Asked::revoking(&[Revoked::Evidence { sha256 }]) };
    let (policy, lists, verdict) = lists(&asked);
    assert!(matches!(lists.grants(&policy, now())[0].state, GrantState::Revoked(_)));
    let (image, context) = (image(), Context::default());
    assert!(lists.held(&policy, (&image, &context), &verdict, now()).is_none(), "it had ended when this was launched");
    let early = Grant { granted_at: now() - HOUR * 4, from: now() - HOUR * 4, until: now() + HOUR, ..granted };
    let bytes = signed_grant(&early, &granters());
    let sha256 = keys.survey(&bytes).into_content().unwrap().statements().next().unwrap().digest();
    let asked = Asked { overrides: bytes, evidence: Vec::new(), ..Asked::revoking(&[Revoked::Evidence { sha256 }]) };
    let (policy, lists, verdict) = self::lists(&asked);
    let held = lists.held(&policy, (&image, &context), &verdict, now() - HOUR * 3).unwrap();
    assert_eq!(held.ended(), now() - HOUR * 2);
    assert!(lists.held(&policy, (&image, &context), &verdict, now() - HOUR).is_none());
    assert_eq!(asked.outcome(), "reject attestation-missing");
}
