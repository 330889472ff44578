//! A compiled policy: what is left when every problem is out of the way.

mod listed;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::listed::{ListName, OverrideRule, OverrideScope, ReceiptRule, RequiredReceipt, RevocationRule};
use crate::{
    attestation::Kind,
    digest::Sha256Digest,
    gate::{Limits, Measurement, Period},
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

impl Mode {
    /// Returns the word that reports and receipts have for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}

/// A policy that compiled.
#[derive(Debug)]
pub struct Policy {
    pub(super) digest: Sha256Digest,
    pub(super) signatories: Vec<Signatory>,
    pub(super) requirements: Vec<Requirement>,
    pub(super) gate: GateRule,
    pub(super) provenance: ProvenanceRule,
    pub(super) identity: Identity,
    pub(super) launch: LaunchRule,
    pub(super) breaker: BreakerRule,
    pub(super) boot: BootRule,
    pub(super) revocation: Option<RevocationRule>,
    pub(super) overrides: Option<OverrideRule>,
    pub(super) receipts: Option<ReceiptRule>,
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
    /// From when on nothing newer of theirs counts.
    pub retired: Option<Timestamp>,
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

    /// Returns the URI of a key in KMS.
    pub fn kms(&self) -> Option<&str> {
        match self {
            Self::Pem(_) => None,
            Self::Kms { uri, .. } => Some(uri),
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

/// What a gate result may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRule {
    /// Its limits.
    pub limits: Limits,
    /// Which of them the document gives; the others are built in.
    pub written: BTreeSet<&'static str>,
    /// For what an approval is asked.
    pub approval: ApprovalFor,
}

/// For what a person's approval is asked. For nothing is none of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalFor {
    /// For exceptions that were used, and for findings below the threshold.
    AcceptedRisks,
    /// For exceptions that were used.
    Exceptions,
}

impl ApprovalFor {
    /// Says whether a measurement needs an approval.
    pub fn asked(self, measured: &Measurement) -> bool {
        match self {
            Self::AcceptedRisks => measured.accepts(),
            Self::Exceptions => !measured.exceptions.is_empty(),
        }
    }
}

/// Which builds are accepted; an absent list accepts all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProvenanceRule {
    /// Accepted builders.
    pub builders: Option<BTreeSet<String>>,
    /// Accepted repositories.
    pub repositories: Option<BTreeSet<String>>,
    /// Accepted owners of the base image.
    pub base_owners: Option<BTreeSet<AccountId>>,
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

/// How launches are judged beside their image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaunchRule {
    /// What the root volume must be made of.
    pub root_volume: RootVolume,
    /// How old the evidence may be that stands in for a store that cannot be reached; none: nothing stands in.
    pub last_known_good: Option<Period>,
}

/// What the root volume of an instance must be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RootVolume {
    /// Of a snapshot of its image.
    OfImage,
    /// It is not looked at.
    Unchecked,
}

/// What is done when the store cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnreachable {
    /// Nothing is admitted.
    Deny,
    /// Evidence that was read and verified before is judged again.
    LastKnownGood,
}

/// When launches that are abandoned again and again raise an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRule {
    /// So many distinct instances of one image in one group.
    pub instances: usize,
    /// Within this time.
    pub within: Period,
    /// The group's `Launch` process is suspended too.
    pub suspend_launch: bool,
}

/// What the boot guard does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootRule {
    /// With an instance that is not admitted.
    pub action: BootAction,
}

/// What the boot guard does with an instance that is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BootAction {
    /// Powers it off.
    Poweroff,
    /// Halts it: nothing runs any more, and EC2 goes on showing it as running.
    Halt,
    /// Keeps it for a person at the serial console: nothing starts but the emergency shell.
    Emergency,
    /// Says so, and lets it boot.
    Report,
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

    /// Returns what a gate result may say.
    pub fn gate(&self) -> &GateRule {
        &self.gate
    }

    /// Returns how launches are judged beside their image.
    pub fn launch(&self) -> &LaunchRule {
        &self.launch
    }

    /// Returns when abandoned launches raise an alarm.
    pub fn breaker(&self) -> &BreakerRule {
        &self.breaker
    }

    /// Returns what the boot guard does.
    pub fn boot(&self) -> &BootRule {
        &self.boot
    }

    /// Returns which of some authorities has a key, by the SHA-256 of its SubjectPublicKeyInfo.
    pub fn authority_with(&self, spki: Sha256Digest, of: &BTreeSet<AuthorityName>) -> Option<&AuthorityName> {
        let named = self.signatories.iter().filter(|one| of.contains(&one.name));
        named.into_iter().find(|one| one.key.digest() == spki).map(|one| &one.name)
    }

    /// Returns whose revocation list counts, if the policy asks for one.
    pub fn revocation(&self) -> Option<&RevocationRule> {
        self.revocation.as_ref()
    }

    /// Returns whose overrides count, if anybody's do.
    pub fn overrides(&self) -> Option<&OverrideRule> {
        self.overrides.as_ref()
    }

    /// Returns whose receipts are believed, if anybody's are.
    pub fn receipts(&self) -> Option<&ReceiptRule> {
        self.receipts.as_ref()
    }

    /// Returns who must sign a kind of statement, and how many of them, if the policy asks for one.
    pub fn requirement(&self, kind: Kind) -> Option<&Requirement> {
        self.requirements.iter().find(|requirement| requirement.kind == kind)
    }

    /// Says whether a person must approve what a gate accepted.
    pub fn asks_approval(&self, measured: &Measurement) -> bool {
        !self.dangerous_without_gate && self.gate.approval.asked(measured)
    }

    /// Returns the keys that approve, by the SHA-256 of their SubjectPublicKeyInfo.
    pub fn approving_keys(&self) -> BTreeSet<Sha256Digest> {
        let names = self.requirement(Kind::Approval).map(|requirement| &requirement.authorities);
        let named = self.signatories.iter().filter(|one| names.is_some_and(|names| names.contains(&one.name)));
        named.map(|one| one.key.digest()).collect()
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

    /// Says whether a mode depends on the group of a launch.
    pub fn scopes_groups(&self) -> bool {
        self.scopes.iter().any(|scope| scope.groups.is_some())
    }

    /// Returns the ARNs of all groups that scopes name.
    pub fn groups(&self) -> impl Iterator<Item = String> + '_ {
        self.scopes.iter().filter_map(|scope| scope.groups.as_ref()).flatten().cloned()
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
