//! A comparison with a version, and whether it holds.

use std::{cmp::Ordering, fmt};

use super::{Order, order::Reach};

/// A comparison with a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// How it compares.
    pub operator: Operator,
    /// With what.
    pub version: String,
}

/// How versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is its sign")]
pub enum Operator {
    Less,
    AtMost,
    Equal,
    Not,
    AtLeast,
    More,
}

impl Operator {
    /// Returns its sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
            Self::Not => "!=",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }

    const fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Less => found.is_lt(),
            Self::AtMost => found.is_le(),
            Self::Equal => found.is_eq(),
            Self::Not => found.is_ne(),
            Self::AtLeast => found.is_ge(),
            Self::More => found.is_gt(),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.operator.sign(), self.version)
    }
}

/// The version of a package, as far as an SBOM tells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'v> {
    /// The type of the package; none where nobody says.
    pub(super) kind: Option<&'v str>,
    /// The version.
    pub(super) version: Option<&'v str>,
    /// It may have an epoch that is not told.
    pub(super) epochless: bool,
}

/// Whether a version is one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is: wholly compared, or only as far as the bounds go.
    Yes {
        whole: bool,
    },
    No,
    /// Nobody knows: why.
    Unknown(String),
}

/// Holds a version against all bounds. It is one that was asked for if the bounds hold for the whole version, and also if
/// they hold as far as they go: an epoch that nobody wrote must not hide what it stands before.
pub(super) fn answer(bounds: &[Bound], known: Known<'_>) -> Answer {
    if bounds.is_empty() {
        return Answer::Yes { whole: true };
    }
    let Some(version) = known.version else { return Answer::Unknown("its version is not told".to_owned()) };
    let all = |reach| all(bounds.iter().map(|bound| holds(bound, known, version, reach)));
    match (all(Reach::Whole), all(Reach::OfBound)) {
        (Ok(true), _) => Answer::Yes { whole: true },
        (_, Ok(true)) => Answer::Yes { whole: false },
        (Err(why), _) | (_, Err(why)) => Answer::Unknown(why),
        (Ok(false), Ok(false)) => Answer::No,
    }
}

/// One that does not hold is enough; else one of which nobody knows.
fn all(bounds: impl Iterator<Item = Result<bool, String>>) -> Result<bool, String> {
    let mut unknown = None;
    for bound in bounds {
        match bound {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(why) => unknown = unknown.or(Some(why)),
        }
    }
    unknown.map_or(Ok(true), Err)
}

fn holds(bound: &Bound, known: Known<'_>, version: &str, reach: Reach) -> Result<bool, String> {
    let asked = bound.version.as_str();
    if known.epochless && asked.contains(':') {
        return Err("the epoch of its source package is not told: ask without one".to_owned());
    }
    // Whatever the order is, a version is equal to itself.
    if version == asked {
        return Ok(bound.operator.holds(Ordering::Equal));
    }
    let Some(order) = known.kind.and_then(Order::of) else {
        if matches!(bound.operator, Operator::Equal | Operator::Not) && !may_be_same(version, asked) {
            return Ok(bound.operator == Operator::Not);
        }
        return Err(match known.kind {
            Some(kind) => format!("no order is known for {kind}, so it was not compared with {asked}"),
            None => format!("it has no package URL, so no order is known, and it was not compared with {asked}"),
        });
    };
    match order.compared(version, asked, reach) {
        Some(found) => Ok(bound.operator.holds(found)),
        None if order.knows(version) => Err(format!("{asked} is no {}", order.name())),
        None => Err(format!("{version} is no {}", order.name())),
    }
}

/// Says whether two texts that differ may mean one version: one goes on where the other ends, as 1.0 and 1.0.0 or 1.0-r1.
fn may_be_same(one: &str, other: &str) -> bool {
    let goes_on = |long: &str, short: &str| {
        long.strip_prefix(short).is_some_and(|rest| rest.starts_with(|c: char| !c.is_ascii_alphanumeric()))
    };
    let bare = |text: &'_ str| text.strip_prefix('v').unwrap_or(text).to_owned();
    let (one, other) = (bare(one), bare(other));
    one.eq_ignore_ascii_case(&other) || goes_on(&one, &other) || goes_on(&other, &one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    fn asked(bounds: &str, kind: Option<&str>, version: Option<&str>) -> Answer {
        let query: Query = format!("x{bounds}").parse().unwrap();
        answer(&query.bounds, Known { kind, version, epochless: false })
    }

    const WHOLE: Answer = Answer::Yes { whole: true };
    const PARTLY: Answer = Answer::Yes { whole: false };

    #[test]
    fn an_epoch_or_a_revision_that_nobody_asked_for_hides_nothing() {
        for (kind, version, bounds, expected) in [
            ("deb", "3.0.13-1~deb12u1", "<3.0.14", WHOLE),
            ("deb", "3.0.14-1", "<3.0.14", Answer::No),
            ("deb", "3.0.14-1", "<=3.0.14", PARTLY),
            ("deb", "3.0.14-1", "=3.0.14", PARTLY),
            ("deb", "3.0.14-1", "=3.0.14-1", WHOLE),
            ("deb", "3.0.14-1", "=3.0.14-2", Answer::No),
            ("deb", "1:9.18.28-1", "<9.18.30", PARTLY),
            ("deb", "1:9.18.28-1", "<1:9.18.30", WHOLE),
            ("deb", "1:9.18.28-1", "<0:9.18.30", Answer::No),
            ("deb", "1:9.18.28-1", ">=9.18.30", WHOLE),
            ("deb", "1:1.1.1-1", ">=3.0,<3.0.14", Answer::No),
            ("deb", "1:3.0.7-1", ">=3.0,<3.0.14", PARTLY),
            ("rpm", "1:3.0.8-1.amzn2023.0.11", "<3.0.14", PARTLY),
            ("rpm", "1:3.0.14-1.amzn2023", "=3.0.14", PARTLY),
            ("rpm", "1:3.0.14-1.amzn2023", "<3.0.14", Answer::No),
            ("rpm", "3.0.7-27.el9", ">=3.0,<3.0.14", WHOLE),
            ("pypi", "2.31.0+local.1", "=2.31", PARTLY),
            ("pypi", "1!2.0", "<3", PARTLY),
            ("npm", "1.2.3+build", "=1.2.3", WHOLE),
            ("apk", "3.1.4-r5", "<3.1.5", WHOLE),
            ("apk", "3.1.4-r5", "=3.1.4", PARTLY),
            ("apk", "3.1.4-r5", "<3.1.4", Answer::No),
            ("apk", "3.1.4_rc1-r5", "<3.1.4", WHOLE),
            ("alpm", "1:3.0.8-1", "<3.0.14", PARTLY),
            ("alpm", "3.0.14-1", "=3.0.14", PARTLY),
            ("maven", "2.14.1", ">=2,<2.17.1", WHOLE),
            ("maven", "2.17.1", ">=2,<2.17.1", Answer::No),
            ("maven", "2.17.1.Final", "=2.17.1", WHOLE),
            ("nuget", "1.0", "=1.0.0", WHOLE),
            ("nuget", "13.0.1-beta2", "<13.0.1", WHOLE),
        ] {
            assert_eq!(asked(bounds, Some(kind), Some(version)), expected, "{kind} {version} {bounds}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_not_known_unless_another_bound_rules_it_out() {
        let unknown = |answer: Answer| matches!(answer, Answer::Unknown(_));
        for (kind, version, bounds) in [
            (Some("composer"), Some("3.1.4-r5"), "<3.1.5"),
            (Some("composer"), Some("3.1.4-r5"), "=3.1.4"),
            (Some("conda"), Some("1.0"), "!=1.0.0"),
            (Some("cran"), Some("2.17.1"), ">=2,<2.17.2"),
            (Some("apk"), Some("3.1.4-5"), "<3.1.5"),
            (Some("nuget"), Some("1.0.0.0.1"), "<2"),
            (None, Some("3.0"), "<3.1"),
            (Some("deb"), None, "<3.1"),
            (Some("deb"), Some("latest"), "<3.1"),
            (Some("deb"), Some("3.0"), "<latest"),
            (Some("npm"), Some("1.2.3.4"), "<3"),
            (Some("golang"), Some("(devel)"), "<3"),
            (Some("deb"), Some("3.0"), "<3.1,<latest"),
        ] {
            assert!(unknown(asked(bounds, kind, version)), "{kind:?} {version:?} {bounds}");
        }
        for (kind, version, bounds, expected) in [
            (Some("composer"), Some("3.1.4-r5"), "=3.1.4-r5", WHOLE),
            (Some("composer"), Some("3.1.4-r5"), "<=3.1.4-r5", WHOLE),
            (Some("composer"), Some("3.1.4-r5"), "<3.1.4-r5", Answer::No),
            (Some("composer"), Some("3.1.40"), "=3.1.4", Answer::No),
            (Some("composer"), Some("3.1.40"), "!=3.1.4", WHOLE),
            (Some("composer"), Some("3.1.40"), "=3.1.4,<4", Answer::No),
            (None, Some("3.0"), "=3.0", WHOLE),
            (None, Some("3.0"), "", WHOLE),
            (Some("deb"), None, "", WHOLE),
            (Some("golang"), Some("(devel)"), "=(devel)", WHOLE),
            (Some("deb"), Some("4.0"), "<3.1,<latest", Answer::No),
        ] {
            assert_eq!(asked(bounds, kind, version), expected, "{kind:?} {version:?} {bounds}");
        }
    }

    #[test]
    fn what_could_not_be_compared_is_named() {
        for (version, bounds, named) in
            [("latest", "<3.1", "latest is"), ("3.0", "<newest", "newest is"), ("latest", "<newest", "latest is")]
        {
            let found = asked(bounds, Some("deb"), Some(version));
            assert!(matches!(&found, Answer::Unknown(why) if why.starts_with(named)), "{version}{bounds}: {found:?}");
        }
    }

    #[test]
    fn an_epoch_that_is_not_told_is_not_taken_for_none() {
        let query: Query = "x<1:3".parse().unwrap();
        let known = Known { kind: Some("rpm"), version: Some("2.0-1"), epochless: true };
        assert!(matches!(answer(&query.bounds, known), Answer::Unknown(_)));
        assert_eq!(answer(&query.bounds, Known { epochless: false, ..known }), WHOLE);
    }
}
