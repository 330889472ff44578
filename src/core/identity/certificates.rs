//! PEM → the certificates that are pinned: keys, what names them, and when they count.
//!
//! There is no chain, and no authority above: the certificates are those that AWS publishes, and each is trusted because
//! it is in the list. So nothing in them is verified, and nothing of them is used but name, key and window.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cms::cert::IssuerAndSerialNumber;
use jiff::{SignedDuration, Timestamp};
use x509_cert::{
    Certificate,
    der::{
        Decode as _, Encode as _,
        asn1::{SequenceOf, UintRef},
    },
    time::Time,
};

use super::NotIdentified;
use crate::{
    digest::Sha256Digest,
    identity::ClockBehind,
    time::{Place, Window},
    trust::{PublicKey, Scheme},
};

/// The most that is read of a list of certificates: bytes, and certificates in them. AWS has one a region.
const LIMIT: (usize, usize) = (512 << 10, 256);

/// The size of every key, in bytes of its modulus.
const MODULUS: usize = 2048 / 8;

/// Those that AWS publishes; `aws-rsa2048.pem` says where and as of when.
const AWS: &str = include_str!("aws-rsa2048.pem");

/// The certificates that an identity document may be signed with: at least one, no two of one name.
#[derive(Debug)]
pub struct Certificates(Vec<Pinned>);

/// One of them.
pub(super) struct Pinned {
    number: usize,
    name: IssuerAndSerialNumber,
    key: PublicKey,
    window: Window,
    digest: Sha256Digest,
}

/// Why a list of certificates was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum CertificatesFault {
    #[error("{found} bytes, more than the {limit} that a list of certificates may have")]
    TooLarge { found: usize, limit: usize },
    #[error("line {line}: expected `-----BEGIN CERTIFICATE-----`, a comment that begins with #, or nothing")]
    Stray { line: usize },
    #[error("line {line}: the certificate that begins here does not end")]
    Open { line: usize },
    #[error("no certificate in it")]
    Empty,
    #[error("more than {limit} certificates")]
    TooMany { limit: usize },
    #[error("certificate {number} (line {line}): {problem}")]
    Certificate { number: usize, line: usize, problem: NotPinned },
}

/// Why one certificate is not pinned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum NotPinned {
    #[error("not base64")]
    Base64,
    #[error("not an X.509 certificate: {0}")]
    Malformed(String),
    #[error("{0}, and identity documents are verified with RSA keys of 2048 bits only: those called RSA-2048 by AWS")]
    Key(String),
    #[error("issuer and serial number are those of certificate {0}, which is another one")]
    Name(usize),
}

impl Certificates {
    /// Reads a list: PEM blocks, and between them comments and blank lines only. A certificate may be in it twice.
    ///
    /// # Errors
    /// See [`CertificatesFault`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificatesFault> {
        let (bytes, most) = LIMIT;
        if pem.len() > bytes {
            return Err(CertificatesFault::TooLarge { found: pem.len(), limit: bytes });
        }
        let mut pinned: Vec<Pinned> = Vec::new();
        let blocks = blocks(&String::from_utf8_lossy(pem))?;
        if blocks.len() > most {
            return Err(CertificatesFault::TooMany { limit: most });
        }
        for (at, (line, block)) in blocks.iter().enumerate() {
            let number = at + 1;
            let fault = |problem| CertificatesFault::Certificate { number, line: *line, problem };
            let one = Pinned::read(number, block).map_err(fault)?;
            match pinned.iter().find(|other| other.name == one.name) {
                Some(other) if other.digest != one.digest => return Err(fault(NotPinned::Name(other.number))),
                Some(_) => {}
                None => pinned.push(one),
            }
        }
        if pinned.is_empty() { Err(CertificatesFault::Empty) } else { Ok(Self(pinned)) }
    }

    /// Returns those that AWS publishes, as of when goldseal was built.
    ///
    /// # Errors
    /// None, as a test makes sure of.
    pub fn of_aws() -> Result<Self, CertificatesFault> {
        Self::from_pem(AWS.as_bytes())
    }

    /// Returns the SHA-256 of each, in the order of the list.
    pub fn digests(&self) -> impl Iterator<Item = Sha256Digest> {
        self.0.iter().map(|one| one.digest)
    }

    /// Finds the one that a signature names, if it counts now.
    pub(super) fn named(&self, name: &IssuerAndSerialNumber, now: Timestamp) -> Result<&Pinned, NotIdentified> {
        let found = self.0.iter().find(|one| one.name == *name);
        let pinned = found.ok_or_else(|| NotIdentified::SignerUnknown {
            serial: name.serial_number.to_string(),
            pinned: self.0.len(),
        })?;
        match pinned.window.place(now) {
            Place::Inside => Ok(pinned),
            Place::Before(at) => {
                Err(NotIdentified::ClockBehind(ClockBehind { now, at, event: "the certificate of EC2 was made" }))
            }
            Place::After(until) => Err(NotIdentified::CertificateExpired { certificate: pinned.digest, until }),
        }
    }
}

impl Pinned {
    fn read(number: usize, block: &str) -> Result<Self, NotPinned> {
        let der = STANDARD.decode(block).map_err(|_place| NotPinned::Base64)?;
        let malformed = |error: x509_cert::der::Error| NotPinned::Malformed(error.to_string());
        let certificate = Certificate::from_der(&der).map_err(malformed)?.tbs_certificate;
        let spki = certificate.subject_public_key_info.to_der().map_err(malformed)?;
        let key = PublicKey::from_spki(&spki, Some(Scheme::RsaPkcs1Sha256))
            .map_err(|fault| NotPinned::Key(fault.to_string()))?;
        let numbers = SequenceOf::<UintRef<'_>, 2>::from_der(key.raw()).map_err(malformed)?;
        let bits = numbers.get(0).map_or(0, |modulus| bits(modulus.as_bytes()));
        if bits != MODULUS * 8 {
            return Err(NotPinned::Key(format!("an RSA key of {bits} bits")));
        }
        let window = Window {
            from: Some(instant(certificate.validity.not_before)?),
            // The last second counts; and the last one of all time means that there is no end (RFC 5280, 4.1.2.5).
            until: instant(certificate.validity.not_after)?.checked_add(SignedDuration::from_secs(1)).ok(),
        };
        let name = IssuerAndSerialNumber { issuer: certificate.issuer, serial_number: certificate.serial_number };
        Ok(Self { number, name, key, window, digest: Sha256Digest::of(&der) })
    }

    /// Returns its SHA-256: its fingerprint.
    pub(super) fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Says whether `signature` is its over what has the digest.
    pub(super) fn signed(&self, digest: Sha256Digest, signature: &[u8]) -> bool {
        self.key.signed_digest(digest.as_bytes(), signature)
    }
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("digest", &self.digest).field("window", &self.window).finish_non_exhaustive()
    }
}

fn bits(modulus: &[u8]) -> usize {
    let leading = modulus.first().map_or(0, |byte| byte.leading_zeros());
    (modulus.len() * 8).saturating_sub(usize::try_from(leading).unwrap_or(0))
}

fn instant(time: Time) -> Result<Timestamp, NotPinned> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_err(|error| NotPinned::Malformed(error.to_string()))
}

/// Returns the base64 of each block, and the line on which it begins.
fn blocks(text: &str) -> Result<Vec<(usize, String)>, CertificatesFault> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut done = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_ascii_end();
        match open.take() {
            Some(block) if line == END => done.push(block),
            Some((begin, body)) => open = Some((begin, body + line)),
            None if line == BEGIN => open = Some((at + 1, String::new())),
            None if line.is_empty() || line.starts_with('#') => {}
            None => return Err(CertificatesFault::Stray { line: at + 1 }),
        }
    }
    match open {
        Some((line, _)) => Err(CertificatesFault::Open { line }),
        None => Ok(done),
    }
}
