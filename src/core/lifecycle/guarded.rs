//! Which groups and hooks an enforcement point answers for: whatever a message says, it completes no others.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::ids::{GroupName, HookName};

/// The groups and hooks that are guarded: at least one of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarded {
    groups: Vec<GroupPattern>,
    hooks: BTreeSet<HookName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum GroupPattern {
    Exactly(GroupName),
    StartsWith(String),
}

/// Why names do not say what is guarded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPattern {
    /// A list is empty.
    #[error("no {0} is named, so none would be guarded")]
    Empty(&'static str),
    /// A group is neither a name nor the beginning of names.
    #[error("{0:?} is not the name of an Auto Scaling group, nor the beginning of names and a `*`")]
    Group(String),
    /// A hook is not a name.
    #[error(transparent)]
    Hook(#[from] crate::ids::NotAnId),
}

impl Guarded {
    /// Takes names of groups, or the beginnings of names followed by `*`, and names of hooks.
    ///
    /// # Errors
    /// See [`NotAPattern`].
    pub fn new<S: AsRef<str>>(groups: &[S], hooks: &[S]) -> Result<Self, NotAPattern> {
        let groups: Vec<GroupPattern> = groups.iter().map(|text| text.as_ref().parse()).collect::<Result<_, _>>()?;
        let hooks: BTreeSet<HookName> = hooks.iter().map(|text| text.as_ref().parse()).collect::<Result<_, _>>()?;
        if groups.is_empty() {
            return Err(NotAPattern::Empty("group"));
        }
        if hooks.is_empty() { Err(NotAPattern::Empty("hook")) } else { Ok(Self { groups, hooks }) }
    }

    /// Says whether a group is guarded.
    pub fn group(&self, name: &GroupName) -> bool {
        self.groups.iter().any(|pattern| pattern.matches(name))
    }

    /// Returns the patterns of groups that none of these matches.
    pub fn unmatched<'n>(&self, names: impl Iterator<Item = &'n GroupName> + Clone) -> Vec<String> {
        let idle = |pattern: &&GroupPattern| !names.clone().any(|name| pattern.matches(name));
        self.groups.iter().filter(idle).map(ToString::to_string).collect()
    }

    /// Says whether a hook of a guarded group is ours.
    pub fn hook(&self, name: &HookName) -> bool {
        self.hooks.contains(name)
    }

    /// Returns the names of our hooks.
    pub fn hooks(&self) -> impl Iterator<Item = &HookName> {
        self.hooks.iter()
    }
}

impl GroupPattern {
    fn matches(&self, name: &GroupName) -> bool {
        match self {
            Self::Exactly(exact) => exact == name,
            Self::StartsWith(start) => name.as_str().starts_with(start),
        }
    }
}

impl fmt::Display for GroupPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => name.fmt(f),
            Self::StartsWith(start) => write!(f, "{start}*"),
        }
    }
}

impl FromStr for GroupPattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let fault = || NotAPattern::Group(text.chars().take(80).collect());
        match text.strip_suffix('*') {
            Some("") => Ok(Self::StartsWith(String::new())),
            // A second asterisk would match no name, silently.
            Some(start) if start.contains('*') => Err(fault()),
            Some(start) => start.parse().map(|_: GroupName| Self::StartsWith(start.to_owned())).map_err(|_id| fault()),
            None if text.contains('*') => Err(fault()),
            None => text.parse().map(Self::Exactly).map_err(|_id| fault()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_and_an_asterisk_stands_for_the_rest() {
        let guarded = Guarded::new(&["web", "batch-*"], &["goldseal", "team/gate"]).unwrap();
        for (name, expected) in
            [("web", true), ("web-2", false), ("batch-", true), ("batch-a", true), ("batch", false), ("Web", false)]
        {
            assert_eq!(guarded.group(&name.parse().unwrap()), expected, "{name}");
        }
        assert!(guarded.hook(&"team/gate".parse().unwrap()) && !guarded.hook(&"gold".parse().unwrap()));
        assert!(Guarded::new(&["*"], &["goldseal"]).unwrap().group(&"anything".parse().unwrap()));
    }

    #[test]
    fn patterns_that_match_no_group_are_told_as_they_were_written() {
        let guarded = Guarded::new(&["web", "batch-*", "gone"], &["goldseal"]).unwrap();
        let names = ["web".parse().unwrap(), "batches".parse().unwrap()];
        assert_eq!(guarded.unmatched(names.iter()), ["batch-*", "gone"]);
    }

    #[test]
    fn what_would_guard_nothing_is_refused() {
        for (groups, hooks) in [
            (vec![], vec!["goldseal"]),
            (vec!["web"], vec![]),
            (vec![""], vec!["goldseal"]),
            (vec!["*web"], vec!["goldseal"]),
            (vec!["w*b*"], vec!["goldseal"]),
            (vec!["a:b*"], vec!["goldseal"]),
            (vec!["web"], vec!["gold seal"]),
        ] {
            assert!(Guarded::new(&groups, &hooks).is_err(), "{groups:?} {hooks:?}");
        }
    }
}
