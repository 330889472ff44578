//! When something does not answer: what is asked again, what is undetermined at the deadline, what may stand in.

use serde_json::json;

use crate::fleet::{Fleet, until};

/// Lets the account's store fail until the faults are taken back (with the account).
fn store_out(fleet: &Fleet) {
    let bucket = fleet.scene.account.bucket();
    fleet.scene.account.fault(json!({"service": "s3", "action": "GetObject", "resource": bucket, "times": 0,
        "status": 503, "code": "SlowDown"}));
}

#[test]
fn without_the_store_nothing_is_admitted_and_the_deadline_decides() {
    let fleet = Fleet::new();
    let good = fleet.scene.sealed("golden");
    store_out(&fleet);
    fleet.group_with(
        "web",
        &good,
        Some(&format!("arn:aws:sqs:{}:{}:launches", crate::aws::REGION, fleet.scene.account.id)),
        5,
    );
    let mut hook = fleet.hook("web", "--deadline 12s");
    fleet.scale("web", 1);
    hook.says("verdict=\"undetermined\" action=\"abandon\"");
    until("abandoned", || fleet.results("web")[0] == "ABANDON");
    let action = fleet.actions("web").remove(0);
    // A timeout of five seconds would not have lasted that long by itself.
    assert!(action["heartbeats"].as_u64().unwrap() >= 4, "{action:#}");
    assert!(action["ended"].as_f64().unwrap() - action["started"].as_f64().unwrap() >= 11.0, "{action:#}");
    assert_eq!(action["state"], "completed");
    fleet.scale("web", 0);
}

#[test]
fn an_abandonment_whose_answer_was_lost_is_done_once_and_counts_for_the_breaker() {
    let fleet = Fleet::new();
    let bad = fleet.scene.account.image("unsealed");
    let policy = String::from_utf8(fleet.scene.goldseal.read("policy.toml")).unwrap();
    fleet.scene.goldseal.write("strict.toml", policy + "\n[breaker]\ninstances = 2\nwithin = \"1h\"\n");
    fleet.scene.account.fault(json!({"service": "autoscaling", "action": "CompleteLifecycleAction", "times": 2,
        "lost": true}));
    fleet.group("web", &bad);
    let mut hook = fleet.hook("web", "--policy strict.toml");
    fleet.scale("web", 2);
    hook.says("event=\"breaker-open\"");
    fleet.scale("web", 0);
    assert_eq!(hook.metric("goldseal_hook_ends_total{end=\"no-such-wait\"}"), 0.0);
    let told = fleet.actions("web");
    assert!(told.iter().any(|action| action["refused"] != 0), "one was asked again: {told:#?}");
    assert!(told.iter().all(|action| action["completions"] != 2 && action["contradicted"] == 0), "{told:#?}");
}

#[test]
fn last_known_good_evidence_stands_in_where_the_policy_says_so_and_the_report_tells() {
    let fleet = Fleet::new();
    let good = fleet.scene.sealed("golden");
    let other = fleet.scene.sealed("other");
    let policy = String::from_utf8(fleet.scene.goldseal.read("policy.toml")).unwrap();
    let table = "\n[launch]\non_unreachable = \"last-known-good\"\nlast_known_good = \"12h\"\n";
    fleet.scene.goldseal.write("lasting.toml", policy + table);
    fleet.group("web", &good);
    fleet.group("cold", &other);
    let mut hook = fleet.hook("web,cold", "--policy lasting.toml --deadline 12s");
    fleet.scale("web", 1);
    until("in service", || fleet.states("web") == ["InService"]);
    hook.signal("TERM");
    assert_eq!(hook.ends(), Some(0));
    store_out(&fleet);
    // A restart forgets everything but the state.
    let mut hook = fleet.hook("web,cold", "--policy lasting.toml --deadline 12s");
    fleet.scale("web", 2);
    fleet.scale("cold", 1);
    until("in service too", || fleet.states("web") == ["InService"; 2]);
    assert!(hook.metric("goldseal_hook_stand_ins_total") >= 1.0);
    until("abandoned", || fleet.results("cold")[0] == "ABANDON");
    fleet.scale("cold", 0);
    hook.signal("TERM");
    assert_eq!(hook.ends(), Some(0));
    let files = crate::run::files_under(&fleet.scene.goldseal.path("state/v1/decisions"));
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    assert_eq!(text.matches("\"last-known-good\"").count(), 1, "{text}");
    assert!(text.contains("nothing was kept of it"), "{text}");
}

#[test]
fn what_was_kept_is_verified_again_and_a_changed_byte_rejects() {
    let fleet = Fleet::new();
    let good = fleet.scene.sealed("golden");
    let policy = String::from_utf8(fleet.scene.goldseal.read("policy.toml")).unwrap();
    let table = "\n[launch]\non_unreachable = \"last-known-good\"\nlast_known_good = \"12h\"\n";
    fleet.scene.goldseal.write("lasting.toml", policy + table);
    store_out(&fleet);
    // Somebody who may write to the state puts evidence there that they signed, with a digest that fits.
    let evidence = String::from_utf8(fleet_evidence(&fleet, &good)).unwrap();
    let forged = evidence.replacen("\"sig\":\"ME", "\"sig\":\"MF", 1);
    let now = jiff_now();
    let head = json!({"schema": "goldseal/last-known-good/v1", "readAt": now,
        "evidenceSha256": crate::aws::sha256(forged.as_bytes())});
    let place = format!("state/v1/last-known-good/v1/aws/{}/{good}.jsonl", crate::aws::REGION);
    fleet.scene.goldseal.write(&place, format!("{head}\n{forged}"));
    fleet.group("web", &good);
    let _hook = fleet.hook("web", "--policy lasting.toml --deadline 12s");
    fleet.scale("web", 1);
    until("abandoned", || fleet.results("web")[0] == "ABANDON");
    fleet.scale("web", 0);
}

/// The evidence, although the store is out for everybody of the account.
fn fleet_evidence(fleet: &Fleet, image: &str) -> Vec<u8> {
    let scene = &fleet.scene;
    let line = format!(
        "sign {image} --key awskms:///alias/signing {} --store {}",
        crate::run::INPUTS,
        scene.goldseal.directory_store()
    );
    scene.goldseal.json(&line).exits(0);
    let files = crate::run::files_under(&scene.goldseal.path("store"));
    std::fs::read(files.iter().find(|file| file.extension().is_some_and(|end| end == "jsonl")).unwrap()).unwrap()
}

fn jiff_now() -> String {
    jiff::Timestamp::now().to_string()
}
