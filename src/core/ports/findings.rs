//! What is asked of a service that keeps findings: Security Hub.

use std::future::Future;

use jiff::Timestamp;
use serde_json::Value;

use super::PortError;
use crate::fleet::Place;

/// A finding, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its id, the same in every run.
    pub id: String,
    /// What is sent: nobody in here looks into it.
    pub body: Value,
}

/// A finding that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untaken {
    /// Its id.
    pub id: String,
    /// What the service says.
    pub why: String,
}

/// A service that keeps findings, for each account and region its own.
pub trait Findings {
    /// Returns the findings of ours that are active in a place, each as it is sent to close it at an instant. Where nobody
    /// subscribed to the service there are none.
    fn open(&self, place: &Place, at: Timestamp) -> impl Future<Output = Result<Vec<Finding>, PortError>> + Send;

    /// Sends findings, and returns those that were not taken.
    fn send(
        &self,
        place: &Place,
        findings: Vec<Finding>,
    ) -> impl Future<Output = Result<Vec<Untaken>, PortError>> + Send;
}
