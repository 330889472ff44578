//! A recorded launch → how it stands by one policy and another, as far as what it was judged by is still there.
//!
//! The image is judged anew at the instant of the decision. What was seen of the instance beside it is taken from the
//! record: nobody can look at that root volume any more.

use serde::Deserialize;

use super::super::{answers::Answers, case::Case};
use crate::{
    digest::Sha256Digest,
    ids::{AmiId, InstanceId, VolumeId},
    policy::{Context, Policy, RootVolume},
    report::{Cause, ChangedDecision, LaunchReport, Note, RecordedLaunch, UnjudgedDecision},
    verdict::{Fault, Faults, Reason, Verdict},
};

/// What a record says of the instance beside its image.
pub(super) struct Beside {
    /// Why the root volume stands against it; none: it does not.
    root: Option<Result<Reason, Fault>>,
    faults: Vec<Fault>,
}

#[derive(Deserialize)]
struct Foreign {
    instance: InstanceId,
    volume: VolumeId,
    origin: String,
}

#[derive(Deserialize)]
struct Inconsistent {
    instance: InstanceId,
    ec2: AmiId,
    group: AmiId,
}

#[derive(Deserialize)]
struct Problem {
    problem: String,
}

impl Beside {
    /// Reads what a record says, which one of these policies may have decided, or another one that is not known.
    pub(super) fn of(launch: &LaunchReport, policies: [&Policy; 2]) -> Self {
        let judged = &launch.judged;
        let foreign = judged.reasons.iter().find(|cause| cause.code == "root-volume-foreign");
        let hidden = judged.faults.iter().find(|cause| cause.code == "root-volume-unavailable");
        let root = match (foreign, hidden) {
            (Some(cause), _) => Some(root_of(cause)),
            (None, Some(cause)) => Some(Err(Fault::RootVolumeUnavailable { problem: problem(cause) })),
            (None, None) if looked(launch, policies) => None,
            (None, None) => {
                let problem = "nobody looked at it when the launch was decided".to_owned();
                Some(Err(Fault::RootVolumeUnavailable { problem }))
            }
        };
        Self { root, faults: judged.faults.iter().filter_map(of_instance).collect() }
    }

    /// Adds what stands against a launch by a policy.
    pub(super) fn join(&self, verdict: Verdict, policy: &Policy) -> Verdict {
        let (mut reasons, mut faults) = (Vec::new(), self.faults.clone());
        if policy.launch().root_volume == RootVolume::OfImage {
            match self.root.clone() {
                Some(Ok(reason)) => reasons.push(reason),
                Some(Err(fault)) => faults.push(fault),
                None => {}
            }
        }
        verdict.and(reasons, faults)
    }

    /// Judges a launch whose image was never known.
    pub(super) fn alone(&self) -> Verdict {
        let problem = || "it was not described when the launch was decided".to_owned();
        let faults = Faults::new(self.faults.clone());
        Verdict::Undetermined(faults.unwrap_or_else(|| Faults::one(Fault::InstanceUnavailable { problem: problem() })))
    }
}

/// Says whether a record that has nothing against the root volume is of a launch whose root volume was looked at.
fn looked(launch: &LaunchReport, policies: [&Policy; 2]) -> bool {
    let rule = |policy: &Policy| policy.launch().root_volume == RootVolume::OfImage;
    // A policy that nobody knows any more may have had either rule; then the two that are compared tell the same.
    policies
        .iter()
        .find(|policy| policy.digest() == launch.policy)
        .map_or_else(|| policies.into_iter().all(rule), |policy| rule(policy))
}

fn root_of(cause: &Cause) -> Result<Reason, Fault> {
    match Foreign::deserialize(&cause.detail) {
        Ok(Foreign { instance, volume, origin }) => Ok(Reason::RootVolumeForeign { instance, volume, origin }),
        Err(_) => Err(Fault::RootVolumeUnavailable { problem: cause.message.clone() }),
    }
}

/// What could not be told of the instance. What could not be asked about the image is asked again.
fn of_instance(cause: &Cause) -> Option<Fault> {
    match cause.code.as_str() {
        "instance-unavailable" => Some(Fault::InstanceUnavailable { problem: problem(cause) }),
        "instance-inconsistent" => Some(match Inconsistent::deserialize(&cause.detail) {
            Ok(Inconsistent { instance, ec2, group }) => Fault::InstanceInconsistent { instance, ec2, group },
            Err(_) => Fault::InstanceUnavailable { problem: cause.message.clone() },
        }),
        _ => None,
    }
}

fn problem(cause: &Cause) -> String {
    Problem::deserialize(&cause.detail).map_or_else(|_| cause.message.clone(), |Problem { problem }| problem)
}

/// Says whose launch it was, for the scopes of a policy.
pub(super) fn context(launch: &LaunchReport) -> Context {
    Context {
        account: launch.account.clone(),
        region: Some(launch.region.clone()),
        group: launch.group_arn.clone().map(String::from),
    }
}

/// What there is today of what launches were judged by.
pub(super) struct Today {
    /// The subject digests of the image, as each policy comes to know what it is.
    subjects: Vec<Sha256Digest>,
    /// EC2 does not describe the image.
    gone: bool,
    /// SHA-256 of the evidence, if there is some; none while the store cannot be asked.
    evidence: Option<Option<Sha256Digest>>,
}

impl Today {
    /// Takes what was told of an image, and what both policies made of it.
    pub(super) fn of(answers: &Answers, cases: &[Case; 2]) -> Self {
        let described = cases.iter().filter_map(Case::described);
        Self {
            subjects: described.map(|(descriptor, _)| descriptor.digest()).collect(),
            gone: answers.is_gone(),
            evidence: answers.evidence().ok(),
        }
    }

    /// Says what of today would be judged instead of what was judged then.
    ///
    /// # Errors
    /// Why a launch cannot be judged again: what it was judged by is gone.
    pub(super) fn instead(&self, launch: &LaunchReport) -> Result<Vec<Note>, Fault> {
        let gone = |problem: &str| Err(Fault::RecordUnavailable { problem: problem.to_owned() });
        let mut notes = Vec::new();
        match launch.judged.subject {
            Some(subject) if self.subjects.iter().any(|told| *told != subject) => {
                return gone("the image is not what it was then");
            }
            Some(_) if self.subjects.is_empty() && self.gone => {
                return gone(
                    "the image is gone: EC2 does not describe it, and no provenance that counts says what it was",
                );
            }
            Some(_) => {}
            None if self.gone => {
                return gone("EC2 does not describe the image, and the record does not say what it was");
            }
            None => {
                let message = "what the image is was not known then; it is what EC2 says now";
                notes.push(Note::new("facts-of-today", message));
            }
        }
        match (launch.judged.evidence_sha256, self.evidence) {
            (Some(_), Some(None)) => return gone("the evidence is gone"),
            (then, Some(now)) if then != now => {
                let message = "the evidence is what the store has now; it was another then";
                notes.push(Note::new("evidence-of-today", message));
            }
            // What cannot be asked for leaves it undetermined.
            (_, Some(_) | None) => {}
        }
        Ok(notes)
    }
}

/// Reports a launch that changes.
pub(super) fn changed(launch: &LaunchReport, notes: &[Note]) -> ChangedDecision {
    ChangedDecision { launch: recorded(launch), notes: notes.to_vec() }
}

/// Reports a launch that cannot be judged again.
pub(super) fn unjudged(launch: &LaunchReport, why: &Fault) -> UnjudgedDecision {
    UnjudgedDecision { launch: recorded(launch), image: launch.judged.image.clone(), why: Cause::fault(why) }
}

fn recorded(launch: &LaunchReport) -> RecordedLaunch {
    RecordedLaunch {
        at: launch.at,
        account: launch.account.clone(),
        region: launch.region.clone(),
        group: launch.wait.group.clone(),
        instance: launch.wait.instance.clone(),
        policy: launch.policy,
        verdict: launch.judged.verdict,
        action: launch.action,
    }
}
