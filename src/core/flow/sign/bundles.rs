//! Statements → signatures → bundles, each verified before it is handed on.

use jiff::Timestamp;

use super::SignError;
use crate::{
    attestation::{Envelope, IN_TOTO_PAYLOAD_TYPE, join, write_bundle},
    digest::Sha256Digest,
    image::Descriptor,
    ports::Signer,
    time::Window,
    trust::{Authority, Discount, PublicKey, TrustRoot, believe},
};

/// Signs the payloads of statements about an image; returns their bundles as JSON Lines.
pub(in crate::flow) async fn sign(
    image: &Descriptor,
    payloads: &[&[u8]],
    signer: &(impl Signer + Sync),
) -> Result<Vec<u8>, SignError> {
    of_subject(image.digest(), payloads, signer).await
}

/// Signs payloads that are statements about a subject; returns their bundles as JSON Lines.
pub(in crate::flow) async fn of_subject(
    subject: Sha256Digest,
    payloads: &[&[u8]],
    signer: &(impl Signer + Sync),
) -> Result<Vec<u8>, SignError> {
    let key = signer.key();
    let mut bundles = Vec::new();
    for payload in payloads {
        let (payload_type, payload) = (IN_TOTO_PAYLOAD_TYPE.to_owned(), payload.to_vec());
        let mut envelope = Envelope { payload_type, payload, signature: Vec::new() };
        let signature = signer.sign(envelope.pae()).await;
        envelope.signature = signature.map_err(|source| SignError::Sign { key: key.name.clone(), source })?;
        let bundle = write_bundle(&envelope, key.public.spki());
        bundles.push(bundle.map_err(|error| self_check(&key.name, error.to_string()))?);
    }
    let bundles = join(bundles.iter().map(Vec::as_slice));
    check(subject, &key.name, &key.public, &bundles, payloads.len())?;
    Ok(bundles)
}

/// Believes what was just written, by the signer's key alone, as every verifier will.
fn check(subject: Sha256Digest, name: &str, key: &PublicKey, evidence: &[u8], count: usize) -> Result<(), SignError> {
    let fault = |problem: String| self_check(name, problem);
    let key = PublicKey::from_spki(key.spki(), Some(key.scheme())).map_err(|e| fault(e.to_string()))?;
    let authority = "signer".parse().map_err(fault)?;
    let authority =
        Authority { name: authority, key: key.into(), window: Window::default(), retired: None, witness: None };
    let root = TrustRoot::new(vec![authority]).map_err(|e| fault(e.to_string()))?;
    // The window is open and nobody is asked to witness, so the instant does not matter.
    let believed = believe(&root, evidence, subject, Timestamp::UNIX_EPOCH);
    let believed = believed.map_err(|(line, defect)| fault(format!("line {line}: {defect}")))?;
    if believed.verified.len() == count {
        return Ok(());
    }
    let discount = believed.discounted.first().map(|one| &one.discount).map(Discount::to_string);
    Err(fault(discount.unwrap_or_else(|| "a statement is missing".to_owned())))
}

fn self_check(key: &str, problem: String) -> SignError {
    SignError::SelfCheck { key: key.to_owned(), problem }
}
