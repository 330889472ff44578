//! `goldseal audit` against the local AWS: an organization in three regions, and every way in which a place is not seen.

use aws_sdk_ec2::types::{LaunchPermission, LaunchPermissionModifications};
use aws_sdk_ssm::types::ParameterType;
use serde_json::{Value, json};

use crate::{
    aws::{Account, REGION, wait},
    chain::Scene,
    cloud::cloud,
    fleet::Fleet,
    run::{Goldseal, INPUTS, codes, notes},
};

const ELSEWHERE: [&str; 2] = ["us-east-1", "us-west-2"];
pub const LOOK: &str = "--role goldseal/audit --external-id 7f3c";

/// A scene whose sealings hold at any time: what runs is judged now, whenever the tests run.
pub fn scene() -> Scene {
    let scene = Scene::new();
    scene.goldseal.change("build.json", "\"finishedOn\": \"2026-11-20T09:19:47Z\",", "", "build.json");
    scene
}

/// Gives the local AWS an order, and returns its answer.
pub fn order(control: &str, body: &Value) -> Value {
    let (status, answer) = cloud().send("POST", &format!("/localaws/{control}"), &body.to_string());
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

/// Lets so many instances of an image run, and returns their ids.
pub fn runs(account: &Account, region: &str, image: &str, count: usize) -> Vec<String> {
    let told = order("fleet", &json!([{"image": image, "count": count, "account": account.id, "region": region}]));
    let first = |value: &Value| value.as_array().and_then(|list| list.first().cloned());
    let list = told.get("instances").unwrap_or(&told);
    let ids = first(list).unwrap();
    ids.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// Lets another account launch an image.
pub fn share(owner: &Account, image: &str, with: &Account) {
    let permission = LaunchPermission::builder().user_id(&with.id).build();
    let change = LaunchPermissionModifications::builder().add(permission).build();
    wait(owner.ec2().modify_image_attribute().image_id(image).launch_permission(change).send()).unwrap();
}

/// Lets the caller's account in by the role of an audit.
pub fn admits(account: &Account, caller: &Account, external_id: &str) {
    order(
        "roles",
        &json!({"account": account.id, "name": "goldseal/audit", "trusts": [caller.id], "external_id": external_id}),
    );
}

fn class_of<'r>(report: &'r Value, instance: &str) -> &'r str {
    let mut instances = report["instances"].as_array().unwrap().iter();
    instances.find(|one| one["instance"] == instance).unwrap()["class"].as_str().unwrap()
}

#[test]
fn an_organization_is_looked_at_in_every_region_and_what_is_not_seen_is_said() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let (member, closed) = (Account::new(), Account::new());
    let named = |account: &Account, name: &str| json!({"id": account.id, "name": name});
    order(
        "organization",
        &json!({"management": account.id,
                "accounts": [named(&member, "shop"), named(&closed, "vault")], "empty_page": true}),
    );
    admits(&member, account, "7f3c");
    admits(&closed, account, "another");

    let sealed = scene.sealed("sealed");
    share(account, &sealed, &member);
    let bare = account.image("bare");
    let copied = account.image("copied");
    account.put_evidence(&copied, &account.evidence(&sealed).unwrap());
    let far = account.in_region(ELSEWHERE[0]).image("far");

    let good = runs(account, REGION, &sealed, 3);
    let theirs = runs(&member, REGION, &sealed, 2);
    let unsealed = runs(account, REGION, &bare, 2);
    let foreign = runs(account, REGION, &copied, 1);
    let distant = runs(account, ELSEWHERE[0], &far, 1);

    let read = |account: &Account| {
        account.calls("s3").iter().filter(|(action, key)| action == "GetObject" && key.contains(&sealed)).count()
    };
    let before = read(account);
    let regions = format!("--regions {REGION},{}", ELSEWHERE.join(","));
    let report = goldseal.json(&format!("audit --organization {LOOK} {regions}")).exits(1).report();
    assert_eq!(report["schema"], "goldseal/audit/v1");
    assert_eq!(report["classes"], json!({"refused": 1, "unsealed": 3, "admitted": 5}), "{report:#}");
    for (class, ids) in
        [("admitted", [good, theirs].concat()), ("unsealed", [unsealed, distant].concat()), ("refused", foreign)]
    {
        ids.iter().for_each(|id| assert_eq!(class_of(&report, id), class, "{id}"));
    }
    // An image is judged once, whoever runs it.
    assert_eq!(report["images"].as_array().unwrap().len(), 4);
    assert_eq!(read(account) - before, 1);

    // Three regions of three accounts, and one account lets nobody in.
    let places = report["places"].as_array().unwrap();
    assert_eq!(places.len(), 9);
    let missed: Vec<&Value> = places.iter().filter(|place| !place["faults"].as_array().unwrap().is_empty()).collect();
    assert_eq!(missed.len(), 3);
    for place in missed {
        assert_eq!((&place["account"], &place["name"]), (&json!(closed.id), &json!("vault")));
        assert_eq!(place["faults"][0]["code"], "place-unavailable");
        let message = place["faults"][0]["message"].as_str().unwrap();
        assert!(
            message.contains("no credentials were given: AccessDenied: ") && message.contains("sts:AssumeRole"),
            "{place}"
        );
    }
    let text = goldseal.run(&format!("audit --organization {LOOK} {regions}")).exits(1).says("NOT SEEN");
    text.says("vault").says("place-unavailable");
}

#[test]
fn the_accounts_of_profiles_are_looked_at_with_their_own_credentials() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let other = Account::new();
    let (here, there) =
        (runs(account, REGION, &account.image("bare"), 1), runs(&other, REGION, &other.image("bare"), 2));
    let profile =
        |name: &str, id: &str| format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = testing\n");
    let all = [profile("own", &account.id), profile("shop", &other.id), profile("again", &other.id)].concat();
    goldseal.write(".aws/credentials", all);
    let line = format!("audit --regions {REGION} --profiles");
    let report = goldseal.json(&format!("{line} shop,own")).exits(1).report();
    for (name, id) in [("own", &account.id), ("shop", &other.id)] {
        let mut places = report["places"].as_array().unwrap().iter();
        let place = places.find(|place| place["name"] == name).unwrap();
        assert_eq!((&place["account"], &place["faults"]), (&json!(id), &json!([])), "{report:#}");
    }
    for id in [here, there].concat() {
        assert_eq!(class_of(&report, &id), "unsealed");
    }
    goldseal.fails(&format!("{line} shop,again"), 3, &["profile again", "another profile"]);
    goldseal.fails(&format!("{line} nobody"), 3, &["profile nobody"]);
    goldseal.fails(&format!("{line} shop {LOOK}"), 2, &["--profiles"]);
}

#[test]
fn outside_an_organization_nobody_knows_and_what_to_do_is_said() {
    let Scene { goldseal, .. } = scene();
    goldseal.fails("audit --organization", 3, &["organizations:ListAccounts", "--accounts FILE"]);
}

#[test]
fn an_image_that_was_deregistered_is_what_its_provenance_says() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let (sealed, bare) = (scene.sealed("sealed"), account.image("bare"));
    let good = runs(account, REGION, &sealed, 2);
    let unsealed = runs(account, REGION, &bare, 1);
    for image in [&sealed, &bare] {
        wait(account.ec2().deregister_image().image_id(image).send()).unwrap();
    }
    let report = goldseal.json(&format!("audit --regions {REGION}")).exits(1).report();
    good.iter().for_each(|id| assert_eq!(class_of(&report, id), "admitted", "{report:#}"));
    unsealed.iter().for_each(|id| assert_eq!(class_of(&report, id), "unsealed", "{report:#}"));
    let admitted = report["images"].as_array().unwrap().iter().find(|image| image["verdict"] == "admit").unwrap();
    assert!(notes(admitted).contains(&"facts-from-provenance"), "{admitted:#}");
    assert_eq!(admitted["seen"]["state"], "deregistered");
}

/// What `boot check --output json` says at the end of a build that bakes the guard.
fn boot_check() -> Value {
    json!({"schema": "goldseal/boot-check/v1", "root": "/", "recipe": "sysinit", "version": "0.1.0", "reportOnly": false,
           "executable": crate::aws::sha256(b"goldseal"), "records": true,
           "findings": [{"severity": "good", "code": "guard-good", "where": "units", "message": "good", "type": []}]})
}

/// Leaves a record as the guard of an instance would.
fn boots(goldseal: &Goldseal, account: &Account, instance: &str, minutes: i64, verdict: &str, action: Option<&str>) {
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
    let record = json!({"schema": "goldseal/boot/v1", "at": at, "verdict": verdict, "action": action, "enforced": true,
                        "instance": {"id": instance, "account": account.id, "region": REGION}});
    let name = at.strftime("%Y%m%dT%H%M%S.%3fZ");
    let path = format!("boots/v1/boot/arn:aws:ec2:{REGION}:{}:instance/{instance}/{name}.json", account.id);
    goldseal.write(&path, record.to_string());
}

#[test]
fn guards_that_were_sealed_in_must_report_and_what_they_refused_must_not_run() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    goldseal.write("boot-check.json", boot_check().to_string());
    let guarded = account.image("guarded");
    scene.sign(&guarded, "--boot-check boot-check.json");
    let plain = scene.sealed("plain");
    let aged = |image: &str, count: usize| -> Vec<String> {
        let fleet = json!([{"image": image, "count": count, "account": account.id, "region": REGION, "age": 7200}]);
        let told = order("fleet", &fleet);
        let ids = told["instances"][0].as_array().unwrap();
        ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    let (of_guarded, of_plain) = (aged(&guarded, 4), aged(&plain, 1));
    let [good, silent, ended, held] = of_guarded.as_slice() else { panic!("{of_guarded:?}") };
    boots(goldseal, account, good, 119, "admit", None);
    boots(goldseal, account, silent, 200, "admit", None);
    boots(goldseal, account, ended, 60, "reject", Some("poweroff"));
    boots(goldseal, account, held, 60, "undetermined", Some("emergency"));

    let only = format!("audit --regions {REGION}");
    let records = format!("--boot-records file://{}", goldseal.path("boots").display());
    let codes = |report: &Value| -> Vec<String> {
        let doors = report["doors"].as_array().into_iter().flatten();
        let own = doors.filter_map(|door| door["code"].as_str()).filter(|code| code.starts_with("guard-"));
        own.map(str::to_owned).collect()
    };
    let report = goldseal.json(&only).exits(0).report();
    assert_eq!(codes(&report), Vec::<String>::new(), "nobody asked");
    let report = goldseal.json(&format!("{only} {records} --write csv=audit.csv")).exits(0).report();
    assert_eq!(codes(&report), ["guard-overruled", "guard-silent", "guard-held", "guard-absent"], "{report:#}");
    for (code, instance) in
        [("guard-overruled", ended), ("guard-silent", silent), ("guard-held", held), ("guard-absent", &of_plain[0])]
    {
        let door = report["doors"].as_array().unwrap().iter().find(|door| door["code"] == code).unwrap();
        assert!(door["message"].as_str().unwrap().starts_with(&format!("1 instance ({instance}): ")), "{door}");
    }
    let boot = |instance: &str| {
        let mut all = report["instances"].as_array().unwrap().iter();
        let boot = &all.find(|one| one["instance"] == *instance).unwrap()["boot"];
        (boot["verdict"].clone(), boot["action"].clone())
    };
    assert_eq!(boot(good), (json!("admit"), json!("none")));
    assert_eq!(boot(silent), (Value::Null, Value::Null), "a record of an earlier start is none of this one");
    assert_eq!(boot(ended), (json!("reject"), json!("poweroff")));
    // What an instance says of itself makes it neither better nor worse.
    assert_eq!(report["classes"], json!({"admitted": 5}));
    let images = report["images"].as_array().unwrap();
    let guard = |id: &str| &images.iter().find(|one| one["image"]["id"] == *id).unwrap()["guard"];
    assert_eq!((&guard(&guarded)["recipe"], guard(&plain)), (&json!("sysinit"), &Value::Null));
    let csv = String::from_utf8(goldseal.read("audit.csv")).unwrap();
    assert!(
        csv.lines().any(|line| line.contains(ended.as_str()) && line.ends_with(",reject,poweroff,,,,,,,")),
        "{csv}"
    );
    goldseal.run(&format!("{only} {records}")).exits(0).says("4 of 5 running instances").says("3 reported");
    goldseal.run(&format!("{only} {records} --fail-on door")).exits(1);

    // A place that cannot be read is not one that holds nothing.
    let report = goldseal.json(&format!("{only} --boot-records s3://nowhere-{}", account.id)).exits(0).report();
    assert_eq!(codes(&report), ["guard-unread"], "{report:#}");
    goldseal.fails(
        &format!("{only} --boot-records https://boots.example"),
        2,
        &["--boot-records", "https://boots.example"],
    );
}

#[test]
fn a_guard_that_something_takes_away_is_not_signed() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let ami = account.image("masked");
    let sign = format!("sign {ami} --key awskms:///alias/signing {INPUTS} --boot-check boot-check.json");
    let mut report = boot_check();
    report["findings"][0]["severity"] = json!("problem");
    report["findings"][0]["code"] = json!("unit-masked");
    goldseal.write("boot-check.json", report.to_string());
    goldseal.fails(&sign, 2, &["unit-masked", "boot-check.json"]);
    report["recipe"] = Value::Null;
    goldseal.write("boot-check.json", report.to_string());
    goldseal.fails(&sign, 2, &["no guard in the image"]);
    assert!(account.evidence(&ami).is_none(), "nothing was stored");
}

#[test]
fn what_fails_an_audit_is_for_its_user_to_say() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let only = format!("audit --regions {REGION}");
    goldseal.run(&only).exits(0);

    runs(account, REGION, &scene.sealed("sealed"), 1);
    goldseal.run(&only).exits(0).says("1 admitted");
    goldseal.run(&format!("{only} --fail-on admitted")).exits(1);
    // What EC2 itself does not refuse is a warning; a door that is a problem fails.
    goldseal.run(&format!("{only} --fail-on door")).exits(0).says("allowed-images-off");

    runs(account, REGION, &account.image("bare"), 1);
    goldseal.run(&format!("{only} --fail-on refused")).exits(0);
    goldseal.run(&only).exits(1).says("1 unsealed");

    // The scan is too old in a hundred years.
    let later = goldseal.json(&format!("{only} --at 2126-01-01T00:00:00Z")).exits(1).report();
    assert_eq!(later["at"], "2126-01-01T00:00:00Z");
}

#[test]
fn doors_are_what_is_open_beside_the_launch_hook() {
    let fleet = Fleet::around(scene());
    let Scene { account, goldseal, .. } = &fleet.scene;
    let (sealed, bare) = (fleet.scene.sealed("sealed"), account.image("bare"));
    fleet.group("guarded", &sealed);
    fleet.group("refused", &bare);
    wait(account.sqs().create_queue().queue_name("other").send()).unwrap();
    let other = format!("arn:aws:sqs:{REGION}:{}:other", account.id);
    fleet.group_with("elsewhere", &sealed, Some(&other), 300);
    let parameter = account.ssm().put_parameter().name("/golden/web").value(&bare).data_type("aws:ec2:image");
    wait(parameter.r#type(ParameterType::String).send()).unwrap();
    // What the parameter names is checked after the answer.
    drop(wait(account.ssm().get_parameter().name("/golden/web").send()));
    let beside = runs(account, REGION, &sealed, 3);
    let attach = account.autoscaling().attach_instances().auto_scaling_group_name("guarded");
    wait(attach.instance_ids(&beside[0]).send()).unwrap();
    wait(account.ec2().create_replace_root_volume_task().instance_id(&beside[1]).send()).unwrap();

    let line = format!("audit --regions {REGION} --guard-queue launches");
    let report = goldseal.json(&format!("{line} --fail-on door")).exits(1).report();
    let doors = report["doors"].as_array().unwrap();
    let told: Vec<[&str; 3]> =
        doors.iter().map(|door| ["severity", "code", "where"].map(|key| door[key].as_str().unwrap())).collect();
    let template = "launch template refused version 1";
    // A group names its template by id.
    let group_template = told.iter().map(|[_, _, place]| *place).find(|place| place.starts_with("refused: "));
    let group_template = group_template.unwrap_or_default();
    assert!(group_template.starts_with("refused: launch template lt-"), "{told:?}");
    assert_eq!(
        told,
        [
            ["problem", "hook-tells-another-queue", "elsewhere/goldseal"],
            ["problem", "image-refused", group_template],
            ["warning", "allowed-images-off", REGION],
            ["warning", "image-refused", template],
            ["warning", "image-refused", "parameter /golden/web"],
            ["warning", "instances-attached", "guarded"],
            ["warning", "instances-direct", "RunInstances"],
            ["warning", "roots-replaced", REGION],
        ],
        "{report:#}"
    );
    goldseal.run(&line).exits(0).says("DOORS").says("elsewhere/goldseal").says("aws autoscaling put-lifecycle-hook");

    // Whoever may not look does not know that they are shut.
    account.fault(json!({"service": "ec2", "action": "DescribeReplaceRootVolumeTasks", "times": 0, "status": 403,
                         "code": "UnauthorizedOperation"}));
    let report = goldseal.json(&line).exits(0).report();
    let unknown = report["doors"].as_array().unwrap().iter().find(|door| door["severity"] == "unknown").unwrap();
    assert_eq!(unknown["where"], format!("ec2:DescribeReplaceRootVolumeTasks {REGION}"), "{unknown:#}");
    cloud().clear_faults(&account.id);
}

#[test]
fn a_store_or_a_region_that_is_out_leaves_it_open() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    runs(account, REGION, &scene.sealed("sealed"), 2);
    let only = format!("audit --regions {REGION}");

    account.fault(json!({"service": "s3", "action": "GetObject", "times": 0, "status": 403, "code": "AccessDenied"}));
    let report = goldseal.json(&only).exits(3).report();
    assert_eq!(report["classes"], json!({"undetermined": 2}));
    assert!(!codes(&report["images"][0]).is_empty(), "{report:#}");
    cloud().clear_faults(&account.id);

    for action in ["DescribeInstanceImageMetadata", "DescribeRegions"] {
        let fault =
            json!({"service": "ec2", "action": action, "times": 0, "status": 403, "code": "UnauthorizedOperation"});
        account.fault(fault);
        let line = if action == "DescribeRegions" { "audit" } else { &only };
        let report = goldseal.json(line).exits(3).report();
        assert_eq!(report["classes"], json!({}));
        assert!(report["places"][0]["faults"][0]["message"].as_str().unwrap().contains(action), "{report:#}");
        cloud().clear_faults(&account.id);
    }
}

#[test]
fn a_saved_audit_is_shown_in_every_format() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    runs(account, REGION, &scene.sealed("sealed"), 1);
    let image = account.image("bare");
    let bare = runs(account, REGION, &image, 1);
    let files = "--write json=audit.json --write html=audit.html --write csv=audit.csv --lake events";
    let shown = goldseal.run(&format!("audit --regions {REGION} {files}")).exits(1).stdout;

    assert_eq!(goldseal.run("audit render audit.json").exits(0).stdout, shown, "saved and shown again is the same");
    // Code scanning and test reports have a line an image; the page packs the ids of its instances.
    for (format, holds, names) in [
        ("json", "goldseal/audit/v1", &bare[0]),
        ("sarif", "2.1.0", &image),
        ("junit", "<testsuite", &image),
        ("ocsf", "class_uid", &bare[0]),
        ("asff", "2018-10-08", &bare[0]),
        ("csv", "instance", &bare[0]),
        ("html", "<!doctype html>", &image),
    ] {
        let text = goldseal.run(&format!("audit render audit.json --output {format}")).exits(0).stdout;
        assert!(text.contains(holds) && text.contains(names.as_str()), "{format}: {text}");
    }
    assert_eq!(goldseal.run("audit render audit.json --output csv").stdout.as_bytes(), goldseal.read("audit.csv"));
    assert!(!crate::run::files_under(&goldseal.path("events")).is_empty());
    goldseal.run("audit render audit.json --fail-on unsealed").exits(1);

    let mut told: Value = serde_json::from_slice(&goldseal.read("audit.json")).unwrap();
    told["classes"]["unsealed"] = json!(0);
    goldseal.write("other.json", told.to_string());
    goldseal.fails("audit render other.json", 2, &["contradicts itself", "other.json"]);
    told["schema"] = json!("goldseal/audit/v9");
    goldseal.write("other.json", told.to_string());
    goldseal.fails("audit render other.json", 2, &["goldseal/audit/v9"]);
    goldseal.fails("audit --fail-on everything", 2, &["root-replaced"]);
    goldseal.write("accounts.txt", "123456789012\n12345\n");
    goldseal.fails("audit --accounts accounts.txt", 2, &["accounts.txt", "line 2"]);
}
