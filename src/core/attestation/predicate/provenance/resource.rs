//! Facts ⇄ the ResourceDescriptors of in-toto that provenance names them by.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::{
    build_facts::{Ancestor, BaseImage, Source, image_arn, image_of_arn},
    repository::repository,
};
use crate::{digest::Sha256Digest, image::DeviceContent};

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
const DEVICE_NAME: &str = "deviceName";
const VOLUME_SIZE: &str = "volumeSize";

/// A ResourceDescriptor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uri: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) digest: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, serde_json::Value>,
}

impl Resource {
    /// Names a document by its digest.
    pub(super) fn named(name: &str, digest: Sha256Digest) -> Self {
        Self {
            name: Some(name.to_owned()),
            digest: BTreeMap::from([("sha256".to_owned(), digest.to_string())]),
            ..Self::default()
        }
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    pub(super) fn is_source(&self) -> bool {
        self.digest.contains_key(GIT_COMMIT) || self.uri.as_deref().is_some_and(|uri| uri.starts_with(GIT))
    }

    pub(super) fn is_base(&self) -> bool {
        self.is_called(BASE)
    }

    /// Of a source: its commit.
    pub(super) fn commit(&self) -> Option<&str> {
        self.digest.get(GIT_COMMIT).map(String::as_str)
    }

    /// Of a source: whether there were changes that are in no commit.
    pub(super) fn is_dirty(&self) -> bool {
        // Whatever stands there but a plain false is taken for what it might mean.
        self.annotations.get(DIRTY).is_some_and(|said| *said != false)
    }

    /// Reads a base image. Its owner is the one that is annotated or stands in the ARN; where the two disagree, nobody owns
    /// it.
    pub(super) fn base(&self) -> Option<BaseImage> {
        let arn = self.uri.clone()?;
        let in_arn = image_of_arn(&arn).and_then(|(_, owner)| owner);
        let owner = match (self.annotations.get(OWNER), in_arn) {
            (None, in_arn) => in_arn,
            (Some(said), in_arn) => {
                let said = said.as_str().and_then(|said| said.parse().ok());
                said.filter(|said| in_arn.is_none_or(|in_arn| in_arn == *said))
            }
        };
        let descriptor = self.digest.get("sha256").and_then(|digest| digest.parse().ok());
        Some(BaseImage { arn, owner, descriptor, created: self.created() })
    }

    /// Reads an ancestor, where it is one.
    pub(super) fn ancestor(&self) -> Option<Ancestor> {
        if !self.is_called(ANCESTOR) {
            return None;
        }
        let (image, _) = image_of_arn(self.uri.as_deref()?)?;
        let owner_alias = self.annotations.get(OWNER_ALIAS).and_then(|alias| alias.as_str()).map(str::to_owned);
        Some(Ancestor { image, owner_alias, created: self.created() })
    }

    /// Reads the content digest of a device, where it is one.
    pub(super) fn device_content(&self) -> Option<DeviceContent> {
        if !self.is_called(CONTENT) {
            return None;
        }
        Some(DeviceContent {
            device_name: self.annotations.get(DEVICE_NAME)?.as_str()?.to_owned(),
            volume_size: self.annotations.get(VOLUME_SIZE)?.as_u64()?.try_into().ok()?,
            sha256: self.digest.get("sha256")?.parse().ok()?,
        })
    }

    fn created(&self) -> Option<Timestamp> {
        self.annotations.get(CREATED)?.as_str()?.parse().ok()
    }
}

impl From<Source> for Resource {
    fn from(source: Source) -> Self {
        let one_spelling = |url: String| repository(&url).unwrap_or(url);
        Self {
            uri: source.repository.map(|url| format!("{GIT}{}", one_spelling(url))),
            digest: BTreeMap::from([(GIT_COMMIT.to_owned(), source.commit)]),
            annotations: source.dirty.then(|| (DIRTY.to_owned(), true.into())).into_iter().collect(),
            ..Self::default()
        }
    }
}

impl From<BaseImage> for Resource {
    fn from(base: BaseImage) -> Self {
        let owner = base.owner.map(|owner| (OWNER.to_owned(), owner.to_string().into()));
        let created = base.created.map(|created| (CREATED.to_owned(), created.to_string().into()));
        Self {
            name: Some(BASE.to_owned()),
            uri: Some(base.arn),
            digest: base.descriptor.map(|digest| ("sha256".to_owned(), digest.to_string())).into_iter().collect(),
            annotations: owner.into_iter().chain(created).collect(),
            ..Self::default()
        }
    }
}

impl From<Ancestor> for Resource {
    fn from(ancestor: Ancestor) -> Self {
        let alias = ancestor.owner_alias.map(|alias| (OWNER_ALIAS.to_owned(), alias.into()));
        let created = ancestor.created.map(|created| (CREATED.to_owned(), created.to_string().into()));
        Self {
            name: Some(ANCESTOR.to_owned()),
            uri: Some(image_arn(&ancestor.image, None)),
            annotations: alias.into_iter().chain(created).collect(),
            ..Self::default()
        }
    }
}

impl From<&DeviceContent> for Resource {
    fn from(device: &DeviceContent) -> Self {
        Self {
            annotations: BTreeMap::from([
                (DEVICE_NAME.to_owned(), device.device_name.clone().into()),
                (VOLUME_SIZE.to_owned(), device.volume_size.into()),
            ]),
            ..Self::named(CONTENT, device.sha256)
        }
    }
}
