//! What `override` says: overrides as they stand, and what was done about them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{KeyReport, Note};
use crate::{
    digest::Sha256Digest,
    policy::{GrantState, Granted},
    trust::AuthorityName,
    verdict::CODES,
};

/// The schema of [`OverridesReport`].
pub const OVERRIDE_SCHEMA: &str = "goldseal/override/v1";

/// What was done, and the overrides that it is about.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverridesReport {
    /// `goldseal/override/v1`.
    pub schema: &'static str,
    /// The instant at which they stand so.
    pub at: Timestamp,
    /// SHA-256 of the policy document, and of the files that it names.
    pub policy: Sha256Digest,
    /// What was done.
    pub step: OverrideStep,
    /// The overrides, those that let something pass first.
    pub overrides: Vec<OverrideSeen>,
    /// The key that signed, if one did.
    pub key: Option<KeyReport>,
    /// Where something was written, or taken out.
    pub written: Vec<String>,
    /// What to type next.
    #[serde(rename = "type")]
    pub commands: Vec<String>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideStep {
    /// Nothing.
    Shown,
    /// A first person signed.
    Granted,
    /// Another person signed too.
    Countersigned,
    /// It is to be ended, or was taken out of the store.
    Ended,
}

/// An override as it was found.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverrideSeen {
    /// SHA-256 of the payload of its statement.
    pub statement: Sha256Digest,
    /// How it stands.
    pub state: OverrideState,
    /// The same in words.
    pub standing: String,
    /// The authorities whose signatures count.
    pub by: Vec<AuthorityName>,
    /// How many it takes.
    pub needed: usize,
    /// It records that key files on disk signed it.
    pub dangerous_local: bool,
    /// For what it is: `image:REGION:AMI`, `group:ARN` or `account:ID`.
    pub scope: String,
    /// The codes that it lets pass.
    pub causes: Vec<OverriddenCode>,
    /// The entries of the revocation list that it goes against.
    pub revocations: Vec<u64>,
    /// Why.
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
    /// The places that have it.
    pub found: Vec<String>,
}

/// A code that an override lets pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OverriddenCode {
    /// The code.
    pub code: String,
    /// What it means; empty for one that there is not.
    pub meaning: &'static str,
}

impl OverriddenCode {
    fn of(code: &str) -> Self {
        let meaning = CODES.iter().find(|(known, ..)| *known == code).map_or("", |(_, meaning, _)| *meaning);
        Self { code: code.to_owned(), meaning }
    }
}

/// How an override stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideState {
    /// It lets pass what it names.
    Active,
    /// It will, later.
    NotYet,
    /// Too few signed it; it lets nothing pass.
    HalfSigned,
    /// An entry of the revocation list ended it.
    Ended,
    /// Its window is over.
    Over,
    /// The policy lets nothing pass by it.
    Void,
}

impl OverrideState {
    /// Returns its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NotYet => "not yet",
            Self::HalfSigned => "half-signed",
            Self::Ended => "ended",
            Self::Over => "over",
            Self::Void => "void",
        }
    }
}

impl From<&GrantState> for OverrideState {
    fn from(state: &GrantState) -> Self {
        match state {
            GrantState::Active => Self::Active,
            GrantState::NotYet => Self::NotYet,
            GrantState::HalfSigned => Self::HalfSigned,
            GrantState::Over => Self::Over,
            GrantState::Revoked(_) => Self::Ended,
            GrantState::Void(_) => Self::Void,
        }
    }
}

impl From<&Granted> for OverrideSeen {
    fn from(granted: &Granted) -> Self {
        let Granted { statement, grant, by, needed, dangerous_local_key, found, state, .. } = granted;
        Self {
            statement: *statement,
            state: state.into(),
            standing: granted.standing(),
            by: by.clone(),
            needed: *needed,
            dangerous_local: *dangerous_local_key,
            scope: grant.scope.name(),
            causes: grant.causes.iter().map(|code| OverriddenCode::of(code)).collect(),
            revocations: grant.revocations.iter().copied().collect(),
            reason: grant.reason.clone(),
            ticket: grant.ticket.clone(),
            granted_by: grant.granted_by.clone(),
            granted_at: grant.granted_at,
            from: grant.from,
            until: grant.until,
            found: found.clone(),
        }
    }
}
