//! What a launch hook stands on, as facts → findings, each with a stable code and with what to type.
//!
//! Nothing here asks: the flow brings the facts, and what could not be asked is a fact too. A finding is never about
//! an image's verdict in itself (`verify` says that) but about what it means for the launches of a group.

mod codes;
mod command;
mod facts;
mod groups;
mod images;
mod queue;
mod rights;
mod senders;
mod trust;

pub use codes::CODES;
pub use facts::{
    Asked, Caller, DeadLetters, Facts, GroupFacts, KeyFacts, LaunchFacts, Launchable, Place, QueueFacts, QueueSettings,
    Right, Unasked, Why,
};

use crate::report::{Finding, Severity};

/// Returns what is found in the facts.
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    groups::examine(facts, &mut found);
    queue::examine(facts, &mut found);
    images::examine(facts, &mut found);
    rights::examine(facts, &mut found);
    trust::examine(facts, &mut found);
    found
}

/// Makes a finding without anything to type.
fn finding(
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
    fn typing(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }
}

/// Says what could not be asked, and what to type so that it can.
fn unasked(facts: &Facts, asked: &Unasked, meant_for: &str) -> Finding {
    let place = format!("{} {}", asked.operation, asked.resource);
    let message = format!("{meant_for} could not be looked at: {}", asked.problem);
    let found = finding(Severity::Unknown, "not-asked", place, message);
    if asked.is_missing_right() {
        found.typing(command::allow(facts, &[asked.operation], &["*".to_owned()]))
    } else {
        found.typing("goldseal doctor")
    }
}

#[cfg(test)]
mod tests;
