//! One line of evidence ⇄ a Sigstore bundle ([protobuf-specs], sigstore_bundle.proto, versions 0.1 to 0.3).
//!
//! `sigstore-types` reads bundles too, but takes unknown fields and one of two contents silently, so the wire form is
//! read here, strictly: unknown fields, two contents, two materials and anything but one signature are refused. Large
//! payloads are decoded straight from the line, or in its place ([`Bundle::unpack`]). Log entries and timestamps are
//! counted here; `trust` verifies them by the line itself.
//!
//! [protobuf-specs]: https://github.com/sigstore/protobuf-specs

mod decode;
mod wire;
mod write;

use std::borrow::Cow;

pub use self::write::write_bundle;
use self::{
    decode::{PAYLOAD, STEP, decode, decode_in_place},
    wire::{Packed, PackedContent},
};
use super::{Defect, Envelope, Hash};

/// The media type of the bundles that goldseal writes.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

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

#[cfg(test)]
mod tests;
