//! A launch: what is known of an instance that waits → a verdict → what is done, and the report of it.
//!
//! Gathering is for whoever drives a lease ([`crate::lifecycle::Lease`]): it may take several looks, each with its own
//! judgement. The image's verdict is that of `goldseal verify`; beside it the root volume must be made of the image.

use std::{future::Future, sync::Arc};

use jiff::Timestamp;

use super::case::Case;
use crate::{
    enforcement::{Action, Patience, plan},
    ids::{AccountId, GroupArn, ImageRef, Region},
    lifecycle::{Instance, Member, Volume, Wait},
    policy::{Context, Mode, Policy, RootVolume, undescribed},
    ports::{Instances, PortError, Waits},
    report::{FoundBy, Judged, LAUNCH_SCHEMA, LaunchReport, policy_notes},
    verdict::{Fault, Reason},
};

/// Where cases are opened, and shared by all who ask for one image.
pub trait Cases {
    /// Returns the case of an image.
    fn case(&self, image: &ImageRef) -> impl Future<Output = Arc<Case>> + Send;
}

/// Whose launch it is.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The wait.
    pub wait: Wait,
    /// The group's ARN, as policy scopes name it; none while it could not be asked for.
    pub group: Option<GroupArn>,
    /// The account.
    pub account: Option<AccountId>,
    /// The region.
    pub region: Region,
    /// How we came to know of it.
    pub found_by: FoundBy,
    /// When we first saw the wait.
    pub first_sight: Timestamp,
}

impl Launch {
    fn context(&self) -> Context {
        Context {
            account: self.account.clone(),
            region: Some(self.region.clone()),
            group: self.group.clone().map(String::from),
        }
    }
}

/// What one look brought. What could not be asked stays as the error it was.
#[derive(Debug)]
pub struct Sight {
    member: Result<Option<Member>, PortError>,
    instance: Result<Option<Instance>, PortError>,
    root: Option<Result<Option<Volume>, PortError>>,
    case: Option<Arc<Case>>,
}

/// What was decided after a look.
#[derive(Debug)]
pub struct Decision {
    /// What is to be done.
    pub action: Action,
    /// What was seen and judged.
    pub report: LaunchReport,
}

/// Looks at an instance: what Auto Scaling says (unless somebody has just asked), what EC2 says, its root volume, and
/// the case of its image.
pub async fn look(
    launch: &Launch,
    member: Option<Member>,
    policy: &Policy,
    instances: &impl Instances,
    waits: &impl Waits,
    cases: &impl Cases,
) -> Sight {
    let id = &launch.wait.instance;
    let asked = async {
        match member {
            Some(member) => Ok(Some(member)),
            None => waits.member(id).await,
        }
    };
    let (member, instance) = futures_util::join!(asked, instances.instance(id));
    let Ok(Some(found)) = &instance else { return Sight { member, instance, root: None, case: None } };
    let image = ImageRef { region: launch.region.clone(), id: found.image.clone() };
    let root = async {
        match (policy.launch().root_volume, &found.root_volume) {
            (RootVolume::OfImage, Some(volume)) => Some(instances.volume(volume).await),
            (RootVolume::OfImage, None) | (RootVolume::Unchecked, _) => None,
        }
    };
    let (root, case) = futures_util::join!(root, cases.case(&image));
    Sight { member, instance, root, case: Some(case) }
}

/// Judges what a look brought, at an instant, and plans what follows.
pub fn decide(launch: &Launch, sight: &Sight, policy: &Policy, patience: Patience, now: Timestamp) -> Decision {
    let (reasons, mut faults) = root(launch, sight, policy);
    match (&sight.member, &sight.instance) {
        (Err(error), _) => faults.push(Fault::InstanceUnavailable { problem: error.chain() }),
        (Ok(Some(Member { image: Some(group), .. })), Ok(Some(instance))) if *group != instance.image => {
            let (instance, ec2) = (launch.wait.instance.clone(), instance.image.clone());
            faults.push(Fault::InstanceInconsistent { instance, ec2, group: group.clone() });
        }
        (Ok(_), _) => {}
    }
    let context = launch.context();
    let (verdict, image) = match &sight.case {
        Some(case) => {
            let mut judgement = case.judge(policy, now);
            judgement.verdict = judgement.verdict.and(reasons, faults);
            case.let_pass(&mut judgement, policy, &context, now);
            (judgement.verdict.clone(), case.report(policy, judgement, &context))
        }
        None => {
            let problem = match &sight.instance {
                Err(error) => error.chain(),
                Ok(_) => format!("EC2 does not show {}", launch.wait.instance),
            };
            return unseen(launch, policy, Fault::InstanceUnavailable { problem }, patience, now);
        }
    };
    let mode = image.mode;
    let action = plan(&verdict, mode, patience);
    Decision { action, report: report(launch, policy, image.into(), action, now) }
}

/// Decides about a launch of which no look came to an end before the deadline.
pub fn decide_unseen(launch: &Launch, policy: &Policy, now: Timestamp) -> Decision {
    let problem = "there was no answer before the deadline".to_owned();
    unseen(launch, policy, Fault::InstanceUnavailable { problem }, Patience::Over, now)
}

fn unseen(launch: &Launch, policy: &Policy, fault: Fault, patience: Patience, now: Timestamp) -> Decision {
    let judgement = undescribed(Err(fault));
    let mode = policy.mode(&launch.context());
    let action = plan(&judgement.verdict, mode, patience);
    let mut seen = Judged::unseen(judgement, mode);
    seen.notes = policy_notes(policy);
    Decision { action, report: report(launch, policy, seen, action, now) }
}

fn report(launch: &Launch, policy: &Policy, judged: Judged, action: Action, now: Timestamp) -> LaunchReport {
    let Launch { wait, group, account, region, found_by, first_sight } = launch.clone();
    let action = match action {
        Action::Complete(completion) => Some(completion),
        Action::AskAgain => None,
    };
    LaunchReport {
        schema: LAUNCH_SCHEMA.into(),
        at: now,
        policy: policy.digest(),
        wait,
        group_arn: group,
        account,
        region,
        found_by,
        first_sight,
        action,
        enforced: judged.mode == Mode::Enforce,
        judged,
        end: None,
    }
}

/// The root volume must be made of a snapshot of the image: its id says only from which image the instance was launched,
/// and the root can be another by then.
fn root(launch: &Launch, sight: &Sight, policy: &Policy) -> (Vec<Reason>, Vec<Fault>) {
    let (Ok(Some(instance)), Some(snapshots)) = (&sight.instance, sight.case.as_deref().and_then(Case::snapshots))
    else {
        return Default::default();
    };
    // An instance store is filled from the image itself, and cannot be replaced.
    if policy.launch().root_volume == RootVolume::Unchecked || instance.root_device_type == "instance-store" {
        return Default::default();
    }
    let unavailable = |problem: String| (Vec::new(), vec![Fault::RootVolumeUnavailable { problem }]);
    let volume = match (&instance.root_volume, &sight.root) {
        (None, _) => return unavailable("none is attached yet".to_owned()),
        (Some(_), Some(Err(error))) => return unavailable(error.chain()),
        (Some(id), Some(Ok(None)) | None) => return unavailable(format!("EC2 does not show {id}")),
        (Some(_), Some(Ok(Some(volume)))) => volume,
    };
    let Some(origin) = volume.foreign_to(&snapshots) else { return Default::default() };
    let (instance, volume) = (launch.wait.instance.clone(), volume.id.clone());
    (vec![Reason::RootVolumeForeign { instance, volume, origin }], Vec::new())
}

#[cfg(test)]
mod tests;
