//! Publication: what is wished of an image, and what EC2 and Parameter Store already hold → the steps, as data.
//!
//! The order is the safe one: nobody is given an image that could still be deleted under them or that does not yet point
//! to its evidence, and a name that launches follow comes last. Whether the image may be published is not asked here.

mod names;
mod plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;

pub use self::{
    names::{Audience, AudienceKind, LockDays, ParameterName},
    plan::{Goal, Obstacle, Planned, plan},
};
use crate::ids::{ImageRef, Region, SnapshotId};

/// The data type of a parameter that holds an image. Parameter Store changes it of no parameter.
pub const IMAGE_DATA_TYPE: &str = "aws:ec2:image";

/// What is wished of every image that is published. Shared tags are written in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Lock its snapshots against deletion.
    pub lock: Option<LockDays>,
    /// Protect it against deregistration.
    pub protect: bool,
    /// Let these launch it.
    pub share: BTreeSet<Audience>,
    /// Let these parameters, in its region, name it.
    pub parameters: BTreeSet<ParameterName>,
}

/// What EC2 and Parameter Store hold of an image. What nobody wished to change need not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// EC2's word for the image's state.
    pub state: String,
    /// Its snapshots, and how they are locked. A lock that ended is none.
    pub snapshots: BTreeMap<SnapshotId, Option<Lock>>,
    /// Whether it is protected against deregistration.
    pub protected: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Who may launch it: accounts and ARNs.
    pub audience: BTreeSet<String>,
    /// Everybody may launch it.
    pub public: bool,
    /// The parameters that are there.
    pub parameters: BTreeMap<ParameterName, Parameter>,
}

/// A lock of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// Its mode.
    pub mode: LockMode,
    /// When it ends.
    pub until: Timestamp,
}

/// Whether a lock can be taken away again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// By those who have the permission.
    Governance,
    /// By nobody, or only for some hours.
    Compliance,
}

/// A parameter that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its value.
    pub value: String,
    /// Its data type.
    pub data_type: String,
}

/// One call that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what the call says")]
pub enum Step {
    /// Locks a snapshot.
    Lock { region: Region, snapshot: SnapshotId, lock: Lock },
    /// Protects an image against deregistration.
    Protect { image: ImageRef },
    /// Sets tags of an image.
    Tag { image: ImageRef, tags: Vec<(String, String)> },
    /// Lets others launch an image.
    Share { image: ImageRef, with: Vec<Audience> },
    /// Lets a parameter name an image, instead of what it named.
    Name { image: ImageRef, parameter: ParameterName, instead_of: Option<String> },
}

impl Step {
    /// Returns the call, as IAM names it.
    pub const fn call(&self) -> &'static str {
        match self {
            Self::Lock { .. } => "ec2:LockSnapshot",
            Self::Protect { .. } => "ec2:EnableImageDeregistrationProtection",
            Self::Tag { .. } => "ec2:CreateTags",
            Self::Share { .. } => "ec2:ModifyImageAttribute",
            Self::Name { .. } => "ssm:PutParameter",
        }
    }

    /// Returns the region it is made in.
    pub const fn region(&self) -> &Region {
        match self {
            Self::Lock { region, .. } => region,
            Self::Protect { image }
            | Self::Tag { image, .. }
            | Self::Share { image, .. }
            | Self::Name { image, .. } => &image.region,
        }
    }

    /// Returns what it changes: an image, a snapshot or a parameter.
    pub fn resource(&self) -> &str {
        match self {
            Self::Lock { snapshot, .. } => snapshot.as_str(),
            Self::Protect { image } | Self::Tag { image, .. } | Self::Share { image, .. } => image.id.as_str(),
            Self::Name { parameter, .. } => parameter.as_str(),
        }
    }

    /// Returns to what, for people; empty where the call says it all.
    pub fn detail(&self) -> String {
        match self {
            Self::Lock { lock, .. } => format!("{} until {}", lock.mode, lock.until),
            Self::Protect { .. } => String::new(),
            Self::Tag { tags, .. } => join(tags, ", ", |(name, value)| format!("{name}={value}")),
            Self::Share { with, .. } => format!("launchPermission {}", join(with, " ", |one| format!("+{one}"))),
            Self::Name { image, instead_of: None, .. } => format!("={}", image.id),
            Self::Name { image, instead_of: Some(old), .. } => format!("={} (was {old})", image.id),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.call(), self.region(), self.resource())?;
        match self.detail() {
            detail if detail.is_empty() => Ok(()),
            detail => write!(f, " {detail}"),
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        })
    }
}

fn join<T>(list: &[T], separator: &str, write: impl Fn(&T) -> String) -> String {
    list.iter().map(write).collect::<Vec<_>>().join(separator)
}
