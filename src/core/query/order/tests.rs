use std::cmp::Ordering::{Equal, Greater, Less};

use proptest::prelude::*;

use super::*;

/// Compares lists in which every version is later than the one before it.
fn ascend(order: Order, versions: &[&str]) {
    for (place, one) in versions.iter().enumerate() {
        for (other_place, other) in versions.iter().enumerate() {
            assert_eq!(order.compare(one, other), Some(place.cmp(&other_place)), "{order:?}: {one} and {other}");
        }
    }
}

fn same(order: Order, pairs: &[(&str, &str)]) {
    for (one, other) in pairs {
        assert_eq!(order.compare(one, other), Some(Equal), "{order:?}: {one} and {other}");
    }
}

fn none(order: Order, texts: &[&str]) {
    for text in texts {
        assert_eq!(order.compare(text, text), None, "{order:?}: {text:?}");
    }
}

/// Debian policy 5.6.12, and deb-version(7).
#[test]
fn debian_policy() {
    ascend(Order::Debian, &["1.0~~", "1.0~~a", "1.0~", "1.0", "1.0-1", "1.0a", "1.0+b1", "1.0.1", "1.2", "1.10"]);
    ascend(Order::Debian, &["1.0~beta1~svn1245", "1.0~beta1", "1.0", "1.0-0.1", "1.0-1", "1.0-1.1", "1:0.1"]);
    ascend(Order::Debian, &["3.0.11-1~deb12u2", "3.0.11-1", "3.0.14-1~deb12u1", "3.0.14-1~deb12u2", "3.0.14-1+b1"]);
    // All letters sort earlier than all non-letters.
    ascend(Order::Debian, &["1a", "1b", "1+", "1.", "2"]);
    same(
        Order::Debian,
        &[("1.0", "0:1.0"), ("1.0", "1.0-0"), ("1.01", "1.1"), ("1.0-1", "1.0-01"), ("1.a", "1.a0"), ("1~", "1~0")],
    );
    none(
        Order::Debian,
        &["", "latest", "1.0-", "a:1", "1 0", "1_0", "1.0\n", "99999999999999:1", "\u{661}.0", "1+f:1"],
    );
}

/// What rpm's own table of vercmp says.
#[test]
fn rpm_vercmp() {
    ascend(Order::Rpm, &["1.0~rc1", "1.0~rc2", "1.0", "1.0^git1", "1.0^git2", "1.0.1", "1.01.1"]);
    ascend(Order::Rpm, &["2.0", "2.0.1", "2.0.1a", "2.0.2"]);
    ascend(Order::Rpm, &["5.5p1", "5.5p2", "5.5p10", "5.6p1", "6.5p1"]);
    ascend(Order::Rpm, &["10xyz", "10.1xyz"]);
    ascend(Order::Rpm, &["xyz10", "xyz10.1", "xyz.11", "11"]);
    ascend(Order::Rpm, &["1.0~rc1~git123", "1.0~rc1", "1.0"]);
    ascend(Order::Rpm, &["1.0^20160101", "1.0^20160102", "1.0.1"]);
    ascend(Order::Rpm, &["20101121", "20101122"]);
    ascend(Order::Rpm, &["4.999.9", "5.0"]);
    ascend(Order::Rpm, &["1.0-1", "1.0-2.el9", "1.0-10.el9", "1.1-1", "1:0.1-1", "2:0.1-1"]);
    same(Order::Rpm, &[("1.0", "0:1.0"), ("2_0", "2.0"), ("10.0001", "10.1"), ("1.05", "1.5"), ("2.0+", "2.0")]);
    none(Order::Rpm, &["", "x:1", ":1", "1.0-", "1.0-1-1", "1 0", "-1", "~1", "1.0-1:2", "\u{e9}"]);
}

/// semver.org 2.0.0, clause 11; and what Go leaves out.
#[test]
fn semantic_versioning() {
    let list = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"];
    ascend(Order::Semver, &[&list[..], &["1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1"]].concat());
    ascend(Order::Semver, &["v0.0.0-20191109021931-daa7c04131f5", "v0.16.0", "v0.17.0", "v2.0.0+incompatible"]);
    same(Order::Semver, &[("1.0.0+20130313144700", "1.0.0+exp.sha"), ("v1.2", "1.2.0"), ("3", "3.0.0")]);
    none(Order::Semver, &["", "v", "1.2.3.4", "1.2-rc", "(devel)", "1.02.3", "latest", "1..2", "1.2.", "vv1.0.0"]);
    none(
        Order::Semver,
        &["1-rc", "1+b", "1.2+b", "1-0.1", "1.2-0", "1+0.0", "1.", ".", ".1", "01", "1.02", "-1", "+1"],
    );
}

/// PEP 440: summary of permitted suffixes and relative ordering, and its normal forms.
#[test]
fn pep_440() {
    let list = ["1.dev0", "1.0.dev456", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456", "1.0b2"];
    ascend(Order::Python, &[&list[..1], &list[1..]].concat());
    let rest = ["1.0b2", "1.0b2.post345.dev456", "1.0b2.post345", "1.0rc1.dev456", "1.0rc1", "1.0", "1.0+abc.5"];
    ascend(Order::Python, &rest);
    ascend(
        Order::Python,
        &["1.0+abc.5", "1.0+abc.7", "1.0+5", "1.0.post456.dev34", "1.0.post456", "1.0.15", "1.1.dev1"],
    );
    ascend(Order::Python, &["2013.10", "2014.4", "1!1.0", "1!1.1"]);
    same(
        Order::Python,
        &[("1.0", "1"), ("1.0alpha1", "1.0a1"), ("v1.0", "1.0"), ("1.0-1", "1.0.post1"), ("1.0RC1", "1.0c1")],
    );
    none(Order::Python, &["", "latest", "1.0.x", "1.0-", "2.0+"]);
}

/// RubyGems: pre-releases have a letter in them.
#[test]
fn gem_version() {
    ascend(
        Order::Gem,
        &["0.beta.1", "1.0.a", "1.0", "1.8.2.a", "1.8.2.a9", "1.8.2.a10", "1.8.2.b", "1.8.2", "1.9.3.1"],
    );
    ascend(Order::Gem, &["5.0.0.rc2", "5.x", "5.0"]);
    ascend(Order::Gem, &["1.0.20240101", "1.0.999999999", "1.1"]);
    same(Order::Gem, &[("1.0", "1"), ("1.0.0", "1.0"), ("1.0000000002", "1.2")]);
    // A platform is not a pre-release, and the library's numbers end.
    none(Order::Gem, &["", "1.15.0-x86_64-linux", "1.0.20240101120000", "1.1000000000", "latest", "1..0"]);
}

#[test]
fn ecosystems_without_an_order_have_none() {
    for (kind, order) in [
        ("deb", Some(Order::Debian)),
        ("rpm", Some(Order::Rpm)),
        ("golang", Some(Order::Semver)),
        ("npm", Some(Order::Semver)),
        ("cargo", Some(Order::Semver)),
        ("pypi", Some(Order::Python)),
        ("gem", Some(Order::Gem)),
        ("hex", Some(Order::Semver)),
        ("swift", Some(Order::Semver)),
        ("apk", Some(Order::Apk)),
        ("maven", Some(Order::Maven)),
        ("nuget", Some(Order::Nuget)),
        ("alpm", Some(Order::Alpm)),
        ("composer", None),
        ("pub", None),
        ("cran", None),
        ("conda", None),
        ("generic", None),
        ("", None),
    ] {
        assert_eq!(Order::of(kind), order, "{kind}");
    }
    let longest = "1".repeat(LONGEST);
    for order in Order::ALL {
        assert_eq!(order.compare(&format!("{longest}1"), "1"), None);
    }
    assert_eq!(Order::Debian.compare(&longest, "1"), Some(Greater));
    assert_eq!(Order::Rpm.compare("1", &longest), Some(Less));
}

/// Texts that are versions of an order often, and near each other.
fn text(order: Order) -> BoxedStrategy<String> {
    let shape = match order {
        Order::Debian | Order::Rpm => {
            "([01]:)?[0-2](\\.[0-2]){0,2}([~+.]?(a|b|rc|git)[0-2]?)?(-[0-2]([~.+][a0-1]{1,2})?)?"
        }
        Order::Semver => "v?[0-2]\\.[0-2]\\.[0-2](-[ab1](\\.[ab0-2]){0,2})?(\\+[a0])?",
        Order::Python => "([01]!)?[0-2](\\.[0-2]){0,2}(a|b|rc)?[0-2]?(\\.post[0-2])?(\\.dev[0-2])?(\\+[a1])?",
        Order::Gem => "[0-2](\\.[0-2a-b]{1,2}){0,3}",
        Order::Apk => "[0-2](\\.0?[0-2]){0,2}[ab]?(_(alpha|rc|git|p)[0-2]?){0,2}(~[ab])?(-r[0-2])?",
        Order::Alpm => "([01]:)?[0-2]([._]{0,2}([0-2]|a|rc)){0,3}(-[0-2](\\.[0-2])?)?",
        Order::Maven => "[01]?([.-]{0,2}(0|1|a|ga|final|sp|rc|alpha|x|b1|ga0)){0,4}",
        Order::Nuget => "[0-2](\\.[0-2]){0,3}(-(a|B|b|[0-2])(\\.(a|A|[0-2])){0,2})?",
    };
    prop_oneof![9 => shape, 1 => "[0-9a-z.:~^+_-]{0,10}"].boxed()
}

fn texts<const N: usize>() -> impl Strategy<Value = (Order, [String; N])> {
    prop::sample::select(&Order::ALL[..])
        .prop_flat_map(|order| (Just(order), std::array::from_fn::<_, N, _>(|_| text(order))))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_order_is_total_over_its_versions((order, [a, b, c]) in texts()) {
        let known = |text: &str| order.knows(text);
        prop_assert_eq!(order.compare(&a, &b).is_some(), known(&a) && known(&b));
        if let (Some(ab), Some(bc), Some(ac)) = (order.compare(&a, &b), order.compare(&b, &c), order.compare(&a, &c)) {
            prop_assert_eq!(order.compare(&a, &a), Some(Equal));
            prop_assert_eq!(order.compare(&b, &a), Some(ab.reverse()), "{} {}", &a, &b);
            if ab == bc || bc == Equal {
                prop_assert_eq!(ac, ab, "{} {} {}", &a, &b, &c);
            }
            if ab == Equal {
                prop_assert_eq!(ac, bc, "{} {} {}", &a, &b, &c);
            }
        }
    }

    /// Left out of a version is only what the bound has none of: against a bound that has all, nothing is.
    #[test]
    fn a_version_is_equal_to_itself_at_any_reach((order, [a]) in texts()) {
        for reach in [Reach::Whole, Reach::OfBound] {
            let expected = order.knows(&a).then_some(Equal);
            prop_assert_eq!(order.compared(&a, &a, reach), expected, "{}", &a);
        }
    }

    #[test]
    fn no_text_stops_the_program(a in "\\PC{0,20}|[0-9]{0,140}|[a1.-]{0,140}", (order, [b]) in texts()) {
        let _seen = order.compared(&a, &b, Reach::OfBound);
        let _back = order.compared(&b, &a, Reach::OfBound);
    }
}
