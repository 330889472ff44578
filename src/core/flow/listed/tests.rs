use futures_executor::block_on;

use super::*;
use crate::{
    attestation::predicate::{GrantScope, Revoked},
    policy::Remark,
    testing::{
        keys::LocalKey,
        launches::FakeState,
        lists::{grant, granters, image, listed_policy, now, revocations, revoker, signed_grant, signed_list},
        policies::compiled,
        ports::{FakeKeys, FakeStore},
    },
};

fn list(serial: u64, entries: usize) -> Vec<u8> {
    let revoked: Vec<Revoked> = (0..entries).map(|_| Revoked::Image { image: image(), content: Vec::new() }).collect();
    signed_list(&revocations(serial, &revoked), &revoker())
}

fn revoked() -> Listing {
    Listing::Revocations("default".to_owned().try_into().unwrap())
}

fn name() -> StateName {
    kept(&revoked()).unwrap()
}

/// A store with a revocation list.
fn store(bytes: &[u8]) -> FakeStore {
    let store = FakeStore::default();
    store.lists.lock().unwrap().insert(revoked(), bytes.to_vec());
    store
}

/// A place for state with a revocation list.
fn state(bytes: &[u8]) -> FakeState {
    let state = FakeState::default();
    state.held.lock().unwrap().insert(name(), bytes.to_vec());
    state
}

fn asked(store: &FakeStore, state: Option<&FakeState>, carried: &[Carried]) -> Keys {
    let policy = compiled(&listed_policy());
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let sources = TrustSources { clock: now, keys: &FakeKeys::default(), store, state, carried };
    block_on(listed(&policy, keys, &sources))
}

fn serial(keys: &Keys) -> Option<u64> {
    keys.lists().newest().map(|newest| newest.serial)
}

fn remarks(keys: &Keys) -> Vec<&'static str> {
    keys.lists().remarks().iter().map(Remark::code).collect()
}

#[test]
fn a_newer_list_of_the_store_is_kept_and_nothing_else_is() {
    let [older, newer] = [list(1, 1), list(2, 1)];
    let stranger = signed_list(&revocations(3, &[]), &LocalKey::p256(6));
    for (found, held, left) in [(&newer, &older, &newer), (&older, &newer, &newer), (&stranger, &older, &older)] {
        let state = state(held);
        asked(&store(found), Some(&state), &[]);
        assert_eq!(state.of(&name()).as_ref(), Some(left));
    }
    let state = FakeState::default();
    assert_eq!(serial(&asked(&store(&newer), Some(&state), &[])), Some(2));
    assert_eq!(state.of(&name()), Some(newer.clone()), "the first that was ever seen");
    let written = FakeState { write_fault: Some(PortErrorKind::Refused), ..self::state(&newer) };
    assert_eq!(remarks(&asked(&store(&newer), Some(&written), &[])), [""; 0], "what is kept is not written again");
}

#[test]
fn a_list_that_cannot_be_kept_counts_all_the_same_and_it_is_told() {
    let newer = list(2, 1);
    for state in [
        FakeState { write_fault: Some(PortErrorKind::Unavailable), ..state(&list(1, 1)) },
        FakeState { read_fault: Some(PortErrorKind::Unavailable), ..FakeState::default() },
    ] {
        let keys = asked(&store(&newer), Some(&state), &[]);
        assert_eq!((serial(&keys), remarks(&keys)), (Some(2), vec!["revocations-not-kept"]));
    }
    assert_eq!(remarks(&asked(&store(&newer), None, &[])), [""; 0], "nobody wants it kept");
}

#[test]
fn what_was_kept_stands_in_for_a_store_that_is_out_or_went_back() {
    let [older, newer] = [list(1, 1), list(2, 1)];
    let out = FakeStore { read_fault: Some(PortErrorKind::Unavailable), ..FakeStore::default() };
    for (store, remark) in [(&out, "revocations-stand-in"), (&store(&older), "revocations-rolled-back")] {
        let keys = asked(store, Some(&state(&newer)), &[]);
        assert_eq!(serial(&keys), Some(2));
        assert!(remarks(&keys).contains(&remark), "{remark}");
    }
}

#[test]
fn overrides_of_the_store_and_those_carried_along_are_read_and_none_is_kept() {
    let granted = |codes: &[&str]| signed_grant(&grant(GrantScope::Image(image()), codes), &granters());
    let (store, state) = (store(&list(1, 0)), FakeState::default());
    store.lists.lock().unwrap().insert(Listing::Overrides, granted(&["attestation-missing"]));
    let carried = |answer| Carried { place: "carried".into(), answer };
    let carried = [carried(Ok(Some(granted(&["evidence-absent"])))), carried(Ok(None)), carried(Err("gone".into()))];
    let keys = asked(&store, Some(&state), &carried);
    let grants = keys.lists().grants(&compiled(&listed_policy()), now());
    let mut found: Vec<&[String]> = grants.iter().map(|one| one.found.as_slice()).collect();
    found.sort();
    assert_eq!(found, [["carried"], ["fake://v1/overrides.jsonl"]]);
    assert_eq!(remarks(&keys), ["overrides-unreadable"]);
    assert_eq!(state.held.lock().unwrap().len(), 1, "the revocation list");
}
