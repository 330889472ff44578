//! What is said about images from outside their evidence: revocations, which withdraw, and overrides, which let pass.
//!
//! Both are read as they were found, verified once, and judged at one instant or another, like evidence. Lists that
//! cannot be read never help anybody: without a revocation list that counts nothing is admitted, and without an override
//! nothing is let pass.

mod granted;
mod overrides;
mod published;
mod revocations;

use std::{borrow::Cow, fmt, sync::Arc};

use jiff::Timestamp;

pub use self::granted::{GrantState, Granted, Held};
use self::overrides::Overrides;
pub use self::published::{Published, SignedList, Unfit};
use self::revocations::Known;
pub(super) use self::{overrides::Search, revocations::Withdrawn};
use super::{
    keys::Keys,
    rule::{Context, Policy},
};
use crate::{
    attestation::predicate::Revocations,
    digest::Sha256Digest,
    ids::ImageRef,
    verdict::{Overridden, Verdict},
};

/// What a place said when it was asked for a list.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// Where it is.
    pub place: String,
    /// The list; none when there is none; else why it could not be read.
    pub answer: Result<Option<&'a [u8]>, String>,
    /// It is what we kept ourselves of an earlier answer.
    pub kept: bool,
}

/// Revocations and overrides, as far as a policy asks for them, as they were at the instant of the question.
///
/// How old a revocation list is, and whether its signers count, is judged at that instant; an override, at the instant of
/// each verdict. A policy that asks for what was not asked for admits nothing.
#[derive(Debug, Default)]
pub struct Lists {
    withdrawn: Option<Withdrawn>,
    overrides: Option<Overrides>,
    newest: Option<Newest>,
    known: Vec<Arc<Known>>,
    /// A key of the policy is revoked, and what is known to be older stays.
    revokes_since: bool,
    remarks: Vec<Remark>,
}

/// What a reader should know of the lists beside a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// The store's list is older than one that was seen.
    RolledBack {
        /// The serial of the store's list.
        found: u64,
        /// The highest that was seen.
        seen: u64,
    },
    /// The store's list could not be read, or does not count; one that was kept stands in.
    StandIn {
        /// Why.
        problem: String,
    },
    /// The revocation list that counts could not be kept: who puts an older one back is found out by its age alone.
    NotKept {
        /// Why.
        problem: String,
    },
    /// Overrides could not be read; there may be some.
    OverridesUnreadable {
        /// Why.
        problem: String,
    },
    /// An override counts, and does not let this pass.
    OverrideShort {
        /// The SHA-256 of its statement.
        statement: Sha256Digest,
        /// The codes and entries that it does not name.
        missing: Vec<String>,
    },
}

/// The revocation list that counts, as something to remember.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// Its serial.
    pub serial: u64,
    /// When it was signed.
    pub issued: Timestamp,
    /// How many entries it has.
    pub entries: usize,
    /// The SHA-256 of its statement.
    pub statement: Sha256Digest,
    /// The index of its source, as it was given.
    pub source: usize,
}

impl Lists {
    /// Starts with what was examined before: bytes that are still the same are not examined again. Nothing else is taken over.
    #[must_use]
    pub fn after(before: &Self) -> Self {
        Self { known: before.known.clone(), ..Self::default() }
    }

    /// Reads the revocation list, if the policy asks for one. `at` is when the sources were asked.
    #[must_use]
    pub fn revoking(mut self, policy: &Policy, keys: &Keys, sources: &[Source<'_>], at: Timestamp) -> Self {
        if let Some(rule) = policy.revocation() {
            let (known, remarks) = (&mut self.known, &mut self.remarks);
            let (withdrawn, newest) = revocations::read(rule, keys, sources, at, known, remarks);
            self.revokes_since = withdrawn.keys(policy).values().any(|key| key.before.is_some());
            (self.withdrawn, self.newest) = (Some(withdrawn), newest);
        }
        self
    }

    /// Takes a list as if it counted, whoever signed it: for what would be. Nothing is enforced by such lists.
    ///
    /// # Errors
    /// The fault that makes it no list.
    pub fn as_if(policy: &Policy, list: &Revocations) -> Result<Self, String> {
        let Some(rule) = policy.revocation() else { return Ok(Self::default()) };
        let withdrawn = Withdrawn::as_if(list.clone(), rule.list.as_str())?;
        Ok(Self { withdrawn: Some(withdrawn), ..Self::default() })
    }

    /// Reads the overrides, if the policy lets anybody make one.
    #[must_use]
    pub fn overriding(mut self, policy: &Policy, keys: &Keys, sources: &[Source<'_>]) -> Self {
        self.overrides = policy.overrides().map(|_| Overrides::read(keys, sources, &mut self.remarks));
        self
    }

    /// Returns what is withdrawn.
    pub(super) fn withdrawn(&self, policy: &Policy) -> Cow<'_, Withdrawn> {
        match (policy.revocation(), &self.withdrawn) {
            (None, _) => Cow::Owned(Withdrawn::default()),
            (Some(_), Some(withdrawn)) => Cow::Borrowed(withdrawn),
            (Some(_), None) => Cow::Owned(Withdrawn::unknown("it was not asked for".to_owned())),
        }
    }

    /// Returns why nobody knows everything that is revoked, if so.
    pub fn problems(&self, policy: &Policy) -> Vec<String> {
        self.withdrawn(policy).faults.iter().map(ToString::to_string).collect()
    }

    /// Says whether a key of the policy is revoked of which older signatures stay.
    pub(super) fn revokes_since(&self) -> bool {
        self.revokes_since
    }

    /// Returns the revocation list that counts, if one does.
    pub fn newest(&self) -> Option<Newest> {
        self.newest
    }

    /// Finds the override that lets pass what a verdict stops, if there is one that counts at `at`: of an image, and of a
    /// launch as far as it is known. Of several the one that ends last.
    pub(super) fn search(&self, policy: &Policy, launched: Launched<'_>, verdict: &Verdict, at: Timestamp) -> Search {
        let Some((rule, overrides)) = policy.overrides().zip(self.overrides.as_ref()) else { return Search::default() };
        let withdrawn = self.withdrawn(policy);
        overrides.find(rule, (&withdrawn, &withdrawn.keys(policy)), launched, verdict, at)
    }

    /// Finds the override that lets pass what a verdict stops, at an instant.
    pub fn overridden(
        &self,
        policy: &Policy,
        (image, context): (&ImageRef, &Context),
        verdict: &Verdict,
        at: Timestamp,
    ) -> Option<Overridden> {
        self.search(policy, Launched { image, context }, verdict, at).overridden
    }

    /// Finds the override that held when something was launched, of which a verdict says what stands against it today.
    pub fn held(
        &self,
        policy: &Policy,
        (image, context): (&ImageRef, &Context),
        verdict: &Verdict,
        at: Timestamp,
    ) -> Option<Held> {
        let (rule, overrides) = policy.overrides().zip(self.overrides.as_ref())?;
        let withdrawn = self.withdrawn(policy);
        overrides.held(rule, (&withdrawn, &withdrawn.keys(policy)), Launched { image, context }, verdict, at)
    }

    /// Returns every override that one of its authorities signed, however it stands at an instant.
    pub fn grants(&self, policy: &Policy, at: Timestamp) -> Vec<Granted> {
        let Some((rule, overrides)) = policy.overrides().zip(self.overrides.as_ref()) else { return Vec::new() };
        let withdrawn = self.withdrawn(policy);
        overrides.all(rule, (&withdrawn, &withdrawn.keys(policy)), at)
    }

    /// Remembers that the revocation list that counts could not be kept.
    pub fn not_kept(&mut self, problem: String) {
        self.remarks.push(Remark::NotKept { problem });
    }

    /// Returns what a reader should know of them.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }
}

/// What is launched, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Launched<'a> {
    pub(super) image: &'a ImageRef,
    pub(super) context: &'a Context,
}

impl Remark {
    /// Returns the stable code of the note.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RolledBack { .. } => "revocations-rolled-back",
            Self::StandIn { .. } => "revocations-stand-in",
            Self::NotKept { .. } => "revocations-not-kept",
            Self::OverridesUnreadable { .. } => "overrides-unreadable",
            Self::OverrideShort { .. } => "override-short",
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RolledBack { found, seen } => write!(
                f,
                "the store has revocation list {found}, older than {seen}, which was seen before and counts: somebody put \
                 it back"
            ),
            Self::StandIn { problem } => {
                write!(f, "the revocation list that was kept stands in for the store's: {problem}")
            }
            Self::NotKept { problem } => write!(
                f,
                "the revocation list could not be kept, so an older one that is put back would be found out by its age \
                 alone: {problem}"
            ),
            Self::OverridesUnreadable { problem } => write!(f, "overrides could not be read: {problem}"),
            Self::OverrideShort { statement, missing } => write!(
                f,
                "the override sha256:{statement} counts and does not let this pass: it does not name {}",
                missing.join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests;
