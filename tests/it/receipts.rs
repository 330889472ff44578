//! Receipts on the command line: of an audit, which enforces nothing and says so, of boots, and those that are shown.

use std::fs;

use serde_json::{Value, json};

use crate::{
    audit::{runs, scene},
    aws::{REGION, sha256},
    policies::{kms, trusting},
    run::{Goldseal, files_under},
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
    // A key that does not answer keeps no audit from its end.
    fs::create_dir(goldseal.path("receipts")).unwrap();
    scene.account.fault(json!({"service": "kms", "status": 403, "code": "AccessDeniedException"}));
    let without = goldseal.json(&audit).exits(1).report();
    let note = without["notes"].as_array().unwrap().iter().find(|note| note["code"] == "receipts-failed").unwrap();
    assert!(note["message"].as_str().unwrap().contains("kms:DescribeKey"), "{note}");
}

const AMI: &str = "ami-0123456789abcdef0";

/// A folder with state and a place for receipts, as the flags that name them.
fn offline(goldseal: &Goldseal) -> (String, String) {
    let (name, record) = decision(AMI, &sha256(b"subject"));
    goldseal.write(&format!("state/{name}"), record);
    fs::create_dir(goldseal.path("receipts")).unwrap();
    let flag = |flag: &str, name: &str| format!("--{flag} file://{}", goldseal.path(name).display());
    (flag("state", "state"), flag("receipts", "receipts"))
}

fn one_receipt(goldseal: &Goldseal) -> String {
    let files = files_under(&goldseal.path("receipts/v1"));
    let mut found = files.iter().filter(|file| file.extension().is_some_and(|end| end == "json"));
    let one = found.next().unwrap().display().to_string();
    assert_eq!(found.next(), None);
    one
}

#[test]
fn what_is_no_receipt_is_told_and_keeps_no_other_back() {
    let goldseal = Goldseal::new();
    let (state, place) = offline(&goldseal);
    let write = format!("receipts write {state} {place} --unsigned-receipts");
    goldseal.run(&write).exits(0).says("1 new receipt of 1 decision in file://");
    goldseal.run(&write).exits(0).says("no decision was left to write of in file://");
    let file = one_receipt(&goldseal);
    // Whatever it is called.
    fs::copy(&file, goldseal.path("bare.sigstore.json")).unwrap();
    goldseal.run("receipts show bare.sigstore.json").exits(0).says("NOT ASKED").says("nobody signed it");
    let text = fs::read_to_string(&file).unwrap();
    goldseal.write("over.json", text.replace("\"until\":null", "\"until\":\"2026-11-25T04:05:06Z\""));
    let over = goldseal.run("receipts show over.json").exits(0).says("it held until 2026-11-25T04:05:06Z: over");
    assert!(!over.stdout.contains("it holds until"), "{}", over.stdout);
    goldseal.write("lies.json", text.replace("PASSED", "FAILED"));
    goldseal.run("receipts show lies.json").exits(1).says("CONTRADICTS ITSELF").says("its result is");
    goldseal.write("none.json", "{}");
    goldseal.run("receipts show none.json").exits(1).says("NO RECEIPT");
    goldseal.write("large.json", vec![b' '; (4 << 20) + 1]);
    let standing = |command: &str, code: i32| -> Vec<String> {
        let report = goldseal.json(&format!("{command} none.json nowhere.json large.json {file}")).exits(code).report();
        let all = report["receipts"].as_array().unwrap();
        all.iter().map(|one| one["standing"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(standing("receipts show", 1), ["no-receipt", "undetermined", "refused", "said"]);
    assert_eq!(standing("receipts verify --policy ungated.toml", 1), ["refused", "undetermined", "refused", "refused"]);
    goldseal.run(&format!("receipts show nowhere.json {file}")).exits(3).says("nowhere.json").says("cannot be read");
    goldseal.fails("receipts show nowhere.json", 2, &["nowhere.json"]);
}

#[test]
fn receipts_are_listed_by_when_it_was_decided() {
    let goldseal = Goldseal::new();
    let (state, place) = offline(&goldseal);
    goldseal.run(&format!("receipts write {state} {place} --unsigned-receipts")).exits(0);
    let list = format!("receipts list {place}");
    for (when, code) in [
        ("", 0),
        ("--since 2026-11-24T04:05:06Z --until 2026-11-24T04:05:06Z", 0),
        ("--since 2026-11-24T04:05:07Z", 1),
        ("--until 2026-11-24T04:05:05Z", 1),
    ] {
        let report = goldseal.json(&format!("{list} {when}")).exits(code).report();
        assert_eq!(report["receipts"].as_array().unwrap().len(), usize::from(code == 0), "{when}");
        assert_eq!(report["more"], false);
    }
}

#[test]
fn a_record_that_cannot_be_read_keeps_no_other_from_its_receipt() {
    let goldseal = Goldseal::new();
    let (_, place) = offline(&goldseal);
    let record = |instance: &str, bytes: &[u8]| {
        let path = format!("v1/boot/arn:aws:ec2:{REGION}:123456789012:instance/{instance}/20261124T040506.000Z.json");
        goldseal.write(&format!("boots/{path}"), bytes);
    };
    let instance = "i-0123456789abcdef3";
    let boot = json!({
        "schema": "goldseal/boot/v1", "at": "2026-11-24T04:05:06Z", "policy": sha256(b"policy"), "verdict": "reject",
        "mode": "enforce", "action": "poweroff", "enforced": true, "image": {"region": REGION, "id": AMI},
        "instance": {"id": instance, "account": "123456789012", "region": REGION}, "subject": null,
        "evidenceSha256": null, "until": null, "reasons": [], "faults": [], "overridden": null, "notes": [],
    });
    record("i-0123456789abcdef1", &vec![b' '; (1 << 20) + 1]);
    record("i-0123456789abcdef2", b"{}");
    record(instance, boot.to_string().as_bytes());
    let boots = format!("--boot-records file://{} {place}", goldseal.path("boots").display());
    let report = goldseal.json(&format!("receipts write {boots} --unsigned-receipts")).exits(3).report();
    let counts = ["receipts", "decisions", "unreadable"].map(|count| report[count].as_u64().unwrap());
    assert_eq!(counts, [1, 1, 2], "{report:#}");
    let problems = report["problems"].as_array().unwrap();
    for (problem, named) in problems.iter().zip(["i-0123456789abcdef1", "i-0123456789abcdef2"]) {
        assert!(problem.as_str().unwrap().contains(named), "{problems:?}");
    }
    // People see it without asking for more.
    let told = goldseal.run(&format!("receipts write {boots} --unsigned-receipts")).exits(3);
    told.says("0 new receipts of 1 decision").says("2 records could not be read").says("i-0123456789abcdef2");
}

#[test]
fn a_flag_goes_before_the_environment_and_two_flags_conflict() {
    let goldseal = Goldseal::new()
        .with("GOLDSEAL_STATE", "file:///nowhere")
        .with("GOLDSEAL_RECEIPT_KEY", "awskms:///alias/nobody");
    let (state, place) = offline(&goldseal);
    fs::create_dir(goldseal.path("boots")).unwrap();
    let boots = format!("--boot-records file://{}", goldseal.path("boots").display());
    let told = goldseal.run(&format!("receipts write {boots} {place} --unsigned-receipts")).exits(0);
    told.says("no decision was left to write of in file://").says("boots");
    goldseal.run(&format!("receipts write {state} {place} --unsigned-receipts")).exits(0).says("1 new receipt");
    goldseal.fails(&format!("receipts write {boots} {state} {place} --unsigned-receipts"), 2, &["cannot be used with"]);
    let both = "--unsigned-receipts --receipt-key awskms:///alias/other";
    goldseal.fails(&format!("receipts write {state} {place} {both}"), 2, &["cannot be used with"]);
    let goldseal = goldseal.with("GOLDSEAL_RECEIPT_KEY", "nonsense");
    goldseal.fails(&format!("receipts write {state} {place}"), 2, &["GOLDSEAL_RECEIPT_KEY"]);
}
