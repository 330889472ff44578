//! `goldseal enroll`: our lifecycle hook in an Auto Scaling group, shown or put.

use anyhow::Context as _;
use goldseal_core::{
    enforcement::Completion,
    flow::{Enrolling, enroll},
    ids::{GroupName, HookName},
    lifecycle::{Enrolment, Sender},
    report::EnrollOutcome,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    exit::{Code, Failure},
    session::Session,
};
use crate::{
    adapters::aws::AutoScaling,
    render::{self, Format},
    settings::{HookFragment, SettingsError},
};

const AFTER: &str = "\
Shows what is different from a lifecycle hook under which every launch waits for `goldseal hook` and is abandoned when nobody \
answers; changes nothing without --apply. Queue, groups and name are those of the settings of the hook, where they are set. A \
group that the hook does not guard is refused, for nobody would answer its launches.

Examples:
  goldseal enroll web --notify-role arn:aws:iam::123456789012:role/goldseal-notify
  goldseal enroll web --notify-role arn:aws:iam::123456789012:role/goldseal-notify --apply
  goldseal enroll web --by-events --apply

Exit codes: 0 shown, done or so already, 1 refused, 3 something could not be asked.";

/// Arguments of `enroll`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Enroll {
    /// The Auto Scaling group
    #[arg(value_name = "GROUP")]
    group: GroupName,
    /// The role with which Auto Scaling sends to the queue
    #[arg(long, value_name = "ARN", required_unless_present = "by_events", conflicts_with = "by_events")]
    notify_role: Option<String>,
    /// The lifecycle hook tells no queue: a rule of EventBridge does
    #[arg(long)]
    by_events: bool,
    /// The URL of the SQS queue
    #[arg(long, value_name = "URL", env = "GOLDSEAL_HOOK_QUEUE")]
    queue: Option<String>,
    /// What the hook guards: names of groups, or the beginning of names and `*`
    #[arg(long = "guard-group", value_name = "NAME", env = "GOLDSEAL_HOOK_GROUPS", value_delimiter = ',')]
    guard_groups: Vec<String>,
    /// The name of our lifecycle hook [default: the first of the settings, else goldseal]
    #[arg(long, value_name = "NAME")]
    hook: Option<HookName>,
    /// How long a launch waits while nobody answers, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u16).range(120..=7200))]
    timeout: u16,
    /// While nobody answers, let every image go into service: for trying out only
    #[arg(long)]
    dangerous_continue: bool,
    /// Put the hook; without it, what would change is shown
    #[arg(long)]
    apply: bool,
}

impl Enroll {
    pub async fn run(self, session: &Session, format: Format) -> Result<Code, Failure> {
        let given = HookFragment { queue: self.queue, groups: self.guard_groups, ..HookFragment::default() };
        let settings = session.settings.enroll(given, self.hook).map_err(anyhow::Error::from)?;
        let aws = session.aws().await;
        let named = settings.queue.as_ref().and_then(|queue| queue.region().cloned());
        let region = match named {
            Some(region) => region,
            None => aws.region().await.context("finding the region of the group")?,
        };
        let sender = match self.notify_role {
            None => None,
            Some(role) => {
                let hint = "give --queue URL, or write `queue = \"https://sqs.REGION.amazonaws.com/ACCOUNT/NAME\"` below [hook]";
                let missing = SettingsError::Missing { what: "queue", hint };
                let queue = settings.queue.as_ref().ok_or(missing).map_err(anyhow::Error::from)?;
                Some(Sender { target: queue.arn(&region), role })
            }
        };
        let default_result = if self.dangerous_continue { Completion::Continue } else { Completion::Abandon };
        let timeout = SignedDuration::from_secs(self.timeout.into());
        let asked = Enrolling {
            region: &region,
            group: &self.group,
            hook: &Enrolment { name: settings.hook, timeout, default_result, sender },
            guarded: settings.guarded.as_ref(),
            apply: self.apply,
        };
        let report = enroll(&asked, &AutoScaling::new(aws, &region), Timestamp::now()).await;
        let report = report.with_context(|| format!("enrolling {}", self.group))?;
        render::enroll(format, &report)?;
        Ok(match report.outcome {
            EnrollOutcome::Refused => Code::No,
            EnrollOutcome::Enrolled | EnrollOutcome::Already | EnrollOutcome::Planned => Code::Good,
        })
    }
}
