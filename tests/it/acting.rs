//! What an audit does beside looking, against the local AWS: events in a bucket, findings in Security Hub, instances that
//! are isolated or ended.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::Tag;
use serde_json::{Value, json};

use crate::{
    audit::{LOOK, admits, runs, scene},
    aws::{Account, REGION, wait},
    chain::Scene,
    cloud::cloud,
    run::{Goldseal, notes},
};

const CONSENT: (&str, &str) = ("goldseal:quarantine", "allow");
const ISOLATE: &str = "--act-on unsealed --quarantine-group quarantine";

/// Asks Security Hub of the local AWS, which looks at no signature: the account is that of the access key.
pub fn hub(account: &Account, path: &str, body: &Value) -> Value {
    let host = cloud().endpoint.trim_start_matches("http://").to_owned();
    let signed = format!(
        "AWS4-HMAC-SHA256 Credential={}/20261128/{REGION}/securityhub/aws4_request, SignedHeaders=host, Signature=0",
        account.id
    );
    let http = reqwest::Client::new().post(format!("http://{host}{path}"));
    let answer = wait(async {
        let answer = http.header("authorization", signed).body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.text().await.unwrap()
    });
    serde_json::from_str(&answer).unwrap_or_default()
}

/// Returns the findings of an account about instances: their state, and what they say of compliance.
fn found(account: &Account) -> BTreeMap<String, (String, String)> {
    let told = hub(account, "/findings", &json!({"MaxResults": 100}));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |finding: &Value| {
        let id = text(&finding["Id"]);
        let instance = id.rsplit('/').next().unwrap().to_owned();
        (instance, (text(&finding["RecordState"]), text(&finding["Compliance"]["Status"])))
    };
    let of_instance = |finding: &&Value| finding["Id"].as_str().unwrap().starts_with("goldseal/audit/instance/");
    told["Findings"].as_array().unwrap().iter().filter(of_instance).map(one).collect()
}

#[test]
fn security_hub_is_told_from_each_accounts_own_session_and_what_is_gone_is_archived() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let member = Account::new();
    admits(&member, account, "7f3c");
    goldseal.write("accounts.txt", format!("{}\n{} shop\n", account.id, member.id));
    let (own, theirs) = (account.image("bare"), member.image("bare"));
    let (mine, others) = (runs(account, REGION, &own, 2), runs(&member, REGION, &theirs, 1));
    runs(account, REGION, &scene.sealed("sealed"), 1);
    let line = format!("audit --accounts accounts.txt {LOOK} --regions {REGION} --security-hub");

    // One of the two did not subscribe: the other is told, and it is said.
    hub(account, "/accounts", &json!({}));
    let report = goldseal.json(&format!("{line} --fail-on missed")).exits(3).report();
    let told = report["notes"].to_string();
    assert!(told.contains("closed: 0, places: 1") && told.contains("not subscribed"), "{told}");

    hub(&member, "/accounts", &json!({}));
    goldseal.run(&format!("{line} --fail-on missed --dry-run")).exits(0).says("places: 2 (would-send)");
    assert!(found(&member).is_empty());
    goldseal.run(&line).exits(1).says("closed: 0, places: 2");
    let (active, archived) = (("ACTIVE".to_owned(), "FAILED".to_owned()), ("ARCHIVED".to_owned(), "PASSED".to_owned()));
    assert_eq!(found(account), mine.iter().map(|id| (id.clone(), active.clone())).collect());
    assert_eq!(found(&member), BTreeMap::from([(others[0].clone(), active.clone())]));

    wait(account.ec2().terminate_instances().instance_ids(&mine[0]).send()).unwrap();
    goldseal.run(&line).exits(1).says("closed: 1, places: 2");
    assert_eq!(found(account), BTreeMap::from([(mine[0].clone(), archived), (mine[1].clone(), active.clone())]));

    // Of a place that could not be seen, nothing is archived.
    wait(member.ec2().terminate_instances().instance_ids(&others[0]).send()).unwrap();
    let call = "DescribeInstanceImageMetadata"; // Asked for whether or not the instance is still shown.
    member.fault(json!({"service": "ec2", "action": call, "times": 0, "status": 403, "code": "UnauthorizedOperation"}));
    goldseal.run(&line).exits(1);
    assert_eq!(found(&member).get(&others[0]), Some(&active));
    goldseal.fails(&format!("{line} --at 2126-01-01T00:00:00Z"), 2, &["--at", "--security-hub"]);
}

/// Lets an instance of an image that nobody sealed run, with consent or without, and the quarantine group be there.
pub fn unsealed(account: &Account, goldseal: &Goldseal, count: usize) -> (Vec<String>, String) {
    let image = account.image("bare");
    let ids = runs(account, REGION, &image, count);
    let vpc = wait(account.ec2().describe_vpcs().send()).unwrap().vpcs()[0].vpc_id().unwrap().to_owned();
    let group = account.ec2().create_security_group().group_name("quarantine").description("nothing").vpc_id(vpc);
    let group = wait(group.send()).unwrap().group_id.unwrap();
    goldseal.run(&format!("audit --regions {REGION} --fail-on unsealed")).exits(1);
    (ids, group)
}

/// Tags an instance as one that may be acted on.
pub fn consents(account: &Account, instance: &str) {
    let tag = Tag::builder().key(CONSENT.0).value(CONSENT.1).build();
    wait(account.ec2().create_tags().resources(instance).tags(tag).send()).unwrap();
}

/// Returns the state of every instance, and the groups of its interface.
fn states(account: &Account) -> BTreeMap<String, (String, Vec<String>)> {
    let told = wait(account.ec2().describe_instances().send()).unwrap();
    let instances = told.reservations().iter().flat_map(|one| one.instances());
    let one = |instance: &aws_sdk_ec2::types::Instance| {
        let groups = instance.network_interfaces().iter().flat_map(|one| one.groups());
        let groups = groups.map(|group| group.group_id().unwrap().to_owned()).collect();
        let state = instance.state().unwrap().name().unwrap().as_str().to_owned();
        (instance.instance_id().unwrap().to_owned(), (state, groups))
    };
    instances.map(one).collect()
}

#[test]
fn only_an_instance_that_consents_is_isolated_and_no_more_than_the_limit() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let (ids, group) = unsealed(account, goldseal, 3);
    let (before, line) = (states(account), format!("audit --regions {REGION} {ISOLATE}"));
    let report = goldseal.json(&line).exits(1).report();
    assert!(notes(&report).contains(&"none-acted"), "{report:#}");
    assert_eq!(states(account), before);

    consents(account, &ids[0]);
    goldseal.run(&format!("{line} --dry-run")).exits(1).says("(would-act)").says(&ids[0]);
    consents(account, &ids[1]);
    goldseal.run(&format!("{line} --act-limit 1")).exits(1).says("2 instances would be acted on, and the limit is 1");
    goldseal.run(&format!("{line} --act-limit 1 --fail-on missed")).exits(3);
    assert_eq!(states(account), before);

    let report = goldseal.json(&line).exits(1).report();
    assert_eq!(notes(&report).iter().filter(|code| **code == "acted").count(), 2, "{report:#}");
    let after = states(account);
    for id in &ids[..2] {
        assert_eq!(after[id], ("running".to_owned(), vec![group.clone()]));
    }
    assert_eq!(after[&ids[2]], before[&ids[2]]);
    // What is isolated already is left alone.
    let report = goldseal.json(&line).exits(1).report();
    assert!(notes(&report).contains(&"none-acted"), "{report:#}");
}

#[test]
fn an_instance_is_ended_where_the_policy_enforces_and_nowhere_else() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let (ids, _) = unsealed(account, goldseal, 2);
    consents(account, &ids[0]);
    let line = format!("audit --regions {REGION} --act-on unsealed --terminate");
    let policy = String::from_utf8(goldseal.read("policy.toml")).unwrap();
    goldseal.write("policy.toml", policy.replace("no_match = \"enforce\"", "no_match = \"warn\""));
    let report = goldseal.json(&line).exits(1).report();
    assert!(notes(&report).contains(&"none-acted"), "{report:#}");
    assert!(states(account).values().all(|(state, _)| state == "running"));

    goldseal.write("policy.toml", policy);
    goldseal.run(&line.replace("unsealed", "refused,root-replaced")).exits(1).says("(none-acted)");
    account.fault(
        json!({"service": "ec2", "action": "TerminateInstances", "status": 400, "code": "OperationNotPermitted"}),
    );
    goldseal.run(&format!("{line} --fail-on missed")).exits(3).says("(not-acted)");
    // What was done is told, even if it cannot be written where it should be.
    let told = goldseal.run(&format!("{line} --write json=nowhere/audit.json --fail-on missed")).exits(3);
    told.says(&ids[0]).says(": terminate (acted)").says("note: writing nowhere/audit.json: No such file");
    assert_eq!(states(account)[&ids[1]].0, "running");
    assert_ne!(states(account)[&ids[0]].0, "running");

    for wrong in ["audit --terminate", "audit --act-on unsealed", "audit --act-on expired --terminate"] {
        goldseal.run(wrong).exits(2);
    }
    goldseal.run(&format!("{line} --at 2026-12-24T00:00:00Z")).exits(2);
    goldseal.run(&format!("{line} --quarantine-group quarantine")).exits(2);
}

#[test]
fn events_go_into_a_bucket_by_region_account_and_day_and_none_is_written_over() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    runs(account, REGION, &account.image("bare"), 2);
    let place = format!("s3://{}/lake", account.bucket());
    let line = format!("audit --regions {REGION} --lake {place}");
    goldseal.run(&format!("{line} --write json=audit.json")).exits(1);
    let keys = || {
        let told = wait(account.s3().list_objects_v2().bucket(account.bucket()).prefix("lake/").send()).unwrap();
        told.contents().iter().map(|object| object.key().unwrap().to_owned()).collect::<Vec<String>>()
    };
    let first = keys();
    let folder = format!("lake/region={REGION}/accountid={}/eventday=", account.id);
    assert!(first.len() == 1 && first[0].starts_with(&folder) && first[0].ends_with(".json"), "{first:?}");
    let object = wait(account.s3().get_object().bucket(account.bucket()).key(&first[0]).send()).unwrap();
    goldseal.write("events", wait(object.body.collect()).unwrap().to_vec());
    assert_eq!(crate::formats::complaints(goldseal, "ocsf", "events"), "");

    // The same audit again is the same object, and another audit is another one.
    goldseal.run(&format!("audit render audit.json --lake {place}")).exits(0);
    assert_eq!(keys(), first);
    runs(account, REGION, &account.image("other"), 1);
    goldseal.run(&line).exits(1);
    assert_eq!(keys().len(), 2);
    goldseal.fails("audit render audit.json --lake s3://nobody-has-this/lake", 2, &["s3://nobody-has-this/lake"]);
}
