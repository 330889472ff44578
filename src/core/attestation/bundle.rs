//! One line of evidence ⇄ a Sigstore bundle ([protobuf-specs], sigstore_bundle.proto, versions 0.1 to 0.3).
//!
//! `sigstore-types` reads bundles too, but takes unknown fields and one of two contents silently, so the wire form is
//! read here, strictly: unknown fields, two contents, two materials and anything but one signature are refused. Large
//! payloads are decoded straight from the line. Log entries and timestamps are kept as they are, for `trust` to verify.
//!
//! [protobuf-specs]: https://github.com/sigstore/protobuf-specs

use std::borrow::Cow;

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurposeConfig, Simd, general_purpose::STANDARD},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Defect, Envelope, Hash, envelope::key_hint, evidence::EVIDENCE_LIMITS};
use crate::bounded::{self, JsonFault, Limits, Object};

/// The media type of the bundles that goldseal writes.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

const OLDER_MEDIA_TYPES: [&str; 3] = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
];

const LIMITS: Limits = Limits { bytes: EVIDENCE_LIMITS.line, depth: 32 };

/// A bundle whose form is right. Nothing in it is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// What says which key signed.
    pub material: Material,
    /// Whether log entries or signed timestamps come with it.
    pub witness: WitnessMaterial,
    /// What was signed, and the signature.
    pub content: Content,
}

/// What says which key signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// A managed key, with a hint (empty when there is none).
    PublicKey {
        /// See [`Bundle`]; compared with a key's own hint, never trusted.
        hint: String,
    },
    /// A certificate: keyless signing, which no authority of goldseal stands for yet.
    Certificate,
}

/// Which third-party material a bundle carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WitnessMaterial {
    /// Transparency log entries.
    pub log_entries: usize,
    /// RFC 3161 timestamps.
    pub timestamps: usize,
}

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A statement in its envelope.
    Envelope(Envelope),
    /// A file, by its digest.
    Message {
        /// The signature over the file.
        signature: Vec<u8>,
        /// The digest that the bundle names for the file, if it does.
        digest: Option<(Hash, Vec<u8>)>,
    },
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

impl Bundle {
    /// Reads one line of evidence.
    ///
    /// # Errors
    /// The [`Defect`] that makes it no bundle of version 0.1 to 0.3.
    pub fn parse(line: &[u8]) -> Result<Self, Defect> {
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
            (Some(Object(envelope)), None) => Content::Envelope(envelope.decode()?),
            (None, Some(Object(message))) => message.decode()?,
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

impl EnvelopeWire<'_> {
    fn decode(self) -> Result<Envelope, Defect> {
        let [Object(signature)] = self.signatures.as_slice() else {
            return Err(Defect::SignatureCount { found: self.signatures.len() });
        };
        Ok(Envelope {
            signature: decode(&signature.sig, "the signature")?,
            payload: decode(&self.payload, "the payload")?,
            payload_type: self.payload_type,
        })
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

/// DSSE: "Standard and URL-safe base64 MUST both be accepted". Padding may be left out, as ProtoJSON allows, but not half
/// of it; bits that stand for nothing must be zero.
fn decode(text: &str, field: &'static str) -> Result<Vec<u8>, Defect> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    if text.ends_with('=') && !text.len().is_multiple_of(4) {
        return Err(Defect::Base64 { field });
    }
    // Text of the other alphabet fails at its first `-` or `_`, and text of both fails twice.
    let decoded = Simd::standard(CONFIG).decode(text).or_else(|_place| Simd::url_safe(CONFIG).decode(text));
    decoded.map_err(|_place| Defect::Base64 { field })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    media_type: &'a str,
    verification_material: WrittenMaterial,
    dsse_envelope: WrittenEnvelope<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenMaterial {
    public_key: WrittenKey,
    /// Empty, and written all the same: some readers insist on it.
    tlog_entries: [(); 0],
}

#[derive(Serialize)]
struct WrittenKey {
    hint: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenEnvelope<'a> {
    payload: String,
    payload_type: &'a str,
    signatures: [WrittenSignature; 1],
}

#[derive(Serialize)]
struct WrittenSignature {
    sig: String,
}

/// Writes an envelope that the key `spki` signed as one line of evidence, without the line end.
///
/// There is no key id: go-securesystemslib, and so cosign, skips signatures whose key id is not its own kind.
///
/// # Errors
/// None in practice: the form has nothing that JSON cannot say.
pub fn write_bundle(envelope: &Envelope, spki: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Written {
        media_type: BUNDLE_MEDIA_TYPE,
        verification_material: WrittenMaterial { public_key: WrittenKey { hint: key_hint(spki) }, tlog_entries: [] },
        dsse_envelope: WrittenEnvelope {
            payload: STANDARD.encode(&envelope.payload),
            payload_type: &envelope.payload_type,
            signatures: [WrittenSignature { sig: STANDARD.encode(&envelope.signature) }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSIGN: &str = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial":{"publicKey":{"hint":"aGludA=="}}, "dsseEnvelope":{"payload":"e30=", "payloadType":"application/vnd.in-toto+json", "signatures":[{"sig":"AQID"}]}}"#;

    fn defect(from: &str, to: &str) -> Defect {
        let text = COSIGN.replacen(from, to, 1);
        assert_ne!(text, COSIGN, "{from}");
        Bundle::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_cosign_writes_is_read() {
        let bundle = Bundle::parse(COSIGN.as_bytes()).unwrap();
        assert_eq!(bundle.material, Material::PublicKey { hint: "aGludA==".into() });
        assert_eq!(bundle.witness, WitnessMaterial { log_entries: 0, timestamps: 0 });
        let Content::Envelope(envelope) = bundle.content else { panic!("an envelope") };
        assert_eq!(
            (envelope.payload.as_slice(), envelope.signature.as_slice()),
            (b"{}".as_slice(), [1, 2, 3].as_slice())
        );
    }

    #[test]
    fn what_we_write_we_read() {
        let envelope = Envelope { payload_type: "x/y".into(), payload: vec![0xff; 7], signature: vec![0xfb; 70] };
        let line = write_bundle(&envelope, b"spki").unwrap();
        assert!(!line.contains(&b'\n') && !line.contains(&b' '));
        let bundle = Bundle::parse(&line).unwrap();
        assert_eq!(bundle.content, Content::Envelope(envelope));
        assert_eq!(bundle.material, Material::PublicKey { hint: key_hint(b"spki") });
    }

    #[test]
    fn null_is_absence_as_protojson_says() {
        for (from, to) in [
            (r#""publicKey":{"#, r#""tlogEntries":null,"certificate":null,"publicKey":{"#),
            (r#"{"sig""#, r#"{"keyid":null,"sig""#),
            (r#""dsseEnvelope":"#, r#""messageSignature":null,"dsseEnvelope":"#),
        ] {
            assert!(Bundle::parse(COSIGN.replacen(from, to, 1).as_bytes()).is_ok(), "{to}");
        }
    }

    #[test]
    fn both_base64_alphabets_are_read_but_not_mixed() {
        for (text, same) in [
            ("-_8=", Some("+/8=")),
            ("-_8", Some("+/8=")),
            ("-/8=", None),
            ("+/9=", None),
            ("+/8==", None),
            ("+w=", None),
        ] {
            let decoded = decode(text, "x");
            assert_eq!(decoded.is_ok(), same.is_some(), "{text}");
            assert!(same.is_none_or(|same| decoded == decode(same, "x")), "{text}");
        }
    }

    #[test]
    fn every_defect_has_its_code() {
        let signature = r#"{"sig":"AQID"}"#;
        for (from, to, code) in [
            ("v0.3+json", "v0.4+json", "bundle-media-type"),
            ("v0.3+json", "v0.2+json", "bundle-media-type"),
            (signature, "", "envelope-signature-count"),
            (signature, r#"{"sig":"AQID"},{"sig":"AQID"}"#, "envelope-signature-count"),
            ("AQID", "AQ!D", "envelope-base64"),
            ("e30=", "e3 =", "envelope-base64"),
            (r#""payload":"#, r#""payload":"","payload":"#, "json-duplicate-key"),
            (r#""hint":"#, r#""hunt":"#, "json-unexpected-content"),
            (r#"{"publicKey":{"hint":"aGludA=="}}"#, "{}", "bundle-material"),
            (r#"{"publicKey":"#, r#"{"certificate":{"rawBytes":""},"publicKey":"#, "bundle-material"),
            (
                r#"{"publicKey":{"hint":"aGludA=="}}"#,
                r#"{"certificate":{},"x509CertificateChain":{}}"#,
                "bundle-material",
            ),
            (r#""dsseEnvelope":"#, r#""messageSignature":{"signature":"AQID"},"dsseEnvelope":"#, "bundle-content"),
            (r#"]}}"#, r#"]}"#, "json-malformed"),
            (
                r#""hint":"aGludA==""#,
                r#""hint":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"#,
                "json-too-deep",
            ),
        ] {
            assert_eq!(defect(from, to).code(), code, "{to}");
        }
    }
}
