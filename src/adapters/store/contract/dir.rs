//! The contract, kept by a directory; and what only a directory can do wrong.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    process::Command,
};

use goldseal_core::ports::evidence_path;
use tempfile::TempDir;

use super::*;
use crate::adapters::store::dir::DirStore;

fn store() -> (TempDir, DirStore) {
    let root = tempfile::tempdir().unwrap();
    let store = DirStore::new(root.path());
    (root, store)
}

#[tokio::test]
async fn the_contract_is_kept() {
    let (root, store) = store();
    Stores::of(&store).keep_the_contract(1).await;
    let image = image(1).image();
    let path = root.path().join("v1/aws/eu-west-1/ami-00000000000000001.jsonl");
    assert_eq!(store.locate(&image), format!("file://{}", path.display()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    let mut left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".lock", "ami-00000000000000001.jsonl", "ami-00000000000000002.jsonl"], "no drafts are left");
    lists::keep_the_contract(&store, &store).await;
    let images = goldseal_core::ports::Inventory::images(&store, 10).await.unwrap();
    assert_eq!(images, [1, 2].map(|number| super::image(number).image()), "lists are no evidence");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_writers_wins() {
    let (_root, store) = store();
    for round in 0..10 {
        assert_eq!(race(&store, round, 6).await, [1, 1]);
    }
}

#[tokio::test]
async fn a_missing_root_is_no_empty_store() {
    let (root, _) = store();
    let image = image(1);
    for missing in [root.path().join("unmounted"), root.path().join("file")] {
        File::create(root.path().join("file")).unwrap();
        let store = DirStore::new(missing);
        read_fails(&store, &image.image(), PortErrorKind::NotFound).await;
        let written = store.write(&image, &evidence(&image, "x", 1, 10), Expected::Absent).await;
        fails(written, PortErrorKind::NotFound);
    }
}

#[tokio::test]
async fn more_than_the_limit_is_malformed() {
    let (root, store) = store();
    let image = image(1).image();
    let path = root.path().join(evidence_path(&image));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(&path).unwrap();
    let limit = u64::try_from(EVIDENCE_LIMITS.bytes).unwrap();
    file.set_len(limit + 1).unwrap();
    read_fails(&store, &image, PortErrorKind::Malformed).await;
    file.set_len(limit).unwrap();
    assert_eq!(store.read(&image).await.unwrap().unwrap().bytes.len(), EVIDENCE_LIMITS.bytes);
}

#[tokio::test]
async fn only_a_regular_file_is_evidence() {
    let (root, store) = store();
    let image = image(1);
    let path = root.path().join(evidence_path(&image.image()));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let elsewhere = root.path().join("elsewhere");
    fs::write(&elsewhere, "{}\n").unwrap();
    symlink(&elsewhere, &path).unwrap();
    read_fails(&store, &image.image(), PortErrorKind::Refused).await;
    let bytes = evidence(&image, "x", 1, 10);
    assert_eq!(store.write(&image, &bytes, Expected::Absent).await.unwrap(), Conflict);
    assert_eq!(fs::read(&elsewhere).unwrap(), b"{}\n");
    fs::remove_file(&path).unwrap();

    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    read_fails(&store, &image.image(), PortErrorKind::Refused).await;
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    read_fails(&store, &image.image(), PortErrorKind::Refused).await;
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_denied() {
    let (root, store) = store();
    let image = image(1);
    assert_eq!(store.write(&image, &evidence(&image, "x", 1, 10), Expected::Absent).await.unwrap(), Stored);
    let path = root.path().join(evidence_path(&image.image()));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Who is allowed everything learns nothing here.
    if File::open(&path).is_err() {
        read_fails(&store, &image.image(), PortErrorKind::Denied).await;
    }
}
