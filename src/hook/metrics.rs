//! Metrics in the OpenMetrics text format, every label of a small and known set of values. docs/hook.md lists them.

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64},
    },
};

use goldseal_core::{enforcement::Completion, report::LaunchReport};
use jiff::{SignedDuration, Timestamp};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// From 50 ms to about half an hour.
const SECONDS: [f64; 14] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];

/// Everything that the hook counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    decision_seconds: Histogram,
    ends: Family<EndLabels, Counter>,
    in_flight: Gauge,
    messages: Family<MessageLabels, Counter>,
    message_age: Gauge<f64, AtomicU64>,
    progress: Gauge<f64, AtomicU64>,
    last_sweep: Gauge<f64, AtomicU64>,
    swept: Counter,
    breakers_open: Gauge<i64, AtomicI64>,
    breaker_trips: Counter,
    policy_reloads: Family<ReloadLabels, Counter>,
    verifications: Counter,
    cases: Family<CaseLabels, Counter>,
    stand_ins: Counter,
    state_failures: Counter,
    receipt_failures: Counter,
    overridden: Counter,
    overrides_active: Gauge<i64, AtomicI64>,
    /// When the overrides hold that were last seen: how many do is counted when somebody asks.
    overrides: Mutex<Vec<Range<Timestamp>>>,
    aws_calls: Family<CallLabels, Counter>,
}

macro_rules! labels {
    ($name:ident { $($field:ident: $type:ty),+ }) => {
        #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
        struct $name { $($field: $type),+ }
    };
}

labels!(DecisionLabels { verdict: &'static str, mode: &'static str, action: &'static str, reason: String });
labels!(EndLabels { end: &'static str });
labels!(MessageLabels { kind: &'static str });
labels!(ReloadLabels { result: &'static str });
labels!(CaseLabels { result: &'static str });
labels!(CallLabels { service: String, operation: String, outcome: &'static str });

/// What a message turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// A launch of a guarded group.
    Launch,
    /// A launch that is being looked at, or was decided.
    Duplicate,
    /// Auto Scaling's test.
    Test,
    /// A schedule's reminder to sweep.
    Schedule,
    /// None of ours.
    Foreign,
    /// A launch of a group or hook that is not guarded.
    Unguarded,
    /// One that cannot be read.
    Poison,
}

impl MessageKind {
    const ALL: [Self; 7] =
        [Self::Launch, Self::Duplicate, Self::Test, Self::Schedule, Self::Foreign, Self::Unguarded, Self::Poison];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Duplicate => "duplicate",
            Self::Test => "test",
            Self::Schedule => "schedule",
            Self::Foreign => "foreign",
            Self::Unguarded => "unguarded",
            Self::Poison => "poison",
        }
    }
}

/// What opening a case took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseResult {
    /// Evidence was verified.
    Verified,
    /// The evidence was the same, and already verified.
    Reused,
    /// Something could not be asked for.
    Incomplete,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("goldseal");
        macro_rules! metric {
            ($metric:expr, $name:literal, $help:literal) => {{
                let metric = $metric;
                registry.register($name, $help, metric.clone());
                metric
            }};
            ($metric:expr, $name:literal, $unit:expr, $help:literal) => {{
                let metric = $metric;
                registry.register_with_unit($name, $help, $unit, metric.clone());
                metric
            }};
        }
        let decisions = metric!(Family::default(), "hook_decisions", "Launches decided");
        let decision_seconds = metric!(
            Histogram::new(SECONDS),
            "hook_decision",
            Unit::Seconds,
            "From the first sight of a wait to its end"
        );
        let ends: Family<EndLabels, Counter> = metric!(Family::default(), "hook_ends", "How waits ended");
        let in_flight = metric!(Gauge::default(), "hook_in_flight", "Waits that are being looked at");
        let messages: Family<MessageLabels, Counter> = metric!(Family::default(), "hook_messages", "Messages received");
        let message_age = metric!(
            Gauge::default(),
            "hook_message_age",
            Unit::Seconds,
            "Age of the last message when it was received"
        );
        let progress =
            metric!(Gauge::default(), "hook_last_progress_timestamp", Unit::Seconds, "When the queue last answered");
        let last_sweep = metric!(
            Gauge::default(),
            "hook_last_sweep_timestamp",
            Unit::Seconds,
            "When the groups were last looked at"
        );
        let swept = metric!(Counter::default(), "hook_swept", "Waits that no message told of");
        let breakers_open = metric!(Gauge::default(), "hook_breakers_open", "Breakers that are open");
        let breaker_trips = metric!(Counter::default(), "hook_breaker_trips", "Breakers that opened");
        let policy_reloads: Family<ReloadLabels, Counter> =
            metric!(Family::default(), "hook_policy_reloads", "Policies that were read again");
        let verifications = metric!(Counter::default(), "hook_verifications", "Evidence verified");
        let cases: Family<CaseLabels, Counter> = metric!(Family::default(), "hook_cases", "Cases of images opened");
        let stand_ins = metric!(Counter::default(), "hook_stand_ins", "Times when last known good evidence stood in");
        let state_failures = metric!(Counter::default(), "hook_state_failures", "Failures of the state");
        let receipt_failures = metric!(
            Counter::default(),
            "hook_receipt_failures",
            "Times when receipts could not be written, and recorded decisions that can have none"
        );
        let overridden = metric!(Counter::default(), "hook_overridden", "Launches that an override let pass");
        let overrides_active =
            metric!(Gauge::default(), "hook_overrides_active", "Overrides in force, of those that were last seen");
        let aws_calls = metric!(Family::default(), "aws_calls", "Calls of AWS, each try by itself");
        // What an alert asks for is there before it happens the first time.
        for kind in MessageKind::ALL {
            drop(messages.get_or_create(&MessageLabels { kind: kind.as_str() }));
        }
        for end in ["completed", "no-such-wait", "gave-up", "not-waiting"] {
            drop(ends.get_or_create(&EndLabels { end }));
        }
        for result in ["loaded", "refused"] {
            drop(policy_reloads.get_or_create(&ReloadLabels { result }));
        }
        for result in ["verified", "reused", "incomplete"] {
            drop(cases.get_or_create(&CaseLabels { result }));
        }
        Self {
            registry,
            decisions,
            decision_seconds,
            ends,
            in_flight,
            messages,
            message_age,
            progress,
            last_sweep,
            swept,
            breakers_open,
            breaker_trips,
            policy_reloads,
            verifications,
            cases,
            stand_ins,
            state_failures,
            receipt_failures,
            overridden,
            overrides_active,
            overrides: Mutex::default(),
            aws_calls,
        }
    }
}

impl Metrics {
    /// Returns all of them as text, as they are at an instant.
    pub fn text(&self, now: Timestamp) -> String {
        let overrides = self.overrides.lock().unwrap_or_else(PoisonError::into_inner);
        let active = overrides.iter().filter(|held| held.contains(&now)).count();
        drop(overrides);
        self.overrides_active.set(i64::try_from(active).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _written = encode(&mut text, &self.registry);
        text
    }

    /// Counts a launch that came to its end.
    pub fn decided(&self, report: &LaunchReport, took: SignedDuration) {
        self.decisions
            .get_or_create(&DecisionLabels {
                verdict: report.judged.verdict.as_str(),
                mode: report.judged.mode.as_str(),
                action: report.action.map_or("none", Completion::as_str),
                // Of verdict::CODES, which is a short list.
                reason: report.first_code().to_owned(),
            })
            .inc();
        if report.judged.overridden.is_some() {
            self.overridden.inc();
        }
        self.decision_seconds.observe(took.as_secs_f64().max(0.0));
    }

    /// Counts an end, in one of its four words.
    pub fn ended(&self, end: &'static str) {
        self.ends.get_or_create(&EndLabels { end }).inc();
    }

    /// Says how many waits are being looked at.
    pub fn in_flight(&self, count: usize) {
        self.in_flight.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts a message.
    pub fn message(&self, kind: MessageKind) {
        self.messages.get_or_create(&MessageLabels { kind: kind.as_str() }).inc();
    }

    /// Takes the age of a message.
    pub fn message_age(&self, age: SignedDuration) {
        self.message_age.set(age.as_secs_f64().max(0.0));
    }

    /// Takes note that the queue answered.
    pub fn progress(&self, now: Timestamp) {
        self.progress.set(seconds(now));
    }

    /// Takes note of a sweep.
    pub fn sweep(&self, now: Timestamp) {
        self.last_sweep.set(seconds(now));
    }

    /// Counts a wait that no message told of and that we ended.
    pub fn swept(&self) {
        self.swept.inc();
    }

    /// Says how many breakers are open.
    pub fn breakers_open(&self, count: usize) {
        self.breakers_open.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts a breaker that opened.
    pub fn breaker_trip(&self) {
        self.breaker_trips.inc();
    }

    /// Counts a policy that was read again, or refused.
    pub fn policy_reload(&self, loaded: bool) {
        self.policy_reloads.get_or_create(&ReloadLabels { result: if loaded { "loaded" } else { "refused" } }).inc();
    }

    /// Counts a case.
    pub fn case(&self, result: CaseResult) {
        let word = match result {
            CaseResult::Verified => "verified",
            CaseResult::Reused => "reused",
            CaseResult::Incomplete => "incomplete",
        };
        if result == CaseResult::Verified {
            self.verifications.inc();
        }
        self.cases.get_or_create(&CaseLabels { result: word }).inc();
    }

    /// Counts evidence that stood in for the store.
    pub fn stand_in(&self) {
        self.stand_ins.inc();
    }

    /// Takes note of when the overrides hold that there are.
    pub fn overrides(&self, held: Vec<Range<Timestamp>>) {
        *self.overrides.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// Counts a failure of the state.
    pub fn state_failure(&self) {
        self.state_failures.inc();
    }

    /// Counts receipts that could not be written.
    pub fn receipt_failures(&self, count: usize) {
        self.receipt_failures.inc_by(count as u64);
    }

    /// Counts a call of AWS. Services and operations are those that goldseal calls.
    pub fn aws_call(&self, service: &str, operation: &str, outcome: &'static str) {
        let (service, operation) = (service.to_owned(), operation.to_owned());
        self.aws_calls.get_or_create(&CallLabels { service, operation, outcome }).inc();
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge of seconds")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documentation() {
        let metrics = Metrics::default();
        metrics.message(MessageKind::Launch);
        metrics.ended("completed");
        metrics.case(CaseResult::Verified);
        metrics.policy_reload(false);
        metrics.aws_call("ec2", "DescribeImages", "ok");
        metrics.progress(Timestamp::from_second(1_800_000_000).unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        metrics.overrides(vec![at(100)..at(200), at(150)..at(300)]);
        assert!(metrics.text(at(200)).contains("\ngoldseal_hook_overrides_active 1\n"));
        let text = metrics.text(at(150));
        for line in [
            "goldseal_hook_messages_total{kind=\"launch\"} 1",
            "goldseal_hook_ends_total{end=\"completed\"} 1",
            "goldseal_hook_cases_total{result=\"verified\"} 1",
            "goldseal_hook_verifications_total 1",
            "goldseal_hook_policy_reloads_total{result=\"refused\"} 1",
            "goldseal_aws_calls_total{service=\"ec2\",operation=\"DescribeImages\",outcome=\"ok\"} 1",
            "goldseal_hook_last_progress_timestamp_seconds 1800000000.0",
            "goldseal_hook_decision_seconds_count 0",
            "goldseal_hook_overridden_total 0",
            "goldseal_hook_receipt_failures_total 0",
            "goldseal_hook_overrides_active 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
