//! The vectors that the DSSE project publishes (`tests/vectors/dsse`): the encoding, and the signatures over it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use goldseal_core::{
    attestation::{Bundle, Content, Pae},
    trust::{PublicKey, Scheme},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::files;

#[derive(Deserialize)]
struct Vector {
    id: String,
    envelope: Value,
    spki: String,
    pae: String,
    /// Whether DSSE takes the signature.
    signed: bool,
    /// The signature is r and s (IEEE P1363), which bundles write in DER.
    #[serde(default)]
    raw: bool,
}

#[test]
fn the_published_vectors_hold() {
    let vectors: Vec<Vector> = files::json(&files::path("dsse/vectors.json"));
    for vector in &vectors {
        let key = PublicKey::from_spki(&STANDARD.decode(&vector.spki).unwrap(), None).unwrap();
        let bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "dsseEnvelope": vector.envelope,
        });
        let bundle =
            Bundle::parse(&serde_json::to_vec(&bundle).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", vector.id));
        let Content::Envelope(envelope) = bundle.content else { panic!("{}: an envelope", vector.id) };
        assert_eq!(hex(&envelope.pae().to_vec()) == vector.pae, vector.signed, "{}: what is signed", vector.id);
        let signature = if vector.raw { der(&envelope.signature) } else { envelope.signature.clone() };
        assert_eq!(key.signed(&envelope.pae(), &signature), vector.signed, "{}", vector.id);
        if vector.raw {
            assert!(!key.signed(&envelope.pae(), &envelope.signature), "{}: raw is refused", vector.id);
        }
    }
    assert!(vectors.iter().any(|vector| vector.signed) && vectors.iter().any(|vector| !vector.signed));
    println!("dsse/vectors: {} envelopes", vectors.len());
}

#[test]
fn the_encoding_cannot_be_read_in_two_ways() {
    let plain = Pae { payload_type: "a", payload: b"1 b" };
    let shifted = Pae { payload_type: "a 1", payload: b"b" };
    assert_ne!(plain.to_vec(), shifted.to_vec());
    for scheme in Scheme::ALL {
        if let Some(hash) = scheme.hash() {
            assert_ne!(plain.digest(hash), shifted.digest(hash));
            assert!(!plain.digest(hash).is_empty());
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// r and s, 32 bytes each, in DER.
fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0).unwrap();
        let padding = usize::from(number[start] > 0x7f);
        let mut der = vec![2, u8::try_from(number.len() - start + padding).unwrap()];
        der.resize(der.len() + padding, 0);
        der.extend_from_slice(&number[start..]);
        der
    };
    let both = [integer(&raw[..32]), integer(&raw[32..])].concat();
    [vec![0x30, u8::try_from(both.len()).unwrap()], both].concat()
}
