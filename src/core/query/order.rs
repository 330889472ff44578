//! Which of two versions is the later one: each ecosystem's own order, by a library that its people keep; where there is none,
//! by its published rules, in a file of its own.
//!
//! What the rules of an ecosystem do not take for a version is not compared at all.

mod alpm;
mod apk;
mod maven;
mod nuget;
mod number;

use std::cmp::Ordering;

use rpm_version::Evr;

use self::{alpm::Alpm, apk::Apk, maven::Maven, nuget::Nuget};

/// Longer than any version, and short enough for every library to be quick.
const LONGEST: usize = 128;

/// An order of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Debian policy: epoch, upstream version, revision.
    Debian,
    /// RPM: epoch, version, release.
    Rpm,
    /// Semantic versioning 2.0: npm, cargo, Go, Hex and Swift.
    Semver,
    /// PEP 440: Python.
    Python,
    /// `Gem::Version`: Ruby.
    Gem,
    /// apk-tools: Alpine.
    Apk,
    /// vercmp: Arch Linux.
    Alpm,
    /// `ComparableVersion`: Java.
    Maven,
    /// `NuGetVersion`: .NET.
    Nuget,
}

/// How far two versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Wholly: what a bound leaves out is what the ecosystem takes for it.
    Whole,
    /// As far as the bound goes: epoch, revision and local part do not matter where it has none.
    OfBound,
}

/// A version of one of the orders.
enum Version<'v> {
    Debian(debversion::Version),
    Rpm(Evr<'v>),
    Semver(semver::Version),
    Python(pep440_rs::Version),
    Gem(gem_version::GemVersion),
    Apk(Apk),
    Alpm(Alpm),
    Maven(Maven),
    Nuget(Nuget),
}

impl Order {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Debian,
        Self::Rpm,
        Self::Semver,
        Self::Python,
        Self::Gem,
        Self::Apk,
        Self::Alpm,
        Self::Maven,
        Self::Nuget,
    ];

    /// Returns the order of a type of package URLs, where one is known.
    pub fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "deb" => Self::Debian,
            "rpm" => Self::Rpm,
            "npm" | "cargo" | "golang" | "hex" | "swift" => Self::Semver,
            "pypi" => Self::Python,
            "gem" => Self::Gem,
            "apk" => Self::Apk,
            "alpm" => Self::Alpm,
            "maven" => Self::Maven,
            "nuget" => Self::Nuget,
            _ => return None,
        })
    }

    /// Returns what its versions are called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debian => "Debian version",
            Self::Rpm => "RPM version",
            Self::Semver => "semantic version",
            Self::Python => "version of PEP 440",
            Self::Gem => "version of a gem",
            Self::Apk => "version of apk",
            Self::Alpm => "version of Arch Linux",
            Self::Maven => "version of Maven",
            Self::Nuget => "version of NuGet",
        }
    }

    /// Compares two versions; none when one of them is no version there.
    pub fn compare(self, one: &str, other: &str) -> Option<Ordering> {
        self.compared(one, other, Reach::Whole)
    }

    /// Compares a version with a bound.
    pub(super) fn compared(self, version: &str, bound: &str, reach: Reach) -> Option<Ordering> {
        let (mut version, bound) = (self.read(version)?, self.read(bound)?);
        if reach == Reach::OfBound {
            version.shorten(&bound);
        }
        version.compare(&bound)
    }

    /// Says whether a text is a version there.
    pub(super) fn knows(self, text: &str) -> bool {
        self.read(text).is_some()
    }

    fn read(self, text: &str) -> Option<Version<'_>> {
        if text.len() > LONGEST || !text.is_ascii() || text.trim() != text {
            return None;
        }
        match self {
            Self::Debian => debian(text).map(Version::Debian),
            Self::Rpm => rpm(text).map(Version::Rpm),
            Self::Semver => semantic(text).map(Version::Semver),
            Self::Python => text.parse().ok().map(Version::Python),
            Self::Gem => gem(text).map(Version::Gem),
            Self::Apk => Apk::read(text).map(Version::Apk),
            Self::Alpm => Alpm::read(text).map(Version::Alpm),
            Self::Maven => Maven::read(text).map(Version::Maven),
            Self::Nuget => Nuget::read(text).map(Version::Nuget),
        }
    }
}

impl Version<'_> {
    /// Leaves out what a bound has none of.
    fn shorten(&mut self, bound: &Version<'_>) {
        match (self, bound) {
            (Self::Debian(version), Version::Debian(bound)) => {
                version.epoch = version.epoch.filter(|_| bound.epoch.is_some());
                version.debian_revision = version.debian_revision.take().filter(|_| bound.debian_revision.is_some());
            }
            (Self::Rpm(version), Version::Rpm(bound)) => {
                if bound.epoch().is_empty() {
                    version.set_epoch("");
                }
                if bound.release().is_empty() {
                    version.set_release("");
                }
            }
            (Self::Python(version), Version::Python(bound)) => {
                let mut shorter = version.clone();
                shorter = if bound.epoch() == 0 { shorter.with_epoch(0) } else { shorter };
                *version = if bound.local().is_empty() { shorter.without_local() } else { shorter };
            }
            (Self::Apk(version), Version::Apk(bound)) => version.shorten(bound),
            (Self::Alpm(version), Version::Alpm(bound)) => version.shorten(bound),
            // The others have no such parts.
            (_, _) => {}
        }
    }

    fn compare(&self, other: &Version<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Debian(one), Version::Debian(other)) => Some(one.cmp(other)),
            (Self::Rpm(one), Version::Rpm(other)) => Some(one.cmp(other)),
            (Self::Semver(one), Version::Semver(other)) => Some(one.cmp_precedence(other)),
            (Self::Python(one), Version::Python(other)) => Some(one.cmp(other)),
            (Self::Gem(one), Version::Gem(other)) => Some(one.cmp(other)),
            (Self::Apk(one), Version::Apk(other)) => Some(one.cmp(other)),
            (Self::Alpm(one), Version::Alpm(other)) => Some(one.compare(other)),
            (Self::Maven(one), Version::Maven(other)) => Some(one.compare(other)),
            (Self::Nuget(one), Version::Nuget(other)) => Some(one.cmp(other)),
            (_, _) => None,
        }
    }
}

/// The library takes more than dpkg does: names, an empty revision, and colons where there is no epoch.
fn debian(text: &str) -> Option<debversion::Version> {
    let mut version: debversion::Version = text.parse().ok()?;
    let upstream = &version.upstream_version;
    let colon = version.epoch.is_none() && upstream.contains(':');
    if !upstream.starts_with(|c: char| c.is_ascii_digit()) || upstream.ends_with('-') || colon {
        return None;
    }
    // Where digits are missing at the end, policy counts them as zero; the library puts nothing before 0.
    let whole = |part: &mut String| {
        if part.ends_with(|c: char| !c.is_ascii_digit()) {
            part.push('0');
        }
    };
    whole(&mut version.upstream_version);
    version.debian_revision.iter_mut().for_each(whole);
    Some(version)
}

/// The library takes any text.
fn rpm(text: &str) -> Option<Evr<'_>> {
    let evr = Evr::parse(text);
    let part = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~^".contains(&b));
    let epoch = evr.epoch();
    let numbered = epoch.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with(':');
    let named = evr.version().starts_with(|c: char| c.is_ascii_alphanumeric());
    let release = !text.ends_with('-');
    (numbered && named && release && part(evr.version()) && part(evr.release())).then_some(evr)
}

/// Minor version and patch may be missing, as in Go's own order; Go and npm write a `v`.
fn semantic(text: &str) -> Option<semver::Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    // What is more than numbers is no version with these zeros behind it either.
    let missing = match text.matches('.').count() {
        0 => ".0.0",
        1 => ".0",
        _ => "",
    };
    semver::Version::parse(&format!("{text}{missing}")).ok()
}

/// A hyphen may begin the name of a platform, which is no part of the version; and the library takes numbers of more than
/// 32 bits for words.
fn gem(text: &str) -> Option<gem_version::GemVersion> {
    let long = |run: &str| run.trim_start_matches('0').len() > 9;
    if text.is_empty() || text.contains('-') || text.split(|c: char| !c.is_ascii_digit()).any(long) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests;
