//! `policy what-if`: what runs, and what the launch hook decided → judged by the current policy and by one that might be →
//! what would change.
//!
//! Facts and evidence are asked for once and examined with the keys of both. What could not be seen, or not be judged
//! again, is part of the report.

mod again;
mod comparing;
mod judging;
mod records;
mod supposed;
mod wanted;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

pub use self::supposed::Supposed;
use self::{
    comparing::Comparing,
    judging::{Judged, Side},
    records::{Records, records},
    supposed::Supposing,
};
use super::{audit::IMAGES, listed::listed, verify::KeyAnswers};
use crate::{
    gate::Period,
    policy::Policy,
    ports::{EvidenceStore, Fleets, KeyCatalog, Listings, PortError, Progress, StateStore},
    report::{
        ChangedDecision, ChangedInstance, DecisionsReport, Note, PlaceReport, WHAT_IF_SCHEMA, WhatIfReport,
        policy_notes,
    },
};

/// What is compared, and when.
#[derive(Debug)]
pub struct WhatIf<'a> {
    /// What is in force.
    pub current: &'a Policy,
    /// What might be.
    pub candidate: &'a Policy,
    /// The instant of the verdicts on what runs. A recorded launch is judged at its own.
    pub at: Timestamp,
    /// An admission that ends within this is of a class of its own.
    pub soon: Period,
    /// Instances that are stopped are looked at as well.
    pub stopped: bool,
    /// From when on recorded decisions are judged again.
    pub since: Timestamp,
    /// Lists that are published nowhere yet, for the candidate.
    pub supposed: &'a Supposed,
}

/// Judges a fleet, and what hooks decided as far as `state` has records of it, by both policies. `started` is when it
/// began.
///
/// # Errors
/// When nobody tells which accounts there are.
pub async fn what_if<F: Fleets>(
    asked: &WhatIf<'_>,
    fleets: &F,
    store: &impl EvidenceStore,
    kms: &(impl KeyCatalog + Listings + Sync),
    state: Option<&impl StateStore>,
    progress: &impl Progress,
    started: Timestamp,
) -> Result<WhatIfReport, PortError> {
    let answers = KeyAnswers::ask([asked.current, asked.candidate], kms).await;
    let supposing = Supposing { asked: kms, supposed: asked.supposed };
    let (current, candidate) = (answers.keys(asked.current), answers.keys(asked.candidate));
    let (current, candidate) =
        (listed(asked.current, current, kms).await, listed(asked.candidate, candidate, &supposing).await);
    let notes = asked.supposed.notes(asked.candidate, [current.lists(), candidate.lists()], asked.at);
    let sides = [(asked.current, current), (asked.candidate, candidate)];
    let sides = sides.map(|(policy, keys)| Side { policy, keys: Arc::new(keys) });
    let (seen, places) = wanted::look(asked, fleets, progress).await?;
    let recorded = match state {
        Some(state) => Some(records(state, asked.since, started).await),
        None => None,
    };
    let launches = recorded.as_ref().map(|one| one.launches.as_slice()).unwrap_or_default();
    let elsewhere = wanted::elsewhere(fleets, &seen, launches).await;

    let wanted = wanted::wanted(&seen, &elsewhere, launches);
    progress.expect(wanted.len() as u64);
    let judging = wanted.into_iter().map(|(image, wanted)| {
        let sides = &sides;
        async move {
            let judged = Judged::of(asked, sides, &image, &wanted, store).await;
            progress.advance();
            judged
        }
    });
    let mut judged: Vec<Judged> = stream::iter(judging).buffer_unordered(IMAGES).collect().await;
    judged.push(Judged::without_image(&sides, launches));
    let mut report = report(asked, started, places, recorded, judged);
    report.notes.extend(notes);
    Ok(report)
}

/// Puts the report together.
fn report(
    asked: &WhatIf<'_>,
    started: Timestamp,
    places: Vec<PlaceReport>,
    recorded: Option<Records>,
    judged: Vec<Judged>,
) -> WhatIfReport {
    let (mut running, mut launches) = (Comparing::new(), Comparing::new());
    let mut unjudged = Vec::new();
    for one in judged {
        one.machines.into_iter().for_each(|one| running.add(one));
        one.launches.into_iter().for_each(|one| launches.add(one));
        unjudged.extend(one.unjudged);
    }
    unjudged.sort_by(|a, b| (&a.launch.at, &a.launch.instance).cmp(&(&b.launch.at, &b.launch.instance)));
    let running = running
        .done(|a: &ChangedInstance, b| (&a.account, &a.region, &a.instance).cmp(&(&b.account, &b.region, &b.instance)));
    let launches = launches
        .done(|a: &ChangedDecision, b| (a.launch.at, &a.launch.instance).cmp(&(b.launch.at, &b.launch.instance)));
    let mut notes = policy_notes(asked.candidate);
    if recorded.is_none() {
        let message = "no place for the state of a launch hook is named, so no recorded decisions were looked at";
        notes.push(Note::new("no-decisions", message));
    }
    WhatIfReport {
        schema: WHAT_IF_SCHEMA,
        at: asked.at,
        started,
        finished: started,
        current: asked.current.digest(),
        candidate: asked.candidate.digest(),
        supposed: asked.supposed.places(),
        places,
        running,
        decisions: recorded.map(|records| DecisionsReport {
            since: asked.since,
            compared: launches,
            unjudged,
            faults: records.faults,
        }),
        notes,
    }
}

#[cfg(test)]
mod tests;
