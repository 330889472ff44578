//! One line of evidence ⇄ a Sigstore bundle ([protobuf-specs], sigstore_bundle.proto, versions 0.1 to 0.3).
//!
//! `sigstore-types` reads bundles too, but takes unknown fields and one of two contents silently, so the wire form is
//! read here, strictly: unknown fields, two contents, two materials and anything but one signature are refused. Large
//! payloads are decoded straight from the line, or in its place ([`Bundle::unpack`]). Log entries and timestamps are kept as they are, for `trust` to verify.
//!
//! [protobuf-specs]: https://github.com/sigstore/protobuf-specs

use std::{borrow::Cow, ops::Range};

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

/// A bundle as it stands in its line: all is decoded but the payload.
struct Packed<'a> {
    material: Material,
    witness: WitnessMaterial,
    content: PackedContent<'a>,
}

enum PackedContent<'a> {
    Envelope { payload: Cow<'a, str>, payload_type: String, signature: Vec<u8> },
    Message(Content),
}

impl Bundle {
    /// Reads one line of evidence.
    ///
    /// # Errors
    /// The [`Defect`] that makes it no bundle of version 0.1 to 0.3.
    pub fn parse(line: &[u8]) -> Result<Self, Defect> {
        let Packed { material, witness, content } = Packed::read(line)?;
        let content = match content {
            PackedContent::Envelope { payload, payload_type, signature } => {
                Content::Envelope(Envelope { payload: decode(&payload, PAYLOAD)?, payload_type, signature })
            }
            PackedContent::Message(message) => message,
        };
        Ok(Self { material, witness, content })
    }

    /// Reads one line of evidence that nobody needs after that: the payload takes the place of its text, so that megabytes
    /// are not in memory twice.
    ///
    /// # Errors
    /// Those of [`Self::parse`].
    pub fn unpack(line: Vec<u8>) -> Result<Self, Defect> {
        let Packed { material, witness, content } = Packed::read(&line)?;
        let content = match content {
            PackedContent::Envelope { payload: Cow::Borrowed(text), payload_type, signature } => {
                // The text borrows from the line, so its place there is the distance of the two addresses.
                let start = text.as_ptr().addr().wrapping_sub(line.as_ptr().addr());
                let place = start..start.wrapping_add(text.len());
                Content::Envelope(Envelope { payload: decode_in_place(line, place, STEP)?, payload_type, signature })
            }
            PackedContent::Envelope { payload: Cow::Owned(text), payload_type, signature } => {
                Content::Envelope(Envelope { payload: decode(&text, PAYLOAD)?, payload_type, signature })
            }
            PackedContent::Message(message) => message,
        };
        Ok(Self { material, witness, content })
    }
}

impl<'a> Packed<'a> {
    fn read(line: &'a [u8]) -> Result<Self, Defect> {
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

const PAYLOAD: &str = "the payload";

/// How much text is decoded in one step where it stands: whole groups of four characters.
const STEP: usize = 4 << 10;

const PADDED_OR_NOT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// DSSE: "Standard and URL-safe base64 MUST both be accepted". Padding may be left out, as ProtoJSON allows, but not half
/// of it; bits that stand for nothing must be zero.
fn decode(text: &str, field: &'static str) -> Result<Vec<u8>, Defect> {
    if text.ends_with('=') && !text.len().is_multiple_of(4) {
        return Err(Defect::Base64 { field });
    }
    // Text of the other alphabet fails at its first `-` or `_`, and text of both fails twice.
    let decoded =
        Simd::standard(PADDED_OR_NOT).decode(text).or_else(|_place| Simd::url_safe(PADDED_OR_NOT).decode(text));
    decoded.map_err(|_place| Defect::Base64 { field })
}

/// Decodes the payload that stands at a place of a buffer, as [`decode`] does, and leaves it alone in the buffer.
fn decode_in_place(mut buffer: Vec<u8>, text: Range<usize>, step: usize) -> Result<Vec<u8>, Defect> {
    const MIDDLE: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone);
    let defect = || Defect::Base64 { field: PAYLOAD };
    let whole = buffer.get(text.clone()).ok_or_else(defect)?;
    if whole.ends_with(b"=") && !whole.len().is_multiple_of(4) {
        return Err(defect());
    }
    let (middle, last) = match whole.iter().any(|byte| matches!(byte, b'-' | b'_')) {
        true => (Simd::url_safe(MIDDLE), Simd::url_safe(PADDED_OR_NOT)),
        false => (Simd::standard(MIDDLE), Simd::standard(PADDED_OR_NOT)),
    };
    let (mut read, mut written) = (text.start, 0_usize);
    let mut decoded = [0; STEP];
    while read < text.end {
        let end = text.end.min(read.saturating_add(step));
        let part = buffer.get(read..end).ok_or_else(defect)?;
        // Padding ends a text, and nothing else.
        let engine = if end < text.end { &middle } else { &last };
        let length = engine.decode_slice(part, &mut decoded).map_err(|_place| defect())?;
        // It is shorter than what it was made of, so it never reaches what is still to be read.
        let place = buffer.get_mut(written..written.saturating_add(length)).ok_or_else(defect)?;
        place.copy_from_slice(decoded.get(..length).ok_or_else(defect)?);
        (read, written) = (end, written.saturating_add(length));
    }
    buffer.truncate(written);
    buffer.shrink_to_fit();
    Ok(buffer)
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

    proptest::proptest! {
        #[test]
        fn what_is_decoded_in_place_is_what_is_decoded(
            text in "[AQgw09+/]{0,9}|[AQgw09_=-]{0,9}|[AQgw+/_= !-]{0,12}|([AQgw]{4}){0,3}[AQgw]{0,3}={0,3}",
            before in "\"{0,9}",
        ) {
            let place = before.len()..before.len() + text.len();
            for step in [4, 8, STEP] {
                let buffer = format!("{before}{text}\"}}").into_bytes();
                proptest::prop_assert_eq!(decode_in_place(buffer, place.clone(), step), decode(&text, PAYLOAD), "{}", step);
            }
        }

        #[test]
        fn what_is_unpacked_is_what_is_parsed(from in 0..COSIGN.len(), to in 0..COSIGN.len(), with in "[\\x20-\\x7e]{0,2}") {
            let text = format!("{}{with}{}", &COSIGN[..from], &COSIGN[to.max(from)..]);
            for text in [COSIGN, &text, &COSIGN.replacen("e30=", &text.replace('"', "="), 1), &COSIGN.replacen("e30=", r"e3\u0030=", 1)] {
                proptest::prop_assert_eq!(Bundle::unpack(text.as_bytes().to_vec()), Bundle::parse(text.as_bytes()));
            }
        }
    }

    #[test]
    fn a_large_payload_takes_the_place_of_its_text() {
        for length in [STEP - 1, STEP, 3 * STEP + 2] {
            let payload: Vec<u8> = (0..=255).cycle().take(length).collect();
            let envelope = Envelope { payload_type: "x/y".into(), payload, signature: vec![1; 70] };
            let line = write_bundle(&envelope, b"spki").unwrap();
            let place = line.as_ptr();
            let Content::Envelope(unpacked) = Bundle::unpack(line).unwrap().content else { panic!("an envelope") };
            assert_eq!(unpacked, envelope);
            assert_eq!(unpacked.payload.as_ptr(), place);
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
