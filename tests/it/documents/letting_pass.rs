//! What is withdrawn, let pass and proven: docs/override.md, docs/revocation.md and docs/receipts.md, typed.

use goldseal_core::attestation::predicate::Revocations;
use serde_json::{Value, json};

use super::reader::{Reader, at_work};
use crate::{
    audit::{runs, scene},
    aws::{REGION, sha256},
    overriding::rules,
    policies::{kms, pem, policy, trusting},
    run::{Run, codes},
    withdrawn::put,
};

/// Returns what a command of AWS printed.
pub fn told(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn an_override_is_granted_countersigned_and_ended_as_its_document_says() {
    let mut scene = scene();
    let far = scene.account.in_region("eu-central-1");
    let keys = ["alice", "bob"].map(|name| (name, far.key_called(&format!("override-{name}")).pem()));
    let people = keys.clone().map(|(name, key)| pem(name, &key));
    let ami = scene.sealed("golden");
    scene.goldseal = at_work(scene.goldseal);
    let (account, goldseal) = (&scene.account, &scene.goldseal);
    goldseal.write("policy.toml", policy(&[("ci", kms("ci", &scene.key))], 1) + &people.concat() + &rules());
    put(account, &Revocations::new("default").next(Vec::new(), jiff::Timestamp::now()));
    for action in ["GetPublicKey", "DescribeKey"] {
        let code = "DependencyTimeoutException";
        account.fault(
            json!({"service": "kms", "region": REGION, "action": action, "times": 0, "status": 500, "code": code}),
        );
    }

    let mut reader = Reader::of("docs/override.md");
    reader.name("ami-0123456789abcdef0", &ami);
    reader.name("111122223333", &account.id);
    reader.types(goldseal, "goldseal verify").exits(3).says("key-unavailable");
    reader.types(goldseal, "goldseal override grant").exits(0).says("HALF-SIGNED").says("INC-4711");
    goldseal.run(&format!("verify {ami} --overrides override.jsonl")).exits(3);
    reader.agrees(goldseal, "goldseal override countersign").exits(0).says("KMS is out in eu-west-1");
    goldseal.run(&format!("verify {ami} --overrides override.jsonl")).exits(0).says("OVERRIDDEN");
    let shown = goldseal.json("override show override.jsonl").exits(0).report();
    let statement = shown["overrides"][0]["statement"].as_str().unwrap();
    reader.name("3f5a…", statement);
    reader.types(goldseal, "goldseal override end").exits(0).says(&format!("goldseal revoke evidence {statement}"));
    goldseal.write("alice.pub", &keys[0].1);
    for begins in ["printf", "sed"] {
        reader.types(goldseal, begins).exits(0);
    }
    reader.types(goldseal, "cosign verify-blob-attestation").exits(0).says("Verified OK");
}

#[test]
fn a_list_is_begun_added_to_and_verified_as_its_document_says() {
    let mut scene = scene();
    let ami = scene.sealed("golden");
    let revoker = scene.account.key_called("image-revocation");
    scene.goldseal = at_work(scene.goldseal);
    let (account, goldseal) = (&scene.account, &scene.goldseal);
    let table = "[revocation]\nauthorities = [\"revocation\"]\nmax_age = \"24h\"\n";
    goldseal.write("policy.toml", trusting(&scene.key) + &pem("revocation", &revoker.pem()) + table);

    let mut reader = Reader::of("docs/revocation.md");
    reader.name("ami-0123456789abcdef0", &ami);
    reader.name("https://ci.example.com/golden ", "https://ci.example.com/golden-images ");
    reader.name("3f5a…", sha256(&account.evidence(&ami).unwrap()));
    reader.name("golden-evidence/prod", account.bucket());
    reader.types(goldseal, "goldseal revoke renew --first").exits(0).says("SIGNED");
    goldseal.run(&format!("verify {ami}")).exits(0);
    for (serial, what) in (2..).zip(["image", "key", "builder", "evidence", "lift"]) {
        let run = reader.agrees(goldseal, &format!("goldseal revoke {what}")).exits(0);
        run.says(&format!("sign list {serial}"));
        let report = goldseal.json(&format!("verify {ami}")).exits(1).report();
        let expected: &[&str] = match what {
            "image" => &["image-revoked"],
            "key" | "builder" => &["image-revoked", "key-revoked", "attestation-missing"],
            "evidence" => &["image-revoked", "evidence-revoked", "key-revoked", "attestation-missing"],
            _ => &["evidence-revoked", "key-revoked", "attestation-missing"],
        };
        assert_eq!(codes(&report["images"][0]), expected, "{what}");
    }
    reader.types(goldseal, "aws s3 cp").exits(0);
    reader.types(goldseal, "aws kms get-public-key").exits(0);
    assert_eq!(goldseal.read("revocation.pub"), revoker.pem().into_bytes());
    reader.types(goldseal, "printf").exits(0);
    reader.types(goldseal, "cosign verify-blob-attestation").exits(0).says("Verified OK");
}

#[test]
fn receipts_are_written_listed_and_verified_as_their_document_says() {
    let mut scene = scene();
    let ami = scene.sealed("golden");
    runs(&scene.account, REGION, &ami, 2);
    let place = scene.account.bucket_called(&format!("receipts-{}", scene.account.id));
    scene.goldseal = at_work(scene.goldseal);
    let goldseal = &scene.goldseal;

    let mut reader = Reader::of("docs/receipts.md");
    reader.name("ami-0123456789abcdef0", &ami);
    reader.name("s3://receipts/prod", format!("{place}/prod"));
    let queue = format!("https://sqs.{REGION}.amazonaws.com/{}/goldseal", scene.account.id);
    // It does not end by itself.
    reader.name(
        "hook …",
        format!("hook --check --queue {queue} --guard-group web --guard-hook goldseal --state file://$PWD"),
    );
    reader.name("audit …", format!("audit --regions {REGION}"));
    let made = told(&reader.types(goldseal, "aws kms create-key").exits(0));
    let id = made["KeyMetadata"]["KeyId"].as_str().unwrap();
    reader.name("KEY-ID", id);
    reader.types(goldseal, "aws kms create-alias").exits(0);
    reader.types(goldseal, "goldseal hook").exits(0);
    reader.types(goldseal, "goldseal audit").exits(0);

    let listed = goldseal.json(&format!("receipts list {ami} --receipts {place}/prod")).exits(0).report();
    let file = listed["receipts"][0]["place"].as_str().unwrap();
    reader.types(goldseal, "goldseal receipts list").exits(0).says(file);
    let (_, below) = file.split_once("/prod/v1/").unwrap();
    reader.name("/v1/…", format!("/v1/{below}"));
    reader.types(goldseal, "aws s3 cp").exits(0);
    let key = scene.account.key_there(id);
    let believing = "[receipt]\nauthorities = [\"receipts\"]\n";
    goldseal.write("policy.toml", trusting(&scene.key) + &kms("receipts", &key) + believing);
    reader.types(goldseal, "goldseal receipts show").exits(0).says("NOT ASKED");
    reader.types(goldseal, "goldseal receipts verify").exits(0).says(&ami);
    reader.types(goldseal, "goldseal describe").exits(0);
    reader.types(goldseal, "aws kms get-public-key").exits(0);
    assert_eq!(goldseal.read("receipts.pub"), key.pem().into_bytes());
    reader.types(goldseal, "cosign verify-blob-attestation").exits(0).says("Verified OK");
}
