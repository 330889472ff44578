//! The packages of an SBOM, as far as it is asked which are there.

use super::super::purl::Purl;

/// What an SBOM lists. The index is sorted text, so that a large SBOM stays small.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packages {
    /// `name NUL version NUL type` of everything that has a name, the type empty where there is no package URL; and
    /// package URLs without qualifiers.
    index: Vec<Box<str>>,
    count: usize,
    of_system: bool,
}

impl Packages {
    /// Returns how many packages there are. What the SBOM is about, files and operating systems are no packages.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns whether there is no package.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns whether any package is one of an operating system's package manager.
    pub fn os_packages(&self) -> bool {
        self.of_system
    }

    /// Returns whether a package is listed: by name and version, where both sides have a package URL with one of the same
    /// type; or by the package URL without its qualifiers and subpath.
    pub fn contains(&self, name: &str, version: &str, purl: Option<&str>) -> bool {
        let prefix = named(name, version, "");
        match purl.and_then(Purl::read) {
            Some(purl) => self.has(&purl.bare) || self.has(&format!("{prefix}{}", purl.kind)) || self.has(&prefix),
            None => {
                let first = self.index.partition_point(|key| **key < *prefix);
                self.index.get(first).is_some_and(|key| key.starts_with(&prefix))
            }
        }
    }

    fn has(&self, key: &str) -> bool {
        self.index.binary_search_by(|one| (**one).cmp(key)).is_ok()
    }
}

fn named(name: &str, version: &str, kind: &str) -> String {
    format!("{name}\0{version}\0{kind}")
}

/// Packages while they are read.
#[derive(Debug, Default)]
pub(super) struct Listing {
    packages: Packages,
    /// What the packages say of their distribution.
    pub(super) distro: Agreed<String>,
}

impl Listing {
    /// Takes a package that is there, under its name and those that it has together with its group.
    pub(super) fn list<'p>(
        &mut self,
        (group, name, version): (Option<&str>, &str, &str),
        purls: impl Iterator<Item = &'p str>,
    ) {
        let mut names = vec![name.to_owned()];
        if let Some(group) = group.filter(|group| !group.is_empty()) {
            names.extend([format!("{group}/{name}"), format!("{group}:{name}")]);
        }
        let purls: Vec<Purl> = purls.filter_map(Purl::read).collect();
        let kinds = if purls.is_empty() { vec![""] } else { purls.iter().map(|purl| purl.kind.as_str()).collect() };
        let index = &mut self.packages.index;
        for kind in kinds {
            index.extend(names.iter().map(|name| named(name, version, kind).into_boxed_str()));
        }
        for purl in purls {
            self.packages.of_system |= purl.of_system();
            self.distro.say(purl.distro);
            index.push(purl.bare.into_boxed_str());
        }
    }

    /// Counts so many packages.
    pub(super) fn count(&mut self, packages: usize) {
        self.packages.count += packages;
    }

    /// Returns what was listed.
    pub(super) fn finish(self) -> Packages {
        let mut packages = self.packages;
        packages.index.sort_unstable();
        packages.index.dedup();
        packages.index.shrink_to_fit();
        packages
    }
}

/// What all say who say anything, as long as they say the same.
#[derive(Debug, Default)]
pub(super) enum Agreed<T> {
    /// Nobody said anything.
    #[default]
    Silence,
    /// All said this.
    One(T),
    /// They disagree.
    Quarrel,
}

impl<T: PartialEq> Agreed<T> {
    pub(super) fn say(&mut self, said: Option<T>) {
        let Some(said) = said else { return };
        match self {
            Self::Silence => *self = Self::One(said),
            Self::One(one) if *one == said => {}
            Self::One(_) | Self::Quarrel => *self = Self::Quarrel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(packages: &[(Option<&str>, &str, &str, &[&str])]) -> Packages {
        let mut listing = Listing::default();
        for (group, name, version, purls) in packages {
            listing.list((*group, name, version), purls.iter().copied());
        }
        listing.finish()
    }

    #[test]
    fn a_package_is_known_by_name_version_and_type() {
        let packages = listed(&[
            (None, "openssl", "3.0", &["pkg:deb/debian/openssl@3.0?arch=amd64"]),
            (None, "bare", "1", &[]),
            (None, "zlib", "1", &[]),
        ]);
        for (name, version, purl, there) in [
            ("openssl", "3.0", None, true),
            ("openssl", "3.0", Some("pkg:deb/ubuntu/openssl@3.0"), true),
            ("openssl", "3.0", Some("pkg:pypi/openssl@3.0"), false),
            ("openssl", "3.0", Some("no purl"), true),
            ("openssl", "3.1", None, false),
            ("openssl", "3", None, false),
            ("openss", "l3.0", None, false),
            ("libssl3", "3.0", None, false),
            ("libssl3", "9", Some("pkg:deb/debian/openssl@3.0?distro=x#y"), true),
            ("libssl3", "9", Some("pkg:deb/debian/openssl@3.1"), false),
            ("bare", "1", Some("pkg:deb/debian/bare@1"), true),
            ("bare", "1", None, true),
            ("bar", "1", None, false),
            ("zzz", "1", None, false),
            ("", "", None, false),
        ] {
            assert_eq!(packages.contains(name, version, purl), there, "{name} {version} {purl:?}");
        }
        assert!(!Packages::default().contains("openssl", "3.0", Some("pkg:deb/debian/openssl@3.0")));
    }

    #[test]
    fn a_group_makes_two_more_names() {
        let packages = listed(&[
            (Some("org.x"), "core", "1", &["pkg:maven/org.x/core@1"]),
            (Some("@babel"), "core", "7", &[]),
            (Some(""), "plain", "1", &[]),
        ]);
        for (name, version, purl, there) in [
            ("core", "1", None, true),
            ("org.x:core", "1", Some("pkg:maven/org.x/core@1"), true),
            ("org.x/core", "1", Some("pkg:maven/other/core@1"), true),
            ("org.x/core", "1", Some("pkg:npm/core@1"), false),
            ("@babel/core", "7", Some("pkg:npm/%40babel/core@7"), true),
            ("@babel/core", "1", None, false),
            ("/plain", "1", None, false),
        ] {
            assert_eq!(packages.contains(name, version, purl), there, "{name} {version} {purl:?}");
        }
    }

    #[test]
    fn every_purl_of_a_package_counts() {
        let packages = listed(&[(None, "a", "1", &["pkg:generic/a@1", "junk", "pkg:rpm/fedora/a@1"])]);
        assert!(packages.os_packages());
        for (purl, there) in [("pkg:generic/z@1", true), ("pkg:rpm/z@1", true), ("pkg:npm/z@1", false)] {
            assert_eq!(packages.contains("a", "1", Some(purl)), there, "{purl}");
            assert!(!packages.contains("b", "1", Some(purl)), "{purl}");
        }
        assert!(packages.contains("b", "2", Some("pkg:rpm/fedora/a@1")));
        let others = listed(&[(None, "a", "1", &["pkg:generic/a@1"]), (None, "b", "1", &[])]);
        assert!(!others.os_packages());
    }

    #[test]
    fn those_agree_who_say_the_same() {
        let said = |all: &[Option<u8>]| {
            let mut agreed = Agreed::default();
            all.iter().for_each(|one| agreed.say(*one));
            matches!(agreed, Agreed::One(1))
        };
        for (all, one) in [
            (&[][..], false),
            (&[None], false),
            (&[Some(1)], true),
            (&[None, Some(1), None, Some(1)], true),
            (&[Some(1), Some(2)], false),
            (&[Some(1), Some(2), Some(1)], false),
            (&[Some(2)], false),
        ] {
            assert_eq!(said(all), one, "{all:?}");
        }
    }
}
