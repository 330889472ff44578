//! What a revocation list does where images are published, looked at and launched, through the real executable.

use goldseal_core::{
    attestation::predicate::{Revocation, Revocations, Revoked},
    ids::ImageRef,
    testing::lists::{revoker, signed_list},
};
use serde_json::{Value, json};

use crate::{
    audit::{runs, scene},
    aws::{Account, REGION, wait},
    chain::Scene,
    fleet::{Fleet, HOOK, until},
    lambda::{Runtime, environment, flat, record},
    policies::pem,
    run::{codes, notes},
};

/// The key of a list in a store.
pub const LIST: &str = "v1/revocations/default.jsonl";

/// What a policy says of a list that `revoker` signs.
pub fn revocation() -> String {
    pem("revoker", &revoker().pem()) + "[revocation]\nauthorities = [\"revoker\"]\nmax_age = \"24h\"\n"
}

/// An image as something to revoke.
pub fn image(ami: &str) -> Revoked {
    let image = ImageRef { region: REGION.parse().unwrap(), id: ami.parse().unwrap() };
    Revoked::Image { image, content: Vec::new() }
}

/// An empty list, and the one that follows it and revokes something.
pub fn lists(revokes: Revoked) -> [Revocations; 2] {
    let now = jiff::Timestamp::now();
    let (by, reason) = ("alice@example.com".into(), "poisoned".into());
    let entry = Revocation { number: 0, at: now, by, reason, revokes };
    let begun = Revocations::new("default").next(Vec::new(), now);
    let revoking = begun.next(vec![entry], now);
    [begun, revoking]
}

/// Puts a list into the store of an account, in the place of what is there.
pub fn put(account: &Account, list: &Revocations) {
    let object = account.s3().put_object().bucket(account.bucket()).key(LIST);
    wait(object.body(signed_list(list, &revoker()).into()).send()).unwrap();
}

/// Reads an object of a bucket of an account.
fn read(account: &Account, bucket: &str, key: &str) -> Vec<u8> {
    let body = wait(account.s3().get_object().bucket(bucket).key(key).send()).unwrap().body;
    wait(body.collect()).unwrap().to_vec()
}

/// A scene whose policy asks for a list.
fn listed() -> Scene {
    let scene = scene();
    let text = String::from_utf8(scene.goldseal.read("policy.toml")).unwrap();
    scene.goldseal.write("policy.toml", text + &revocation());
    scene
}

#[test]
fn what_is_revoked_is_not_published_and_whoever_tells_of_it_says_so() {
    let scene = listed();
    let Scene { account, goldseal, .. } = &scene;
    let (good, bad) = (scene.sealed("good"), scene.sealed("bad"));
    let [begun, revoking] = lists(image(&bad));
    put(account, &revoking);
    let shared = || account.calls("ec2").iter().filter(|(action, _)| action == "ModifyImageAttribute").count();
    let publish = format!("publish {good} {bad} --share 222222222222");
    let report = goldseal.json(&publish).exits(1).report();
    assert_eq!(codes(&report["images"][1]["verified"]), ["image-revoked"], "{report:#}");
    assert_eq!((&report["images"][0]["steps"], shared()), (&json!([]), 0), "neither is published");

    let instance = runs(account, REGION, &bad, 1).remove(0);
    let traced = goldseal.json(&format!("trace {instance}")).exits(1).report();
    assert_eq!((codes(&traced["image"]), &traced["image"]["verdict"]), (vec!["image-revoked"], &json!("reject")));
    goldseal.run(&format!("trace {instance}")).exits(1).says("entry 1 of the revocation list").says("poisoned");
    // What was sealed of it is still what is on it; what a revoked key signed tells nothing.
    let query = format!("sbom query openssl<3.1 {good} {bad}");
    let asked = goldseal.json(&query).exits(1).report();
    let answers = |asked: &Value| -> Vec<Value> {
        asked["images"].as_array().unwrap().iter().map(|one| one["answer"].clone()).collect()
    };
    assert_eq!(answers(&asked), ["found", "found"], "{asked:#}");
    let key = Revoked::Key { spki_sha256: scene.key.pin().parse().unwrap(), since: None };
    put(account, &lists(key)[1]);
    let asked = goldseal.json(&query).exits(3).report();
    assert_eq!(answers(&asked), ["not-searched", "not-searched"], "{asked:#}");
    let why = asked["images"][0]["notSearched"].as_array().unwrap();
    assert!(why.iter().any(|note| note["code"] == "key-revoked"), "{asked:#}");

    put(account, &begun);
    goldseal.json(&publish).exits(0);
    assert_eq!(shared(), 2);
}

#[test]
fn an_audit_with_state_goes_by_the_newest_list_that_it_saw_whatever_the_store_has() {
    let scene = listed();
    let Scene { account, goldseal, .. } = &scene;
    let bad = scene.sealed("bad");
    runs(account, REGION, &bad, 2);
    let [begun, revoking] = lists(image(&bad));
    let audit = format!("audit --regions {REGION}");
    let keeping = format!("{audit} --state file://{}", goldseal.path("state").display());
    let looked = |line: &str, code: i32| {
        let report = goldseal.json(line).exits(code).report();
        let image = &report["images"][0];
        let said: Vec<String> =
            notes(image).into_iter().filter(|note| note.starts_with("revo")).map(str::to_owned).collect();
        (report["classes"].clone(), said)
    };
    let (admitted, refused) = (json!({"admitted": 2}), json!({"refused": 2}));
    put(account, &begun);
    assert_eq!(looked(&keeping, 0), (admitted.clone(), vec![]));
    put(account, &revoking);
    assert_eq!(looked(&keeping, 1), (refused.clone(), vec![]));
    put(account, &begun);
    assert_eq!(looked(&keeping, 1), (refused.clone(), vec!["revocations-rolled-back".to_owned()]));
    assert_eq!(looked(&audit, 0), (admitted, vec![]), "without state its age is all that there is");
    wait(account.s3().delete_object().bucket(account.bucket()).key(LIST).send()).unwrap();
    assert_eq!(looked(&keeping, 1), (refused, vec!["revocations-stand-in".to_owned()]));
}

#[test]
fn a_function_refuses_what_is_revoked_and_keeps_the_list_that_says_so() {
    let fleet = Fleet::around(listed());
    let account = &fleet.scene.account;
    let bad = fleet.scene.sealed("golden");
    let [begun, revoking] = lists(image(&bad));
    put(account, &revoking);
    fleet.group_with("web", &bad, None, 300);
    fleet.scale("web", 2);
    until("two wait", || fleet.actions("web").len() == 2);
    let (runtime, address) = Runtime::start();
    let bucket = format!("state-{}", account.id);
    let state = account.bucket_called(&bucket);
    let own = [("GOLDSEAL_HOOK_GROUPS", "web"), ("GOLDSEAL_HOOK_HOOKS", HOOK), ("GOLDSEAL_STATE", state.as_str())];
    let start = || {
        let log = std::fs::File::create(fleet.scene.goldseal.path("lambda.log")).unwrap();
        let all = [&environment(&address)[..], &own].concat();
        fleet.scene.goldseal.start_logging("lambda", &all, log)
    };
    let decide = |number: usize| {
        let action = &fleet.actions("web")[number];
        let (good, answer) = runtime.call(&json!({"Records": [record("m", &flat("web", action))]}));
        assert!(good && answer == json!({"batchItemFailures": []}), "{answer:#}");
        assert_eq!(fleet.results("web")[number], "ABANDON");
    };
    let mut function = start();
    decide(0);
    function.kill().unwrap();
    function.wait().unwrap();
    assert_eq!(read(account, &bucket, LIST), read(account, &account.bucket(), LIST));

    // Another one finds an older list in the store, and the newer one where the first kept it.
    put(account, &begun);
    let mut function = start();
    decide(1);
    fleet.scale("web", 0);
    function.kill().unwrap();
    function.wait().unwrap();
    let told = wait(account.s3().list_objects_v2().bucket(&bucket).prefix("v1/decisions/").send()).unwrap();
    let mut records = Vec::new();
    for object in told.contents() {
        let text = String::from_utf8(read(account, &bucket, object.key().unwrap())).unwrap();
        records.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    assert_eq!(records.len(), 2, "{records:#?}");
    assert!(records.iter().all(|record| codes(record) == ["image-revoked"]), "{records:#?}");
    let noted = records.iter().filter(|record| notes(record).contains(&"revocations-rolled-back")).count();
    assert_eq!(noted, 1, "{records:#?}");
}
