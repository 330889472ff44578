//! A service of findings in memory.

#![expect(clippy::unwrap_used, reason = "a lock that was poisoned should stop the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    fleet::Place,
    ports::{Finding, Findings, PortError, PortErrorKind, Untaken},
};

/// What was sent to each place, by id. What is closed is not active.
#[derive(Debug, Default)]
pub struct FakeHub {
    /// The findings.
    pub held: Mutex<BTreeMap<(Place, String), Value>>,
    /// Places where every call fails.
    pub out: BTreeSet<Place>,
    /// Ids that are not taken.
    pub refused: BTreeSet<String>,
}

impl FakeHub {
    fn reach(&self, place: &Place) -> Result<(), PortError> {
        let out = self.out.contains(place);
        if out { Err(PortError::new(PortErrorKind::Denied, "fake", &place.account)) } else { Ok(()) }
    }

    /// Returns the ids of what is active in a place.
    pub fn active(&self, place: &Place) -> Vec<String> {
        let held = self.held.lock().unwrap();
        let here = held.iter().filter(|((at, _), body)| at == place && body.get("closed").is_none());
        here.map(|((_, id), _)| id.clone()).collect()
    }
}

impl Findings for FakeHub {
    async fn open(&self, place: &Place, at: Timestamp) -> Result<Vec<Finding>, PortError> {
        self.reach(place)?;
        let closed = |id| Finding { id, body: json!({"closed": at.to_string()}) };
        Ok(self.active(place).into_iter().map(closed).collect())
    }

    async fn send(&self, place: &Place, findings: Vec<Finding>) -> Result<Vec<Untaken>, PortError> {
        self.reach(place)?;
        let mut held = self.held.lock().unwrap();
        let mut untaken = Vec::new();
        for Finding { id, body } in findings {
            if self.refused.contains(&id) {
                untaken.push(Untaken { id, why: "InvalidInput".to_owned() });
            } else {
                held.insert((place.clone(), id), body);
            }
        }
        Ok(untaken)
    }
}
