//! What `audit` found in a fleet: every instance, its image's verdict, and the doors that are open beside the hook.
//!
//! An image is reported once, however many instances run it; an instance names its image by its place in the list.

mod age;
mod changes;
mod doors;
mod fail_on;
mod finding;
mod groups;
mod guards;
mod read;

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use age::{AUDIT_AGE_SCHEMA, AuditAgeReport};
pub use changes::{Change, Changes, DoorChange, InstanceChange, PlaceChange, Sight, Since};
pub use doors::OpenDoor;
pub use fail_on::{Condition, FailOn};
pub use finding::{DOOR_FINDING, FINDINGS, INSTANCE_FINDING, PLACE_FINDING};
pub use groups::{Ending, Group};
pub use guards::Guards;
pub use read::AuditFileFault;

use super::{Cause, ImageReport, Note, Outcome, OverriddenInstance, Severity};
use crate::{
    attestation::predicate::BootGuard,
    digest::Sha256Digest,
    ids::{AccountId, AmiId, GroupName, InstanceId, Region},
    policy::Mode,
};

/// The schema of [`AuditReport`].
pub const AUDIT_SCHEMA: &str = "goldseal/audit/v1";

/// What runs, whether it may, and what was not seen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditReport {
    /// `goldseal/audit/v1`.
    #[serde(deserialize_with = "read::schema")]
    pub schema: Cow<'static, str>,
    /// The instant of every verdict in here; another than now when that was asked for.
    pub at: Timestamp,
    /// When the first question was asked.
    pub started: Timestamp,
    /// When the last answer was there.
    pub finished: Timestamp,
    /// SHA-256 of the policy document, and of the files that it names.
    pub policy: Sha256Digest,
    /// How many instances are of which class; the sum is that of all instances.
    pub classes: BTreeMap<Class, u64>,
    /// Every account and region that was to be looked at, those that could not be too.
    pub places: Vec<PlaceReport>,
    /// Every image that runs, once, the worst first.
    pub images: Vec<AuditedImage>,
    /// Every instance, the worst first.
    pub instances: Vec<AuditedInstance>,
    /// Ways around what guards launches, the worst first; none when nobody looked for them.
    pub doors: Option<Vec<Door>>,
    /// What is another since the last audit; none when nobody compared.
    pub changes: Option<Changes>,
    /// Where the records of boot guards were read; none when nobody asked for them.
    pub boot_records: Option<String>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// What an instance is, the worst first. Every instance is of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Its image is rejected: tampered evidence, another's evidence, a key that the policy does not know, a limit.
    Refused,
    /// Its root volume is not of its image.
    RootReplaced,
    /// There is no evidence for its image.
    Unsealed,
    /// Its image was admissible once; nothing but time stands against it.
    Expired,
    /// It could not be judged.
    Undetermined,
    /// An override lets it run, or held when it was launched: that stays named until it is gone.
    Overridden,
    /// Admitted, for not much longer.
    Expiring,
    /// Admitted.
    Admitted,
}

impl Class {
    /// Every class, the worst first.
    pub const ALL: [Self; 8] = [
        Self::Refused,
        Self::RootReplaced,
        Self::Unsealed,
        Self::Expired,
        Self::Undetermined,
        Self::Overridden,
        Self::Expiring,
        Self::Admitted,
    ];

    /// Says that nobody let such an instance run.
    pub const fn is_bad(self) -> bool {
        match self {
            Self::Refused | Self::RootReplaced | Self::Unsealed | Self::Expired => true,
            Self::Undetermined | Self::Overridden | Self::Expiring | Self::Admitted => false,
        }
    }

    /// Says in a few words what an instance of it is.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Refused => "its image is rejected",
            Self::RootReplaced => "its root volume is not of its image",
            Self::Unsealed => "there is no evidence for its image",
            Self::Expired => "its image was admissible once",
            Self::Undetermined => "it could not be judged",
            Self::Overridden => "an override lets it run, or held when it was launched",
            Self::Expiring => "admitted, for not much longer",
            Self::Admitted => "admitted",
        }
    }

    /// Returns its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::RootReplaced => "root-replaced",
            Self::Unsealed => "unsealed",
            Self::Expired => "expired",
            Self::Undetermined => "undetermined",
            Self::Overridden => "overridden",
            Self::Expiring => "expiring",
            Self::Admitted => "admitted",
        }
    }
}

/// An account in a region, and whether it was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaceReport {
    /// The account.
    pub account: AccountId,
    /// What people call the account.
    pub name: Option<String>,
    /// The region; none when the account's regions could not be asked for.
    pub region: Option<Region>,
    /// How many instances were seen there.
    pub instances: u64,
    /// What could not be asked for there. Empty: all of it was seen.
    pub faults: Vec<Cause>,
    /// When an audit that did not end saw it, if this one went on from there; none when this one looked itself.
    pub seen: Option<Timestamp>,
}

/// An image that runs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditedImage {
    /// What `verify` says of it.
    #[serde(flatten)]
    pub report: ImageReport,
    /// What EC2 says of it to whoever runs it, be it deregistered or not shared any more.
    pub seen: Option<ImageSeen>,
    /// How many instances of each class run it.
    pub classes: BTreeMap<Class, u64>,
    /// The exceptions that its gate result stands on, the first to run out first.
    pub exceptions: Vec<ExceptionEnd>,
    /// The boot guard in it, by its signed provenance; none when that does not say.
    pub guard: Option<BootGuard>,
}

/// What EC2 says of an image with the instance that runs it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageSeen {
    /// Its name.
    pub name: Option<String>,
    /// Its owner.
    pub owner: Option<AccountId>,
    /// `available`, `deregistered`, `disabled`, …
    pub state: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// From when on it is deprecated.
    pub deprecated: Option<Timestamp>,
    /// The account's Allowed AMIs setting lets it be launched.
    pub allowed: Option<bool>,
    /// Everybody may launch it.
    pub public: Option<bool>,
}

/// An exception of a gate result, and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionEnd {
    /// The vulnerability.
    pub id: String,
    /// The package.
    pub package: String,
    /// Who answers for it.
    pub owner: String,
    /// Its end.
    pub expires: Timestamp,
}

/// An instance.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditedInstance {
    /// The account that runs it.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The instance.
    pub instance: InstanceId,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// The class.
    pub class: Class,
    /// The verdict of the instance: its image's, and its root volume's; `admit` where an override in force lets it run.
    pub verdict: Outcome,
    /// What would be done about such a launch.
    pub mode: Mode,
    /// The id of its image.
    pub ami: AmiId,
    /// Which of the images of the report it is, from 0.
    pub image: usize,
    /// `pending`, `running`, `stopping`, `stopped`, …
    pub state: String,
    /// When it was launched, or last started.
    pub launched: Option<Timestamp>,
    /// Who launched it.
    pub launcher: Launcher,
    /// Why it is rejected beside its image.
    pub reasons: Vec<Cause>,
    /// What could not be asked beside its image.
    pub faults: Vec<Cause>,
    /// The override that lets it run, or that held when it was launched; its class is then `overridden`. The report of its
    /// image says what stands against it without that.
    pub overridden: Option<Box<OverriddenInstance>>,
    /// What the boot guard on it last reported since it was started. Code on the instance wrote it.
    pub boot: Option<BootSeen>,
}

/// Who launched an instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Launcher {
    /// An Auto Scaling group.
    Group {
        /// Its name.
        group: GroupName,
    },
    /// An EC2 or Spot fleet.
    Fleet {
        /// Its id.
        id: String,
    },
    /// Karpenter.
    Karpenter {
        /// The node pool.
        pool: String,
    },
    /// A service that manages it, such as `eks.amazonaws.com`.
    Service {
        /// Its principal.
        principal: String,
    },
    /// RunInstances, by whomever.
    Direct,
}

/// What a boot guard reported of the last boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BootSeen {
    /// When it judged.
    pub at: Timestamp,
    /// Its verdict: `admit`, `reject`, `undetermined`.
    pub verdict: String,
    /// How it ended the boot: `poweroff`, `halt`, `emergency`; `none` when it let it go on.
    pub action: String,
}

/// A way around what guards launches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Door {
    /// How wide it is open.
    pub severity: Severity,
    /// The stable code; docs/audit.md lists all.
    pub code: Cow<'static, str>,
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// What it is: a group, a launch template, a parameter, an instance.
    #[serde(rename = "where")]
    pub place: String,
    /// What was found.
    pub message: String,
    /// What to type, in this order.
    #[serde(rename = "type")]
    pub commands: Vec<String>,
}

impl AuditReport {
    /// Says whether everything that was to be seen was seen. Nothing to look at is not everything.
    pub fn is_whole(&self) -> bool {
        !self.places.is_empty() && self.places.iter().all(|place| place.faults.is_empty())
    }

    /// Returns when the first of what it tells of was asked for: before it began, if it went on from another.
    pub fn oldest(&self) -> Timestamp {
        self.places.iter().filter_map(|place| place.seen).fold(self.started, Timestamp::min)
    }

    /// Returns the doors that were found.
    pub fn doors(&self) -> &[Door] {
        self.doors.as_deref().unwrap_or_default()
    }

    /// Returns how many instances there are.
    pub fn total(&self) -> u64 {
        self.classes.values().sum()
    }

    /// Returns how many instances are of a class.
    pub fn count(&self, class: Class) -> u64 {
        self.classes.get(&class).copied().unwrap_or(0)
    }

    /// Returns how many instances nobody let run.
    pub fn bad(&self) -> u64 {
        Class::ALL.into_iter().filter(|class| class.is_bad()).map(|class| self.count(class)).sum()
    }

    /// Returns the image of an instance.
    pub fn image_of(&self, instance: &AuditedInstance) -> Option<&AuditedImage> {
        self.images.get(instance.image)
    }

    /// Returns what stands against an instance, what is its own first.
    pub fn causes<'r>(&'r self, instance: &'r AuditedInstance) -> impl Iterator<Item = &'r Cause> {
        let image = self.image_of(instance).map(|image| &image.report);
        let of_image = image.into_iter().flat_map(|image| image.reasons.iter().chain(&image.faults));
        instance.reasons.iter().chain(&instance.faults).chain(of_image)
    }

    /// Returns what people call accounts.
    pub fn names(&self) -> BTreeMap<&AccountId, &str> {
        self.places.iter().filter_map(|place| Some((&place.account, place.name.as_deref()?))).collect()
    }
}

impl Launcher {
    /// Returns its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Group { .. } => "group",
            Self::Fleet { .. } => "fleet",
            Self::Karpenter { .. } => "karpenter",
            Self::Service { .. } => "service",
            Self::Direct => "direct",
        }
    }

    /// Returns its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Group { group } => Some(group.as_str()),
            Self::Fleet { id } => Some(id),
            Self::Karpenter { pool } => Some(pool),
            Self::Service { principal } => Some(principal),
            Self::Direct => None,
        }
    }
}

#[cfg(test)]
mod tests;
