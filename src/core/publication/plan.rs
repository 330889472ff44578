//! Wishes and state → the steps that are left, in the order in which they are to be taken.

use jiff::Timestamp;

use super::{IMAGE_DATA_TYPE, Lock, LockMode, ParameterName, State, Step, Wishes};
use crate::ids::{ImageRef, SnapshotId};

/// What is to become of one image.
#[derive(Debug, Clone)]
pub struct Goal<'a> {
    /// The image.
    pub image: &'a ImageRef,
    /// The shared tags.
    pub tags: &'a [(String, String)],
    /// The wishes.
    pub wishes: &'a Wishes,
    /// The present.
    pub now: Timestamp,
}

/// A step, and whether things are so already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The step.
    pub step: Step,
    /// Nothing of it is left to do.
    pub already: bool,
}

/// Why an image cannot be published as wished, though nobody forbids it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// It cannot be launched now.
    #[error("the image is {state}, not available")]
    NotAvailable {
        /// EC2's word.
        state: String,
    },
    /// Only a lock that nobody could take away again would do.
    #[error("{snapshot} is locked in compliance mode until {until}, which is shorter than asked for")]
    ComplianceLock {
        /// The snapshot.
        snapshot: SnapshotId,
        /// When its lock ends.
        until: Timestamp,
    },
    /// The parameter can never hold an image.
    #[error("the parameter {name} has the data type {data_type}, which cannot be changed to {IMAGE_DATA_TYPE}")]
    NotAnImageParameter {
        /// Its name.
        name: ParameterName,
        /// Its data type.
        data_type: String,
    },
}

/// Returns the steps in the order in which they are to be taken, and with them what is so already.
///
/// # Errors
/// See [`Obstacle`].
pub fn plan(goal: &Goal<'_>, state: &State) -> Result<Vec<Planned>, Obstacle> {
    let Goal { image, tags, wishes, now } = goal;
    if state.state != "available" {
        return Err(Obstacle::NotAvailable { state: state.state.clone() });
    }
    let mut plan = Vec::new();
    let mut add = |step, already| plan.push(Planned { step, already });

    // 1. What the image stands on cannot be deleted; no lock is made shorter or weaker.
    if let Some(days) = wishes.lock {
        let until = days.until(*now);
        for (snapshot, lock) in &state.snapshots {
            let (lock, already) = match lock {
                Some(lock) if lock.until >= until => (*lock, true),
                Some(Lock { mode: LockMode::Compliance, until }) => {
                    return Err(Obstacle::ComplianceLock { snapshot: snapshot.clone(), until: *until });
                }
                Some(_) | None => (Lock { mode: LockMode::Governance, until }, false),
            };
            add(Step::Lock { region: image.region.clone(), snapshot: snapshot.clone(), lock }, already);
        }
    }
    // 2. The image itself cannot be deregistered.
    let image: ImageRef = (*image).clone();
    if wishes.protect {
        add(Step::Protect { image: image.clone() }, state.protected);
    }
    // 3. It points to its evidence before anybody else sees it.
    let (there, missing) = part(tags.iter(), |(name, value)| state.tags.get(name) == Some(value));
    for (tags, already) in [(there, true), (missing, false)] {
        if !tags.is_empty() {
            add(Step::Tag { image: image.clone(), tags }, already);
        }
    }
    // 4. Others may launch it.
    let (there, missing) = part(wishes.share.iter(), |one| state.audience.contains(one.as_str()));
    for (with, already) in [(there, true), (missing, false)] {
        if !with.is_empty() {
            add(Step::Share { image: image.clone(), with }, already);
        }
    }
    // 5. Launches that follow a name take it from now on.
    for name in &wishes.parameters {
        let found = state.parameters.get(name);
        if let Some(other) = found.filter(|found| found.data_type != IMAGE_DATA_TYPE) {
            return Err(Obstacle::NotAnImageParameter { name: name.clone(), data_type: other.data_type.clone() });
        }
        let already = found.is_some_and(|found| found.value == image.id.as_str());
        let instead_of = found.filter(|_| !already).map(|found| found.value.clone());
        add(Step::Name { image: image.clone(), parameter: name.clone(), instead_of }, already);
    }
    Ok(plan)
}

fn part<'a, T: Clone + 'a>(list: impl Iterator<Item = &'a T>, there: impl Fn(&T) -> bool) -> (Vec<T>, Vec<T>) {
    list.cloned().partition(there)
}

#[cfg(test)]
mod tests;
