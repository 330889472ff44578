//! The override that an admission stands on, and everything that it let pass.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Cause;
use crate::{digest::Sha256Digest, trust::AuthorityName, verdict::Overridden};

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverrideReport {
    /// SHA-256 of the payload of its statement.
    pub statement: Sha256Digest,
    /// The authorities that signed it: two at least.
    pub by: Vec<AuthorityName>,
    /// For what it is: `image:REGION:AMI`, `group:ARN` or `account:ID`.
    pub scope: String,
    /// Why it was granted.
    pub reason: String,
    /// The ticket of the incident.
    pub ticket: String,
    /// Who granted it, in their own words.
    pub granted_by: String,
    /// When they did.
    pub granted_at: Timestamp,
    /// First instant at which it counts.
    pub from: Timestamp,
    /// First instant at which it no longer does.
    pub until: Timestamp,
    /// The reasons that would have rejected.
    pub reasons: Vec<Cause>,
    /// What could not be asked.
    pub faults: Vec<Cause>,
}

impl From<&Overridden> for OverrideReport {
    fn from(overridden: &Overridden) -> Self {
        let grant = overridden.grant();
        Self {
            statement: overridden.statement(),
            by: overridden.by().to_vec(),
            scope: grant.scope.name(),
            reason: grant.reason.clone(),
            ticket: grant.ticket.clone(),
            granted_by: grant.granted_by.clone(),
            granted_at: grant.granted_at,
            from: grant.from,
            until: grant.until,
            reasons: overridden.reasons().iter().map(Cause::reason).collect(),
            faults: overridden.faults().iter().map(Cause::fault).collect(),
        }
    }
}
