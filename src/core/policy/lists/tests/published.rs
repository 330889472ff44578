//! From which list the next one goes on.

use super::*;
use crate::{attestation::predicate::REVOCATIONS_TYPE, attestation::write_named, testing::evidence::signed};

/// A policy of which two must sign the list: `revoker` and `one`.
fn by_two() -> String {
    let (one, two) = ("authorities = [\"revoker\"]", "authorities = [\"revoker\", \"one\"]\nthreshold = 2");
    listed_policy()
        .replace(one, two)
        .replace("[override]\nauthorities = [\"one\", \"two\"]", "[override]\nauthorities = [\"two\", \"three\"]")
        + &crate::testing::policies::authority_table("three", &LocalKey::p256(6))
}

fn both() -> [LocalKey; 2] {
    let [one, _] = granters();
    [revoker(), one]
}

fn bundles(list: &Revocations, keys: &[LocalKey]) -> Vec<u8> {
    let payload = write_named(&Revocations::subject(&list.list), REVOCATIONS_TYPE, list, false).unwrap();
    signed(&keys.iter().map(|key| (key, payload.clone())).collect::<Vec<_>>())
}

/// The serials of the list that counts and of the one that waits.
fn found(store: &[u8], kept: Option<&[u8]>) -> Result<(Option<u64>, Option<u64>), Unfit> {
    let policy = compiled(&by_two());
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let source = |bytes, kept| Source { place: "store".into(), answer: Ok(Some(bytes)), kept };
    let kept = kept.map(|bytes| source(bytes, true));
    let rule = policy.revocation().unwrap();
    let read = Published::read(rule, &keys, &source(store, false), (kept.as_ref(), None), now())?;
    let serial = |list: &Option<SignedList>| list.as_ref().map(|one| one.list.serial);
    Ok((serial(&read.current), serial(&read.waiting)))
}

#[test]
fn a_list_that_was_seen_is_gone_on_from_and_an_older_one_is_not() {
    let [first, second] = [1, 2].map(|serial| bundles(&revocations(serial, &[of_image()]), &both()));
    assert_eq!(found(&first, None), Ok((Some(1), None)));
    assert_eq!(found(&first, Some(&first)), Ok((Some(1), None)), "it is the very list that was seen");
    assert_eq!(found(&second, Some(&first)), Ok((Some(2), None)));
    assert_eq!(found(&first, Some(&second)), Err(Unfit::RolledBack { found: Some(1), seen: 2 }));
}

#[test]
fn only_a_newer_list_that_has_every_entry_waits_for_more_signatures() {
    let counts = bundles(&revocations(2, &[of_image()]), &both());
    let evidence = Revoked::Evidence { sha256: Sha256Digest::of(b"x") };
    let more = [of_image(), evidence.clone()];
    for (what, list, waits) in [
        ("the next", revocations(3, &more), Some(3)),
        ("of the same serial", revocations(2, &more), None),
        ("older", revocations(1, &more), None),
        ("without the entry", revocations(3, &[evidence]), None),
        ("without any", revocations(3, &[]), None),
    ] {
        let store = [counts.clone(), bundles(&list, &[revoker()])].concat();
        assert_eq!(found(&store, None), Ok((Some(2), waits)), "{what}");
    }
    assert_eq!(found(&bundles(&revocations(1, &[]), &[revoker()]), None), Ok((None, Some(1))), "the first of all");
}
