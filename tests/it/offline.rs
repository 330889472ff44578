//! `verify --image FILE --evidence FILE`: a verdict from files alone.

use std::{io::ErrorKind, net::TcpListener};

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    aws::{Account, Key, sha256},
    policies::{pem, policy, trusting},
    run::{AT, Goldseal, INPUTS, codes, notes, permitted},
    skipped,
};

/// The image of [`saved`].
pub const AMI: &str = "ami-0123456789abcdef0";
const OTHER_AMI: &str = "ami-0fedcba9876543210";
const FILES: &str = "--image image.json --evidence evidence.jsonl --policy policy.toml";

/// Returns an answer of `aws ec2 describe-images` about these images, each with the value of its tag `GitCommit`.
pub fn saved(images: &[(&str, &str)]) -> String {
    let image = |(id, commit): &(&str, &str)| {
        json!({
            "PlatformDetails": "Linux/UNIX", "UsageOperation": "RunInstances", "State": "available", "Public": false,
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": true, "Iops": 3000,
                "SnapshotId": "snap-0123456789abcdef0", "VolumeSize": 8, "VolumeType": "gp3", "Encrypted": false}}],
            "EnaSupport": true, "Hypervisor": "xen", "ImageId": id, "OwnerId": "123456789012", "Name": format!("golden {id}"),
            "ImageLocation": "123456789012/golden", "CreationDate": "2026-11-20T09:20:31.000Z", "Architecture": "x86_64",
            "RootDeviceType": "ebs", "RootDeviceName": "/dev/xvda", "VirtualizationType": "hvm", "BootMode": "uefi",
            "Tags": [{"Key": "GitCommit", "Value": commit}, {"Key": "Name", "Value": "golden"}],
        })
    };
    json!({ "Images": images.iter().map(image).collect::<Vec<_>>() }).to_string()
}

/// Writes a private key into the folder; returns its public half.
pub fn local_key(goldseal: &Goldseal, file: &str) -> Key {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let der = pair.to_pkcs8v1().unwrap();
    let text = STANDARD.encode(der.as_ref());
    goldseal.write(file, format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"));
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    Key { arn: file.to_owned(), id: file.to_owned(), spki: spki.as_ref().to_vec() }
}

/// Returns the commit that the fixtures' build facts seal.
pub fn commit() -> String {
    crate::aws::build_tags()["GitCommit"].clone()
}

/// Seals the image of `saved.json` with a key file; leaves image.json, evidence.jsonl and policy.toml in the folder.
pub fn seal(goldseal: &Goldseal) -> Key {
    let key = local_key(goldseal, "key.pem");
    goldseal.write("saved.json", saved(&[(AMI, &commit())]));
    goldseal.write("policy.toml", trusting(&key));
    let store = goldseal.directory_store();
    let image = format!("{AMI} --image saved.json --region eu-west-1");
    goldseal.run(&format!("describe {image} --descriptor image.json")).exits(0);
    goldseal.run(&format!("sign {image} --dangerous-local-key key.pem --store {store} {INPUTS}")).exits(0);
    goldseal.write("evidence.jsonl", goldseal.read(&format!("store/v1/aws/eu-west-1/{AMI}.jsonl")));
    key
}

/// Returns the SHA-256 of the statement in a line of evidence.
fn statement(evidence: &[u8], line: usize) -> String {
    let bundle: Value = serde_json::from_slice(evidence.split(|&byte| byte == b'\n').nth(line - 1).unwrap()).unwrap();
    sha256(&STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap())
}

#[test]
fn a_descriptor_and_its_evidence_are_enough() {
    // Whoever calls this address is seen.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let goldseal = Goldseal::new()
        .with("AWS_ENDPOINT_URL", format!("http://{}", nobody.local_addr().unwrap()))
        .with("AWS_ACCESS_KEY_ID", "testing")
        .with("AWS_SECRET_ACCESS_KEY", "testing");
    let key = seal(&goldseal);
    let report = goldseal.verdict(FILES, "admit", &[]);

    let evidence = goldseal.read("evidence.jsonl");
    let checked = |line: usize, kind: &str, predicate_type: &str| {
        json!({"line": line, "kind": kind, "predicateType": predicate_type, "statement": statement(&evidence, line),
            "by": "ci", "seen": null, "required": true})
    };
    let image = &report["images"][0];
    let messages = image["notes"].clone();
    let counted = |line: usize, kind: &str| {
        let key = sha256(&key.spki);
        json!({"statement": statement(&evidence, line), "kind": kind, "by": "ci", "key": key, "seen": null})
    };
    let mut signatures = [counted(1, "provenance"), counted(2, "sbom"), counted(3, "scan")];
    signatures.sort_by_key(|one| one["statement"].to_string());
    let expected = json!({
        "schema": "goldseal/verify/v1",
        "at": "2026-11-24T12:00:00Z",
        "policy": sha256(&goldseal.read("policy.toml")),
        "images": [{
            "image": {"region": "eu-west-1", "id": AMI},
            "subject": sha256(&goldseal.read("image.json")),
            "owner": "123456789012",
            "verdict": "admit",
            "mode": "enforce",
            "until": null,
            "evidence": "evidence.jsonl",
            "evidenceSha256": sha256(&evidence),
            "reasons": [],
            "faults": [],
            "overridden": null,
            "basis": {"signatures": signatures, "ages": null, "revocations": null},
            "checked": [
                checked(1, "provenance", "https://slsa.dev/provenance/v1"),
                checked(2, "sbom", "https://spdx.dev/Document"),
                checked(3, "scan", "https://in-toto.io/attestation/vulns/v0.2"),
            ],
            "discounted": [],
            "notes": messages,
        }],
    });
    assert_eq!(report, expected, "{report:#}");
    assert_eq!(
        notes(image),
        ["dangerous-without-gate", "dangerous-local-key", "no-content-digest", "key-state-not-asked"]
    );

    nobody.set_nonblocking(true).unwrap();
    assert_eq!(nobody.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "something was asked over the network");
}

#[test]
fn people_read_the_verdict_first_and_then_what_it_stands_on() {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    let shown = goldseal.run(&format!("verify {FILES} {AT}")).exits(0);
    let (subject, evidence) = (sha256(&goldseal.read("image.json")), sha256(&goldseal.read("evidence.jsonl")));
    let expected = format!(
        "\
ADMIT  {AMI} in eu-west-1
  subject   sha256:{subject}
  evidence  evidence.jsonl  sha256:{evidence}
  checked   provenance  signed by ci
  checked   sbom        signed by ci
  checked   scan        signed by ci
  judged    at 2026-11-24T12:00:00Z, nothing in it expires; mode enforce, policy sha256:{}
  note      the policy asks for no gate result: nobody judged the findings (dangerous-without-gate)
  note      a statement was signed with a key file on disk: whoever copied it can sign (dangerous-local-key)
  note      sealed without content digests: what is on the devices is not bound (no-content-digest)
  note      ci is a public key in the policy: nobody asked whether its owner withdrew it (key-state-not-asked)
",
        sha256(&goldseal.read("policy.toml"))
    );
    assert_eq!((shown.stdout, shown.stderr), (expected, String::new()));
}

#[test]
fn what_kms_sealed_is_admitted_on_a_machine_without_a_network() {
    let wrapper: &[&str] = &["unshare", "-rn"];
    if !permitted(wrapper) {
        return skipped("a run without any network", "unshare -rn is not permitted here");
    }
    let account = Account::new();
    let (producer, ami) = (account.goldseal(), account.image("offline"));
    let store = producer.directory_store();
    let key = account.key_called("offline");
    producer.run(&format!("sign {ami} --key awskms:///alias/offline --store {store} {INPUTS}")).exits(0);
    producer.run(&format!("describe {ami} --descriptor image.json")).exits(0);

    let consumer = Goldseal::new().within(wrapper);
    consumer.write("image.json", producer.read("image.json"));
    consumer.write("evidence.jsonl", producer.read(&format!("store/{}", account.evidence_key(&ami))));
    consumer.write("policy.toml", trusting(&key));
    let report = consumer.verdict(FILES, "admit", &[]);
    assert_eq!(notes(&report["images"][0]), ["dangerous-without-gate", "no-content-digest", "key-state-not-asked"]);
}

#[test]
fn evidence_may_come_through_a_pipe() {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    let verify = format!("\"$GOLDSEAL\" verify --image image.json --evidence - --policy policy.toml {AT}");
    goldseal.script(&[], &format!("cat evidence.jsonl | {verify}")).exits(0).says("ADMIT");
    goldseal.script(&[], &format!("{verify} </dev/null")).exits(1).says("attestation-missing");
}

#[test]
fn a_saved_answer_needs_its_region_and_of_several_images_the_one() {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    let files = "--image saved.json --evidence evidence.jsonl --policy policy.toml";
    goldseal.verdict(&format!("{files} --region eu-west-1"), "admit", &[]);
    goldseal.verdict(&format!("{AMI} {files} --region eu-west-1"), "admit", &[]);
    goldseal.verdict(&format!("eu-west-1:{AMI} {files}"), "admit", &[]);
    goldseal.verdict(&format!("arn:aws:ec2:eu-west-1:123456789012:image/{AMI} {files}"), "admit", &[]);
    // The same facts elsewhere are another image.
    let elsewhere = format!("{files} --region eu-west-2");
    goldseal.verdict(&elsewhere, "reject", &["subject-mismatch", "attestation-missing"]);
    goldseal.fails(&format!("verify {files}"), 2, &["does not say its region", "--region"]);

    goldseal.write("saved.json", saved(&[(OTHER_AMI, &commit()), (AMI, &commit())]));
    goldseal.verdict(&format!("eu-west-1:{AMI} {files}"), "admit", &[]);
    goldseal.verdict(&format!("eu-west-1:{OTHER_AMI} {files}"), "reject", &["subject-mismatch", "attestation-missing"]);
    goldseal.fails(&format!("verify {files} --region eu-west-1"), 2, &["exactly one image", "name the one"]);
    goldseal.fails(&format!("verify eu-west-1:ami-00000000 {files}"), 2, &["does not describe ami-00000000"]);
    goldseal.fails(&format!("verify eu-west-1:{AMI} eu-west-1:{OTHER_AMI} {files}"), 2, &["name one"]);
}

#[test]
fn a_descriptor_names_its_own_region_and_no_other_image() {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    goldseal.verdict(&format!("{AMI} {FILES}"), "admit", &[]);
    goldseal.verdict(&format!("eu-west-1:{AMI} {FILES}"), "admit", &[]);
    for other in [OTHER_AMI.to_owned(), format!("eu-west-1:{OTHER_AMI}"), format!("eu-west-2:{AMI}")] {
        goldseal.fails(
            &format!("verify {other} {FILES}"),
            2,
            &["image.json describes ami-0123456789abcdef0 in eu-west-1"],
        );
    }
    // Who names no region means the one of the file, whatever the settings of AWS say.
    let far = goldseal.with("AWS_REGION", "us-east-1");
    far.run(&format!("describe {AMI} --image image.json")).exits(0).says("eu-west-1");
    for (other, meant) in [
        (OTHER_AMI.to_owned(), format!("{OTHER_AMI} in eu-west-1")),
        (format!("us-east-1:{AMI}"), format!("{AMI} in us-east-1")),
        (format!("{AMI} --region us-east-1"), format!("{AMI} in us-east-1")),
    ] {
        let named = format!("which is not the image that was named, {meant}");
        far.fails(&format!("describe {other} --image image.json"), 2, &[&named]);
    }
}

#[test]
fn an_image_may_be_called_as_a_saved_answer_begins() {
    let goldseal = Goldseal::new();
    goldseal.write("saved.json", saved(&[(AMI, "0")]).replace(&format!("golden {AMI}"), "Images"));
    let describe = format!("describe eu-west-1:{AMI} --image");
    goldseal.run(&format!("{describe} saved.json --descriptor image.json")).exits(0);
    goldseal.run(&format!("{describe} image.json")).exits(0).says("name      Images");
}

#[test]
fn tags_of_a_saved_answer_are_compared() {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    goldseal.write("saved.json", saved(&[(AMI, "0000000")]));
    let report = goldseal.verdict(
        "--image saved.json --evidence evidence.jsonl --policy policy.toml --region eu-west-1",
        "reject",
        &["tag-mismatch"],
    );
    let reason = &report["images"][0]["reasons"][0];
    assert_eq!(reason["detail"], json!({"tag": "GitCommit", "sealed": commit(), "found": "0000000"}));
}

#[test]
fn the_instant_decides_and_is_told() {
    let goldseal = Goldseal::new();
    let key = seal(&goldseal);
    let window = "valid_from = 2026-11-22T00:00:00Z\nvalid_until = 2026-12-01T00:00:00Z\n";
    goldseal.write("policy.toml", policy(&[("ci", pem("ci", &key.pem()) + window)], 1));
    for (at, verdict, codes) in [
        ("2026-11-19T00:00:00Z", "reject", ["authority-not-yet-valid", "attestation-missing"].as_slice()),
        ("2026-11-21T23:59:59Z", "reject", &["authority-not-yet-valid", "attestation-missing"]),
        ("2026-11-22T00:00:00Z", "admit", &[]),
        ("2026-11-30T23:59:59.999Z", "admit", &[]),
        ("2026-12-01T00:00:00Z", "reject", &["authority-expired", "attestation-missing"]),
        ("2030-01-01T01:00:00+01:00", "reject", &["authority-expired", "attestation-missing"]),
    ] {
        let report = goldseal.verdict(&format!("{FILES} --at {at}"), verdict, codes);
        let until = &report["images"][0]["until"];
        assert_eq!(*until, if verdict == "admit" { json!("2026-12-01T00:00:00Z") } else { Value::Null }, "{at}");
    }
    goldseal.write("policy.toml", trusting(&key));
    // Without a window, only a clock before the build is wrong.
    goldseal.verdict(&format!("{FILES} --at 2026-11-20T09:19:46Z"), "undetermined", &["clock-before-signed-time"]);
    goldseal.verdict(&format!("{FILES} --at 2026-11-20T09:19:47Z"), "admit", &[]);
    goldseal.run(&format!("verify {FILES} --at yesterday")).exits(2).says("--at");
}

#[test]
fn a_scope_changes_the_mode_and_never_the_verdict() {
    let goldseal = Goldseal::new();
    let key = seal(&goldseal);
    let scope = "[identity]\nowners = [\"210987654321\"]\n[[scope]]\nmode = \"warn\"\naccounts = [\"345678901234\"]\n";
    goldseal.write("policy.toml", trusting(&key) + scope);
    for (context, mode) in [("", "enforce"), ("--account 345678901234", "warn"), ("--account 123456789012", "enforce")]
    {
        let report = goldseal.verdict(&format!("{FILES} {context}"), "reject", &["owner-not-accepted"]);
        assert_eq!(report["images"][0]["mode"], mode, "{context}");
    }
}

#[test]
fn files_that_are_no_image_are_told_from_one_another() {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    goldseal.write("empty.json", "");
    goldseal.write("object.json", "{}");
    goldseal.write("none.json", r#"{"Images":[]}"#);
    goldseal.change("saved.json", "\"CreationDate\":\"2026-11-20T09:20:31.000Z\",", "", "bare.json");
    goldseal.change("saved.json", "\"VolumeSize\":8", "\"VolumeSize\":\"8\"", "typed.json");
    goldseal.change("image.json", "x86_64", "X86_64\",\"x\":\"", "foreign.json");
    for (file, says) in [
        ("absent.json", "No such file"),
        (".", "directory"),
        ("empty.json", "not JSON"),
        ("object.json", "missing field `partition`"),
        ("typed.json", "invalid type: string \"8\""),
        ("none.json", "does not describe"),
        ("bare.json", "no CreationDate"),
        ("foreign.json", "foreign.json"),
    ] {
        let line = format!("verify eu-west-1:{AMI} --image {file} --evidence evidence.jsonl --policy policy.toml");
        let error = goldseal.fails(&line, 2, &[says, file]);
        assert!(error["causes"].as_array().unwrap().len() < 4, "{error:#}");
    }
    let absent = "verify --image image.json --evidence absent.jsonl --policy policy.toml";
    goldseal.fails(absent, 2, &["absent.jsonl", "No such file"]);
}

#[test]
fn what_belongs_together_is_asked_for_together() {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    for (line, says) in [
        ("verify --policy policy.toml", "<AMI>"),
        ("verify --image image.json --policy policy.toml", "--evidence"),
        ("verify --evidence evidence.jsonl --policy policy.toml", "--image"),
        ("verify --image image.json --evidence evidence.jsonl", "no policy is set"),
        ("verify ami-xyz --policy policy.toml", "ami-xyz"),
        ("verify --image image.json --evidence evidence.jsonl --policy policy.toml --account 1", "12 digits"),
        ("verify --image image.json --evidence evidence.jsonl --policy policy.toml --frobnicate", "--frobnicate"),
        ("frobnicate", "frobnicate"),
    ] {
        goldseal.run(line).exits(2).says(says);
        goldseal.fails(line, 2, &[says]);
    }
    assert!(codes(&goldseal.verdict(FILES, "admit", &[])["images"][0]).is_empty());
}
