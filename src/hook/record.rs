//! Launches that came to an end → log lines, decision records in the state, and the breakers.
//!
//! Records are written in bundles, so that a thousand launches are a few writes. A breaker's document is changed only if
//! it is as it was read, so of several replicas one opens it, and that one raises the alarm.

use std::{sync::Arc, time::Duration};

use goldseal_core::{
    digest::Sha256Digest,
    enforcement::Completion,
    ids::Region,
    lifecycle::{Breakers, Suspension, Trip},
    policy::BreakerRule,
    ports::{Expected, Groups, PortError, PortErrorKind, StateName, StateStore, Written},
    report::LaunchReport,
};
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::mpsc, time::MissedTickBehavior};

use super::metrics::Metrics;

/// How many launches may wait to be recorded; of more, the oldest are only in the log.
pub const MOST: usize = 5_000;
const TOGETHER: Duration = Duration::from_secs(1);
const BUNDLE: usize = 1_000;
const TEND_EVERY: Duration = Duration::from_mins(1);
/// How long the daemon keeps decision records.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
const TRIES: u32 = 5;

/// Where launches are recorded.
#[derive(Debug)]
pub struct Recorder<T, G> {
    state: T,
    groups: G,
    region: Region,
    metrics: Arc<Metrics>,
}

/// Launches that are still to be recorded.
#[derive(Debug, Default)]
pub struct Pending {
    /// Their decisions are not written.
    unwritten: Vec<LaunchReport>,
    /// They were really abandoned, and no breaker has counted them.
    uncounted: Vec<LaunchReport>,
}

impl Pending {
    /// Takes a launch that came to an end.
    pub fn take(&mut self, report: LaunchReport) {
        if report.really_abandoned() {
            self.uncounted.push(report.clone());
        }
        self.unwritten.push(report);
    }

    fn is_empty(&self) -> bool {
        self.unwritten.is_empty() && self.uncounted.is_empty()
    }

    fn forget_oldest(&mut self) {
        for reports in [&mut self.unwritten, &mut self.uncounted] {
            let over = reports.len().saturating_sub(MOST);
            reports.drain(..over);
        }
    }
}

/// Returns where the breakers of a region are.
///
/// # Errors
/// None in practice: a region's name is a segment.
pub fn breakers_name(region: &Region) -> Result<StateName, String> {
    StateName::new(format!("v1/breakers/{region}.json"))
}

impl<T: StateStore + Send + Sync, G: Groups + Send + Sync> Recorder<T, G> {
    /// Starts with nothing to record.
    pub fn new(state: T, groups: G, region: Region, metrics: Arc<Metrics>) -> Self {
        Self { state, groups, region, metrics }
    }

    /// Records launches as they come in, and tends to the breakers, until nobody sends any more.
    pub async fn run(&self, mut reports: mpsc::Receiver<LaunchReport>, rule: impl Fn() -> BreakerRule) {
        let mut pending = Pending::default();
        let mut tended = tokio::time::interval(TEND_EVERY);
        tended.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pruned = None;
        loop {
            let mut open = true;
            tokio::select! {
                report = reports.recv() => match report {
                    Some(report) => {
                        pending.take(report);
                        open = collect(&mut reports, &mut pending).await;
                    }
                    None => open = false,
                },
                _ = tended.tick() => self.heard(self.tend(&rule()).await, "tending to the breakers"),
            }
            if !pending.is_empty() {
                let recorded = self.record(&mut pending, &rule()).await;
                // What failed is tried again with the next reports, or at the next tick.
                pending.forget_oldest();
                self.heard(recorded, "recording decisions");
            }
            if !open {
                return;
            }
            let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
            if pruned != Some(today) {
                self.heard(self.prune(Timestamp::now()).await, "removing old decisions");
                pruned = Some(today);
            }
        }
    }

    fn heard(&self, outcome: Result<(), PortError>, doing: &str) {
        if let Err(error) = outcome {
            self.metrics.state_failure();
            tracing::warn!(event = "state-failed", error = error.chain(), "{doing} failed");
        }
    }

    /// Records some launches: their decisions, and the breakers that they change. What was done is no longer pending;
    /// neither of the two waits for the other.
    ///
    /// # Errors
    /// Those of the state.
    pub async fn record(&self, pending: &mut Pending, rule: &BreakerRule) -> Result<(), PortError> {
        let counted = self.count(&mut pending.uncounted, rule).await;
        let written = self.write(&mut pending.unwritten).await;
        counted.and(written)
    }

    async fn write(&self, reports: &mut Vec<LaunchReport>) -> Result<(), PortError> {
        if reports.is_empty() {
            return Ok(());
        }
        let (name, lines) = bundle(reports);
        let refused = |why| PortError::new(PortErrorKind::Refused, "state:decisions", &self.region).because(why);
        let name = name.map_err(|why: String| refused(why))?;
        // A bundle that is there already is this one, from a try whose answer was lost.
        let _written: Written = self.state.write(&name, &lines, Expected::Absent).await?;
        reports.clear();
        Ok(())
    }

    /// Looks after the breakers: those that were quiet close, and launches that are still to be suspended are.
    ///
    /// # Errors
    /// Those of the state; the next time tries again.
    pub async fn tend(&self, rule: &BreakerRule) -> Result<(), PortError> {
        let ((), breakers) =
            change(&self.state, &self.region, |breakers| breakers.settle(rule, Timestamp::now())).await?;
        self.metrics.breakers_open(breakers.open());
        self.suspend(&breakers).await
    }

    async fn count(&self, abandoned: &mut Vec<LaunchReport>, rule: &BreakerRule) -> Result<(), PortError> {
        if abandoned.is_empty() {
            return Ok(());
        }
        let trips = change(&self.state, &self.region, |breakers| {
            let each = abandoned.iter().filter_map(|report| {
                let image = report.judged.image.as_ref()?;
                breakers.abandoned(rule, &report.wait.group, &image.id, &report.wait.instance, report.at)
            });
            each.collect::<Vec<Trip>>()
        });
        let (trips, breakers) = trips.await?;
        abandoned.clear();
        self.metrics.breakers_open(breakers.open());
        for Trip { group, image, suspend } in trips {
            self.metrics.breaker_trip();
            tracing::error!(
                event = "breaker-open",
                %group,
                %image,
                "{} instances of {image} in {group} were abandoned within {}: {}",
                rule.instances,
                rule.within,
                if suspend { "launches of the group will be suspended" } else { "the group goes on launching it" }
            );
        }
        self.suspend(&breakers).await
    }

    /// Suspends launches where a breaker says so, and remembers it: the next one who looks need not. What fails is tried
    /// again by whoever looks next, and holds up no other group.
    async fn suspend(&self, breakers: &Breakers) -> Result<(), PortError> {
        for group in breakers.suspensions(Suspension::Due) {
            if let Err(error) = self.groups.suspend_launch(&group, true).await {
                let error = error.chain();
                tracing::error!(event = "suspend-failed", %group, error, "suspending launches of {group} failed");
                continue;
            }
            tracing::error!(event = "launch-suspended", %group, "launches of {group} are suspended until the breaker is reset");
            change(&self.state, &self.region, |breakers| breakers.suspended(&group)).await?;
        }
        Ok(())
    }

    async fn prune(&self, now: Timestamp) -> Result<(), PortError> {
        let oldest = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN).to_zoned(jiff::tz::TimeZone::UTC).date();
        // Decisions first: one whose account is gone would get a second receipt.
        for kept in ["v1/decisions", "v1/receipted"] {
            let Ok(all) = StateName::new(kept) else { continue };
            let oldest = format!("{kept}/{oldest}");
            for name in self.state.list(&all, MOST).await? {
                if *name.as_str() < *oldest {
                    self.state.remove(&name).await?;
                }
            }
        }
        Ok(())
    }
}

/// Collects what comes within a moment; says whether more may come later.
async fn collect(reports: &mut mpsc::Receiver<LaunchReport>, pending: &mut Pending) -> bool {
    let collected = tokio::time::timeout(TOGETHER, async {
        while pending.unwritten.len() < BUNDLE {
            match reports.recv().await {
                Some(report) => pending.take(report),
                None => return false,
            }
        }
        true
    });
    collected.await.unwrap_or(true)
}

/// Changes the breakers of a region, again if somebody else did in between; returns what came of it and the breakers.
///
/// # Errors
/// Those of the state, and a document that is none of breakers.
pub async fn change<T: StateStore, R>(
    state: &T,
    region: &Region,
    mut change: impl FnMut(&mut Breakers) -> R,
) -> Result<(R, Breakers), PortError> {
    const OPERATION: &str = "state:breakers";
    let refuse = |kind, why: String| PortError::new(kind, OPERATION, region).because(why);
    let name = breakers_name(region).map_err(|why| refuse(PortErrorKind::Refused, why))?;
    for tried in 0..TRIES {
        let (mut breakers, expected) = match state.read(&name).await? {
            Some(stored) => {
                let read = Breakers::from_json(&stored.bytes);
                (
                    read.map_err(|fault| refuse(PortErrorKind::Malformed, format!("{name}: {fault}; move it away")))?,
                    Expected::Unchanged(stored.revision),
                )
            }
            None => (Breakers::default(), Expected::Absent),
        };
        let before = breakers.clone();
        let outcome = change(&mut breakers);
        if breakers == before {
            return Ok((outcome, breakers));
        }
        match state.write(&name, &breakers.to_json(), expected).await? {
            Written::Stored => return Ok((outcome, breakers)),
            Written::Conflict => tokio::time::sleep(Duration::from_millis(50) * 2u32.pow(tried)).await,
        }
    }
    Err(refuse(PortErrorKind::Unavailable, format!("{TRIES} times somebody else wrote in between")))
}

/// One document of decisions, a line each, named by the day and its own digest.
fn bundle(reports: &[LaunchReport]) -> (Result<StateName, String>, Vec<u8>) {
    let mut lines = Vec::new();
    for report in reports {
        // Reports are plain data: they have a JSON form.
        lines.extend(serde_json::to_vec(report).unwrap_or_default());
        lines.push(b'\n');
    }
    let at = reports.first().map_or(Timestamp::UNIX_EPOCH, |report| report.at).to_zoned(jiff::tz::TimeZone::UTC);
    let (digest, time) = (Sha256Digest::of(&lines).to_string(), at.strftime("%Y-%m-%d/%H%M%S"));
    let short = digest.get(..16).unwrap_or_default();
    let name = StateName::new(format!("v1/decisions/{time}-{short}.jsonl"));
    (name, lines)
}

/// Says in the log what was decided.
pub fn log(report: &LaunchReport) {
    let by = report.judged.overridden.as_ref();
    // What an override let pass stands against the launch all the same.
    let (reasons, faults) = by.map_or((&report.judged.reasons, &report.judged.faults), |by| (&by.reasons, &by.faults));
    let causes: Vec<&str> = reasons.iter().chain(faults).map(|cause| cause.code.as_str()).collect();
    let image = report.judged.image.as_ref().map_or_else(|| "unknown".to_owned(), |image| image.id.to_string());
    let action = report.action.map_or("none", Completion::as_str);
    let verdict = format!("{:?}", report.judged.verdict).to_lowercase();
    let mode = format!("{:?}", report.judged.mode).to_lowercase();
    macro_rules! line {
        ($level:ident, $($message:tt)+) => {
            tracing::$level!(
                event = "launch-decided", verdict, action, mode, image,
                instance = %report.wait.instance, group = %report.wait.group, hook = %report.wait.hook,
                reasons = causes.join(","), overridden = by.map(|by| tracing::field::display(by.statement)),
                ticket = by.map(|by| by.ticket.as_str()), $($message)+
            )
        };
    }
    let (instance, group) = (&report.wait.instance, &report.wait.group);
    if let Some(by) = by {
        let who: Vec<&str> = by.by.iter().map(|name| name.as_str()).collect();
        line!(
            warn,
            "{instance} of {group} goes into service because an override lets it: {image}, {}; {}, {}, until {:.0}",
            causes.join(", "),
            who.join(" and "),
            by.ticket,
            by.until
        );
    } else if report.is_warning() {
        line!(
            warn,
            "{instance} of {group} goes into service although the verdict on {image} is {verdict}: {}",
            causes.join(", ")
        );
    } else if verdict == "admit" {
        line!(info, "{instance} of {group} goes into service: {image} is admitted");
    } else {
        line!(warn, "{instance} of {group} is abandoned: the verdict on {image} is {verdict}: {}", causes.join(", "));
    }
}

#[cfg(test)]
mod tests;
