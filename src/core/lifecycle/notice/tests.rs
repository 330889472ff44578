use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const TOKEN: &str = "cc34960c-1e41-4703-a665-bdb3e5b81ad3";

/// As captured from a queue that is the target of a hook.
fn flat_launch() -> Value {
    json!({
        "LifecycleHookName": "goldseal", "AccountId": "123456789012", "RequestId": "63f5b5c2-58b3-0574-b7d5-b3162d0268f0",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "AutoScalingGroupName": "web",
        "Service": "AWS Auto Scaling", "Time": "2019-09-27T02:39:14.183Z", "EC2InstanceId": "i-0123456789abcdef0",
        "LifecycleActionToken": TOKEN, "NotificationMetadata": "{\"CONTINUE\": true}", "Origin": "EC2",
        "Destination": "AutoScalingGroup",
    })
}

/// As EventBridge delivers it.
fn event() -> Value {
    json!({
        "version": "0", "id": "12345678-1234-1234-1234-123456789012",
        "detail-type": "EC2 Instance-launch Lifecycle Action", "source": "aws.autoscaling", "account": "123456789012",
        "time": "2021-01-13T00:12:37.214Z", "region": "us-west-2",
        "resources": ["arn:aws:autoscaling:us-west-2:123456789012:autoScalingGroup:x:autoScalingGroupName/web"],
        "detail": {
            "LifecycleActionToken": TOKEN, "AutoScalingGroupName": "web", "LifecycleHookName": "goldseal",
            "EC2InstanceId": "i-0123456789abcdef0", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
            "Origin": "AutoScalingGroup", "Destination": "AutoScalingGroup", "Action": "ReplaceRootVolume",
            "SomethingOfNextYear": {"a": [1]},
        },
    })
}

fn sns(message: &Value) -> Value {
    json!({
        "Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:us-west-2:123456789012:t",
        "Subject": "Auto Scaling: Lifecycle action", "Message": message.to_string(), "SignatureVersion": "1",
    })
}

fn parse(message: &Value) -> Result<Message, MessageFault> {
    parse_message(message.to_string().as_bytes())
}

fn notice(message: &Value) -> Notice {
    match parse(message) {
        Ok(Message::Launch(notice)) => notice,
        other => panic!("{other:?} of {message}"),
    }
}

#[test]
fn one_launch_reads_the_same_in_every_form() {
    let direct = notice(&flat_launch());
    assert_eq!(direct.wait.token.as_ref().unwrap().as_str(), TOKEN);
    assert_eq!((direct.wait.group.as_str(), direct.wait.hook.as_str()), ("web", "goldseal"));
    assert_eq!(direct.wait.instance.as_str(), "i-0123456789abcdef0");
    assert_eq!(direct.account.as_ref().unwrap().as_str(), "123456789012");
    let bridged = notice(&event());
    assert_eq!((&bridged.wait, &bridged.account), (&direct.wait, &direct.account));
    assert_eq!(bridged.region.as_ref().unwrap().as_str(), "us-west-2");
    assert_eq!(notice(&sns(&flat_launch())), direct);
    assert_eq!(notice(&sns(&event())), bridged);
}

#[test]
fn tests_schedules_and_strangers_are_told_apart() {
    let test = json!({"AccountId": "123456789012", "AutoScalingGroupName": "web", "Service": "AWS Auto Scaling",
        "Event": "autoscaling:TEST_NOTIFICATION", "Time": "2018-05-14T22:39:45.555Z"});
    assert_eq!(parse(&test), Ok(Message::Test));
    assert_eq!(parse(&sns(&test)), Ok(Message::Test));
    assert_eq!(parse(&json!({"LifecycleTransition": "autoscaling:TEST_NOTIFICATION"})), Ok(Message::Test));
    let schedule = json!({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
    assert_eq!(parse(&schedule), Ok(Message::Schedule));
    let mut terminating = flat_launch();
    terminating["LifecycleTransition"] = "autoscaling:EC2_INSTANCE_TERMINATING".into();
    let mut successful = event();
    successful["detail-type"] = "EC2 Instance Launch Successful".into();
    let mut elsewhere = event();
    elsewhere["source"] = "com.example".into();
    let confirmation = json!({"Type": "SubscriptionConfirmation", "Message": "You have chosen to subscribe"});
    for (message, what) in [
        (terminating, "EC2_INSTANCE_TERMINATING"),
        (successful, "EC2 Instance Launch Successful"),
        (elsewhere, "com.example"),
        (confirmation, "SubscriptionConfirmation"),
        (json!({"Records": [{"s3": {}}]}), "no lifecycle transition"),
        (json!({}), "no lifecycle transition"),
    ] {
        match parse(&message) {
            Ok(Message::Foreign { what: told }) => assert!(told.contains(what), "{told}"),
            other => panic!("{other:?} of {message}"),
        }
    }
}

#[test]
fn a_launch_that_lacks_or_bends_a_field_is_poison() {
    for field in ["LifecycleHookName", "AutoScalingGroupName", "EC2InstanceId", "LifecycleActionToken"] {
        let mut without = flat_launch();
        without.as_object_mut().unwrap().remove(field);
        assert_eq!(parse(&without), Err(MessageFault::Missing(field)));
        let mut bent = event();
        bent["detail"][field] = "a:b c".into();
        assert!(matches!(parse(&bent), Err(MessageFault::Id(_))), "{field}");
        bent["detail"][field] = 7.into();
        assert!(matches!(parse(&bent), Err(MessageFault::Json(_))), "{field}");
    }
    let mut gone = event();
    gone.as_object_mut().unwrap().remove("detail");
    assert_eq!(parse(&gone), Err(MessageFault::Missing("detail")));
    let twice = flat_launch().to_string().replacen('{', r#"{"AutoScalingGroupName":"other","#, 1);
    for bytes in [twice.into_bytes(), b"".to_vec(), b"[]".to_vec(), b"\"x\"".to_vec(), vec![b' '; (1 << 20) + 1]] {
        assert!(matches!(parse_message(&bytes), Err(MessageFault::Json(_))));
    }
}

#[test]
fn a_list_is_no_message_whatever_stands_in_it() {
    let flat = r#"["", "autoscaling:EC2_INSTANCE_LAUNCHING", "e5d3c5a0-0000-0000-0000-000000000001", "web", "goldseal",
        "i-0123456789abcdef0", null]"#;
    let event = format!(r#"{{"source":"aws.autoscaling","detail-type":"{EVENT}","detail":{flat}}}"#);
    let envelope = serde_json::json!({"Type": "Notification", "Message": flat}).to_string();
    for body in [flat, &event, &envelope] {
        let fault = parse_message(body.as_bytes()).unwrap_err().to_string();
        assert!(fault.contains("expected an object"), "{fault}");
    }
}

#[test]
fn an_envelope_in_an_envelope_is_not_opened() {
    assert!(matches!(parse(&sns(&sns(&flat_launch()))), Ok(Message::Foreign { .. })));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_a_launch_has_all_its_fields(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _either = parse_message(&bytes);
    }

    #[test]
    fn what_is_cut_or_changed_is_never_another_launch(at in 0usize..500, byte in any::<u8>()) {
        let mut bytes = event().to_string().into_bytes();
        let whole = parse_message(&bytes).unwrap();
        let at = at % bytes.len();
        prop_assert!(!matches!(parse_message(&bytes[..at]), Ok(Message::Launch(_))));
        bytes[at] = byte;
        if let Ok(Message::Launch(notice)) = parse_message(&bytes) {
            let Message::Launch(whole) = whole else { panic!() };
            // One byte may change one name, and no more than one.
            let same = [notice.wait.group == whole.wait.group, notice.wait.hook == whole.wait.hook,
                notice.wait.instance == whole.wait.instance, notice.wait.token == whole.wait.token];
            prop_assert!(same.iter().filter(|same| !**same).count() <= 1);
        }
    }
}
