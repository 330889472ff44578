//! The override that an admission stands on, and everything that it let pass; and the one by which an instance runs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Cause;
use crate::{digest::Sha256Digest, policy::Held, trust::AuthorityName, verdict::Overridden};

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverrideReport {
    /// SHA-256 of the payload of its statement.
    pub statement: Sha256Digest,
    /// The authorities that signed it: two at least.
    pub by: Vec<AuthorityName>,
    /// It records that key files on disk signed it.
    pub dangerous_local: bool,
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

/// The override that lets an instance run, or that held when it was launched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverriddenInstance {
    /// The override.
    #[serde(flatten)]
    pub told: OverrideReport,
    /// When it ended; none while it lets such an instance run. Nothing is admitted by one that has ended, and what was
    /// launched while it held stays named.
    pub ended: Option<Timestamp>,
    /// The number of the entry of the revocation list that ended it.
    pub ended_by: Option<u64>,
}

impl From<&Overridden> for OverriddenInstance {
    fn from(overridden: &Overridden) -> Self {
        Self { told: overridden.into(), ended: None, ended_by: None }
    }
}

impl OverriddenInstance {
    /// Tells of one that held when an instance was launched, as it is at an instant.
    pub fn held(held: &Held, at: Timestamp) -> Self {
        let ended = Some(held.ended()).filter(|ended| *ended <= at);
        Self { told: held.told().into(), ended, ended_by: held.revoked.as_ref().map(|entry| entry.entry) }
    }
}

impl From<&Overridden> for OverrideReport {
    fn from(overridden: &Overridden) -> Self {
        let grant = overridden.grant();
        Self {
            statement: overridden.statement(),
            by: overridden.by().to_vec(),
            dangerous_local: overridden.by_dangerous_local_key(),
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
