//! An SBOM, SPDX 2 or CycloneDX in JSON → what it is about, and which packages it lists.
//!
//! There is one wire type with the keys of both formats, so that an SBOM need not be read twice to know which it is; and
//! packages are taken one by one, so that one of 60 MB needs a few MB of memory.

mod cyclonedx;
mod inventory;
mod packages;
mod source;
mod spdx;

use std::io::Read;

use jiff::Timestamp;
use serde::Deserialize;

use crate::bounded::{
    Limits,
    stream::{self, StreamFault, Streamed},
};

pub use inventory::{Component, inventory};
pub use packages::Packages;
use packages::{Agreed, Listing};
pub use source::Source;

/// Larger than any SBOM of a machine that was seen.
const LIMITS: Limits = Limits { bytes: 256 << 20, depth: 48 };

/// An SBOM's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SbomFormat {
    /// SPDX 2.x.
    Spdx,
    /// CycloneDX.
    CycloneDx,
}

impl SbomFormat {
    /// Returns the predicate type, as cosign and Packer name it.
    pub const fn predicate_type(self) -> &'static str {
        match self {
            Self::Spdx => "https://spdx.dev/Document",
            Self::CycloneDx => "https://cyclonedx.org/bom",
        }
    }

    /// Returns the media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Spdx => "application/spdx+json",
            Self::CycloneDx => "application/vnd.cyclonedx+json",
        }
    }
}

/// One SBOM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sbom {
    /// In which format it is written.
    pub format: SbomFormat,
    /// The name of what it is about; empty when it does not say.
    pub name: String,
    /// The version of what it is about.
    pub version: Option<String>,
    /// What names this document: SPDX `documentNamespace`, CycloneDX `serialNumber`.
    pub namespace: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// The distribution, by name and version, where the SBOM names exactly one.
    pub distro: Option<(String, String)>,
    /// What it lists.
    pub packages: Packages,
}

/// Why a file is not an SBOM that goldseal reads.
#[derive(Debug, thiserror::Error)]
pub enum SbomFault {
    /// It cannot be read, or not as this kind of document.
    #[error(transparent)]
    Read(StreamFault),
    /// It is no JSON: SPDX and CycloneDX have other forms as well.
    #[error("a text that begins with {starts:?}, and no JSON object: have the SBOM written as JSON")]
    Text {
        /// How it begins.
        starts: String,
    },
    /// It is neither of the two.
    #[error("neither SPDX 2 (spdxVersion) nor CycloneDX (bomFormat)")]
    Format,
}

impl From<StreamFault> for SbomFault {
    fn from(fault: StreamFault) -> Self {
        match fault {
            StreamFault::NotAnObject { starts } => Self::Text { starts },
            StreamFault::Io(_) | StreamFault::TooLarge { .. } | StreamFault::Empty | StreamFault::Json(_) => {
                Self::Read(fault)
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    spdx_version: Option<String>,
    name: Option<String>,
    document_namespace: Option<String>,
    creation_info: Option<spdx::CreationInfo>,
    #[serde(rename = "documentDescribes")]
    describes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "spdx::packages")]
    packages: Option<spdx::Listed>,
    #[serde(default, deserialize_with = "spdx::described")]
    relationships: Option<Vec<String>>,
    bom_format: Option<String>,
    serial_number: Option<String>,
    metadata: Option<cyclonedx::Metadata>,
    #[serde(default, deserialize_with = "cyclonedx::components")]
    components: Option<cyclonedx::Listed>,
}

/// Reads an SBOM.
///
/// # Errors
/// See [`SbomFault`].
pub fn read(reader: impl Read) -> Result<Streamed<Sbom>, SbomFault> {
    let Streamed { value: document, sha256, bytes } = stream::read::<Document>(reader, LIMITS)?;
    let value = match format(document.spdx_version.as_deref(), document.bom_format.as_deref())? {
        SbomFormat::Spdx => document.of_spdx(),
        SbomFormat::CycloneDx => document.of_cyclonedx(),
    };
    Ok(Streamed { value, sha256, bytes })
}

/// Says which of the two a document is by `spdxVersion` and `bomFormat`.
fn format(spdx: Option<&str>, cyclonedx: Option<&str>) -> Result<SbomFormat, SbomFault> {
    match (spdx, cyclonedx) {
        (Some(version), None) if version.starts_with("SPDX-2") => Ok(SbomFormat::Spdx),
        (None, Some("CycloneDX")) => Ok(SbomFormat::CycloneDx),
        _ => Err(SbomFault::Format),
    }
}

impl Document {
    fn of_spdx(self) -> Sbom {
        let described = self.describes.into_iter().chain(self.relationships).flatten().collect();
        let (version, listing) = self.packages.unwrap_or_default().about(described);
        Sbom {
            format: SbomFormat::Spdx,
            name: self.name.unwrap_or_default(),
            version,
            namespace: self.document_namespace,
            created: self.creation_info.and_then(|info| info.created),
            distro: distro(Agreed::Silence, &listing),
            packages: listing.finish(),
        }
    }

    fn of_cyclonedx(self) -> Sbom {
        let cyclonedx::Metadata { timestamp, component } = self.metadata.unwrap_or_default();
        let mut listed = self.components.unwrap_or_default();
        if let Some(root) = &component {
            root.list(&mut listed.listing);
        }
        let version = component.as_ref().and_then(|root| root.version()).map(str::to_owned);
        let name = component.map_or_else(String::new, |root| root.name);
        Sbom {
            format: SbomFormat::CycloneDx,
            name,
            version,
            namespace: self.serial_number,
            created: timestamp,
            distro: distro(listed.system, &listed.listing),
            packages: listed.listing.finish(),
        }
    }
}

/// What the SBOM says of the operating system counts before what its packages say.
fn distro(system: Agreed<(String, String)>, listing: &Listing) -> Option<(String, String)> {
    match (system, &listing.distro) {
        (Agreed::One(system), _) => Some(system),
        (Agreed::Silence, Agreed::One(qualifier)) => name_and_version(qualifier),
        (Agreed::Silence | Agreed::Quarrel, _) => None,
    }
}

/// `debian-12.15`, `opensuse-leap-15.5`: the version begins with the first digit after a dash. Without one it may as well be
/// a code name, and says nothing that could be compared.
fn name_and_version(qualifier: &str) -> Option<(String, String)> {
    let digit = |at: &usize| qualifier.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit);
    let dash = qualifier.match_indices('-').map(|(at, _)| at).find(digit)?;
    let (name, version) = qualifier.split_at_checked(dash)?;
    (!name.is_empty()).then(|| (name.to_owned(), version.trim_start_matches('-').to_owned()))
}

#[cfg(test)]
mod tests;
