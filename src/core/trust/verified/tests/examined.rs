//! What is kept of evidence between one instant and the next.

use super::*;
use crate::{
    attestation::predicate::{
        GRANT_TYPE, PROVENANCE_TYPE, RECEIPT_FIELD, REVOCATIONS_TYPE, RevokedBy, SPDX_TYPE, SUMMARY_TYPE, VULNS_TYPE,
    },
    testing::evidence::predicate_type,
};

#[test]
fn only_what_is_read_for_a_verdict_keeps_its_payload() {
    let receipt = format!(r#"{{"{RECEIPT_FIELD}":{{}}}}"#);
    for (of, predicate, kept) in [
        (PROVENANCE_TYPE, "{}", true),
        (SUMMARY_TYPE, "{}", true),
        (SUMMARY_TYPE, &receipt, true),
        (predicate_type(Kind::Approval), "{}", true),
        (predicate_type(Kind::Tests), "{}", true),
        (REVOCATIONS_TYPE, "{}", true),
        (GRANT_TYPE, "{}", true),
        (SPDX_TYPE, "{}", false),
        (VULNS_TYPE, "{}", false),
        ("https://x.example/y", "{}", false),
    ] {
        let payload = statement(descriptor().digest(), of, predicate);
        let surveyed = survey(&root(), &LocalKey::p256(1).bundle(payload.clone())).unwrap();
        let [told] = surveyed.statements().collect::<Vec<_>>().try_into().unwrap();
        let expected: (&[u8], &[u8]) = if kept { (&payload, predicate.as_bytes()) } else { (b"", b"") };
        assert_eq!((told.payload(), told.predicate_bytes()), expected, "{of} {predicate}");
        assert_eq!(told.digest(), Sha256Digest::of(&payload), "{of}");
    }
}

#[test]
fn lines_are_settled_that_bear_a_known_signature_or_the_hint_of_a_known_key() {
    let [ci, stranger] = [1, 3].map(LocalKey::p256);
    let about_another = statement(other_facts().descriptor.digest(), predicate_type(Kind::Sbom), "{}");
    let evidence = join([
        sbom().as_slice(),
        &stranger.bundle(payload(Kind::Sbom)),
        &changed(&stranger.bundle(payload(Kind::Sbom)), &hint(&stranger), &hint(&ci)),
        &ci.bundle(about_another),
    ]);
    assert_eq!(examine(&root(), &evidence, descriptor().digest()).unwrap().settled(), [1, 3, 4]);
    assert_eq!(Examined::default().settled(), [0; 0]);
}

#[test]
fn of_a_revoked_key_stays_what_is_known_to_be_older_and_nothing_of_that_very_instant() {
    let ci: AuthorityName = "ci".parse().unwrap();
    let sbom_digest = Sha256Digest::of(&payload(Kind::Sbom));
    let examined = examine(&root(), &sbom(), descriptor().digest()).unwrap();
    let by = RevokedBy { entry: 1, at: at(NOW), by: "alice".into(), reason: "leaked".into() };
    for (before, known, stays) in [
        (Some(SEEN), Some(SEEN - 1), true),
        (Some(SEEN), Some(SEEN), false),
        (Some(SEEN), Some(SEEN + 1), false),
        (Some(SEEN), None, false),
        (None, Some(SEEN), false),
    ] {
        let revocation = KeyRevocation { before: before.map(at), revoked: by.clone() };
        let proven = known.map(|known| ((ci.clone(), sbom_digest), at(known))).into_iter().collect();
        let believed = examined.believe(&[(ci.clone(), revocation)].into(), &proven, at(NOW));
        let codes: Vec<&str> = believed.discounted.iter().map(|one| one.discount.code()).collect();
        let expected: &[&str] = if stays { &[] } else { &["key-revoked"] };
        assert_eq!((believed.verified.len(), codes.as_slice()), (usize::from(stays), expected), "{before:?} {known:?}");
    }
}
