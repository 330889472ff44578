//! What every place for state does alike, asked of a directory, the local AWS and the fake; and what only one of them
//! can do wrong.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use futures::future::join_all;
use goldseal_core::{ids::Region, ports::PortErrorKind, testing::launches::FakeState};
use tempfile::TempDir;

use super::*;
use crate::adapters::{aws::AwsConfig, cloud::cloud};

fn name(text: &str) -> StateName {
    StateName::new(text).unwrap()
}

fn directory() -> (TempDir, State) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/lib/goldseal", folder.path().display());
    let state = State::open(&url.parse().unwrap(), None).unwrap();
    (folder, state)
}

/// Returns a bucket of an account that is this test's own.
async fn bucket(account: &str) -> (Connection, State) {
    let region: Region = "us-east-1".parse().unwrap();
    let connection = AwsConfig::local(&cloud().endpoint, account).await.s3(&region);
    connection.create_bucket().bucket(format!("state-{account}")).send().await.unwrap();
    let url = format!("s3://state-{account}/hook/eu").parse().unwrap();
    let state = State::open(&url, Some(connection.clone())).unwrap();
    (connection, state)
}

async fn keep_the_contract(state: &impl StateStore) {
    let (one, other) = (name("v1/breakers/eu-west-1.json"), name("v1/breakers/eu-west-2.json"));
    assert_eq!(state.read(&one).await.unwrap(), None);
    assert_eq!(state.list(&name("v1"), 10).await.unwrap(), []);
    state.remove(&one).await.unwrap();

    assert_eq!(state.write(&one, b"first", Expected::Absent).await.unwrap(), Written::Stored);
    let first = state.read(&one).await.unwrap().unwrap();
    assert_eq!(first.bytes, b"first");
    assert_eq!(state.write(&one, b"again", Expected::Absent).await.unwrap(), Written::Conflict);
    let replace_first = || Expected::Unchanged(first.revision.clone());
    assert_eq!(state.write(&other, b"x", replace_first()).await.unwrap(), Written::Conflict, "nothing to replace");
    assert_eq!(state.write(&one, b"second", replace_first()).await.unwrap(), Written::Stored);
    assert_eq!(state.write(&one, b"late", replace_first()).await.unwrap(), Written::Conflict);
    let second = state.read(&one).await.unwrap().unwrap();
    assert_eq!(second.bytes, b"second");
    // Bytes are nobody's business here, not even whether there are any.
    assert_eq!(state.write(&other, b"", Expected::Absent).await.unwrap(), Written::Stored);
    assert_eq!(state.read(&other).await.unwrap().unwrap().bytes, b"");

    for path in ["v1/decisions/2026-11-24/b.jsonl", "v1/decisions/2026-11-23/a.jsonl", "v1/decisions-old/a.jsonl"] {
        assert_eq!(state.write(&name(path), b"{}\n", Expected::Absent).await.unwrap(), Written::Stored);
    }
    let listed = async |prefix: &str, most| {
        let found = state.list(&name(prefix), most).await.unwrap();
        found.into_iter().map(|name| name.to_string()).collect::<Vec<_>>()
    };
    let decisions = ["v1/decisions/2026-11-23/a.jsonl", "v1/decisions/2026-11-24/b.jsonl"];
    assert_eq!(listed("v1/decisions", 10).await, decisions);
    assert_eq!(listed("v1/decisions", 1).await, decisions[..1]);
    assert_eq!(listed("v1/decisions", 0).await, Vec::<String>::new());
    assert_eq!(listed("v1/decisions/2026-11-23/a.jsonl", 10).await, Vec::<String>::new(), "a name is not under itself");
    assert_eq!(listed("v1/decisions/2026", 10).await, Vec::<String>::new());
    let all = listed("v1", 10).await;
    let mut sorted = [one.as_str(), other.as_str(), "v1/decisions-old/a.jsonl", decisions[0], decisions[1]];
    sorted.sort_unstable();
    assert_eq!(all, sorted);

    for _ in 0..2 {
        state.remove(&one).await.unwrap();
        assert_eq!(state.read(&one).await.unwrap(), None);
    }
    assert_eq!(state.write(&one, b"x", Expected::Unchanged(second.revision)).await.unwrap(), Written::Conflict);
    assert_eq!(state.write(&one, b"anew", Expected::Absent).await.unwrap(), Written::Stored);

    let large = vec![b'x'; STATE_LIMIT + 1];
    let error = state.write(&other, &large, Expected::Absent).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Refused, "{}", error.chain());
}

/// Lets writers race, each counting up what it read until it got through.
async fn count_together(state: &impl StateStore, writers: usize) {
    let count = name("v1/count");
    let read = async || match state.read(&count).await.unwrap() {
        Some(Stored { bytes, revision }) => {
            (String::from_utf8(bytes).unwrap().parse::<usize>().unwrap(), Expected::Unchanged(revision))
        }
        None => (0, Expected::Absent),
    };
    join_all((0..writers).map(async |_| {
        loop {
            let (before, expected) = read().await;
            let next = (before + 1).to_string();
            if state.write(&count, next.as_bytes(), expected).await.unwrap() == Written::Stored {
                break;
            }
        }
    }))
    .await;
    assert_eq!(read().await.0, writers);
}

#[tokio::test]
async fn a_directory_keeps_the_contract() {
    let (folder, state) = directory();
    keep_the_contract(&state).await;
    count_together(&state, 6).await;
    let root = folder.path().join("lib/goldseal");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for made in [folder.path().join("lib"), root.clone(), root.join("v1"), root.join("v1/decisions/2026-11-23")] {
        assert_eq!(mode(&made), 0o700, "{}", made.display());
    }
    for file in ["v1/count", "v1/.lock", "v1/decisions/2026-11-23/a.jsonl"] {
        assert_eq!(mode(&root.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_bucket_keeps_the_contract() {
    let (connection, state) = bucket("660000000001").await;
    keep_the_contract(&state).await;
    count_together(&state, 3).await;
    let kind = async |key: &str| {
        let head = connection.head_object().bucket("state-660000000001").key(key).send().await.unwrap();
        head.content_type().map(str::to_owned)
    };
    assert_eq!(kind("hook/eu/v1/breakers/eu-west-1.json").await.as_deref(), Some("application/json"));
    assert_eq!(kind("hook/eu/v1/decisions/2026-11-24/b.jsonl").await.as_deref(), Some("application/jsonl"));
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    let fake = FakeState::default();
    keep_the_contract(&fake).await;
    count_together(&fake, 6).await;
}

#[tokio::test]
async fn what_is_no_document_is_not_listed() {
    let (folder, state) = directory();
    let there = name("v1/there");
    assert_eq!(state.write(&there, b"x", Expected::Absent).await.unwrap(), Written::Stored);
    let root = folder.path().join("lib/goldseal");
    fs::write(root.join("v1/.there.abc.part"), "half").unwrap();
    fs::write(root.join("v1/Upper"), "x").unwrap();
    fs::create_dir_all(root.join("v1/empty/er")).unwrap();
    symlink(root.join("v1/there"), root.join("v1/link")).unwrap();
    symlink(&root, root.join("v1/round")).unwrap();
    assert_eq!(state.list(&name("v1"), 10).await.unwrap(), [there]);
    let error = state.read(&name("v1/link")).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Refused, "{}", error.chain());

    let (connection, state) = bucket("660000000002").await;
    for key in ["hook/eu/v1/Upper", "hook/eu/v1/there", "hook/euv1/x", "v1/x"] {
        connection.put_object().bucket("state-660000000002").key(key).send().await.unwrap();
    }
    assert_eq!(state.list(&name("v1"), 1).await.unwrap(), [name("v1/there")], "though another comes before");
}

#[tokio::test]
async fn a_file_in_the_place_of_the_directory_is_an_error() {
    let (folder, state) = directory();
    fs::write(folder.path().join("lib"), "x").unwrap();
    let failures = [
        state.read(&name("v1/a")).await.map(drop),
        state.write(&name("v1/a"), b"x", Expected::Absent).await.map(drop),
        state.list(&name("v1"), 1).await.map(drop),
    ];
    for failure in failures {
        let error = failure.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::NotFound, "{}", error.chain());
    }
}

#[tokio::test]
async fn what_s3_refuses_is_told() {
    let account = "660000000003";
    let (connection, state) = bucket(account).await;
    for action in ["ListObjectsV2", "DeleteObject", "GetObject"] {
        cloud().order_fault(&format!(
            r#"{{"service":"s3","account":"{account}","action":"{action}","status":403,"code":"AccessDenied"}}"#
        ));
    }
    let errors = [
        (state.list(&name("v1"), 1).await.map(drop), "s3:ListObjectsV2 s3://state-660000000003/hook/eu/v1"),
        (state.remove(&name("v1/a")).await, "s3:DeleteObject s3://state-660000000003/hook/eu/v1/a"),
        (state.read(&name("v1/a")).await.map(drop), "s3:GetObject s3://state-660000000003/hook/eu/v1/a"),
    ];
    for (error, place) in errors {
        let error = error.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Denied);
        assert!(error.chain().starts_with(place), "{}", error.chain());
    }
    let nowhere = State::open(&"s3://state-nowhere".parse().unwrap(), Some(connection)).unwrap();
    for failure in [nowhere.list(&name("v1"), 1).await.map(drop), nowhere.read(&name("v1/a")).await.map(drop)] {
        assert_eq!(failure.unwrap_err().kind, PortErrorKind::NotFound);
    }
}

#[tokio::test]
async fn more_documents_than_a_page_are_listed() {
    let (connection, state) = bucket("660000000004").await;
    for some in (0..1003).collect::<Vec<_>>().chunks(50) {
        join_all(some.iter().map(async |number| {
            let key = format!("hook/eu/v1/{number:04}");
            connection.put_object().bucket("state-660000000004").key(key).send().await.unwrap();
        }))
        .await;
    }
    let found = state.list(&name("v1"), 1002).await.unwrap();
    assert_eq!((found.len(), found.last()), (1002, Some(&name("v1/1001"))));
    assert_eq!(state.list(&name("v1"), 5000).await.unwrap().len(), 1003);
}

#[test]
fn state_is_kept_where_it_can_be_changed() {
    for url in ["oci://registry.example/state", "https://example.org/state"] {
        let fault = State::open(&url.parse().unwrap(), None).unwrap_err();
        assert!(fault.to_string().starts_with(&format!("state cannot be kept in {url}")), "{fault}");
    }
    assert_eq!(State::open(&"s3://bucket".parse().unwrap(), None).unwrap_err(), OpenError::NotConnected);
}
