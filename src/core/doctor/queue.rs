//! The queue: whether it is there, who may send, and where messages go that nobody can read.

use jiff::SignedDuration;
use serde_json::json;

use super::{
    DeadLetters, Facts, QueueFacts, QueueSettings, Why,
    command::{aws, command},
    finding,
    senders::Senders,
    unasked,
};
use crate::report::{
    Finding,
    Severity::{Good, Note, Problem, Warning},
};

/// A message outlives an outage of an hour.
const SHORTEST: SignedDuration = SignedDuration::from_hours(1);
/// A message also comes again when a replica is killed.
const FEWEST: u32 = 3;
/// What docs/hook.md sets up.
const RECEIVES: u32 = 20;
/// The key that SQS has of its own; nobody can let another service use it.
const OWN_KEY: &str = "alias/aws/sqs";

pub(super) fn examine(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(queue) = &facts.queue else {
        let message = "no queue is set, so neither it nor what may be done with its messages was looked at";
        return found.push(finding(Note, "queue-not-set", "queue", message).typing("goldseal doctor --queue URL"));
    };
    let settings = match &queue.settings {
        Ok(settings) => settings,
        Err(fault) if fault.why == Why::Absent => {
            let message = "there is no such queue";
            let made = aws(&facts.launching, &["sqs", "create-queue", "--queue-name", name(&queue.url)]);
            return found.push(finding(Problem, "queue-missing", &queue.url, message).typing(made));
        }
        Err(fault) => return found.push(unasked(&facts.launching, fault, "the queue")),
    };
    let before = found.len();
    plain(facts, queue, settings, found);
    senders(facts, queue, settings, found);
    dead_letters(facts, queue, settings, found);
    if !found.iter().skip(before).any(|one| one.severity < Note) {
        let message = format!("{} messages wait, {} are held", settings.waiting, settings.in_flight);
        found.push(finding(Good, "queue-good", &queue.url, message));
    }
}

fn plain(facts: &Facts, queue: &QueueFacts, settings: &QueueSettings, found: &mut Vec<Finding>) {
    if settings.arn.ends_with(".fifo") {
        let message = "Auto Scaling sends no notices to FIFO queues";
        let other = name(&queue.url).trim_end_matches(".fifo").to_owned();
        let made = aws(&facts.launching, &["sqs", "create-queue", "--queue-name", &other]);
        found.push(finding(Problem, "queue-fifo", &queue.url, message).typing(made));
    }
    if settings.retention < SHORTEST {
        let message = format!(
            "messages are kept for {} s: what comes while the hook is down for longer is left to the sweep",
            settings.retention.as_secs()
        );
        let longer = set(facts, queue, "MessageRetentionPeriod", "86400");
        found.push(finding(Warning, "queue-retention-short", &queue.url, message).typing(longer));
    }
    if settings.waiting > 0 && settings.in_flight == 0 {
        let message = format!("{} messages wait and nobody holds one: is the hook running?", settings.waiting);
        let status = command(&["systemctl", "status", "goldseal-hook"]);
        found.push(finding(Warning, "queue-nobody-reads", &queue.url, message).typing(status));
    }
}

fn senders(facts: &Facts, queue: &QueueFacts, settings: &QueueSettings, found: &mut Vec<Finding>) {
    let senders = match Senders::parse(settings.policy.as_deref()) {
        Ok(senders) => senders,
        Err(problem) => {
            let message = format!("the policy of the queue cannot be read: {problem}");
            let show = aws(
                &facts.launching,
                &["sqs", "get-queue-attributes", "--queue-url", &queue.url, "--attribute-names", "Policy"],
            );
            return found.push(finding(Problem, "queue-policy-unreadable", &queue.url, message).typing(show));
        }
    };
    let mend = set(facts, queue, "Policy", &senders.mended(&settings.arn));
    if senders.is_open() {
        let message = "anybody may use the queue: its policy allows everybody, without a condition";
        found.push(finding(Problem, "queue-open-to-all", &queue.url, message).typing(&mend));
    }
    let mut ours = facts
        .launching
        .guarded()
        .flat_map(|one| one.hooks.iter().flatten())
        .filter(|hook| hook.launching && facts.launching.is_ours(hook));
    let by_events = ours.any(|hook| hook.target.as_deref().is_none_or(str::is_empty));
    if by_events && !senders.lets_events_in() {
        let message = "hooks without a target need EventBridge, and the queue's policy does not let it send";
        found.push(finding(Problem, "queue-closed-to-events", &queue.url, message).typing(mend));
    }
    match settings.key.as_deref().filter(|key| !key.is_empty()) {
        Some(key) if by_events && key.ends_with(OWN_KEY) => {
            let message =
                format!("the queue is encrypted with {OWN_KEY}, which EventBridge may never use: nothing arrives");
            let attributes = json!({"KmsMasterKeyId": "", "SqsManagedSseEnabled": "true"}).to_string();
            let other = aws(
                &facts.launching,
                &["sqs", "set-queue-attributes", "--queue-url", &queue.url, "--attributes", &attributes],
            );
            found.push(finding(Problem, "queue-key-closed-to-events", &queue.url, message).typing(other));
        }
        Some(key) => {
            let message = format!(
                "the queue is encrypted with {key}: its key policy must let the senders use kms:GenerateDataKey and \
                 kms:Decrypt, and the hook kms:Decrypt"
            );
            let show = aws(
                &facts.launching,
                &["kms", "get-key-policy", "--key-id", key, "--policy-name", "default", "--output", "text"],
            );
            found.push(finding(Note, "queue-encrypted", &queue.url, message).typing(show));
        }
        None => {}
    }
}

fn dead_letters(facts: &Facts, queue: &QueueFacts, settings: &QueueSettings, found: &mut Vec<Finding>) {
    let dead_name = format!("{}-dead", name(&queue.url));
    let make = |name: &str| {
        let kept = "MessageRetentionPeriod=1209600,SqsManagedSseEnabled=true";
        aws(&facts.launching, &["sqs", "create-queue", "--queue-name", name, "--attributes", kept])
    };
    let redrive = |arn: &str| {
        let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": RECEIVES.to_string()}).to_string();
        set(facts, queue, "RedrivePolicy", &policy)
    };
    let Some(DeadLetters { arn, after, held }) = &settings.dead_letters else {
        let message = "there is no dead-letter queue: a message that cannot be read comes again until it expires";
        let parent = settings.arn.rsplit_once(':').map_or("", |(parent, _)| parent);
        let one = finding(Warning, "queue-without-dead-letters", &queue.url, message);
        return found.push(one.typing(make(&dead_name)).typing(redrive(&format!("{parent}:{dead_name}"))));
    };
    if *after < FEWEST {
        let message =
            format!("a message is dead after {after} receives, and also comes again when a replica is killed");
        found.push(finding(Warning, "dead-letters-too-soon", &queue.url, message).typing(redrive(arn)));
    }
    match held {
        Ok(0) => {}
        Ok(held) => {
            let message =
                format!("{held} messages are in the dead-letter queue: launches that no message brought to the hook");
            let source = aws(&facts.launching, &["sqs", "start-message-move-task", "--source-arn", arn]);
            found.push(finding(Warning, "dead-letters-held", arn, message).typing(source));
        }
        Err(fault) if fault.why == Why::Absent => {
            let message = "the dead-letter queue is not there: messages that cannot be read stay in the queue";
            let name = arn.rsplit(':').next().unwrap_or_default();
            found.push(finding(Problem, "dead-letters-missing", arn, message).typing(make(name)));
        }
        Err(fault) => found.push(unasked(&facts.launching, fault, "the dead-letter queue")),
    }
}

/// Returns the command that sets an attribute. JSON is the form that takes any value.
fn set(facts: &Facts, queue: &QueueFacts, attribute: &str, value: &str) -> String {
    let attributes = json!({attribute: value}).to_string();
    aws(&facts.launching, &["sqs", "set-queue-attributes", "--queue-url", &queue.url, "--attributes", &attributes])
}

fn name(url: &str) -> &str {
    url.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}
