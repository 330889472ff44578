//! Receipts of launches: each decision is in exactly one, whatever kills the hook, and another goldseal can require one.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    fleet::{Fleet, until},
    policies::{kms, pem, trusting},
    run::{Goldseal, files_under, notes},
};

const KEY: &str = "--receipt-key awskms:///alias/receipts";

fn place(goldseal: &Goldseal, name: &str) -> String {
    fs::create_dir(goldseal.path(name)).unwrap();
    format!("--receipts file://{}", goldseal.path(name).display())
}

/// Every instance that was decided about, by what the hook recorded.
fn recorded(goldseal: &Goldseal) -> Vec<String> {
    let files = files_under(&goldseal.path("state/v1/decisions"));
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found: Vec<String> = lines.map(|line| line["instance"].as_str().unwrap().to_owned()).collect();
    found.sort();
    found
}

fn receipts(goldseal: &Goldseal, place: &str) -> Vec<Value> {
    let listed = goldseal.json(&format!("receipts list {place}")).exits(0).report();
    assert_eq!(listed["schema"], "goldseal/receipts/v1");
    listed["receipts"].as_array().unwrap().clone()
}

/// Every instance that receipts cover, and by how many.
fn covered(receipts: &[Value]) -> BTreeMap<String, usize> {
    let mut covered = BTreeMap::new();
    for one in receipts.iter().flat_map(|receipt| receipt["said"]["covers"].as_array().unwrap()) {
        *covered.entry(one["instance"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    covered
}

#[test]
fn killed_between_a_decision_and_its_receipt_the_hook_goes_on_there() {
    let fleet = Fleet::new();
    let goldseal = &fleet.scene.goldseal;
    let key = fleet.scene.account.key_called("receipts");
    let (good, bad) = (fleet.scene.sealed("golden"), fleet.scene.account.image("unsealed"));
    fleet.group("good", &good);
    fleet.group("bad", &bad);
    let place = place(goldseal, "receipts");
    let mut hook = fleet.hook("good,bad", &format!("{place} {KEY}"));
    fleet.scale("good", 4);
    fleet.scale("bad", 1);
    until("five decisions", || recorded(goldseal).len() >= 5);
    fleet.scale("bad", 0);
    hook.signal("KILL");
    hook.ends();
    let is_receipt = |file: &PathBuf| file.extension().is_some_and(|end| end == "json");
    let written = || files_under(&goldseal.path("receipts")).iter().any(is_receipt);
    assert!(!written(), "it was killed before the first receipts");

    let mut hook = fleet.hook("good,bad", &format!("{place} {KEY}"));
    until("receipts", written);
    hook.signal("TERM");
    assert_eq!(hook.ends(), Some(0));

    let (decided, receipts) = (recorded(goldseal), receipts(goldseal, &place));
    assert!(decided.len() >= 5, "{decided:?}");
    assert_eq!(covered(&receipts).into_keys().collect::<Vec<_>>(), decided);
    assert!(covered(&receipts).values().all(|count| *count == 1), "{receipts:#?}");
    // Whoever comes later finds nothing to do.
    let state = format!("--state file://{}", goldseal.path("state").display());
    let again = goldseal.json(&format!("receipts write {state} {place} {KEY}")).exits(0).report();
    assert_eq!((&again["decisions"], &again["signed"]), (&0.into(), &true.into()));

    let believing = trusting(&fleet.scene.key) + &kms("receipts", &key) + "[receipt]\nauthorities = [\"receipts\"]\n";
    goldseal.write("believing.toml", &believing);
    let files = files_under(&goldseal.path("receipts/v1"));
    let files: Vec<String> =
        files.iter().filter(|&file| is_receipt(file)).map(|file| file.display().to_string()).collect();
    let files = files.join(" ");
    let verified = goldseal.json(&format!("receipts verify {files} --policy believing.toml")).exits(0).report();
    for one in verified["receipts"].as_array().unwrap() {
        assert_eq!((&one["standing"], &one["by"]), (&"proven".into(), &"receipts".into()));
        let image = one["said"]["timeless"]["image"]["id"].as_str().unwrap();
        let signatures = one["said"]["timeless"]["signatures"].as_array().unwrap();
        assert_eq!((one["passed"] == true, signatures.len()), (image == good, if image == good { 3 } else { 0 }));
    }
    goldseal.run(&format!("receipts verify {files} --policy believing.toml")).exits(0).says("PROVEN").says("PASSED");
    goldseal.run(&format!("receipts verify {files}")).exits(1).says("believes nobody's receipts");
    requires_one(&fleet, &good, &bad, &place, &believing);
}

/// Another goldseal requires a receipt of what this one decided.
fn requires_one(fleet: &Fleet, good: &str, bad: &str, place: &str, believing: &str) {
    let goldseal = &fleet.scene.goldseal;
    let checked = goldseal.json("policy check policy.toml").exits(0).report();
    let digest = checked["policy"].as_str().unwrap();
    let required = format!("{believing}required = true\nmax_age = \"24h\"\npolicies = [\"{digest}\"]\n");
    goldseal.write("requiring.toml", &required);
    // Receipts were made now, so it is judged now.
    let now = format!("--at {}", jiff::Timestamp::now());
    let missing = &["receipt-missing"];
    goldseal.verdict(&format!("{good} --policy requiring.toml {place} {now}"), "admit", &[]);
    let without = goldseal.verdict(&format!("{good} --policy requiring.toml {now}"), "reject", missing);
    assert!(notes(&without["images"][0]).contains(&"no-place-for-receipts"), "{without:#}");
    let both = &["receipt-missing", "evidence-absent"];
    goldseal.verdict(&format!("{bad} --policy requiring.toml {place} {now}"), "reject", both);
    goldseal.write("other.toml", required.replace(digest, &"ab".repeat(32)));
    goldseal.verdict(&format!("{good} --policy other.toml {place} {now}"), "reject", missing);
    let stranger = fleet.scene.account.key("ECC_NIST_P256");
    let table = required.find("[[authority]]\nname = \"receipts\"").unwrap();
    let end = required[table..].find("[receipt]").unwrap() + table;
    let stranger = format!("{}{}{}", &required[..table], pem("receipts", &stranger.pem()), &required[end..]);
    goldseal.write("stranger.toml", stranger);
    goldseal.verdict(&format!("{good} --policy stranger.toml {place} {now}"), "reject", missing);
}

#[test]
fn the_hook_starts_and_decides_while_the_key_of_receipts_does_not_answer() {
    let fleet = Fleet::new();
    let Fleet { scene, .. } = &fleet;
    let goldseal = &scene.goldseal;
    let good = scene.sealed("golden");
    scene.account.key_called("receipts");
    fleet.group("web", &good);
    let place = place(goldseal, "receipts");
    // As often as the SDK tries.
    let silent =
        || scene.account.fault(json!({"service": "kms", "status": 500, "code": "KMSInternalException", "times": 3}));
    silent();
    let mut hook = fleet.hook("web", &format!("{place} {KEY}"));
    hook.says("receipts-failed");
    fleet.scale("web", 2);
    until("in service", || fleet.states("web") == ["InService"; 2]);
    let failed = hook.metric("goldseal_hook_receipt_failures_total");
    assert!(failed > 0.0, "{failed}");
    assert!(files_under(&goldseal.path("receipts")).is_empty(), "nothing is written without the key");
    hook.signal("TERM");
    assert_eq!(hook.ends(), Some(0));
    // It answers by now.
    assert_eq!(covered(&receipts(goldseal, &place)).into_keys().collect::<Vec<_>>(), recorded(goldseal));
    silent();
    let state = format!("--state file://{}", goldseal.path("state").display());
    goldseal.fails(&format!("receipts write {state} {place} {KEY}"), 3, &["kms:DescribeKey"]);
}

#[test]
fn receipts_that_nobody_signed_are_marked_and_prove_nothing() {
    let fleet = Fleet::new();
    let goldseal = &fleet.scene.goldseal;
    let good = fleet.scene.sealed("golden");
    fleet.group("web", &good);
    let place = place(goldseal, "receipts");
    let mut hook = fleet.hook("web", &format!("{place} --unsigned-receipts"));
    fleet.scale("web", 2);
    until("in service", || fleet.states("web") == ["InService"; 2]);
    hook.signal("TERM");
    assert_eq!(hook.ends(), Some(0));
    let found = receipts(goldseal, &place);
    assert_eq!(covered(&found).into_keys().collect::<Vec<_>>(), recorded(goldseal));
    assert!(found.iter().all(|one| one["place"].as_str().unwrap().ends_with(".unsigned.json")), "{found:#?}");
    let files = files_under(&goldseal.path("receipts/v1"));
    let file = files.iter().find(|file| file.extension().is_some_and(|end| end == "json")).unwrap().display();
    goldseal.run(&format!("receipts show {file}")).exits(0).says("NOT ASKED").says("PASSED");
    let key = fleet.scene.account.key("ECC_NIST_P256");
    let believing =
        trusting(&fleet.scene.key) + &pem("receipts", &key.pem()) + "[receipt]\nauthorities = [\"receipts\"]\n";
    goldseal.write("believing.toml", believing);
    goldseal.run(&format!("receipts verify {file} --policy believing.toml")).exits(1).says("PROVES NOTHING");
}

#[test]
fn a_hook_that_could_write_its_evidence_or_nothing_is_refused() {
    let fleet = Fleet::new();
    let goldseal = &fleet.scene.goldseal;
    let hook = "hook --check --queue https://sqs.eu-west-1.amazonaws.com/123456789012/q --guard-group web --guard-hook h \
                --state file:///nowhere";
    let bucket = format!("s3://{}/receipts", fleet.scene.account.bucket());
    goldseal.fails(&format!("{hook} --receipts {bucket}"), 2, &["where the evidence is"]);
    goldseal.fails(&format!("{hook} --receipts https://receipts.example"), 2, &["a directory", "S3"]);
    goldseal.fails("receipts write --state file:///nowhere --receipts file:///nowhere", 2, &["no key signs"]);
    goldseal.fails("receipts write --state file:///nowhere --unsigned-receipts", 2, &["no place"]);
    goldseal.fails("receipts list", 2, &["no place"]);
    goldseal.fails(&format!("{hook} --receipt-key awskms:///alias/receipts"), 2, &["no place"]);
    let digest = "ab".repeat(32);
    let required = format!(
        "[receipt]\nauthorities = [\"receipts\"]\nrequired = true\nmax_age = \"24h\"\npolicies = [\"{digest}\"]\n"
    );
    let key = fleet.scene.account.key("ECC_NIST_P256");
    goldseal.write("requiring.toml", trusting(&fleet.scene.key) + &pem("receipts", &key.pem()) + &required);
    goldseal.fails(&format!("{hook} --policy requiring.toml"), 2, &["no place for receipts is set"]);
    let doctor = hook.replace("hook --check", "doctor");
    goldseal.fails(&format!("{doctor} --policy requiring.toml"), 2, &["no place for receipts is set"]);
    goldseal.run(&format!("{hook} --policy requiring.toml --receipts file:///nowhere")).exits(0);
}
