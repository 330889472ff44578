//! Real files that are not ours to keep: bundles, envelopes, SBOMs and reports of other projects and programs.
//!
//! They are looked for in `$GOLDSEAL_CORPUS`, else beside the workspace in `../shared/corpus`. Without them this is
//! skipped, and says so.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
};

use goldseal_core::{
    attestation::{Bundle, Content, Kind},
    digest::Sha256Digest,
    flow::{InputFault, Inputs, statements},
    image::Descriptor,
    scan,
    time::Window,
    trust::{Authority, PublicKey, TrustRoot, believe},
};
use serde_json::{Value, json};
use sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;

use super::{
    canonical, files,
    judge::{Artifact, judge},
};

/// Returns the corpus; says that a test is skipped when there is none.
fn corpus(test: &str) -> Option<PathBuf> {
    let folder = env::var_os("GOLDSEAL_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: corpus: {test}: no folder {} (set GOLDSEAL_CORPUS)", folder.display());
    None
}

fn root_of(key: PublicKey) -> TrustRoot {
    let name = "one".parse().unwrap();
    TrustRoot::new(vec![Authority { name, key: Arc::new(key), window: Window::default(), witness: None }]).unwrap()
}

fn ask(bundle: &Path, key: &PublicKey, artifact: &Artifact) -> Result<(), &'static str> {
    judge(&files::read(bundle), key, SIGSTORE_PRODUCTION_TRUSTED_ROOT, artifact).map_err(|refusal| refusal.code)
}

#[test]
fn what_cosign_signed_with_kms_verifies() {
    let Some(corpus) = corpus("cosign with KMS") else { return };
    let real = corpus.join("real");
    let (bundle, subject) =
        (real.join("cosign-attest-blob.sigstore.json"), real.join("cosign-attest-blob.subject.json"));
    let (key, subject) = (files::key(&real.join("kms.pub"), None), files::read(&subject));
    let found =
        believe(&root_of(key), &files::read(&bundle), Sha256Digest::of(&subject), jiff::Timestamp::MIN).unwrap();
    assert_eq!(found.verified.len(), 1);
    assert_eq!(found.verified[0].value().kind(), Some(Kind::Sbom));
    let key = files::key(&real.join("kms.pub"), None);
    assert_eq!(ask(&bundle, &key, &Artifact::Bytes(subject)), Ok(()));
    assert_eq!(ask(&bundle, &key, &Artifact::Bytes(b"x".to_vec())), Err("subject-mismatch"));
}

#[test]
fn bundles_of_other_projects() {
    let Some(corpus) = corpus("bundles") else { return };
    let folder = corpus.join("bundles");
    let key = files::key(&folder.join("sigstorego-npm-publish-key.pub"), None);
    let nothing = Artifact::Digest(Sha256Digest::of(b""));
    for (name, expected) in [
        ("dsse-2sigs", "envelope-signature-count"),
        ("dsse", "signer-unknown"),
        ("cosign-v3-blob", "signer-unknown"),
        ("cosign-oci-attestation", "signer-unknown"),
    ] {
        assert_eq!(ask(&folder.join(format!("{name}.sigstore.json")), &key, &nothing), Err(expected), "{name}");
    }
}

/// npm signs the publish attestation with a key, names the package by its sha512 only, and logs it with a promise alone.
#[test]
fn the_publish_attestation_of_npm() {
    let Some(corpus) = corpus("npm") else { return };
    let folder = corpus.join("bundles");
    let key = files::key(&folder.join("sigstorego-npm-publish-key.pub"), None);
    let path = folder.join("sigstorego-npm-publish-dsse-key.v0.1.sigstore.json");
    let line = files::read(&path);
    let Content::Envelope(envelope) = Bundle::parse(&line).unwrap().content else { panic!("an envelope") };
    assert!(key.signed(&envelope.pae(), &envelope.signature));
    assert_eq!(ask(&path, &key, &Artifact::Digest(Sha256Digest::of(b""))), Err("statement-subject-digest"));
    let other = files::key(&files::path("keys/p256.pem"), None);
    assert_eq!(ask(&path, &other, &Artifact::Digest(Sha256Digest::of(b""))), Err("signature-invalid"));
}

/// Bare envelopes are no bundles; with one around them, the keys decide.
#[test]
fn the_envelopes_of_grype() {
    let Some(corpus) = corpus("dsse") else { return };
    let folder = corpus.join("dsse");
    assert!(PublicKey::from_pem(&files::text(&folder.join("cosign_broken.pub")), None).is_err());
    for (name, key, expected) in [
        ("alpine", "cosign", None),
        ("alpine", "another_cosign", Some("signer-unknown")),
        ("alpine-tampered", "cosign", Some("signer-unknown")),
        ("alpine-tampered", "another_cosign", Some("signer-unknown")),
    ] {
        let bare = files::read(&folder.join(format!("{name}.att.json")));
        assert_eq!(Bundle::parse(&bare).unwrap_err().code(), "json-unexpected-content", "{name}");
        let envelope: Value = serde_json::from_slice(&bare).unwrap();
        let line = serde_json::to_vec(&json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {}},
            "dsseEnvelope": envelope,
        }));
        let root = root_of(files::key(&folder.join(format!("{key}.pub")), None));
        let subject = "6af1b11bbb17f4c311e269db6530e4da2738262af5fd9064ccdf109b765860fb".parse().unwrap();
        let found = believe(&root, &line.unwrap(), subject, jiff::Timestamp::MIN).unwrap();
        assert_eq!(found.discounted.first().map(|one| one.discount.code()), expected, "{name} with {key}");
        assert_eq!(found.verified.len(), usize::from(expected.is_none()), "{name} with {key}");
    }
}

#[test]
fn the_test_data_of_rfc_8785() {
    let Some(corpus) = corpus("jcs") else { return };
    let count = canonical::check_pairs(&corpus.join("jcs"));
    assert!(count > 0);
    println!("corpus/jcs: {count} pairs");
}

#[test]
fn real_sboms_can_be_signed() {
    let Some(corpus) = corpus("SBOMs") else { return };
    let image = Descriptor::parse(&files::read(&files::path("image.json"))).unwrap();
    let scan = files::read(&corpus.join("real/grype-spdx.json"));
    let mut sboms = [files::json_files(&corpus.join("spdx")), files::json_files(&corpus.join("cyclonedx"))].concat();
    sboms.extend([corpus.join("real/golden-base.spdx.json"), corpus.join("real/golden-base.cdx.json")]);
    let sign = |sbom: &[u8]| {
        let facts = br#"{"builder":"https://ci.example/builder"}"#;
        let inputs = Inputs { sbom, sbom_location: None, scan: &scan, facts, exceptions: None, content: &[] };
        statements(&image, &inputs, false)
    };
    for path in &sboms {
        let made = sign(&files::read(path)).unwrap_or_else(|e| panic!("{}: {e:?}", path.display()));
        let kinds: Vec<Kind> = made.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [Kind::Provenance, Kind::Sbom, Kind::Scan], "{}", path.display());
    }
    println!("corpus/sboms: {} signed", sboms.len());
    for (name, expected) in [
        ("real/goss.json", "format"),
        ("real/packer-manifest.json", "format"),
        ("real/grype-cdx.json", "format"),
        ("real/grype-table.json", "json"),
    ] {
        let fault = sign(&files::read(&corpus.join(name))).unwrap_err();
        let found = match fault {
            InputFault::SbomFormat => "format",
            InputFault::Sbom(_) => "json",
            InputFault::SbomEmpty
            | InputFault::SbomTooLarge { .. }
            | InputFault::Scan(_)
            | InputFault::Facts(_)
            | InputFault::FactsValue(_)
            | InputFault::Statement { .. } => "other",
        };
        assert_eq!(found, expected, "{name}");
    }
}

/// Which reports are read, and that the others are refused rather than taken for clean.
#[test]
fn grypes_reports() {
    let Some(corpus) = corpus("grype") else { return };
    let mut reports = files::json_files(&corpus.join("grype"));
    reports.extend(
        ["grype-spdx", "grype-cdx", "grype-ignored", "grype-table"].map(|n| corpus.join(format!("real/{n}.json"))),
    );
    for path in &reports {
        let name = files::name(path);
        let raw: Option<Value> = serde_json::from_slice(&files::read(path)).ok();
        let database = raw.as_ref().is_some_and(|raw| {
            let db = &raw["descriptor"]["db"];
            db["built"].is_string() || db["status"]["built"].is_string()
        });
        match scan::parse(&files::read(path)) {
            Ok(scan) => {
                let raw = raw.unwrap();
                let count = |list: &str| raw[list].as_array().map_or(0, Vec::len);
                assert_eq!(scan.findings.len(), count("matches") + count("ignoredMatches"), "{name}");
                assert!(database, "{name}: read without a database");
                println!("corpus/grype/{name}: {} findings, database of {}", scan.findings.len(), scan.database.built);
            }
            Err(fault) => {
                assert!(!database, "{name}: {fault:?}");
                println!("corpus/grype/{name}: refused: {fault:?}");
            }
        }
    }
}
