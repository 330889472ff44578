//! What an override would have to name, and which overrides there are.

use super::*;
use crate::{
    attestation::predicate::{Revoked, RevokedBy},
    digest::Sha256Digest,
    flow::verify,
    report::VerifyReport,
    testing::{
        evidence::sealed,
        images::described,
        keys::LocalKey,
        lists::{revocations, revoker, signed_list},
        ports::{FakeCatalog, FakeLists},
    },
    trust::Discount,
    verdict::{Reason, Reasons},
};

/// A store that does not answer.
fn out() -> FakeStore {
    FakeStore { read_fault: Some(PortErrorKind::Unavailable), ..FakeStore::default() }
}

/// What stands in the way of the image, under a list that revokes these.
fn found(revoked: &[Revoked], store: &FakeStore) -> (InTheWay, ImageReport) {
    let (policy, list) = (policy(), signed_list(&revocations(1, revoked), &revoker()));
    let lists = FakeLists(vec![(Listing::Revocations(Default::default()), list)], now());
    let catalog = FakeCatalog([(image(), Ok(described()))].into());
    let asked = async {
        let keys = verify::keys(&policy, &lists).await;
        in_the_way(&policy, &image(), (&Context::default(), keys), &catalog, store, now()).await
    };
    block_on(asked)
}

fn saved(images: Vec<ImageReport>) -> Vec<u8> {
    let report = VerifyReport { schema: VERIFY_SCHEMA, at: now(), policy: policy().digest(), images };
    serde_json::to_vec(&report).unwrap()
}

#[test]
fn what_stands_in_the_way_is_the_same_when_it_is_judged_and_in_a_saved_report() {
    let sealed = || FakeStore::holding(&image(), &sealed(&LocalKey::p256(1)));
    let this = Revoked::Image { image: image(), content: Vec::new() };
    let other = ImageRef { id: "ami-00000000000000001".parse().unwrap(), ..image() };
    let elsewhere = Revoked::Image { image: other.clone(), content: Vec::new() };
    for (revoked, store, causes, entries) in [
        (vec![], sealed(), &[][..], &[][..]),
        (vec![], FakeStore::default(), &["evidence-absent"], &[]),
        (vec![elsewhere, this.clone()], sealed(), &["image-revoked"], &[2]),
        (vec![this], FakeStore::default(), &["evidence-absent", "image-revoked"], &[1]),
        (vec![], out(), &["evidence-unavailable"], &[]),
    ] {
        let (found, report) = found(&revoked, &store);
        let expected: BTreeSet<String> = causes.iter().map(|&code| code.to_owned()).collect();
        assert_eq!((&found.causes, &found.revocations), (&expected, &entries.iter().copied().collect()));
        let beside = ImageReport { image: other.clone(), ..report.clone() };
        assert_eq!(in_saved(&saved(vec![beside, report]), |one| *one == image()), Ok(found));
    }
}

#[test]
fn a_saved_rejection_does_not_say_what_could_not_be_asked_beside_it() {
    let (found, report) = found(&[Revoked::Image { image: image(), content: Vec::new() }], &out());
    let causes = ["evidence-unavailable", "image-revoked"].map(str::to_owned).into();
    assert_eq!(found, InTheWay { causes, revocations: [1].into() });
    let told = in_saved(&saved(vec![report]), |one| *one == image()).unwrap();
    assert_eq!(told, InTheWay { causes: ["image-revoked".to_owned()].into(), revocations: [1].into() });
}

#[test]
fn the_entry_that_revokes_is_read_from_whatever_reason_it_stands_in() {
    let by = |entry| RevokedBy { entry, at: now(), by: "alice@example.com".into(), reason: "poisoned".into() };
    let (authority, sha256) = ("ci".parse().unwrap(), Sha256Digest::of(b""));
    let reasons = vec![
        Reason::ImageRevoked(by(1)),
        Reason::ContentRevoked(by(2)),
        Reason::BuilderRevoked { builder: "https://ci.example".into(), revoked: by(3) },
        Reason::EvidenceRevoked { sha256, revoked: by(4) },
        Reason::EvidenceDiscounted {
            discount: Discount::KeyRevoked { authority, revoked: Box::new(by(5)), before: None },
            line: 1,
        },
    ];
    let causes: Vec<Cause> = reasons.iter().map(Cause::reason).collect();
    let found = InTheWay::of(&Verdict::Reject(Reasons::new(reasons).unwrap()));
    assert_eq!(found.revocations, (1..=5).collect());
    assert_eq!(InTheWay::told(&causes), found);
}

#[test]
fn a_saved_report_tells_of_one_image_or_is_refused() {
    let (_, report) = found(&[], &FakeStore::default());
    let one = saved(vec![report.clone()]);
    let of_another = String::from_utf8(one.clone()).unwrap().replace(VERIFY_SCHEMA, "goldseal/verify/v9").into_bytes();
    for (bytes, is, says) in [
        (of_another, true, "the schema is \"goldseal/verify/v9\""),
        (one, false, "it has no verdict of this image"),
        (saved(vec![report.clone(), report]), true, "it has 2 verdicts"),
        (b"[]".to_vec(), true, ""),
    ] {
        let why = in_saved(&bytes, |_| is).unwrap_err();
        assert!(why.contains(says), "{why}");
    }
}

#[test]
fn what_nobody_can_override_is_named() {
    let causes = ["evidence-absent", "internal", "no-such-code"].map(str::to_owned).into();
    assert_eq!(InTheWay { causes, ..InTheWay::default() }.never(), ["internal", "no-such-code"]);
    assert!(found(&[], &FakeStore::default()).0.never().is_empty());
}

#[test]
fn every_override_is_seen_and_what_lets_pass_is_first() {
    let policy = policy();
    let hours = |hours| now() + SignedDuration::from_hours(hours);
    let over = Grant { granted_at: hours(-9), from: hours(-9), until: hours(-1), ..of_image() };
    let lines = [signed_grant(&over, &granters()), signed_grant(&of_image(), &granters())].concat();
    let keys = keys(&policy);
    let source = Source { place: "file".to_owned(), answer: Ok(Some(&lines)), kept: false };
    let lists = Lists::default().overriding(&policy, &keys, &[source]);
    let seen = seen(&policy, &keys.with(lists), now());
    let states: Vec<&GrantState> = seen.iter().map(|one| &one.state).collect();
    assert_eq!(states, [&GrantState::Active, &GrantState::Over]);
}

#[test]
fn the_lines_of_one_override_are_found_among_those_of_others() {
    let policy = policy();
    let [one, other] =
        ["one", "two"].map(|reason| signed_grant(&Grant { reason: reason.into(), ..of_image() }, &granters()));
    let both = [one.clone(), other.clone()].concat();
    for lines in [one, other] {
        let statement = standing(&policy, &lines, now()).statement;
        assert_eq!(lines_of("file", &both, statement).unwrap(), lines);
    }
    assert!(matches!(lines_of("file", b"x\n", Sha256Digest::of(b"")), Err(OverrideError::Unreadable { line: 1, .. })));
}
