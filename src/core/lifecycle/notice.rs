//! A message of a queue, or the event that a function is called with → what it says. A message is a hint: whatever it
//! says is confirmed before anything is done.
//!
//! Four forms come on one queue: EventBridge's event, Auto Scaling's own flat message, either of them in the envelope
//! of SNS, and Auto Scaling's test notification. Unknown fields are tolerated, AWS adds some.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Wait;
use crate::{
    bounded::{self, JsonFault, Limits, Object},
    ids::{AccountId, NotAnId, Region},
};

/// SQS takes messages of 1 MiB; events of Auto Scaling have some hundred bytes.
pub const MESSAGE_LIMITS: Limits = Limits { bytes: 1 << 20, depth: 16 };

const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";
const TEST: &str = "autoscaling:TEST_NOTIFICATION";
const EVENT: &str = "EC2 Instance-launch Lifecycle Action";

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// An instance waits on a launch hook.
    Launch(Notice),
    /// Auto Scaling tries out the target of a hook.
    Test,
    /// A schedule asks to look after waits whose message was lost.
    Schedule,
    /// Something else, which is nobody's business here.
    Foreign {
        /// What, for people.
        what: String,
    },
}

/// A launch that a message tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The wait.
    pub wait: Wait,
    /// The account of the group.
    pub account: Option<AccountId>,
    /// The region of the group.
    pub region: Option<Region>,
}

/// Why a message is none that goldseal can read: it goes to the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageFault {
    /// Not JSON, or not bounded.
    #[error("not a message of Auto Scaling: {0}")]
    Json(#[from] JsonFault),
    /// A launch without a field that each has.
    #[error("a launch without {0}")]
    Missing(&'static str),
    /// A field does not have its form.
    #[error(transparent)]
    Id(#[from] NotAnId),
}

#[derive(Deserialize)]
struct Envelope<'m> {
    #[serde(rename = "Type")]
    kind: Option<Cow<'m, str>>,
    #[serde(rename = "Message")]
    message: Option<Cow<'m, str>>,
    #[serde(rename = "detail-type")]
    detail_type: Option<Cow<'m, str>>,
    source: Option<Cow<'m, str>>,
    account: Option<AccountId>,
    region: Option<Region>,
    #[serde(borrow)]
    detail: Option<&'m RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Flat<'m> {
    event: Option<Cow<'m, str>>,
    lifecycle_transition: Option<Cow<'m, str>>,
    lifecycle_action_token: Option<Cow<'m, str>>,
    auto_scaling_group_name: Option<Cow<'m, str>>,
    lifecycle_hook_name: Option<Cow<'m, str>>,
    #[serde(rename = "EC2InstanceId")]
    instance: Option<Cow<'m, str>>,
    account_id: Option<AccountId>,
}

/// Reads a message.
///
/// # Errors
/// See [`MessageFault`].
pub fn parse_message(body: &[u8]) -> Result<Message, MessageFault> {
    let Object(envelope): Object<Envelope<'_>> = bounded::json(body, MESSAGE_LIMITS)?;
    match (envelope.kind.as_deref(), &envelope.message) {
        // SNS may carry an event of either form, and an envelope holds no envelope.
        (Some("Notification"), Some(inner)) => {
            let Object(envelope): Object<Envelope<'_>> = bounded::json(inner.as_bytes(), MESSAGE_LIMITS)?;
            read(&envelope, inner.as_bytes())
        }
        (Some(kind @ ("SubscriptionConfirmation" | "UnsubscribeConfirmation")), Some(_)) => {
            Ok(Message::Foreign { what: format!("{kind} of SNS") })
        }
        _ => read(&envelope, body),
    }
}

fn read(envelope: &Envelope<'_>, body: &[u8]) -> Result<Message, MessageFault> {
    let Some(kind) = envelope.detail_type.as_deref() else {
        let Object(message) = bounded::json(body, MESSAGE_LIMITS)?;
        return flat(&message, None, None);
    };
    match (envelope.source.as_deref(), kind, envelope.detail) {
        (Some("aws.autoscaling"), EVENT, Some(detail)) => {
            let Object(detail) = bounded::json(detail.get().as_bytes(), MESSAGE_LIMITS)?;
            flat(&detail, envelope.account.clone(), envelope.region.clone())
        }
        (Some("aws.autoscaling"), EVENT, None) => Err(MessageFault::Missing("detail")),
        (Some("aws.events" | "aws.scheduler"), "Scheduled Event", _) => Ok(Message::Schedule),
        (source, kind, _) => {
            let from = source.unwrap_or("nobody");
            Ok(Message::Foreign { what: short(&format!("the event {kind:?} of {from}")) })
        }
    }
}

fn flat(flat: &Flat<'_>, account: Option<AccountId>, region: Option<Region>) -> Result<Message, MessageFault> {
    let transition = flat.lifecycle_transition.as_deref();
    match (flat.event.as_deref(), transition) {
        (Some(TEST), _) | (_, Some(TEST)) => return Ok(Message::Test),
        (_, Some(LAUNCHING)) => {}
        (_, Some(other)) => return Ok(Message::Foreign { what: short(&format!("the transition {other}")) }),
        (_, None) => return Ok(Message::Foreign { what: "no lifecycle transition".to_owned() }),
    }
    let wait = Wait {
        group: field(flat.auto_scaling_group_name.as_deref(), "AutoScalingGroupName")?.parse()?,
        hook: field(flat.lifecycle_hook_name.as_deref(), "LifecycleHookName")?.parse()?,
        instance: field(flat.instance.as_deref(), "EC2InstanceId")?.parse()?,
        token: Some(field(flat.lifecycle_action_token.as_deref(), "LifecycleActionToken")?.parse()?),
    };
    Ok(Message::Launch(Notice { wait, account: account.or_else(|| flat.account_id.clone()), region }))
}

fn field<'m>(value: Option<&'m str>, name: &'static str) -> Result<&'m str, MessageFault> {
    value.ok_or(MessageFault::Missing(name))
}

/// What a stranger wrote goes into a log line: bounded, and without control characters.
fn short(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect()
}

#[cfg(test)]
mod tests;
