//! What is revoked is never admitted, and a list that does not count leaves nobody knowing.

use super::*;
use crate::{
    attestation::{
        predicate::{BuildFacts, PROVENANCE_TYPE, provenance},
        write_statement,
    },
    image::DeviceContent,
    testing::{evidence::signed, images::descriptor},
    verdict::Fault,
};

#[test]
fn every_kind_of_entry_rejects_what_it_names_and_says_which_entry() {
    assert_eq!(Asked::admitted().outcome(), "admit");
    for (revoked, expected) in matching() {
        let asked = Asked::revoking(&[Revoked::Evidence { sha256: Sha256Digest::of(b"other") }, revoked.clone()]);
        assert_eq!(asked.outcome(), expected, "{revoked:?}");
        let Verdict::Reject(reasons) = asked.judge().0.verdict else { panic!("{revoked:?}") };
        assert_eq!(reasons.as_slice().iter().find_map(Reason::revocation), Some(2));
        assert!(reasons.as_slice().iter().any(|reason| reason.to_string().contains("entry 2 of the revocation list")));
    }
}

#[test]
fn the_whole_evidence_can_be_revoked() {
    let evidence = sealed(&LocalKey::p256(1));
    let list = revocations(1, &[Revoked::Evidence { sha256: Sha256Digest::of(&evidence) }]);
    assert_eq!(Asked { evidence, ..Asked::of(&list) }.outcome(), "reject evidence-revoked");
}

/// A copy has another id, and the same on its devices.
#[test]
fn an_image_falls_with_what_is_on_a_revoked_one() {
    let ci = LocalKey::p256(1);
    let sha256 = Sha256Digest::of(b"what is on it");
    let content = DeviceContent { device_name: "/dev/xvda".into(), volume_size: 8, sha256 };
    let built: BuildFacts = serde_json::from_str(r#"{"builder":"c"}"#).unwrap();
    let built = provenance(&descriptor(), built, &[], &[content]);
    let built = write_statement(&descriptor(), PROVENANCE_TYPE, built, false).unwrap();
    let evidence = signed(&[(&ci, built), (&ci, payload(Kind::Sbom)), (&ci, payload(Kind::Scan))]);
    let other = ImageRef { id: "ami-0fedcba9876543210".parse().unwrap(), ..image() };
    for (content, expected) in [(sha256, "reject image-revoked"), (Sha256Digest::of(b"other"), "admit")] {
        let revoked = Revoked::Image { image: other.clone(), content: vec![content] };
        assert_eq!(Asked { evidence: evidence.clone(), ..Asked::revoking(&[revoked]) }.outcome(), expected);
    }
}

#[test]
fn what_is_lifted_counts_again_and_nothing_else() {
    let lifted = Asked::revoking(&[of_image(), Revoked::Lift { entry: 1 }]);
    assert_eq!(lifted.outcome(), "admit");
    let again = Asked::revoking(&[of_image(), Revoked::Lift { entry: 1 }, of_image()]);
    assert_eq!(again.outcome(), "reject image-revoked");
}

#[test]
fn an_image_that_nobody_can_describe_is_rejected_all_the_same_when_it_is_revoked() {
    let image = image();
    let unknown = || crate::policy::undescribed(Err(Fault::ImageUnavailable { problem: "throttled".into() }));
    let policy = compiled(&listed_policy());
    let judged = |revoked: &[Revoked]| {
        let list = signed_list(&revocations(1, revoked), &revoker());
        let keys = Keys::new(&policy, |_| Err(String::new()));
        let source = Source { place: "store".into(), answer: Ok(Some(list.as_slice())), kept: false };
        let lists = Lists::default().revoking(&policy, &keys, &[source], now());
        unknown().listed(&policy, &keys.with(lists), &image).verdict
    };
    assert!(matches!(judged(&[]), Verdict::Undetermined(_)));
    let Verdict::Reject(reasons) = judged(&[of_image()]) else { panic!("it is revoked") };
    assert_eq!(reasons.as_slice().iter().map(Reason::code).collect::<Vec<_>>(), ["image-revoked"]);
}

#[test]
fn of_two_entries_about_one_key_the_one_counts_that_leaves_less_standing() {
    let policy = compiled(&listed_policy());
    let since = |hours: Option<i32>| hours.map(|hours| now() - HOUR * hours);
    for (first, second, expected, entry) in [
        (Some(3), Some(2), Some(3), 1),
        (Some(2), Some(3), Some(3), 2),
        (Some(2), Some(2), Some(2), 1),
        (None, Some(2), None, 1),
        (Some(2), None, None, 2),
        (None, None, None, 1),
    ] {
        let revoked = [first, second].map(|hours| Revoked::Key { spki_sha256: ci(), since: since(hours) });
        let keys = Lists::as_if(&policy, &revocations(1, &revoked)).unwrap().withdrawn(&policy).keys(&policy);
        let [revocation] = keys.into_values().collect::<Vec<_>>().try_into().unwrap();
        let found = (revocation.before, revocation.revoked.entry);
        assert_eq!(found, (since(expected), entry), "{first:?} {second:?}");
    }
}

#[test]
fn of_a_builder_stays_what_was_seen_before_the_instant_and_nothing_of_that_very_instant() {
    let policy = compiled(&listed_policy());
    for (since, seen, stays) in [
        (Some(now()), Some(now() - SignedDuration::from_nanos(1)), true),
        (Some(now()), Some(now()), false),
        (Some(now()), Some(now() + HOUR), false),
        (Some(now()), None, false),
        (None, Some(now() - HOUR), false),
    ] {
        let list = revocations(1, &[Revoked::Builder { builder: "c".into(), since }]);
        let lists = Lists::as_if(&policy, &list).unwrap();
        let withdrawn = lists.withdrawn(&policy);
        assert_eq!(withdrawn.builder("c", seen).is_empty(), stays, "{since:?} {seen:?}");
        assert!(withdrawn.builder("d", seen).is_empty());
    }
}

#[test]
fn an_instant_leaves_nothing_standing_that_nobody_saw() {
    let since = Some(now());
    for revoked in [Revoked::Key { spki_sha256: ci(), since }, Revoked::Builder { builder: "c".into(), since }] {
        assert!(Asked::revoking(&[revoked]).outcome().starts_with("reject"));
    }
}

#[test]
fn a_list_that_does_not_count_leaves_nobody_knowing() {
    let list = || revocations(1, &[]);
    let stranger = signed_list(&list(), &LocalKey::p256(3));
    let named = Revocations { list: "other".into(), ..list() };
    let mut gap = revocations(1, &[of_image(), of_image()]);
    gap.entries.remove(0);
    for (store, expected) in [
        (Ok(None), "undetermined revocations-unavailable"),
        (Err("throttled".to_owned()), "undetermined revocations-unavailable"),
        (Ok(Some(Vec::new())), "undetermined revocations-unavailable"),
        (Ok(Some(b"x\n".to_vec())), "undetermined revocations-unavailable"),
        (Ok(Some(stranger)), "undetermined revocations-unavailable"),
        (Ok(Some(signed_list(&named, &revoker()))), "undetermined revocations-unavailable"),
        (Ok(Some(signed_list(&gap, &revoker()))), "undetermined revocations-unavailable"),
        (Ok(Some(signed_list(&revocations(0, &[]), &revoker()))), "undetermined revocations-unavailable"),
    ] {
        assert_eq!(Asked { store, ..Asked::admitted() }.outcome(), expected);
    }
    let unsigned = Asked { store: Ok(Some(signed_list(&list(), &LocalKey::p256(3)))), ..Asked::admitted() };
    let Verdict::Undetermined(faults) = unsigned.judge().0.verdict else { panic!("nobody who revokes signed it") };
    let fault = faults.as_slice()[0].to_string();
    assert!(fault.contains("store: signed by 0 of the 1 authorities that it takes"), "{fault}");
    assert_eq!(Asked { asked: now() + HOUR, ..Asked::admitted() }.outcome(), "undetermined revocations-stale");
    let nearly = now() + HOUR - SignedDuration::from_nanos(1);
    assert_eq!(Asked { asked: nearly, ..Asked::admitted() }.outcome(), "admit");
    let early = Asked { asked: now() - HOUR, ..Asked::admitted() };
    assert_eq!(early.outcome(), "undetermined clock-before-signed-time");
}

#[test]
fn a_list_that_was_not_asked_for_admits_nothing() {
    let policy = compiled(&listed_policy());
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let dossier = keys.examine(sealed(&LocalKey::p256(1)), facts().descriptor.digest());
    let judgement = judge(&policy, &keys, &facts(), &Gathered::Found(&dossier), now());
    assert!(matches!(judgement.verdict, Verdict::Undetermined(_)));
}

#[test]
fn an_older_list_that_is_put_back_changes_nothing_and_is_told() {
    let newer = revocations(2, &[of_image()]);
    let kept = Some(signed_list(&newer, &revoker()));
    let rolled_back = Asked { kept: kept.clone(), ..Asked::admitted() };
    assert_eq!(rolled_back.outcome(), "reject image-revoked");
    assert_eq!(rolled_back.remarks(), ["revocations-rolled-back"]);
    let out = Asked { store: Err("throttled".into()), kept, ..Asked::admitted() };
    assert_eq!((out.outcome().as_str(), out.remarks()), ("reject image-revoked", vec!["revocations-stand-in"]));
    assert_eq!(out.judge().1, [Remark::StandIn { problem: "store: throttled".into() }]);
}

#[test]
fn lists_that_contradict_each_other_withdraw_together_and_admit_nothing() {
    let image = signed_list(&revocations(1, &[of_image()]), &revoker());
    let same_serial = Asked { kept: Some(image.clone()), ..Asked::admitted() };
    assert_eq!(same_serial.outcome(), "reject image-revoked");
    let other = revocations(2, &[Revoked::Evidence { sha256: Sha256Digest::of(b"x") }]);
    let taken_out = Asked { kept: Some(image), ..Asked::of(&other) };
    assert_eq!(taken_out.outcome(), "reject image-revoked");
    let harmless = revocations(1, &[Revoked::Evidence { sha256: Sha256Digest::of(b"y") }]);
    let disputed = Asked { kept: Some(signed_list(&harmless, &revoker())), ..Asked::of(&other) };
    assert_eq!(disputed.outcome(), "undetermined revocations-inconsistent");
}

#[test]
fn bytes_that_are_the_same_are_not_examined_again_and_all_others_are() {
    let policy = compiled(&listed_policy());
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let [first, second] =
        [revocations(1, &[]), revocations(2, &[of_image()])].map(|list| signed_list(&list, &revoker()));
    let read = |lists: Lists, keys: &Keys, bytes: &[u8], at| {
        let source = Source { place: "store".into(), answer: Ok(Some(bytes)), kept: false };
        lists.revoking(&policy, keys, &[Source { kept: true, ..source.clone() }, source], at)
    };
    let before = read(Lists::default(), &keys, &first, now());
    assert!(Arc::ptr_eq(&before.known[0], &before.known[1]), "two copies of one list are one");
    let same = read(Lists::after(&before), &keys, &first, now());
    assert!(Arc::ptr_eq(&before.known[0], &same.known[0]));
    // Its age is that of the new question, and another list is another list.
    let late = read(Lists::after(&before), &keys, &first, now() + HOUR);
    assert!(late.problems(&policy).iter().any(|problem| problem.contains("revocation list")), "{late:?}");
    let newer = read(Lists::after(&before), &keys, &second, now());
    assert_eq!((newer.newest().unwrap().serial, newer.newest().unwrap().entries), (2, 1));
    assert_eq!(newer.known.len(), 2, "what is gone is forgotten");
    // With other keys nothing of it is taken over.
    let stranger = compiled(&listed_policy().replace(&revoker().pem(), &LocalKey::p256(6).pem()));
    let theirs = Keys::new(&stranger, |_| Err(String::new()));
    let source = Source { place: "store".into(), answer: Ok(Some(first.as_slice())), kept: false };
    let other = Lists::after(&before).revoking(&stranger, &theirs, &[source], now());
    assert_eq!(other.newest(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever else a list says, and whatever stands beside it, an entry that matches is never admitted, but by an override
    /// that names it.
    #[test]
    fn what_is_revoked_is_never_admitted(
        which in 0_usize..5,
        others in prop::collection::vec(any::<[u8; 8]>(), 0..6),
        place in any::<prop::sample::Index>(),
        stale in any::<bool>(),
        older in any::<bool>(),
    ) {
        let mut entries: Vec<Revoked> =
            others.iter().map(|bytes| Revoked::Evidence { sha256: Sha256Digest::of(bytes) }).collect();
        entries.insert(place.index(entries.len() + 1), matching()[which].0.clone());
        let asked = Asked {
            asked: if stale { now() + HOUR } else { now() },
            kept: older.then(|| signed_list(&revocations(1, &entries[..1]), &revoker())),
            ..Asked::of(&revocations(2, &entries))
        };
        prop_assert!(asked.outcome().starts_with("reject"), "{}", asked.outcome());
    }
}
