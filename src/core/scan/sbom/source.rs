//! The source package that a package was built of, as Trivy says it. Syft says it in the package URL.

use serde::{Deserialize, Deserializer};

use crate::bounded::stream::fold;

/// A source package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its version, with epoch and release.
    pub version: Option<String>,
}

/// What stands in the `properties` of a CycloneDX component about its source.
#[derive(Default)]
pub(super) struct Told {
    name: Option<String>,
    version: Option<String>,
    release: Option<String>,
    epoch: Option<String>,
}

#[derive(Deserialize)]
struct Property {
    name: Option<Text>,
    value: Option<Text>,
}

/// A text; anything else is no reason to refuse an SBOM.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Is(String),
    Not(serde::de::IgnoredAny),
}

impl Text {
    fn said(self) -> Option<String> {
        match self {
            Self::Is(text) => Some(text).filter(|text| !text.is_empty()),
            Self::Not(_) => None,
        }
    }
}

/// Takes `properties`.
pub(super) fn properties<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Told>, D::Error> {
    fold(deserializer, Told::default(), |told, property: Property| {
        let name = property.name.and_then(Text::said);
        let place = match name.as_deref().and_then(|name| name.strip_prefix("aquasecurity:trivy:")) {
            Some("SrcName") => &mut told.name,
            Some("SrcVersion") => &mut told.version,
            Some("SrcRelease") => &mut told.release,
            Some("SrcEpoch") => &mut told.epoch,
            _ => return,
        };
        *place = property.value.and_then(Text::said);
    })
}

impl Told {
    /// Returns the source package, if one is named.
    pub(super) fn source(self) -> Option<Source> {
        let version = self.version.map(|version| {
            let epoch = self.epoch.filter(|epoch| epoch != "0").map(|epoch| format!("{epoch}:")).unwrap_or_default();
            let release = self.release.map(|release| format!("-{release}")).unwrap_or_default();
            format!("{epoch}{version}{release}")
        });
        self.name.map(|name| Source { name, version })
    }
}

impl Source {
    /// Reads SPDX `sourceInfo`: `built package from: NAME VERSION`.
    pub(super) fn of_info(text: &str) -> Option<Self> {
        let said = text.strip_prefix("built package from: ")?;
        let (name, version) = said.split_once(' ').unwrap_or((said, ""));
        let version = Some(version).filter(|version| !version.is_empty()).map(str::to_owned);
        (!name.is_empty()).then(|| Self { name: name.to_owned(), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::sbom::inventory;

    fn source(name: &str, version: &str) -> Option<Source> {
        let version = Some(version.to_owned()).filter(|version| !version.is_empty());
        Some(Source { name: name.into(), version })
    }

    fn of(text: &str) -> Vec<Option<Source>> {
        inventory(text.as_bytes()).unwrap().value.into_iter().map(|one| one.source).collect()
    }

    #[test]
    fn trivy_says_the_source_in_properties_of_cyclonedx() {
        let property = |name, value| format!(r#"{{"name":"aquasecurity:trivy:{name}","value":{value}}}"#);
        for (properties, expected) in [
            (
                vec![
                    property("SrcName", r#""openssl""#),
                    property("SrcVersion", r#""3.0.11""#),
                    property("SrcRelease", r#""1""#),
                ],
                source("openssl", "3.0.11-1"),
            ),
            (
                vec![
                    property("SrcEpoch", r#""1""#),
                    property("SrcName", r#""perl""#),
                    property("SrcVersion", r#""5.38""#),
                ],
                source("perl", "1:5.38"),
            ),
            (
                vec![
                    property("SrcEpoch", r#""0""#),
                    property("SrcName", r#""perl""#),
                    property("SrcVersion", r#""5.38""#),
                ],
                source("perl", "5.38"),
            ),
            (vec![property("SrcName", r#""musl""#)], source("musl", "")),
            (vec![property("SrcVersion", r#""1""#)], None),
            (vec![property("SrcName", "7"), r#"{"name":null}"#.into(), r#"{"name":"x","value":[]}"#.into()], None),
            (vec![], None),
        ] {
            let properties = properties.join(",");
            let text =
                format!(r#"{{"bomFormat":"CycloneDX","components":[{{"name":"a","properties":[{properties}]}}]}}"#);
            assert_eq!(of(&text), [expected], "{text}");
        }
    }

    #[test]
    fn trivy_says_the_source_beside_packages_of_spdx() {
        for (info, expected) in [
            ("built package from: openssl 3.0.11-1~deb12u2", source("openssl", "3.0.11-1~deb12u2")),
            ("built package from: openssl", source("openssl", "")),
            ("built package from: ", None),
            ("acquired package info from DPKG DB: /var/lib/dpkg/status", None),
        ] {
            let text = format!(r#"{{"spdxVersion":"SPDX-2.3","packages":[{{"name":"a","sourceInfo":"{info}"}}]}}"#);
            assert_eq!(of(&text), [expected], "{info}");
        }
    }
}
