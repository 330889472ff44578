//! What goes into service, and what never does.

use serde_json::Value;

use crate::fleet::{Fleet, until};

#[test]
fn a_sealed_image_goes_into_service_and_another_never_does() {
    let fleet = Fleet::new();
    let (good, bad) = (fleet.scene.sealed("golden"), fleet.scene.account.image("unsealed"));
    fleet.group("good", &good);
    fleet.group("bad", &bad);
    let mut hook = fleet.hook("good,bad", "");
    fleet.scale("good", 12);
    fleet.scale("bad", 2);
    until("twelve in service", || fleet.states("good").iter().filter(|state| *state == "InService").count() == 12);
    until("abandoned", || fleet.results("bad").iter().filter(|result| *result == "ABANDON").count() >= 2);
    fleet.scale("bad", 0);
    hook.says("verdict=\"reject\" action=\"abandon\" mode=\"enforce\"");
    assert!(fleet.results("good").iter().all(|result| result == "CONTINUE"));
    assert!(fleet.results("bad").iter().all(|result| result != "CONTINUE"));
    for action in fleet.actions("good") {
        assert_eq!((&action["completions"], &action["heartbeats"]), (&1.into(), &1.into()), "{action:#}");
    }
    assert!(hook.metric("goldseal_hook_verifications_total") <= 2.0, "one for each, however many launches");
    until("an empty queue", || fleet.messages() == 0);
    let text = "goldseal_hook_decisions_total{verdict=\"admit\",mode=\"enforce\",action=\"continue\",reason=\"none\"}";
    until("the count", || hook.metric(text) >= 12.0);
}

#[test]
fn in_warn_mode_everything_goes_into_service_and_the_log_says_what_would_have_been() {
    let fleet = Fleet::new();
    let bad = fleet.scene.account.image("unsealed");
    fleet.scene.goldseal.change("policy.toml", "no_match = \"enforce\"", "no_match = \"warn\"", "warn.toml");
    fleet.group("web", &bad);
    let mut hook = fleet.hook("web", "--policy warn.toml");
    fleet.scale("web", 2);
    until("in service", || fleet.states("web") == ["InService", "InService"]);
    hook.says("goes into service although");
    hook.says("reasons=\"evidence-absent");
}

#[test]
fn decisions_are_recorded_once_each() {
    let fleet = Fleet::new();
    let good = fleet.scene.sealed("golden");
    fleet.group("web", &good);
    let mut hook = fleet.hook("web", "");
    fleet.scale("web", 3);
    until("in service", || fleet.states("web") == ["InService"; 3]);
    hook.signal("TERM");
    assert_eq!(hook.ends(), Some(0));
    let files = crate::run::files_under(&fleet.scene.goldseal.path("state/v1/decisions"));
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 3, "{text}");
    for record in &records {
        assert_eq!(record["schema"], "goldseal/launch/v1");
        assert_eq!(
            (&record["verdict"], &record["action"], &record["end"]),
            (&"admit".into(), &"continue".into(), &"completed".into())
        );
        assert_eq!(record["image"]["id"], good);
    }
}

#[test]
fn a_breaker_opens_once_suspends_launches_and_is_reset_by_hand() {
    let fleet = Fleet::new();
    let bad = fleet.scene.account.image("unsealed");
    let policy = String::from_utf8(fleet.scene.goldseal.read("policy.toml")).unwrap();
    let breaker = "\n[breaker]\ninstances = 3\nwithin = \"1h\"\nsuspend_launch = true\n";
    fleet.scene.goldseal.write("suspending.toml", policy + breaker);
    fleet.group("web", &bad);
    let mut hook = fleet.hook("web", "--policy suspending.toml");
    fleet.scale("web", 2);
    hook.says("event=\"breaker-open\"");
    let suspended = || {
        let call = fleet.scene.account.autoscaling().describe_auto_scaling_groups().auto_scaling_group_names("web");
        let group = crate::aws::wait(call.send()).unwrap().auto_scaling_groups.unwrap().remove(0);
        group.suspended_processes().iter().any(|one| one.process_name() == Some("Launch"))
    };
    until("suspended", suspended);
    until("no launch left", || fleet.results("web").iter().all(|result| result == "ABANDON"));
    assert_eq!(hook.log().matches("event=\"breaker-open\"").count(), 1);
    let state = format!("--state file://{}", fleet.scene.goldseal.path("state").display());
    let shown = fleet.scene.goldseal.json(&format!("hook breaker {state}")).exits(1).report();
    assert_eq!(shown["schema"], "goldseal/breakers-report/v1");
    assert_eq!((&shown["breakers"][0]["group"], &shown["breakers"][0]["image"]), (&"web".into(), &bad.into()));
    fleet.scene.goldseal.run(&format!("hook breaker {state}")).exits(1).says("OPEN").says("suspended");
    fleet.scene.goldseal.run(&format!("hook breaker reset {state}")).exits(2);
    let reset = fleet.scene.goldseal.json(&format!("hook breaker reset --group web --resume-launch {state}"));
    assert_eq!(reset.exits(0).report()["closed"].as_array().unwrap().len(), 1);
    assert!(!suspended());
    fleet.scale("web", 0);
}
