//! Third parties that saw a signature: Rekor's log entries and RFC 3161 timestamps, checked by `sigstore-verify`.
//!
//! A witness is only heard when the policy asks for it. Then it must be there, and verify against the trusted root
//! that the policy names; and the authority's window is judged at the witnessed time instead of now.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sigstore_types::Bundle as SigstoreBundle;
use sigstore_verify::{PublicKeyVerificationPolicy, Verifier, trust_root::TrustedRoot};

use super::{PublicKey, Scheme};
use crate::{attestation::WitnessMaterial, digest::Sha256Digest};

/// What a third party must have given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Testimony {
    /// An entry of a transparency log, with its inclusion proof or promise.
    Log,
    /// A signed timestamp over the signature.
    Timestamp,
}

/// Why a trusted root cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessFault {
    /// Not the JSON of a trusted root.
    #[error("not a Sigstore trusted root: {0}")]
    TrustedRoot(String),
    /// The sigstore crates verify RSA with PKCS #1 and SHA-256 only when a log or timestamp comes with it.
    #[error("bundles with {0} signatures cannot be checked against a log or timestamp authority")]
    Scheme(Scheme),
}

/// A third party that must have seen every signature of an authority.
pub struct Witness {
    verifier: Verifier,
    testimony: Vec<Testimony>,
}

impl Witness {
    /// Takes the JSON of a Sigstore trusted root, and what is asked of it.
    ///
    /// # Errors
    /// See [`WitnessFault`].
    pub fn new(trusted_root: &str, testimony: Vec<Testimony>) -> Result<Self, WitnessFault> {
        let fault = |e: &dyn fmt::Display| WitnessFault::TrustedRoot(e.to_string());
        let root = TrustedRoot::from_json(trusted_root).map_err(|e| fault(&e))?;
        let verifier = Verifier::new(&root).map_err(|e| fault(&e))?;
        Ok(Self { verifier, testimony })
    }

    /// Checks that signatures of a scheme can be heard about.
    ///
    /// # Errors
    /// [`WitnessFault::Scheme`] when not.
    pub fn takes(scheme: Scheme) -> Result<(), WitnessFault> {
        match scheme {
            Scheme::RsaPkcs1Sha384
            | Scheme::RsaPkcs1Sha512
            | Scheme::RsaPssSha256
            | Scheme::RsaPssSha384
            | Scheme::RsaPssSha512 => Err(WitnessFault::Scheme(scheme)),
            Scheme::EcdsaP256Sha256
            | Scheme::EcdsaP384Sha384
            | Scheme::RsaPkcs1Sha256
            | Scheme::Ed25519
            | Scheme::MlDsa44
            | Scheme::MlDsa65
            | Scheme::MlDsa87 => Ok(()),
        }
    }

    /// Verifies everything that is asked for; returns the times at which the signature was seen, earliest first.
    ///
    /// # Errors
    /// What is missing or does not verify, in words.
    pub fn hear(
        &self,
        line: &[u8],
        material: WitnessMaterial,
        key: &PublicKey,
        subject: Sha256Digest,
    ) -> Result<Vec<Timestamp>, String> {
        let text = std::str::from_utf8(line).map_err(|e| e.to_string())?;
        let bundle = SigstoreBundle::from_json(text).map_err(|e| e.to_string())?;
        let mut seen = Vec::new();
        for testimony in &self.testimony {
            let policy = PublicKeyVerificationPolicy::new(key.der().clone());
            let policy = match testimony {
                Testimony::Log if material.log_entries == 0 => return Err("no log entry".to_owned()),
                Testimony::Timestamp if material.timestamps == 0 => return Err("no signed timestamp".to_owned()),
                Testimony::Log => policy,
                // Leaves the inclusion proofs out, so that what remains in the result are the timestamps alone.
                Testimony::Timestamp => policy.skip_tlog_unsafe(),
            };
            let subject = sigstore_types::Sha256Hash::new(*subject.as_bytes());
            let result = self.verifier.verify(subject, &bundle, &policy).map_err(|e| e.to_string())?;
            match testimony {
                Testimony::Log if !result.tlog_verified() => return Err("no log entry was verified".to_owned()),
                Testimony::Timestamp if result.verified_timestamps().is_empty() => {
                    return Err("no signed timestamp was verified".to_owned());
                }
                Testimony::Log | Testimony::Timestamp => seen.extend_from_slice(result.verified_timestamps()),
            }
        }
        seen.sort();
        seen.dedup();
        Ok(seen)
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("testimony", &self.testimony).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
