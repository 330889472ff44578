//! Which recorded decisions have their receipts: a document an hour, in the state beside them.
//!
//! A batch is claimed before its receipts are made, with the decisions that it takes. Whoever finds a claim whose receipts may
//! be missing makes them of the same decisions, and so under the same names.

use serde::{Deserialize, Serialize};

use crate::{
    bounded::{self, JsonFault, Limits, Object},
    ports::StateName,
};

const SCHEMA: &str = "goldseal/receipted/v1";
/// A hook writes a document a second at most, and there are a few hooks.
const LIMITS: Limits = Limits { bytes: 16 << 20, depth: 8 };
/// So many documents of decisions make a batch at most.
const BATCH: usize = 120;

/// The batches of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Batches {
    schema: String,
    pub(super) batches: Vec<Batch>,
}

/// Some documents of decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Batch {
    /// The names of the documents.
    pub(super) decisions: Vec<String>,
    /// Whether its receipts are there.
    pub(super) written: bool,
    /// What of it could not be read, and has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) unreadable: Vec<String>,
}

impl Default for Batches {
    fn default() -> Self {
        Self { schema: SCHEMA.to_owned(), batches: Vec::new() }
    }
}

impl Batches {
    /// Reads it.
    ///
    /// # Errors
    /// See [`JsonFault`]; at most 16 MiB are read.
    pub fn from_json(bytes: &[u8]) -> Result<Self, JsonFault> {
        let Object(read): Object<Self> = bounded::json(bytes, LIMITS)?;
        match read.schema == SCHEMA {
            true => Ok(read),
            false => Err(JsonFault::Shape(format!("the schema is {:?}, not {SCHEMA:?}", read.schema))),
        }
    }

    /// Returns it as it is kept.
    pub fn to_json(&self) -> Vec<u8> {
        // Plain data has a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Claims the documents that no batch has.
    pub(super) fn claim<'n>(&mut self, names: impl IntoIterator<Item = &'n StateName>) {
        let fresh: Vec<String> =
            names.into_iter().map(|name| name.as_str().to_owned()).filter(|name| !self.has(name)).collect();
        for some in fresh.chunks(BATCH) {
            self.batches.push(Batch { decisions: some.to_vec(), written: false, unreadable: Vec::new() });
        }
    }

    fn has(&self, name: &str) -> bool {
        self.batches.iter().any(|batch| batch.decisions.iter().any(|one| one == name))
    }
}

/// Returns the document that a document of decisions is accounted in: `v1/decisions/DAY/HHMMSS-….jsonl` by day and hour.
pub(super) fn hour_of(decisions: &StateName) -> Option<StateName> {
    let (day, file) = decisions.as_str().strip_prefix("v1/decisions/")?.split_once('/')?;
    let hour = file.get(..2).filter(|hour| hour.bytes().all(|b| b.is_ascii_digit()))?;
    StateName::new(format!("v1/receipted/{day}/{hour}.json")).ok()
}
