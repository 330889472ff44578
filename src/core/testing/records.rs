//! Records of boots in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::ports::Journal;
use crate::ports::{BootRecords, MOST_RECORDS, PortError, PortErrorKind, is_record, records_folder, records_from};

/// What boot guards left, by path. What is not in it is not there.
#[derive(Debug, Default)]
pub struct FakeRecords {
    /// The records.
    pub held: BTreeMap<String, Vec<u8>>,
    /// What asking about an instance fails with, by its ARN.
    pub faults: BTreeMap<String, PortErrorKind>,
    /// See [`Journal`].
    pub journal: Journal,
}

impl BootRecords for FakeRecords {
    async fn newest(&self, instance: &str, since: Option<Timestamp>) -> Result<Option<Vec<u8>>, PortError> {
        self.journal.note(&format!("newest {instance}"), self.faults.get(instance).copied())?;
        let from = since.map_or_else(|| records_folder(instance), |since| records_from(instance, since));
        let own: Vec<_> = self.held.range(from..).filter(|(path, _)| is_record(instance, path)).collect();
        if own.len() > MOST_RECORDS {
            return Err(PortError::new(PortErrorKind::Malformed, "records", instance));
        }
        Ok(own.last().map(|(_, bytes)| (*bytes).clone()))
    }

    fn locate(&self) -> String {
        "memory".to_owned()
    }
}
