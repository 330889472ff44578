//! An override: two people let pass, for a while and for reasons that they name, what would be stopped.
//!
//! Both sign the same statement. It is about a scope, and its subject is the name of that scope.

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::revocations::is_line;
use crate::ids::{AccountId, GroupArn, ImageRef};

/// Overrides.
pub const GRANT_TYPE: &str = "https://goldseal.dev/override/v1";

/// The most codes or entries that one override names.
const MOST: usize = 64;
/// The longest reason, in characters.
const LONGEST: usize = 500;
/// The longest name, in characters.
const LONGEST_NAME: usize = 200;

/// An override, as two people sign it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grant {
    /// For what it is.
    pub scope: GrantScope,
    /// The codes of the reasons and faults that it turns into an admission (docs/reasons.md): all that there are must be
    /// among them.
    pub causes: BTreeSet<String>,
    /// The entries of the revocation list that it goes against, by number.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub revocations: BTreeSet<u64>,
    /// Why.
    pub reason: String,
    /// The ticket of the incident.
    pub ticket: String,
    /// Who granted it, in their own words; the keys are what proves it.
    pub granted_by: String,
    /// When they did.
    pub granted_at: Timestamp,
    /// First instant at which it counts.
    pub from: Timestamp,
    /// First instant at which it no longer does.
    pub until: Timestamp,
}

/// For what an override is. There is none for everything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantScope {
    /// One image.
    Image(ImageRef),
    /// The launches of an Auto Scaling group.
    Group(GroupArn),
    /// What launches in an account.
    Account(AccountId),
}

/// Why an override is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum GrantFault {
    #[error("it names no reasons that it overrides")]
    NoCauses,
    #[error("it names more than {MOST} causes or entries")]
    TooMany,
    #[error("{what} must be one visible line of at most {most} characters")]
    Text { what: &'static str, most: usize },
    #[error("it ends at {until}, and begins at {from}")]
    Backwards { from: Timestamp, until: Timestamp },
    #[error("it begins at {from}, before it was granted ({granted_at})")]
    BeforeGranted { from: Timestamp, granted_at: Timestamp },
}

impl Grant {
    /// Checks its form.
    ///
    /// # Errors
    /// See [`GrantFault`].
    pub fn check(&self) -> Result<(), GrantFault> {
        if self.causes.is_empty() {
            return Err(GrantFault::NoCauses);
        }
        if self.causes.len() > MOST || self.revocations.len() > MOST {
            return Err(GrantFault::TooMany);
        }
        for (what, text, most) in [
            ("the reason", &self.reason, LONGEST),
            ("the ticket", &self.ticket, LONGEST_NAME),
            ("who granted it", &self.granted_by, LONGEST_NAME),
        ] {
            if !is_line(text, most) {
                return Err(GrantFault::Text { what, most });
            }
        }
        let Self { from, until, granted_at, .. } = *self;
        if until <= from {
            return Err(GrantFault::Backwards { from, until });
        }
        // Nobody lets pass what is over.
        if from < granted_at {
            return Err(GrantFault::BeforeGranted { from, granted_at });
        }
        Ok(())
    }
}

impl GrantScope {
    /// Returns its name, which is the subject of its overrides: `image:REGION:AMI`, `group:ARN` or `account:ID`.
    pub fn name(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for GrantScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(ImageRef { region, id }) => write!(f, "image:{region}:{id}"),
            Self::Group(group) => write!(f, "group:{group}"),
            Self::Account(account) => write!(f, "account:{account}"),
        }
    }
}

#[cfg(test)]
mod tests;
