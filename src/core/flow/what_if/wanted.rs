//! Where a fleet runs and where launches were decided → every image that is to be judged, and for whom.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};

use super::{
    super::{
        audit::{PLACES, missed, places, running},
        runs::GroupArns,
    },
    WhatIf,
};
use crate::{
    fleet::{Machine, Place},
    ids::ImageRef,
    policy::{Context, OverrideScope, Policy},
    ports::{Fleets, PortError, Progress, View},
    report::{Cause, LaunchReport, PlaceReport},
};

/// What runs in one place.
pub(super) struct Seen<V> {
    place: Place,
    view: V,
    machines: Vec<Machine>,
    /// The groups, where a scope of one of the policies names some.
    groups: GroupArns,
}

/// Who runs an image.
pub(super) struct Runs<'s> {
    pub(super) place: &'s Place,
    pub(super) machine: &'s Machine,
    /// For the scopes of a policy.
    pub(super) context: Context,
}

/// What is to be judged of one image: where EC2 can be asked for it, who runs it, and who launched it.
pub(super) struct Wanted<'s, V> {
    /// A session where somebody runs or launched it, or why there is none.
    pub(super) view: Result<&'s V, String>,
    pub(super) machines: Vec<Runs<'s>>,
    pub(super) launches: Vec<&'s LaunchReport>,
}

/// Looks at every place that is to be looked at.
pub(super) async fn look<F: Fleets>(
    asked: &WhatIf<'_>,
    fleets: &F,
    progress: &impl Progress,
) -> Result<(Vec<Seen<F::View>>, Vec<PlaceReport>), PortError> {
    let (places, mut reports) = places(fleets).await?;
    progress.expect(places.len() as u64);
    let looks = places.into_iter().map(|(place, name)| async move {
        let looked = match fleets.view(&place).await {
            Ok(view) => {
                let (machines, mut faults) = running(&view, asked.stopped, progress).await;
                let groups = groups(asked, &view, &mut faults).await;
                (machines.map(|machines| (view, machines, groups)), faults)
            }
            Err(error) => (None, vec![missed(&error)]),
        };
        progress.advance();
        (place, name, looked)
    });
    let mut looks = stream::iter(looks).buffer_unordered(PLACES);
    let mut seen = Vec::new();
    while let Some((place, name, (found, faults))) = looks.next().await {
        let instances = found.as_ref().map_or(0, |(_, machines, _)| machines.len() as u64);
        let (account, region) = (place.account.clone(), Some(place.region.clone()));
        reports.push(PlaceReport { account, name, region, instances, faults, seen: None });
        seen.extend(found.map(|(view, machines, groups)| Seen { place, view, machines, groups }));
    }
    reports.sort_by(|a, b| (&a.account, &a.region).cmp(&(&b.account, &b.region)));
    // Which of several places tells of an image must not depend on which one answered first.
    seen.sort_by(|a: &Seen<F::View>, b| a.place.cmp(&b.place));
    Ok((seen, reports))
}

/// Returns the ARNs of the groups of a place, where a policy goes by them, or lets overrides: an instance names its group only.
async fn groups(asked: &WhatIf<'_>, view: &impl View, faults: &mut Vec<Cause>) -> GroupArns {
    let by_group = |policy: &Policy| {
        let overrides = policy.overrides().is_some_and(|rule| rule.scopes.contains(&OverrideScope::Group));
        overrides || policy.scopes_groups()
    };
    if ![asked.current, asked.candidate].into_iter().any(by_group) {
        return GroupArns::default();
    }
    match view.grouped().await {
        Ok(groups) => GroupArns::of(&groups),
        Err(error) => {
            faults.push(missed(&error));
            GroupArns::default()
        }
    }
}

fn place_of(launch: &LaunchReport) -> Option<Place> {
    Some(Place { account: launch.account.clone()?, region: launch.region.clone() })
}

/// Opens a session wherever launches were decided and nobody has looked yet.
pub(super) async fn elsewhere<F: Fleets>(
    fleets: &F,
    seen: &[Seen<F::View>],
    launches: &[LaunchReport],
) -> BTreeMap<Place, Result<F::View, String>> {
    let mut views = BTreeMap::new();
    for place in launches.iter().filter_map(place_of) {
        if !views.contains_key(&place) && seen.iter().all(|one| one.place != place) {
            let view = fleets.view(&place).await.map_err(|error| error.chain());
            views.insert(place, view);
        }
    }
    views
}

/// Returns every image that runs or was launched, with whom it is about.
pub(super) fn wanted<'s, V>(
    seen: &'s [Seen<V>],
    elsewhere: &'s BTreeMap<Place, Result<V, String>>,
    launches: &'s [LaunchReport],
) -> BTreeMap<ImageRef, Wanted<'s, V>> {
    let mut wanted: BTreeMap<ImageRef, Wanted<'s, V>> = BTreeMap::new();
    let fresh = |view| Wanted { view, machines: Vec::new(), launches: Vec::new() };
    for one in seen {
        for machine in &one.machines {
            let of_image = wanted.entry(one.place.image(&machine.image)).or_insert_with(|| fresh(Ok(&one.view)));
            of_image.machines.push(Runs {
                place: &one.place,
                machine,
                context: one.groups.context(&one.place, machine),
            });
        }
    }
    let view = |launch: &LaunchReport| {
        let Some(place) = place_of(launch) else { return Err("the record does not name its account".to_owned()) };
        match (seen.iter().find(|one| one.place == place), elsewhere.get(&place)) {
            (Some(one), _) => Ok(&one.view),
            (None, Some(opened)) => opened.as_ref().map_err(Clone::clone),
            (None, None) => Err("its account was not looked at".to_owned()),
        }
    };
    for launch in launches {
        let Some(image) = &launch.judged.image else { continue };
        let of_image = wanted.entry(image.clone()).or_insert_with(|| fresh(view(launch)));
        if of_image.view.is_err() {
            of_image.view = view(launch);
        }
        of_image.launches.push(launch);
    }
    wanted
}
