//! What IMDS says of this instance → who this instance is, proven.
//!
//! EC2 signs the instance identity document; IMDS serves it, signature and all, to whoever is on the instance, and
//! whoever controls the network there can serve something else. So nothing of it is taken but what a pinned certificate
//! of AWS signed ([`identify`]), and only from the bytes that were signed. CMS (RFC 5652) in the form that EC2 writes.
//!
//! The document proves which instance it was made for and of which image, not that it is shown on that instance: there is
//! no nonce in it, and whoever ran on the instance once can keep a copy.

mod ber;
mod certificates;
mod document;
mod refusal;
mod signed;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};

pub use self::{
    certificates::{Certificates, CertificatesFault, NotPinned},
    document::InstanceIdentity,
    refusal::{ClockBehind, NotIdentified},
};

/// The most that is read of what IMDS answers, in bytes. What EC2 writes is 1.5 KiB.
pub const LIMIT: usize = 16 << 10;

/// How far the clock may be behind EC2's own before that is a fault.
pub const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Identifies the instance by what IMDS serves at `/latest/dynamic/instance-identity/rsa2048`.
///
/// (1) It is small; (2) it is base64, bare or between `-----BEGIN PKCS7-----` and its end; (3) it is one BER value, and
/// is SignedData in it; (4) of one signer, who is named by issuer and serial number; (5) the content is in it, as data;
/// (6) the algorithms are SHA-256 and RSA with PKCS #1; (7) the signer is a pinned certificate, which (8) is valid now;
/// (9) signed attributes, if there are any, name the type and the digest of the content; (10) the signature is that
/// certificate's; (11) the content is a document with all that an identity needs. Certificates that come with the
/// signature are not looked at.
///
/// # Errors
/// See [`NotIdentified`].
pub fn identify(text: &[u8], pinned: &Certificates, now: Timestamp) -> Result<InstanceIdentity, NotIdentified> {
    if text.len() > LIMIT {
        return Err(NotIdentified::TooLarge { found: text.len(), limit: LIMIT }); // (1)
    }
    let der = ber::to_der(&unarmoured(text)?).map_err(|fault| NotIdentified::Malformed(fault.to_string()))?; // (2), (3)
    let signed = signed::read(&der)?; // (3) to (6)
    let content = signed.verify(pinned, now)?; // (7) to (10)
    InstanceIdentity::read(&content) // (11)
}

/// Says whether the clock can be right about an instance: it was launched before anything runs on it.
///
/// Up to [`SKEW`] is let pass. An instance that was launched long ago says nothing.
///
/// # Errors
/// [`ClockBehind`]: nobody knows what has expired by such a clock, and the verdict is undetermined.
pub fn freshness(identity: &InstanceIdentity, now: Timestamp) -> Result<(), ClockBehind> {
    let launched = identity.pending();
    match now.duration_until(launched) > SKEW {
        true => Err(ClockBehind { now, at: launched, event: "the launch of the instance" }),
        false => Ok(()),
    }
}

/// Takes the base64 out of its armour, if it is in one, and decodes it.
fn unarmoured(text: &[u8]) -> Result<Vec<u8>, NotIdentified> {
    const BEGIN: &[u8] = b"-----BEGIN PKCS7-----";
    const END: &[u8] = b"-----END PKCS7-----";
    let text = text.trim_ascii();
    let body = match text.strip_prefix(BEGIN) {
        Some(rest) => rest.strip_suffix(END).ok_or(NotIdentified::Base64)?,
        None => text,
    };
    let packed: Vec<u8> = body.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    STANDARD.decode(packed).map_err(|_place| NotIdentified::Base64)
}

#[cfg(test)]
mod tests;
