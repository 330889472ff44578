//! Build facts ⇄ [SLSA provenance v1].
//!
//! What was built, from what, by whom; and, as byproducts, the image descriptor itself (so that a reader who may not
//! call DescribeImages can still check identity), the digest of every input of the other statements, and the content
//! digest of every device. There is no clock in it: the same facts make the same bytes, so two authorities can sign
//! one statement.
//!
//! [SLSA provenance v1]: https://slsa.dev/spec/v1.0/provenance

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    boot_guard::BootGuard,
    build_facts::{Ancestor, BaseImage, BuildFacts, Source, image_arn, image_of_arn},
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
const CONTENT: &str = "device-content";
const BASE: &str = "base-image";
const ANCESTOR: &str = "ancestor";
const GIT: &str = "git+";
const GIT_COMMIT: &str = "gitCommit";
// Annotations.
const DIRTY: &str = "dirty";
const OWNER: &str = "owner";
const OWNER_ALIAS: &str = "ownerAlias";
const CREATED: &str = "created";

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

/// A ResourceDescriptor of in-toto.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    digest: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, serde_json::Value>,
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
    let source = facts.source.map(source_resource);
    let base = facts.base_image.map(base_resource);
    let ancestors = facts.ancestry.into_iter().map(ancestor_resource);
    let content_digests = if content.is_empty() { ContentDigests::LeftOut } else { ContentDigests::Taken };
    let descriptor = Resource {
        content: Some(STANDARD.encode(image.bytes())),
        media_type: Some(DESCRIPTOR_MEDIA_TYPE.to_owned()),
        ..named(DESCRIPTOR, image.digest())
    };
    let inputs = inputs.iter().map(|input| named(input.name, input.digest));
    let content = content.iter().map(|device| Resource {
        annotations: BTreeMap::from([
            ("deviceName".to_owned(), device.device_name.clone().into()),
            ("volumeSize".to_owned(), device.volume_size.into()),
        ]),
        ..named(CONTENT, device.sha256)
    });
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

fn source_resource(source: Source) -> Resource {
    let one_spelling = |url: String| repository(&url).unwrap_or(url);
    Resource {
        uri: source.repository.map(|url| format!("{GIT}{}", one_spelling(url))),
        digest: BTreeMap::from([(GIT_COMMIT.to_owned(), source.commit)]),
        annotations: source.dirty.then(|| (DIRTY.to_owned(), true.into())).into_iter().collect(),
        ..Resource::default()
    }
}

fn base_resource(base: BaseImage) -> Resource {
    let owner = base.owner.map(|owner| (OWNER.to_owned(), owner.to_string().into()));
    let created = base.created.map(|created| (CREATED.to_owned(), created.to_string().into()));
    Resource {
        name: Some(BASE.to_owned()),
        uri: Some(base.arn),
        digest: base.descriptor.map(|digest| ("sha256".to_owned(), digest.to_string())).into_iter().collect(),
        annotations: owner.into_iter().chain(created).collect(),
        ..Resource::default()
    }
}

fn ancestor_resource(ancestor: Ancestor) -> Resource {
    let alias = ancestor.owner_alias.map(|alias| (OWNER_ALIAS.to_owned(), alias.into()));
    let created = ancestor.created.map(|created| (CREATED.to_owned(), created.to_string().into()));
    Resource {
        name: Some(ANCESTOR.to_owned()),
        uri: Some(image_arn(&ancestor.image, None)),
        annotations: alias.into_iter().chain(created).collect(),
        ..Resource::default()
    }
}

fn named(name: &str, digest: Sha256Digest) -> Resource {
    Resource {
        name: Some(name.to_owned()),
        digest: BTreeMap::from([("sha256".to_owned(), digest.to_string())]),
        ..Resource::default()
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
        self.byproducts(CONTENT).filter_map(device_content).collect()
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
        self.source()?.digest.get(GIT_COMMIT).map(String::as_str)
    }

    /// Says whether the build was made from a working tree with changes that are in no commit.
    pub fn dirty(&self) -> bool {
        // Whatever stands there but a plain false is taken for what it might mean.
        self.source().and_then(|source| source.annotations.get(DIRTY)).is_some_and(|said| *said != false)
    }

    /// Returns the image that this one started from, if exactly one is named.
    ///
    /// Its owner is the one that is annotated or stands in the ARN; where the two disagree, nobody owns it.
    pub fn base_image(&self) -> Option<BaseImage> {
        let base = self.only(|resource| resource.name.as_deref() == Some(BASE))?;
        let arn = base.uri.clone()?;
        let in_arn = image_of_arn(&arn).and_then(|(_, owner)| owner);
        let owner = match (base.annotations.get(OWNER), in_arn) {
            (None, in_arn) => in_arn,
            (Some(said), in_arn) => {
                let said = said.as_str().and_then(|said| said.parse().ok());
                said.filter(|said| in_arn.is_none_or(|in_arn| in_arn == *said))
            }
        };
        let descriptor = base.digest.get("sha256").and_then(|digest| digest.parse().ok());
        Some(BaseImage { arn, owner, descriptor, created: created(base) })
    }

    /// Returns the images that this one comes from in EC2's words, the nearest first. They prove nothing about content.
    pub fn ancestry(&self) -> Vec<Ancestor> {
        let ancestors = self.build_definition.resolved_dependencies.iter();
        let ancestors = ancestors.filter(|resource| resource.name.as_deref() == Some(ANCESTOR));
        ancestors.filter_map(ancestor).collect()
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
            ..named(name, Sha256Digest::of(&content))
        });
        self
    }

    fn source(&self) -> Option<&Resource> {
        self.only(|resource| {
            resource.digest.contains_key(GIT_COMMIT) || resource.uri.as_deref().is_some_and(|uri| uri.starts_with(GIT))
        })
    }

    fn only(&self, wanted: impl Fn(&Resource) -> bool) -> Option<&Resource> {
        let mut found = self.build_definition.resolved_dependencies.iter().filter(|resource| wanted(resource));
        found.next().filter(|_| found.next().is_none())
    }

    fn byproducts<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p Resource> {
        self.run_details.byproducts.iter().filter(move |resource| resource.name.as_deref() == Some(name))
    }
}

fn device_content(resource: &Resource) -> Option<DeviceContent> {
    Some(DeviceContent {
        device_name: resource.annotations.get("deviceName")?.as_str()?.to_owned(),
        volume_size: resource.annotations.get("volumeSize")?.as_u64()?.try_into().ok()?,
        sha256: resource.digest.get("sha256")?.parse().ok()?,
    })
}

fn ancestor(resource: &Resource) -> Option<Ancestor> {
    let (image, _) = image_of_arn(resource.uri.as_deref()?)?;
    let owner_alias = resource.annotations.get(OWNER_ALIAS).and_then(|alias| alias.as_str()).map(str::to_owned);
    Some(Ancestor { image, owner_alias, created: created(resource) })
}

fn created(resource: &Resource) -> Option<Timestamp> {
    resource.annotations.get(CREATED)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests;
