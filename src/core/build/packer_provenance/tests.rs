use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;
use crate::{attestation::Pae, testing::keys::LocalKey};

const ID: &str = "eu-west-1:ami-3917e31d622aa7ed7,us-east-1:ami-0000000000000000a";
const COMMIT: &str = "5b1f0c9e27d84a36b0e4c7719f2ad8635c0e91d4";

/// Returns provenance of build `base` that was believed.
pub(in crate::build) fn believed(image: &ImageRef, commit: &str) -> PackerProvenance {
    let identity = identity(&format!("{}:{}", image.region, image.id));
    let envelope = signed(&payload(&identity).replacen(COMMIT, commit, 1));
    verify(envelope.as_bytes(), &[LocalKey::p256(1).public()], image, None).unwrap()
}

fn image(region: &str, id: &str) -> ImageRef {
    ImageRef { region: region.parse().unwrap(), id: id.parse().unwrap() }
}

fn first() -> ImageRef {
    image("eu-west-1", "ami-3917e31d622aa7ed7")
}

fn identity(id: &str) -> String {
    format!(r#"{{"builderId":"mitchellh.amazonebs","id":"{id}"}}"#)
}

/// Returns the payload that Packer 1.16 signs for an identity.
fn payload(identity: &str) -> String {
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"mitchellh.amazonebs:{ID}","digest":{{"sha256":"{}"}}}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{{"buildDefinition":{{"buildType":"https://packer.io/buildtypes/hcl2/v1","externalParameters":{{}},"internalParameters":{{"packerBuildName":"base","packerBuilderType":"amazon-ebs","packerVersion":"1.16.0"}},"resolvedDependencies":[{{"uri":"git+https://github.com/acme/images@refs/heads/main","digest":{{"gitCommit":"{COMMIT}"}}}}]}},"runDetails":{{"builder":{{"id":"https://packer.io/local-build","version":{{"packer":"1.16.0"}}}},"metadata":{{"invocationId":"1658821493"}},"byproducts":[{{"name":"cloud-artifact-identity","content":"{}"}}]}}}}}}"#,
        Sha256Digest::of(identity.as_bytes()),
        STANDARD.encode(identity)
    )
}

fn signed_as(payload_type: &str, payload: &str, key: &LocalKey) -> String {
    let signature = key.sign(&Pae { payload_type, payload: payload.as_bytes() }.to_vec());
    // The key id is what Packer writes: a digest of PEM text, and never followed.
    format!(
        r#"{{"payloadType":"{payload_type}","payload":"{}","signatures":[{{"keyid":"{}","sig":"{}"}}]}}"#,
        STANDARD.encode(payload),
        Sha256Digest::of(key.pem().as_bytes()),
        STANDARD.encode(signature)
    )
}

fn signed(payload: &str) -> String {
    signed_as(IN_TOTO_PAYLOAD_TYPE, payload, &LocalKey::p256(1))
}

fn ask(envelope: &str) -> Result<PackerProvenance, PackerProvenanceFault> {
    verify(envelope.as_bytes(), &[LocalKey::p256(2).public(), LocalKey::p256(1).public()], &first(), None)
}

fn refused(payload: &str) -> String {
    ask(&signed(payload)).unwrap_err().to_string()
}

#[test]
fn what_packer_signs_is_believed_for_every_image_of_the_artifact() {
    let envelope = signed(&payload(&identity(ID)));
    let key = LocalKey::p256(1).public();
    for (region, id) in [("eu-west-1", "ami-3917e31d622aa7ed7"), ("us-east-1", "ami-0000000000000000a")] {
        let found = verify(envelope.as_bytes(), &[LocalKey::p256(1).public()], &image(region, id), None).unwrap();
        assert_eq!(found.builder, "https://packer.io/local-build");
        assert_eq!((found.build.as_deref(), found.packer.as_deref()), (Some("base"), Some("1.16.0")));
        assert_eq!(found.repository.as_deref(), Some("https://github.com/acme/images"));
        assert_eq!((found.commit.as_deref(), found.invocation.as_deref()), (Some(COMMIT), Some("1658821493")));
        assert_eq!((found.images.len(), found.signed_by), (2, key.digest()));
        assert_eq!(found.sha256, Sha256Digest::of(envelope.as_bytes()));
        let carried = found.carried();
        assert_eq!((carried.name, carried.content.as_slice()), ("packer-provenance", envelope.as_bytes()));
        assert_eq!(carried.annotations["identityOnly"], true);
        assert_eq!(carried.annotations["signedBy"], key.digest().to_string());
    }
}

#[test]
fn an_identity_with_state_and_either_base64_are_read() {
    let with_state = format!(r#"{{"builderId":"b","id":"{ID}","state":[{{"image_id":"ami-1"}}]}}"#);
    assert!(ask(&signed(&payload(&with_state))).is_ok());
    let text = payload(&identity(ID));
    let envelope = signed(&text);
    let other = envelope.replacen(&STANDARD.encode(&text), &URL_SAFE_NO_PAD.encode(&text), 1);
    assert_ne!(other, envelope);
    assert!(ask(&other).is_ok());
}

#[test]
fn only_a_key_that_is_given_counts_and_never_the_key_id() {
    let envelope = signed(&payload(&identity(ID)));
    let of = |keys: &[PublicKey]| verify(envelope.as_bytes(), keys, &first(), None).map(|found| found.signed_by);
    assert!(matches!(of(&[]), Err(PackerProvenanceFault::NoKey)));
    assert!(matches!(of(&[LocalKey::p256(2).public()]), Err(PackerProvenanceFault::Signature(1))));
    let pretender = LocalKey::p256(3);
    let stolen = signed_as(IN_TOTO_PAYLOAD_TYPE, &payload(&identity(ID)), &pretender).replacen(
        &Sha256Digest::of(pretender.pem().as_bytes()).to_string(),
        "",
        1,
    );
    assert!(matches!(ask(&stolen), Err(PackerProvenanceFault::Signature(2))));
    for keyid in [r#""keyid":"","#, r#""keyid":null,"#, ""] {
        let start = envelope.find("\"keyid\"").unwrap();
        let end = envelope.find("\"sig\"").unwrap();
        let other = format!("{}{keyid}{}", &envelope[..start], &envelope[end..]);
        assert!(ask(&other).is_ok(), "{keyid}");
    }
}

#[test]
fn another_image_is_not_what_was_signed() {
    let envelope = signed(&payload(&identity(ID)));
    for (region, id) in [
        ("us-east-1", "ami-3917e31d622aa7ed7"),
        ("eu-west-1", "ami-0000000000000000a"),
        ("eu-west-1", "ami-3917e31d"),
        ("eu-west-2", "ami-0000000000000000a"),
    ] {
        let fault = verify(envelope.as_bytes(), &[LocalKey::p256(1).public()], &image(region, id), None).unwrap_err();
        assert!(matches!(fault, PackerProvenanceFault::OtherImage { .. }), "{fault}");
    }
    for id in ["File", "", "eu-west-1:vol-0123abcd"] {
        assert!(refused(&payload(&identity(id))).contains("is about"), "{id}");
    }
    assert!(refused(&payload(&identity("eu-west-1:ami-3917e31d622aa7ed7,x"))).contains("not REGION:ami-ID"));
}

#[test]
fn an_invocation_that_is_asked_for_must_be_the_one() {
    let envelope = signed(&payload(&identity(ID)));
    let of = |asked| verify(envelope.as_bytes(), &[LocalKey::p256(1).public()], &first(), asked);
    assert!(of(Some("1658821493")).is_ok());
    assert!(matches!(of(Some("1658821494")), Err(PackerProvenanceFault::OtherRun { .. })));
    let without = payload(&identity(ID)).replacen(r#""metadata":{"invocationId":"1658821493"},"#, "", 1);
    let keys = [LocalKey::p256(1).public()];
    let fault = verify(signed(&without).as_bytes(), &keys, &first(), Some("1")).unwrap_err();
    assert_eq!(fault.to_string(), "Packer's provenance is of run \"\", not of \"1\"");
    let env = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    for (pairs, expected) in [
        (&[("GITHUB_RUN_ID", "7"), ("BUILD_ID", "9")][..], Some("7")),
        (&[("CI_PIPELINE_ID", "8"), ("CI_JOB_ID", "42")], Some("8")),
        (&[("GITHUB_RUN_ID", " "), ("BUILD_ID", "9\n")], Some("9")),
        (&[("PACKER_RUN_UUID", "60fe11a8")], None),
    ] {
        let env: BTreeMap<String, String> = env(pairs);
        assert_eq!(packer_invocation(&env), expected, "{pairs:?}");
    }
}

#[test]
fn the_subject_must_be_the_digest_of_the_identity() {
    let good = payload(&identity(ID));
    let other = identity("eu-west-1:ami-3917e31d622aa7ed7");
    for (from, to, problem) in [
        (STANDARD.encode(identity(ID)), STANDARD.encode(&other), "is not the digest of"),
        (Sha256Digest::of(identity(ID).as_bytes()).to_string(), "0".repeat(64), "is not the digest of"),
        ("\"content\"".to_owned(), "\"contents\"".to_owned(), "is not the digest of"),
        (STANDARD.encode(identity(ID)), "!".to_owned(), "cloud-artifact-identity is not base64"),
        ("cloud-artifact-identity".to_owned(), "identity".to_owned(), "has 0 byproducts"),
        ("\"byproducts\":[".to_owned(), r#""byproducts":[{"name":"cloud-artifact-identity"},"#.to_owned(), "has 2"),
    ] {
        let changed = good.replacen(&from, &to, 1);
        assert_ne!(changed, good, "{from}");
        let text = refused(&changed);
        assert!(text.contains(problem), "{text}");
    }
    for odd in [
        format!(r#"{{"builderId":"b","id":"{ID}","more":1}}"#),
        format!(r#"{{"builderId":"b","id":"x","id":"{ID}"}}"#),
        format!(r#"["b","{ID}",null]"#),
        format!(r#"{{"id":"{ID}"}}"#),
        "x".to_owned(),
    ] {
        let text = refused(&payload(&odd));
        assert!(text.contains("is not the one that Packer 1.16 writes"), "{odd}: {text}");
    }
}

#[test]
fn what_was_signed_must_be_one_statement_of_provenance() {
    let good = payload(&identity(ID));
    for (from, to, problem) in [
        ("slsa.dev/provenance/v1", "slsa.dev/provenance/v0.2", "predicate type"),
        ("Statement/v1", "Statement/v2", "no in-toto statement"),
        ("\"subject\":[{", "\"subject\":[{\"digest\":{\"sha256\":\"00\"}},{", "no in-toto statement"),
        ("\"predicate\":{", "\"predicate\":{\"runDetails\":0,", "no in-toto statement"),
        ("\"runDetails\"", "\"run\"", "the predicate is not the one"),
        ("\"id\":\"https://packer.io/local-build\"", "\"id\":null", "the predicate is not the one"),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good, "{from}");
        let text = refused(&changed);
        assert!(text.contains(problem), "{text}");
    }
    let other_type = signed_as("application/json", &good, &LocalKey::p256(1));
    assert!(matches!(ask(&other_type), Err(PackerProvenanceFault::PayloadType(_))));
}

#[test]
fn what_is_no_envelope_with_one_signature_is_refused() {
    let good = signed(&payload(&identity(ID)));
    let start = good.find("{\"keyid\"").unwrap();
    let signature = good[start..good.len() - 2].to_owned();
    let twice = format!("{signature},{signature}");
    for (from, to, problem) in [
        (signature.as_str(), "", "has 0 signatures"),
        (&signature, &twice, "has 2 signatures"),
        ("\"sig\"", "\"cert\":\"PEM\",\"sig\"", "keyless"),
        ("\"sig\":\"", "\"sig\":\"!", "the signature is not base64"),
        ("\"payload\":\"", "\"payload\":\"!", "the payload is not base64"),
        ("\"payload\"", "\"payload\":\"\",\"payload\"", "not a signed one"),
        ("\"payload\"", "\"mediaType\":\"\",\"payload\"", "not a signed one"),
        ("\"sig\"", "\"sug\"", "not a signed one"),
        ("}]}", "}]", "not a signed one"),
    ] {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good, "{from}");
        let text = ask(&changed).unwrap_err().to_string();
        assert!(text.contains(problem), "{text}");
    }
    // What signing_mode "none" writes.
    assert!(matches!(ask(&payload(&identity(ID))), Err(PackerProvenanceFault::Envelope(_))));
    assert!(matches!(ask(&" ".repeat(LIMITS.bytes + 1)), Err(PackerProvenanceFault::Envelope(_))));
}

#[test]
fn no_single_bit_flip_of_the_envelope_is_believed_as_something_else() {
    let good = signed(&payload(&identity(ID))).into_bytes();
    let keys = [LocalKey::p256(1).public()];
    let whole = verify(&good, &keys, &first(), None).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 7);
        if let Ok(found) = verify(&bytes, &keys, &first(), None) {
            // Only the key id, which nothing follows, may change.
            assert_eq!(
                PackerProvenance { sha256: whole.sha256, envelope: whole.envelope.clone(), ..found },
                whole,
                "byte {at}"
            );
        }
    }
}

#[test]
fn credentials_in_a_source_url_are_not_carried_on() {
    let with =
        |uri: &str| payload(&identity(ID)).replacen("git+https://github.com/acme/images@refs/heads/main", uri, 1);
    for uri in [
        "git+https://x-access-token:s3cret@github.com/acme/images",
        "git+https://s3cret@github.com/acme/images@refs/heads/main",
        "git+ssh://git:s3cret@github.com/acme/images",
        "http://a:b@c/d",
    ] {
        assert!(matches!(ask(&signed(&with(uri))), Err(PackerProvenanceFault::Credentials)), "{uri}");
    }
    for uri in ["git+ssh://git@github.com/acme/images", "git+git@github.com:acme/images", "https://example.test/r@abc"]
    {
        assert!(ask(&signed(&with(uri))).is_ok(), "{uri}");
    }
}

#[test]
fn of_several_sources_none_is_the_source() {
    let one = r#""resolvedDependencies":["#;
    let two = payload(&identity(ID)).replacen(one, &format!(r#"{one}{{"uri":"https://example.test/x"}},"#), 1);
    let found = ask(&signed(&two)).unwrap();
    assert_eq!((found.repository, found.commit), (None, None));
}
