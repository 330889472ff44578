//! CycloneDX.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::{super::instant, Agreed, Listing, inventory, source};
use crate::bounded::stream::fold;

#[derive(Default, Deserialize)]
pub(super) struct Metadata {
    #[serde(default, deserialize_with = "instant::given")]
    pub(super) timestamp: Option<Timestamp>,
    pub(super) component: Option<Component>,
}

#[derive(Deserialize)]
pub(super) struct Component {
    #[serde(rename = "type")]
    kind: Option<String>,
    group: Option<String>,
    pub(super) name: String,
    version: Option<String>,
    purl: Option<String>,
    #[serde(default, deserialize_with = "source::properties")]
    properties: Option<source::Told>,
    components: Option<Vec<Self>>,
}

/// What stands in `components`.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) listing: Listing,
    /// The operating systems among them.
    pub(super) system: Agreed<(String, String)>,
}

/// Takes `components`, and those inside others.
pub(super) fn components<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Listed>, D::Error> {
    fold(deserializer, Listed::default(), |listed, component: Component| listed.take(component))
}

/// Takes `components`, and those inside others, each as it stands there.
pub(super) fn each<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<inventory::Component>>, D::Error> {
    fold(deserializer, Vec::new(), |all, component: Component| component.add_to(all))
}

impl Component {
    /// Adds it as it stands there, and those inside it.
    pub(super) fn add_to(self, all: &mut Vec<inventory::Component>) {
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (group, version, purls) = (said(self.group), said(self.version), said(self.purl).into_iter().collect());
        let source = self.properties.and_then(source::Told::source);
        all.push(inventory::Component { name: self.name, group, version, purls, source });
        self.components.into_iter().flatten().for_each(|inside| inside.add_to(all));
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.version.as_deref().filter(|version| !version.is_empty())
    }

    fn purl(&self) -> Option<&str> {
        self.purl.as_deref().filter(|purl| !purl.is_empty())
    }

    /// Makes it known under its names, when anything tells it from others of that name.
    pub(super) fn list(&self, listing: &mut Listing) -> bool {
        let there = self.purl().is_some() || self.version().is_some();
        if there {
            let names = (self.group.as_deref(), self.name.as_str(), self.version().unwrap_or_default());
            listing.list(names, self.purl().into_iter());
        }
        there
    }

    /// Whether it is something that holds packages, is held by them, or is no software.
    fn is_no_package(&self) -> bool {
        let kind = self.kind.as_deref();
        matches!(
            kind,
            Some("file" | "operating-system" | "container" | "platform" | "device" | "data" | "cryptographic-asset")
        )
    }
}

impl Listed {
    fn take(&mut self, component: Component) {
        if component.list(&mut self.listing) && !component.is_no_package() {
            self.listing.count(1);
        }
        if component.kind.as_deref() == Some("operating-system") {
            self.system.say(Some((component.name, component.version.unwrap_or_default())));
        }
        component.components.into_iter().flatten().for_each(|inside| self.take(inside));
    }
}
