//! What a launch hook stands on, as facts → findings, each with a stable code and with what to type.
//!
//! Nothing here asks: the flow brings the facts, and what could not be asked is a fact too. A finding is never about
//! an image's verdict in itself (`verify` says that) but about what it means for the launches of a group.

mod codes;
pub(crate) mod command;
mod facts;
mod groups;
mod images;
mod lists;
mod queue;
mod rights;
mod senders;
mod trust;

pub use codes::CODES;
pub(crate) use command::command;
pub use facts::{
    Asked, Caller, DeadLetters, Facts, GroupFacts, KeyFacts, LaunchFacts, Launchable, Launching, OverrideFacts, Place,
    QueueFacts, QueueSettings, RevocationFacts, Right, Unasked, Why,
};

use std::collections::BTreeSet;

use crate::report::{Finding, Severity};

/// Returns what is found in the facts.
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    groups::examine(facts, &mut found);
    queue::examine(facts, &mut found);
    images::examine(&facts.launching, &mut found);
    rights::examine(facts, &mut found);
    trust::examine(facts, &mut found);
    lists::examine(facts, &mut found);
    found
}

/// Returns what is found in what groups launch, when nobody else looks at it: what may not be asked is said once an action.
pub fn examine_launches(facts: &Launching) -> Vec<Finding> {
    let mut found = Vec::new();
    groups::launching(facts, &mut found);
    images::examine(facts, &mut found);
    images::named(facts, &mut found);
    let hooks = facts.groups.iter().flatten().filter_map(|group| group.hooks.as_ref().err());
    let denied = facts.groups.as_ref().err().into_iter().chain(hooks).filter(|fault| fault.is_missing_right());
    found.extend(denied.map(|fault| unasked(facts, fault, "what launches wait for")));
    let mut said = BTreeSet::new();
    let action = |one: &Finding| one.place.split(' ').next().unwrap_or_default().to_owned();
    found.retain(|one| one.severity != Severity::Unknown || said.insert(action(one)));
    found
}

/// Makes a finding without anything to type.
pub(crate) fn finding(
    severity: Severity,
    code: &'static str,
    place: impl std::fmt::Display,
    message: impl Into<String>,
) -> Finding {
    Finding { severity, code, place: place.to_string(), message: message.into(), commands: Vec::new() }
}

impl Finding {
    /// Adds something to type.
    #[must_use]
    pub(crate) fn typing(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }
}

/// Says what could not be asked, and what to type so that it can.
pub(crate) fn unasked(facts: &Launching, asked: &Unasked, meant_for: &str) -> Finding {
    let place = format!("{} {}", asked.operation, asked.resource);
    let message = format!("{meant_for} could not be looked at: {}", asked.problem);
    let found = finding(Severity::Unknown, "not-asked", place, message);
    if asked.is_missing_right() {
        found.typing(command::allow(facts, &[asked.operation], &["*".to_owned()]))
    } else {
        found.typing(facts.again)
    }
}

#[cfg(test)]
mod tests;
