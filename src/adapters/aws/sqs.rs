//! A queue: its messages, waited for, and the end of them.
//!
//! A message belongs to who received it until its visibility runs out, and comes again unless it is deleted by then.
//! Receiving is not tried again by the SDK: the messages of an answer that got lost are invisible for that long anyway,
//! and who receives does so in a loop.

use aws_sdk_sqs::{
    Client,
    config::{self, retry::RetryConfig},
    types::{
        BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
        MessageSystemAttributeName as Told, QueueAttributeName as Name,
    },
};
use goldseal_core::{
    ids::Region,
    ports::{PortError, PortErrorKind},
};
use jiff::Timestamp;

use super::{AwsConfig, QueueUrl, fault};

const RECEIVE: &str = "sqs:ReceiveMessage";
pub(super) const DELETE: &str = "sqs:DeleteMessage";
pub(super) const EXTEND: &str = "sqs:ChangeMessageVisibility";
const ATTRIBUTES: &str = "sqs:GetQueueAttributes";

/// More messages in one call are refused.
const ENTRIES: usize = 10;

/// A receipt that no message has.
const NO_RECEIPT: &str = "goldseal";

/// A queue of SQS.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
    region: Region,
}

/// A message, as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its id, the same however often it comes.
    pub id: String,
    /// What names this receiving of it; a later one has another.
    pub receipt: String,
    /// What it says.
    pub body: String,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// When it was first received by anybody.
    pub first_received_at: Option<Timestamp>,
    /// How often it was received, this time included.
    pub receives: u32,
}

/// A message that was not deleted, or not held for longer.
#[derive(Debug)]
pub struct NotDone {
    /// Its receipt.
    #[cfg_attr(not(test), expect(dead_code, reason = "of a failure the daemon only logs why"))]
    pub receipt: String,
    /// Why.
    pub error: PortError,
}

/// What a queue is set to, and how full it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Its ARN.
    pub arn: String,
    /// Who may use it, as JSON.
    pub policy: Option<String>,
    /// Where messages go that were received too often, as JSON.
    pub redrive_policy: Option<String>,
    /// The KMS key that encrypts it, if it is one.
    pub encryption_key: Option<String>,
    /// For how many seconds a received message is hidden, unless its receiver says otherwise.
    pub visibility_seconds: u32,
    /// For how many seconds a message is kept.
    pub retention_seconds: u32,
    /// About how many messages wait to be received.
    pub waiting: u32,
    /// About how many were received and not deleted yet.
    pub in_flight: u32,
    /// About how many may not be received yet.
    pub delayed: u32,
}

impl Queue {
    /// Opens the queue of a URL, in the region that its host names, else in that of the settings.
    ///
    /// # Errors
    /// When no region is known. Nothing is asked of the queue yet.
    pub async fn open(aws: &AwsConfig, url: &QueueUrl) -> Result<Self, PortError> {
        let region = match url.region() {
            Some(region) => region.clone(),
            None => aws.region().await?,
        };
        Ok(Self { client: aws.sqs(&region), url: url.to_string(), region })
    }

    /// Asks whether there is such a queue, and touches no message.
    ///
    /// # Errors
    /// [`PortErrorKind::NotFound`] when there is none, or why it could not be asked.
    pub async fn look_up(&self) -> Result<(), PortError> {
        match self.extend_some(&[NO_RECEIPT.to_owned()], 0).await {
            Ok(_) => Ok(()),
            // What it refuses is the receipt.
            Err(error) if error.kind == PortErrorKind::Refused => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns its region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Receives up to so many messages (10 at most), hidden from others for so many seconds; waits so many seconds (20
    /// at most) for the first one.
    pub async fn receive(&self, most: u8, wait: u8, visibility: u32) -> Result<Vec<Received>, PortError> {
        let request = self.client.receive_message().queue_url(&self.url).max_number_of_messages(most.into());
        let told = [Told::SentTimestamp, Told::ApproximateFirstReceiveTimestamp, Told::ApproximateReceiveCount];
        let request = request.wait_time_seconds(wait.into()).set_message_system_attribute_names(Some(told.to_vec()));
        let request = request.visibility_timeout(signed(visibility)).customize();
        let once = config::Builder::new().retry_config(RetryConfig::disabled());
        let answer = request.config_override(once).send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, RECEIVE, &self.url))?;
        answer.messages.unwrap_or_default().into_iter().map(|message| self.received(message)).collect()
    }

    fn received(&self, message: Message) -> Result<Received, PortError> {
        let absent = |field| self.malformed(RECEIVE, format!("a message without {field}"));
        let told = message.attributes.unwrap_or_default();
        let at = |name| Timestamp::from_millisecond(told.get(&name)?.parse().ok()?).ok();
        Ok(Received {
            id: message.message_id.ok_or_else(|| absent("MessageId"))?,
            receipt: message.receipt_handle.ok_or_else(|| absent("ReceiptHandle"))?,
            body: message.body.unwrap_or_default(),
            sent_at: at(Told::SentTimestamp),
            first_received_at: at(Told::ApproximateFirstReceiveTimestamp),
            // This time, at least.
            receives: told.get(&Told::ApproximateReceiveCount).and_then(|count| count.parse().ok()).unwrap_or(1),
        })
    }

    /// Deletes messages by their receipts; returns those that were not.
    pub async fn delete(&self, receipts: &[String]) -> Vec<NotDone> {
        let mut not_done = Vec::new();
        for receipts in receipts.chunks(ENTRIES) {
            not_done.extend(self.not_done(DELETE, receipts, self.delete_some(receipts).await));
        }
        not_done
    }

    async fn delete_some(&self, receipts: &[String]) -> Result<Outcome, PortError> {
        let entries = receipts.iter().enumerate().map(|(id, receipt)| {
            DeleteMessageBatchRequestEntry::builder().id(id.to_string()).receipt_handle(receipt).build()
        });
        let entries = entries.collect::<Result<_, _>>().map_err(|fault| self.malformed(DELETE, fault.to_string()))?;
        let request = self.client.delete_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = request.send().await.map_err(|error| fault::port_error(&error, DELETE, &self.url))?;
        Ok(Outcome { done: answer.successful.into_iter().map(|one| one.id).collect(), failed: answer.failed })
    }

    /// Hides messages for so many seconds from now (12 hours at most; 0 gives them back), by their receipts; returns
    /// those of which that failed.
    pub async fn extend(&self, receipts: &[String], seconds: u32) -> Vec<NotDone> {
        let mut not_done = Vec::new();
        for receipts in receipts.chunks(ENTRIES) {
            not_done.extend(self.not_done(EXTEND, receipts, self.extend_some(receipts, seconds).await));
        }
        not_done
    }

    async fn extend_some(&self, receipts: &[String], seconds: u32) -> Result<Outcome, PortError> {
        let entries = receipts.iter().enumerate().map(|(id, receipt)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(id.to_string());
            entry.receipt_handle(receipt).visibility_timeout(signed(seconds)).build()
        });
        let entries = entries.collect::<Result<_, _>>().map_err(|fault| self.malformed(EXTEND, fault.to_string()))?;
        let request = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
        let answer = request.send().await.map_err(|error| fault::port_error(&error, EXTEND, &self.url))?;
        Ok(Outcome { done: answer.successful.into_iter().map(|one| one.id).collect(), failed: answer.failed })
    }

    /// A call that failed did nothing for any of its entries; one that went well may have failed for some.
    fn not_done(
        &self,
        operation: &'static str,
        receipts: &[String],
        outcome: Result<Outcome, PortError>,
    ) -> Vec<NotDone> {
        let why = |id: &str| match &outcome {
            Err(error) => {
                let why = error.source.as_ref().map(ToString::to_string).unwrap_or_default();
                Some(PortError::new(error.kind, operation, &self.url).because(why))
            }
            Ok(outcome) if outcome.done.iter().any(|done| done == id) => None,
            Ok(outcome) => Some(match outcome.failed.iter().find(|failed| failed.id == id) {
                Some(failed) => {
                    let passes = if failed.sender_fault { PortErrorKind::Refused } else { PortErrorKind::Unavailable };
                    let kind = fault::kind(Some(&failed.code), None).unwrap_or(passes);
                    let why = format!("{}: {}", failed.code, failed.message.as_deref().unwrap_or("no message"));
                    PortError::new(kind, operation, &self.url).because(why)
                }
                None => self.malformed(operation, "an answer that leaves a message out".to_owned()),
            }),
        };
        let numbered = receipts.iter().enumerate();
        numbered.filter_map(|(id, receipt)| Some((receipt.clone(), why(&id.to_string())?))).map(NotDone::from).collect()
    }

    /// Returns what the queue is set to, and how full it is.
    ///
    /// # Errors
    /// [`PortErrorKind::NotFound`] when there is no such queue, or another [`PortError`].
    pub async fn attributes(&self) -> Result<Attributes, PortError> {
        let request = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(Name::All);
        let answer = request.send().await.map_err(|error| fault::port_error(&error, ATTRIBUTES, &self.url))?;
        let mut told = answer.attributes.unwrap_or_default();
        let number = |name: &Name| {
            let number = told.get(name).and_then(|text| text.parse::<u32>().ok());
            number.ok_or_else(|| self.malformed(ATTRIBUTES, format!("no number as {}", name.as_str())))
        };
        Ok(Attributes {
            visibility_seconds: number(&Name::VisibilityTimeout)?,
            retention_seconds: number(&Name::MessageRetentionPeriod)?,
            waiting: number(&Name::ApproximateNumberOfMessages)?,
            in_flight: number(&Name::ApproximateNumberOfMessagesNotVisible)?,
            delayed: number(&Name::ApproximateNumberOfMessagesDelayed)?,
            arn: told.remove(&Name::QueueArn).ok_or_else(|| self.malformed(ATTRIBUTES, "no QueueArn".to_owned()))?,
            policy: told.remove(&Name::Policy),
            redrive_policy: told.remove(&Name::RedrivePolicy),
            encryption_key: told.remove(&Name::KmsMasterKeyId),
        })
    }

    fn malformed(&self, operation: &'static str, why: String) -> PortError {
        PortError::new(PortErrorKind::Malformed, operation, &self.url).because(why)
    }
}

/// What became of the entries of a call, by their ids.
struct Outcome {
    done: Vec<String>,
    failed: Vec<BatchResultErrorEntry>,
}

impl From<(String, PortError)> for NotDone {
    fn from((receipt, error): (String, PortError)) -> Self {
        Self { receipt, error }
    }
}

fn signed(seconds: u32) -> i32 {
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
