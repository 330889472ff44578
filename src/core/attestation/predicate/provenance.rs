//! Build facts ⇄ [SLSA provenance v1].
//!
//! What was built, from what, by whom; and, as byproducts, the image descriptor itself (so that a reader who may not
//! call DescribeImages can still check identity), the digest of every input of the other statements, and the content
//! digest of every device. There is no clock in it: the same facts make the same bytes, so two authorities can sign
//! one statement.
//!
//! [SLSA provenance v1]: https://slsa.dev/spec/v1.0/provenance

mod resource;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::resource::Resource;
use super::{
    boot_guard::BootGuard,
    build_facts::{Ancestor, BaseImage, BuildFacts},
    repository::repository,
};
use crate::{
    digest::Sha256Digest,
    image::{Descriptor, DescriptorFault, DeviceContent},
};

/// The predicate type.
pub const PROVENANCE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// The media type of an image descriptor.
pub const DESCRIPTOR_MEDIA_TYPE: &str = "application/vnd.goldseal.image-descriptor.v1+json";

const BUILD_TYPE: &str = "https://goldseal.dev/build-types/machine-image/v1";
const DESCRIPTOR: &str = "image-descriptor";

/// A file that went into the statements, named by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Byproduct {
    /// `sbom`, `scan`, `exceptions`, `policy`, `manifest`, `goss`, …
    pub name: &'static str,
    /// SHA-256 of the file.
    pub digest: Sha256Digest,
}

/// A document that is carried whole in the provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// `packer-provenance`.
    pub name: &'static str,
    /// Its bytes.
    pub content: Vec<u8>,
    /// What they are.
    pub media_type: &'static str,
    /// What is known of it.
    pub annotations: BTreeMap<String, serde_json::Value>,
}

/// Whether the content digests were taken when the image was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContentDigests {
    /// They stand in the provenance.
    Taken,
    /// They were left out: nothing binds what is on the devices.
    LeftOut,
}

/// The predicate. Fields that other builders add are not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: serde_json::Value,
    #[serde(default)]
    internal_parameters: InternalParameters,
    #[serde(default)]
    resolved_dependencies: Vec<Resource>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InternalParameters {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packer_run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_digests: Option<ContentDigests>,
    /// Read when it is asked for: what other builders may mean by the name is theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    boot_guard: Option<serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RunDetails {
    builder: Builder,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    byproducts: Vec<Resource>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Builder {
    id: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    version: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_on: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_on: Option<Timestamp>,
}

/// Makes the predicate.
pub fn provenance(
    image: &Descriptor,
    facts: BuildFacts,
    inputs: &[Byproduct],
    content: &[DeviceContent],
) -> Provenance {
    let source = facts.source.map(Resource::from);
    let base = facts.base_image.map(Resource::from);
    let ancestors = facts.ancestry.into_iter().map(Resource::from);
    let content_digests = if content.is_empty() { ContentDigests::LeftOut } else { ContentDigests::Taken };
    let descriptor = Resource {
        content: Some(STANDARD.encode(image.bytes())),
        media_type: Some(DESCRIPTOR_MEDIA_TYPE.to_owned()),
        ..Resource::named(DESCRIPTOR, image.digest())
    };
    let inputs = inputs.iter().map(|input| Resource::named(input.name, input.digest));
    let content = content.iter().map(Resource::from);
    Provenance {
        build_definition: BuildDefinition {
            build_type: BUILD_TYPE.to_owned(),
            external_parameters: serde_json::json!({
                "source": source.as_ref().and_then(|source| source.uri.as_ref()),
                "baseImage": base.as_ref().and_then(|base| base.uri.as_ref()),
            }),
            internal_parameters: InternalParameters {
                tags: facts.tags,
                packer_run: facts.packer_run,
                content_digests: Some(content_digests),
                boot_guard: None,
            },
            resolved_dependencies: source.into_iter().chain(base).chain(ancestors).collect(),
        },
        run_details: RunDetails {
            builder: Builder { id: facts.builder, version: facts.tools },
            metadata: Metadata {
                invocation_id: facts.invocation,
                started_on: facts.started_on,
                finished_on: facts.finished_on,
            },
            byproducts: std::iter::once(descriptor).chain(inputs).chain(content).collect(),
        },
    }
}

impl Provenance {
    /// Returns who built the image.
    pub fn builder(&self) -> &str {
        &self.run_details.builder.id
    }

    /// Returns the tags that the image must bear where they are visible.
    pub fn tags(&self) -> &BTreeMap<String, String> {
        &self.build_definition.internal_parameters.tags
    }

    /// Returns the tools of the build and their versions, such as `packer`.
    pub fn tools(&self) -> &BTreeMap<String, String> {
        &self.run_details.builder.version
    }

    /// Returns when the build began, if the statement says so.
    pub fn started_on(&self) -> Option<Timestamp> {
        self.run_details.metadata.started_on
    }

    /// Returns when the build ended, if the statement says so.
    pub fn finished_on(&self) -> Option<Timestamp> {
        self.run_details.metadata.finished_on
    }

    /// Returns the image descriptor that was sealed in, if any.
    ///
    /// # Errors
    /// [`DescriptorFault`] when there is one and it is not canonical.
    pub fn descriptor(&self) -> Result<Option<Descriptor>, DescriptorFault> {
        let Some(content) = self.byproducts(DESCRIPTOR).find_map(|resource| resource.content.as_deref()) else {
            return Ok(None);
        };
        let bytes = STANDARD.decode(content).map_err(|_place| DescriptorFault::NotCanonical)?;
        Descriptor::parse(&bytes).map(Some)
    }

    /// Returns the content digests that were taken when the image was sealed.
    pub fn content(&self) -> Vec<DeviceContent> {
        self.run_details.byproducts.iter().filter_map(Resource::device_content).collect()
    }

    /// Says whether the content digests were taken; none when the statement does not say.
    pub fn content_digests(&self) -> Option<ContentDigests> {
        self.build_definition.internal_parameters.content_digests
    }

    /// Returns Packer's run id, if the statement says it.
    pub fn packer_run(&self) -> Option<&str> {
        self.build_definition.internal_parameters.packer_run.as_deref()
    }

    /// Returns which run of the builder it was, if the statement says so.
    pub fn invocation(&self) -> Option<&str> {
        self.run_details.metadata.invocation_id.as_deref()
    }

    /// Returns the repository that described the build, in its [one spelling](repository).
    ///
    /// None also where the statement names several, for nobody could say which one a policy means.
    pub fn repository(&self) -> Option<String> {
        repository(self.source()?.uri.as_deref()?)
    }

    /// Returns the commit that described the build.
    pub fn commit(&self) -> Option<&str> {
        self.source()?.commit()
    }

    /// Says whether the build was made from a working tree with changes that are in no commit.
    pub fn dirty(&self) -> bool {
        self.source().is_some_and(Resource::is_dirty)
    }

    /// Returns the image that this one started from, if exactly one is named.
    ///
    /// Its owner is the one that is annotated or stands in the ARN; where the two disagree, nobody owns it.
    pub fn base_image(&self) -> Option<BaseImage> {
        self.only(Resource::is_base)?.base()
    }

    /// Returns the images that this one comes from in EC2's words, the nearest first. They prove nothing about content.
    pub fn ancestry(&self) -> Vec<Ancestor> {
        self.build_definition.resolved_dependencies.iter().filter_map(Resource::ancestor).collect()
    }

    /// Returns the boot guard that the image carries, if the statement says so. That it does not is not that there is none.
    pub fn boot_guard(&self) -> Option<BootGuard> {
        let said = self.build_definition.internal_parameters.boot_guard.as_ref()?;
        BootGuard::deserialize(said).ok()
    }

    /// Says that the image carries a boot guard.
    #[must_use]
    pub fn guarded_by(mut self, guard: &BootGuard) -> Self {
        self.build_definition.internal_parameters.boot_guard = serde_json::to_value(guard).ok();
        self
    }

    /// Adds a document, behind the other byproducts.
    #[must_use]
    pub fn carrying(mut self, carried: Carried) -> Self {
        let Carried { name, content, media_type, annotations } = carried;
        self.run_details.byproducts.push(Resource {
            content: Some(STANDARD.encode(&content)),
            media_type: Some(media_type.to_owned()),
            annotations,
            ..Resource::named(name, Sha256Digest::of(&content))
        });
        self
    }

    fn source(&self) -> Option<&Resource> {
        self.only(Resource::is_source)
    }

    fn only(&self, wanted: impl Fn(&Resource) -> bool) -> Option<&Resource> {
        let mut found = self.build_definition.resolved_dependencies.iter().filter(|resource| wanted(resource));
        found.next().filter(|_| found.next().is_none())
    }

    fn byproducts<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p Resource> {
        self.run_details.byproducts.iter().filter(move |resource| resource.is_called(name))
    }
}

#[cfg(test)]
mod tests;
