//! `goldseal policy what-if` against the local AWS: what runs, and what a real launch hook decided, by two policies.

use serde_json::{Value, json};

use crate::{
    audit::{runs, scene},
    aws::{REGION, wait},
    chain::Scene,
    cloud::cloud,
    docs::{example, masked},
    fleet::{Fleet, until},
    policies::trusting,
    run::files_under,
};

/// Returns how many change with which effect, among what runs or what was decided.
fn effects(compared: &Value) -> Vec<(&str, usize)> {
    let changes = compared["changes"].as_array().unwrap().iter();
    changes.map(|one| (one["effect"].as_str().unwrap(), one["instances"].as_array().unwrap().len())).collect()
}

fn codes(causes: &Value) -> Vec<&str> {
    causes.as_array().unwrap().iter().map(|cause| cause["code"].as_str().unwrap()).collect()
}

#[test]
fn what_runs_is_judged_by_the_policy_in_force_and_by_the_candidate() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let (sealed, bare) = (scene.sealed("golden"), account.image("bare"));
    let good = runs(account, REGION, &sealed, 3);
    runs(account, REGION, &bare, 2);
    goldseal.write("strangers.toml", trusting(&account.key("ECC_NIST_P256")));
    goldseal.change("policy.toml", "no_match = \"enforce\"", "no_match = \"warn\"", "warn.toml");
    let only = format!("policy what-if --regions {REGION}");

    let read = || account.calls("s3").iter().filter(|(action, _)| action == "GetObject").count();
    let before = read();
    let report = goldseal.json(&format!("{only} --policy strangers.toml")).exits(1).report();
    assert_eq!(read() - before, 2, "evidence is read once for both");
    assert_eq!(report["schema"], "goldseal/what-if/v1");
    assert_eq!(effects(&report["running"]), [("refused", 3)], "{report:#}");
    let change = &report["running"]["changes"][0];
    assert_eq!((&change["from"]["class"], &change["to"]["class"]), (&json!("admitted"), &json!("refused")));
    assert_eq!((&change["from"]["action"], &change["to"]["action"]), (&json!("continue"), &json!("abandon")));
    assert!(codes(&change["to"]["causes"]).contains(&"attestation-missing"), "{change:#}");
    let mut ids: Vec<&str> =
        change["instances"].as_array().unwrap().iter().map(|one| one["instance"].as_str().unwrap()).collect();
    let mut expected: Vec<&str> = good.iter().map(String::as_str).collect();
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert_eq!(report["running"]["unchanged"], json!({"count": 2, "undetermined": 0, "otherMode": 0}));
    assert_eq!(report["decisions"], Value::Null);
    let shown = goldseal.run(&format!("{only} --policy strangers.toml")).exits(1);
    let shown = shown
        .says("WOULD BE REFUSED")
        .says("admitted → refused")
        .says("5 running instances: 3 would be refused, 2 unchanged");
    let shown = shown.stdout.replace(&sealed, "ami-0d4e9f1a2b3c4d5e6").replace(&account.id, "123456789012");
    example("docs/what-if.md", &masked(&shown));

    let warned = goldseal.json(&format!("{only} --policy warn.toml")).exits(1).report();
    assert_eq!(effects(&warned["running"]), [("let-in", 2)]);
    assert_eq!(warned["running"]["unchanged"]["otherMode"], 3);
    let change = &warned["running"]["changes"][0];
    assert_eq!((&change["from"]["verdict"], &change["to"]["verdict"]), (&json!("reject"), &json!("reject")));
    goldseal.run(&format!("{only} --policy policy.toml --against warn.toml")).exits(1).says("2 would be refused");

    goldseal.json(&format!("{only} --policy policy.toml --against policy.toml")).exits(0);
    account.fault(json!({"service": "s3", "action": "GetObject", "times": 0, "status": 403, "code": "AccessDenied"}));
    let unknown = goldseal.json(&format!("{only} --policy policy.toml --against policy.toml")).exits(3).report();
    assert_eq!(unknown["running"]["unchanged"]["undetermined"], 5);
    cloud().clear_faults(&account.id);

    // The account is in no organization; that is no answer.
    goldseal.fails(&format!("{only} --policy warn.toml --organization"), 3, &["organizations:ListAccounts"]);
    goldseal.fails(&only, 2, &["is the policy that is in force", "--against"]);
    goldseal.fails(&format!("{only} --policy none.toml"), 2, &["none.toml"]);
    goldseal.fails(&format!("{only} --policy warn.toml --state ftp://x"), 2, &["hook.state"]);
}

#[test]
fn what_the_launch_hook_decided_is_judged_again() {
    let fleet = Fleet::around(scene());
    let Scene { account, goldseal, .. } = &fleet.scene;
    let good = fleet.scene.sealed("golden");
    fleet.group("web", &good);
    let mut hook = fleet.hook("web", "");
    fleet.scale("web", 2);
    until("in service", || fleet.states("web") == ["InService"; 2]);
    hook.signal("TERM");
    assert_eq!(hook.ends(), Some(0));
    assert!(!files_under(&goldseal.path("state/v1/decisions")).is_empty());

    goldseal.write("strangers.toml", trusting(&account.key("ECC_NIST_P256")));
    let state = format!("--state file://{}", goldseal.path("state").display());
    let line = format!("policy what-if --policy strangers.toml --regions {REGION} {state}");
    let report = goldseal.json(&line).exits(1).report();
    assert_eq!(effects(&report["running"]), [("refused", 2)], "{report:#}");
    let decided = &report["decisions"]["compared"];
    assert_eq!(effects(decided), [("refused", 2)], "{report:#}");
    let one = &decided["changes"][0]["instances"][0];
    assert_eq!((&one["group"], &one["verdict"], &one["action"]), (&json!("web"), &json!("admit"), &json!("continue")));
    assert_eq!((&one["notes"], &decided["changes"][0]["image"]["id"]), (&json!([]), &json!(good)));
    goldseal.run(&line).exits(1).says("2 recorded launches: web").says("2 would be refused, 0 unchanged");

    // The evidence is gone: what was decided by it cannot be judged again, and is not forgotten.
    let (bucket, key) = (account.bucket(), account.evidence_key(&good));
    wait(account.s3().delete_object().bucket(bucket).key(key).send()).unwrap();
    let report = goldseal.json(&line).exits(3).report();
    let unjudged = report["decisions"]["unjudged"].as_array().unwrap();
    assert_eq!((unjudged.len(), &report["decisions"]["compared"]["total"]), (2, &json!(0)), "{report:#}");
    assert_eq!(unjudged[0]["why"]["code"], "record-unavailable");
    goldseal.run(&line).exits(3).says("NOT JUDGED AGAIN").says("the evidence is gone");
}
