//! A message and an ML-DSA public key → μ, the 64 bytes that KMS signs in its place ([FIPS 204], 5.2 and 6.2).
//!
//! KMS takes at most 4,096 bytes of a message but μ for a message of any length. The signature over μ is the ordinary
//! ML-DSA signature over the message, with an empty context, and every verifier takes it.
//!
//! [FIPS 204]: https://doi.org/10.6028/NIST.FIPS.204

use sha3::{
    Shake256,
    digest::{ExtendableOutput as _, Update as _},
};

/// How long μ is.
pub(super) const MU_BYTES: usize = 64;

/// Returns μ. The key is the raw one, without its SubjectPublicKeyInfo.
pub(super) fn external_mu(public_key: &[u8], message: &[u8]) -> [u8; MU_BYTES] {
    // Algorithm 2, step 10: the context is preceded by the mode (0 for a message, 1 for a digest) and its length.
    const PURE_WITH_NO_CONTEXT: [u8; 2] = [0, 0];
    let tr = shake256(&[public_key]);
    shake256(&[&tr, &PURE_WITH_NO_CONTEXT, message])
}

fn shake256(parts: &[&[u8]]) -> [u8; MU_BYTES] {
    let mut hasher = Shake256::default();
    for part in parts {
        hasher.update(part);
    }
    let mut output = [0; MU_BYTES];
    hasher.finalize_xof_into(&mut output);
    output
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use goldseal_core::trust::PublicKey;
    use serde::Deserialize;

    use super::*;

    const VECTORS: &str = include_str!("../../../tests/vectors/kms/external-mu.json");

    #[derive(Deserialize)]
    struct Vector {
        scheme: String,
        spki: String,
        message: String,
        mu: String,
        signature: String,
    }

    #[test]
    fn mu_is_the_one_of_another_implementation_and_its_signature_is_an_ordinary_one() {
        let decode = |text: &str| STANDARD.decode(text).unwrap();
        let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
        assert_eq!(vectors.len(), 4);
        for vector in vectors {
            let key = PublicKey::from_spki(&decode(&vector.spki), None).unwrap();
            assert_eq!(key.scheme().as_str(), vector.scheme);
            let message = decode(&vector.message);
            assert_eq!(external_mu(key.raw(), &message).as_slice(), decode(&vector.mu), "{}", vector.scheme);
            assert!(key.signed_message(&message, &decode(&vector.signature)), "{}", vector.scheme);
        }
    }
}
