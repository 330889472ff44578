//! Public keys and signature schemes, over `sigstore-crypto` (aws-lc).
//!
//! A key carries its scheme: what a signature claims about itself is never asked. Digests are made here and verified
//! as digests, so a large payload is hashed once and not copied; ML-DSA and Ed25519 sign the message itself.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sigstore_crypto::{KeyAlgorithm, SigningScheme, VerificationKey, validate_raw_public_key};
use sigstore_types::{DerPublicKey, SignatureBytes};

use crate::{
    attestation::{Hash, Pae},
    digest::Sha256Digest,
};

/// A signature scheme: key type, padding and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Scheme {
    EcdsaP256Sha256,
    EcdsaP384Sha384,
    RsaPkcs1Sha256,
    RsaPkcs1Sha384,
    RsaPkcs1Sha512,
    RsaPssSha256,
    RsaPssSha384,
    RsaPssSha512,
    Ed25519,
    #[serde(rename = "ml-dsa-44")]
    MlDsa44,
    #[serde(rename = "ml-dsa-65")]
    MlDsa65,
    #[serde(rename = "ml-dsa-87")]
    MlDsa87,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 12] = [
        Self::EcdsaP256Sha256,
        Self::EcdsaP384Sha384,
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// Returns its name in policies and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Self::EcdsaP384Sha384 => "ecdsa-p384-sha384",
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaPkcs1Sha384 => "rsa-pkcs1-sha384",
            Self::RsaPkcs1Sha512 => "rsa-pkcs1-sha512",
            Self::RsaPssSha256 => "rsa-pss-sha256",
            Self::RsaPssSha384 => "rsa-pss-sha384",
            Self::RsaPssSha512 => "rsa-pss-sha512",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
        }
    }

    /// Returns the hash that is signed, or none for schemes that sign the message itself.
    pub const fn hash(self) -> Option<Hash> {
        match self {
            Self::EcdsaP256Sha256 | Self::RsaPkcs1Sha256 | Self::RsaPssSha256 => Some(Hash::Sha256),
            Self::EcdsaP384Sha384 | Self::RsaPkcs1Sha384 | Self::RsaPssSha384 => Some(Hash::Sha384),
            Self::RsaPkcs1Sha512 | Self::RsaPssSha512 => Some(Hash::Sha512),
            Self::Ed25519 | Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => None,
        }
    }

    const fn sigstore(self) -> SigningScheme {
        match self {
            Self::EcdsaP256Sha256 => SigningScheme::EcdsaP256Sha256,
            Self::EcdsaP384Sha384 => SigningScheme::EcdsaP384Sha384,
            Self::RsaPkcs1Sha256 => SigningScheme::RsaPkcs1Sha256,
            Self::RsaPkcs1Sha384 => SigningScheme::RsaPkcs1Sha384,
            Self::RsaPkcs1Sha512 => SigningScheme::RsaPkcs1Sha512,
            Self::RsaPssSha256 => SigningScheme::RsaPssSha256,
            Self::RsaPssSha384 => SigningScheme::RsaPssSha384,
            Self::RsaPssSha512 => SigningScheme::RsaPssSha512,
            Self::Ed25519 => SigningScheme::Ed25519,
            Self::MlDsa44 => SigningScheme::MlDsa44,
            Self::MlDsa65 => SigningScheme::MlDsa65,
            Self::MlDsa87 => SigningScheme::MlDsa87,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = KeyFault;

    fn from_str(text: &str) -> Result<Self, KeyFault> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == text).ok_or_else(|| KeyFault::Scheme(text.to_owned()))
    }
}

/// Why a text is not a public key that goldseal verifies with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not one `PUBLIC KEY` block and nothing else.
    #[error("expected one PEM block `-----BEGIN PUBLIC KEY-----` (SubjectPublicKeyInfo) and nothing else")]
    Pem,
    /// The SubjectPublicKeyInfo is not one, or of an unknown kind, or of a size that is not accepted.
    #[error("not a usable public key: {0}")]
    Spki(String),
    /// The scheme's name is unknown.
    #[error("{0:?} is not a signature scheme; one of {list} is", list = Scheme::ALL.map(Scheme::as_str).join(", "))]
    Scheme(String),
}

/// A public key with the one scheme that its signatures must have.
pub struct PublicKey {
    spki: DerPublicKey,
    verifier: VerificationKey,
    scheme: Scheme,
    digest: Sha256Digest,
}

impl PublicKey {
    /// Reads a key from PEM. Without a scheme, the one that goes with the key: ECDSA with the hash of the curve's
    /// size, PKCS #1 with SHA-256 for RSA (what cosign does).
    ///
    /// # Errors
    /// See [`KeyFault`].
    pub fn from_pem(pem: &str, scheme: Option<Scheme>) -> Result<Self, KeyFault> {
        Self::from_spki(&spki_of_pem(pem)?, scheme)
    }

    /// Reads a key from the DER of its SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// See [`KeyFault`].
    pub fn from_spki(spki: &[u8], scheme: Option<Scheme>) -> Result<Self, KeyFault> {
        let fault = |e: sigstore_crypto::Error| KeyFault::Spki(e.to_string());
        let der = DerPublicKey::new(spki.to_vec());
        let scheme = match scheme {
            Some(scheme) => scheme,
            None => natural_scheme(KeyAlgorithm::from_spki(&der).map_err(fault)?)?,
        };
        let verifier = VerificationKey::from_spki_with_scheme(&der, scheme.sigstore()).map_err(fault)?;
        validate_raw_public_key(scheme.sigstore(), verifier.as_bytes()).map_err(fault)?;
        Ok(Self { spki: der, verifier, scheme, digest: Sha256Digest::of(spki) })
    }

    /// Returns its scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the DER of its SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        self.spki.as_bytes()
    }

    /// Returns the SHA-256 of its SubjectPublicKeyInfo: what pins a key.
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Returns its hint in bundles: the same digest in base64.
    pub fn hint(&self) -> String {
        hint(self.digest)
    }

    /// Says whether both are one key. RSA keys have two accepted encodings with different digests.
    pub fn same_key(&self, other: &Self) -> bool {
        self.digest == other.digest || self.raw() == other.raw()
    }

    /// Returns the key itself, without algorithm and wrapping: what ML-DSA hashes into every message.
    pub fn raw(&self) -> &[u8] {
        self.verifier.as_bytes()
    }

    /// Says whether `signature` is this key's over an envelope.
    pub fn signed(&self, pae: &Pae<'_>, signature: &[u8]) -> bool {
        match self.scheme.hash() {
            Some(hash) => self.signed_digest(&pae.digest(hash), signature),
            None => self.signed_message(&pae.to_vec(), signature),
        }
    }

    /// Says whether `signature` is this key's over a digest made with the scheme's hash.
    pub fn signed_digest(&self, digest: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify_prehashed(digest, &SignatureBytes::from_bytes(signature)).is_ok()
    }

    /// Says whether `signature` is this key's over a message.
    pub fn signed_message(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify(message, &SignatureBytes::from_bytes(signature)).is_ok()
    }

    pub(super) fn der(&self) -> &DerPublicKey {
        &self.spki
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("scheme", &self.scheme).field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// Returns the hint of the key whose SubjectPublicKeyInfo has this digest.
pub(crate) fn hint(spki: Sha256Digest) -> String {
    STANDARD.encode(spki.as_bytes())
}

fn natural_scheme(algorithm: KeyAlgorithm) -> Result<Scheme, KeyFault> {
    Ok(match algorithm {
        KeyAlgorithm::EcdsaP256 => Scheme::EcdsaP256Sha256,
        KeyAlgorithm::EcdsaP384 => Scheme::EcdsaP384Sha384,
        KeyAlgorithm::Rsa => Scheme::RsaPkcs1Sha256,
        KeyAlgorithm::Ed25519 => Scheme::Ed25519,
        KeyAlgorithm::MlDsa44 => Scheme::MlDsa44,
        KeyAlgorithm::MlDsa65 => Scheme::MlDsa65,
        KeyAlgorithm::MlDsa87 => Scheme::MlDsa87,
        other => return Err(KeyFault::Spki(format!("{other:?} keys are not known here"))),
    })
}

/// Strict on purpose: a PEM file with a second block, or with text around it, has readers that disagree about it.
fn spki_of_pem(pem: &str) -> Result<Vec<u8>, KeyFault> {
    const BEGIN: &str = "-----BEGIN PUBLIC KEY-----\n";
    const END: &str = "\n-----END PUBLIC KEY-----";
    let text = pem.replace("\r\n", "\n");
    let body = text.trim_ascii().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or(KeyFault::Pem)?;
    STANDARD.decode(body.replace('\n', "")).map_err(|_place| KeyFault::Pem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::keys::{LocalKey, P256_PEM};

    #[test]
    fn a_scheme_has_one_name() {
        for scheme in Scheme::ALL {
            assert_eq!(scheme.as_str().parse::<Scheme>().unwrap(), scheme);
            assert_eq!(serde_json::to_string(&scheme).unwrap(), format!("{:?}", scheme.as_str()));
        }
        assert!("ECDSA-P256-SHA256".parse::<Scheme>().is_err());
    }

    #[test]
    fn pem_is_one_block_and_nothing_else() {
        let key = PublicKey::from_pem(P256_PEM, None).unwrap();
        assert_eq!(key.scheme(), Scheme::EcdsaP256Sha256);
        assert!(PublicKey::from_pem(&P256_PEM.replace('\n', "\r\n"), None).is_ok());
        for bad in [
            String::new(),
            format!("{P256_PEM}{P256_PEM}"),
            format!("key:\n{P256_PEM}"),
            P256_PEM.replace("PUBLIC KEY", "EC PUBLIC KEY"),
            P256_PEM.replace("-----END PUBLIC KEY-----", ""),
            P256_PEM.replacen("MFkw", "MFkx", 1),
        ] {
            assert!(PublicKey::from_pem(&bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_takes_no_scheme_of_another_kind() {
        assert!(PublicKey::from_pem(P256_PEM, Some(Scheme::EcdsaP256Sha256)).is_ok());
        for other in Scheme::ALL.into_iter().filter(|scheme| *scheme != Scheme::EcdsaP256Sha256) {
            assert!(PublicKey::from_pem(P256_PEM, Some(other)).is_err(), "{other}");
        }
    }

    /// The third of RFC 8032, 7.1: a scheme that hashes no message beforehand.
    #[test]
    fn a_scheme_without_a_hash_signs_the_message_itself() {
        let hex = |text: &str| -> Vec<u8> {
            let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
            pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
        };
        let spki = "302a300506032b6570032100fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
        let signature = hex("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
        let key = PublicKey::from_spki(&hex(spki), None).unwrap();
        assert_eq!((key.scheme(), key.scheme().hash()), (Scheme::Ed25519, None));
        assert!(key.signed_message(&hex("af82"), &signature));
        assert!(!key.signed_message(&hex("af83"), &signature));
        assert!(!key.signed(&Pae { payload_type: "x", payload: &hex("af82") }, &signature));
    }

    #[test]
    fn a_signature_is_good_for_its_key_and_its_message_only() {
        let pae = Pae { payload_type: "x", payload: b"payload" };
        let key = LocalKey::p256(1);
        let signature = key.sign(&pae.to_vec());
        assert!(key.public().signed(&pae, &signature));
        assert!(!key.public().signed(&Pae { payload: b"Payload", ..pae }, &signature));
        assert!(!key.public().signed(&Pae { payload_type: "y", ..pae }, &signature));
        assert!(!key.public().signed(&pae, &[]));
        assert!(!LocalKey::p256(2).public().signed(&pae, &signature));
    }
}
