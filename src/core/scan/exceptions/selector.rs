//! Which package an exception is for.

use std::{fmt, str::FromStr as _};

use packageurl::PackageUrl;

use crate::scan::Finding;

/// A package: by its name, or by a package URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Its exact name.
    Name(String),
    /// What it is, as far as the package URL says.
    Purl(PurlPattern),
}

/// A package URL of which every part that is written must be that of a finding's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurlPattern {
    text: String,
    url: PackageUrl<'static>,
}

impl Selector {
    /// Reads what somebody wrote.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let pattern = |found: &str| format!("{found:?} looks like a pattern; an exception is for one package");
        if text.trim() != text || text.chars().any(char::is_control) {
            return Err(format!("{text:?} has blanks around it, or characters that nobody sees"));
        }
        if !text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("pkg:")) {
            return pattern_in(text).map_or_else(|| Ok(Self::Name(text.to_owned())), |found| Err(pattern(found)));
        }
        let url = PackageUrl::from_str(text).map_err(|error| format!("{text:?} is not a package URL: {error}"))?;
        let parts = [Some(url.name()), url.namespace(), url.version()];
        if let Some(found) = parts.into_iter().flatten().find_map(pattern_in) {
            return Err(pattern(found));
        }
        Ok(Self::Purl(PurlPattern { text: text.to_owned(), url }))
    }

    /// Returns whether a finding is about this package.
    pub fn matches(&self, finding: &Finding) -> bool {
        match self {
            Self::Name(name) => *name == finding.package,
            Self::Purl(pattern) => finding.purl.as_deref().is_some_and(|found| pattern.matches(found)),
        }
    }

    /// Returns whether another selector is for exactly the same, in whatever way it is written.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(other)) => one == other,
            (Self::Purl(one), Self::Purl(other)) => one.url == other.url,
            (Self::Name(_), Self::Purl(_)) | (Self::Purl(_), Self::Name(_)) => false,
        }
    }
}

impl PurlPattern {
    /// Type, namespace and name must be equal; version, qualifiers and subpath where they are written.
    fn matches(&self, found: &str) -> bool {
        let Ok(found) = PackageUrl::from_str(found) else { return false };
        let wanted = &self.url;
        (wanted.ty(), wanted.namespace(), wanted.name()) == (found.ty(), found.namespace(), found.name())
            && wanted.version().is_none_or(|version| found.version() == Some(version))
            && wanted.subpath().is_none_or(|subpath| found.subpath() == Some(subpath))
            && wanted.qualifiers().iter().all(|(key, value)| found.qualifiers().get(key) == Some(value))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text) | Self::Purl(PurlPattern { text, .. }) => f.pad(text),
        }
    }
}

/// Returns the part that looks like a regular expression or a glob. `.` and `+` alone are in many names.
pub(super) fn pattern_in(text: &str) -> Option<&str> {
    let special = |one: char| "*?[]()|^$\\{}".contains(one);
    (text.contains(special) || text.starts_with(".+") || text.ends_with(".+")).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Severity;

    fn finding(package: &str, purl: Option<&str>) -> Finding {
        Finding {
            id: "CVE-1".into(),
            severity: Severity::Low,
            said: None,
            package: package.into(),
            version: "3.0.20".into(),
            purl: purl.map(str::to_owned),
            fixed: None,
            hidden: None,
        }
    }

    #[test]
    fn a_name_is_the_whole_name() {
        let tar = Selector::parse("tar").unwrap();
        for (package, matches) in [("tar", true), ("bsdtar", false), ("tar2", false), ("Tar", false), ("", false)] {
            assert_eq!(tar.matches(&finding(package, Some("pkg:deb/debian/tar@1"))), matches, "{package}");
        }
        assert_eq!((tar.to_string(), format!("{tar:>5}")), ("tar".to_owned(), "  tar".to_owned()));
    }

    #[test]
    fn a_purl_matches_by_every_part_that_is_written() {
        let found = "pkg:deb/debian/libssl3@3.0.20?arch=amd64&distro=debian-12";
        for (pattern, matches) in [
            ("pkg:deb/debian/libssl3", true),
            ("pkg:deb/Debian/libssl3@3.0.20", true),
            ("pkg:deb/debian/libssl3?arch=amd64", true),
            ("pkg:deb/debian/libssl3@3.0.20?distro=debian-12&arch=amd64", true),
            ("pkg:deb/libssl3", false),
            ("pkg:deb/ubuntu/libssl3", false),
            ("pkg:rpm/debian/libssl3", false),
            ("pkg:deb/debian/libssl", false),
            ("pkg:deb/debian/libssl3@3.0.2", false),
            ("pkg:deb/debian/libssl3?arch=arm64", false),
            ("pkg:deb/debian/libssl3?arch=amd64&epoch=1", false),
            ("pkg:deb/debian/libssl3#x", false),
        ] {
            let selector = Selector::parse(pattern).unwrap();
            assert_eq!(selector.matches(&finding("libssl3", Some(found))), matches, "{pattern}");
            assert_eq!(selector.to_string(), pattern, "as it was written");
            assert!(!selector.matches(&finding("libssl3", None)));
            assert!(!selector.matches(&finding("libssl3", Some("libssl3"))));
        }
        let sub = Selector::parse("pkg:golang/example.com/a#cmd").unwrap();
        for (found, matches) in [("pkg:golang/example.com/a@1#cmd", true), ("pkg:golang/example.com/a@1#x", false)] {
            assert_eq!(sub.matches(&finding("a", Some(found))), matches, "{found}");
        }
    }

    #[test]
    fn names_with_dots_and_pluses_are_names_and_patterns_are_not() {
        for name in
            ["libstdc++", "libstdc++6", "python3.11", "a.b", ".net", "g++-12", "@babel/core", "org.x:core", "a b"]
        {
            assert_eq!(Selector::parse(name), Ok(Selector::Name(name.to_owned())), "{name}");
        }
        for pattern in [
            "openssl*",
            ".*",
            "lib.*",
            ".*ssl",
            "lib.+",
            ".+ssl",
            "a?",
            "[ab]",
            "a(b)",
            "a|b",
            "^a",
            "a$",
            "a\\.b",
            "a{2}",
            "pkg:deb/debian/*",
            "pkg:deb/*/a",
            "pkg:deb/debian/a@*",
            "pkg:deb/debian/%2A",
            "pkg:npm/%5Bab%5D",
        ] {
            let problem = Selector::parse(pattern).unwrap_err();
            assert!(problem.contains("looks like a pattern"), "{pattern}: {problem}");
        }
    }

    #[test]
    fn what_is_nearly_a_purl_is_not_taken_for_a_name() {
        for bad in ["pkg:", "pkg:deb", "pkg:deb/", "PKG:deb/debian/a", "Pkg:a", "pkg:swift/a", "pkg:a b/c"] {
            let problem = Selector::parse(bad).unwrap_err();
            assert!(problem.contains("is not a package URL"), "{bad}: {problem}");
        }
        for bad in [" tar", "tar ", "\ttar", "t\u{7}ar", "pkg:deb/tar\n"] {
            assert!(Selector::parse(bad).unwrap_err().contains("blanks around it"), "{bad:?}");
        }
        assert_eq!(Selector::parse("pkgs"), Ok(Selector::Name("pkgs".to_owned())));
    }

    #[test]
    fn selectors_are_the_same_when_they_mean_the_same() {
        let same = |one, other| Selector::parse(one).unwrap().same(&Selector::parse(other).unwrap());
        assert!(same("tar", "tar") && same("pkg:deb/debian/tar?a=1&b=2", "pkg:DEB/Debian/tar?b=2&a=1"));
        assert!(!same("tar", "Tar") && !same("pkg:deb/tar", "tar") && !same("tar", "pkg:deb/tar"));
        assert!(!same("pkg:deb/debian/tar", "pkg:deb/debian/tar@1"));
    }
}
