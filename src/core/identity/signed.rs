//! SignedData → the content that a pinned certificate signed. RFC 5652, sections 5.3 to 5.6.

use cms::{
    content_info::ContentInfo,
    signed_data::{SignedData, SignerIdentifier, SignerInfo},
};
use jiff::Timestamp;
use x509_cert::{
    attr::Attributes,
    der::{
        Any, Decode as _, Encode as _,
        asn1::{ObjectIdentifier, OctetStringRef},
    },
    spki::AlgorithmIdentifierOwned,
};

use super::{Certificates, NotIdentified};
use crate::digest::Sha256Digest;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_WITH_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// What says that it is signed, in the form that EC2 writes.
pub(super) struct Signed {
    content: Vec<u8>,
    info: SignerInfo,
}

/// Content that a pinned certificate signed. Only [`Signed::verify`] makes one.
pub(super) struct Proven {
    content: Vec<u8>,
    certificate: Sha256Digest,
}

impl Proven {
    /// Returns the very bytes that were verified.
    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    /// Returns the SHA-256 of the certificate.
    pub(super) fn certificate(&self) -> Sha256Digest {
        self.certificate
    }
}

/// Reads (3) to (6) of what [`identify`](super::identify) says.
pub(super) fn read(der: &[u8]) -> Result<Signed, NotIdentified> {
    let outer = ContentInfo::from_der(der).map_err(malformed)?;
    if outer.content_type != SIGNED_DATA {
        return Err(NotIdentified::NotSigned);
    }
    let SignedData { encap_content_info: inner, signer_infos, .. } = outer.content.decode_as().map_err(malformed)?; // (3)
    let count = signer_infos.0.len();
    let (1, Some(info)) = (count, signer_infos.0.into_vec().pop()) else {
        return Err(NotIdentified::SignerCount { found: count }); // (4)
    };
    if inner.econtent_type != DATA {
        return Err(NotIdentified::ContentType);
    }
    let content = inner.econtent.ok_or(NotIdentified::Detached)?; // (5)
    let content = content.decode_as::<OctetStringRef<'_>>().map_err(malformed)?.as_bytes().to_vec();
    is("digest", &info.digest_alg, &[SHA_256])?;
    is("signature", &info.signature_algorithm, &[RSA, RSA_WITH_SHA_256])?; // (6)
    Ok(Signed { content, info })
}

impl Signed {
    /// Does (7) to (10).
    pub(super) fn verify(self, pinned: &Certificates, now: Timestamp) -> Result<Proven, NotIdentified> {
        let SignerIdentifier::IssuerAndSerialNumber(name) = &self.info.sid else {
            return Err(NotIdentified::SignerName);
        };
        let certificate = pinned.named(name, now)?; // (7), (8)
        let mut digest = Sha256Digest::of(&self.content);
        if let Some(attributes) = &self.info.signed_attrs {
            name_the_content(attributes, digest)?; // (9)
            // Not as they are in SignerInfo, but as what they are: a SET OF in DER (5.4).
            digest = Sha256Digest::of(&attributes.to_der().map_err(malformed)?);
        }
        if !certificate.signed(digest, self.info.signature.as_bytes()) {
            return Err(NotIdentified::SignatureInvalid { certificate: certificate.digest() }); // (10)
        }
        Ok(Proven { content: self.content, certificate: certificate.digest() })
    }
}

/// Checks that signed attributes say what was signed: it is data, and it has this digest.
fn name_the_content(attributes: &Attributes, digest: Sha256Digest) -> Result<(), NotIdentified> {
    let kind = only(attributes, CONTENT_TYPE).and_then(|value| value.decode_as::<ObjectIdentifier>().ok());
    if kind != Some(DATA) {
        return Err(NotIdentified::Attributes("content-type"));
    }
    let signed = only(attributes, MESSAGE_DIGEST).and_then(|value| value.decode_as::<OctetStringRef<'_>>().ok());
    if signed.is_none_or(|signed| signed.as_bytes() != digest.as_bytes()) {
        return Err(NotIdentified::Attributes("message-digest"));
    }
    Ok(())
}

/// Returns the one value of the one attribute of a kind.
fn only(attributes: &Attributes, kind: ObjectIdentifier) -> Option<&Any> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == kind);
    let (Some(attribute), None) = (found.next(), found.next()) else { return None };
    if attribute.values.len() == 1 { attribute.values.get(0) } else { None }
}

/// Checks that an algorithm is one of these, with parameters that are NULL or not there.
fn is(
    what: &'static str,
    algorithm: &AlgorithmIdentifierOwned,
    expected: &[ObjectIdentifier],
) -> Result<(), NotIdentified> {
    let bare = algorithm.parameters.as_ref().is_none_or(|parameters| *parameters == Any::null());
    if bare && expected.contains(&algorithm.oid) {
        return Ok(());
    }
    let with = if bare { "" } else { " with parameters" };
    Err(NotIdentified::Algorithm { what, found: format!("{}{with}", algorithm.oid) })
}

fn malformed(error: x509_cert::der::Error) -> NotIdentified {
    NotIdentified::Malformed(error.to_string())
}
