use jiff::SignedDuration;

use super::*;
use crate::{
    attestation::Kind,
    policy::{Lists, Source},
    testing::{
        evidence::payload,
        keys::LocalKey,
        lists::{now, revocations, revoker, signed_list},
        policies::{authority_table, compiled, kms_authority},
        receipts::{receipt_policy, receiver, said, said_at, signed_receipt},
    },
};

/// What is said of a receipt under a policy of which KMS answers nothing.
fn checked(policy: &str, bytes: &[u8]) -> Result<String, Doubt> {
    let policy = compiled(policy);
    let keys = Keys::new(&policy, |_| Err("throttled".into()));
    let list = signed_list(&revocations(1, &[]), &revoker());
    let source = Source { place: "store".into(), answer: Ok(Some(list.as_slice())), kept: false };
    let lists = Lists::default().revoking(&policy, &keys, &[source], now());
    check_receipt(&policy, &keys.with(lists), bytes, now()).map(|checked| checked.by.as_str().to_owned())
}

#[test]
fn a_receipt_is_believed_from_the_instant_at_which_it_was_made() {
    let made = |at| checked(&receipt_policy(""), &signed_receipt(said_at(at), &receiver()));
    assert_eq!(made(now()), Ok("receipts".into()));
    let early = made(now().saturating_add(SignedDuration::from_nanos(1)).unwrap());
    assert!(matches!(early, Err(Doubt::Unknown(_))), "{early:?}: the clock may be wrong");
}

#[test]
fn what_nobody_signed_who_makes_receipts_proves_nothing() {
    let policy = receipt_policy("");
    for bytes in [
        signed_receipt(said(), &LocalKey::p256(1)),
        signed_receipt(said(), &LocalKey::p256(6)),
        receiver().bundle(payload(Kind::Gate)),
        b"{}".to_vec(),
    ] {
        let doubt = checked(&policy, &bytes);
        assert!(matches!(doubt, Err(Doubt::No(_))), "{doubt:?}");
    }
}

#[test]
fn only_a_key_that_makes_receipts_leaves_one_unknown() {
    let in_kms =
        receipt_policy("").replace(&authority_table("receipts", &receiver()), &kms_authority("receipts", &receiver()));
    let unknown = checked(&in_kms, &signed_receipt(said(), &receiver()));
    assert!(matches!(unknown, Err(Doubt::Unknown(_))), "{unknown:?}");
    let beside = receipt_policy("") + &kms_authority("other", &LocalKey::p256(6));
    let strange = checked(&beside, &signed_receipt(said(), &LocalKey::p256(6)));
    assert!(matches!(strange, Err(Doubt::No(_))), "{strange:?}");
}
