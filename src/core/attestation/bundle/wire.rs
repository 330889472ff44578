//! The wire form of a bundle, read strictly: one content, one material, one signature, and nothing unknown.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    super::{Defect, Hash, evidence::EVIDENCE_LIMITS},
    BUNDLE_MEDIA_TYPE, Content, Material, WitnessMaterial,
    decode::decode,
};
use crate::bounded::{self, JsonFault, Limits, Object};

const OLDER_MEDIA_TYPES: [&str; 3] = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
];

const LIMITS: Limits = Limits { bytes: EVIDENCE_LIMITS.line, depth: 32 };

/// A bundle as it stands in its line: all is decoded but the payload.
pub(super) struct Packed<'a> {
    pub(super) material: Material,
    pub(super) witness: WitnessMaterial,
    pub(super) content: PackedContent<'a>,
}

pub(super) enum PackedContent<'a> {
    Envelope { payload: Cow<'a, str>, payload_type: String, signature: Vec<u8> },
    Message(Content),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BundleWire<'a> {
    #[serde(borrow)]
    media_type: Cow<'a, str>,
    #[serde(borrow)]
    verification_material: Object<MaterialWire<'a>>,
    #[serde(borrow)]
    dsse_envelope: Option<Object<EnvelopeWire<'a>>>,
    #[serde(borrow)]
    message_signature: Option<Object<MessageWire<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MaterialWire<'a> {
    public_key: Option<Object<PublicKeyWire>>,
    #[serde(borrow)]
    certificate: Option<&'a RawValue>,
    #[serde(borrow)]
    x509_certificate_chain: Option<&'a RawValue>,
    #[serde(borrow)]
    tlog_entries: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    timestamp_verification_data: Option<Object<TimestampsWire<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicKeyWire {
    hint: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimestampsWire<'a> {
    #[serde(borrow, rename = "rfc3161Timestamps")]
    rfc3161: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EnvelopeWire<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
    payload_type: String,
    #[serde(borrow)]
    signatures: Vec<Object<SignatureWire<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureWire<'a> {
    #[serde(borrow)]
    sig: Cow<'a, str>,
    #[expect(dead_code, reason = "read so that it is a string; a key id is a hint that nothing here follows")]
    keyid: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MessageWire<'a> {
    #[serde(borrow)]
    message_digest: Option<Object<MessageDigestWire<'a>>>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageDigestWire<'a> {
    algorithm: Option<String>,
    #[serde(borrow)]
    digest: Option<Cow<'a, str>>,
}

impl<'a> Packed<'a> {
    pub(super) fn read(line: &'a [u8]) -> Result<Self, Defect> {
        let Object(wire): Object<BundleWire<'_>> = bounded::json(line, LIMITS)?;
        if wire.media_type != BUNDLE_MEDIA_TYPE && !OLDER_MEDIA_TYPES.contains(&&*wire.media_type) {
            return Err(Defect::MediaType { found: wire.media_type.chars().take(120).collect() });
        }
        let MaterialWire { public_key, certificate, x509_certificate_chain, tlog_entries, timestamp_verification_data } =
            wire.verification_material.0;
        let material = match (public_key, certificate.or(x509_certificate_chain)) {
            (Some(Object(key)), None) => Material::PublicKey { hint: key.hint.unwrap_or_default() },
            (None, Some(_)) if certificate.is_none() || x509_certificate_chain.is_none() => Material::Certificate,
            _ => return Err(Defect::MaterialCount),
        };
        let content = match (wire.dsse_envelope, wire.message_signature) {
            (Some(Object(envelope)), None) => envelope.unsealed()?,
            (None, Some(Object(message))) => PackedContent::Message(message.decode()?),
            _ => return Err(Defect::ContentCount),
        };
        let timestamps = timestamp_verification_data.and_then(|Object(data)| data.rfc3161);
        let witness = WitnessMaterial {
            log_entries: tlog_entries.map_or(0, |entries| entries.len()),
            timestamps: timestamps.map_or(0, |timestamps| timestamps.len()),
        };
        Ok(Self { material, witness, content })
    }
}

impl<'a> EnvelopeWire<'a> {
    fn unsealed(self) -> Result<PackedContent<'a>, Defect> {
        let [Object(signature)] = self.signatures.as_slice() else {
            return Err(Defect::SignatureCount { found: self.signatures.len() });
        };
        let signature = decode(&signature.sig, "the signature")?;
        Ok(PackedContent::Envelope { payload: self.payload, payload_type: self.payload_type, signature })
    }
}

impl MessageWire<'_> {
    fn decode(self) -> Result<Content, Defect> {
        let digest = match self.message_digest.map(|Object(digest)| digest) {
            Some(MessageDigestWire { algorithm, digest }) => {
                let hash = match algorithm.as_deref() {
                    Some("SHA2_256") => Hash::Sha256,
                    Some("SHA2_384") => Hash::Sha384,
                    Some("SHA2_512") => Hash::Sha512,
                    other => {
                        let found = other.unwrap_or_default();
                        return Err(JsonFault::Shape(format!("message digest algorithm {found:?} is not SHA-2")).into());
                    }
                };
                Some((hash, decode(&digest.unwrap_or_default(), "the message digest")?))
            }
            None => None,
        };
        Ok(Content::Message { signature: decode(&self.signature, "the signature")?, digest })
    }
}
