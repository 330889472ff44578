//! Where an image runs: what EC2 lists now in the accounts that are asked, and what a saved audit tells beside.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};

use super::Tracing;
use crate::{
    fleet::{Classified, Image, Listed, Machine, Place, classify, machines, overridden},
    ids::{AccountId, AmiId, ImageRef, InstanceId, Region},
    policy::{self, Context},
    ports::{Account, Fleets, PortError, Progress, View},
    report::{
        AuditRead, AuditReport, AuditedInstance, Cause, Class, ImageSeen, OverriddenInstance, PlaceReport,
        RunningTrace, SeenBy, TracedInstance,
    },
    verdict::{Fault, Verdict},
};

/// So many accounts are asked together.
const ACCOUNTS: usize = 8;

/// What is listed in a region, of whatever image.
pub(super) struct Lists<V> {
    lists: Vec<(V, PlaceReport, Vec<Listed>)>,
    missed: Vec<PlaceReport>,
    faults: Vec<Cause>,
    /// Why something is not in it.
    pub(super) failed: Option<PortError>,
}

/// The instances of one image.
#[derive(Debug, Default)]
pub(super) struct Looked {
    places: Vec<PlaceReport>,
    faults: Vec<Cause>,
    machines: Vec<(AccountId, Machine)>,
}

/// Lists what runs in a region, in every account. An image is of one region, so no other has instances of it.
pub(super) async fn list<F: Fleets>(fleets: &F, region: &Region, progress: &impl Progress) -> Lists<F::View> {
    let mut found = Lists { lists: Vec::new(), missed: Vec::new(), faults: Vec::new(), failed: None };
    let accounts = match fleets.accounts().await {
        Ok(accounts) => accounts,
        Err(error) => {
            found.faults.push(missed(&error));
            found.failed = Some(error);
            return found;
        }
    };
    let asked = accounts.into_iter().map(|Account { id, name }| async move {
        let place = Place { account: id, region: region.clone() };
        let listed = match fleets.view(&place).await {
            Ok(view) => view.listed(progress).await.map(|listed| (view, listed)),
            Err(error) => Err(error),
        };
        let Place { account, region } = place;
        (PlaceReport { account, name, region: Some(region), instances: 0, faults: Vec::new(), seen: None }, listed)
    });
    let mut asked = stream::iter(asked).buffered(ACCOUNTS);
    while let Some((mut report, listed)) = asked.next().await {
        match listed {
            Ok((view, listed)) => found.lists.push((view, report, listed)),
            Err(error) => {
                report.faults.push(missed(&error));
                found.missed.push(report);
                found.failed = Some(error);
            }
        }
    }
    found
}

impl<V: View> Lists<V> {
    /// Returns the image of an instance.
    pub(super) fn image_of(&self, id: &InstanceId) -> Option<AmiId> {
        let mut all = self.lists.iter().flat_map(|(.., listed)| listed);
        all.find(|one| one.id == *id).map(|one| one.image.clone())
    }

    /// Keeps the instances of an image that have not ended, and the one that was asked for; and looks at their roots.
    pub(super) async fn looked(self, image: &ImageRef, asked: Option<&InstanceId>) -> Looked {
        let mut looked = Looked { places: self.missed, faults: self.faults, machines: Vec::new() };
        for (view, mut report, mut listed) in self.lists {
            let ended = |state: &str| matches!(state, "terminated" | "shutting-down");
            listed.retain(|one| one.image == image.id && (!ended(&one.state) || Some(&one.id) == asked));
            report.instances = listed.len() as u64;
            if !listed.is_empty() {
                let found = roots(&view, listed, &mut report.faults).await;
                looked.machines.extend(found.into_iter().map(|machine| (report.account.clone(), machine)));
            }
            looked.places.push(report);
        }
        looked
    }
}

async fn roots(view: &impl View, listed: Vec<Listed>, faults: &mut Vec<Cause>) -> Vec<Machine> {
    let described = view.described().await.map_err(|error| {
        faults.push(missed(&error));
        error.chain()
    });
    let root = |one: &Listed| described.as_ref().ok()?.get(&one.id)?.as_ref().ok()?.root_volume.clone();
    let roots: Vec<_> = listed.iter().filter_map(root).collect();
    let volumes = if roots.is_empty() { Ok(BTreeMap::new()) } else { view.volumes(&roots).await };
    let volumes = volumes.unwrap_or_else(|error| {
        faults.push(missed(&error));
        BTreeMap::new()
    });
    machines(listed, &described, &volumes)
}

impl Looked {
    /// Returns what EC2 says of the image to one who runs it.
    pub(super) fn seen(&self) -> Option<&ImageSeen> {
        self.machines.first().map(|(_, machine)| &machine.seen)
    }

    /// Returns the account that was asked, when it is one.
    pub(super) fn account(&self) -> Option<AccountId> {
        match self.places.as_slice() {
            [only] => Some(only.account.clone()),
            _ => None,
        }
    }

    /// Tells where an image runs: each instance in its class.
    pub(super) fn report(
        self,
        tracing: &Tracing<'_>,
        image: &ImageRef,
        asked: Option<&InstanceId>,
        (class, verdict): (&Image, &Verdict),
        lists: &policy::Lists,
    ) -> RunningTrace {
        let rule = tracing.policy.launch().root_volume;
        let live = self.machines.iter().map(|(account, machine)| {
            let found = classify(machine, class, rule);
            // Nobody was asked which group that is.
            let context =
                Context { account: Some(account.clone()), region: Some(image.region.clone()), ..Context::default() };
            let verdict = verdict.clone().and(found.reasons.clone(), found.faults.clone());
            let by = (tracing.policy, lists);
            let overridden = overridden(by, (image, &context), &verdict, machine.launched, tracing.at);
            of_machine(account, &image.region, machine, (found, overridden))
        });
        let mut instances: Vec<TracedInstance> = live.collect();
        if let Some(audit) = tracing.audit {
            // What is not listed any more where it ran has ended since.
            let listed: BTreeSet<&AccountId> =
                self.places.iter().filter(|place| place.faults.is_empty()).map(|place| &place.account).collect();
            let known: BTreeSet<&InstanceId> = self.machines.iter().map(|(_, machine)| &machine.id).collect();
            let saved = audit.instances.iter().filter(|one| one.region == image.region && one.ami == image.id);
            let saved = saved.filter(|one| !known.contains(&one.instance));
            let saved = saved.filter(|one| !listed.contains(&one.account) || Some(&one.instance) == asked);
            instances.extend(saved.map(|one| of_audit(one, class.class)));
        }
        instances.sort_by(|a, b| (a.class, &a.account, &a.instance).cmp(&(b.class, &b.account, &b.instance)));
        RunningTrace {
            seen: self.seen().cloned(),
            places: self.places,
            faults: self.faults,
            audit: tracing.audit.map(read),
            instances,
        }
    }
}

fn of_machine(
    account: &AccountId,
    region: &Region,
    machine: &Machine,
    (found, overridden): (Classified, Option<OverriddenInstance>),
) -> TracedInstance {
    let (class, verdict) = found.and(overridden.as_ref());
    TracedInstance {
        account: account.clone(),
        region: region.clone(),
        instance: machine.id.clone(),
        name: machine.name.clone(),
        state: machine.state.clone(),
        launched: machine.launched,
        launcher: machine.launcher.clone(),
        class,
        verdict,
        reasons: found.reasons.iter().map(Cause::reason).collect(),
        faults: found.faults.iter().map(Cause::fault).collect(),
        overridden: overridden.map(Box::new),
        from: SeenBy::Ec2,
    }
}

/// A saved audit tells where something ran, and what stood against it beside its image. Nothing in it admits.
fn of_audit(saved: &AuditedInstance, image: Class) -> TracedInstance {
    let replaced = if saved.reasons.is_empty() { Class::Admitted } else { Class::RootReplaced };
    let unknown = if saved.faults.is_empty() { Class::Admitted } else { Class::Undetermined };
    let class = image.min(replaced).min(unknown);
    TracedInstance {
        account: saved.account.clone(),
        region: saved.region.clone(),
        instance: saved.instance.clone(),
        name: saved.name.clone(),
        state: saved.state.clone(),
        launched: saved.launched,
        launcher: saved.launcher.clone(),
        class,
        verdict: class.verdict(),
        reasons: saved.reasons.clone(),
        faults: saved.faults.clone(),
        overridden: saved.overridden.clone(),
        from: SeenBy::Audit,
    }
}

fn read(audit: &AuditReport) -> AuditRead {
    let missed = audit.places.iter().filter(|place| !place.faults.is_empty());
    AuditRead { started: audit.started, places: audit.places.len() as u64, missed: missed.count() as u64 }
}

fn missed(error: &PortError) -> Cause {
    Cause::fault(&Fault::PlaceUnavailable { problem: error.chain() })
}
