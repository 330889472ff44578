//! A pipeline and its keys: docs/gate.md, docs/operations.md and docs/keys.md, typed.

use std::fs;

use serde_json::{Value, json};

use super::{
    letting_pass::told,
    reader::{Reader, at_work},
};
use crate::{
    audit::{runs, scene},
    aws::{Key, NOWHERE, REGION},
    gate::{trivy, trivy_version},
    gated::{FAR, Gated, RUN, change_json, gated_policy, hours_ago, in_days},
    goss::report,
    policies::{kms, policy},
    run::Goldseal,
};

/// What is behind `…` where the document has said it before.
const GATE: &str = "--sbom sbom.spdx.json --scan grype.json --exceptions exceptions.toml --manifest packer-manifest.json \
                    --policy policy.toml";
const APPROVE: &str = "--policy policy.toml --key awskms:///alias/image-approval --approver alice@example.com";

/// A build in two regions, whose files have the names that documents give them.
fn built() -> (Gated, [String; 2]) {
    let mut scene = Gated::new();
    let images = scene.two_regions("golden");
    scene.goldseal = at_work(scene.goldseal).with("PACKER_RUN_UUID", RUN);
    let goldseal = &scene.goldseal;
    for (fixture, name) in [("golden.spdx.json", "sbom.spdx.json"), ("golden.grype.json", "grype.json")] {
        goldseal.write(name, goldseal.read(fixture));
    }
    // Packer's template says who builds: outside of CI nobody else does.
    let said: Value = serde_json::from_slice(&goldseal.read("build.json")).unwrap();
    change_json(goldseal, "manifest.json", "packer-manifest.json", |manifest| {
        manifest["builds"][0]["custom_data"] = json!({"builder": said["builder"]});
    });
    goldseal.write("fixture.goss.json", report(&[0, 0]).to_string());
    goldseal.write("goss.json", report(&[0, 0]).to_string());
    goldseal.write("goss.yaml", "file:\n  /etc/0:\n    exists: true\n");
    scene.account.alias("image-approval", &scene.approval);
    (scene, images)
}

/// Returns what a result of `approve` asks to be named.
fn risks(goldseal: &Goldseal) -> Vec<String> {
    let report: Value = serde_json::from_slice(&goldseal.read("risks.json")).unwrap();
    let images = report["images"].as_array().unwrap().iter();
    images.map(|image| image["acceptedRisks"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_gate_is_passed_and_its_risks_approved_as_its_document_says() {
    let (scene, _) = built();
    let goldseal = &scene.goldseal;
    goldseal.write("fixture.trivy.json", trivy("MEDIUM").to_string());
    goldseal.write("fixture.version.json", trivy_version().to_string());

    let mut reader = Reader::of("docs/gate.md");
    reader.types(goldseal, "goldseal gate").exits(0).says("PASS");
    reader.types(goldseal, "goldseal gate").exits(0);
    for file in ["gate.json", "gate.sarif", "comment.md"] {
        assert!(!goldseal.read(file).is_empty(), "{file}");
        fs::remove_file(goldseal.path(file)).unwrap();
    }
    for program in ["syft", "grype"] {
        reader.types(goldseal, program).exits(0);
    }
    for program in ["trivy sbom", "trivy version"] {
        reader.types(goldseal, program).exits(0);
    }
    reader.types(goldseal, "goldseal gate").exits(0).says("PASS");
    let tested = scene.account.image("tested");
    let files = "--sbom sbom.spdx.json --scan grype.json --provenance build.json --policy ungated.toml";
    reader.name("sign …", format!("sign {tested} --key awskms:///alias/signing {files}"));
    reader.types(goldseal, "goss validate").exits(0);
    reader.types(goldseal, "goldseal sign").exits(0).says("tests");

    reader.types(goldseal, "goldseal gate").exits(0);
    reader.agrees(goldseal, "goldseal approve").exits(0).says("CVE-2026-90005 in tar").says("APPROVED");
    reader.name("approve gate.json …", format!("approve gate.json {APPROVE} --out approval-of-a-job.jsonl"));
    reader.types(goldseal, "goldseal approve").exits(1);
    for (digest, accepted) in ["3f5a…", "9c01…"].iter().zip(risks(goldseal)) {
        reader.name(digest, accepted);
    }
    reader.types(goldseal, "goldseal approve").exits(0).says("APPROVED");
    for file in ["approval.jsonl", "approval-of-a-job.jsonl"] {
        let approvals = String::from_utf8(goldseal.read(file)).unwrap();
        assert_eq!(approvals.lines().count(), 2, "one an image: {file}");
    }
}

/// Approves an image that Packer did not build, and seals it if asked for, by what documents name.
fn approved_alone(goldseal: &Goldseal, ami: &str) {
    let gate = GATE.replace("--manifest packer-manifest.json ", "");
    goldseal.run(&format!("gate {gate} --write json=alone.json")).exits(0);
    let approve = format!("approve alone.json {ami} {APPROVE} --out approval.jsonl");
    let run = goldseal.json(&approve).exits(1);
    goldseal.write("risks.json", run.stdout);
    goldseal.run(&format!("{approve} --yes --accept-digest {}", risks(goldseal)[0])).exits(0);
}

#[test]
fn images_are_sealed_published_and_verified_as_the_operations_document_says() {
    let (scene, [near, far]) = built();
    let (account, goldseal) = (&scene.account, &scene.goldseal);
    fs::create_dir(goldseal.path("bash_completion.d")).unwrap();

    let mut reader = Reader::of("docs/operations.md");
    reader.name("/etc/bash_completion.d", "bash_completion.d");
    reader.types(goldseal, "cargo install").exits(0);
    reader.types(goldseal, "goldseal completions bash").exits(0);
    assert!(String::from_utf8(goldseal.read("bash_completion.d/goldseal")).unwrap().contains("complete -F"));

    let made = told(&reader.types(goldseal, "aws kms create-key").exits(0));
    reader.name("KEY-ID", made["KeyMetadata"]["KeyId"].as_str().unwrap());
    reader.types(goldseal, "aws kms create-alias").exits(0);
    reader.types(goldseal, "aws kms get-public-key").exits(0);
    reader.types(goldseal, "openssl pkey").exits(0);
    let key = account.key_there("alias/image-signing");
    reader.types(goldseal, "sha256sum").exits(0).says(&key.pin());
    assert_eq!(goldseal.read("image-signing.pub"), key.pem().into_bytes());
    goldseal.write("policy.toml", gated_policy(&key, &scene.approval, "[gate]\nfail_on = \"high\"\n"));

    // What was approved last, and an image that Packer did not build.
    let (before, alone) = (account.image("before"), account.image("alone"));
    let inputs = GATE.replace("--manifest packer-manifest.json", "--provenance build.json --approval approval.jsonl");
    approved_alone(goldseal, &before);
    goldseal.run(&format!("sign {before} --key awskms:///alias/image-signing {inputs}")).exits(0);
    reader.name("golden-evidence/prod", account.bucket());
    reader.name("ami-0d3b1a5c7e9f24680", &before);
    reader.types(goldseal, "goldseal gate").exits(0);
    reader.agrees(goldseal, "goldseal approve").exits(0).says("APPROVED");
    reader.types(goldseal, "goldseal seal").exits(0).says(&near).says(&far).says("222222222222").says("/golden/base");

    approved_alone(goldseal, &alone);
    reader.name("ami-0123456789abcdef0", &alone);
    reader.types(goldseal, "goldseal sign").exits(0).says("SIGNED");

    change_json(goldseal, "golden.grype.json", "golden.grype.json", |scan| {
        scan["descriptor"]["timestamp"] = json!(hours_ago(0));
    });
    let seal = "--approval approval.jsonl --goss goss.json --goss-file goss.yaml --key awskms:///alias/image-signing";
    reader.name("gate …", format!("gate {GATE}"));
    reader.name("approve gate.json …", format!("approve gate.json {APPROVE} --out approval.jsonl"));
    reader.name("seal …", format!("seal {GATE} {seal}"));
    reader.types(goldseal, "grype").exits(0);
    reader.types(goldseal, "goldseal gate").exits(0);
    reader.agrees(goldseal, "goldseal approve").exits(0).says("APPROVED");
    reader.types(goldseal, "goldseal seal").exits(0);

    reader.name("ami-0123456789abcdef0", &near);
    reader.name("us-east-1:ami-0fedcba9876543210", format!("{FAR}:{far}"));
    reader.types(goldseal, "goldseal publish").exits(0);
    reader.types(goldseal, "goldseal publish").exits(0).says("o-a1b2c3d4e5");
    reader.types(goldseal, "goldseal verify").exits(0).says("ADMIT");
    assert_eq!(reader.types(goldseal, "goldseal verify").exits(0).report()["images"].as_array().unwrap().len(), 2);
    reader.name("2027-02-01", in_days(61));
    reader.types(goldseal, "goldseal verify").exits(1).says("exception-expired");
    reader.types(goldseal, "goldseal describe").exits(0);
    reader.types(goldseal, "aws s3 cp").exits(0);
    let goldseal = scene.goldseal.with("AWS_ENDPOINT_URL", NOWHERE);
    reader.types(&goldseal, "goldseal verify").exits(0).says("ADMIT");
}

#[test]
fn a_key_is_kept_and_images_move_to_the_next_as_the_document_of_keys_says() {
    let mut scene = scene();
    let new: Key = scene.account.key_called("image-signing-2027");
    scene.account.alias("image-signing", &scene.key);
    scene.goldseal.write("policy.toml", policy(&[("image-2026", kms("image-2026", &scene.key))], 1));
    scene.goldseal.write("next.toml", policy(&[("image-2027", kms("image-2027", &new))], 1));
    let ami = scene.sealed("golden");
    runs(&scene.account, REGION, &ami, 1);
    scene.goldseal = at_work(scene.goldseal);
    let goldseal = &scene.goldseal;
    goldseal.run(&format!("audit --regions {REGION} --write json=audit.json")).exits(0);

    let mut reader = Reader::of("docs/keys.md");
    reader.types(goldseal, "aws kms get-public-key").exits(0);
    assert_eq!(goldseal.read("image-signing.pub"), scene.key.pem().into_bytes());
    goldseal.run(&format!("verify {ami} --policy next.toml")).exits(1);
    reader.types(goldseal, "goldseal reseal").exits(0).says("1 resealed");
    goldseal.run(&format!("verify {ami} --policy next.toml")).exits(0);
}
