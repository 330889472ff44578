//! A compiled policy: what is left when every problem is out of the way.

use std::{collections::BTreeSet, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    attestation::Kind,
    digest::Sha256Digest,
    ids::{AccountId, Region},
    time::Window,
    trust::{AuthorityName, PublicKey, Scheme, Witness},
};

/// What an enforcement point does with a verdict. A mode never changes the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Says what it would have done, and lets pass.
    Warn,
    /// Stops what is not admitted.
    Enforce,
}

/// A policy that compiled.
#[derive(Debug)]
pub struct Policy {
    pub(super) digest: Sha256Digest,
    pub(super) signatories: Vec<Signatory>,
    pub(super) requirements: Vec<Requirement>,
    pub(super) identity: Identity,
    pub(super) scopes: Vec<Scope>,
    pub(super) no_match: Mode,
    pub(super) dangerous_without_gate: bool,
}

/// An authority before its key is at hand.
#[derive(Debug, Clone)]
pub struct Signatory {
    /// Its name.
    pub name: AuthorityName,
    /// Where its key is.
    pub key: KeySource,
    /// When its signatures count.
    pub window: Window,
    /// Who else must have seen them.
    pub witness: Option<Arc<Witness>>,
}

/// Where an authority's key is.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// In the policy.
    Pem(Arc<PublicKey>),
    /// In KMS, and pinned in the policy.
    Kms {
        /// `awskms:///…`
        uri: String,
        /// SHA-256 of its SubjectPublicKeyInfo.
        pin: Sha256Digest,
        /// Its scheme.
        scheme: Scheme,
    },
}

impl KeySource {
    /// Returns the SHA-256 of the key's SubjectPublicKeyInfo.
    pub fn digest(&self) -> Sha256Digest {
        match self {
            Self::Pem(key) => key.digest(),
            Self::Kms { pin, .. } => *pin,
        }
    }
}

/// One kind of statement that an image needs, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The kind.
    pub kind: Kind,
    /// Who may sign it: at least one.
    pub authorities: BTreeSet<AuthorityName>,
    /// How many of them must have signed: from 1 to all.
    pub threshold: usize,
}

/// Which images are looked at at all; an absent list accepts all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Accepted owners.
    pub owners: Option<BTreeSet<AccountId>>,
    /// Accepted regions.
    pub regions: Option<BTreeSet<Region>>,
    /// Tags whose value must be sealed.
    pub tags: BTreeSet<String>,
}

/// Where a mode holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The mode.
    pub mode: Mode,
    /// Accounts that launch.
    pub accounts: Option<BTreeSet<AccountId>>,
    /// Regions that launch.
    pub regions: Option<BTreeSet<Region>>,
    /// ARNs of groups that launch.
    pub groups: Option<BTreeSet<String>>,
}

/// Who launches an image, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The account.
    pub account: Option<AccountId>,
    /// The region.
    pub region: Option<Region>,
    /// The ARN of the Auto Scaling group.
    pub group: Option<String>,
}

impl Policy {
    /// Returns the SHA-256 of the document and of the files that it names.
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Returns the authorities.
    pub fn signatories(&self) -> &[Signatory] {
        &self.signatories
    }

    /// Returns what an image needs.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Says whether images without a gate result are accepted.
    pub fn dangerous_without_gate(&self) -> bool {
        self.dangerous_without_gate
    }

    /// Returns the mode for a launch. Where several scopes match, `enforce` wins.
    pub fn mode(&self, context: &Context) -> Mode {
        let matching = self.scopes.iter().filter(|scope| scope.matches(context));
        matching.map(|scope| scope.mode).max().unwrap_or(self.no_match)
    }
}

impl Scope {
    /// Of a launch that is not known in full, `enforce` takes what might be its own, `warn` only what certainly is.
    fn matches(&self, context: &Context) -> bool {
        fn within<T: Ord>(list: Option<&BTreeSet<T>>, value: Option<&T>, unknown: bool) -> bool {
            list.is_none_or(|list| value.map_or(unknown, |value| list.contains(value)))
        }
        let unknown = self.mode == Mode::Enforce;
        within(self.accounts.as_ref(), context.account.as_ref(), unknown)
            && within(self.regions.as_ref(), context.region.as_ref(), unknown)
            && within(self.groups.as_ref(), context.group.as_ref(), unknown)
    }
}

#[cfg(test)]
mod tests;
