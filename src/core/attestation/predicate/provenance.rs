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

/// What the pipeline says about the build: the file behind `goldseal sign --provenance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildFacts {
    /// Who built it, as a URI: the identity that a policy can name.
    pub builder: String,
    /// Which run of the builder.
    pub invocation: Option<String>,
    /// The source that described the build.
    pub source: Option<Source>,
    /// The image it started from.
    pub base_image: Option<BaseImage>,
    /// Tools and their versions, such as `packer`.
    #[serde(default)]
    pub tools: BTreeMap<String, String>,
    /// When the build began.
    pub started_on: Option<Timestamp>,
    /// When it ended.
    pub finished_on: Option<Timestamp>,
    /// Tags that the image must bear with exactly these values, where they are visible.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A commit of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Its URL.
    pub repository: String,
    /// The commit, in full.
    pub commit: String,
}

/// An image that another one started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BaseImage {
    /// Its ARN.
    pub arn: String,
    /// The SHA-256 of its descriptor, when it was described.
    pub descriptor: Option<Sha256Digest>,
}

/// A file that went into the statements, named by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Byproduct {
    /// `sbom`, `scan`, `exceptions`, …
    pub name: &'static str,
    /// SHA-256 of the file.
    pub digest: Sha256Digest,
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
    let source = facts.source.map(|source| Resource {
        uri: Some(format!("git+{}", source.repository)),
        digest: BTreeMap::from([("gitCommit".to_owned(), source.commit)]),
        ..Resource::default()
    });
    let base = facts.base_image.map(|base| Resource {
        name: Some("base-image".to_owned()),
        uri: Some(base.arn),
        digest: base.descriptor.map(|digest| ("sha256".to_owned(), digest.to_string())).into_iter().collect(),
        ..Resource::default()
    });
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
            internal_parameters: InternalParameters { tags: facts.tags },
            resolved_dependencies: source.into_iter().chain(base).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::images::descriptor;

    fn facts() -> BuildFacts {
        serde_json::from_str(
            r#"{"builder":"https://ci.example/packer","source":{"repository":"https://git.example/images","commit":"0a1b"},
                "baseImage":{"arn":"arn:aws:ec2:eu-west-1:123456789012:image/ami-0123abcd"},
                "finishedOn":"2026-11-01T10:00:00Z","tools":{"packer":"1.16.0"},"tags":{"GitCommit":"0a1b"}}"#,
        )
        .unwrap()
    }

    #[test]
    fn what_goes_in_comes_out() {
        let content =
            [DeviceContent { device_name: "/dev/xvda".into(), volume_size: 8, sha256: Sha256Digest::of(b"x") }];
        let inputs = [Byproduct { name: "sbom", digest: Sha256Digest::of(b"sbom") }];
        let written = serde_json::to_string(&provenance(&descriptor(), facts(), &inputs, &content)).unwrap();
        let read: Provenance = serde_json::from_str(&written).unwrap();
        assert_eq!(read.builder(), "https://ci.example/packer");
        assert_eq!(read.tags()["GitCommit"], "0a1b");
        assert_eq!(read.descriptor().unwrap(), Some(descriptor()));
        assert_eq!(read.content(), content);
        assert!(
            written.contains(r#""uri":"git+https://git.example/images","digest":{"gitCommit":"0a1b"}"#),
            "{written}"
        );
        assert!(written.contains(&Sha256Digest::of(b"sbom").to_string()));
    }

    #[test]
    fn provenance_of_other_builders_is_read() {
        let read: Provenance = serde_json::from_str(
            r#"{"buildDefinition":{"buildType":"x","externalParameters":{},"internalParameters":{"y":1}},
                "runDetails":{"builder":{"id":"z","builderDependencies":[]}}}"#,
        )
        .unwrap();
        assert_eq!((read.builder(), read.descriptor().unwrap(), read.content().len()), ("z", None, 0));
    }

    #[test]
    fn build_facts_have_no_other_fields() {
        assert!(serde_json::from_str::<BuildFacts>(r#"{"builder":"x","comit":"y"}"#).is_err());
    }
}
