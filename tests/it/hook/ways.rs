//! The ways on which the daemon hears of a wait beside a message of its queue: its own sweep, and a topic.

use jiff::{SignedDuration, Timestamp};

use crate::{
    aws::REGION,
    cloud::{cloud, python},
    fleet::{Fleet, until},
    run::files_under,
};

const TOPIC: &str = "\
import boto3, sys
endpoint, region, account, queue = sys.argv[1:]
sns = boto3.client('sns', endpoint_url=endpoint, region_name=region, aws_access_key_id=account, aws_secret_access_key='testing')
topic = sns.create_topic(Name='launches')['TopicArn']
sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=queue)
print(topic)
";

/// Makes a topic that the queue is subscribed to, and returns its ARN.
fn topic(fleet: &Fleet) -> String {
    let arguments = [&cloud().endpoint, REGION, &fleet.scene.account.id, &fleet.arn];
    let made = python().args(["-c", TOPIC]).args(arguments).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_wait_that_no_message_told_of_is_found_and_judged() {
    let fleet = Fleet::new();
    let (good, bad) = (fleet.scene.sealed("golden"), fleet.scene.account.image("unsealed"));
    for (group, image) in [("good", &good), ("bad", &bad)] {
        fleet.group_with(group, image, None, 300);
        fleet.scale(group, 1);
    }
    let hook = fleet.hook("good,bad", "");
    until("both wait", || fleet.actions("good").len() == 1 && fleet.actions("bad").len() == 1);
    // Until then each is left to its message, and the first sweep is a minute after the start.
    let start = Timestamp::now();
    until("its message would have come", || Timestamp::now().duration_since(start) > SignedDuration::from_secs(31));
    until("both are decided", || fleet.results("good")[0] == "CONTINUE" && fleet.results("bad")[0] == "ABANDON");
    fleet.scale("bad", 0);
    assert_eq!(hook.metric("goldseal_hook_messages_total{kind=\"launch\"}"), 0.0);
    let decisions = fleet.scene.goldseal.path("state/v1/decisions");
    until("both are recorded", || {
        let swept = |file| std::fs::read_to_string(file).unwrap_or_default().matches("\"foundBy\":\"sweep\"").count();
        files_under(&decisions).iter().map(swept).sum::<usize>() == 2
    });
}

#[test]
fn a_topic_passes_messages_on_in_its_envelope() {
    let fleet = Fleet::new();
    let (good, bad) = (fleet.scene.sealed("golden"), fleet.scene.account.image("unsealed"));
    let topic = topic(&fleet);
    fleet.group_with("good", &good, Some(&topic), 300);
    fleet.group_with("bad", &bad, Some(&topic), 300);
    let hook = fleet.hook("good,bad", "");
    fleet.scale("good", 2);
    until("in service", || fleet.states("good") == ["InService"; 2]);
    fleet.scale("bad", 1);
    until("abandoned", || fleet.results("bad").contains(&"ABANDON".to_owned()));
    fleet.scale("bad", 0);
    until("an empty queue", || fleet.messages() == 0);
    assert!(hook.metric("goldseal_hook_messages_total{kind=\"launch\"}") >= 3.0);
    // The hooks of two groups were tried out when they were made.
    assert_eq!(hook.metric("goldseal_hook_messages_total{kind=\"test\"}"), 2.0);
    assert_eq!(hook.metric("goldseal_hook_messages_total{kind=\"poison\"}"), 0.0);
}
