//! What every place for records does alike, asked of a directory, the local AWS and the fake; and what only one of them can
//! do wrong.

use std::{fs, os::unix::fs::symlink};

use futures::future::join_all;
use goldseal_core::{ids::Region, testing::records::FakeRecords};
use tempfile::TempDir;

use super::*;
use crate::adapters::{aws::AwsConfig, cloud::cloud};

const ONE: &str = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0";
const OTHER: &str = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn directory() -> (TempDir, Records) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let records = Records::open(&url.parse().unwrap(), None).unwrap();
    (folder, records)
}

/// Returns a bucket of an account that is this test's own.
async fn bucket(account: &str) -> (Connection, Records) {
    let region: Region = "us-east-1".parse().unwrap();
    let connection = AwsConfig::local(&cloud().endpoint, account).await.s3(&region);
    connection.create_bucket().bucket(format!("boots-{account}")).send().await.unwrap();
    let url = format!("s3://boots-{account}/prod").parse().unwrap();
    let records = Records::open(&url, Some(connection.clone())).unwrap();
    (connection, records)
}

/// What is asked of a place that holds what [`held`] lists.
async fn keep_the_contract(records: &impl BootRecords) {
    let newest = async |instance: &str, since: Option<&str>| {
        let found = records.newest(instance, since.map(at)).await.unwrap();
        found.map(|bytes| String::from_utf8(bytes).unwrap())
    };
    assert_eq!(newest(ONE, None).await.as_deref(), Some("third"));
    assert_eq!(newest(ONE, Some("2026-11-24T00:00:00Z")).await.as_deref(), Some("third"));
    assert_eq!(newest(ONE, Some("2026-11-24T12:00:00.999Z")).await.as_deref(), Some("third"), "of the same second");
    assert_eq!(newest(ONE, Some("2026-11-24T12:00:01Z")).await, None);
    assert_eq!(newest(OTHER, None).await.as_deref(), Some("other"), "another's name begins like it");
    assert_eq!(newest(&ONE.replace("cdef0", "cdef1"), None).await, None);
}

fn held() -> Vec<(String, &'static str)> {
    let record = |instance, time, body| (record_path(instance, at(time)), body);
    vec![
        record(ONE, "2026-11-23T12:00:00Z", "first"),
        record(ONE, "2026-11-24T11:59:59.999Z", "second"),
        record(ONE, "2026-11-24T12:00:00.5Z", "third"),
        record(OTHER, "2026-11-26T12:00:00Z", "other"),
        (format!("{}/zzz.json", records_folder(ONE)), "no record"),
        (format!("{}/deep/20261130T000000.000Z.json", records_folder(ONE)), "no record"),
    ]
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    let held = held().into_iter().map(|(path, body)| (path, body.as_bytes().to_vec())).collect();
    keep_the_contract(&FakeRecords { held, ..FakeRecords::default() }).await;
}

#[tokio::test]
async fn a_directory_keeps_the_contract() {
    let (folder, records) = directory();
    for (path, body) in held() {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body).unwrap();
    }
    keep_the_contract(&records).await;
    // A link stands for a file that no guard wrote.
    let later = folder.path().join(record_path(ONE, at("2026-12-01T00:00:00Z")));
    symlink(folder.path().join(&held()[0].0), later).unwrap();
    keep_the_contract(&records).await;
}

#[tokio::test]
async fn a_bucket_keeps_the_contract() {
    let (connection, records) = bucket("670000000001").await;
    for (path, body) in held() {
        let put = connection.put_object().bucket("boots-670000000001").key(format!("prod/{path}"));
        put.body(body.as_bytes().to_vec().into()).send().await.unwrap();
    }
    keep_the_contract(&records).await;
}

#[tokio::test]
async fn what_is_written_is_found_and_never_changed() {
    let (_folder, files) = directory();
    let (_, objects) = bucket("670000000002").await;
    for records in [files, objects] {
        let now = at("2026-11-24T04:05:06.789012Z");
        let place = records.add(ONE, now, b"report").await.unwrap();
        assert_eq!(place, format!("{}/v1/boot/{ONE}/20261124T040506.789Z.json", records.locate()));
        assert_eq!(records.newest(ONE, Some(now)).await.unwrap().as_deref(), Some(&b"report"[..]));
        let error = records.add(ONE, now, b"another").await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Refused);
        assert!(error.chain().contains("already"), "{}", error.chain());
    }
}

#[tokio::test]
async fn too_much_and_too_many_are_not_read() {
    let (folder, files) = directory();
    let (connection, objects) = bucket("670000000003").await;
    let start = at("2026-11-24T00:00:00Z");
    let paths: Vec<String> = (0..)
        .map(|second| record_path(ONE, start + jiff::SignedDuration::from_secs(second)))
        .take(MOST_RECORDS + 1)
        .collect();
    fs::create_dir_all(folder.path().join(records_folder(ONE))).unwrap();
    paths.iter().for_each(|path| fs::write(folder.path().join(path), "x").unwrap());
    for some in paths.chunks(50) {
        let put = |path: &String| {
            connection
                .put_object()
                .bucket("boots-670000000003")
                .key(format!("prod/{path}"))
                .body(b"x".to_vec().into())
                .send()
        };
        for stored in join_all(some.iter().map(put)).await {
            stored.unwrap();
        }
    }
    let large = record_path(OTHER, start);
    let body = vec![b' '; BootRecord::LARGEST + 1];
    fs::create_dir_all(folder.path().join(records_folder(OTHER))).unwrap();
    fs::write(folder.path().join(&large), &body).unwrap();
    let put = connection.put_object().bucket("boots-670000000003").key(format!("prod/{large}"));
    put.body(body.into()).send().await.unwrap();
    for records in [files, objects] {
        for instance in [ONE, OTHER] {
            let error = records.newest(instance, None).await.unwrap_err();
            assert_eq!(error.kind, PortErrorKind::Malformed, "{}", error.chain());
        }
        // One boot later it is one less.
        let since = start + jiff::SignedDuration::from_secs(1);
        assert_eq!(records.newest(ONE, Some(since)).await.unwrap().as_deref(), Some(&b"x"[..]));
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_taken_for_none() {
    let account = "670000000004";
    let (connection, records) = bucket(account).await;
    cloud().order_fault(&format!(
        r#"{{"service":"s3","account":"{account}","action":"ListObjectsV2","status":403,"code":"AccessDenied"}}"#
    ));
    let error = records.newest(ONE, None).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Denied);
    assert!(
        error.chain().starts_with("s3:ListObjectsV2 s3://boots-670000000004/prod/v1/boot/arn"),
        "{}",
        error.chain()
    );
    let nowhere = Records::open(&"s3://boots-nowhere".parse().unwrap(), Some(connection)).unwrap();
    assert_eq!(nowhere.newest(ONE, None).await.unwrap_err().kind, PortErrorKind::NotFound);
    let unmounted = Records::open(&"file:///nowhere/at/all".parse().unwrap(), None).unwrap();
    assert_eq!(unmounted.newest(ONE, None).await.unwrap_err().kind, PortErrorKind::NotFound);
    for url in ["https://boots.example", "oci://boots.example/records"] {
        let error = Records::open(&url.parse().unwrap(), None).unwrap_err();
        assert!(matches!(error, OpenError::NoPlace(_)), "{error}");
    }
}
