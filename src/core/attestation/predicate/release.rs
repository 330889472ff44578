//! What a release of goldseal says of itself. It has a type of its own, which no policy can require: that a key signs files
//! must never be a way around the gate of images.

use serde::Serialize;

/// A release of goldseal; the subject is the file with the checksums of all others.
pub const RELEASE_TYPE: &str = "https://goldseal.dev/release/v1";

/// A release of goldseal.
#[derive(Debug, Serialize)]
pub struct Release<'a> {
    /// Its version.
    pub version: &'a str,
}
