use proptest::prelude::*;

use super::*;
use crate::scan::sbom::Source;

fn component(name: &str, version: &str, purl: &str) -> Component {
    let purls = if purl.is_empty() { Vec::new() } else { vec![purl.to_owned()] };
    Component {
        name: name.into(),
        group: None,
        version: Some(version.into()).filter(|v: &String| !v.is_empty()),
        purls,
        source: None,
    }
}

fn search(query: &str, components: &[Component]) -> Searched {
    query.parse::<Query>().unwrap().search(components)
}

/// `name`, or `name<source`, of what was found; with a question mark behind it of what is in doubt.
fn told(query: &str, components: &[Component]) -> String {
    let searched = search(query, components);
    let one = |package: &Listed| match &package.source {
        Some(source) => format!("{}<{source}", package.name),
        None => package.name.clone(),
    };
    let found = searched.found.iter().map(|found| one(&found.package));
    let doubts = searched.doubts.iter().map(|doubt| format!("{}?", one(&doubt.package)));
    found.chain(doubts).collect::<Vec<_>>().join(" ")
}

fn debian() -> Vec<Component> {
    [
        ("openssl", "3.0.13-1~deb12u1", "pkg:deb/debian/openssl@3.0.13-1~deb12u1?arch=amd64&distro=debian-12"),
        ("libssl3", "3.0.13-1~deb12u1", "pkg:deb/debian/libssl3@3.0.13-1~deb12u1?upstream=openssl&distro=debian-12"),
        ("gcc", "4:12.2.0-3", "pkg:deb/debian/gcc@4%3A12.2.0-3?upstream=gcc-defaults%401.203"),
        ("openssl", "0.10.55", "pkg:cargo/openssl@0.10.55"),
        ("pyopenssl", "23.2.0", "pkg:pypi/pyopenssl@23.2.0"),
    ]
    .map(|(name, version, purl)| component(name, version, purl))
    .to_vec()
}

#[test]
fn packages_are_found_by_their_own_name_and_by_that_of_their_source() {
    let all = debian();
    for (query, expected) in [
        ("openssl", "libssl3<openssl openssl openssl"),
        ("deb:openssl", "libssl3<openssl openssl"),
        ("deb:openssl<3.0.14", "libssl3<openssl openssl"),
        ("openssl<3.0.13", "openssl"),
        ("deb:openssl<3.0.12", ""),
        ("deb:openssl>=3.0.14", ""),
        ("OpenSSL<1", "openssl"),
        ("libssl3", "libssl3"),
        ("pkg:deb/debian/openssl<3.0.14", "libssl3<openssl openssl"),
        ("pkg:deb/ubuntu/openssl<3.0.14", ""),
        ("pkg:deb/openssl<3.0.14", "libssl3<openssl openssl"),
        ("openss", ""),
        ("openssl3", ""),
        // The source has a version of its own.
        ("gcc-defaults<2", "gcc<gcc-defaults 1.203"),
        ("gcc-defaults<1.203", ""),
        ("gcc<5:1", "gcc"),
        ("pypi:PyOpenSSL<24", "pyopenssl"),
    ] {
        assert_eq!(told(query, &all), expected, "{query}");
    }
}

#[test]
fn a_source_that_stands_beside_the_package_url_is_found_too() {
    let of = |name: &str, version: &str| {
        Some(Source { name: name.into(), version: Some(version.to_owned()).filter(|text| !text.is_empty()) })
    };
    let mut ssl = component("libssl3", "3.0.13-1", "pkg:deb/debian/libssl3@3.0.13-1?distro=debian-12");
    let mut perl = component("perl-Carp", "1.50-1.fc40", "pkg:rpm/fedora/perl-Carp@1.50-1.fc40");
    (ssl.source, perl.source) = (of("openssl", ""), of("perl", "4:5.38.2-1.fc40"));
    let all = [ssl, perl];
    for (query, expected) in [
        ("deb:openssl<3.0.14", "libssl3<openssl"),
        ("openssl>=3.0.14", ""),
        ("perl<5.40", "perl-Carp<perl 4:5.38.2-1.fc40"),
        ("perl<4:5.38", ""),
        ("perl-Carp<2", "perl-Carp"),
    ] {
        assert_eq!(told(query, &all), expected, "{query}");
    }
    // What the package URL says counts first.
    let mut one = component("libssl3", "3.0.13-1", "pkg:deb/debian/libssl3@3.0.13-1?upstream=openssl");
    one.source = of("other", "1");
    assert_eq!((told("openssl", &[one.clone()]), told("other", &[one])), ("libssl3<openssl".into(), String::new()));
}

#[test]
fn the_epoch_of_an_rpm_stands_beside_its_version() {
    let purl = "pkg:rpm/amzn/openssl-libs@3.0.8-1.amzn2023?epoch=1&upstream=openssl-3.0.8-1.amzn2023.src.rpm";
    let all = [component("openssl-libs", "1:3.0.8-1.amzn2023", purl)];
    assert_eq!(told("openssl<3.0.14", &all), "openssl-libs<openssl");
    assert_eq!(told("openssl<1:3.0.14", &all), "openssl-libs<openssl");
    assert_eq!(told("openssl<1:3.0.8", &all), "");
    assert_eq!(search("openssl", &all).found[0].package.version.as_deref(), Some("1:3.0.8-1.amzn2023"));
    // Some leave the qualifier out, and say it in the version beside.
    let silent = "pkg:rpm/amzn/openssl-libs@3.0.8-1.amzn2023";
    let all = [component("openssl-libs", "1:3.0.8-1.amzn2023", silent)];
    assert_eq!(told("openssl-libs<0:4", &all), "");
    assert_eq!(told("openssl-libs<1:4", &all), "openssl-libs");
    // What stands beside is not taken for the epoch of another version, and an epoch is written once.
    let other = [component("openssl-libs", "1:9.0-1.amzn2023", silent)];
    assert_eq!(search("openssl-libs", &other).found[0].package.version.as_deref(), Some("3.0.8-1.amzn2023"));
    let both = [component("openssl-libs", "", "pkg:rpm/amzn/openssl-libs@1%3A3.0.8-1.amzn2023?epoch=1")];
    assert_eq!(search("openssl-libs", &both).found[0].package.version.as_deref(), Some("1:3.0.8-1.amzn2023"));
    // A package of another version than its source, whose epoch nobody tells.
    let perl = "pkg:rpm/fedora/perl-Carp@1.50-1.fc40?upstream=perl-5.38.2-1.fc40.src.rpm";
    let all = [component("perl-Carp", "1.50-1.fc40", perl)];
    assert_eq!(told("perl<5.40", &all), "perl-Carp<perl 5.38.2-1.fc40");
    assert_eq!(told("perl<5", &all), "");
    assert_eq!(told("perl<4:5.40", &all), "perl-Carp<perl 5.38.2-1.fc40?");
}

#[test]
fn what_has_no_package_url_no_version_or_no_distribution_is_in_doubt() {
    let all = [
        component("openssl", "3.0.1", ""),
        component("zlib", "", "pkg:deb/debian/zlib"),
        component("bash", "5.2", "pkg:deb/bash@5.2"),
        component("core", "7.0.0", "pkg:npm/core@7.0.0"),
        component("tar", "1.34", "no purl"),
    ];
    for (query, expected) in [
        ("openssl", "openssl"),
        ("openssl=3.0.1", "openssl"),
        ("openssl<4", "openssl?"),
        ("deb:openssl", "openssl?"),
        ("deb:openssl=3.0.1", "openssl?"),
        ("deb:openssl=4", ""),
        ("pkg:deb/debian/openssl", "openssl?"),
        ("zlib", "zlib"),
        ("zlib<2", "zlib?"),
        ("pkg:deb/debian/bash<6", "bash?"),
        ("pkg:deb/debian/bash<5", ""),
        ("pkg:npm/%40babel/core", ""),
        ("tar<2", "tar?"),
    ] {
        assert_eq!(told(query, &all), expected, "{query}");
    }
}

#[test]
fn scopes_and_groups_are_part_of_a_name_or_left_out() {
    let mut grouped = component("log4j-core", "2.14.0", "");
    grouped.group = Some("org.apache.logging.log4j".into());
    let all = [
        component("@babel/core", "7.0.0", "pkg:npm/%40babel/core@7.0.0"),
        component("golang.org/x/net", "v0.16.0", "pkg:golang/golang.org/x/net@v0.16.0"),
        component("log4j-core", "2.17.0", "pkg:maven/org.apache.logging.log4j/log4j-core@2.17.0"),
        grouped,
        component("zope.interface", "5.0", "pkg:pypi/zope-interface@5.0"),
        component("lodash.merge", "4.6.2", "pkg:npm/lodash.merge@4.6.2"),
    ];
    for (query, expected) in [
        ("@babel/core<8", "@babel/core"),
        ("npm:@babel/core<7.0.1", "@babel/core"),
        ("core", "@babel/core"),
        ("pkg:npm/@babel/core", "@babel/core"),
        ("pkg:npm/core", "@babel/core"),
        ("golang.org/x/net<0.17", "golang.org/x/net"),
        ("golang:golang.org/x/net>=v0.16", "golang.org/x/net"),
        ("golang:golang.org/x/net>v0.16", ""),
        ("log4j-core=2.17.0", "log4j-core"),
        ("maven:org.apache.logging.log4j:log4j-core<2.17.1", "log4j-core log4j-core?"),
        ("zope_interface<6", "zope.interface"),
        ("lodash.merge<5", "lodash.merge"),
        ("lodash-merge<5", ""),
        ("lodash_merge<5", ""),
    ] {
        assert_eq!(told(query, &all), expected, "{query}");
    }
}

#[test]
fn what_is_listed_twice_is_found_once_and_every_package_url_counts() {
    let one = component("tar", "1.34", "pkg:deb/debian/tar@1.34");
    let mut two = component("tar", "1.34", "pkg:generic/tar@1.34");
    two.purls.push("pkg:deb/debian/tar@1.34".into());
    let searched = search("deb:tar<2", &[one.clone(), one, two]);
    assert_eq!((searched.entries, searched.found.len(), searched.doubts.len()), (3, 1, 0));
    assert_eq!(search("tar", &[]), Searched::default());
}

proptest! {
    /// Whatever an SBOM says of a package of that name: it is found, in doubt, or its version was compared.
    #[test]
    fn a_name_that_is_listed_is_passed_over_only_for_its_version(
        version in "[0-9a-z.:~+-]{0,8}",
        kind in "deb|rpm|npm|pypi|apk|gem|golang|maven|",
        bound in "[0-9]{1,2}(\\.[0-9]{1,2}){0,2}",
        sign in "<|<=|=|!=|>=|>",
    ) {
        let encoded = version.replace(':', "%3A").replace('+', "%2B");
        let at = if version.is_empty() { String::new() } else { format!("@{encoded}") };
        let purl = if kind.is_empty() { String::new() } else { format!("pkg:{kind}/x/tar{at}") };
        let all = [component("tar", &version, &purl)];
        prop_assert_eq!(search("tar", &all).found.len(), 1);
        let opposite = ["<", "<=", "=", "!=", ">=", ">"];
        let other = [">=", ">", "!=", "=", "<", "<="];
        let place = opposite.iter().position(|one| *one == sign).unwrap();
        let seen = |sign: &str| {
            let searched = search(&format!("tar{sign}{bound}"), &all);
            searched.found.len() + searched.doubts.len()
        };
        prop_assert!(seen(&sign) + seen(other[place]) >= 1, "{} {} {}", purl, sign, bound);
    }

    #[test]
    fn no_sbom_stops_the_program(
        name in "\\PC{0,8}", group in "\\PC{0,8}", version in "\\PC{0,12}",
        purl in "pkg:(deb|rpm|npm)/[a-z@%/]{0,8}@[0-9:%-]{0,8}(\\?(epoch|upstream)=[a-z0-9%@.-]{0,12}(\\.src\\.rpm)?)?|\\PC{0,24}",
        query in "[a-z]{1,3}(<|=|>=)[0-9a-z.:-]{1,8}",
    ) {
        let (group, version, purls) = (Some(group), Some(version), vec![purl]);
        let all = [Component { name, group, version, purls, source: None }];
        let searched = search(&query, &all);
        prop_assert!(searched.found.len() + searched.doubts.len() <= 1);
    }
}
