//! A message is a hint: what is done with those that are true, foreign, forged, doubled or broken.

use serde_json::json;

use crate::fleet::{Fleet, HOOK, until};

const EVENT: &str = "EC2 Instance-launch Lifecycle Action";

#[test]
fn events_flat_messages_and_envelopes_are_all_understood_and_duplicates_are_nothing() {
    let fleet = Fleet::new();
    let good = fleet.scene.sealed("golden");
    fleet.group_with("web", &good, None, 300);
    fleet.scale("web", 3);
    until("three wait", || fleet.actions("web").len() == 3);
    for (number, action) in fleet.actions("web").iter().enumerate() {
        let detail = json!({
            "LifecycleActionToken": action["token"], "AutoScalingGroupName": "web", "LifecycleHookName": HOOK,
            "EC2InstanceId": action["instance"], "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        });
        let event = json!({"source": "aws.autoscaling", "detail-type": EVENT, "detail": detail,
            "account": fleet.scene.account.id, "region": crate::aws::REGION});
        let envelope = json!({"Type": "Notification", "MessageId": "1", "Message": event.to_string()});
        for _ in 0..2 {
            fleet.send(&[&detail, &event, &envelope][number].to_string());
        }
    }
    let hook = fleet.hook("web", "");
    until("in service", || fleet.states("web") == ["InService"; 3]);
    until("an empty queue", || fleet.messages() == 0);
    assert!(fleet.actions("web").iter().all(|action| action["completions"] == 1 && action["refused"] == 0));
    assert_eq!(hook.metric("goldseal_hook_messages_total{kind=\"launch\"}"), 3.0);
    assert_eq!(hook.metric("goldseal_hook_messages_total{kind=\"duplicate\"}"), 3.0);
}

#[test]
fn what_is_none_of_ours_is_deleted_with_a_line_and_nothing_is_done() {
    let fleet = Fleet::new();
    let good = fleet.scene.sealed("golden");
    fleet.group_with("guarded", &good, None, 300);
    fleet.group_with("theirs", &good, None, 300);
    fleet.scale("guarded", 1);
    fleet.scale("theirs", 1);
    until("both wait", || fleet.actions("guarded").len() == 1 && fleet.actions("theirs").len() == 1);
    let (ours, theirs) = (fleet.actions("guarded").remove(0), fleet.actions("theirs").remove(0));
    let launch = |group: &str, hook: &str, instance: &str, token: &str, account: &str| {
        json!({"AutoScalingGroupName": group, "LifecycleHookName": hook, "EC2InstanceId": instance, "AccountId": account,
            "LifecycleActionToken": token, "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"})
        .to_string()
    };
    let account = fleet.scene.account.id.as_str();
    let [instance, token] = ["instance", "token"].map(|field| theirs[field].as_str().unwrap());
    // Another team's group; ours, with their instance; another hook of ours; another account.
    fleet.send(&launch("theirs", HOOK, instance, token, account));
    fleet.send(&launch("guarded", HOOK, instance, token, account));
    let [instance, token] = ["instance", "token"].map(|field| ours[field].as_str().unwrap());
    fleet.send(&launch("guarded", "another", instance, token, account));
    fleet.send(&launch("guarded", HOOK, instance, token, "999999999999"));
    fleet.send(&json!({"Event": "autoscaling:TEST_NOTIFICATION"}).to_string());
    fleet.send(&json!({"source": "aws.s3", "detail-type": "Object Created", "detail": {}}).to_string());
    let mut hook = fleet.hook("guarded", "");
    until("an empty queue", || fleet.messages() == 0);
    for (kind, count) in [("unguarded", 3.0), ("test", 1.0), ("foreign", 1.0), ("launch", 1.0)] {
        let name = format!("goldseal_hook_messages_total{{kind=\"{kind}\"}}");
        assert_eq!(hook.metric(&name), count, "{kind}");
    }
    hook.says("it is in the group theirs");
    assert_eq!(hook.metric("goldseal_hook_ends_total{end=\"not-waiting\"}"), 1.0);
    for group in ["guarded", "theirs"] {
        assert_eq!(fleet.results(group), ["waiting"], "{group}");
        assert_eq!(fleet.actions(group)[0]["heartbeats"], 0, "{group}");
    }
}

#[test]
fn a_forged_message_for_an_instance_that_waits_does_no_more_than_a_true_one() {
    let fleet = Fleet::new();
    let bad = fleet.scene.account.image("unsealed");
    fleet.group_with("web", &bad, None, 300);
    fleet.scale("web", 1);
    until("one waits", || fleet.actions("web").len() == 1);
    let action = fleet.actions("web").remove(0);
    let forged = json!({"AutoScalingGroupName": "web", "LifecycleHookName": HOOK, "EC2InstanceId": action["instance"],
        "LifecycleActionToken": "00000000-0000-0000-0000-000000000000", "ImageId": "ami-0123456789abcdef0",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "LifecycleActionResult": "CONTINUE",
        "NotificationMetadata": "{\"mode\":\"warn\"}"});
    fleet.send(&forged.to_string());
    let _hook = fleet.hook("web", "");
    until("an empty queue", || fleet.messages() == 0);
    assert_ne!(fleet.results("web")[0], "CONTINUE");
}

#[test]
fn what_cannot_be_read_goes_to_the_dead_letter_queue() {
    let fleet = Fleet::new();
    let sqs = fleet.scene.account.sqs();
    let dead = crate::aws::wait(sqs.create_queue().queue_name("dead").send()).unwrap().queue_url.unwrap();
    let redrive = json!({"maxReceiveCount": "1", "deadLetterTargetArn":
        format!("arn:aws:sqs:{}:{}:dead", crate::aws::REGION, fleet.scene.account.id)});
    let call =
        sqs.set_queue_attributes().queue_url(&fleet.queue).attributes("RedrivePolicy".into(), redrive.to_string());
    crate::aws::wait(call.send()).unwrap();
    fleet.send("{\"LifecycleTransition\": \"autoscaling:EC2_INSTANCE_LAUNCHING\"}");
    fleet.send("not JSON");
    let mut hook = fleet.hook("web", "");
    hook.says("a launch without");
    until("both seen", || hook.metric("goldseal_hook_messages_total{kind=\"poison\"}") >= 2.0);
    let dead = Fleet { queue: dead, ..fleet };
    until("both put aside", || dead.messages() == 2);
}
