//! Receipts of an audit, which enforces nothing and says so.

use std::fs;

use serde_json::Value;

use crate::{
    audit::{runs, scene},
    aws::{REGION, sha256},
    policies::{kms, trusting},
    run::files_under,
};

/// A decision about an image as a launch hook records it: its name in the state, and what is there.
pub fn decision(ami: &str, subject: &str) -> (&'static str, String) {
    let record = serde_json::json!({
        "schema": "goldseal/launch/v1", "at": "2026-11-24T04:05:06Z", "policy": sha256(b"policy"), "group": "web",
        "hook": "goldseal", "instance": "i-0123456789abcdef0", "token": null, "groupArn": null, "account": null,
        "region": REGION, "foundBy": "message", "firstSight": "2026-11-24T04:05:05Z", "action": "continue",
        "enforced": true, "verdict": "admit", "mode": "enforce", "image": {"region": REGION, "id": ami},
        "subject": subject, "evidenceSha256": sha256(b"evidence"), "until": null, "reasons": [], "faults": [],
        "overridden": null, "notes": [], "end": "completed",
    });
    ("v1/decisions/2026-11-24/040506-0123456789abcdef.jsonl", format!("{record}\n"))
}

#[test]
fn an_audit_writes_one_for_every_image_and_verdict() {
    let scene = scene();
    let goldseal = &scene.goldseal;
    let key = scene.account.key_called("receipts");
    let (good, bad) = (scene.sealed("golden"), scene.account.image("unsealed"));
    let instances = [runs(&scene.account, REGION, &good, 3), runs(&scene.account, REGION, &bad, 2)];
    fs::create_dir(goldseal.path("receipts")).unwrap();
    let place = format!("--receipts file://{}", goldseal.path("receipts").display());
    let audit = format!("audit --regions {REGION} {place} --receipt-key awskms:///alias/receipts");
    let report = goldseal.json(&audit).exits(1).report();
    let found: Vec<_> = files_under(&goldseal.path("receipts/v1"));
    let found = found.iter().filter(|file| file.extension().is_some_and(|end| end == "json"));
    let files: Vec<String> = found.map(|file| file.display().to_string()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    let believing = trusting(&scene.key) + &kms("receipts", &key) + "[receipt]\nauthorities = [\"receipts\"]\n";
    goldseal.write("believing.toml", believing);
    let verified = format!("receipts verify {} --policy believing.toml", files.join(" "));
    for one in goldseal.json(&verified).exits(0).report()["receipts"].as_array().unwrap() {
        let said = &one["said"];
        let expected = if said["timeless"]["image"]["id"] == good { &instances[0] } else { &instances[1] };
        let covers: Vec<&str> =
            said["covers"].as_array().unwrap().iter().map(|one| one["instance"].as_str().unwrap()).collect();
        let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(covers, expected);
        assert_eq!(one["passed"], Value::Bool(covers.len() == 3));
        assert_eq!((&one["judgedBy"], &said["instant"]["at"]), (&report["policy"], &report["at"]));
        let enforcement = &said["enforcement"];
        assert_eq!((&enforcement["point"], &enforcement["enforced"]), (&"audit".into(), &false.into()));
    }
    goldseal.fails(&format!("{audit} --at 2027-01-01T00:00:00Z"), 2, &["--at decides nothing"]);
    fs::remove_dir_all(goldseal.path("receipts")).unwrap();
    let lost = goldseal.json(&audit).exits(1).report();
    let notes = lost["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note["code"] == "receipts-failed"), "{notes:?}");
}
