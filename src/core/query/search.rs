//! A question and what an SBOM lists → what was found, and what nobody knows.

use std::collections::BTreeSet;

use super::{
    Query, Wanted,
    bound::{Answer, Known, answer},
};
use crate::scan::{purl::Coordinates, sbom::Component};

/// What a question found in one SBOM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Searched {
    /// How many entries the SBOM has.
    pub entries: usize,
    /// What is as was asked for.
    pub found: Vec<Found>,
    /// What may be.
    pub doubts: Vec<Doubt>,
}

/// A package as an SBOM lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its version; RPM's with the epoch.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// The source package, with its version where that is another, when it was found by that and not by its own name.
    pub source: Option<String>,
}

/// A package that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The package.
    pub package: Listed,
    /// The versions were compared wholly; else without epoch, revision or local part where a bound has none.
    pub whole: bool,
}

/// A package of which nobody knows whether it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// The package.
    pub package: Listed,
    /// Why.
    pub why: String,
}

impl Query {
    /// Looks for packages in what an SBOM lists. What it lists several times is found once.
    pub fn search(&self, components: &[Component]) -> Searched {
        let (mut found, mut doubts) = (BTreeSet::new(), BTreeSet::new());
        for component in components {
            match self.best(component) {
                Some((package, Answer::Yes { whole })) => drop(found.insert(Found { package, whole })),
                Some((package, Answer::Unknown(why))) => drop(doubts.insert(Doubt { package, why })),
                Some((_, Answer::No)) | None => {}
            }
        }
        Searched { entries: components.len(), found: found.into_iter().collect(), doubts: doubts.into_iter().collect() }
    }

    /// Returns the answer that counts most of those under the names of a component; none when it has another name.
    fn best(&self, component: &Component) -> Option<(Listed, Answer)> {
        let read = component.purls.iter().map(|purl| (Some(purl.as_str()), Coordinates::read(purl)));
        let read: Vec<_> = if component.purls.is_empty() { vec![(None, None)] } else { read.collect() };
        let under = read.iter().flat_map(|(purl, url)| self.under(component, *purl, url.as_ref()));
        under.max_by_key(|(package, answer)| {
            let weight = match answer {
                Answer::Yes { whole: true } => 3,
                Answer::Yes { whole: false } => 2,
                Answer::Unknown(_) => 1,
                Answer::No => 0,
            };
            (weight, package.source.is_none())
        })
    }

    /// Answers for a component under its own name, and for the source package that it was built of.
    fn under(&self, component: &Component, purl: Option<&str>, url: Option<&Coordinates>) -> Vec<(Listed, Answer)> {
        let own = version(component, url);
        let listed = |source| Listed {
            name: component.name.clone(),
            version: own.clone(),
            purl: purl.map(str::to_owned),
            source,
        };
        let kind = url.map(|url| url.kind.as_str());
        let mut answers = Vec::new();
        let fit = self.package.fits(component, url);
        if fit != Fit::Not {
            let known = Known { kind, version: own.as_deref(), epochless: false };
            answers.push((listed(None), fit.weigh(answer(&self.bounds, known))));
        }
        if let Some((url, source)) = url.and_then(|url| Some((url, source(component, url)?))) {
            let fit = self.package.fits_source(url, source.name);
            if fit == Fit::Not {
                return answers;
            }
            let same = source.version.is_none_or(|version| Some(version) == url.version.as_deref());
            let version = if same { own.as_deref() } else { source.version };
            let known = Known { kind, version, epochless: !same && source.epochless };
            let named = match source.version.filter(|_| !same) {
                Some(version) => format!("{} {version}", source.name),
                None => source.name.to_owned(),
            };
            answers.push((listed(Some(named)), fit.weigh(answer(&self.bounds, known))));
        }
        answers
    }
}

/// Whether something is what was asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Not,
    Surely,
    /// What is not known about that.
    Perhaps(&'static str),
}

const UNTYPED: Fit = Fit::Perhaps("it has no package URL, so its type is not known");
const HOMELESS: Fit = Fit::Perhaps("its package URL does not say of which distribution it is");

impl Fit {
    fn when(fits: bool) -> Self {
        if fits { Self::Surely } else { Self::Not }
    }

    /// Where it is not known that a package is the one, no version makes it so; but another version rules it out.
    fn weigh(self, answer: Answer) -> Answer {
        match (self, answer) {
            (Self::Not, _) => Answer::No,
            (Self::Perhaps(doubt), Answer::Yes { .. }) => Answer::Unknown(doubt.to_owned()),
            (Self::Surely | Self::Perhaps(_), answer) => answer,
        }
    }
}

impl Wanted {
    /// Says whether it names a component.
    fn fits(&self, component: &Component, url: Option<&Coordinates>) -> Fit {
        let kind = url.map(|url| url.kind.as_str());
        let names = names(component, url);
        let has = |wanted: &str| names.iter().any(|name| same(kind, name, wanted));
        match (self, url) {
            (Self::Named(wanted), _) => Fit::when(has(wanted)),
            (Self::Typed { kind, name }, Some(url)) => Fit::when(*kind == url.kind && has(name)),
            (Self::Typed { name, .. }, None) if has(name) => UNTYPED,
            (Self::Purl { kind, namespace, name, .. }, Some(url))
                if *kind == url.kind && same(Some(kind), &url.name, name) =>
            {
                within(namespace.as_deref(), url)
            }
            (Self::Purl { namespace, name, .. }, None)
                if has(name) || namespace.as_ref().is_some_and(|above| has(&format!("{above}/{name}"))) =>
            {
                UNTYPED
            }
            (Self::Typed { .. } | Self::Purl { .. }, _) => Fit::Not,
        }
    }

    /// Says whether it names the source package of that name, of which a package was built.
    fn fits_source(&self, url: &Coordinates, source: &str) -> Fit {
        let is = |wanted: &str| same(Some(&url.kind), source, wanted);
        match self {
            Self::Named(name) => Fit::when(is(name)),
            Self::Typed { kind, name } => Fit::when(*kind == url.kind && is(name)),
            Self::Purl { kind, namespace, name, .. } if *kind == url.kind && is(name) => {
                within(namespace.as_deref(), url)
            }
            Self::Purl { .. } => Fit::Not,
        }
    }
}

/// Returns every name of a component: with what it is grouped by, and without.
fn names(component: &Component, url: Option<&Coordinates>) -> Vec<String> {
    let own = (component.group.as_deref(), component.name.as_str());
    let told = url.map(|url| (url.namespace.as_deref(), url.name.as_str()));
    let both = std::iter::once(own).chain(told);
    both.flat_map(|(above, name)| {
        let whole = above.iter().flat_map(|above| [format!("{above}/{name}"), format!("{above}:{name}")]);
        std::iter::once(name.to_owned()).chain(whole.collect::<Vec<_>>())
    })
    .collect()
}

/// Says whether a package is in the namespace that was asked for. Of an operating system's package it is the distribution,
/// and some SBOMs leave it out.
fn within(wanted: Option<&str>, url: &Coordinates) -> Fit {
    match (wanted, url.namespace.as_deref()) {
        (None, _) => Fit::Surely,
        (Some(wanted), Some(found)) => Fit::when(same(Some(&url.kind), found, wanted)),
        (Some(_), None) if matches!(url.kind.as_str(), "deb" | "rpm" | "apk" | "alpm") => HOMELESS,
        (Some(_), None) => Fit::Not,
    }
}

/// Names are the same in whatever case they are written; in Python's, three signs are one as well.
fn same(kind: Option<&str>, found: &str, wanted: &str) -> bool {
    let sign = |b: u8| match b {
        b'_' | b'.' if kind == Some("pypi") => b'-',
        other => other.to_ascii_lowercase(),
    };
    found.len() == wanted.len() && found.bytes().map(sign).eq(wanted.bytes().map(sign))
}

/// Returns the version of a component. RPM's epoch stands beside it in a package URL.
fn version(component: &Component, url: Option<&Coordinates>) -> Option<String> {
    let told = component.version.as_deref();
    let Some((url, version)) = url.and_then(|url| Some((url, url.version.as_deref()?))) else {
        return told.map(str::to_owned);
    };
    match (url.kind.as_str(), &url.epoch) {
        ("rpm", Some(epoch)) if !version.contains(':') => Some(format!("{epoch}:{version}")),
        ("rpm", None) if told.is_some_and(|told| told.split_once(':').is_some_and(|(_, rest)| rest == version)) => {
            told.map(str::to_owned)
        }
        _ => Some(version.to_owned()),
    }
}

struct Source<'u> {
    name: &'u str,
    version: Option<&'u str>,
    /// The version may have an epoch that is not told.
    epochless: bool,
}

/// Returns the source package that a package was built of: as the package URL says it, or else as the SBOM does beside it.
fn source<'u>(component: &'u Component, url: &'u Coordinates) -> Option<Source<'u>> {
    upstream(url).or_else(|| {
        let source = component.source.as_ref()?;
        Some(Source { name: &source.name, version: source.version.as_deref(), epochless: false })
    })
}

/// Reads the qualifier `upstream`: a name, `NAME@VERSION`, or the file of an RPM.
fn upstream(url: &Coordinates) -> Option<Source<'_>> {
    let upstream = url.upstream.as_deref()?;
    let epochless = url.kind == "rpm";
    if url.kind == "rpm"
        && let Some(file) = upstream.strip_suffix(".src.rpm").or_else(|| upstream.strip_suffix(".nosrc.rpm"))
    {
        let dash = file.rfind('-').and_then(|release| file.get(..release)?.rfind('-'))?;
        let (name, version) = file.split_at_checked(dash)?;
        return Some(Source { name, version: version.strip_prefix('-'), epochless });
    }
    match upstream.split_once('@') {
        Some((name, version)) => Some(Source { name, version: Some(version), epochless }),
        None => Some(Source { name: upstream, version: None, epochless }),
    }
}

#[cfg(test)]
mod tests;
