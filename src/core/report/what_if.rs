//! What `policy what-if` says: which running instances and recorded launches another policy would judge otherwise.
//!
//! Both policies judge the same facts and the same evidence at the same instant. What differs is grouped by image; what
//! does not is counted, so that both add up to everything that was judged.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Cause, Class, Note, Outcome, PlaceReport};
use crate::{
    digest::Sha256Digest,
    enforcement::{Action, Completion, Patience, plan},
    ids::{AccountId, GroupName, ImageRef, InstanceId, Region},
    policy::Mode,
    verdict::Verdict,
};

/// The schema of [`WhatIfReport`].
pub const WHAT_IF_SCHEMA: &str = "goldseal/what-if/v1";

/// What would change, and what could not be told.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhatIfReport {
    /// `goldseal/what-if/v1`.
    pub schema: &'static str,
    /// The instant of the verdicts on what runs; another than now when that was asked for.
    pub at: Timestamp,
    /// When the first question was asked.
    pub started: Timestamp,
    /// When the last answer was there.
    pub finished: Timestamp,
    /// SHA-256 of the policy that is compared with, and of the files that it names.
    pub current: Sha256Digest,
    /// SHA-256 of the policy that might be, and of the files that it names.
    pub candidate: Sha256Digest,
    /// Where lists were read that are published nowhere yet; the candidate is judged by them too.
    pub supposed: Vec<String>,
    /// Every account and region that was to be looked at, those that could not be too.
    pub places: Vec<PlaceReport>,
    /// The running instances.
    pub running: Comparison<ChangedInstance>,
    /// What the launch hook decided; none when no place for its state was named.
    pub decisions: Option<DecisionsReport>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

/// Everything that two policies judged.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comparison<T> {
    /// How many were judged.
    pub total: u64,
    /// Those that do not change.
    pub unchanged: Unchanged,
    /// Those that do, by image, the worst first.
    pub changes: Vec<ChangedImage<T>>,
}

/// What both policies judge alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unchanged {
    /// How many.
    pub count: u64,
    /// How many of them are undetermined by both: nobody knows whether they would change.
    pub undetermined: u64,
    /// How many of them would be in another mode, which does nothing about an admission.
    pub other_mode: u64,
}

/// What changes in one and the same way.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedImage<T> {
    /// What it comes to.
    pub effect: Effect,
    /// The image; none where a launch was decided before anybody knew it.
    pub image: Option<ImageRef>,
    /// The image's name, where EC2 told.
    pub name: Option<String>,
    /// By the current policy.
    pub from: Standing,
    /// By the candidate.
    pub to: Standing,
    /// Whom it is about.
    pub instances: Vec<T>,
}

/// What a change comes to, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Its launch goes on now, and would be refused.
    Refused,
    /// Its verdict would be worse; what is done about it stays.
    Worse,
    /// Its launch is refused now, and would go on.
    LetIn,
    /// Its verdict would be better; what is done about it stays.
    Better,
    /// Verdict and action stay; its class does not.
    Class,
}

/// Where something stands by one policy: all that makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stance {
    /// The class of an instance that runs; launches have none.
    pub class: Option<Class>,
    /// The verdict.
    pub verdict: Outcome,
    /// What is done about a verdict that is not `admit`.
    pub mode: Mode,
    /// How the launch of such an instance ends.
    pub action: Completion,
}

/// Where something stands by one policy, and why.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Where.
    #[serde(flatten)]
    pub stance: Stance,
    /// What stands against it. Of several instances, against the first one: the codes are the same for all.
    pub causes: Vec<Cause>,
}

/// A running instance that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedInstance {
    /// The account that runs it.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The instance.
    pub instance: InstanceId,
    /// Its `Name` tag.
    pub name: Option<String>,
}

/// What the launch hook decided, and both policies judged again.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionsReport {
    /// Decisions of this instant and later ones were read.
    pub since: Timestamp,
    /// Those that were judged again, each at its own instant.
    pub compared: Comparison<ChangedDecision>,
    /// Those that cannot be.
    pub unjudged: Vec<UnjudgedDecision>,
    /// What could not be read.
    pub faults: Vec<Cause>,
}

/// A recorded launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedLaunch {
    /// When it was decided.
    pub at: Timestamp,
    /// The account that launched; none while it was not known.
    pub account: Option<AccountId>,
    /// The region.
    pub region: Region,
    /// The Auto Scaling group.
    pub group: GroupName,
    /// The instance.
    pub instance: InstanceId,
    /// SHA-256 of the policy that decided.
    pub policy: Sha256Digest,
    /// The verdict then.
    pub verdict: Outcome,
    /// What was done then; none where somebody else was faster.
    pub action: Option<Completion>,
}

/// A recorded launch that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedDecision {
    /// What was decided.
    #[serde(flatten)]
    pub launch: RecordedLaunch,
    /// What is of today in what was judged, and was another then.
    pub notes: Vec<Note>,
}

/// A recorded launch that cannot be judged again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnjudgedDecision {
    /// What was decided.
    #[serde(flatten)]
    pub launch: RecordedLaunch,
    /// The image, as far as it was known.
    pub image: Option<ImageRef>,
    /// Why it cannot be judged.
    pub why: Cause,
}

impl Stance {
    /// Takes a verdict, a class if there is one, and a mode.
    pub fn new(class: Option<Class>, verdict: &Verdict, mode: Mode) -> Self {
        let action = match plan(verdict, mode, Patience::Over) {
            Action::Complete(completion) => completion,
            // At the deadline nobody asks again.
            Action::AskAgain => Completion::Abandon,
        };
        Self { class, verdict: super::launch::causes(verdict).0, mode, action }
    }

    /// Says what a change to another one comes to; none where nothing that matters changes. A mode alone does not matter:
    /// where it does, so does the action.
    pub fn effect(self, to: Self) -> Option<Effect> {
        match (self.action, to.action) {
            (Completion::Continue, Completion::Abandon) => Some(Effect::Refused),
            (Completion::Abandon, Completion::Continue) => Some(Effect::LetIn),
            _ if to.verdict > self.verdict => Some(Effect::Worse),
            _ if to.verdict < self.verdict => Some(Effect::Better),
            _ if to.class != self.class => Some(Effect::Class),
            _ => None,
        }
    }
}

impl Standing {
    /// Says why something stands where it does.
    pub fn new(stance: Stance, verdict: &Verdict) -> Self {
        let (_, reasons, faults) = super::launch::causes(verdict);
        Self { stance, causes: reasons.into_iter().chain(faults).collect() }
    }
}

impl Effect {
    /// Every effect, the worst first.
    pub const ALL: [Self; 5] = [Self::Refused, Self::Worse, Self::LetIn, Self::Better, Self::Class];

    /// Says in a few words what would be.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Refused => "would be refused",
            Self::Worse => "would be judged worse",
            Self::LetIn => "would be let in",
            Self::Better => "would be judged better",
            Self::Class => "would be of another class",
        }
    }
}

impl<T> Comparison<T> {
    /// Returns how many change with an effect.
    pub fn count(&self, effect: Effect) -> u64 {
        self.changes.iter().filter(|change| change.effect == effect).map(|change| change.instances.len() as u64).sum()
    }

    /// Returns how many change.
    pub fn changed(&self) -> u64 {
        self.changes.iter().map(|change| change.instances.len() as u64).sum()
    }
}

impl WhatIfReport {
    /// Says whether something would change: `reject` if it would, `undetermined` if that could not be told of everything.
    /// Nothing to look at is not everything.
    pub fn outcome(&self) -> Outcome {
        let decided = self.decisions.as_ref();
        if self.running.changed() > 0 || decided.is_some_and(|one| one.compared.changed() > 0) {
            return Outcome::Reject;
        }
        let seen = !self.places.is_empty() && self.places.iter().all(|place| place.faults.is_empty());
        let read = decided.is_none_or(|one| {
            one.unjudged.is_empty() && one.faults.is_empty() && one.compared.unchanged.undetermined == 0
        });
        match seen && read && self.running.unchanged.undetermined == 0 {
            true => Outcome::Admit,
            false => Outcome::Undetermined,
        }
    }
}

#[cfg(test)]
mod tests;
