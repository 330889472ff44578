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
        if let Some(doubt) = self.names(component, url) {
            let known = Known { kind, version: own.as_deref(), epochless: false };
            answers.push((listed(None), doubtful(answer(&self.bounds, known), doubt)));
        }
        if let Some((url, source)) = url.and_then(|url| Some((url, source(url)?)))
            && let Some(doubt) = self.package.is_source(url, source.name)
        {
            let same = source.version.is_none_or(|version| Some(version) == url.version.as_deref());
            let version = if same { own.as_deref() } else { source.version };
            let known = Known { kind, version, epochless: !same && url.kind == "rpm" };
            let named = match source.version.filter(|_| !same) {
                Some(version) => format!("{} {version}", source.name),
                None => source.name.to_owned(),
            };
            answers.push((listed(Some(named)), doubtful(answer(&self.bounds, known), doubt)));
        }
        answers
    }

    /// Says whether a component is one that was asked for by name, and what is not known about that.
    fn names(&self, component: &Component, url: Option<&Coordinates>) -> Option<Option<&'static str>> {
        let name = &component.name;
        let group = component.group.as_deref();
        let mut names = vec![name.clone()];
        names.extend(group.iter().flat_map(|group| [format!("{group}/{name}"), format!("{group}:{name}")]));
        if let Some(Coordinates { namespace, name, .. }) = url {
            names.push(name.clone());
            names.extend(namespace.iter().flat_map(|above| [format!("{above}/{name}"), format!("{above}:{name}")]));
        }
        let kind = url.map(|url| url.kind.as_str());
        let has = |wanted: &str| names.iter().any(|name| same(kind, name, wanted));
        match (&self.package, url) {
            (Wanted::Named(wanted), _) => has(wanted).then_some(None),
            (Wanted::Typed { kind, name }, Some(url)) => (*kind == url.kind && has(name)).then_some(None),
            (Wanted::Purl { kind, namespace, name, .. }, Some(url)) => {
                (*kind == url.kind && same(Some(kind), &url.name, name)).then_some(())?;
                within(namespace.as_deref(), url)
            }
            (Wanted::Typed { name, .. }, None) => has(name).then_some(Some(UNTYPED)),
            (Wanted::Purl { namespace, name, .. }, None) => {
                let whole = namespace.as_ref().map(|above| format!("{above}/{name}"));
                (has(name) || whole.is_some_and(|whole| has(&whole))).then_some(Some(UNTYPED))
            }
        }
    }
}

const UNTYPED: &str = "it has no package URL, so its type is not known";

impl Wanted {
    /// Says whether it is the source package of that name, beside a package, and what is not known about that.
    fn is_source(&self, url: &Coordinates, source: &str) -> Option<Option<&'static str>> {
        let is = |wanted: &str| same(Some(&url.kind), source, wanted);
        match self {
            Self::Named(name) => is(name).then_some(None),
            Self::Typed { kind, name } => (*kind == url.kind && is(name)).then_some(None),
            Self::Purl { kind, namespace, name, .. } => {
                (*kind == url.kind && is(name)).then_some(())?;
                within(namespace.as_deref(), url)
            }
        }
    }
}

/// Says whether a package is in the namespace that was asked for, and what is not known about that. Of an operating
/// system's package it is the distribution, and some SBOMs leave it out.
fn within(wanted: Option<&str>, url: &Coordinates) -> Option<Option<&'static str>> {
    match (wanted, url.namespace.as_deref()) {
        (None, _) => Some(None),
        (Some(wanted), Some(found)) => same(Some(&url.kind), found, wanted).then_some(None),
        (Some(_), None) if matches!(url.kind.as_str(), "deb" | "rpm" | "apk" | "alpm") => {
            Some(Some("its package URL does not say of which distribution it is"))
        }
        (Some(_), None) => None,
    }
}

/// Where it is not known that a package is the one, no version makes it so; but another version rules it out.
fn doubtful(answer: Answer, doubt: Option<&str>) -> Answer {
    match (answer, doubt) {
        (Answer::No, _) => Answer::No,
        (Answer::Yes { .. }, Some(doubt)) => Answer::Unknown(doubt.to_owned()),
        (answer, _) => answer,
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
}

/// Returns the source package that a package was built of: a name, `NAME@VERSION`, or the file of an RPM.
fn source(url: &Coordinates) -> Option<Source<'_>> {
    let upstream = url.upstream.as_deref()?;
    if url.kind == "rpm"
        && let Some(file) = upstream.strip_suffix(".src.rpm").or_else(|| upstream.strip_suffix(".nosrc.rpm"))
    {
        let dash = file.rfind('-').and_then(|release| file.get(..release)?.rfind('-'))?;
        let (name, version) = file.split_at_checked(dash)?;
        return Some(Source { name, version: version.strip_prefix('-') });
    }
    match upstream.split_once('@') {
        Some((name, version)) => Some(Source { name, version: Some(version) }),
        None => Some(Source { name: upstream, version: None }),
    }
}

#[cfg(test)]
mod tests;
