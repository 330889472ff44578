//! The contract, kept by registries with and without the referrers API; and what only a registry can do wrong.

use axum::http::{Method, StatusCode};
use goldseal_core::attestation::BUNDLE_MEDIA_TYPE;
use serde_json::Value;

use super::{registry::Registry, *};
use crate::adapters::store::{OpenError, Settings, oci::OciStore};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn store(registry: &Registry) -> OciStore {
    with_logins(registry, "{}").unwrap()
}

/// Opens the store as somebody who has these logins, whatever the one who runs the tests has.
fn with_logins(registry: &Registry, logins: &str) -> Result<OciStore, OpenError> {
    let file = std::env::temp_dir().join(format!("goldseal-logins-{}", Sha256Digest::of(logins.as_bytes())));
    if !file.exists() {
        std::fs::write(&file, logins).unwrap();
    }
    let settings = Settings { registry_logins: Some(file), ..Settings::default() };
    OciStore::new(registry.host.clone(), "team/evidence".to_owned(), &settings)
}

fn both() -> [Registry; 2] {
    [Registry::start(), Registry::without_referrers()]
}

/// The registry as any other tool sees it.
struct Raw<'r>(&'r Registry);

impl Raw<'_> {
    fn url(&self, path: &str) -> String {
        format!("http://{}/v2/team/evidence/{path}", self.0.host)
    }

    async fn get(&self, path: &str) -> Vec<u8> {
        let answer = reqwest::Client::new().get(self.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.unwrap().to_vec()
    }

    async fn manifest(&self, reference: &str) -> Value {
        serde_json::from_slice(&self.get(&format!("manifests/{reference}")).await).unwrap()
    }

    async fn put(&self, reference: &str, media_type: &str, manifest: &Value) -> String {
        let bytes = serde_json::to_vec(manifest).unwrap();
        let digest = format!("sha256:{}", Sha256Digest::of(&bytes));
        let reference = if reference.is_empty() { &digest } else { reference };
        let call = reqwest::Client::new().put(self.url(&format!("manifests/{reference}")));
        assert_eq!(call.header("content-type", media_type).body(bytes).send().await.unwrap().status(), 201);
        digest
    }

    async fn delete(&self, digest: &str) {
        let call = reqwest::Client::new().delete(self.url(&format!("manifests/{digest}")));
        assert!(call.send().await.unwrap().status().is_success());
    }

    /// Returns the digest of the artifact, and what refers to it, by whichever way there is.
    async fn referrers(&self, image: &Descriptor) -> (String, Vec<Value>) {
        let artifact = self.get(&format!("manifests/{}", tag(image))).await;
        let digest = Sha256Digest::of(&artifact).to_string();
        let call = reqwest::Client::new().get(self.url(&format!("referrers/sha256:{digest}")));
        let answer = call.send().await.unwrap();
        let index: Value = if answer.status() == 200 {
            serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
        } else {
            self.manifest(&format!("sha256-{digest}")).await
        };
        (format!("sha256:{digest}"), index["manifests"].as_array().unwrap().clone())
    }

    /// Hangs a bundle without our annotations on an image, as cosign would.
    async fn sign_with_another_tool(&self, image: &Descriptor) -> String {
        let (subject, entries) = self.referrers(image).await;
        let first = self.manifest(entries[0]["digest"].as_str().unwrap()).await;
        let mut foreign = first;
        foreign["annotations"] = json!({"dev.sigstore.bundle.content": "dsse-envelope"});
        let digest = self.put("", MANIFEST, &foreign).await;
        let tag = subject.replace(':', "-");
        let answer = reqwest::Client::new().get(self.url(&format!("manifests/{tag}"))).send().await.unwrap();
        if answer.status() == 200 {
            let mut index: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            let size = serde_json::to_vec(&foreign).unwrap().len();
            let entry = json!({"mediaType": MANIFEST, "digest": digest, "size": size, "artifactType": BUNDLE_MEDIA_TYPE, "x": [1]});
            index["manifests"].as_array_mut().unwrap().push(entry);
            self.put(&tag, "application/vnd.oci.image.index.v1+json", &index).await;
        }
        digest
    }
}

fn tag(image: &Descriptor) -> String {
    format!("eu-west-1.{}", image.image().id)
}

async fn published(registry: &Registry, lines: usize) -> (OciStore, Descriptor, Vec<u8>) {
    let (store, image) = (store(registry), image(1));
    let bytes = evidence(&image, "published", lines, 100);
    assert_eq!(store.write(&image, &bytes, Expected::Absent).await.unwrap(), Stored);
    (store, image, bytes)
}

#[tokio::test]
async fn the_contract_is_kept() {
    for registry in both() {
        let store = store(&registry);
        Stores::of(&store).keep_the_contract(1).await;
        let expected = format!("oci://{}/team/evidence:eu-west-1.ami-00000000000000001", registry.host);
        assert_eq!(store.locate(&image(1).image()), expected);
        let (_, entries) = Raw(&registry).referrers(&image(1)).await;
        assert_eq!(entries.len(), 2, "nothing but the last evidence is listed");
        lists::keep_the_contract(&store, &store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_one_wins_or_none() {
    let registry = Registry::start();
    let store = store(&registry);
    for round in 0..5 {
        for winners in race(&store, round, 4).await {
            assert!(winners <= 1, "{winners} writers were told that they stored");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_referrers_racing_writers_leave_one_whole_set() {
    let registry = Registry::without_referrers();
    let store = store(&registry);
    for round in 0..5 {
        race(&store, round, 4).await;
        assert!(store.read(&image(round).image()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn bundles_are_laid_out_as_cosign_does() {
    for registry in both() {
        let (_, image, bytes) = published(&registry, 2).await;
        let raw = Raw(&registry);
        let artifact = raw.manifest(&tag(&image)).await;
        let layer = &artifact["layers"][0];
        assert_eq!(raw.get(&format!("blobs/{}", layer["digest"].as_str().unwrap())).await, image.bytes());
        let (subject, entries) = raw.referrers(&image).await;
        assert_eq!(entries.len(), 2);
        for entry in entries {
            assert_eq!(entry["artifactType"], BUNDLE_MEDIA_TYPE);
            let manifest = raw.manifest(entry["digest"].as_str().unwrap()).await;
            let line = manifest["annotations"]["dev.goldseal.evidence.line"].as_str().unwrap();
            let bundle = bytes.split(|&b| b == b'\n').nth(line.parse::<usize>().unwrap() - 1).unwrap();
            let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
            let expected = json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "artifactType": BUNDLE_MEDIA_TYPE,
                "config": {
                    "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2,
                    "artifactType": BUNDLE_MEDIA_TYPE,
                },
                "layers": [{
                    "mediaType": BUNDLE_MEDIA_TYPE, "size": bundle.len(),
                    "digest": format!("sha256:{}", Sha256Digest::of(bundle)),
                }],
                "subject": {
                    "mediaType": MANIFEST, "digest": subject,
                    "size": raw.get(&format!("manifests/{}", tag(&image))).await.len(),
                },
                "annotations": {
                    "dev.sigstore.bundle.content": "dsse-envelope",
                    "dev.sigstore.bundle.predicateType": "https://spdx.dev/Document",
                    "dev.goldseal.evidence.line": line,
                    "dev.goldseal.evidence.lines": "2",
                    "dev.goldseal.evidence.set": Sha256Digest::of(&bytes).to_string(),
                    "dev.goldseal.evidence.generation": "1",
                },
            });
            assert_eq!(manifest, expected);
        }
    }
}

#[tokio::test]
async fn what_others_hang_on_the_artifact_is_no_evidence_and_stays() {
    for registry in both() {
        let (store, image, bytes) = published(&registry, 3).await;
        let foreign = Raw(&registry).sign_with_another_tool(&image).await;
        let found = store.read(&image.image()).await.unwrap().unwrap();
        assert_eq!(found.bytes, bytes);
        let newer = evidence(&image, "newer", 1, 100);
        assert_eq!(store.write(&image, &newer, Expected::Unchanged(found.revision)).await.unwrap(), Stored);
        assert_eq!(store.read(&image.image()).await.unwrap().unwrap().bytes, newer);
        let (_, entries) = Raw(&registry).referrers(&image).await;
        let digests: Vec<_> = entries.iter().map(|entry| entry["digest"].as_str().unwrap()).collect();
        assert_eq!(digests.len(), 2);
        assert!(digests.contains(&foreign.as_str()));
    }
}

#[tokio::test]
async fn evidence_that_is_not_whole_is_malformed() {
    for registry in both() {
        let (store, image, bytes) = published(&registry, 3).await;
        let raw = Raw(&registry);
        let (_, entries) = raw.referrers(&image).await;
        let digest = entries[1]["digest"].as_str().unwrap();
        let part = raw.manifest(digest).await;
        let blob = part["layers"][0]["digest"].as_str().unwrap();

        registry.say(blob, b"other bytes".to_vec());
        read_fails(&store, &image.image(), PortErrorKind::Malformed).await;
        registry.relent();
        registry.answer(None, blob, StatusCode::NOT_FOUND);
        read_fails(&store, &image.image(), PortErrorKind::Malformed).await;
        registry.relent();
        registry.say(digest, b"{}".to_vec());
        read_fails(&store, &image.image(), PortErrorKind::Malformed).await;
        registry.relent();
        registry.say(&tag(&image), serde_json::to_vec(&part).unwrap());
        assert!(read_fails(&store, &image.image(), PortErrorKind::Malformed).await.contains("something else"));
        registry.relent();
        assert_eq!(store.read(&image.image()).await.unwrap().unwrap().bytes, bytes);

        raw.delete(digest).await;
        let text = read_fails(&store, &image.image(), PortErrorKind::Malformed).await;
        assert!(text.contains("2 of the 3 lines"), "{text}");
        let again = evidence(&image, "again", 2, 100);
        assert_eq!(store.write(&image, &again, Expected::Absent).await.unwrap(), Stored, "a first write mends it");
        assert_eq!(store.read(&image.image()).await.unwrap().unwrap().bytes, again);
    }
}

#[tokio::test]
async fn what_a_dying_writer_left_does_not_count() {
    let registry = Registry::start();
    let (store, image, bytes) = published(&registry, 2).await;
    let raw = Raw(&registry);
    let (_, entries) = raw.referrers(&image).await;
    let mut part = raw.manifest(entries[0]["digest"].as_str().unwrap()).await;
    part["annotations"]["dev.goldseal.evidence.generation"] = json!("2");
    raw.put("", MANIFEST, &part).await;
    let found = store.read(&image.image()).await.unwrap().unwrap();
    assert_eq!(found.bytes, bytes);

    let newer = evidence(&image, "newer", 2, 100);
    assert_eq!(store.write(&image, &newer, Expected::Unchanged(found.revision)).await.unwrap(), Stored);
    assert_eq!(raw.referrers(&image).await.1.len(), 2, "and it is swept up by the next write");

    part["annotations"]["dev.goldseal.evidence.line"] = json!("x");
    raw.put("", MANIFEST, &part).await;
    read_fails(&store, &image.image(), PortErrorKind::Malformed).await;
}

#[tokio::test]
async fn two_whole_sets_of_one_generation_are_not_chosen_from() {
    let registry = Registry::start();
    let (store, image, _) = published(&registry, 1).await;
    let raw = Raw(&registry);
    let (_, entries) = raw.referrers(&image).await;
    let mut part = raw.manifest(entries[0]["digest"].as_str().unwrap()).await;
    part["annotations"]["dev.goldseal.evidence.set"] = json!(Sha256Digest::of(b"another").to_string());
    raw.put("", MANIFEST, &part).await;
    assert!(read_fails(&store, &image.image(), PortErrorKind::Malformed).await.contains("two writers"));
    let outcome = store.write(&image, &evidence(&image, "x", 1, 10), Expected::Absent).await;
    fails(outcome, PortErrorKind::Malformed);
}

#[tokio::test]
async fn more_than_the_limit_is_not_fetched() {
    let registry = Registry::start();
    let (store, image, _) = published(&registry, 1).await;
    let raw = Raw(&registry);
    let (_, entries) = raw.referrers(&image).await;
    let mut part = raw.manifest(entries[0]["digest"].as_str().unwrap()).await;
    part["annotations"]["dev.goldseal.evidence.generation"] = json!("2");
    part["layers"][0]["size"] = json!(EVIDENCE_LIMITS.bytes);
    raw.put("", MANIFEST, &part).await;
    registry.requests();
    let text = read_fails(&store, &image.image(), PortErrorKind::Malformed).await;
    assert!(text.contains("bytes allowed"), "{text}");
    assert!(!registry.requests().iter().any(|request| request.contains("/blobs/")));

    registry.say(&tag(&image), vec![b' '; (4 << 20) + 1]);
    let text = read_fails(&store, &image.image(), PortErrorKind::Malformed).await;
    assert!(text.contains("bytes allowed"), "{text}");
}

#[tokio::test]
async fn a_failing_registry_is_neither_empty_nor_written_to() {
    for (status, kind) in [
        (StatusCode::UNAUTHORIZED, PortErrorKind::Denied),
        (StatusCode::FORBIDDEN, PortErrorKind::Denied),
        (StatusCode::TOO_MANY_REQUESTS, PortErrorKind::Throttled),
        (StatusCode::INTERNAL_SERVER_ERROR, PortErrorKind::Unavailable),
        (StatusCode::BAD_GATEWAY, PortErrorKind::Unavailable),
    ] {
        let registry = Registry::start();
        let (store, image, _) = published(&registry, 1).await;
        for path in ["/manifests/eu-west-1", "/referrers/", "/manifests/sha256", "/blobs/"] {
            registry.answer(Some(Method::GET), path, status);
            read_fails(&store, &image.image(), kind).await;
            registry.relent();
        }
        let other = self::image(2);
        for (method, path) in [(Method::POST, "/blobs/uploads/"), (Method::PUT, "/manifests/eu-west-1")] {
            registry.answer(Some(method), path, status);
            fails(store.write(&other, &evidence(&other, "x", 1, 10), Expected::Absent).await, kind);
            registry.relent();
        }
        assert_eq!(store.read(&other.image()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_registry_that_deletes_nothing_is_enough() {
    for registry in both() {
        registry.answer(Some(Method::DELETE), "/manifests/", StatusCode::METHOD_NOT_ALLOWED);
        Stores::of(&store(&registry)).keep_the_contract(1).await;
    }
}

#[tokio::test]
async fn a_repository_that_is_not_there_yet_says_nothing_of_the_referrers_api() {
    let registry = Registry::start();
    registry.answer_once("/referrers/", StatusCode::NOT_FOUND);
    let (store, image, bytes) = published(&registry, 2).await;
    assert_eq!(store.read(&image.image()).await.unwrap().unwrap().bytes, bytes);
    let writes: Vec<_> = registry.requests().into_iter().filter(|request| request.starts_with("PUT ")).collect();
    assert!(!writes.iter().any(|request| request.contains("/manifests/sha256-")), "{writes:?}");
}

#[tokio::test]
async fn a_token_is_fetched_once_for_reading_and_once_for_writing() {
    let registry = Registry::with_tokens();
    let (store, image, bytes) = published(&registry, 2).await;
    assert_eq!(store.read(&image.image()).await.unwrap().unwrap().bytes, bytes);
    let tokens = registry.requests().iter().filter(|request| request.ends_with("/token")).count();
    assert_eq!(tokens, 2);
}

#[tokio::test]
async fn a_password_is_shown_to_who_asks_for_it() {
    let registry = Registry::with_password();
    let image = image(1);
    let auth = |secret: &str| json!({"auths": {&registry.host: {"username": "user", "password": secret}}}).to_string();
    let store = with_logins(&registry, &auth("secret")).unwrap();
    let bytes = evidence(&image, "x", 1, 10);
    assert_eq!(store.write(&image, &bytes, Expected::Absent).await.unwrap(), Stored);
    assert_eq!(store.read(&image.image()).await.unwrap().unwrap().bytes, bytes);

    let wrong = with_logins(&registry, &auth("wrong")).unwrap();
    read_fails(&wrong, &image.image(), PortErrorKind::Denied).await;
    let stranger = with_logins(&registry, r#"{"auths":{"registry.example":{"auth":"dXNlcjpzZWNyZXQ="}}}"#).unwrap();
    read_fails(&stranger, &image.image(), PortErrorKind::Denied).await;
    let broken = with_logins(&registry, "{").unwrap();
    read_fails(&broken, &image.image(), PortErrorKind::Refused).await;
    let text = format!("{store:?}");
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let mut registry = Registry::start();
    registry.host = "127.0.0.1:9".to_owned();
    let nobody = store(&registry);
    read_fails(&nobody, &image(1).image(), PortErrorKind::Unavailable).await;
}

#[tokio::test]
async fn only_bundles_with_statements_can_be_stored() {
    let registry = Registry::start();
    let (store, image) = (store(&registry), image(1));
    let outcome = store.write(&image, b"{}\n", Expected::Absent).await;
    assert!(fails(outcome, PortErrorKind::Refused).contains("line 1"));
}
