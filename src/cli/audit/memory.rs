//! What an audit keeps for the next one, and how long ago everything was last seen.

use anyhow::{Context as _, Result};
use goldseal_core::{
    flow::{LastAudit, LastAuditFault},
    gate::Period,
    ports::{PortError, Written},
    report::{AuditReport, FailOn, Note},
};
use jiff::Timestamp;

use super::super::{
    exit::{Code, Failure},
    session::Session,
};
use crate::{
    adapters::{state::State, store::StoreUrl},
    render::{self, Format},
};

/// So often somebody else may write in between.
const TRIES: u32 = 5;

/// A place for state, and what the last audit kept there.
pub struct Memory {
    place: StoreUrl,
    state: State,
    last: LastAudit,
}

impl Memory {
    /// Returns the place, where a revocation list is kept as well.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Reads what the last audit kept. What cannot be read stops an audit before it asks anything: whatever the reason, nobody
    /// knows what was kept.
    pub async fn open(session: &Session, state: &str) -> Result<Self, Failure> {
        let place = session.settings.audit_state(state).map_err(anyhow::Error::from)?;
        let state = session.state(&place).await?;
        let last = recall(&state, &place).await;
        let last = last.map_err(|error| Failure { code: Code::Unknown, ..Failure::from(error) })?;
        Ok(Self { place, state, last })
    }

    /// Compares an audit with the last one and keeps it; says whether it was kept. `put` writes the report down, each time
    /// before it is kept: what is not written down is new again the next time.
    pub async fn keep(
        mut self,
        report: &mut AuditReport,
        fail_on: &FailOn,
        put: impl AsyncFn(&mut AuditReport) -> bool,
    ) -> bool {
        let notes = report.notes.clone();
        let mut problem = format!("{TRIES} times another audit was kept in between");
        for _ in 0..TRIES {
            report.notes = notes.iter().cloned().chain(self.last.note(report)).collect();
            let next = self.last.compare(report, fail_on.outcome(report));
            if !put(report).await {
                report.notes.push(not_kept("it was not written down everywhere"));
                return false;
            }
            let kept = match self.last.keep(&self.state, &next).await {
                Ok(Written::Stored) => return true,
                Ok(Written::Conflict) => recall(&self.state, &self.place).await.map_err(|error| format!("{error:#}")),
                Err(error) => Err(PortError::chain(&error)),
            };
            match kept {
                Ok(other) => self.last = other,
                Err(why) => {
                    problem = why;
                    break;
                }
            }
        }
        report.notes.push(not_kept(&problem));
        put(report).await;
        false
    }

    /// Says whether everything was seen within a time. Nothing of AWS is asked but for the state.
    pub fn age(&self, max_age: Period, format: Format) -> Result<Code, Failure> {
        if !matches!(format, Format::Human | Format::Json) {
            return Err(Failure::new(Code::Usage, format!("--max-age is not told as {format}: human or json")));
        }
        let report = self.last.age(max_age, Timestamp::now());
        render::audit_age(format, &report)?;
        Ok(Code::from(report.outcome))
    }
}

fn not_kept(problem: &str) -> Note {
    let message = format!("this audit was not kept, and what is new in it will be new again: {problem}");
    Note::new("audit-not-kept", message)
}

async fn recall(state: &State, place: &StoreUrl) -> Result<LastAudit> {
    let recalled = LastAudit::recall(state).await.map_err(|fault| match fault {
        LastAuditFault::Port(error) => anyhow::Error::new(error),
        LastAuditFault::Damaged(_) => anyhow::Error::new(fault),
    });
    recalled.with_context(|| format!("reading what the last audit kept in {place}"))
}
