//! `approve`: what a person is shown, what they sign, and what that is worth after anything changed.

use serde_json::{Value, json};

use crate::{
    documents::reader::TERMINAL,
    gated::{FAR, GATE, Gated, approve, change_json, in_days},
    run::notes,
};

/// A scene with an image, and a gate result that waits for approval.
fn scene() -> (Gated, String) {
    let scene = Gated::new();
    let ami = scene.account.image("approving");
    scene.gate("");
    (scene, ami)
}

#[test]
fn what_was_accepted_is_shown_and_signed_by_the_approvers_key() {
    let (scene, ami) = scene();
    let shown = scene.goldseal.run(&approve(&ami)).exits(1).says("ACCEPTED RISKS\n").says("CVE-2026-90005 in tar");
    let shown = shown.says("Debian has no fix yet").says("1 exception; below the threshold: 4 medium");
    let accepted = scene.accepted(&ami);
    shown.says(&format!("accepts sha256 {}", accepted[0])).says("there is nobody to ask").says("--accept-digest");
    assert!(!scene.goldseal.path("approval.jsonl").exists());
    assert_eq!(scene.signatures(), 0);

    let report = scene.approve(&ami);
    assert_eq!((&report["schema"], &report["signed"]), (&json!("goldseal/approve/v1"), &json!(true)));
    assert_eq!((&report["approver"], &report["written"]), (&json!("alice@example.com"), &json!("approval.jsonl")));
    assert_eq!((&report["key"]["name"], scene.signatures()), (&json!(scene.approval.arn), 1));
    let bundle = String::from_utf8(scene.goldseal.read("approval.jsonl")).unwrap();
    assert_eq!(bundle.lines().count(), 1);
    let predicate = crate::content::predicate(&bundle, 1).to_string();
    assert!(predicate.contains("alice@example.com") && predicate.contains(&accepted[0]), "{predicate}");

    let signed = scene.sign(&ami, "--approval approval.jsonl").exits(0).report();
    assert_eq!(signed["approvals"], json!([report["images"][0]["statement"]]));
    let kinds: Vec<&Value> = signed["statements"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["provenance", "sbom", "scan", "gate"]);
    let verified = scene.goldseal.json(&format!("verify {ami}")).exits(0).report();
    let checked = verified["images"][0]["checked"].as_array().unwrap().iter();
    let by: Vec<String> = checked.map(|one| format!("{} {}", one["kind"], one["by"]).replace('"', "")).collect();
    assert_eq!(by, ["approval boss", "provenance ci", "sbom ci", "scan ci", "gate ci"]);
}

#[test]
fn risks_that_are_new_since_an_image_come_first() {
    let (scene, _) = scene();
    let old = scene.sealed("old");
    change_json(&scene.goldseal, "golden.grype.json", "golden.grype.json", |scan| {
        let mut found = scan["matches"][1].clone();
        found["vulnerability"]["id"] = json!("CVE-2026-99999");
        found["vulnerability"]["severity"] = json!("Negligible");
        scan["matches"].as_array_mut().unwrap().push(found);
    });
    scene.gate("");
    let ami = scene.account.image("new");
    let line = approve(&format!("{ami} --since {old}"));
    let report = scene.goldseal.json(&line).exits(1).report();
    let findings = report["risks"]["findings"].as_array().unwrap();
    assert_eq!((&findings[0]["id"], &findings[0]["new"]), (&json!("CVE-2026-99999"), &json!(true)));
    assert!(findings[1..].iter().all(|one| one["new"] == false), "{findings:#?}");
    assert_eq!((&report["risks"]["compared"], &report["risks"]["exceptions"][0]["new"]), (&json!(true), &json!(false)));
    let shown = scene.goldseal.run(&line).exits(1).says("1 of them new");
    assert!(shown.stdout.contains("finding   NEW negligible CVE-2026-99999"), "{}", shown.stdout);
    assert_eq!(shown.stdout.matches("NEW").count(), 1);
    // Without one to compare with, that is said; one without evidence is an error.
    scene.goldseal.run(&approve(&ami)).exits(1).says("not compared with an earlier image (--since)");
    scene.goldseal.fails(
        &approve(&format!("{ami} --since {ami}")),
        2,
        &["what was accepted for", "there is no evidence"],
    );
}

#[test]
fn where_nothing_was_accepted_nothing_is_signed() {
    let (scene, ami) = scene();
    change_json(&scene.goldseal, "golden.grype.json", "clean.json", |scan| scan["matches"] = json!([]));
    let gate = format!("gate {} --write json=gate.json", GATE.replace("golden.grype", "clean"));
    let report = scene.goldseal.json(&gate).exits(0).report();
    assert_eq!(report["approvalNeeded"], false);
    let report = scene.goldseal.json(&approve(&ami)).exits(0).report();
    assert_eq!((&report["signed"], notes(&report)), (&json!(false), vec!["nothing-to-approve"]));
    assert!(!scene.goldseal.path("approval.jsonl").exists());
    let line = crate::gated::sign(&ami, "").replace("golden.grype", "clean");
    let signed = scene.goldseal.json(&line).exits(0).report();
    assert_eq!(signed["approvals"], json!([]));
    scene.goldseal.json(&format!("verify {ami}")).exits(0);
}

#[test]
fn only_the_named_digests_and_the_approvers_key_approve() {
    let (scene, ami) = scene();
    let (accepted, other) = (scene.accepted(&ami).remove(0), "0".repeat(64));
    let yes = |more: &str| format!("{} {more}", approve(&ami));
    let goldseal = &scene.goldseal;
    goldseal.fails(
        &yes(&format!("--yes --accept-digest {other}")),
        1,
        &[&accepted, "does not name", "look at the list"],
    );
    goldseal.run(&yes("--yes")).exits(2).says("--accept-digest");
    goldseal.run(&yes(&format!("--accept-digest {accepted}"))).exits(2).says("--yes");
    goldseal.run(&yes("--yes --accept-digest 12ab")).exits(2).says("12ab");
    let by_image_key = yes(&format!("--yes --accept-digest {accepted}")).replace("alias/approval", "alias/signing");
    goldseal.fails(&by_image_key, 1, &[&scene.key.arn, "no key that approves under this policy"]);
    // What was accepted for one image is not for another one.
    let another = scene.account.image("another");
    let line = format!("{} --yes --accept-digest {accepted}", approve(&another));
    goldseal.fails(&line, 1, &["does not name"]);
    assert!(!goldseal.path("approval.jsonl").exists());
    assert_eq!(scene.signatures(), 0);
}

#[test]
fn who_types_approve_approves_and_nobody_else() {
    let (scene, ami) = scene();
    let ask = |answer: &str, code: i32| {
        let person = ["env", &format!("ANSWER={answer}"), "python3", TERMINAL];
        scene.goldseal.script(&person, &format!("exec \"$GOLDSEAL\" {}", approve(&ami))).exits(code)
    };
    for answer in ["", "y", "yes", "Approve", "approved", "no approve"] {
        let shown = ask(answer, 1).says("ACCEPTED RISKS");
        assert!(!shown.stdout.contains("APPROVED"), "{answer}: {}", shown.stdout);
        assert!(!scene.goldseal.path("approval.jsonl").exists(), "{answer}");
    }
    assert_eq!(scene.signatures(), 0);
    let signed = ask("approve", 0).says("CVE-2026-90005 in tar");
    signed.says("sign this list as alice@example.com").says("APPROVED");
    scene.sign(&ami, "--approval approval.jsonl").exits(0);
}

#[test]
fn any_change_after_the_approval_voids_it() {
    let (scene, ami) = scene();
    scene.approve(&ami);
    let goldseal = &scene.goldseal;
    change_json(goldseal, "golden.grype.json", "scan.json", |scan| scan["descriptor"]["name"] = json!("grype "));
    change_json(goldseal, "golden.grype.json", "scan.json", |scan| {
        scan["matches"][2]["vulnerability"]["description"] = json!("Another word.");
    });
    change_json(goldseal, "golden.spdx.json", "sbom.json", |sbom| sbom["comment"] = json!("another word"));
    goldseal.change("exceptions.toml", "Debian has no fix yet.", "Whatever.", "reason.toml");
    goldseal.change("exceptions.toml", &in_days(60), &in_days(61), "longer.toml");
    goldseal.write("comment.toml", [goldseal.read("exceptions.toml"), b"# later\n".to_vec()].concat());
    goldseal.write("later.toml", [goldseal.read("policy.toml"), b"# later\n".to_vec()].concat());
    let line = crate::gated::sign(&ami, "--approval approval.jsonl");
    for (from, to) in [
        ("golden.grype.json", "scan.json"),
        ("golden.spdx.json", "sbom.json"),
        ("exceptions.toml", "reason.toml"),
        ("exceptions.toml", "longer.toml"),
        ("exceptions.toml", "comment.toml"),
        ("--without-content", "--without-content --policy later.toml"),
    ] {
        let error = goldseal.fails(&line.replacen(from, to, 1), 1, &["are not approved", "goldseal approve"]);
        let causes = error["causes"].to_string();
        assert!(causes.contains("approval-mismatch") || causes.contains("approval"), "{to}: {error:#}");
        scene.untouched(&ami);
    }
    // And an approval of another image is none of this one.
    let another = scene.account.image("another");
    goldseal.fails(&line.replace(&ami, &another), 1, &["are not approved"]);
    scene.untouched(&another);
    assert_eq!(scene.signatures(), 1, "the approval's own");
    goldseal.json(&line).exits(0);
}

#[test]
fn images_of_two_regions_are_approved_at_once() {
    let scene = Gated::new();
    let [near, far] = scene.two_regions("both");
    scene.gate("--manifest manifest.json");
    let report = scene.approve("");
    let images: Vec<&Value> = report["images"].as_array().unwrap().iter().map(|one| &one["image"]["id"]).collect();
    assert_eq!(images, [&far, &near], "by region");
    assert_ne!(report["images"][0]["acceptedRisks"], report["images"][1]["acceptedRisks"]);
    assert_eq!(scene.goldseal.read("approval.jsonl").iter().filter(|byte| **byte == b'\n').count(), 2);
    for image in [near, format!("{FAR}:{far}")] {
        scene.sign(&image, "--approval approval.jsonl --manifest manifest.json").exits(0);
        scene.goldseal.json(&format!("verify {image}")).exits(0);
    }
}

#[test]
fn a_gate_result_that_is_none_is_refused() {
    let (scene, ami) = scene();
    let goldseal = &scene.goldseal;
    let line = approve(&ami);
    change_json(goldseal, "gate.json", "failed.json", |gate| gate["passed"] = json!(false));
    change_json(goldseal, "gate.json", "free.json", |gate| gate["inputs"]["policy"] = Value::Null);
    change_json(goldseal, "gate.json", "other.json", |gate| gate["schema"] = json!("goldseal/verify/v1"));
    goldseal.write("text.json", "PASS  golden-base\n");
    for (file, says) in [
        ("failed.json", "nobody can approve that"),
        ("free.json", "without a policy"),
        ("other.json", "goldseal/verify/v1"),
        ("text.json", "not a report of `goldseal gate --output json`"),
        ("absent.json", "No such file"),
    ] {
        goldseal.fails(&line.replace("gate.json", file), 2, &[says, file]);
    }
    goldseal.write("later.toml", [goldseal.read("policy.toml"), b"# later\n".to_vec()].concat());
    goldseal.fails(&format!("{line} --policy later.toml"), 2, &["run under another policy"]);
    goldseal.fails(&format!("{line} --policy ungated.toml"), 2, &["goes without a gate"]);
    // A result that was doctored is approved in vain: what counts is what `sign` finds in the files.
    change_json(goldseal, "gate.json", "gate.json", |gate| gate["measurement"]["findings"] = json!([]));
    scene.approve(&ami);
    let line = crate::gated::sign(&ami, "--approval approval.jsonl");
    goldseal.fails(&line, 1, &["are not approved"]);
    scene.untouched(&ami);
}
