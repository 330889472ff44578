//! What is told of a list: which of its entries, who signed it, and by which key.

use super::*;
use crate::{
    image::DeviceContent,
    testing::{images::descriptor, policies::kms_authority},
};

fn numbers(report: &RevokeReport) -> Vec<u64> {
    report.entries.iter().map(|entry| entry.number).collect()
}

fn names(report: &RevokeReport) -> Vec<&str> {
    report.signed_by.iter().map(|name| name.as_str()).collect()
}

fn codes(report: &RevokeReport) -> Vec<&str> {
    report.notes.iter().map(|note| note.code.as_ref()).collect()
}

#[test]
fn a_plan_and_what_is_stored_tell_what_is_new_and_a_list_that_is_shown_all_of_it() {
    let (keeper, store) = (Keeper::new(), holding(&signed_list(&revocations(7, &[other(1)]), &revoker())));
    let (before, after) = run(keeper.keeping().plan(&adding(&[of_image()]), &store)).unwrap();
    let planned = keeper.keeping().planned((&before, &after), &store).unwrap();
    assert_eq!((planned.action, numbers(&planned)), (RevokeAction::Planned, vec![2]));
    assert!(planned.statement.is_none() && planned.key.is_none() && planned.signed_by.is_empty());

    let done = keeper.change(&adding(&[of_image()]), 2, &store).unwrap();
    let shown = run(keeper.keeping().show(None, &store)).unwrap();
    assert_eq!((numbers(&done), numbers(&shown)), (vec![2], vec![1, 2]));
    assert_eq!((shown.action, names(&shown), shown.key.is_none()), (RevokeAction::Shown, vec!["revoker"], true));
    assert!(shown.statement.is_some() && shown.statement == done.statement);
    let key = done.key.as_ref().unwrap();
    assert_eq!((key.name.as_str(), key.dangerous_local, codes(&done)), ("key/2", false, vec![]));
}

#[test]
fn a_key_file_is_told() {
    let (keeper, store) = (Keeper::new(), holding(&signed_list(&revocations(1, &[]), &revoker())));
    let mut local = FakeSigner::new(2);
    local.key.dangerous_local = true;
    let report = run(keeper.keeping().change(&adding(&[of_image()]), &local, &store)).unwrap();
    assert_eq!((codes(&report), report.key.as_ref().unwrap().dangerous_local), (vec!["dangerous-local-key"], true));
}

#[test]
fn what_is_revoked_already_is_told_without_its_neighbours() {
    let (keeper, store) = (Keeper::new(), holding(&signed_list(&revocations(7, &[other(1), of_image()]), &revoker())));
    let report = keeper.change(&adding(&[of_image()]), 2, &store).unwrap();
    assert_eq!((report.action, numbers(&report)), (RevokeAction::Already, vec![2]));
}

#[test]
fn the_last_signature_tells_what_is_new_with_it() {
    let (keeper, store) = (two_of_two(), FakeStore::default());
    let first = Keeper { first: true, ..two_of_two() };
    first.change(&adding(&[other(1)]), 2, &store).unwrap();
    assert_eq!(numbers(&keeper.countersign(5, &store).unwrap()), [1]);
    keeper.change(&adding(&[of_image()]), 5, &store).unwrap();
    let report = keeper.countersign(2, &store).unwrap();
    assert_eq!((numbers(&report), keeper.read(&store)), (vec![2], (2, 2, true)));
}

#[test]
fn a_list_that_no_reader_would_take_is_not_stored() {
    let policy =
        listed_policy().replacen(&authority_table("revoker", &revoker()), &kms_authority("revoker", &revoker()), 1);
    // KMS does not say that the key still stands, so that nobody counts what it signs.
    let (keeper, store) = (Keeper { first: true, ..Keeper::of(&policy) }, FakeStore::default());
    let error = keeper.change(&adding(&[of_image()]), 2, &store).unwrap_err();
    assert!(matches!(error, RevokeError::SelfCheck { .. }), "{error}");
    assert_eq!(held(&store), None);
}

#[test]
fn of_the_content_of_an_image_its_root_is_what_copies_of_it_share() {
    let (keeper, ci) = (Keeper::new(), LocalKey::p256(1));
    let device = |name: &str, mark: u8| DeviceContent {
        device_name: name.to_owned(),
        volume_size: 1,
        sha256: Sha256Digest::of(&[mark]),
    };
    let content = [device("/dev/xvdb", 2), device("/dev/xvda", 1)];
    let facts = serde_json::from_str(r#"{"builder":"c"}"#).unwrap();
    let image = descriptor();
    let made = crate::attestation::predicate::provenance(&image, facts, &[], &content);
    let provenance =
        crate::attestation::write_statement(&image, crate::attestation::predicate::PROVENANCE_TYPE, made, false)
            .unwrap();
    let lines = [provenance, payload(Kind::Sbom), payload(Kind::Scan)];
    let found = |key: &LocalKey, image: &ImageRef| {
        let store = FakeStore::holding(&descriptor().image(), &signed(&lines.clone().map(|line| (key, line))));
        run(contents(&keeper.policy, &keeper.keys, image, &store, now()))
    };
    assert_eq!(found(&ci, &image.image()).unwrap(), [Sha256Digest::of(&[1])]);
    assert_eq!(found(&LocalKey::p256(6), &image.image()).unwrap(), [], "nobody knows who signed it");
    let missing = ImageRef { id: "ami-0fedcba9876543210".parse().unwrap(), ..image.image() };
    assert_eq!(found(&ci, &missing).unwrap(), []);
    let out = FakeStore { read_fault: Some(PortErrorKind::Unavailable), ..FakeStore::default() };
    assert!(run(contents(&keeper.policy, &keeper.keys, &missing, &out, now())).is_err());
}
