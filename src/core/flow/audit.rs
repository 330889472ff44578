//! `audit`: accounts and regions → what runs there → each image judged once → every instance in its class; and what its
//! launches go around.
//!
//! What could not be seen is part of the report: an account that refuses, a region that is out, a volume that nobody
//! shows. Nothing that runs is touched.

mod boots;
mod coverage;

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};

pub use self::boots::boots;
use self::coverage::Covered;
use super::{
    answers::Answers,
    case::Case,
    runs::{WITNESS, other_owner},
    verify::keys,
};
use crate::{
    attestation::predicate::{BootGuard, Provenance, Summary},
    fleet::{Classified, Image, Listed, Machine, Place, classify, machines, overridden},
    gate::{Excepted, Period},
    ids::{AmiId, HookName, ImageRef},
    policy::{Context, Keys, Lists, Mode, Policy},
    ports::{Account, EvidenceStore, Fleets, ImageCatalog, KeyCatalog, Listings, PortError, Progress, View},
    report::{
        AUDIT_SCHEMA, AuditReport, AuditedImage, AuditedInstance, Cause, Class, Door, ExceptionEnd, ImageReport,
        ImageSeen, OverriddenInstance, PlaceReport, policy_notes,
    },
    verdict::{Fault, Verdict},
};

/// So many places are looked at together.
pub(super) const PLACES: usize = 8;
/// So many images are judged together: each may hold an SBOM of some megabytes meanwhile. More would be no sooner done,
/// because EC2 is asked for ten a second.
pub(super) const IMAGES: usize = 4;

/// How an audit is made.
#[derive(Debug)]
pub struct Auditing<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The instant of the verdicts.
    pub at: Timestamp,
    /// An admission that ends within this is named.
    pub soon: Period,
    /// Instances that are stopped are looked at as well.
    pub stopped: bool,
    /// The names of our lifecycle hooks.
    pub hooks: Vec<HookName>,
    /// The name of the queue, in each account and region, that our hooks should tell, if it is one.
    pub queue: Option<String>,
    /// How long a launch hook may take for a verdict.
    pub deadline: SignedDuration,
}

struct Seen<V> {
    place: Place,
    view: V,
    machines: Vec<Machine>,
    covered: Covered,
}

/// An image, and whoever can ask for it: with the instance that runs it, if one does.
type Wanted<'s, V> = BTreeMap<ImageRef, (&'s Seen<V>, Option<&'s Machine>)>;

struct Judged {
    image: Image,
    verdict: Verdict,
    report: ImageReport,
    /// What EC2 says with the instances that run it; none do without.
    seen: Option<ImageSeen>,
    exceptions: Vec<ExceptionEnd>,
    guard: Option<BootGuard>,
}

/// Looks at a fleet and judges what runs. `started` is when it began.
///
/// # Errors
/// When nobody tells which accounts there are.
pub async fn audit<F: Fleets>(
    auditing: &Auditing<'_>,
    fleets: &F,
    store: &impl EvidenceStore,
    kms: &(impl KeyCatalog + Listings),
    progress: &impl Progress,
    started: Timestamp,
) -> Result<AuditReport, PortError> {
    let keys = Arc::new(keys(auditing.policy, kms).await);
    let (places, mut reports) = places(fleets).await?;
    progress.expect(places.len() as u64);
    let looks = places.into_iter().map(|(place, name)| async move {
        let seen = look(auditing, fleets, &place, progress).await;
        progress.advance();
        (place, name, seen)
    });
    let looked: Vec<_> = stream::iter(looks).buffer_unordered(PLACES).collect().await;
    let mut seen = Vec::new();
    for (place, name, (found, faults)) in looked {
        let instances = found.as_ref().map_or(0, |found: &Seen<F::View>| found.machines.len() as u64);
        let Place { account, region } = place;
        reports.push(PlaceReport { account, name, region: Some(region), instances, faults, seen: None });
        seen.extend(found);
    }
    reports.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
    let judged = judge(auditing, &seen, store, &keys, progress).await;
    let doors = doors(auditing, &seen, &judged);
    Ok(report(auditing, started, reports, &seen, judged, doors, keys.lists()))
}

/// Returns the places to look at, with the names of their accounts, and the accounts of which nobody tells the regions.
pub(super) async fn places(
    fleets: &impl Fleets,
) -> Result<(Vec<(Place, Option<String>)>, Vec<PlaceReport>), PortError> {
    let asked = fleets.accounts().await?.into_iter().map(|account| async {
        let regions = fleets.regions(&account.id).await;
        (account, regions)
    });
    let (mut places, mut unknown) = (Vec::new(), Vec::new());
    let mut asked = stream::iter(asked).buffer_unordered(PLACES);
    while let Some((Account { id, name }, regions)) = asked.next().await {
        match regions {
            Ok(regions) => {
                let place = |region| (Place { account: id.clone(), region }, name.clone());
                places.extend(regions.into_iter().map(place));
            }
            Err(error) => {
                let faults = vec![missed(&error)];
                unknown.push(PlaceReport { account: id, name, region: None, instances: 0, faults, seen: None });
            }
        }
    }
    Ok((places, unknown))
}

/// Looks at one place: what is there, and what could not be asked.
async fn look<F: Fleets>(
    auditing: &Auditing<'_>,
    fleets: &F,
    place: &Place,
    progress: &impl Progress,
) -> (Option<Seen<F::View>>, Vec<Cause>) {
    let view = match fleets.view(place).await {
        Ok(view) => view,
        Err(error) => return (None, vec![missed(&error)]),
    };
    let ((machines, mut faults), covered) =
        futures_util::join!(running(&view, auditing.stopped, progress), Covered::ask(&view));
    // Elsewhere groups are doors only; here nobody knows the modes without them.
    if let Some(problem) = covered.groups_unknown().filter(|_| auditing.policy.scopes_groups()) {
        faults.push(Cause::fault(&Fault::PlaceUnavailable { problem: problem.to_owned() }));
    }
    (machines.map(|machines| Seen { place: place.clone(), view, machines, covered }), faults)
}

/// Asks what runs in one place. Nothing: nobody told what is there.
pub(super) async fn running(
    view: &impl View,
    stopped: bool,
    progress: &impl Progress,
) -> (Option<Vec<Machine>>, Vec<Cause>) {
    let (listed, described) = futures_util::join!(view.listed(progress), view.described());
    let mut listed = match listed {
        Ok(listed) => listed,
        Err(error) => return (None, vec![missed(&error)]),
    };
    listed.retain(|one| covers(&one.state, stopped));
    let mut faults = Vec::new();
    let described = described.map_err(|error| {
        faults.push(missed(&error));
        error.chain()
    });
    let roots = |one: &Listed| {
        let instance = described.as_ref().ok()?.get(&one.id)?.as_ref().ok()?;
        instance.root_volume.clone()
    };
    let roots: Vec<_> = listed.iter().filter_map(roots).collect();
    let volumes = match view.volumes(&roots).await {
        Ok(volumes) => volumes,
        Err(error) => {
            faults.push(missed(&error));
            BTreeMap::new()
        }
    };
    (Some(machines(listed, &described, &volumes)), faults)
}

/// Judges every image once, as somebody sees it who runs it, or would.
async fn judge<V: View + ImageCatalog>(
    auditing: &Auditing<'_>,
    seen: &[Seen<V>],
    store: &impl EvidenceStore,
    keys: &Arc<Keys>,
    progress: &impl Progress,
) -> BTreeMap<ImageRef, Judged> {
    let mut images: Wanted<'_, V> = BTreeMap::new();
    for one in seen {
        for machine in &one.machines {
            images.entry(one.place.image(&machine.image)).or_insert((one, Some(machine)));
        }
    }
    for one in seen {
        for image in one.covered.images() {
            images.entry(one.place.image(image)).or_insert((one, None));
        }
    }
    progress.expect(images.len() as u64);
    let judged = images.into_iter().map(|(image, (seen, machine))| async move {
        let (case, note) = match machine {
            Some(_) => {
                let (mut case, note) =
                    Answers::ask(&image, &seen.view, store).await.case(auditing.policy, keys, WITNESS);
                case.seek_receipts(store).await;
                (case, note)
            }
            // What EC2 does not describe, nobody can launch.
            None => (Case::open(&image, &seen.view, store, keys, None).await.case, None),
        };
        let mut judgement = case.judge(auditing.policy, auditing.at);
        if let Some(machine) = machine {
            judgement.verdict = judgement.verdict.and(other_owner(&case, &machine.seen), Vec::new());
        }
        let snapshots = case.snapshots();
        let lapsed = case.lapsed(auditing.policy, &judgement, auditing.at).is_some();
        let horizon = auditing.soon.after(auditing.at);
        let found = Image::of(&judgement.verdict, lapsed, judgement.until, horizon, snapshots);
        let exceptions = judgement.gate.as_ref().map(exceptions).unwrap_or_default();
        let guard = judgement.provenance.as_ref().and_then(Provenance::boot_guard);
        let (verdict, context) = (judgement.verdict.clone(), seen.place.context());
        let mut report = case.report(auditing.policy, judgement, &context);
        report.notes.extend(note);
        progress.advance();
        let seen = machine.map(|machine| machine.seen.clone());
        (image, Judged { image: found, verdict, report, seen, exceptions, guard })
    });
    stream::iter(judged).buffer_unordered(IMAGES).collect().await
}

fn exceptions(gate: &Summary) -> Vec<ExceptionEnd> {
    let end = |one: &Excepted| ExceptionEnd {
        id: one.id.clone(),
        package: one.package.clone(),
        owner: one.owner.clone(),
        expires: one.expires,
    };
    let mut ends: Vec<_> = gate.measurement().exceptions.iter().map(end).collect();
    ends.sort_by_key(|one| one.expires);
    ends
}

/// Returns the doors of every place, the worst first.
fn doors<V>(auditing: &Auditing<'_>, seen: &[Seen<V>], judged: &BTreeMap<ImageRef, Judged>) -> Vec<Door> {
    let of_place = |one: &Seen<V>| {
        let report = |id: &AmiId| judged.get(&one.place.image(id)).map(|judged| judged.report.clone());
        one.covered.doors(auditing, &one.place, &one.machines, report)
    };
    let mut doors: Vec<Door> = seen.iter().flat_map(of_place).collect();
    let key =
        |door: &Door| (door.severity, door.account.clone(), door.region.clone(), door.code.clone(), door.place.clone());
    doors.sort_by_cached_key(key);
    doors
}

/// Puts the report together: images and instances, the worst first.
fn report<V>(
    auditing: &Auditing<'_>,
    started: Timestamp,
    places: Vec<PlaceReport>,
    seen: &[Seen<V>],
    judged: BTreeMap<ImageRef, Judged>,
    doors: Vec<Door>,
    lists: &Lists,
) -> AuditReport {
    let runs = |(_, judged): &(ImageRef, Judged)| judged.seen.is_some();
    let mut order: Vec<(ImageRef, Judged)> = judged.into_iter().filter(runs).collect();
    order.sort_by(|(a, one), (b, other)| (one.image.class, a).cmp(&(other.image.class, b)));
    let at: BTreeMap<&ImageRef, usize> = order.iter().enumerate().map(|(at, (image, _))| (image, at)).collect();
    let rule = auditing.policy.launch().root_volume;
    let mut instances = Vec::new();
    let mut classes: Vec<BTreeMap<Class, u64>> = vec![BTreeMap::new(); order.len()];
    for one in seen {
        let groups = one.covered.group_arns();
        for machine in &one.machines {
            let context = groups.context(&one.place, machine);
            let mode = auditing.policy.mode(&context);
            let image = one.place.image(&machine.image);
            // Every machine's image was judged.
            let Some((&index, (_, judged))) = at.get(&image).and_then(|index| Some((index, order.get(*index)?))) else {
                continue;
            };
            let found = classify(machine, &judged.image, rule);
            let verdict = judged.verdict.clone().and(found.reasons.clone(), found.faults.clone());
            let by = (auditing.policy, lists);
            let overridden = overridden(by, (&image, &context), &verdict, machine.launched, auditing.at);
            let instance = instance(&one.place, machine, (found, overridden), mode, index);
            if let Some(classes) = classes.get_mut(index) {
                *classes.entry(instance.class).or_default() += 1;
            }
            instances.push(instance);
        }
    }
    instances.sort_by(|a, b| (a.class, a.image, &a.instance).cmp(&(b.class, b.image, &b.instance)));
    let mut totals: BTreeMap<Class, u64> = BTreeMap::new();
    for (class, count) in classes.iter().flatten() {
        *totals.entry(*class).or_default() += count;
    }
    let image = |((_, judged), classes): ((ImageRef, Judged), _)| {
        let Judged { report, seen, exceptions, guard, image: _, verdict: _ } = judged;
        AuditedImage { report, seen, classes, exceptions, guard }
    };
    AuditReport {
        schema: AUDIT_SCHEMA.into(),
        at: auditing.at,
        started,
        finished: started,
        policy: auditing.policy.digest(),
        classes: totals,
        places,
        images: order.into_iter().zip(classes).map(image).collect(),
        instances,
        doors: Some(doors),
        changes: None,
        boot_records: None,
        notes: policy_notes(auditing.policy),
    }
}

fn instance(
    place: &Place,
    machine: &Machine,
    (found, overridden): (Classified, Option<OverriddenInstance>),
    mode: Mode,
    image: usize,
) -> AuditedInstance {
    let (class, verdict) = found.and(overridden.as_ref());
    AuditedInstance {
        account: place.account.clone(),
        region: place.region.clone(),
        instance: machine.id.clone(),
        name: machine.name.clone(),
        class,
        verdict,
        mode,
        ami: machine.image.clone(),
        image,
        state: machine.state.clone(),
        launched: machine.launched,
        launcher: machine.launcher.clone(),
        reasons: found.reasons.iter().map(Cause::reason).collect(),
        faults: found.faults.iter().map(Cause::fault).collect(),
        overridden: overridden.map(Box::new),
        boot: None,
    }
}

pub(super) fn missed(error: &PortError) -> Cause {
    Cause::fault(&Fault::PlaceUnavailable { problem: error.chain() })
}

/// Says whether an instance in a state counts.
fn covers(state: &str, stopped: bool) -> bool {
    match state {
        "terminated" | "shutting-down" => false,
        "stopped" | "stopping" => stopped,
        // What EC2 may come to say beside that runs until we know better.
        _ => true,
    }
}

impl Place {
    pub(super) fn context(&self) -> Context {
        Context { account: Some(self.account.clone()), region: Some(self.region.clone()), group: None }
    }

    pub(super) fn image(&self, id: &AmiId) -> ImageRef {
        ImageRef { region: self.region.clone(), id: id.clone() }
    }
}

#[cfg(test)]
pub(super) mod tests;
