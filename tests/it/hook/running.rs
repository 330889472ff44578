//! The daemon as its host sees it: readiness, watchdog, reload, stop, settings that are refused.

use std::{os::unix::net::UnixDatagram, time::Duration};

use serde_json::json;

use crate::fleet::{Fleet, until};

#[test]
fn it_tells_the_service_manager_that_it_is_ready_alive_and_stopping() {
    let fleet = Fleet::new();
    let socket = fleet.scene.goldseal.path("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let state = format!("file://{}", fleet.scene.goldseal.path("state").display());
    let environment = [("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "1500000")];
    let mut hook = fleet.hook_with("web", &state, "", &environment);
    let mut heard = String::new();
    hears(&manager, &mut heard, "READY=1");
    hears(&manager, &mut heard, "WATCHDOG=1");
    assert_eq!(hook.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(hook.get("/elsewhere").0, 404);
    hook.signal("TERM");
    hears(&manager, &mut heard, "STOPPING=1");
    // A manager that does not listen any more would stop whoever tells it something.
    drop(manager);
    assert_eq!(hook.ends(), Some(0));
}

fn hears(manager: &UnixDatagram, heard: &mut String, text: &str) {
    let mut buffer = [0; 4096];
    while !heard.contains(text) {
        let length = manager.recv(&mut buffer).unwrap_or_else(|error| panic!("{text} never came: {error}\n{heard}"));
        heard.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        heard.push('\n');
    }
}

#[test]
fn a_broken_policy_is_refused_loudly_and_the_old_one_stays_until_a_good_one_comes() {
    let fleet = Fleet::new();
    let bad = fleet.scene.account.image("unsealed");
    let good_policy = String::from_utf8(fleet.scene.goldseal.read("policy.toml")).unwrap();
    fleet.scene.goldseal.write("live.toml", &good_policy);
    fleet.group("web", &bad);
    let mut hook = fleet.hook("web", "--policy live.toml");
    fleet.scene.goldseal.write("live.toml", "version = 1\nno_mtach = \"warn\"\n");
    hook.signal("HUP");
    hook.says("event=\"policy-refused\"");
    hook.says("no_mtach");
    fleet.scale("web", 1);
    until("still enforced", || fleet.results("web").contains(&"ABANDON".to_owned()));
    fleet.scale("web", 0);
    fleet.scene.goldseal.write("live.toml", good_policy.replace("no_match = \"enforce\"", "no_match = \"warn\""));
    hook.signal("HUP");
    hook.says("event=\"policy-reloaded\"");
    assert_eq!(hook.metric("goldseal_hook_policy_reloads_total{result=\"refused\"}"), 1.0);
    assert_eq!(hook.metric("goldseal_hook_policy_reloads_total{result=\"loaded\"}"), 1.0);
    fleet.scale("web", 1);
    until("let pass", || fleet.states("web") == ["InService"]);
}

#[test]
fn told_to_stop_it_finishes_what_it_holds() {
    let fleet = Fleet::new();
    let good = fleet.scene.sealed("golden");
    fleet.group("web", &good);
    let mut hook = fleet.hook("web", "");
    fleet.scale("web", 10);
    until("some are held", || hook.metric("goldseal_hook_messages_total{kind=\"launch\"}") >= 1.0);
    hook.signal("TERM");
    assert_eq!(hook.ends(), Some(0));
    for action in fleet.actions("web") {
        assert!(action["state"] == "completed" || action["heartbeats"] == 0, "begun and not ended: {action:#}");
    }
    // What was not taken is there for the next one, at once.
    let _next = fleet.hook("web", "");
    until("all in service", || fleet.states("web") == ["InService"; 10]);
}

#[test]
fn a_queue_that_is_not_there_is_refused_at_the_start() {
    let fleet = Fleet::new();
    let line = |queue: &str| {
        format!("hook --queue {queue} --guard-group web --guard-hook goldseal --state file:///x --listen 127.0.0.1:0")
    };
    let nowhere = fleet.queue.replace("launches", "nowhere");
    fleet.scene.goldseal.run(&line(&nowhere)).exits(2).says("opening the queue").says(&nowhere).says("not found");
}

#[test]
fn a_place_for_state_that_cannot_be_written_is_refused_at_the_start() {
    let fleet = Fleet::new();
    let goldseal = &fleet.scene.goldseal;
    let hook = |state: &str| {
        let line = format!("hook --queue {} --guard-group web --guard-hook goldseal --listen 127.0.0.1:0", fleet.queue);
        goldseal.run(&format!("{line} --state {state}"))
    };
    let file = format!("file://{}/state", goldseal.path("policy.toml").display());
    hook(&file).exits(2).says("trying the place for state").says(&file).says("--state");
    hook("s3://nobody-has-this-bucket").exits(2).says("NoSuchBucket");
    fleet.scene.account.fault(json!({"service": "s3", "action": "PutObject", "resource": "closed", "times": 0,
        "status": 403, "code": "AccessDenied"}));
    hook("s3://closed/hook").exits(3).says("s3:PutObject").says("goldseal doctor");
}

#[test]
fn settings_that_would_guard_nothing_or_write_to_the_evidence_are_refused() {
    let fleet = Fleet::new();
    let goldseal = &fleet.scene.goldseal;
    let line = |groups: &str, state: &str| {
        format!("hook --check --queue {} {groups} --guard-hook goldseal --state {state}", fleet.queue)
    };
    let bucket = format!("s3://{}/state", fleet.scene.account.bucket());
    goldseal.run(&line("--guard-group web", "file:///var/lib/goldseal")).exits(0);
    let link = goldseal.path("link");
    std::fs::create_dir(goldseal.path("evidence")).unwrap();
    std::os::unix::fs::symlink(goldseal.path("evidence"), &link).unwrap();
    let evidence = format!("--store file://{}", goldseal.path("evidence").display());
    let linked = format!("file://{}/state", link.display());
    for (line, says) in [
        (format!("{} {evidence}", line("--guard-group web", &linked)), "where the evidence is"),
        (line("", "file:///x"), "no guarded group is set"),
        (line("--guard-group *web", "file:///x"), "`hook.groups`"),
        (line("--guard-group web", &bucket), "where the evidence is"),
        (line("--guard-group web", "oci://registry/x"), "a directory (file:///dir) or in S3"),
        (format!("{} --deadline 1s", line("--guard-group web", "file:///x")), "from 10s to 2h"),
        (format!("{} --listen x", line("--guard-group web", "file:///x")), "`hook.listen`"),
        (format!("{} --policy none.toml", line("--guard-group web", "file:///x")), "none.toml"),
        ("hook --guard-group web --guard-hook goldseal --state file:///x".to_owned(), "no queue is set"),
    ] {
        goldseal.run(&line).exits(2).says(says);
    }
    goldseal.write("settings.toml", "[hook]\nqueue = \"https://sqs.eu-west-1.amazonaws.com/123456789012/q\"\ngroups = [\"web\"]\nhooks = [\"goldseal\"]\nstate = \"file:///var/lib/goldseal\"\ndeadline = \"5m\"\n");
    goldseal.run("hook --check").exits(0);
    goldseal.change("settings.toml", "https://sqs.eu-west-1.amazonaws.com/123456789012/q", "nonsense", "settings.toml");
    for line in ["hook --check", "hook", "doctor"] {
        goldseal.run(line).exits(2).says("not the URL of a queue");
    }
    goldseal.write("settings.toml", "[hook]\nqeue = \"x\"\n");
    goldseal.run("hook --check").exits(2).says("qeue");
}
