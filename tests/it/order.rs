//! Steps the wrong way round: each refuses with its reason, and leaves nothing behind.

use crate::{
    aws::wait,
    gated::{GATE, Gated, approve, failures, sign},
    run::codes,
};

/// What makes the gate of a scene fail.
const CRITICAL: (&str, &str) = ("golden.grype", "critical.grype");

#[test]
fn sign_before_the_gate_passes() {
    let scene = Gated::new();
    let ami = scene.account.image("failing");
    let line = sign(&ami, "").replace(CRITICAL.0, CRITICAL.1);
    let report = scene.goldseal.json(&line).exits(1).report();
    assert_eq!(
        (report["schema"].as_str(), failures(&report)),
        (Some("goldseal/gate/v1"), vec!["finding-at-threshold"])
    );
    // There is no flag that signs it, and a laxer one is not heard.
    scene.goldseal.json(&format!("{line} --fail-on critical")).exits(1);
    scene.goldseal.json(&format!("{line} --replace")).exits(1);
    scene.goldseal.json(&format!("{line} --add")).exits(1);
    scene.untouched(&ami);
    assert_eq!(scene.signatures(), 0);
}

#[test]
fn sign_before_approve() {
    let scene = Gated::new();
    let ami = scene.account.image("unapproved");
    scene.gate("");
    let accepted = scene.accepted(&ami).remove(0);
    let hint = "run `goldseal gate --output json` and `goldseal approve`";
    scene.goldseal.fails(&sign(&ami, ""), 1, &["are not approved", &accepted, hint]);
    scene.goldseal.write("empty.jsonl", "");
    scene.goldseal.fails(&sign(&ami, "--approval empty.jsonl"), 1, &["are not approved"]);
    scene.goldseal.write("text.jsonl", "approved by alice\n");
    scene.goldseal.fails(&sign(&ami, "--approval text.jsonl"), 1, &["are not approved"]);
    scene.goldseal.fails(&sign(&ami, "--approval absent.jsonl"), 2, &["absent.jsonl"]);
    scene.untouched(&ami);
    assert_eq!(scene.signatures(), 0);
}

#[test]
fn approve_before_the_gate_and_approve_of_a_failed_one() {
    let scene = Gated::new();
    let ami = scene.account.image("early");
    scene.goldseal.fails(&approve(&ami), 2, &["gate.json", "No such file"]);
    let gate = format!("gate {} --write json=gate.json", GATE.replace(CRITICAL.0, CRITICAL.1));
    scene.goldseal.json(&gate).exits(1);
    scene.goldseal.fails(&approve(&ami), 2, &["nobody can approve that"]);
    assert!(!scene.goldseal.path("approval.jsonl").exists());
}

#[test]
fn whoever_approves_does_not_seal() {
    let scene = Gated::new();
    let ami = scene.account.image("one-hand");
    scene.gate("");
    scene.approve(&ami);
    let line = sign(&ami, "--approval approval.jsonl").replace("alias/signing", "alias/approval");
    scene.goldseal.fails(&line, 1, &["nobody approves their own work", &scene.approval.arn]);
    scene.untouched(&ami);
}

#[test]
fn verify_before_sign_and_publish_before_sign() {
    let scene = Gated::new();
    let ami = scene.account.image("unsigned");
    let report = scene.goldseal.json(&format!("verify {ami}")).exits(1).report();
    assert_eq!(codes(&report["images"][0]), ["evidence-absent"]);
    let line = format!("publish {ami} --share 222222222222 --ssm-parameter /golden/base --protect");
    let report = scene.goldseal.json(&line).exits(1).report();
    assert_eq!(
        (&report["outcome"], codes(&report["images"][0]["verified"])),
        (&"refused".into(), vec!["evidence-absent"])
    );
    scene.gate("");
    scene.approve(&ami);
    scene.goldseal.json(&line).exits(1);
    let changes = ["CreateTags", "ModifyImageAttribute", "EnableImageDeregistrationProtection", "PutParameter"];
    let calls = ["ec2", "ssm"].map(|service| scene.account.calls(service)).concat();
    assert!(!calls.iter().any(|(action, _)| changes.contains(&action.as_str())), "{calls:?}");
    scene.sign(&ami, "--approval approval.jsonl").exits(0);
    scene.goldseal.json(&line).exits(0);
}

#[test]
fn seal_before_approve_and_seal_of_what_fails() {
    let scene = Gated::new();
    let [near, far] = scene.two_regions("unapproved");
    let line = crate::seal::seal("");
    scene.goldseal.json(&line.replace(CRITICAL.0, CRITICAL.1)).exits(1).says("finding-at-threshold");
    let report = scene.goldseal.json(&line).exits(1).report();
    assert_eq!((&report["images"][0]["approval"], &report["publish"]), (&"failed".into(), &serde_json::Value::Null));
    assert!(report["failure"].to_string().contains("are not approved"), "{report:#}");
    // One of two regions is not enough: nothing is signed, even for the one that has it.
    scene.gate("--manifest manifest.json");
    scene.approve(&format!("{}:{far}", crate::gated::FAR));
    let report = scene.goldseal.json(&crate::seal::seal("--approval approval.jsonl")).exits(1).report();
    let approvals: Vec<_> = [0, 1].iter().map(|image| report["images"][*image]["approval"].clone()).collect();
    assert_eq!(
        (approvals, &report["images"][0]["signature"]),
        (vec!["done".into(), "failed".into()], &"not-done".into())
    );
    scene.untouched(&near);
    assert!(scene.account.in_region(crate::gated::FAR).evidence(&far).is_none());
    assert_eq!(scene.signatures(), 1, "the approval's own");
}

#[test]
fn sign_of_an_image_that_is_not_ready_or_gone() {
    let scene = Gated::new();
    let ami = scene.account.image("gone");
    scene.gate("");
    scene.approve(&ami);
    wait(scene.account.ec2().deregister_image().image_id(&ami).send()).unwrap();
    scene.goldseal.fails(&sign(&ami, "--approval approval.jsonl"), 1, &["EC2 shows no image", &ami]);
    assert!(scene.account.evidence(&ami).is_none());
}

#[test]
fn evidence_without_a_gate_does_not_satisfy_a_policy_that_asks_for_one() {
    let scene = Gated::new();
    let ami = scene.account.image("ungated");
    let inputs = crate::run::INPUTS;
    scene.goldseal.json(&format!("sign {ami} --key awskms:///alias/signing {inputs}")).exits(0);
    let report = scene.goldseal.json(&format!("verify {ami}")).exits(1).report();
    assert_eq!(codes(&report["images"][0]), ["attestation-missing"]);
    scene.goldseal.json(&format!("publish {ami} --share 222222222222")).exits(1);
    // A policy with a gate result and without its demands is none.
    scene.goldseal.change("policy.toml", "attestation = \"gate\"", "attestation = \"tests\"", "gateless.toml");
    scene.goldseal.fails(
        &format!("verify {ami} --policy gateless.toml"),
        2,
        &["gateless.toml", "dangerous_without_gate"],
    );
}

#[test]
fn what_the_image_bears_must_be_what_is_sealed() {
    let scene = Gated::new();
    let ami = scene.account.image("retagged");
    scene.gate("");
    scene.approve(&ami);
    scene.account.tag(&ami, "GitCommit", "0000000");
    let line = sign(&ami, "--approval approval.jsonl");
    scene.goldseal.fails(&line, 1, &["GitCommit", "0000000", "find out who tagged it"]);
    scene.untouched(&ami);
    scene.account.untag(&ami, "GitCommit");
    scene.goldseal.json(&line).exits(0);
    assert_eq!(
        scene.account.tags(&ami)["GitCommit"],
        crate::offline::commit(),
        "a sealed tag that is missing is written"
    );
}
