//! SPDX 2.x.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::{super::instant, Component, Listing, Source};
use crate::bounded::stream::fold;

/// What the document calls itself in relationships.
const DOCUMENT: &str = "SPDXRef-DOCUMENT";

#[derive(Deserialize)]
pub(super) struct CreationInfo {
    #[serde(default, deserialize_with = "instant::given")]
    pub(super) created: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: Option<String>,
    name: String,
    version_info: Option<String>,
    primary_package_purpose: Option<String>,
    source_info: Option<String>,
    external_refs: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    reference_type: String,
    reference_locator: String,
}

impl Package {
    fn purls(&self) -> impl Iterator<Item = &str> + Clone {
        // Some programs write the type as a URL.
        let references = self.external_refs.iter().flatten();
        let purls = references.filter(|one| one.reference_type.rsplit('/').next() == Some("purl"));
        purls.map(|one| one.reference_locator.as_str()).filter(|purl| !purl.is_empty())
    }

    /// Whether it is something that holds packages, or is held by them.
    fn is_no_package(&self) -> bool {
        matches!(self.primary_package_purpose.as_deref(), Some("FILE" | "OPERATING-SYSTEM" | "CONTAINER" | "DEVICE"))
    }
}

/// What stands in `packages`. Which of them the document is about is known at its end only.
#[derive(Default)]
pub(super) struct Listed {
    listing: Listing,
    entries: Vec<Entry>,
}

struct Entry {
    id: Option<Box<str>>,
    version: Option<Box<str>>,
    counts: Counts,
}

enum Counts {
    No,
    /// It has a version only.
    UnlessDescribed,
    /// It has a package URL.
    UnlessRoot,
}

/// Takes `packages`.
pub(super) fn packages<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Listed>, D::Error> {
    fold(deserializer, Listed::default(), |listed, package: Package| {
        let version = package.version_info.as_deref().filter(|version| !version.is_empty());
        let has_purl = package.purls().next().is_some();
        if has_purl || version.is_some() {
            listed.listing.list((None, &package.name, version.unwrap_or_default()), package.purls());
        }
        let counts = match (package.is_no_package(), has_purl, version) {
            (false, true, _) => Counts::UnlessRoot,
            (false, false, Some(_)) => Counts::UnlessDescribed,
            (true, ..) | (false, false, None) => Counts::No,
        };
        let (id, version) = (package.id.map(Into::into), version.map(Into::into));
        listed.entries.push(Entry { id, version, counts });
    })
}

impl Listed {
    /// Tells apart what the document is about and what is on it. What it describes alone is its root; some programs
    /// describe every package instead, and then those are packages that have a package URL.
    pub(super) fn about(self, described: BTreeSet<String>) -> (Option<String>, Listing) {
        let Self { mut listing, mut entries } = self;
        let is = |entry: &Entry| entry.id.as_ref().is_some_and(|id| described.contains(&**id));
        let alone = described.len() == 1;
        listing.count(
            entries
                .iter()
                .filter(|entry| match entry.counts {
                    Counts::No => false,
                    Counts::UnlessDescribed => !is(entry),
                    Counts::UnlessRoot => !(alone && is(entry)),
                })
                .count(),
        );
        let root = entries.iter_mut().find(|entry| alone && is(entry));
        (root.and_then(|root| root.version.take()).map(Into::into), listing)
    }
}

/// Takes `packages` one by one, each as it stands there.
pub(super) fn each<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Component>>, D::Error> {
    fold(deserializer, Vec::new(), |all, package: Package| {
        let purls = package.purls().map(str::to_owned).collect();
        let version = package.version_info.filter(|version| !version.is_empty());
        let source = package.source_info.as_deref().and_then(Source::of_info);
        all.push(Component { name: package.name, group: None, version, purls, source });
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: String,
    related_spdx_element: String,
}

/// Takes `relationships`: what the document describes.
pub(super) fn described<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    fold(deserializer, Vec::new(), |described, one: Relationship| {
        match (one.spdx_element_id, one.relationship_type.as_str(), one.related_spdx_element) {
            (document, "DESCRIBES", element) | (element, "DESCRIBED_BY", document) if document == DOCUMENT => {
                described.push(element);
            }
            _ => {}
        }
    })
}
