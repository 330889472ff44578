//! Bounds that no version can meet: `>=3,<2` is a slip, and its answer would be that nothing has it.

use std::cmp::Ordering;

use super::{Bound, Operator, Order, order::Reach};

/// Finds the first bound that no version meets which meets one before it; `kind` is the type that is asked for, if one is.
/// Orders that do not know both versions never find anything, and do not count.
pub(super) fn contradiction<'b>(kind: Option<&str>, bounds: &'b [Bound]) -> Option<(usize, &'b Bound)> {
    let orders: Vec<Order> = match kind {
        Some(kind) => Order::of(kind).into_iter().collect(),
        None => Order::ALL.to_vec(),
    };
    let pairs =
        bounds.iter().enumerate().flat_map(|(at, late)| bounds.iter().take(at).map(move |early| (at, early, late)));
    pairs
        .filter(|(_, early, late)| {
            let known: Vec<bool> = orders.iter().filter_map(|order| never_both(*order, early, late)).collect();
            !known.is_empty() && known.iter().all(|never| *never)
        })
        .map(|(at, early, _)| (at, early))
        .next()
}

/// Says whether no version of an order meets two bounds; none if it does not know them.
fn never_both(order: Order, one: &Bound, other: &Bound) -> Option<bool> {
    order.compare(&one.version, &other.version)?;
    // An epoch in one of them alone is looked at by that one alone. Python has none where it is 0, written or not.
    let epoch = |bound: &Bound| match bound.version.split_once('!') {
        Some((epoch, _)) => epoch.bytes().any(|digit| digit != b'0'),
        None => bound.version.contains(':'),
    };
    if epoch(one) != epoch(other) {
        return Some(false);
    }
    let same =
        matches!((one.operator, other.operator), (Operator::Equal, Operator::Not) | (Operator::Not, Operator::Equal))
            && one.version == other.version;
    Some(same || apart(order, one, other) || apart(order, other, one))
}

/// Says whether all that one lets through is later than all that the other does.
fn apart(order: Order, low: &Bound, high: &Bound) -> bool {
    let (from, below) = (low.operator, high.operator);
    if !matches!(from, Operator::AtLeast | Operator::More | Operator::Equal)
        || !matches!(below, Operator::AtMost | Operator::Less | Operator::Equal)
    {
        return false;
    }
    let strict = from == Operator::More || below == Operator::Less;
    // Debian's revision 0 is none in the order, but a bound with it looks at revisions: 3-1 meets `>3-0` and `<=3`.
    let revised = |bound: &Bound| order == Order::Debian && bound.version.contains('-');
    // A version is also held against a bound without what that has none of: both must say no.
    let whole = order.compare(&low.version, &high.version);
    let reach = order.compared(&low.version, &high.version, Reach::OfBound);
    match (whole, reach) {
        (Some(Ordering::Greater), Some(Ordering::Greater)) => true,
        (Some(Ordering::Greater), Some(Ordering::Equal)) => below == Operator::Less,
        (Some(Ordering::Equal), _) => strict && revised(low) == revised(high),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        query::{Query, QueryFault},
        scan::sbom::Component,
    };

    fn asked(text: &str) -> Result<Query, QueryFault> {
        text.parse()
    }

    #[test]
    fn bounds_that_no_version_meets_are_told_with_their_column() {
        for (text, column, beside) in [
            ("openssl>=3,<2", 12, ">=3"),
            ("openssl>3,<3", 11, ">3"),
            ("openssl>3,<=3", 11, ">3"),
            ("openssl>=3,<3", 12, ">=3"),
            ("openssl<2,>=3", 11, "<2"),
            ("openssl=1,=2", 11, "=1"),
            ("openssl=2,!=2", 11, "=2"),
            ("openssl<5,>1,>6", 14, "<5"),
            ("deb:x>=1:3,<1:2", 12, ">=1:3"),
            ("deb:x>=3.0-1,<3.0", 14, ">=3.0-1"),
            ("deb:x>=3-0,<3-0", 12, ">=3-0"),
            ("rpm:x>3-1,<=3-01", 11, ">3-1"),
            ("pypi:x>=0!3,<2", 13, ">=0!3"),
            ("apk:x=3.0-r1,=3.0-r2", 14, "=3.0-r1"),
            ("maven:g:a>=1,<1-rc1", 14, ">=1"),
        ] {
            let fault = asked(text).unwrap_err();
            assert_eq!(fault.column, column, "{text}: {fault}");
            assert!(fault.expected.ends_with(beside), "{text}: {fault}");
        }
    }

    #[test]
    fn bounds_that_some_version_meets_in_some_ecosystem_are_asked() {
        for text in [
            "x>=2,<3",
            "x>=3,<=3",
            "x=3,<=3",
            "x!=3,!=4",
            "x<=2,<1",
            "x>=1,!=1",
            // A release in Maven, a pre-release in Debian; and neither is one in both.
            "x>=1,<1-rc1",
            "deb:x>=3.0-1,<=3.0",
            "deb:x>3.0-1,<=3.0",
            "deb:x>=1:1.0,<0.9",
            "deb:x=3.0-1,=3.0",
            "deb:x>3-0,<=3",
            "deb:x>=3,<3-0",
            // Both are met by 3.0~ab-r1.
            "apk:x=3.0~ab,=3.0-r1",
            "rpm:x>=3-2,=3",
            "pypi:x<0!0-0,>1!1",
            // Nobody knows an order for them.
            "composer:x>=3,<2",
            "deb:x>=latest,<2",
        ] {
            assert!(asked(text).is_ok(), "{text}: {:?}", asked(text));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

        /// What is told to be a slip finds nothing, whatever version there is.
        #[test]
        fn no_version_meets_what_is_refused(
            kind in "deb|rpm|npm|pypi|apk|alpm|maven|nuget|gem",
            one in "(<|<=|=|!=|>|>=)([01][:!])?[0-2](\\.[0-2])?(-r?[0-2])?",
            other in "(<|<=|=|!=|>|>=)([01][:!])?[0-2](\\.[0-2])?(-r?[0-2])?",
            version in "([0-2][:!])?[0-2](\\.[0-2])?(-r?[0-2])?",
        ) {
            let alone = |bound: &str| -> Query { format!("{kind}:x{bound}").parse().unwrap() };
            prop_assume!(asked(&format!("{kind}:x{one},{other}")).is_err());
            let (one, other) = (alone(&one), alone(&other));
            let query = Query { bounds: [one.bounds.clone(), other.bounds].concat(), ..one };
            let component = Component {
                name: "x".into(),
                version: Some(version.clone()),
                purls: vec![format!("pkg:{kind}/x/x@{}", version.replace(':', "%3A"))],
                ..Component::default()
            };
            prop_assert!(query.search(&[component]).found.is_empty(), "{} {}", &query, &version);
        }
    }
}
