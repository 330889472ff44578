//! The queue of launches as `doctor` sees it: what it and its dead-letter queue are set to, and no message of it.

use goldseal_core::{
    doctor::{DeadLetters, QueueSettings, Unasked},
    ports::{LaunchQueue, PortError, PortErrorKind},
};
use jiff::SignedDuration;
use serde::Deserialize;

use super::{
    AwsConfig,
    sqs::{DELETE, EXTEND, Queue},
};

/// A receipt that no message has.
const NO_RECEIPT: &str = "goldseal-doctor";

/// A queue that is looked at.
#[derive(Debug, Clone)]
pub struct WatchedQueue {
    aws: AwsConfig,
    queue: Queue,
}

/// `maxReceiveCount` is a number or a text, as whoever set it wrote it.
#[derive(Deserialize)]
struct Redrive {
    #[serde(rename = "deadLetterTargetArn")]
    target: String,
    #[serde(rename = "maxReceiveCount")]
    after: serde_json::Value,
}

impl WatchedQueue {
    /// Looks at a queue with these settings.
    pub fn new(aws: &AwsConfig, queue: Queue) -> Self {
        Self { aws: aws.clone(), queue }
    }

    async fn dead_letters(&self, policy: &str) -> Result<DeadLetters, PortError> {
        let malformed = |why: String| {
            PortError::new(PortErrorKind::Malformed, "sqs:GetQueueAttributes", self.queue.url())
                .because(format!("RedrivePolicy: {why}"))
        };
        let Redrive { target, after } = serde_json::from_str(policy).map_err(|error| malformed(error.to_string()))?;
        let number = after.as_u64().or_else(|| after.as_str()?.parse().ok());
        let after = number.and_then(|number| u32::try_from(number).ok());
        let after = after.ok_or_else(|| malformed("no number as maxReceiveCount".to_owned()))?;
        let url = beside(self.queue.url(), &target).and_then(|url| url.parse().ok());
        let url = url.ok_or_else(|| malformed(format!("{target} is no queue")))?;
        let held = match Queue::open(&self.aws, &url).await {
            Ok(queue) => queue.attributes().await.map(|told| told.waiting.saturating_add(told.in_flight)),
            Err(error) => Err(error),
        };
        Ok(DeadLetters { arn: target, after, held: held.map_err(|error| Unasked::from(&error)) })
    }
}

impl LaunchQueue for WatchedQueue {
    fn url(&self) -> &str {
        self.queue.url()
    }

    async fn settings(&self) -> Result<QueueSettings, PortError> {
        let told = self.queue.attributes().await?;
        let dead_letters = match told.redrive_policy.as_deref().filter(|policy| !policy.is_empty()) {
            Some(policy) => Some(self.dead_letters(policy).await?),
            None => None,
        };
        Ok(QueueSettings {
            arn: told.arn,
            policy: told.policy,
            dead_letters,
            retention: SignedDuration::from_secs(told.retention_seconds.into()),
            key: told.encryption_key,
            waiting: told.waiting,
            in_flight: told.in_flight,
        })
    }

    async fn try_messages(&self) -> [(&'static str, Result<(), PortError>); 2] {
        let receipt = [NO_RECEIPT.to_owned()];
        let (deleted, extended) = futures::join!(self.queue.delete(&receipt), self.queue.extend(&receipt, 0));
        let outcome = |not_done: Vec<super::NotDone>| not_done.into_iter().next().map_or(Ok(()), |one| Err(one.error));
        [(DELETE, outcome(deleted)), (EXTEND, outcome(extended))]
    }
}

/// Returns the URL of a queue beside another one: dead letters stay in the region.
fn beside(url: &str, arn: &str) -> Option<String> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", _, "sqs", _, account, name] = parts.as_slice() else { return None };
    let (base, _account) = url.trim_end_matches('/').rsplit_once('/')?.0.rsplit_once('/')?;
    Some(format!("{base}/{account}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::cloud::cloud;

    #[test]
    fn a_dead_letter_queue_is_beside_its_queue() {
        let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/goldseal";
        let dead = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead";
        assert_eq!(beside(url, "arn:aws:sqs:eu-west-1:123456789012:dead").as_deref(), Some(dead));
        for bad in ["", "dead", "arn:aws:sns:eu-west-1:123456789012:dead", "arn:aws:sqs:eu-west-1:123456789012"] {
            assert_eq!(beside(url, bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn settings_and_dead_letters_are_read_and_no_message_is_taken() {
        let aws = AwsConfig::local(&cloud().endpoint, "620000000033").await;
        let region = "us-east-1".parse().unwrap();
        let sqs = aws.sqs(&region);
        let url = sqs.create_queue().queue_name("launches").send().await.unwrap().queue_url.unwrap();
        let dead = sqs.create_queue().queue_name("dead").send().await.unwrap().queue_url.unwrap();
        sqs.send_message().queue_url(&dead).message_body("x").send().await.unwrap();
        sqs.send_message().queue_url(&url).message_body("y").send().await.unwrap();
        let watched = WatchedQueue::new(&aws, Queue::open(&aws, &url.parse().unwrap()).await.unwrap());
        assert_eq!(watched.settings().await.unwrap().dead_letters, None);
        let set = async |name: &str| {
            let arn = format!("arn:aws:sqs:us-east-1:620000000033:{name}");
            let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"7"}}"#);
            let attribute = aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy;
            sqs.set_queue_attributes().queue_url(&url).attributes(attribute, policy).send().await.unwrap();
        };
        set("dead").await;
        for (_, tried) in watched.try_messages().await {
            assert_eq!(tried.unwrap_err().kind, PortErrorKind::Refused);
        }
        let settings = watched.settings().await.unwrap();
        assert_eq!((settings.waiting, settings.in_flight), (1, 0));
        let letters = settings.dead_letters.unwrap();
        assert_eq!((letters.after, letters.held), (7, Ok(1)));
        sqs.delete_queue().queue_url(&dead).send().await.unwrap();
        let letters = watched.settings().await.unwrap().dead_letters.unwrap();
        assert_eq!(letters.held.unwrap_err().why, goldseal_core::doctor::Why::Absent);
    }
}
