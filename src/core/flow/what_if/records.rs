//! The decisions that launch hooks recorded: documents of lines in their state → launches, the newest first.
//!
//! However many there are, so much is read and no more; what was not read is said.

use futures_util::{StreamExt as _, stream};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    ports::{StateName, StateStore},
    report::{Cause, LaunchReport},
    verdict::Fault,
};

/// A hook writes at most one document a second.
const NAMES_OF_A_DAY: usize = 100_000;
/// So many documents are read at most.
const DOCUMENTS: usize = 5_000;
/// So many records are taken at most: some 100 MiB.
const RECORDS: usize = 50_000;
/// So many documents are read together.
const TOGETHER: usize = 8;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// The launches, in the order of their documents, the newest first.
    pub(super) launches: Vec<LaunchReport>,
    /// What could not be read, or was not.
    pub(super) faults: Vec<Cause>,
}

/// Reads the decisions from `since` until `until`.
pub(super) async fn records(state: &impl StateStore, since: Timestamp, until: Timestamp) -> Records {
    let mut records = Records::default();
    let names = names(state, date(since), date(until), &mut records.faults).await;
    let documents = names.iter().take(DOCUMENTS).map(|name| async move { (name, state.read(name).await) });
    let mut documents = stream::iter(documents).buffered(TOGETHER);
    let mut seen = 0;
    while let Some((name, document)) = documents.next().await {
        seen += 1;
        match document {
            Ok(Some(stored)) => records.take(name, &stored.bytes, since),
            // It grew too old, and was removed in between.
            Ok(None) => {}
            Err(error) => records.faults.push(missed(error.chain())),
        }
        if records.launches.len() >= RECORDS {
            break;
        }
    }
    if let Some(next) = names.get(seen) {
        let problem = format!("{next} and older ones were not read: there are too many; take a shorter --since");
        records.faults.push(missed(problem));
    }
    records
}

/// Returns the names of the documents of these days, the newest first.
async fn names(state: &impl StateStore, from: Date, to: Date, faults: &mut Vec<Cause>) -> Vec<StateName> {
    let mut names = Vec::new();
    let mut day = to;
    while day >= from && names.len() <= DOCUMENTS {
        let Ok(prefix) = StateName::new(format!("v1/decisions/{day}")) else { break };
        match state.list(&prefix, NAMES_OF_A_DAY).await {
            Ok(listed) => names.extend(listed.into_iter().rev()),
            Err(error) => {
                faults.push(missed(format!("none of {day} and before was read: {}", error.chain())));
                break;
            }
        }
        let Ok(before) = day.yesterday() else { break };
        day = before;
    }
    names
}

fn date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn missed(problem: String) -> Cause {
    Cause::fault(&Fault::RecordUnavailable { problem })
}

impl Records {
    fn take(&mut self, name: &StateName, document: &[u8], since: Timestamp) {
        let (mut first, mut more) = (None, 0_usize);
        for (number, line) in document.split(|byte| *byte == b'\n').enumerate() {
            match LaunchReport::read(line) {
                _ if line.is_empty() => {}
                Ok(launch) if launch.at >= since => self.launches.push(launch),
                Ok(_) => {}
                Err(_) if first.is_some() => more += 1,
                Err(fault) => first = Some(format!("line {} of {name}: {fault}", number + 1)),
            }
        }
        let others = if more == 0 { String::new() } else { format!("; and {more} lines more") };
        self.faults.extend(first.map(|first| missed(first + &others)));
    }
}
