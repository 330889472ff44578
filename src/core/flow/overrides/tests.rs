mod in_the_way;

use futures_executor::block_on;
use jiff::SignedDuration;

use super::*;
use crate::{
    attestation::predicate::GrantScope,
    ports::{Listing, PortErrorKind},
    testing::{
        lists::{grant as of_scope, granters, image, listed_policy, now, signed_grant},
        policies::compiled,
        ports::{FakeSigner, FakeStore},
    },
};

fn of_image() -> Grant {
    of_scope(GrantScope::Image(image()), &["attestation-missing"])
}

fn policy() -> Policy {
    compiled(&listed_policy())
}

fn keys(policy: &Policy) -> Keys {
    Keys::new(policy, |_| Err(String::new()))
}

/// A signer with the key of one of those who may let pass, in KMS or on disk.
fn signer(number: usize, dangerous_local: bool) -> FakeSigner {
    let mut signer = FakeSigner::new(number);
    signer.key.dangerous_local = dangerous_local;
    signer
}

fn standing(policy: &Policy, lines: &[u8], at: Timestamp) -> Granted {
    let mut found = read(policy, &keys(policy), "file", lines, at);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn stored(store: &FakeStore) -> Vec<u8> {
    store.lists.lock().unwrap().get(&Listing::Overrides).cloned().unwrap_or_default()
}

#[test]
fn one_person_signs_nothing_that_counts_and_a_second_one_makes_it_count() {
    let policy = policy();
    let first = block_on(grant(&policy, &of_image(), &signer(3, false))).unwrap();
    let half = standing(&policy, &first, now());
    assert_eq!((&half.state, half.by.len()), (&GrantState::HalfSigned, 1));
    let again = block_on(countersign(&policy, &half, &signer(3, false)));
    assert!(matches!(again, Err(OverrideError::SignedBefore(_))), "{again:?}");
    let second = block_on(countersign(&policy, &half, &signer(4, false))).unwrap();
    let whole = standing(&policy, &[first, second].concat(), now());
    assert_eq!(
        (&whole.state, whole.by.len(), whole.found.as_slice()),
        (&GrantState::Active, 2, &["file".to_owned()][..])
    );
}

#[test]
fn nothing_is_signed_that_would_not_count() {
    let policy = policy();
    let day = SignedDuration::from_hours(25);
    for (bad, says) in [
        (Grant { until: now() + day, ..of_image() }, "max_life"),
        (of_scope(GrantScope::Image(image()), &["internal"]), "cannot be overridden"),
        (of_scope(GrantScope::Image(image()), &["no-such-code"]), "no code of docs/reasons.md"),
        (of_scope(GrantScope::Image(image()), &[]), "names no reasons"),
        (Grant { reason: String::new(), ..of_image() }, "the reason must be one visible line"),
    ] {
        let signer = signer(3, false);
        let error = block_on(grant(&policy, &bad, &signer)).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(signer.journal.calls().is_empty());
    }
    let stranger = block_on(grant(&policy, &of_image(), &signer(1, false)));
    assert!(matches!(stranger, Err(OverrideError::NotAnAuthority { .. })), "{stranger:?}");
    assert!(stranger.unwrap_err().to_string().contains("one and two"), "it says whose would be one");
    let nobody = compiled(&crate::testing::policies::minimal(&crate::testing::keys::LocalKey::p256(1)));
    assert!(matches!(block_on(grant(&nobody, &of_image(), &signer(3, false))), Err(OverrideError::NoRule)));
}

#[test]
fn a_key_file_joins_only_what_says_so() {
    let policy = policy();
    for (first, second, joins) in [(true, true, true), (true, false, true), (false, false, true), (false, true, false)]
    {
        let line = block_on(grant(&policy, &of_image(), &signer(3, first))).unwrap();
        let half = standing(&policy, &line, now());
        assert_eq!(half.dangerous_local_key, first);
        let joined = block_on(countersign(&policy, &half, &signer(4, second)));
        assert_eq!(joined.is_ok(), joins, "{joined:?}");
    }
}

#[test]
fn what_has_ended_is_signed_by_nobody() {
    let policy = policy();
    let line = block_on(grant(&policy, &of_image(), &signer(3, false))).unwrap();
    let over = standing(&policy, &line, now() + SignedDuration::from_hours(8));
    assert_eq!(over.state, GrantState::Over);
    assert!(matches!(block_on(countersign(&policy, &over, &signer(4, false))), Err(OverrideError::Ended(_))));
}

#[test]
fn a_store_keeps_what_others_write_at_the_same_moment() {
    let store = FakeStore::default();
    let [mine, theirs] =
        ["one", "two"].map(|reason| signed_grant(&Grant { reason: reason.into(), ..of_image() }, &granters()));
    *store.meanwhile.lock().unwrap() = Some(theirs.clone());
    let place = block_on(publish(&store, &mine, now())).unwrap();
    assert_eq!(place, "fake://v1/overrides.jsonl");
    assert_eq!(stored(&store), [theirs.clone(), mine.clone()].concat());
    block_on(publish(&store, &mine, now())).unwrap();
    assert_eq!(stored(&store), [theirs, mine].concat(), "what is there is not added again");
    let store = FakeStore { write_fault: Some(PortErrorKind::Denied), ..FakeStore::default() };
    let line = signed_grant(&of_image(), &granters());
    assert!(matches!(block_on(publish(&store, &line, now())), Err(OverrideError::Store(_))));
}

#[test]
fn a_full_store_forgets_what_is_over_and_nothing_else() {
    let hour = SignedDuration::from_hours(1);
    let numbered = |number: i32| {
        let late = now() + hour * number;
        let (granted_at, from, until) = (late, late, late + hour);
        signed_grant(&Grant { reason: number.to_string(), granted_at, from, until, ..of_image() }, &granters())
    };
    let full: Vec<u8> = (0..96).flat_map(numbered).collect();
    let store = FakeStore::default();
    store.lists.lock().unwrap().insert(Listing::Overrides, full.clone());
    let one_more = numbered(96);
    assert!(matches!(block_on(publish(&store, &one_more, now())), Err(OverrideError::Full { found: 192, .. })));
    assert_eq!(stored(&store), full);
    block_on(publish(&store, &one_more, now() + hour * 3)).unwrap();
    let (kept, policy) = (stored(&store), policy());
    let reasons: Vec<String> =
        read(&policy, &keys(&policy), "store", &kept, now()).into_iter().map(|one| one.grant.reason).collect();
    assert!(
        reasons.len() == 96 && !reasons.contains(&"0".to_owned()) && reasons.contains(&"96".to_owned()),
        "the one that is over for the longest time is gone"
    );
}

#[test]
fn what_is_taken_out_lets_nothing_pass_here_any_more() {
    let policy = policy();
    let store = FakeStore::default();
    let [one, other] =
        ["one", "two"].map(|reason| signed_grant(&Grant { reason: reason.into(), ..of_image() }, &granters()));
    for lines in [&one, &other] {
        block_on(publish(&store, lines, now())).unwrap();
    }
    let statement = |lines: &[u8]| standing(&policy, lines, now()).statement;
    assert!(block_on(take_out(&store, statement(&one))).unwrap());
    assert_eq!(stored(&store), other);
    assert!(!block_on(take_out(&store, statement(&one))).unwrap());
    assert!(block_on(take_out(&store, statement(&other))).unwrap());
    assert_eq!(standing(&policy, &stored(&store), now()).state, GrantState::HalfSigned);
}

#[test]
fn a_store_that_is_no_file_of_overrides_is_left_alone() {
    let store = FakeStore::default();
    store.lists.lock().unwrap().insert(Listing::Overrides, b"x\n".to_vec());
    let added = block_on(publish(&store, &signed_grant(&of_image(), &granters()), now()));
    assert!(matches!(added, Err(OverrideError::Unreadable { line: 1, .. })), "{added:?}");
    assert_eq!(stored(&store), b"x\n");
}
