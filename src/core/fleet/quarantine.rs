//! What may be done about instances that must not run: a report, what somebody asked for and what EC2 shows now →
//! actions, as data. Nothing is done unless somebody asks for it.
//!
//! Two conditions, both needed, and neither of them in the hands of one person alone:
//!
//! 1. The policy's: the instance is rejected, of a class that was named, where the policy enforces whatever group it is of.
//! 2. The owner's: the instance bears the tag [`CONSENT`].
//!
//! What is not known is no condition: an instance that could not be judged is never acted on, nor is one whose evidence
//! merely ran out. More than the limit is a sign of a broken policy, and then nothing is done at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use super::Place;
use crate::{
    ids::InstanceId,
    policy::{Context, Mode, Policy},
    report::{AuditReport, AuditedInstance, Class, Outcome},
};

/// The tag by which whoever owns an instance lets an audit act on it, and its value.
pub const CONSENT: (&str, &str) = ("goldseal:quarantine", "allow");

/// The tags of a network interface that name the groups it was in before, so that they can be given back: as many of these
/// as it takes.
pub const GROUPS_BEFORE: [&str; 2] = ["goldseal:groups-before", "goldseal:groups-before-2"];

/// A class of instances that can be acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActOn {
    /// Its image is rejected for more than time that passed.
    Refused,
    /// Its root volume is not of its image.
    RootReplaced,
    /// There is no evidence for its image.
    Unsealed,
}

impl ActOn {
    const ALL: [Self; 3] = [Self::Refused, Self::RootReplaced, Self::Unsealed];

    /// Returns the class.
    pub const fn class(self) -> Class {
        match self {
            Self::Refused => Class::Refused,
            Self::RootReplaced => Class::RootReplaced,
            Self::Unsealed => Class::Unsealed,
        }
    }
}

impl FromStr for ActOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|one| one.class().as_str() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|one| one.class().as_str()).collect();
            format!("{text:?} is none of {}: nothing else is ever acted on", names.join(", "))
        })
    }
}

/// What somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acting {
    /// The classes to act on.
    pub on: BTreeSet<ActOn>,
    /// What to do.
    pub means: Means,
    /// Act on none if there are more.
    pub limit: usize,
}

/// What is done to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// All its network interfaces go into the security group of this name in their VPC, and into no other.
    Isolate(String),
    /// It is terminated.
    Terminate,
}

/// An instance as EC2 shows it now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// It bears the tag of consent.
    pub consents: bool,
    /// It is terminated, or is about to be.
    pub ended: bool,
    /// Its network interfaces.
    pub interfaces: Vec<Interface>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interface {
    /// Its id.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// The security groups that it is in.
    pub groups: Vec<String>,
}

/// What EC2 shows in a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The instances that were asked for.
    pub instances: BTreeMap<InstanceId, Held>,
    /// The security groups of the name that was asked for, by their VPC.
    pub groups: BTreeMap<String, String>,
}

/// Something to be done to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Where.
    pub place: Place,
    /// To which.
    pub instance: InstanceId,
    /// What.
    pub step: Step,
}

/// See [`Action`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Interfaces go into a group each.
    Isolate(Vec<Move>),
    /// It ends.
    Terminate,
}

/// An interface, and the group that it goes into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// As it is before.
    pub interface: Interface,
    /// The one group that it is in from then on.
    pub group: String,
}

/// What is to be done, and what is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is to be done.
    pub actions: Vec<Action>,
    /// What cannot be done, and why.
    pub left: Vec<(Place, InstanceId, String)>,
    /// So many actions there would have been: more than the limit, so there are none.
    pub over: Option<usize>,
}

/// Returns the instances that meet the policy's condition: those that EC2 is asked about.
pub fn candidates(report: &AuditReport, policy: &Policy, acting: &Acting) -> BTreeMap<Place, Vec<InstanceId>> {
    let mut found: BTreeMap<Place, Vec<InstanceId>> = BTreeMap::new();
    let mut enforced: BTreeMap<Place, bool> = BTreeMap::new();
    for one in &report.instances {
        let place = Place { account: one.account.clone(), region: one.region.clone() };
        if is_bad(one, acting) && *enforced.entry(place.clone()).or_insert_with(|| enforces(policy, &place)) {
            found.entry(place).or_default().push(one.instance.clone());
        }
    }
    found
}

/// Plans what is done about the candidates, by what EC2 shows of them now.
pub fn plan(candidates: &BTreeMap<Place, Vec<InstanceId>>, acting: &Acting, shown: &BTreeMap<Place, Shown>) -> Plan {
    let mut plan = Plan::default();
    for (place, instances) in candidates {
        // Where EC2 was not asked, or did not answer, nobody consents.
        let Some(shown) = shown.get(place) else { continue };
        for instance in instances {
            let Some(held) = shown.instances.get(instance).filter(|held| held.consents && !held.ended) else {
                continue;
            };
            match step(held, &acting.means, &shown.groups) {
                Ok(Some(step)) => plan.actions.push(Action { place: place.clone(), instance: instance.clone(), step }),
                Ok(None) => {}
                Err(why) => plan.left.push((place.clone(), instance.clone(), why)),
            }
        }
    }
    if plan.actions.len() > acting.limit {
        plan.over = Some(plan.actions.len());
        plan.actions.clear();
    }
    plan
}

fn is_bad(one: &AuditedInstance, acting: &Acting) -> bool {
    one.verdict == Outcome::Reject && acting.on.iter().any(|on| on.class() == one.class)
}

/// Says whether a launch there is enforced whatever group it is of. An audit knows a group by its name alone, and policies
/// by their ARNs: neither may make the difference.
fn enforces(policy: &Policy, place: &Place) -> bool {
    let mode = |group: String| {
        policy.mode(&Context {
            account: Some(place.account.clone()),
            region: Some(place.region.clone()),
            group: Some(group),
        })
    };
    policy.groups().chain([String::new()]).all(|group| mode(group) == Mode::Enforce)
}

/// Returns what is done to an instance, or none if that is done already.
fn step(held: &Held, means: &Means, groups: &BTreeMap<String, String>) -> Result<Option<Step>, String> {
    let name = match means {
        Means::Terminate => return Ok(Some(Step::Terminate)),
        Means::Isolate(name) => name,
    };
    if held.interfaces.is_empty() {
        return Err("EC2 shows no network interface of it".to_owned());
    }
    let mut moves = Vec::new();
    for interface in &held.interfaces {
        let Some(group) = groups.get(&interface.vpc) else {
            return Err(format!("there is no security group {name} in {}", interface.vpc));
        };
        if interface.groups != [group.clone()] {
            moves.push(Move { interface: interface.clone(), group: group.clone() });
        }
    }
    Ok((!moves.is_empty()).then_some(Step::Isolate(moves)))
}

#[cfg(test)]
mod tests;
