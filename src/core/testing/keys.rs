//! Keys that are no secret: P-256, made by OpenSSL, and authorities of them.

#![expect(clippy::unwrap_used, reason = "fixtures that do not parse should stop the test")]

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sigstore_crypto::KeyPair;

use crate::{
    attestation::{Envelope, IN_TOTO_PAYLOAD_TYPE, Pae, write_bundle},
    time::Window,
    trust::{Authority, PublicKey},
};

/// PKCS #8, in base64.
const KEYS: [&str; 6] = [
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnuGDa8kuxU/dWOppe7lBDTlzrJAa40d4f4pJdsNTKGehRANCAAQNuPGgh8KvN0Q7zz3ZU0gQBZDR9/AYLYLNr+2RxIWH2E6uFXfG9scI+QfOwcshKpzh8d7TQeqP9vvyBysynEsi",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOAsAcZoPaid3HqAq/Lmh3wzlsnOJMqvpTrRyRFUa8VGhRANCAARkSw1sclGsHzKjsrZ7wbjCDGHTNNiQd1hf9S4lWQujeph9gjgDTs6vFauoSstQ8no855dYphJ6oR0B1UYUNKGp",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgrrU2ysY+9olPfHUNm/yZu9U5JlGspeYL8Bu9ZnoDMWGhRANCAAShdAPfSTMmF6tPu5KA+KKRZUvCj3NifyYoc91PTmntIFHYbjQ27MYgcD55ThwCtw4BvN/pwHjuH9CTs4563PbH",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqzaOv0oUM2/8lrr+tSa6DtWv/Fv1ox1iEKDt7BfiNK+hRANCAAT0KgzJ5BYqtKOmUoZmBTfrA48JBdZFsVcbcNQyWkjdxpLNrcDlMwvfYr5jThGWcwuIJ6ZP5//VLzBjXdZTMwj3",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOckwe1aY04sTHTwj4guqK2xq3qnEvTzRLxtsiGw3d4yhRANCAAQqOIdUtZtzESaE50Qp0rvEw7rpPo4Soljz8YWM00KpxxIKY5O2uRRshwl6NM/ySFJKYDTXHBSKOvfk5JhSiy89",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUZYQdmPd9Xr6BT4A4NM9EGuAYGYW60hchqIDjpr+sHWhRANCAASKq5g49Op80zXY063Y7zQfYvbBEj+MZmF7AOscR4t9CPy3lQe4vOUSpVy+nsNnbx91Gmg2F5eO1MjpaI+Ar/v2",
];

/// The public half of the first key, as OpenSSL writes it.
pub const P256_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDbjxoIfCrzdEO8892VNIEAWQ0ffw\nGC2Cza/tkcSFh9hOrhV3xvbHCPkHzsHLISqc4fHe00Hqj/b78gcrMpxLIg==\n-----END PUBLIC KEY-----\n";

/// The public half of an RSA key of 2048 bits, as OpenSSL writes it, in base64.
const RSA: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnlL6o1yP4GhGm+L/0JMB+jNvHSFZGD/hErB9uYmtrNnyNujJWYNvxTDEZdCPxNfFxbR6zL0sjrWPKV4tzzEM6Qhu5VVczx8MEN9qZH30wNZ8EZCDDsa3HFHHwvMpxhVFltZhYuIDpekxe2eoF9ZVX8eRAMjSwy1QdVqZ2nS3Noe7RpNPV7Vh+BjA4rY5mwAuqmE5U2SAiqMaieHOoXu6C/QIk+jdmlgBRV+48xgkiIszU91kmosvWbtw4BfTp215C2XQ9xBrbOInHJjoFVKX5RRp2Fg988sQIbyhCrm3qNYL261ZSpcjOZcvX1Eg/fSirFPeIgMIaoyQoD9LahpvYwIDAQAB";

/// Returns one RSA key as PEM, with the NULL parameters that RFC 3279 asks for and without, as some write it.
pub fn rsa_in_two_encodings() -> [String; 2] {
    let with_null = STANDARD.decode(RSA).unwrap();
    let [start, length, parameters, rest] = [0..2, 2..4, 4..19, 19..294].map(|part| with_null.get(part).unwrap());
    // SEQUENCE { SEQUENCE { OID, NULL }, BIT STRING }: both lengths are two less without the NULL.
    let shorter = [length.first().unwrap(), &(length.last().unwrap() - 2)];
    let parameters = [&[0x30, 0x0b], parameters.get(2..13).unwrap()].concat();
    let without = [start, &shorter.map(|byte| *byte), &parameters, rest].concat();
    let pem = |der: &[u8]| format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
    [pem(&with_null), pem(&without)]
}

/// A key pair on this machine.
#[derive(Debug)]
pub struct LocalKey(KeyPair);

impl LocalKey {
    /// Returns key 1 to 6.
    pub fn p256(number: usize) -> Self {
        let der = STANDARD.decode(KEYS.get(number - 1).unwrap()).unwrap();
        Self(KeyPair::from_pkcs8_der(&der).unwrap())
    }

    /// Returns the public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::from_spki(self.0.public_key_der().unwrap().as_bytes(), None).unwrap()
    }

    /// Returns the public half as PEM.
    pub fn pem(&self) -> String {
        self.0.public_key_der().unwrap().to_pem().replace("\r\n", "\n")
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).unwrap().as_bytes().to_vec()
    }

    /// Signs a payload and writes the bundle.
    pub fn bundle(&self, payload: Vec<u8>) -> Vec<u8> {
        self.bundle_of_type(IN_TOTO_PAYLOAD_TYPE, payload)
    }

    /// Signs a payload of any type and writes the bundle.
    pub fn bundle_of_type(&self, payload_type: &str, payload: Vec<u8>) -> Vec<u8> {
        let signature = self.sign(&Pae { payload_type, payload: &payload }.to_vec());
        let envelope = Envelope { payload_type: payload_type.to_owned(), payload, signature };
        write_bundle(&envelope, self.public().spki()).unwrap()
    }
}

/// Makes an authority of a key: always valid, no witness.
pub fn authority(name: &str, key: &LocalKey) -> Authority {
    Authority {
        name: name.parse().unwrap(),
        key: Arc::new(key.public()),
        window: Window::default(),
        retired: None,
        witness: None,
    }
}
