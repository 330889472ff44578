//! Three policies as somebody would write them. They compile, the schema takes them, and they mean what they say.

use super::{schema::valid_by_schema, *};
use crate::policy::{Context, KeySource, Mode};

/// One pipeline, one key, by file.
const ONE_KEY: &str = r#"version = 1
no_match = "enforce"
dangerous_without_gate = true   # until goldseal has the gate

[[authority]]
name = "image-pipeline"
key_file = "image-pipeline.pem"

[[require]]
attestation = "provenance"
authorities = ["image-pipeline"]

[[require]]
attestation = "sbom"
authorities = ["image-pipeline"]

[[require]]
attestation = "scan"
authorities = ["image-pipeline"]
"#;

/// Keys in KMS; the pipeline and the people who own the risk sign together; a key on its way out.
const TWO_OF_THREE: &str = r#"version = 1
no_match = "enforce"
dangerous_without_gate = true

[[authority]]
name = "pipeline"
kms = "awskms:///arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000001"
spki_sha256 = "0000000000000000000000000000000000000000000000000000000000000001"
scheme = "ecdsa-p256-sha256"

[[authority]]
name = "pipeline-2025"
kms = "awskms:///arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000002"
spki_sha256 = "0000000000000000000000000000000000000000000000000000000000000002"
scheme = "rsa-pss-sha256"
valid_until = 2027-01-01T00:00:00Z

[[authority]]
name = "risk"
kms = "awskms:///arn:aws:kms:eu-west-1:210987654321:key/0a1b2c3d-0000-0000-0000-000000000003"
spki_sha256 = "0000000000000000000000000000000000000000000000000000000000000003"
scheme = "ml-dsa-65"

[[require]]
attestation = "provenance"
authorities = ["pipeline", "pipeline-2025", "risk"]
threshold = 2

[[require]]
attestation = "sbom"
authorities = ["pipeline", "pipeline-2025"]
threshold = 1

[identity]
owners = ["123456789012"]
tags = ["GitCommit"]
"#;

/// Moving in: enforced in production, told elsewhere; a log must have seen every signature.
const MOVING_IN: &str = r#"version = 1
no_match = "warn"
dangerous_without_gate = true

[[authority]]
name = "image-pipeline"
key_file = "image-pipeline.pem"
witness = ["log"]
trusted_root = "trusted_root.json"

[[require]]
attestation = "provenance"
authorities = ["image-pipeline"]

[[require]]
attestation = "sbom"
authorities = ["image-pipeline"]

[identity]
regions = ["eu-west-1", "eu-central-1"]

[[scope]]
mode = "enforce"
accounts = ["111111111111", "222222222222"]

[[scope]]
mode = "warn"
accounts = ["222222222222"]
groups = ["arn:aws:autoscaling:eu-west-1:222222222222:autoScalingGroup:0a1b2c3d-0000-0000-0000-000000000000:autoScalingGroupName/canary"]
"#;

fn compiled(text: &str) -> Policy {
    let files = [("image-pipeline.pem", P256_PEM.to_owned()), ("trusted_root.json", FakeLog::new(2).trusted_root())];
    let files = files.map(|(name, text)| (name.to_owned(), Ok(text))).into();
    assert!(valid_by_schema(text));
    compile("policy.toml", text, &files).unwrap()
}

#[test]
fn one_key_signs_all() {
    let policy = compiled(ONE_KEY);
    let kinds: Vec<Kind> = policy.requirements().iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Provenance, Kind::Sbom, Kind::Scan]);
    assert!(matches!(policy.signatories()[0].key, KeySource::Pem(_)));
}

#[test]
fn two_of_three_sign_and_one_of_them_ends() {
    let policy = compiled(TWO_OF_THREE);
    assert_eq!(policy.requirements()[0].threshold, 2);
    assert_eq!(policy.signatories()[1].window.until, Some("2027-01-01T00:00:00Z".parse().unwrap()));
    assert!(policy.signatories().iter().all(|one| matches!(one.key, KeySource::Kms { .. })));
}

#[test]
fn moving_in_enforces_where_it_says() {
    let policy = compiled(MOVING_IN);
    let context = |account: &str| Context { account: Some(account.parse().unwrap()), ..Context::default() };
    for (account, mode) in
        [("111111111111", Mode::Enforce), ("222222222222", Mode::Enforce), ("333333333333", Mode::Warn)]
    {
        assert_eq!(policy.mode(&context(account)), mode);
    }
    assert!(policy.signatories()[0].witness.is_some());
}
