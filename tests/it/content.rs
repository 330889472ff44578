//! What is on the devices of an image, read through the EBS direct API and computed a second time here.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    aws::{Account, block},
    chain::Scene,
    run::{INPUTS, notes},
};

/// Returns the predicate of the statement in a line of evidence.
pub fn predicate(evidence: &str, line: usize) -> Value {
    let bundle: Value = serde_json::from_str(evidence.lines().nth(line - 1).unwrap()).unwrap();
    let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    statement["predicate"].clone()
}

/// SHA-256 over the SHA-256 of every block, written out: no block is skipped.
fn content(gib: i32, blocks: &[(i32, &[u8])]) -> String {
    let written: BTreeMap<i32, &[u8]> = blocks.iter().copied().collect();
    let zeros = digest(&SHA256, &block(b"\0"));
    let mut all = Context::new(&SHA256);
    for index in 0..gib * 2048 {
        match written.get(&index) {
            Some(pattern) => all.update(digest(&SHA256, &block(pattern)).as_ref()),
            None => all.update(zeros.as_ref()),
        }
    }
    all.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn contents(report: &Value) -> Vec<(&str, u64, &str)> {
    let devices = report["content"].as_array().unwrap().iter();
    devices
        .map(|device| {
            let (name, sha256) = (device["deviceName"].as_str().unwrap(), device["sha256"].as_str().unwrap());
            (name, device["volumeSize"].as_u64().unwrap(), sha256)
        })
        .collect()
}

#[test]
fn the_digest_is_that_of_every_block_listed_or_not() {
    let account = Account::new();
    // The first and the last one, neighbours, and blocks of zeros that were written all the same.
    let root: &[(i32, &[u8])] = &[(0, b"boot"), (1, b"\0"), (2, b"system"), (700, b"\0"), (2047, b"end")];
    let data: &[(i32, &[u8])] = &[(4000, b"data")];
    let (one, two, three) = (account.snapshot(1, root), account.snapshot(2, data), account.snapshot(1, &[]));
    let ami = account.image_of("blocks", &[("/dev/xvda", &one, 1), ("/dev/sdf", &two, 2), ("/dev/sdg", &three, 1)]);
    let report = account.goldseal().json(&format!("describe {ami} --content")).exits(0).report();
    let expected =
        [("/dev/sdf", 2, content(2, data)), ("/dev/sdg", 1, content(1, &[])), ("/dev/xvda", 1, content(1, root))];
    let expected: Vec<(&str, u64, &str)> =
        expected.iter().map(|(name, size, sha)| (*name, *size, sha.as_str())).collect();
    assert_eq!(contents(&report), expected);
    // A device that is larger than its snapshot goes on with zeros.
    let wider = account.image_of("wider", &[("/dev/xvda", &one, 3)]);
    let report = account.goldseal().json(&format!("describe {wider} --content --parallel-blocks 1")).exits(0).report();
    assert_eq!(contents(&report)[0].2, content(3, root));
}

#[test]
fn many_pages_are_read_the_empty_ones_too() {
    let account = Account::new();
    // EBS looks at 10,000 blocks for a page: of four pages here the third is empty.
    let patterns: Vec<(i32, String)> = (0..40).map(|number| (number, format!("block {number} "))).collect();
    let place = |number: i32| if number < 38 { number * 500 } else { 31_000 + number };
    let blocks: Vec<(i32, &[u8])> = patterns.iter().map(|(number, text)| (place(*number), text.as_bytes())).collect();
    let snapshot = account.snapshot(16, &blocks);
    let ami = account.image_of("pages", &[("/dev/xvda", &snapshot, 16)]);
    let report = account.goldseal().json(&format!("describe {ami} --content")).exits(0).report();
    assert_eq!(contents(&report)[0].2, content(16, &blocks));
    let calls = account.calls("ebs");
    let count = |action: &str| calls.iter().filter(|(name, _)| name == action).count();
    assert_eq!((count("ListSnapshotBlocks"), count("GetSnapshotBlock")), (4, 40));
}

#[test]
fn a_copy_has_another_descriptor_and_the_same_content() {
    let account = Account::new();
    let ami = account.image("copied");
    let far = account.in_region("eu-central-1");
    let request = far.ec2().copy_image().name("copy").source_image_id(&ami).source_region(crate::aws::REGION);
    let copy = crate::aws::wait(request.send()).unwrap().image_id.unwrap();
    let described =
        |account: &Account, ami: &str| account.goldseal().json(&format!("describe {ami} --content")).exits(0).report();
    let (one, other) = (described(&account, &ami), described(&far, &copy));
    assert_ne!(one["subject"], other["subject"]);
    assert_eq!(one["content"], other["content"]);
}

#[test]
fn sealed_content_stands_in_the_provenance() {
    let scene = Scene::new();
    let root: &[(i32, &[u8])] = &[(3, b"sealed")];
    let snapshot = scene.account.snapshot(1, root);
    let ami = scene.account.image_of("sealed", &[("/dev/xvda", &snapshot, 1)]);
    let line = format!("sign {ami} --key awskms:///alias/signing {INPUTS}");
    // Without a word they are read; leaving them out is said.
    let signed = scene.goldseal.json(&line.replace("--without-content", "")).exits(0).report();
    assert!(!notes(&signed).contains(&"no-content-digest"));
    let left_out = scene.goldseal.json(&format!("{line} --replace")).exits(0).report();
    assert!(notes(&left_out).contains(&"no-content-digest"));
    scene.goldseal.json(&format!("{} --replace", line.replace("--without-content", ""))).exits(0);
    let evidence = String::from_utf8(scene.account.evidence(&ami).unwrap()).unwrap();
    let provenance = predicate(&evidence, 1);
    let byproducts = provenance["runDetails"]["byproducts"].as_array().unwrap().iter();
    let found: Vec<&Value> = byproducts.filter(|one| one["name"] == "device-content").collect();
    let expected = json!({
        "name": "device-content",
        "digest": {"sha256": content(1, root)},
        "annotations": {"deviceName": "/dev/xvda", "volumeSize": 1},
    });
    assert_eq!(found, [&expected]);
    scene.goldseal.verdict(&ami, "admit", &[]);
}

#[test]
fn a_block_that_fails_once_is_read_again() {
    let account = Account::new();
    let goldseal = account.goldseal();
    for (name, fault) in [
        ("garbled", json!({"corrupt": true, "times": 1})),
        ("broken", json!({"status": 500, "code": "InternalServerException", "times": 1})),
        ("throttled", json!({"status": 400, "code": "RequestThrottledException", "times": 2})),
    ] {
        let blocks: &[(i32, &[u8])] = &[(0, b"a"), (9, name.as_bytes())];
        let snapshot = account.snapshot(1, blocks);
        let ami = account.image_of(name, &[("/dev/xvda", &snapshot, 1)]);
        let mut fault = fault;
        fault["service"] = json!("ebs");
        fault["action"] = json!("GetSnapshotBlock");
        fault["resource"] = json!(format!("{snapshot}/9"));
        account.fault(fault);
        let report = goldseal.json(&format!("describe {ami} --content")).exits(0).report();
        assert_eq!(contents(&report)[0].2, content(1, blocks), "{name}");
        let reads = account.calls("ebs").iter().filter(|(_, resource)| *resource == format!("{snapshot}/9")).count();
        assert!(reads > 1 + 1, "written once, and read {} times", reads - 1);
    }
}

#[test]
fn a_block_that_stays_bad_is_an_error_that_names_it_and_nothing_is_sealed() {
    let scene = Scene::new();
    let Scene { account, goldseal, .. } = &scene;
    let snapshot = account.snapshot(1, &[(0, b"a"), (9, b"b")]);
    let ami = account.image_of("bad", &[("/dev/xvda", &snapshot, 1)]);
    account.fault(json!({"service": "ebs", "action": "GetSnapshotBlock", "resource": format!("{snapshot}/9"),
        "corrupt": true, "times": 0}));
    let named = format!("ebs:GetSnapshotBlock {snapshot} block 9");
    for line in ["describe", "sign"] {
        let inputs = INPUTS.replace("--without-content", "");
        let more = if line == "sign" { format!("--key awskms:///alias/signing {inputs}") } else { "--content".into() };
        let line = format!("{line} {ami} {more}");
        goldseal.fails(&line, 3, &[&named, "malformed answer", "/dev/xvda", "not the one that came beside it"]);
    }
    assert_eq!(account.evidence(&ami), None);
}

#[test]
fn snapshots_that_may_not_be_read_name_the_permission() {
    let account = Account::new();
    let ami = account.image("denied");
    account.fault(
        json!({"service": "ebs", "action": "ListSnapshotBlocks", "status": 403, "code": "AccessDeniedException"}),
    );
    let line = format!("describe {ami} --content");
    account.goldseal().fails(&line, 3, &["ebs:ListSnapshotBlocks", "the caller needs ebs:ListSnapshotBlocks on snap-"]);
}
