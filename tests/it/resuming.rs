//! `goldseal audit --resume` against the local AWS: killed, and gone on with; and what it does not go on from.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    audit::{runs, scene},
    aws::{Account, REGION},
    chain::Scene,
    cloud::cloud,
    run::{Goldseal, files_under, notes},
};

const REGIONS: [&str; 3] = [REGION, "us-east-1", "us-west-2"];
const LAST: &str = REGIONS[2];

/// A scene with instances in three regions.
fn three_regions() -> Scene {
    let scene = scene();
    runs(&scene.account, REGION, &scene.sealed("sealed"), 2);
    runs(&scene.account, REGION, &scene.account.image("bare"), 1);
    for region in &REGIONS[1..] {
        runs(&scene.account, region, &scene.account.in_region(region).image("far"), 1);
    }
    scene
}

fn line() -> String {
    format!("audit --regions {}", REGIONS.join(","))
}

fn kept(goldseal: &Goldseal) -> Vec<String> {
    let files = files_under(&goldseal.path("facts"));
    let name = |path: std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = files.into_iter().map(name).filter(|name| name.ends_with(".json")).collect();
    names.sort();
    names
}

/// How often EC2, Auto Scaling and Parameter Store were asked what there is in each region; images are asked for each time.
fn looks(account: &Account) -> [usize; 3] {
    REGIONS.map(|region| {
        let of = |service: &str| {
            let calls = cloud().calls(&format!("service={service}&account={}&region={region}", account.id));
            let calls: Vec<Value> = serde_json::from_str(&calls).unwrap();
            calls.iter().filter(|call| call["action"] != "DescribeImages").count()
        };
        of("ec2") + of("autoscaling") + of("ssm")
    })
}

/// A report without what tells when it was made, and how.
fn timeless(mut report: Value) -> Value {
    for instant in ["at", "started", "finished"] {
        report[instant] = Value::Null;
    }
    report["places"].as_array_mut().unwrap().iter_mut().for_each(|place| place["seen"] = Value::Null);
    report["notes"].as_array_mut().unwrap().retain(|note| note["code"] != "resumed");
    report
}

#[test]
fn an_audit_that_was_killed_goes_on_and_asks_no_place_twice() {
    let scene = three_regions();
    let Scene { account, goldseal, .. } = &scene;
    let resume = format!("{} --resume facts", line());
    let hang = json!({"service": "ec2", "action": "DescribeInstanceImageMetadata", "region": LAST, "delay": 60});
    account.fault(hang);
    let mut killed = goldseal.start(&resume, &[]);
    let hangs = || !cloud().send("GET", "/localaws/faults", "").1.contains(&account.id);
    while !(hangs() && kept(goldseal).len() == 2) {
        assert!(killed.try_wait().unwrap().is_none(), "it ended: {:?}", kept(goldseal));
        thread::sleep(Duration::from_millis(20));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(kept(goldseal), [REGIONS[0], REGIONS[1]].map(|region| format!("{}.{region}.json", account.id)));
    let mode = |path: &str| fs::metadata(goldseal.path(path)).unwrap().mode() & 0o777;
    assert_eq!(mode("facts"), 0o700);
    kept(goldseal).iter().for_each(|name| assert_eq!(mode(&format!("facts/{name}")), 0o600));

    let before = looks(account);
    let report = goldseal.json(&resume).exits(1).report();
    let after = looks(account);
    assert_eq!((after[0] - before[0], after[1] - before[1]), (0, 0));
    assert!(after[2] > before[2]);
    let places = report["places"].as_array().unwrap();
    let seen: Vec<bool> = places.iter().map(|place| place["seen"].is_string()).collect();
    assert_eq!(seen, [true, true, false], "{places:#?}");
    assert!(notes(&report).contains(&"resumed"), "{report:#}");
    assert_eq!(kept(goldseal), Vec::<String>::new(), "it saw everything");

    let one_go = goldseal.json(&line()).exits(1).report();
    assert_eq!(one_go["classes"], json!({"admitted": 2, "unsealed": 3}));
    assert_eq!(timeless(report), timeless(one_go));
}

#[test]
fn a_place_that_was_missed_is_all_that_is_asked_and_what_is_not_believed_is_said() {
    let scene = three_regions();
    let Scene { account, goldseal, .. } = &scene;
    let resume = format!("{} --resume facts", line());
    let missed = || {
        account.fault(json!({"service": "ec2", "action": "DescribeInstanceImageMetadata", "region": LAST, "times": 1,
                             "status": 403, "code": "UnauthorizedOperation"}));
        goldseal.run(&resume).exits(1).says("NOT SEEN");
        assert_eq!(kept(goldseal).len(), 2);
    };
    missed();
    let state = format!("--state file://{}", goldseal.path("state").display());
    let text = goldseal.run(&format!("{resume} {state}")).exits(1);
    text.says("SEEN BEFORE").says(&format!("{} in {REGION} at ", account.id)).says("2 of 3 places were seen by");
    let stored: Value = serde_json::from_slice(&goldseal.read("state/v1/audit/last.json")).unwrap();
    let (whole, started) = (stored["lastWhole"].as_str().unwrap(), stored["started"].as_str().unwrap());
    let instant = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    assert!(instant(whole) < instant(started), "it is as old as what it went on from: {whole} {started}");

    // Other questions have other answers, and what was changed is nobody's.
    missed();
    let report = goldseal.json(&format!("{resume} --stopped")).exits(1).report();
    assert!(notes(&report).contains(&"asked-again"), "{report:#}");
    missed();
    let name = format!("facts/{}.{REGION}.json", account.id);
    let hidden = String::from_utf8(goldseal.read(&name)).unwrap().replace("running", "stopped");
    fs::write(goldseal.path(&name), hidden).unwrap();
    let text = goldseal.run(&resume).exits(1);
    text.says("1 place was asked again").says("damaged").says("3 unsealed");
}

#[test]
fn facts_are_kept_where_nobody_else_can_write_and_nothing_is_done_to_instances_by_them() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let only = format!("audit --regions {REGION}");
    fs::create_dir(goldseal.path("shared")).unwrap();
    fs::set_permissions(goldseal.path("shared"), fs::Permissions::from_mode(0o755)).unwrap();
    let before = account.calls("ec2").len();
    goldseal.fails(&format!("{only} --resume shared"), 2, &["--resume", "shared is not the caller's alone"]);
    goldseal.write("file", "");
    goldseal.fails(&format!("{only} --resume file"), 2, &["file is not a directory"]);
    goldseal.fails(&format!("{only} --resume facts --resume-age 25h"), 2, &["25h is more than 1d"]);
    goldseal.fails(&format!("{only} --resume facts --terminate --act-on unsealed"), 2, &["--resume"]);
    goldseal.fails("audit --resume facts --state file:///nowhere --max-age 26h", 2, &["--resume"]);
    assert_eq!(account.calls("ec2").len(), before, "nothing was asked");
}
