//! The conformance adapter over the same cases: it must answer as `believe` does, but for what it is made not to look at.

use goldseal_core::{
    digest::Sha256Digest,
    trust::{PublicKey, Scheme},
};
use serde_json::Value;

use super::{
    files,
    judge::{Artifact, judge},
};

/// The adapter has no policy: no clock, no hint, and no witness that must be there.
const NOT_LOOKED_AT: [&str; 14] = [
    "hint-unknown",
    "hint-url-safe",
    "signature-of-the-other-authority",
    "window-ended",
    "window-ended-before-the-log",
    "window-ended-log-without-promise",
    "window-not-begun",
    "window-not-begun-at-the-timestamp",
    "witness-log-alone",
    "witness-log-in-future",
    "witness-log-instead-of-timestamp",
    "witness-none",
    "witness-timestamp-in-future",
    "witness-timestamp-instead-of-log",
];

fn artifact() -> Artifact {
    Artifact::Bytes(files::read(&files::path("image.json")))
}

fn trusted_root() -> String {
    files::text(&files::path("witness/trusted_root.json"))
}

/// Returns evidence and keys of a case with one line.
fn single(path: &std::path::Path) -> Option<(Vec<u8>, Vec<PublicKey>)> {
    let mut line = files::read(&path.with_extension("jsonl"));
    line.pop_if(|last| *last == b'\n');
    let case: Value = files::json(path);
    let keys = case["authorities"].as_array().unwrap().iter().map(|authority| {
        let scheme: Option<Scheme> = authority.get("scheme").map(|scheme| scheme.as_str().unwrap().parse().unwrap());
        files::key(&files::path(authority["key"].as_str().unwrap()), scheme)
    });
    (!line.contains(&b'\n')).then(|| (line, keys.collect()))
}

#[test]
fn it_takes_what_is_accepted() {
    let mut taken = 0;
    for path in files::json_files(&files::path("accept")) {
        let Some((line, keys)) = single(&path) else { continue };
        let answers: Vec<_> = keys.iter().map(|key| judge(&line, key, &trusted_root(), &artifact())).collect();
        // What is there must verify, even when no policy asks for it.
        let expected = files::name(&path) != "witness-not-asked";
        assert_eq!(answers.iter().any(Result::is_ok), expected, "{}: {answers:?}", path.display());
        taken += usize::from(expected);
    }
    assert!(taken > 20, "{taken} taken only");
    println!("adapter/accept: {taken} taken");
}

#[test]
fn it_refuses_what_is_rejected_for_the_same_reason() {
    let mut refused = 0;
    for path in files::json_files(&files::path("reject")) {
        let Some((line, keys)) = single(&path) else { continue };
        let (name, case): (String, Value) = (files::name(&path), files::json(&path));
        if NOT_LOOKED_AT.contains(&name.as_str()) || name.starts_with("cosign-") {
            continue;
        }
        let refusal = judge(&line, &keys[0], &trusted_root(), &artifact()).expect_err(&name);
        let expected = match (case["reason"].as_str().unwrap(), name.as_str()) {
            // Without a hint to compare, a stranger's signature is an invalid one; and files may be signed here.
            ("signer-unknown", stranger) if stranger.starts_with("stranger") => "signature-invalid",
            (_, "content-message") => "signature-invalid",
            (code, _) => code,
        };
        assert_eq!(refusal.code, expected, "{name}: {}", refusal.message);
        refused += 1;
    }
    assert!(refused > 20, "{refused} refused only");
    println!("adapter/reject: {refused} refused");
}

/// `cosign sign-blob` is what the suite's cases with a managed key are made of.
#[test]
fn files_that_cosign_signed_verify() {
    let other_file = Artifact::Bytes(b"another file".to_vec());
    for (kind, by_its_digest) in [("p256", Ok(())), ("rsa-2048", Ok(())), ("p384", Err("subject-mismatch"))] {
        let (line, keys) = single(&files::path(&format!("reject/cosign-{kind}-sign-blob.json"))).unwrap();
        let ask =
            |line: &[u8], key, artifact: &Artifact| judge(line, key, &trusted_root(), artifact).map_err(|e| e.code);
        let by_digest = Artifact::Digest(Sha256Digest::of(&files::read(&files::path("image.json"))));
        assert_eq!(ask(&line, &keys[0], &artifact()), Ok(()));
        assert_eq!(ask(&line, &keys[0], &by_digest), by_its_digest, "{kind}: a SHA-256 is not what P-384 signs");
        assert_eq!(ask(&line, &keys[0], &other_file), Err("subject-mismatch"));
        let stranger = files::key(&files::path("keys/p256.other.pem"), None);
        assert_eq!(ask(&line, &stranger, &artifact()), Err("signature-invalid"));
        let mut value: Value = serde_json::from_slice(&line).unwrap();
        value["messageSignature"].as_object_mut().unwrap().remove("messageDigest");
        let undigested = serde_json::to_vec(&value).unwrap();
        assert_eq!(ask(&undigested, &keys[0], &artifact()), Ok(()));
        assert_eq!(ask(&undigested, &keys[0], &other_file), Err("signature-invalid"));
    }
}

#[test]
fn a_witness_of_another_trusted_root_is_no_witness() {
    let production = sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
    for name in ["witness-log", "witness-timestamp", "witness-both"] {
        let (line, keys) = single(&files::path(&format!("accept/{name}.json"))).unwrap();
        let refusal = judge(&line, &keys[0], production, &artifact()).unwrap_err();
        assert_eq!(refusal.code, "witness-refused", "{name}");
    }
}
