//! What an audit leaves for the next one → what is new in it, and how long ago everything was last seen.
//!
//! Nothing in here is believed as a verdict: every audit judges anew. Whoever can write there can silence what is new, and
//! nothing that a report lists.

use jiff::{SignedDuration, Timestamp};

use crate::{
    fleet::{Snapshot, SnapshotFault, changes},
    gate::Period,
    ports::{Expected, PortError, PortErrorKind, StateName, StateStore, Written},
    report::{AUDIT_AGE_SCHEMA, AuditAgeReport, AuditReport, Note, Outcome},
};

const NAME: &str = "v1/audit/last.json";
const OPERATION: &str = "state:audit";

/// The last audit, as it was kept.
#[derive(Debug)]
pub struct LastAudit {
    snapshot: Option<Snapshot>,
    expected: Expected,
}

/// Why it is not known what the last audit saw.
#[derive(Debug, thiserror::Error)]
pub enum LastAuditFault {
    /// The place could not be asked.
    #[error(transparent)]
    Port(#[from] PortError),
    /// What is there is none of ours, or damaged.
    #[error("{NAME}, which the last audit kept, cannot be read")]
    Damaged(#[source] SnapshotFault),
}

impl LastAudit {
    /// Reads what the last audit kept.
    ///
    /// # Errors
    /// See [`LastAuditFault`]: what is damaged is not taken for a first time.
    pub async fn recall(state: &impl StateStore) -> Result<Self, LastAuditFault> {
        let Some(stored) = state.read(&name()?).await? else {
            return Ok(Self { snapshot: None, expected: Expected::Absent });
        };
        let snapshot = Snapshot::from_json(&stored.bytes).map_err(LastAuditFault::Damaged)?;
        Ok(Self { snapshot: Some(snapshot), expected: Expected::Unchanged(stored.revision) })
    }

    /// Compares an audit with it, into the report; returns what to keep. `outcome` is that of all that was found.
    pub fn compare(&self, report: &mut AuditReport, outcome: Outcome) -> Snapshot {
        let next = Snapshot::after(self.snapshot.as_ref(), report, outcome);
        report.changes = Some(changes(self.snapshot.as_ref(), &next));
        next
    }

    /// Says what is wrong about it: something in it lies after the beginning of this audit.
    pub fn note(&self, report: &AuditReport) -> Option<Note> {
        let last = self.snapshot.as_ref()?;
        let whole = last.last_whole.filter(|whole| *whole > report.started);
        let message = match (last.finished.max(last.started), whole) {
            (ended, _) if ended > report.started => format!(
                "the last audit is said to have ended at {ended:.0}, after this one began: two ran at once, or a clock \
                 was set back"
            ),
            (_, Some(whole)) => format!(
                "the last audit that saw everything is said to have begun at {whole:.0}, after this one: a clock was set back"
            ),
            (_, None) => return None,
        };
        Some(Note::new("last-audit-later", message))
    }

    /// Keeps an audit in its place, unless somebody else did since it was read.
    ///
    /// # Errors
    /// Those of the place, and a fleet that is larger than what is kept.
    pub async fn keep(&self, state: &impl StateStore, next: &Snapshot) -> Result<Written, PortError> {
        let name = name()?;
        let large =
            || PortError::new(PortErrorKind::Refused, OPERATION, NAME).because("the fleet is too large to be kept");
        let bytes = next.to_json().ok_or_else(large)?;
        state.write(&name, &bytes, self.expected.clone()).await
    }

    /// Says whether everything was seen as lately as it should be.
    pub fn age(&self, max_age: Period, now: Timestamp) -> AuditAgeReport {
        let last_whole = self.snapshot.as_ref().and_then(|last| last.last_whole);
        let last = self.snapshot.as_ref().map(|last| last.started);
        let (outcome, message) = match (last_whole, last) {
            (None, None) => (Outcome::Reject, "no audit was ever kept here".to_owned()),
            (None, Some(last)) => {
                (Outcome::Reject, format!("no audit saw everything yet; the last one, at {last:.0}, did not"))
            }
            (Some(whole), _) if whole > now => {
                let why = "one of the clocks is wrong, and nobody knows how old it is";
                (Outcome::Undetermined, format!("the last whole audit is of {whole:.0}, which is after now: {why}"))
            }
            (Some(whole), _) if max_age.after(whole) <= now => {
                let since = hours(now.duration_since(whole));
                (Outcome::Reject, format!("no audit has seen everything since {whole:.0}, {since} ago"))
            }
            (Some(whole), _) => {
                let since = hours(now.duration_since(whole));
                (Outcome::Admit, format!("everything was last seen at {whole:.0}, {since} ago"))
            }
        };
        AuditAgeReport {
            schema: AUDIT_AGE_SCHEMA,
            at: now,
            max_age: max_age.to_string(),
            last_whole,
            last,
            outcome,
            message,
        }
    }
}

fn hours(since: SignedDuration) -> String {
    let (hours, minutes) = (since.as_hours(), since.as_mins() % 60);
    format!("{hours}h {minutes}m")
}

fn name() -> Result<StateName, PortError> {
    let refused = |why| PortError::new(PortErrorKind::Refused, OPERATION, NAME).because(why);
    StateName::new(NAME).map_err(refused)
}

#[cfg(test)]
mod tests;
