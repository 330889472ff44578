//! The contract, kept by S3 as the local AWS has it; and what only S3 can do wrong.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use goldseal_core::ports::evidence_path;

use super::*;
use crate::adapters::{
    aws::AwsConfig,
    cloud::cloud,
    store::s3::{Connection, S3Store},
};

/// Returns a bucket of an account that is this test's own.
async fn bucket(account: &str) -> (Connection, S3Store) {
    let connection = AwsConfig::local(&cloud().endpoint, account).await.s3(&"us-east-1".parse().unwrap());
    let name = format!("evidence-{account}");
    connection.create_bucket().bucket(&name).send().await.unwrap();
    let store = S3Store::new(connection.clone(), name, "team/a");
    (connection, store)
}

fn order(account: &str, action: &str, more: &str) {
    cloud().order_fault(&format!(r#"{{"service":"s3","account":"{account}","action":"{action}",{more}}}"#));
}

#[tokio::test]
async fn the_contract_is_kept() {
    let (connection, store) = bucket("610000000001").await;
    Stores::of(&store).keep_the_contract(1).await;
    let key = "team/a/v1/aws/eu-west-1/ami-00000000000000001.jsonl";
    assert_eq!(store.locate(&image(1).image()), format!("s3://evidence-610000000001/{key}"));
    let head = connection.head_object().bucket("evidence-610000000001").key(key).send().await.unwrap();
    assert_eq!(head.content_type(), Some("application/jsonl"));
    let plain = S3Store::new(connection, "evidence-610000000001", "");
    assert!(plain.locate(&image(1).image()).starts_with("s3://evidence-610000000001/v1/aws/"));
    lists::keep_the_contract(&store, &store).await;
    let images = goldseal_core::ports::Inventory::images(&store, 10).await.unwrap();
    assert_eq!(images, [1, 2].map(|number| image(number).image()), "lists are no evidence");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_writers_wins() {
    let (_, store) = bucket("610000000002").await;
    for round in 0..3 {
        assert_eq!(race(&store, round, 4).await, [1, 1]);
    }
}

#[tokio::test]
async fn more_than_the_limit_is_malformed() {
    let (connection, store) = bucket("610000000003").await;
    let bucket = "evidence-610000000003";
    let key = format!("team/a/{}", evidence_path(&image(1).image()));
    let part = ByteStream::from(vec![b'x'; 6 << 20]);
    connection.put_object().bucket(bucket).key("part").body(part).send().await.unwrap();
    // Put together over there, since sending as much takes long.
    let upload = connection.create_multipart_upload().bucket(bucket).key(&key).send().await.unwrap();
    let upload = upload.upload_id().unwrap();
    let mut parts = CompletedMultipartUpload::builder();
    for number in 1..=17 {
        let copy = connection.upload_part_copy().bucket(bucket).key(&key).upload_id(upload).part_number(number);
        let copied = copy.copy_source(format!("{bucket}/part")).send().await.unwrap();
        let etag = copied.copy_part_result().and_then(|part| part.e_tag()).unwrap();
        parts = parts.parts(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let complete = connection.complete_multipart_upload().bucket(bucket).key(&key).upload_id(upload);
    complete.multipart_upload(parts.build()).send().await.unwrap();
    let text = read_fails(&store, &image(1).image(), PortErrorKind::Malformed).await;
    assert!(text.contains("bytes allowed"), "{text}");
}

#[tokio::test]
async fn each_answer_is_what_it_says() {
    let account = "610000000004";
    let (connection, store) = bucket(account).await;
    let image = image(1);
    let bytes = evidence(&image, "x", 1, 100);
    assert_eq!(store.write(&image, &bytes, Expected::Absent).await.unwrap(), Stored);

    order(account, "GetObject", r#""status":500,"code":"InternalError","times":3"#);
    read_fails(&store, &image.image(), PortErrorKind::Unavailable).await;
    order(account, "GetObject", r#""status":503,"code":"SlowDown","times":3"#);
    read_fails(&store, &image.image(), PortErrorKind::Throttled).await;
    order(account, "GetObject", r#""status":403,"code":"AccessDenied""#);
    let text = read_fails(&store, &image.image(), PortErrorKind::Denied).await;
    assert!(text.contains("s3:ListBucket"), "{text}");
    order(account, "PutObject", r#""status":403,"code":"AccessDenied""#);
    fails(store.write(&image, &bytes, Expected::Absent).await, PortErrorKind::Denied);
    order(account, "PutObject", r#""status":409,"code":"ConditionalRequestConflict""#);
    assert_eq!(store.write(&image, &bytes, Expected::Absent).await.unwrap(), Conflict);
    order(account, "PutObject", r#""status":412,"code":"PreconditionFailed""#);
    assert_eq!(store.write(&image, &bytes, Expected::Absent).await.unwrap(), Conflict);
    order(account, "PutObject", r#""status":500,"code":"InternalError","times":3"#);
    fails(store.write(&image, &bytes, Expected::Absent).await, PortErrorKind::Unavailable);
    order(account, "GetObject", r#""corrupt":true"#);
    read_fails(&store, &image.image(), PortErrorKind::Malformed).await;

    let nowhere = S3Store::new(connection, "evidence-nowhere", "");
    let text = read_fails(&nowhere, &image.image(), PortErrorKind::NotFound).await;
    assert!(text.contains("NoSuchBucket"), "{text}");
    fails(nowhere.write(&image, &bytes, Expected::Absent).await, PortErrorKind::NotFound);
}

#[tokio::test]
async fn a_lost_answer_to_a_write_is_no_conflict() {
    let account = "610000000005";
    let (_, store) = bucket(account).await;
    let image = image(1);
    let (ours, theirs) = (evidence(&image, "ours", 1, 100), evidence(&image, "theirs", 1, 100));
    // The first try fails; meanwhile, as if it had gone through, our bytes are there.
    order(account, "PutObject", r#""status":500,"code":"InternalError","after":1"#);
    assert_eq!(store.write(&image, &ours, Expected::Absent).await.unwrap(), Stored);
    assert_eq!(store.write(&image, &ours, Expected::Absent).await.unwrap(), Stored);
    order(account, "PutObject", r#""status":500,"code":"InternalError""#);
    assert_eq!(store.write(&image, &theirs, Expected::Absent).await.unwrap(), Conflict);
    assert_eq!(store.read(&image.image()).await.unwrap().unwrap().bytes, ours);
}
