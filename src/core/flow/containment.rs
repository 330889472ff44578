//! Acting on what must not run, when somebody asks for it: candidates → what EC2 shows of them now → plan → act, one
//! after the other. Everything that was done, and everything that was not, is a note of the report.

use std::collections::BTreeMap;

use crate::{
    fleet::{
        Place,
        quarantine::{Acting, Action, CONSENT, Move, Step, candidates, plan},
    },
    policy::Policy,
    ports::Containment,
    report::{AuditReport, Note},
};

/// What became of it.
#[derive(Debug)]
pub struct Contained {
    /// For the report.
    pub notes: Vec<Note>,
    /// Everything that was to be done was done.
    pub whole: bool,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolve {
    /// It is done.
    Act,
    /// It is only said.
    Say,
}

/// Acts on the instances of a report that meet both conditions.
pub async fn contain(
    ec2: &impl Containment,
    report: &AuditReport,
    policy: &Policy,
    acting: &Acting,
    resolve: Resolve,
) -> Contained {
    let candidates = candidates(report, policy, acting);
    let mut contained = Contained { notes: Vec::new(), whole: true };
    let mut shown = BTreeMap::new();
    for (place, instances) in &candidates {
        match ec2.shown(place, instances, &acting.means).await {
            Ok(found) => {
                shown.insert(place.clone(), found);
            }
            Err(error) => contained.fails("not-acted", format!("{}: {}", spoken(place), error.chain())),
        }
    }
    let plan = plan(&candidates, acting, &shown);
    for (place, instance, why) in &plan.left {
        contained.fails("not-acted", format!("{instance} in {}: {why}", spoken(place)));
    }
    if let Some(many) = plan.over {
        let why = "nothing was done, since so many at once may come of a mistake in the policy";
        contained.fails(
            "act-limit",
            format!("{many} instances would be acted on, and the limit is {}: {why}", acting.limit),
        );
    }
    for action in &plan.actions {
        let what = said(action);
        match resolve {
            Resolve::Say => contained.notes.push(Note::new("would-act", what)),
            Resolve::Act => match ec2.act(action).await {
                Ok(()) => contained.notes.push(Note::new("acted", what)),
                Err(error) => contained.fails("not-acted", format!("{what}: {}", error.chain())),
            },
        }
    }
    if contained.notes.is_empty() {
        let (tag, value) = CONSENT;
        let met: usize = candidates.values().map(Vec::len).sum();
        let why = format!("none of them bears the tag {tag}={value}, or those that do are in the group already");
        let nobody = format!("the policy lets {met} instances be acted on, and there is nothing to do: {why}");
        contained.notes.push(Note::new("none-acted", nobody));
    }
    contained
}

fn said(Action { place, instance, step }: &Action) -> String {
    let place = spoken(place);
    match step {
        Step::Terminate => format!("{instance} in {place}: terminate"),
        Step::Isolate(moves) => {
            let one = |Move { interface, group }: &Move| {
                format!("{} out of {} into {group}", interface.id, interface.groups.join(" "))
            };
            format!("{instance} in {place}: {}", moves.iter().map(one).collect::<Vec<_>>().join(", "))
        }
    }
}

fn spoken(Place { account, region }: &Place) -> String {
    format!("{account} {region}")
}

impl Contained {
    fn fails(&mut self, code: &'static str, why: String) {
        self.notes.push(Note::new(code, why));
        self.whole = false;
    }
}

#[cfg(test)]
mod tests;
