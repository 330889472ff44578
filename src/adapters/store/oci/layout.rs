//! The manifests that goldseal writes into a registry, and the parts of manifests and indexes that it reads.
//!
//! An image's descriptor is an artifact: one layer, an empty config, and nothing else, so that its digest follows from
//! the descriptor alone. A bundle is stored as cosign 3 stores it: a manifest whose `subject` is that artifact, with the
//! bundle as its layer. Ours have annotations more, which say where the bundle stands in the evidence, and no creation
//! time, so that writing the same again changes nothing.

use std::collections::BTreeMap;

use goldseal_core::{
    attestation::{BUNDLE_MEDIA_TYPE, Bundle, Content, Statement},
    bounded::{self, JsonFault, Limits},
    digest::Sha256Digest,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::sets::Place;

pub(super) const DESCRIPTOR_TYPE: &str = "application/vnd.goldseal.image-descriptor.v1+json";
pub(super) const LIST_TYPE: &str = "application/vnd.goldseal.list.v1+jsonl";
pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// The config of every manifest.
pub(super) const EMPTY: &[u8] = b"{}";

/// What the OCI specification asks registries to take, and so the most that one should hand out.
pub(super) const MANIFEST_LIMITS: Limits = Limits { bytes: 4 << 20, depth: 16 };

/// A digest as registries write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Digest(pub(super) Sha256Digest);

impl Digest {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Sha256Digest::of(bytes))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hex = text.strip_prefix("sha256:").ok_or_else(|| D::Error::custom("a digest that is not sha256"))?;
        hex.parse().map(Self).map_err(D::Error::custom)
    }
}

/// A content descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

impl Entry {
    fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// An image manifest; fields that are not named here are left unread.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    schema_version: u32,
    media_type: Option<String>,
    pub(super) artifact_type: Option<String>,
    config: Entry,
    pub(super) layers: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Entry>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// A manifest as it is pushed.
#[derive(Debug, Clone)]
pub(super) struct Written {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// What an index says of it.
    pub(super) entry: Entry,
}

impl Manifest {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, JsonFault> {
        bounded::json(bytes, MANIFEST_LIMITS)
    }

    /// Makes the artifact of an image descriptor.
    pub(super) fn of_descriptor(descriptor: &[u8]) -> Result<Written, serde_json::Error> {
        Self::new(DESCRIPTOR_TYPE, descriptor, Entry::of(EMPTY_TYPE, EMPTY)).write()
    }

    /// Makes the artifact of a list.
    pub(super) fn of_list(list: &[u8]) -> Result<Written, serde_json::Error> {
        Self::new(LIST_TYPE, list, Entry::of(EMPTY_TYPE, EMPTY)).write()
    }

    /// Makes the referrer of a bundle.
    pub(super) fn of_bundle(
        bundle: &[u8],
        predicate: &str,
        subject: &Entry,
        place: Place,
    ) -> Result<Written, serde_json::Error> {
        let mut config = Entry::of(EMPTY_TYPE, EMPTY);
        config.artifact_type = Some(BUNDLE_MEDIA_TYPE.to_owned());
        let mut manifest = Self::new(BUNDLE_MEDIA_TYPE, bundle, config);
        // The subject is named as a plain blob, without what an index would add.
        manifest.subject = Some(Entry { artifact_type: None, annotations: BTreeMap::new(), ..subject.clone() });
        manifest.annotations = place.annotations();
        manifest.annotations.insert("dev.sigstore.bundle.content".to_owned(), "dsse-envelope".to_owned());
        manifest.annotations.insert("dev.sigstore.bundle.predicateType".to_owned(), predicate.to_owned());
        manifest.write()
    }

    fn new(artifact_type: &str, layer: &[u8], config: Entry) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            artifact_type: Some(artifact_type.to_owned()),
            config,
            layers: vec![Entry::of(artifact_type, layer)],
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    fn write(self) -> Result<Written, serde_json::Error> {
        let bytes = serde_json::to_vec(&self)?;
        let entry = Entry::of(MANIFEST_TYPE, &bytes);
        Ok(Written {
            bytes,
            entry: Entry { artifact_type: self.artifact_type, annotations: self.annotations, ..entry },
        })
    }
}

/// An image index, as the referrers API answers with and as a fallback tag holds.
///
/// It is kept as it was found, since most of its entries are not ours and all must survive a rewrite.
#[derive(Debug, Clone)]
pub(super) struct Index(serde_json::Map<String, serde_json::Value>);

impl Index {
    pub(super) fn new() -> Self {
        let fields = [
            ("schemaVersion", serde_json::json!(2)),
            ("mediaType", serde_json::json!(INDEX_TYPE)),
            ("manifests", serde_json::json!([])),
        ];
        Self(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, JsonFault> {
        let index = Self(bounded::json(bytes, MANIFEST_LIMITS)?);
        match index.0.get("manifests") {
            Some(serde_json::Value::Array(_)) => Ok(index),
            _ => Err(JsonFault::Shape("an image index without manifests".to_owned())),
        }
    }

    /// Returns the entries that can be read as one; others cannot be ours.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.manifests().iter().filter_map(|entry| Entry::deserialize(entry).ok()).collect()
    }

    /// Takes some entries out and puts others in, sorted by digest as cosign does.
    pub(super) fn replace(&mut self, out: &[Digest], new: &[Entry]) -> Result<Vec<u8>, serde_json::Error> {
        let digest =
            |entry: &serde_json::Value| entry.get("digest").and_then(|d| d.as_str()).unwrap_or_default().to_owned();
        let gone: Vec<String> =
            out.iter().chain(new.iter().map(|entry| &entry.digest)).map(ToString::to_string).collect();
        let mut manifests: Vec<serde_json::Value> = self.manifests().to_vec();
        manifests.retain(|entry| !gone.contains(&digest(entry)));
        for entry in new {
            manifests.push(serde_json::to_value(entry)?);
        }
        manifests.sort_by_key(digest);
        self.0.insert("manifests".to_owned(), serde_json::Value::Array(manifests));
        serde_json::to_vec(&self.0)
    }

    fn manifests(&self) -> &[serde_json::Value] {
        self.0.get("manifests").and_then(|list| list.as_array()).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Returns the predicate type of a bundle, which cosign wants to see in the annotations.
pub(super) fn predicate_type(bundle: &[u8]) -> Result<String, String> {
    match Bundle::parse(bundle).map_err(|defect| defect.to_string())?.content {
        Content::Envelope(envelope) => {
            let statement = Statement::parse(envelope.payload).map_err(|defect| defect.to_string())?;
            Ok(statement.predicate_type().to_owned())
        }
        _ => Err("a bundle without a statement".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_artifact_of_a_descriptor_has_one_spelling() {
        let written = Manifest::of_descriptor(b"{}").unwrap();
        assert_eq!(
            String::from_utf8(written.bytes).unwrap(),
            concat!(
                r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
                r#""artifactType":"application/vnd.goldseal.image-descriptor.v1+json","#,
                r#""config":{"mediaType":"application/vnd.oci.empty.v1+json","#,
                r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"#,
                r#""layers":[{"mediaType":"application/vnd.goldseal.image-descriptor.v1+json","#,
                r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}]}"#
            )
        );
    }

    #[test]
    fn a_rewritten_index_keeps_what_is_not_ours() {
        let foreign = r#"{"digest":"sha512:00","mediaType":"x","size":1,"platform":{"os":"none"}}"#;
        let ours = Entry::of(MANIFEST_TYPE, b"ours");
        let text = format!(
            r#"{{"annotations":{{"a":"b"}},"manifests":[{foreign},{}],"schemaVersion":2}}"#,
            serde_json::to_string(&ours).unwrap()
        );
        let mut index = Index::parse(text.as_bytes()).unwrap();
        assert_eq!(index.entries(), std::slice::from_ref(&ours));
        let new = Entry::of(MANIFEST_TYPE, b"new");
        let bytes = index.replace(&[ours.digest], std::slice::from_ref(&new)).unwrap();
        let again = Index::parse(&bytes).unwrap();
        assert_eq!(again.entries(), [new]);
        assert!(again.manifests().contains(&serde_json::from_str(foreign).unwrap()));
        assert_eq!(again.0["annotations"], serde_json::json!({"a": "b"}));
        assert!(Index::parse(b"{}").is_err());
    }
}
