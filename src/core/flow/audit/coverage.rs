//! What guards the launches of a place, and what goes around it: asked for → doors.

use super::{
    super::{doctor::asked, runs::GroupArns},
    Auditing,
};
use crate::{
    doctor::{Asked, Caller, GroupFacts, LaunchFacts, Launchable, Launching, examine_launches},
    fleet::{Around, Machine, Place, examine},
    ids::AmiId,
    policy::Context,
    ports::{Grouped, View},
    report::{Door, Finding, ImageReport, Severity},
};

/// What was told of a place beside its instances.
#[derive(Debug)]
pub(super) struct Covered {
    groups: Asked<Vec<Grouped>>,
    named: Asked<Vec<Launchable>>,
    around: Around,
}

impl Covered {
    /// Asks. What may not be asked is a door that nobody knows to be shut.
    pub(super) async fn ask(view: &impl View) -> Self {
        let (groups, named, allowed, replaced) =
            futures_util::join!(view.grouped(), view.named(), view.allowed_images(), view.replaced_roots());
        let around = Around { allowed: asked(allowed), replaced: asked(replaced) };
        Self { groups: asked(groups), named: asked(named), around }
    }

    /// Returns why nobody knows the groups of the place, where that is so.
    pub(super) fn groups_unknown(&self) -> Option<&str> {
        self.groups.as_ref().err().map(|fault| fault.problem.as_str())
    }

    /// Returns the ARNs of the groups.
    pub(super) fn group_arns(&self) -> GroupArns {
        GroupArns::of(self.groups.iter().flatten())
    }

    /// Returns the images that would be launched.
    pub(super) fn images(&self) -> impl Iterator<Item = &AmiId> {
        let launches = self.groups.iter().flatten().filter_map(|group| group.launches.as_ref().ok()).flatten();
        let named = self.named.iter().flatten();
        launches.chain(named).filter_map(|one| one.image.as_ref().ok())
    }

    /// Returns the doors of the place, every group being one that is to be guarded. `judged` tells of each image of
    /// [`Self::images`].
    pub(super) fn doors(
        &self,
        auditing: &Auditing<'_>,
        place: &Place,
        machines: &[Machine],
        judged: impl Fn(&AmiId) -> Option<ImageReport>,
    ) -> Vec<Door> {
        let Place { account, region } = place;
        let launch = |found: &Launchable| {
            let report = found.image.as_ref().ok().and_then(&judged);
            LaunchFacts { found: found.clone(), report }
        };
        let group = |Grouped { group, hooks, launches }: &Grouped| {
            let context = Context { group: Some(group.arn.to_string()), ..place.context() };
            GroupFacts {
                group: group.clone(),
                guarded: true,
                mode: auditing.policy.mode(&context),
                hooks: hooks.clone(),
                launches: launches.as_ref().map(|all| all.iter().map(launch).collect()).map_err(Clone::clone),
            }
        };
        let queue = auditing.queue.as_ref();
        let launching = Launching {
            region: region.clone(),
            caller: Ok(Caller { account: account.clone(), arn: None }),
            deadline: auditing.deadline,
            hooks: auditing.hooks.clone(),
            queue: queue.map(|name| format!("arn:{}:sqs:{region}:{account}:{name}", region.partition())),
            groups: self.groups.as_ref().map(|groups| groups.iter().map(group).collect()).map_err(Clone::clone),
            named: self.named.as_ref().map(|named| named.iter().map(launch).collect()).map_err(Clone::clone),
            again: "goldseal audit",
        };
        let mut found = examine_launches(&launching);
        found.extend(examine(machines, &self.around, &launching));
        // What is shut, or only to know, is no door: there may be thousands of groups.
        found.retain(|one| !matches!(one.severity, Severity::Note | Severity::Good));
        found.into_iter().map(|one| door(one, place)).collect()
    }
}

fn door(found: Finding, place: &Place) -> Door {
    let Finding { severity, code, place: what, message, commands } = found;
    let Place { account, region } = place.clone();
    Door { severity, code: code.into(), account, region, place: what, message, commands }
}
