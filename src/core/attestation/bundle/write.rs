//! The bundles that goldseal writes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::{
    super::{Envelope, envelope::key_hint},
    BUNDLE_MEDIA_TYPE,
};

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
