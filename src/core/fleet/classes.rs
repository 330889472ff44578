//! Machines and the verdicts of their images → a class for each, the worst that anything about it gives.

use jiff::Timestamp;

use super::{Machine, Root};
use crate::{
    ids::{ImageRef, SnapshotId},
    policy::{Context, Lists, Policy, RootVolume},
    report::{Class, Outcome, OverriddenInstance},
    verdict::{Fault, Reason, Verdict},
};

/// What is known of an image that runs, once it was judged.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its own class.
    pub class: Class,
    /// Its snapshots, when it could be described.
    pub snapshots: Option<Vec<SnapshotId>>,
}

impl Image {
    /// Takes a verdict; an admission that ends by `horizon` is one of those to look after. `lapsed` says that nothing but
    /// time stands against the image.
    pub fn of(
        verdict: &Verdict,
        lapsed: bool,
        until: Option<Timestamp>,
        horizon: Timestamp,
        snapshots: Option<Vec<SnapshotId>>,
    ) -> Self {
        let absent = |reason: &Reason| matches!(reason, Reason::EvidenceAbsent { .. } | Reason::ImageNotFound { .. });
        let class = match verdict {
            Verdict::Admit(_) if until.is_some_and(|until| until <= horizon) => Class::Expiring,
            Verdict::Admit(_) => Class::Admitted,
            Verdict::Undetermined(_) => Class::Undetermined,
            Verdict::Reject(reasons) if reasons.as_slice().iter().all(absent) => Class::Unsealed,
            Verdict::Reject(_) if lapsed => Class::Expired,
            Verdict::Reject(_) => Class::Refused,
        };
        Self { class, snapshots }
    }
}

/// What became of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// Its class.
    pub class: Class,
    /// Why it is rejected beside its image.
    pub reasons: Vec<Reason>,
    /// What could not be asked beside its image.
    pub faults: Vec<Fault>,
}

/// Classifies a machine: its image's class, or a worse one of its own.
pub fn classify(machine: &Machine, image: &Image, rule: RootVolume) -> Classified {
    let (reason, fault) = match (rule, &machine.root, &image.snapshots) {
        // What an unknown image's root should be made of, nobody knows; its image stands against it already.
        (RootVolume::Unchecked, ..) | (_, Root::InstanceStore, _) | (_, _, None) => (None, None),
        (RootVolume::OfImage, Root::Unknown(problem), Some(_)) => (None, Some(problem.clone())),
        (RootVolume::OfImage, Root::Volume(Err(id)), Some(_)) => (None, Some(format!("EC2 does not show {id}"))),
        (RootVolume::OfImage, Root::Volume(Ok(volume)), Some(snapshots)) => {
            let foreign = volume.foreign_to(snapshots).map(|origin| Reason::RootVolumeForeign {
                instance: machine.id.clone(),
                volume: volume.id.clone(),
                origin,
            });
            (foreign, None)
        }
    };
    let worst = image.class.min(reason.as_ref().map_or(Class::Admitted, |_| Class::RootReplaced));
    let class = worst.min(fault.as_ref().map_or(Class::Admitted, |_| Class::Undetermined));
    let faults = fault.map(|problem| Fault::RootVolumeUnavailable { problem });
    Classified { class, reasons: reason.into_iter().collect(), faults: faults.into_iter().collect() }
}

/// Finds the override by which an instance runs: one that lets it pass now, else one that held when it was launched. What
/// is admitted of itself needs none now, and may have needed one then.
pub fn overridden(
    (policy, lists): (&Policy, &Lists),
    (image, context): (&ImageRef, &Context),
    verdict: &Verdict,
    launched: Option<Timestamp>,
    at: Timestamp,
) -> Option<OverriddenInstance> {
    policy.overrides()?;
    if let Some(active) = lists.overridden(policy, (image, context), verdict, at) {
        return Some((&active).into());
    }
    let launched = launched.filter(|launched| *launched <= at)?;
    let held = lists.held(policy, (image, context), verdict, launched)?;
    Some(OverriddenInstance::held(&held, at))
}

impl Classified {
    /// Takes an override into account: the class says so, and the verdict is another only while it holds.
    pub fn and(&self, overridden: Option<&OverriddenInstance>) -> (Class, Outcome) {
        let verdict = self.class.verdict();
        match overridden {
            None => (self.class, verdict),
            Some(one) if one.ended.is_none() => (Class::Overridden, Outcome::Admit),
            Some(_) => (Class::Overridden, verdict),
        }
    }
}

impl Class {
    /// Returns the verdict that an instance of the class has; of one that an override let pass, what it would be without.
    pub const fn verdict(self) -> Outcome {
        match self {
            Self::Refused | Self::RootReplaced | Self::Unsealed | Self::Expired | Self::Overridden => Outcome::Reject,
            Self::Undetermined => Outcome::Undetermined,
            Self::Expiring | Self::Admitted => Outcome::Admit,
        }
    }
}
