//! `goldseal audit --state`, one after the other, against the local AWS: what is new, what is not seen, what is too old.

use serde_json::{Value, json};

use crate::{
    audit::{runs, scene},
    aws::{REGION, wait},
    chain::Scene,
    run::Goldseal,
};

const KEPT: &str = "state/v1/audit/last.json";

/// The line of an audit that is kept in the folder.
fn line(goldseal: &Goldseal) -> String {
    format!("audit --regions {REGION} --state file://{}", goldseal.path("state").display())
}

fn age(goldseal: &Goldseal) -> String {
    format!("audit --state file://{} --max-age 26h", goldseal.path("state").display())
}

/// What became of which instances.
fn instances(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = report["changes"]["instances"].as_array().unwrap();
    list.iter().map(|one| (text(&one["change"]), text(&one["instance"]))).collect()
}

fn told(change: &str, ids: &[String]) -> Vec<(String, String)> {
    ids.iter().map(|id| (change.to_owned(), id.clone())).collect()
}

#[test]
fn only_what_is_new_is_alarmed_and_what_is_bad_stays_in_the_report() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let (sealed, bare) = (scene.sealed("sealed"), account.image("bare"));
    let good = runs(account, REGION, &sealed, 2);
    let unsealed = runs(account, REGION, &bare, 1);
    let (line, metrics) = (line(goldseal), "--only-new --metrics audit.prom");
    let first = goldseal.run(&format!("{line} {metrics}")).exits(1);
    assert!(first.stdout.starts_with("CHANGES  none to compare with"), "{}", first.stdout);

    let second = goldseal.run(&format!("{line} {metrics}")).exits(0);
    assert!(second.stdout.starts_with("CHANGES  none since the audit of "), "{}", second.stdout);
    second.says("UNSEALED").says(&bare);
    goldseal.run(&line).exits(1);
    let text = String::from_utf8(goldseal.read("audit.prom")).unwrap();
    for expected in [
        "goldseal_audit_instances{class=\"unsealed\"} 1",
        "goldseal_audit_instances{class=\"admitted\"} 2",
        "goldseal_audit_places{seen=\"whole\"} 1",
        "goldseal_audit_changes{change=\"new\"} 0",
    ] {
        assert!(text.lines().any(|line| line == expected), "{expected}: {text}");
    }

    let more = runs(account, REGION, &bare, 1);
    let report = goldseal.json(&format!("{line} --only-new")).exits(1).report();
    assert_eq!(instances(&report), told("new", &more));
    assert_eq!(
        (report["changes"]["classes"].clone(), report["classes"]["unsealed"].clone()),
        (json!({"unsealed": 1}), json!(2))
    );

    // What is sealed meanwhile is resolved, and what is gone is gone; an admitted instance may end.
    scene.sign(&bare, "");
    for id in [&good[0], &more[0]] {
        wait(account.ec2().terminate_instances().instance_ids(id).send()).unwrap();
    }
    let report = goldseal.json(&format!("{line} --only-new")).exits(0).report();
    assert_eq!(instances(&report), [told("resolved", &unsealed), told("gone", &more)].concat());
    assert!(report["changes"]["since"]["whole"].as_bool().unwrap(), "{report:#}");
}

#[test]
fn what_is_not_seen_is_neither_resolved_nor_new_when_it_is_seen_again() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    runs(account, REGION, &account.image("bare"), 2);
    let line = format!("{} --only-new", line(goldseal));
    goldseal.run(&line).exits(1);
    let denied = || {
        let action = "DescribeInstanceImageMetadata";
        let fault =
            json!({"service": "ec2", "action": action, "times": 1, "status": 403, "code": "UnauthorizedOperation"});
        account.fault(fault);
    };
    let places = |report: &Value| {
        report["changes"]["places"].as_array().unwrap().iter().map(|place| place["change"].clone()).collect::<Vec<_>>()
    };

    denied();
    let report = goldseal.json(&line).exits(3).report();
    assert_eq!((instances(&report), places(&report)), (vec![], vec![json!("missed")]), "{report:#}");
    denied();
    let again = goldseal.run(&line).exits(0);
    again.says("NOT SEEN").says("which did not see everything");
    let report = goldseal.json(&line).exits(0).report();
    assert_eq!((instances(&report), places(&report)), (vec![], vec![json!("seen-again")]), "{report:#}");
}

#[test]
fn the_dead_mans_switch_asks_the_state_alone() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let age = age(goldseal);
    goldseal.run(&age).exits(1).says("no audit was ever kept here");
    goldseal.run(&line(goldseal)).exits(0);
    let before = account.calls("ec2").len();
    let report = goldseal.json(&age).exits(0).report();
    assert_eq!((&report["schema"], &report["outcome"]), (&json!("goldseal/audit-age/v1"), &json!("admit")));
    goldseal.run(&age).exits(0).says("everything was last seen at ");
    for other in ["--only-new", "--write csv=a.csv", "--lake lake", "--dry-run", "--boot-records s3://boots/a"] {
        goldseal.fails(&format!("{age} {other}"), 2, &[]);
    }
    goldseal.fails("audit --max-age 26h", 2, &["--state"]);
    assert_eq!(account.calls("ec2").len(), before);

    let kept: Value = serde_json::from_slice(&goldseal.read(KEPT)).unwrap();
    let with = |whole: &str| {
        let mut kept = kept.clone();
        kept["lastWhole"] = json!(whole);
        goldseal.write(KEPT, kept.to_string());
    };
    with("2026-01-01T00:00:00Z");
    goldseal.run(&age).exits(1).says("no audit has seen everything since 2026-01-01T00:00:00Z");
    with("2999-01-01T00:00:00Z");
    goldseal.run(&age).exits(3).says("which is after now");
}

#[test]
fn what_was_kept_and_is_damaged_stops_an_audit_before_it_asks_anything() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let (line, age) = (line(goldseal), age(goldseal));
    goldseal.run(&line).exits(0);
    let whole = goldseal.read(KEPT);
    let before = account.calls("ec2").len();
    for damaged in [&whole[..whole.len() / 2], b"", b"{\"schema\":\"goldseal/audit-state/v1\"}"] {
        goldseal.write(KEPT, damaged);
        for line in [&line, &age] {
            goldseal.fails(line, 3, &["v1/audit/last.json", "moved away"]);
        }
    }
    assert_eq!(account.calls("ec2").len(), before);
}

#[test]
fn an_output_that_cannot_be_written_loses_no_other_and_is_no_success() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    runs(account, REGION, &account.image("bare"), 1);
    let look = line(goldseal);
    let line = format!("{look} --only-new --fail-on unsealed");
    let outputs = "--write csv=nowhere/a.csv --write json=audit.json --metrics nowhere/a.prom";
    let report = goldseal.json(&format!("{look} {outputs} --fail-on missed")).exits(3).report();
    let told = crate::run::notes(&report);
    assert_eq!(told.iter().filter(|code| **code == "not-written").count(), 2, "{report:#}");
    assert!(told.contains(&"audit-not-kept"), "{report:#}");
    assert_eq!(report["instances"].as_array().unwrap().len(), 1);
    let written: Value = serde_json::from_slice(&goldseal.read("audit.json")).unwrap();
    assert_eq!(written["instances"], report["instances"]);
    // It was not kept, so it is as new as before.
    goldseal.run(&line).exits(1);
    goldseal.run(&line).exits(0);
}

#[test]
fn state_that_cannot_be_read_is_not_known() {
    let scene = scene();
    let goldseal = &scene.goldseal;
    std::fs::create_dir_all(goldseal.path(KEPT)).unwrap();
    for line in [line(goldseal), age(goldseal)] {
        goldseal.fails(&line, 3, &["v1/audit/last.json"]);
    }
    let nowhere = format!("audit --regions {REGION} --state s3://no-such-bucket-{}/x", scene.account.id);
    goldseal.fails(&nowhere, 3, &["no-such-bucket"]);
    goldseal.fails(&format!("{nowhere} --max-age 26h"), 3, &["no-such-bucket"]);
}

#[test]
fn state_is_kept_in_s3_too_and_never_beside_the_evidence() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    runs(account, REGION, &account.image("bare"), 1);
    let bucket = account.bucket_called(&format!("audit-{}", account.id));
    let line = format!("audit --regions {REGION} --only-new --state {bucket}/fleet");
    goldseal.run(&line).exits(1);
    goldseal.run(&line).exits(0);
    let evidence = format!("audit --state s3://{}/fleet", account.bucket());
    goldseal.fails(&evidence, 2, &["where the evidence is"]);
    goldseal.fails(&format!("{line} --at 2027-01-01T00:00:00Z"), 2, &["--at"]);

    // What cannot be kept is said, and is no success.
    account.fault(json!({"service": "s3", "action": "PutObject", "times": 1, "status": 403, "code": "AccessDenied"}));
    let report = goldseal.json(&line).exits(3).report();
    assert!(crate::run::notes(&report).contains(&"audit-not-kept"), "{report:#}");
}

#[test]
fn where_the_fleet_is_may_stand_in_the_settings() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    goldseal.write("accounts.txt", format!("{} shop\n", account.id));
    let settings = format!("[audit]\naccounts = {:?}\nregions = [\"{REGION}\"]\n", goldseal.path("accounts.txt"));
    goldseal.write("settings.toml", &settings);
    let report = goldseal.json("audit").exits(0).report();
    let places = report["places"].as_array().unwrap();
    assert_eq!((places.len(), &places[0]["name"], &places[0]["region"]), (1, &json!("shop"), &json!(REGION)));
    goldseal.write("settings.toml", format!("{settings}organization = true\n"));
    goldseal.fails("audit", 2, &["audit.accounts", "audit.organization"]);
}
