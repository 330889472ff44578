//! An SBOM → everything that it lists, as it stands there: for questions that an index by name and version cannot answer.

use std::io::Read;

use serde::Deserialize;

use super::{LIMITS, SbomFault, SbomFormat, Source, cyclonedx, format, spdx};
use crate::bounded::stream::{self, Streamed};

/// Something that an SBOM lists, under the names that it has there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// CycloneDX `group`.
    pub group: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its package URLs.
    pub purls: Vec<String>,
    /// The source package that it was built of, where it is not said in the package URL.
    pub source: Option<Source>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    spdx_version: Option<String>,
    #[serde(default, deserialize_with = "spdx::each")]
    packages: Option<Vec<Component>>,
    bom_format: Option<String>,
    metadata: Option<cyclonedx::Metadata>,
    #[serde(default, deserialize_with = "cyclonedx::each")]
    components: Option<Vec<Component>>,
}

/// Reads all that an SBOM lists: what it is about, files and operating systems too.
///
/// # Errors
/// See [`SbomFault`].
pub fn inventory(reader: impl Read) -> Result<Streamed<Vec<Component>>, SbomFault> {
    let Streamed { value: document, sha256, bytes } = stream::read::<Document>(reader, LIMITS)?;
    let value = match format(document.spdx_version.as_deref(), document.bom_format.as_deref())? {
        SbomFormat::Spdx => document.packages.unwrap_or_default(),
        SbomFormat::CycloneDx => {
            let mut all = document.components.unwrap_or_default();
            if let Some(root) = document.metadata.and_then(|metadata| metadata.component) {
                root.add_to(&mut all);
            }
            all
        }
    };
    Ok(Streamed { value, sha256, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::inputs::SPDX;

    fn listed(text: &str) -> Vec<(String, String, Vec<String>)> {
        let told = |one: Component| {
            let name = one.group.map_or_else(|| one.name.clone(), |group| format!("{group}|{}", one.name));
            (name, one.version.unwrap_or_default(), one.purls)
        };
        inventory(text.as_bytes()).unwrap().value.into_iter().map(told).collect()
    }

    fn told(name: &str, version: &str, purls: &[&str]) -> (String, String, Vec<String>) {
        (name.into(), version.into(), purls.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn everything_that_is_listed_is_there_with_all_of_its_names() {
        let all = listed(SPDX);
        assert_eq!(all.len(), 4);
        let purl = "pkg:deb/debian/openssl@3.0.20?arch=amd64&distro=debian-12.15";
        assert_eq!(all[0], told("openssl", "3.0.20", &[purl]));
        let text = r#"{"bomFormat":"CycloneDX","metadata":{"component":{"name":"root","version":"1"}},"components":[
            {"name":"core","group":"@babel","version":"7","purl":"pkg:npm/%40babel/core@7","components":[
              {"name":"inside","group":"","version":""}]}]}"#;
        let expected =
            [told("@babel|core", "7", &["pkg:npm/%40babel/core@7"]), told("inside", "", &[]), told("root", "1", &[])];
        assert_eq!(listed(text), expected);
    }

    #[test]
    fn what_is_no_sbom_is_refused_and_what_lists_nothing_is_empty() {
        for text in ["{}", r#"{"spdxVersion":"SPDX-3.0"}"#, r#"{"spdxVersion":"SPDX-2.3","bomFormat":"CycloneDX"}"#] {
            assert!(matches!(inventory(text.as_bytes()), Err(SbomFault::Format)), "{text}");
        }
        assert!(inventory(&b"Name  Version"[..]).is_err());
        assert!(listed(r#"{"spdxVersion":"SPDX-2.3","packages":null}"#).is_empty());
        // The list of the other format does not count.
        assert!(listed(r#"{"spdxVersion":"SPDX-2.3","components":[{"name":"a"}]}"#).is_empty());
    }
}
