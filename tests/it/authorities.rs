//! Policies whose authorities are KMS keys: the key's state counts, its pin too, and not knowing is a third answer.

use serde_json::{Value, json};

use crate::{
    aws::{NOWHERE, wait},
    chain::Scene,
    policies::{kms, kms_by, pem, policy},
    run::{codes, notes},
};

/// A sealed image, and a policy that trusts the key in KMS.
fn scene() -> (Scene, String) {
    let scene = Scene::new();
    let ami = scene.sealed("authorities");
    scene.goldseal.write("policy.toml", policy(&[("ci", kms("ci", &scene.key))], 1));
    (scene, ami)
}

fn disable(scene: &Scene) {
    wait(scene.account.kms().disable_key().key_id(&scene.key.id).send()).unwrap();
}

#[test]
fn an_enabled_key_with_the_right_pin_counts() {
    let (scene, ami) = scene();
    let report = scene.goldseal.verdict(&ami, "admit", &[]);
    assert_eq!(
        notes(&report["images"][0]),
        ["dangerous-without-gate", "no-content-digest"],
        "the key's state was asked for"
    );
    for uri in [format!("awskms:///{}", scene.key.id), "awskms:///alias/signing".to_owned()] {
        scene.goldseal.write("policy.toml", policy(&[("ci", kms_by("ci", &uri, &scene.key.pin()))], 1));
        scene.goldseal.verdict(&ami, "admit", &[]);
    }
}

#[test]
fn a_key_is_asked_for_once_however_many_images_are_judged() {
    let (scene, ami) = scene();
    let before = scene.account.calls("kms").len();
    scene.goldseal.json(&format!("verify {ami} {ami} {ami} {}", crate::run::AT)).exits(0);
    let calls: Vec<String> =
        scene.account.calls("kms").split_off(before).into_iter().map(|(action, _)| action).collect();
    assert_eq!(calls, ["DescribeKey", "GetPublicKey"]);
}

#[test]
fn a_disabled_key_no_longer_counts_until_it_is_enabled() {
    let (scene, ami) = scene();
    disable(&scene);
    let report = scene.goldseal.verdict(&ami, "reject", &["authority-key-withdrawn", "attestation-missing"]);
    let withdrawn = cause(&report, "authority-key-withdrawn");
    assert_eq!(withdrawn["detail"], json!({"authority": "ci", "state": "Disabled"}));
    wait(scene.account.kms().enable_key().key_id(&scene.key.id).send()).unwrap();
    scene.goldseal.verdict(&ami, "admit", &[]);
}

#[test]
fn a_key_pending_deletion_no_longer_counts() {
    let (scene, ami) = scene();
    wait(scene.account.kms().schedule_key_deletion().key_id(&scene.key.id).pending_window_in_days(7).send()).unwrap();
    let report = scene.goldseal.verdict(&ami, "reject", &["authority-key-withdrawn", "attestation-missing"]);
    assert_eq!(cause(&report, "authority-key-withdrawn")["detail"]["state"], "PendingDeletion");
}

#[test]
fn a_key_as_pem_counts_whatever_kms_says_and_the_report_tells_so() {
    let (scene, ami) = scene();
    disable(&scene);
    scene.goldseal.write("policy.toml", policy(&[("ci", pem("ci", &scene.key.pem()))], 1));
    let report = scene.goldseal.verdict(&ami, "admit", &[]);
    assert!(notes(&report["images"][0]).contains(&"key-state-not-asked"));
}

#[test]
fn an_alias_that_was_pointed_elsewhere_is_told_and_does_not_count() {
    let (scene, ami) = scene();
    let by_alias = kms_by("ci", "awskms:///alias/signing", &scene.key.pin());
    scene.goldseal.write("policy.toml", policy(&[("ci", by_alias)], 1));
    scene.goldseal.verdict(&ami, "admit", &[]);
    let other = scene.account.key("ECC_NIST_P256");
    scene.account.alias("signing", &other);
    let report = scene.goldseal.verdict(&ami, "reject", &["authority-key-changed", "attestation-missing"]);
    let changed = &cause(&report, "authority-key-changed")["detail"];
    assert_eq!(*changed, json!({"authority": "ci", "pinned": scene.key.pin(), "found": other.pin()}));
    // Signed anew by the other key, it is still not the key that the policy means.
    scene.sign(&ami, "--replace");
    scene.goldseal.verdict(&ami, "reject", &["authority-key-changed", "attestation-missing"]);
}

#[test]
fn a_kms_that_cannot_be_asked_leaves_the_image_undetermined() {
    let (scene, ami) = scene();
    let goldseal = scene.goldseal.with("AWS_MAX_ATTEMPTS", "1");
    for (status, code, word) in [
        (500, "KMSInternalException", "unavailable"),
        (400, "ThrottlingException", "throttled"),
        (400, "AccessDeniedException", "access denied"),
    ] {
        scene.account.fault(json!({"service": "kms", "status": status, "code": code}));
        let report = goldseal.verdict(&ami, "undetermined", &["key-unavailable"]);
        let message = report["images"][0]["faults"][0]["message"].as_str().unwrap();
        for part in [word, code, "kms:DescribeKey", &scene.key.arn] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
    goldseal.verdict(&ami, "admit", &[]);
    let down = goldseal.with("AWS_ENDPOINT_URL_KMS", NOWHERE);
    down.verdict(&ami, "undetermined", &["key-unavailable"]);
    // Nothing that KMS could say would mend another image's evidence, or none.
    let bare = scene.account.image("bare");
    down.verdict(&bare, "reject", &["evidence-absent"]);
    scene.account.put_evidence(&bare, &scene.account.evidence(&ami).unwrap());
    let report = down.json(&format!("verify {bare} {}", crate::run::AT)).exits(1).report();
    assert!(codes(&report["images"][0]).contains(&"attestation-missing"), "{report:#}");
}

#[test]
fn a_key_that_could_not_be_asked_for_matters_only_where_it_is_needed() {
    let (scene, ami) = scene();
    let other = scene.account.in_region("eu-central-1").key("ECC_NIST_P256");
    scene.account.fault(
        json!({"service": "kms", "region": "eu-central-1", "status": 400, "code": "AccessDeniedException", "times": 0}),
    );
    let both = [("ci", kms("ci", &scene.key)), ("risk", kms("risk", &other))];
    scene.goldseal.write("policy.toml", policy(&both, 1));
    scene.goldseal.verdict(&ami, "admit", &[]);
    // The other one has signed nothing, so two of two are missing whatever its state.
    scene.goldseal.write("policy.toml", policy(&both, 2));
    scene.goldseal.verdict(&ami, "reject", &["attestation-under-threshold"]);
}

fn cause(report: &Value, code: &str) -> Value {
    let reasons = report["images"][0]["reasons"].as_array().unwrap();
    reasons.iter().find(|reason| reason["code"] == code).unwrap_or_else(|| panic!("no {code} in {report:#}")).clone()
}
