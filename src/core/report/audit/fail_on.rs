//! What makes an audit fail: a report and a set of conditions → an outcome.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::{AuditReport, Changes, Class, Sight};
use crate::report::{Outcome, Severity};

/// Something that can make an audit fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// An instance of a class. One that could not be judged leaves the audit undetermined; all others fail it.
    Class(Class),
    /// A door that is a problem fails the audit; one that could not be asked about leaves it undetermined, as does an audit
    /// that looked for none.
    Door,
    /// A place that was not seen, or not all of it, leaves the audit undetermined.
    Missed,
}

impl Condition {
    /// Every condition, with its name.
    pub fn all() -> impl Iterator<Item = Self> {
        Class::ALL.into_iter().map(Self::Class).chain([Self::Door, Self::Missed])
    }

    /// Returns its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Class(class) => class.as_str(),
            Self::Door => "door",
            Self::Missed => "missed",
        }
    }

    fn outcome(self, report: &AuditReport) -> Outcome {
        match self {
            Self::Class(class) => of_class(class, report.count(class)),
            Self::Door => report.doors.as_ref().map_or(Outcome::Undetermined, |doors| {
                doors.iter().map(|door| open(door.severity)).max().unwrap_or(Outcome::Admit)
            }),
            Self::Missed => {
                if report.is_whole() {
                    Outcome::Admit
                } else {
                    Outcome::Undetermined
                }
            }
        }
    }

    /// The same of what is new.
    fn outcome_of_new(self, report: &AuditReport, changes: &Changes) -> Outcome {
        match self {
            Self::Class(class) => of_class(class, changes.count(class)),
            Self::Door if report.doors.is_none() => Outcome::Undetermined,
            Self::Door => {
                let opened = changes.doors.iter().filter(|door| door.opened());
                opened.filter_map(|door| door.to).map(open).max().unwrap_or(Outcome::Admit)
            }
            Self::Missed => {
                if changes.places.iter().all(|place| place.change == Sight::SeenAgain) {
                    Outcome::Admit
                } else {
                    Outcome::Undetermined
                }
            }
        }
    }
}

fn of_class(class: Class, instances: u64) -> Outcome {
    match class {
        _ if instances == 0 => Outcome::Admit,
        Class::Undetermined => Outcome::Undetermined,
        Class::Refused
        | Class::RootReplaced
        | Class::Unsealed
        | Class::Expired
        | Class::Overridden
        | Class::Expiring
        | Class::Admitted => Outcome::Reject,
    }
}

pub(super) fn open(severity: Severity) -> Outcome {
    match severity {
        Severity::Problem => Outcome::Reject,
        Severity::Unknown => Outcome::Undetermined,
        Severity::Warning | Severity::Note | Severity::Good => Outcome::Admit,
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::all().find(|one| one.as_str() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::all().map(Self::as_str).collect();
            format!("{text:?} is none of {}", names.join(", "))
        })
    }
}

/// The conditions that make an audit fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailOn(BTreeSet<Condition>);

impl Default for FailOn {
    /// Whatever nobody let run, and whatever is not known.
    fn default() -> Self {
        let bad = Class::ALL.into_iter().filter(|class| class.is_bad() || *class == Class::Undetermined);
        Self(bad.map(Condition::Class).chain([Condition::Missed]).collect())
    }
}

impl FromIterator<Condition> for FailOn {
    fn from_iter<I: IntoIterator<Item = Condition>>(conditions: I) -> Self {
        Self(conditions.into_iter().collect())
    }
}

impl FailOn {
    /// Returns the outcome of an audit, the worst of all conditions. One that looked nowhere is never good.
    pub fn outcome(&self, report: &AuditReport) -> Outcome {
        let nowhere = if report.places.is_empty() { Outcome::Undetermined } else { Outcome::Admit };
        self.0.iter().map(|condition| condition.outcome(report)).fold(nowhere, Outcome::max)
    }

    /// Returns the outcome of what is new in an audit. Where nobody compared, all of it is.
    pub fn outcome_of_new(&self, report: &AuditReport) -> Outcome {
        let Some(changes) = &report.changes else { return self.outcome(report) };
        let nowhere = if report.places.is_empty() { Outcome::Undetermined } else { Outcome::Admit };
        self.0.iter().map(|condition| condition.outcome_of_new(report, changes)).fold(nowhere, Outcome::max)
    }
}
