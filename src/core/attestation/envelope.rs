//! DSSE envelopes and the bytes that their signatures cover ([DSSE 1.0.2], protocol and envelope).
//!
//! [DSSE 1.0.2]: https://github.com/secure-systems-lab/dsse

use sigstore_crypto::{ArtifactHasher, sha256};
use sigstore_types::HashAlgorithm;

/// The payload type of in-toto statements.
pub const IN_TOTO_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A hash function that signature schemes use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

/// An envelope, decoded, with its one signature. The key id is not kept: it is an unauthenticated hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The bytes that were signed.
    pub payload: Vec<u8>,
    /// The signature over their [`Pae`].
    pub signature: Vec<u8>,
}

impl Envelope {
    /// Returns what the signature covers.
    pub fn pae(&self) -> Pae<'_> {
        Pae { payload_type: &self.payload_type, payload: &self.payload }
    }
}

/// The pre-authentication encoding of a payload: hashed in two parts, so that a large payload is not copied.
#[derive(Debug, Clone, Copy)]
pub struct Pae<'a> {
    /// What the payload is.
    pub payload_type: &'a str,
    /// The payload.
    pub payload: &'a [u8],
}

impl Pae<'_> {
    fn header(&self) -> String {
        format!("DSSEv1 {} {} {} ", self.payload_type.len(), self.payload_type, self.payload.len())
    }

    /// Returns the digest of the encoding.
    pub fn digest(&self, hash: Hash) -> Vec<u8> {
        let algorithm = match hash {
            Hash::Sha256 => HashAlgorithm::Sha2256,
            Hash::Sha384 => HashAlgorithm::Sha2384,
            Hash::Sha512 => HashAlgorithm::Sha2512,
        };
        match ArtifactHasher::new(algorithm) {
            Ok(mut hasher) => {
                hasher.update(self.header().as_bytes());
                hasher.update(self.payload);
                hasher.finalize().as_bytes().to_vec()
            }
            // The three algorithms above are always there; an empty digest verifies nothing.
            Err(_) => Vec::new(),
        }
    }

    /// Returns the encoding itself.
    pub fn to_vec(&self) -> Vec<u8> {
        [self.header().as_bytes(), self.payload].concat()
    }
}

/// Returns the hint of a public key: base64 of the SHA-256 of its SubjectPublicKeyInfo (RFC 6962, 3.2), as cosign does.
pub(super) fn key_hint(spki: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(sha256(spki).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_of_the_specification() {
        let pae = Pae { payload_type: "http://example.com/HelloWorld", payload: b"hello world" };
        let expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
        assert_eq!(pae.to_vec(), expected);
        assert_eq!(pae.digest(Hash::Sha256), sha256(expected).as_bytes());
        assert_eq!(pae.digest(Hash::Sha384), sigstore_crypto::sha384(expected).as_bytes());
        assert_eq!(pae.digest(Hash::Sha512), sigstore_crypto::sha512(expected).as_bytes());
    }

    #[test]
    fn lengths_are_bytes_not_characters() {
        let pae = Pae { payload_type: "é", payload: "ü".as_bytes() };
        assert_eq!(pae.to_vec(), "DSSEv1 2 é 2 ü".as_bytes());
    }
}
