//! One image, its machines and its launches, judged by both sides.

use std::{mem::take, sync::Arc};

use super::{
    super::{
        answers::Answers,
        case::Case,
        runs::{WITNESS, other_owner},
    },
    WhatIf,
    again::{self, Beside, Today},
    comparing::Compared,
    wanted::{Runs, Wanted},
};
use crate::{
    fleet::{Image, classify, overridden},
    ids::ImageRef,
    policy::{Keys, Policy},
    ports::{EvidenceStore, ImageCatalog},
    report::{ChangedDecision, ChangedInstance, LaunchReport, Note, Stance, UnjudgedDecision},
    verdict::{Fault, Verdict},
};

/// What verdicts are made by: one of the two that are compared.
pub(super) struct Side<'a> {
    pub(super) policy: &'a Policy,
    pub(super) keys: Arc<Keys>,
}

/// What was judged of one image.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) machines: Vec<Compared<ChangedInstance>>,
    pub(super) launches: Vec<Compared<ChangedDecision>>,
    pub(super) unjudged: Vec<UnjudgedDecision>,
}

/// An image by one side.
struct Sided {
    found: Image,
    verdict: Verdict,
}

impl Judged {
    /// Asks for one image, and judges by both sides whoever runs it and whoever launched it.
    pub(super) async fn of<V: ImageCatalog>(
        asked: &WhatIf<'_>,
        sides: &[Side<'_>; 2],
        image: &ImageRef,
        wanted: &Wanted<'_, V>,
        store: &impl EvidenceStore,
    ) -> Self {
        let view = match &wanted.view {
            Ok(view) => *view,
            Err(problem) => {
                let why = Fault::RecordUnavailable { problem: format!("EC2 cannot be asked for its image: {problem}") };
                let unjudged = wanted.launches.iter().map(|launch| again::unjudged(launch, &why));
                return Self { unjudged: unjudged.collect(), ..Self::default() };
            }
        };
        let answers = Answers::ask(image, view, store).await;
        let mut cases = sides.each_ref().map(|side| answers.case(side.policy, &side.keys, WITNESS).0);
        for case in &mut cases {
            case.seek_receipts(store).await;
        }
        let mut judged = Self { machines: machines(asked, sides, image, wanted, &cases), ..Self::default() };
        let today = Today::of(&answers, &cases);
        for launch in &wanted.launches {
            match today.instead(launch) {
                Ok(notes) => judged.launches.push(decided(sides, launch, Some(&cases), &notes)),
                Err(why) => judged.unjudged.push(again::unjudged(launch, &why)),
            }
        }
        judged
    }

    /// Judges the launches that were decided before anybody knew their images: only their modes can differ.
    pub(super) fn without_image(sides: &[Side<'_>; 2], launches: &[LaunchReport]) -> Self {
        let unknown = launches.iter().filter(|launch| launch.judged.image.is_none());
        Self { launches: unknown.map(|launch| decided(sides, launch, None, &[])).collect(), ..Self::default() }
    }
}

fn machines<V>(
    asked: &WhatIf<'_>,
    sides: &[Side<'_>; 2],
    image: &ImageRef,
    wanted: &Wanted<'_, V>,
    cases: &[Case; 2],
) -> Vec<Compared<ChangedInstance>> {
    let Some(Runs { machine: first, .. }) = wanted.machines.first() else { return Vec::new() };
    let sided = |side: &Side<'_>, case: &Case| {
        let mut judgement = case.judge(side.policy, asked.at);
        judgement.verdict = judgement.verdict.and(other_owner(case, &first.seen), Vec::new());
        let lapsed = case.lapsed(side.policy, &judgement, asked.at).is_some();
        let horizon = asked.soon.after(asked.at);
        let found = Image::of(&judgement.verdict, lapsed, judgement.until, horizon, case.snapshots());
        Sided { found, verdict: judgement.verdict }
    };
    let ([current, candidate], [one, other]) = (sides, cases);
    let judged = [sided(current, one), sided(candidate, other)];
    let compared = |runs: &Runs<'_>| {
        let sides = [(current, &judged[0]), (candidate, &judged[1])];
        Compared::of(sides.map(|(side, sided)| sided.stands(side, (image, runs), asked)), || {
            let Runs { place, machine, .. } = runs;
            let changed = ChangedInstance {
                account: place.account.clone(),
                region: place.region.clone(),
                instance: machine.id.clone(),
                name: machine.name.clone(),
            };
            (Some(image.clone()), first.seen.name.clone(), changed)
        })
    };
    wanted.machines.iter().map(compared).collect()
}

impl Sided {
    fn stands(&self, side: &Side<'_>, (image, runs): (&ImageRef, &Runs<'_>), asked: &WhatIf<'_>) -> (Stance, Verdict) {
        let mut classified = classify(runs.machine, &self.found, side.policy.launch().root_volume);
        let (reasons, faults) = (take(&mut classified.reasons), take(&mut classified.faults));
        let mut verdict = self.verdict.clone().and(reasons, faults);
        let (policy, lists, what) = (side.policy, side.keys.lists(), (image, &runs.context));
        let by = overridden((policy, lists), what, &verdict, runs.machine.launched, asked.at);
        let (class, _) = classified.and(by.as_ref());
        // What stands in the report is what it stands on.
        verdict = lists.overridden(policy, what, &verdict, asked.at).map_or(verdict, |one| Verdict::Admit(one.into()));
        (Stance::new(Some(class), &verdict, side.policy.mode(&runs.context)), verdict)
    }
}

/// Judges a launch at the instant of its decision; without cases, one whose image was never known.
fn decided(
    sides: &[Side<'_>; 2],
    launch: &LaunchReport,
    cases: Option<&[Case; 2]>,
    notes: &[Note],
) -> Compared<ChangedDecision> {
    let beside = Beside::of(launch, sides.each_ref().map(|side| side.policy));
    let stands = |side: &Side<'_>, case: Option<&Case>| {
        let verdict = match case {
            Some(case) => beside.join(case.judge(side.policy, launch.at).verdict, side.policy),
            None => beside.alone(),
        };
        let context = again::context(launch);
        let passed = launch
            .judged
            .image
            .as_ref()
            .and_then(|image| side.keys.lists().overridden(side.policy, (image, &context), &verdict, launch.at));
        let verdict = passed.map_or(verdict, |one| Verdict::Admit(one.into()));
        (Stance::new(None, &verdict, side.policy.mode(&context)), verdict)
    };
    let ([current, candidate], [one, other]) = (sides, cases.map_or([None, None], |cases| cases.each_ref().map(Some)));
    Compared::of([stands(current, one), stands(candidate, other)], || {
        (launch.judged.image.clone(), None, again::changed(launch, notes))
    })
}
