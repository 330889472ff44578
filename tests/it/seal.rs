//! `seal`: from Packer's manifest to published images in two regions, in one go; stopped anywhere, and run again.

use std::{
    collections::BTreeMap,
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

use aws_sdk_ec2::types::ImageAttributeName;
use serde_json::{Value, json};

use crate::{
    aws::{REGION, wait},
    cloud::cloud,
    gated::{FAR, GATE, Gated, RUN, away_from_midnight, hours_ago, manifest},
    proxy::Proxy,
};

/// Calls that change something, and the one that signs.
const CHANGES: [&str; 7] = [
    "Sign",
    "PutObject",
    "CreateTags",
    "LockSnapshot",
    "EnableImageDeregistrationProtection",
    "ModifyImageAttribute",
    "PutParameter",
];

/// Returns the command line that seals what manifest.json lists.
pub fn seal(more: &str) -> String {
    format!(
        "seal {GATE} --manifest manifest.json --provenance build.json --without-content --key awskms:///alias/signing \
         --share 222222222222 --protect --lock-snapshots 30 {more}"
    )
}

/// A scene with an approved run in two regions.
fn scene() -> (Gated, [String; 2]) {
    away_from_midnight();
    let scene = Gated::new();
    let images = scene.two_regions("golden");
    scene.gate("--manifest manifest.json");
    scene.approve("");
    (scene, images)
}

/// Calls of the scene's account, as the local AWS saw them.
fn calls(scene: &Gated) -> Vec<Value> {
    serde_json::from_str(&cloud().calls(&format!("account={}", scene.account.id))).unwrap()
}

/// The changes among them, as action and resource.
fn changes(scene: &Gated) -> Vec<(String, String)> {
    let calls = calls(scene);
    let of_interest = calls.iter().filter(|call| CHANGES.iter().any(|change| call["action"] == *change));
    let text = |call: &Value, name: &str| call[name].as_str().unwrap_or_default().to_owned();
    of_interest.map(|call| (text(call, "action"), text(call, "resource"))).collect()
}

/// What is to be seen of an image, with what differs from image to image taken out.
fn state(scene: &Gated, region: &str, ami: &str, parameter: &str) -> BTreeMap<String, String> {
    let account = scene.account.in_region(region);
    let evidence = account.evidence(ami).map(|bytes| String::from_utf8(bytes).unwrap());
    let digest = evidence.as_ref().map(|text| crate::aws::sha256(text.as_bytes())).unwrap_or_default();
    let image = wait(account.ec2().describe_images().image_ids(ami).send()).unwrap().images.unwrap().remove(0);
    let attribute = account.ec2().describe_image_attribute().image_id(ami);
    let shared = wait(attribute.attribute(ImageAttributeName::LaunchPermission).send()).unwrap();
    let named = wait(account.ssm().get_parameters().names(parameter).send()).unwrap();
    let locked = wait(account.ec2().describe_locked_snapshots().send()).unwrap();
    let snapshot = image.block_device_mappings()[0].ebs().unwrap().snapshot_id().unwrap().to_owned();
    let mut state: BTreeMap<String, String> = account.tags(ami).into_iter().collect();
    for value in state.values_mut() {
        let steady = value.replace(&digest, "EVIDENCE").replace(ami, "AMI");
        *value = if steady.len() == 71 && steady.starts_with("sha256:") { "SUBJECT".into() } else { steady };
    }
    state.insert("bundles".into(), evidence.map_or(0, |text| text.lines().count()).to_string());
    state.insert("shared".into(), shared.launch_permissions().iter().filter_map(|one| one.user_id()).collect());
    state.insert("protected".into(), image.deregistration_protection().unwrap_or_default().to_owned());
    state.insert("named".into(), named.parameters().first().map_or("", |one| one.value().unwrap()).replace(ami, "AMI"));
    let lock = locked.snapshots().iter().any(|one| one.snapshot_id() == Some(&snapshot));
    state.insert("locked".into(), lock.to_string());
    state
}

#[test]
fn both_regions_are_sealed_and_published_and_another_run_changes_nothing() {
    let (scene, [near, far]) = scene();
    let line = seal("--approval approval.jsonl --ssm-parameter /golden/base");
    let report = scene.goldseal.json(&line).exits(0).report();
    assert_eq!((&report["schema"], &report["publish"]["outcome"]), (&json!("goldseal/seal/v1"), &json!("published")));
    for (place, ami) in [&far, &near].into_iter().enumerate() {
        let image = &report["images"][place];
        assert_eq!((&image["image"]["id"], &image["approval"]), (&json!(ami), &json!("done")));
        assert_eq!((&image["signature"], &image["signed"]["bundles"]), (&json!("done"), &json!(5)));
    }
    let order: Vec<String> = changes(&scene).into_iter().map(|(action, _)| action).collect();
    let stored = order.iter().rposition(|action| action == "PutObject").unwrap();
    let opened = order.iter().position(|action| action == "LockSnapshot").unwrap();
    assert!(stored < opened, "both are signed and stored before either is published: {order:?}");
    let end = [state(&scene, REGION, &near, "/golden/base"), state(&scene, FAR, &far, "/golden/base")];
    for state in &end {
        assert_eq!(
            ["bundles", "shared", "protected", "named", "locked"].map(|name| state[name].as_str()),
            ["5", "222222222222", "enabled-without-cooldown", "AMI", "true"]
        );
    }
    scene.goldseal.json(&format!("verify {near} {FAR}:{far}")).exits(0);

    let before = changes(&scene);
    let tags = [scene.account.tags(&near), scene.account.in_region(FAR).tags(&far)];
    let report = scene.goldseal.json(&line).exits(0).report();
    assert_eq!([0, 1].map(|image| report["images"][image]["signature"].clone()), ["already", "already"]);
    let later = changes(&scene).split_off(before.len());
    assert!(later.iter().all(|(action, _)| action == "CreateTags"), "tags may be written anew: {later:?}");
    assert_eq!([scene.account.tags(&near), scene.account.in_region(FAR).tags(&far)], tags);
    assert_eq!([state(&scene, REGION, &near, "/golden/base"), state(&scene, FAR, &far, "/golden/base")], end);
    let shown = scene.goldseal.run(&line).exits(0).says(&format!("{near} in {REGION}\n")).says("already   signature");
    shown.says("published: 0 done, ");
}

#[test]
fn evidence_of_an_earlier_scan_stays_until_replace_is_said() {
    let (scene, [near, _]) = scene();
    let line = seal("--approval approval.jsonl --ssm-parameter /golden/base");
    scene.goldseal.json(&line).exits(0);
    let evidence = scene.account.evidence(&near).unwrap();
    let scan = "golden.grype.json";
    crate::gated::change_json(&scene.goldseal, scan, scan, |scan| {
        scan["descriptor"]["timestamp"] = json!(hours_ago(0));
    });
    scene.gate("--manifest manifest.json");
    scene.approve("");
    let report = scene.goldseal.json(&line).exits(1).report();
    let told = report["failure"].to_string();
    assert!(told.contains("already holds evidence") && told.contains("--replace"), "{told}");
    assert_eq!(scene.account.evidence(&near).unwrap(), evidence);
    let report = scene.goldseal.json(&format!("{line} --replace")).exits(0).report();
    assert_eq!(report["publish"]["outcome"], "published");
    assert_ne!(scene.account.evidence(&near).unwrap(), evidence);
    assert_eq!(scene.account.evidence(&near).unwrap().iter().filter(|byte| **byte == b'\n').count(), 5);
}

#[test]
fn a_manifest_that_names_no_good_image_seals_nothing() {
    let (scene, [near, far]) = scene();
    let Gated { account, goldseal, .. } = &scene;
    let before = changes(&scene).len();
    let line = seal("--approval approval.jsonl --ssm-parameter /golden/base");
    let of = |text: String| {
        goldseal.write("wrong.json", text);
        line.replace("--manifest manifest.json", "--manifest wrong.json")
    };
    let good = manifest(&[(REGION, &near), (FAR, &far)]);
    let other_run = "60fe11a8-f3db-9141-9a4d-bc97188e4d69";
    let boxed = good.replace("amazon-ebs", "docker").replace(&format!("{REGION}:{near},{FAR}:{far}"), "sha256:0123");
    goldseal.fails(&of(boxed), 2, &["built no AMI", "wrong.json"]);
    goldseal.fails(&of(good.replacen(RUN, other_run, 1)), 2, &["no build of run"]);
    goldseal.fails(&of(good.replace(&near, "ami-xyz")), 2, &["wrong.json", "ami-xyz"]);
    goldseal.fails(&of("{}".to_owned()), 2, &["wrong.json"]);
    goldseal.fails(&of(String::new()), 2, &["wrong.json"]);
    let report = goldseal.json(&of(good.replace(RUN, other_run))).exits(1).report();
    assert_eq!(crate::gated::failures(&report), ["sbom-of-another-run"]);
    goldseal.fails(&format!("{line} --run {other_run}"), 2, &["no build of run", other_run]);
    goldseal.fails(&format!("{line} --build other"), 2, &["no build \"other\"", "base"]);
    goldseal.fails(&line.replace("--manifest manifest.json", ""), 2, &["--manifest says which images"]);
    goldseal.fails(&format!("{line} --policy ungated.toml"), 2, &["goes without a gate"]);

    // One region failed: it is named, and the other one is left alone too.
    let absent = "ami-0123456789abcdef0";
    goldseal.fails(&of(good.replace(&far, absent)), 1, &["EC2 shows no image", absent, FAR]);
    let proxy = Proxy::start();
    let failed = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("<imageState>available"), "{text}");
        text.replace("<imageState>available", "<imageState>failed").into_bytes()
    };
    proxy.answer("DescribeImages", failed);
    let through = format!("AWS_ENDPOINT_URL={} $GOLDSEAL {line} --output json", proxy.endpoint);
    let error = goldseal.script(&[], &through).exits(1).report();
    assert!(error["message"].to_string().contains("is failed"), "{error:#}");
    proxy.is_done();
    assert_eq!(changes(&scene).len(), before);
    assert!(account.evidence(&near).is_none() && account.in_region(FAR).evidence(&far).is_none());
    goldseal.json(&line).exits(0);
}

#[test]
fn a_step_that_fails_is_named_with_what_was_done_and_the_next_run_goes_on() {
    let (scene, [near, far]) = scene();
    let line = seal("--approval approval.jsonl --ssm-parameter /golden/base");
    scene.account.fault(json!({"service": "kms", "action": "Sign", "after": 4, "status": 400,
        "code": "AccessDeniedException"}));
    let report = scene.goldseal.json(&line).exits(3).report();
    assert_eq!([0, 1].map(|image| report["images"][image]["signature"].clone()), ["done", "failed"]);
    assert!(report["failure"].to_string().contains("the caller needs kms:Sign"), "{report:#}");
    assert_eq!(report["publish"], Value::Null);
    assert!(scene.account.evidence(&near).is_none());
    scene.account.fault(json!({"service": "ssm", "action": "PutParameter", "region": REGION, "status": 400,
        "code": "AccessDeniedException"}));
    let shown = scene.goldseal.run(&line).exits(3).says("already   signature").says("STOPPED");
    assert!(
        shown.stderr.contains("sealing stopped") && shown.stderr.contains("publication was begun"),
        "{}",
        shown.stderr
    );
    assert_eq!(state(&scene, FAR, &far, "/golden/base")["named"], "AMI");
    let report = scene.goldseal.json(&line).exits(0).report();
    assert_eq!((&report["publish"]["outcome"], &report["failure"]), (&json!("published"), &Value::Null));
    assert_eq!(state(&scene, REGION, &near, "/golden/base")["named"], "AMI");
}

/// Runs `seal` and kills it at its call number `number`; says whether it got that far.
fn killed_at(scene: &Gated, line: &str, number: usize) -> (bool, Vec<String>) {
    let proxy = Proxy::start();
    let ((reached, waits), (free, held)) = (mpsc::channel(), mpsc::channel::<()>());
    proxy.halt_at(number, move || {
        reached.send(()).unwrap();
        let _gone = held.recv();
    });
    let mut child = scene.goldseal.start(line, &[("AWS_ENDPOINT_URL", &proxy.endpoint)]);
    let killed = loop {
        match waits.recv_timeout(Duration::from_millis(20)) {
            Ok(()) => {
                child.kill().unwrap();
                break true;
            }
            Err(RecvTimeoutError::Timeout) if child.try_wait().unwrap().is_none() => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break false,
        }
    };
    let status = child.wait().unwrap();
    drop(free);
    assert_eq!(status.success(), !killed, "{number}: {:?}", proxy.calls());
    (killed, proxy.calls())
}

#[test]
fn killed_at_any_call_and_run_again_it_ends_the_same() {
    let scene = Gated::new();
    scene.gate("");
    let start = |name: &str| {
        let images = scene.two_regions(name);
        scene.approve(&format!("{} {FAR}:{}", images[0], images[1]));
        let line = seal(&format!("--approval approval.jsonl --ssm-parameter /golden/{name}"));
        (images, line)
    };
    let states = |[near, far]: &[String; 2], name: &str| {
        let parameter = format!("/golden/{name}");
        let states = [state(&scene, REGION, near, &parameter), state(&scene, FAR, far, &parameter)];
        states.map(|mut state| {
            state.retain(|_, value| !value.contains("/golden/"));
            state
        })
    };
    let (images, line) = start("undisturbed");
    let (killed, undisturbed) = killed_at(&scene, &line, usize::MAX);
    assert!(!killed);
    let expected = states(&images, "undisturbed");
    assert_eq!(expected[0]["named"], "AMI");

    // Reads change nothing, and neither does a signature: being killed at one is being killed at the next change.
    let change = |call: &&str| CHANGES.contains(call) || call.starts_with("PUT ");
    let changes = undisturbed.iter().enumerate().filter(|(_, call)| change(&call.as_str()));
    let mut places: Vec<(usize, &String)> = changes.collect();
    places.dedup_by(|later, earlier| later.1 == "Sign" && earlier.1 == "Sign");
    assert!(places.len() >= 2 + 2 + 2 + 10, "{undisturbed:?}");
    for (place, _) in places {
        let name = format!("killed-{place}");
        let (images, line) = start(&name);
        let (killed, calls) = killed_at(&scene, &line, place);
        assert!(killed, "{calls:?}");
        let left = states(&images, &name);
        let stored = left.iter().all(|state| state["bundles"] == "5");
        for state in &left {
            assert!(["0", "5"].contains(&state["bundles"].as_str()), "evidence is there whole or not at all");
            let pointed = state.contains_key("goldseal:evidence");
            assert!(!pointed || state["bundles"] == "5", "killed at {place} {calls:?}: {state:#?}");
            let opened = !state["shared"].is_empty() || !state["named"].is_empty();
            assert!(!opened || stored, "killed at {place} {calls:?}: {state:#?}");
        }
        scene.goldseal.json(&line).exits(0);
        assert_eq!(states(&images, &name), expected, "killed at {place} {calls:?}");
        for (region, ami) in [REGION, FAR].iter().zip(&images) {
            let key = scene.account.in_region(region).evidence_key(ami);
            let stored = |call: &&Value| {
                call["action"] == "PutObject" && call["status"] == 200 && call["resource"].to_string().contains(&key)
            };
            assert_eq!(self::calls(&scene).iter().filter(stored).count(), 1, "{ami} is stored once");
        }
    }
}
