//! The policy of a queue → who may send to it, as far as that can be told without IAM.
//!
//! Statements that deny are not looked at: they could only take away what is found here.

use serde_json::{Value, json};

/// SQS takes no longer policy than 8 KiB.
const LARGEST: usize = 64 << 10;
const EVENTS: &str = "events.amazonaws.com";

/// What a queue's policy says about senders.
#[derive(Debug)]
pub(super) struct Senders {
    statements: Vec<Value>,
}

impl Senders {
    /// Reads a policy; no policy has no statement.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(policy: Option<&str>) -> Result<Self, String> {
        let Some(text) = policy.filter(|text| !text.is_empty()) else { return Ok(Self { statements: Vec::new() }) };
        if text.len() > LARGEST {
            return Err(format!("it is longer than {LARGEST} bytes"));
        }
        let read: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match read.get("Statement") {
            Some(Value::Array(list)) => Ok(Self { statements: list.clone() }),
            Some(one @ Value::Object(_)) => Ok(Self { statements: vec![one.clone()] }),
            _ => Err("it has no Statement".to_owned()),
        }
    }

    /// Says whether anybody on earth may use the queue.
    pub(super) fn is_open(&self) -> bool {
        self.statements.iter().any(opens)
    }

    /// Says whether EventBridge may send.
    pub(super) fn lets_events_in(&self) -> bool {
        let lets =
            |one: &Value| is_allow(one) && may_send(one) && (anybody(one) || of(one, "Service").contains(&EVENTS));
        self.statements.iter().any(lets)
    }

    /// Returns the policy without what opens it, and with EventBridge's rules of the account allowed to send.
    pub(super) fn mended(&self, queue_arn: &str) -> String {
        let [partition, region, account] = [1, 3, 4].map(|part| queue_arn.split(':').nth(part).unwrap_or_default());
        let mut statements: Vec<Value> = self.statements.iter().filter(|one| !opens(one)).cloned().collect();
        if !statements.iter().any(|one| is_allow(one) && may_send(one) && of(one, "Service").contains(&EVENTS)) {
            statements.push(json!({
                "Sid": "goldseal-events", "Effect": "Allow", "Principal": {"Service": EVENTS}, "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnLike": {"aws:SourceArn": format!("arn:{partition}:events:{region}:{account}:rule/*")}},
            }));
        }
        json!({"Version": "2012-10-17", "Statement": statements}).to_string()
    }
}

fn is_allow(statement: &Value) -> bool {
    statement.get("Effect").and_then(Value::as_str) == Some("Allow")
}

fn opens(statement: &Value) -> bool {
    let conditions = statement.get("Condition").and_then(Value::as_object);
    is_allow(statement)
        && anybody(statement)
        && conditions.is_none_or(|all| all.values().all(|one| one.as_object().is_none_or(serde_json::Map::is_empty)))
}

fn anybody(statement: &Value) -> bool {
    // All but some is nearly all.
    statement.get("NotPrincipal").is_some()
        || statement.get("Principal").and_then(Value::as_str) == Some("*")
        || of(statement, "AWS").contains(&"*")
}

/// The principals of a kind.
fn of<'s>(statement: &'s Value, kind: &str) -> Vec<&'s str> {
    statement.get("Principal").and_then(|one| one.get(kind)).map(texts).unwrap_or_default()
}

fn may_send(statement: &Value) -> bool {
    let covers = |action: &&str| {
        let action = action.to_ascii_lowercase();
        match action.split_once('*') {
            Some((start, _)) => "sqs:sendmessage".starts_with(start),
            None => action == "sqs:sendmessage",
        }
    };
    statement.get("Action").map(texts).unwrap_or_default().iter().any(covers)
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:goldseal";

    fn read(statement: &Value) -> Senders {
        Senders::parse(Some(&json!({"Version": "2012-10-17", "Statement": statement}).to_string())).unwrap()
    }

    #[test]
    fn who_may_send_is_told_apart() {
        let events = json!({"Service": "events.amazonaws.com"});
        let only = json!({"StringEquals": {"aws:SourceAccount": "123456789012"}});
        for (principal, action, condition, open, sends) in [
            (json!("*"), json!("sqs:*"), json!(null), true, true),
            (json!({"AWS": "*"}), json!("SQS:SendMessage"), json!({}), true, true),
            (json!({"AWS": ["*"]}), json!(["sqs:Send*"]), json!({"StringEquals": {}}), true, true),
            (json!({"AWS": "*"}), json!("sqs:ReceiveMessage"), json!(null), true, false),
            (json!("*"), json!("*"), only.clone(), false, true),
            (events.clone(), json!("sqs:SendMessage"), json!(null), false, true),
            (
                json!({"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}),
                json!(["sqs:GetQueueUrl", "sqs:SendMessage"]),
                only,
                false,
                true,
            ),
            (events, json!("sqs:ReceiveMessage"), json!(null), false, false),
            (json!({"AWS": "arn:aws:iam::123456789012:root"}), json!("sqs:SendMessage"), json!(null), false, false),
        ] {
            let statement =
                json!({"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition});
            for form in [json!([statement]), statement.clone()] {
                assert_eq!((read(&form).is_open(), read(&form).lets_events_in()), (open, sends), "{form}");
            }
            let mut denied = statement;
            denied["Effect"] = json!("Deny");
            assert!(!read(&denied).is_open() && !read(&denied).lets_events_in(), "{denied}");
        }
        let everybody_else = read(&json!({"Effect": "Allow", "NotPrincipal": {"AWS": "x"}, "Action": "sqs:*"}));
        assert!(everybody_else.is_open());
    }

    #[test]
    fn no_policy_lets_nobody_in_and_a_broken_one_is_told() {
        for none in [None, Some("")] {
            let senders = Senders::parse(none).unwrap();
            assert!(!senders.is_open() && !senders.lets_events_in());
        }
        for bad in ["{", "[]", "{}", &"[".repeat(200), &"x".repeat(LARGEST + 1)] {
            assert!(Senders::parse(Some(bad)).is_err());
        }
    }

    #[test]
    fn what_is_mended_is_closed_lets_events_in_and_keeps_the_rest() {
        let role = json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:role/x"}, "Action": "sqs:SendMessage"});
        let open = json!({"Effect": "Allow", "Principal": "*", "Action": "sqs:*"});
        let mended = read(&json!([open, role])).mended(QUEUE);
        let again = Senders::parse(Some(&mended)).unwrap();
        assert!(!again.is_open() && again.lets_events_in());
        assert!(again.statements.contains(&role) && again.statements.len() == 2, "{mended}");
        assert!(mended.contains("arn:aws:events:eu-west-1:123456789012:rule/*"), "{mended}");
        assert_eq!(Senders::parse(Some(&again.mended(QUEUE))).unwrap().statements, again.statements);
    }
}
