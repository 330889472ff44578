//! Sealing: statements → signatures → evidence in the store → pointer tags, in this order.
//!
//! The evidence is durable before any tag points to it. It is created only if absent and replaced only if unchanged
//! since it was read; and what is about to be stored was verified with the signer's public key first.

use jiff::Timestamp;

use super::statements::{InputFault, Inputs, UnsignedStatement, statements};
use crate::{
    attestation::{Bundle, Content, Defect, Envelope, IN_TOTO_PAYLOAD_TYPE, Statement, join, lines, write_bundle},
    digest::Sha256Digest,
    ids::ImageRef,
    image::{Descriptor, EVIDENCE_TAG, KEY_TAG, SUBJECT_TAG, evidence_pointer},
    ports::{EvidenceStore, Expected, ImageTags, PortError, PortErrorKind, Signer, Written},
    report::{KeyReport, Note, SIGN_SCHEMA, SignReport, StatementReport, TagReport},
    time::Window,
    trust::{Authority, Discount, PublicKey, TrustRoot, Verified, believe},
};

/// What to do when the store already holds evidence of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Leave it alone and fail.
    Refuse,
    /// Put the new evidence in its place.
    Replace,
    /// Put the new bundles behind it: another authority signs the same statements.
    Add,
}

/// What to sign, and how.
#[derive(Debug)]
pub struct Signing<'a> {
    /// The image.
    pub image: &'a Descriptor,
    /// What the statements are made of.
    pub inputs: Inputs<'a>,
    /// What to do with evidence that is there.
    pub existing: Existing,
    /// Tags to write beside the pointer tags.
    pub tag: bool,
}

/// Why an image was not sealed. Nothing was stored, except where the message says so.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// An input cannot be signed.
    #[error(transparent)]
    Input(#[from] InputFault),
    /// The store could not be asked, or could not write.
    #[error("storing the evidence of {image}")]
    Store {
        /// The image.
        image: ImageRef,
        /// The cause.
        #[source]
        source: PortError,
    },
    /// There is evidence already.
    #[error("{place} already holds evidence of {image}")]
    Exists {
        /// The image.
        image: ImageRef,
        /// Where.
        place: String,
    },
    /// Somebody else wrote in between.
    #[error("the evidence at {place} changed while {image} was being signed; nothing was written")]
    Conflict {
        /// The image.
        image: ImageRef,
        /// Where.
        place: String,
    },
    /// The key did not sign.
    #[error("signing with {key}")]
    Sign {
        /// The key.
        key: String,
        /// The cause.
        #[source]
        source: PortError,
    },
    /// What was signed does not verify: nothing was stored.
    #[error("what {key} signed does not verify: {problem}")]
    SelfCheck {
        /// The key.
        key: String,
        /// Why.
        problem: String,
    },
    /// The evidence is stored, but the image is not tagged.
    #[error("tagging {image} (its evidence is stored; sign again with --replace, or set the tags by hand)")]
    Tag {
        /// The image.
        image: ImageRef,
        /// The cause.
        #[source]
        source: PortError,
    },
}

/// Seals an image.
///
/// # Errors
/// See [`SignError`].
pub async fn sign(
    signing: &Signing<'_>,
    signer: &(impl Signer + Sync),
    store: &impl EvidenceStore,
    tags: &impl ImageTags,
) -> Result<SignReport, SignError> {
    let image = signing.image.image();
    let place = store.locate(&image);
    let stored = |source| SignError::Store { image: image.clone(), source };
    let existing = store.read(&image).await.map_err(stored)?;

    let (expected, kept) = match (existing, signing.existing) {
        (None, _) => (Expected::Absent, Vec::new()),
        (Some(_), Existing::Refuse) => return Err(SignError::Exists { image, place }),
        (Some(found), Existing::Replace) => (Expected::Unchanged(found.revision), Vec::new()),
        (Some(found), Existing::Add) => {
            readable(&found.bytes).map_err(|problem| stored(unfit(&place, problem)))?;
            (Expected::Unchanged(found.revision), ended(found.bytes))
        }
    };
    let key = signer.key();
    let unsigned = statements(signing.image, &signing.inputs, key.dangerous_local)?;
    let bundles = bundles(&unsigned, signer).await?;
    let added = join(bundles.iter().map(Vec::as_slice));
    check(signing.image, &key.name, &key.public, &added, unsigned.len())?;
    let evidence = [kept.as_slice(), &added].concat();
    let count = lines(&evidence).map_err(|(_, defect)| stored(unfit(&place, defect.to_string())))?.len();
    let digest = Sha256Digest::of(&evidence);
    let pointers = [
        (EVIDENCE_TAG.to_owned(), evidence_pointer(&place, digest)),
        (SUBJECT_TAG.to_owned(), format!("sha256:{}", signing.image.digest())),
        (KEY_TAG.to_owned(), key.name.chars().take(255).collect()),
    ];

    match store.write(signing.image, &evidence, expected).await.map_err(stored)? {
        Written::Stored => {}
        Written::Conflict => return Err(SignError::Conflict { image, place }),
    }
    if signing.tag {
        let failed = |source| SignError::Tag { image: image.clone(), source };
        tags.tag(&image, &pointers).await.map_err(failed)?;
    }
    let written = pointers.into_iter().filter(|_| signing.tag);
    Ok(SignReport {
        schema: SIGN_SCHEMA,
        image,
        subject: signing.image.digest(),
        key: KeyReport {
            name: key.name.clone(),
            spki_sha256: key.public.digest(),
            scheme: key.public.scheme(),
            dangerous_local: key.dangerous_local,
        },
        statements: unsigned.iter().map(report).collect(),
        evidence: place,
        evidence_sha256: digest,
        bundles: count,
        tags: written.map(|(name, value)| TagReport { name, value }).collect(),
        notes: notes(signing, key.dangerous_local),
    })
}

/// Ends the last line of evidence, which a writer may leave open: what is added must not run on in it.
fn ended(mut evidence: Vec<u8>) -> Vec<u8> {
    if evidence.last().is_some_and(|last| *last != b'\n') {
        evidence.push(b'\n');
    }
    evidence
}

/// Evidence to put more behind must read as such: else the whole would not, and nothing would be gained.
fn readable(evidence: &[u8]) -> Result<(), String> {
    let told = |line: usize, defect: &Defect| format!("line {line}: {defect}");
    for (line, bytes) in lines(evidence).map_err(|(line, defect)| told(line, &defect))? {
        match Bundle::parse(bytes).map_err(|defect| told(line, &defect))?.content {
            Content::Envelope(_) => {}
            Content::Message { .. } => return Err(told(line, &Defect::NotAnEnvelope)),
        }
    }
    Ok(())
}

fn unfit(place: &str, problem: String) -> PortError {
    PortError::new(PortErrorKind::Malformed, "adding to the evidence at", place).because(problem)
}

async fn bundles(unsigned: &[UnsignedStatement], signer: &(impl Signer + Sync)) -> Result<Vec<Vec<u8>>, SignError> {
    let key = signer.key();
    let mut bundles = Vec::new();
    for statement in unsigned {
        let (payload_type, payload) = (IN_TOTO_PAYLOAD_TYPE.to_owned(), statement.payload.clone());
        let mut envelope = Envelope { payload_type, payload, signature: Vec::new() };
        let signature = signer.sign(envelope.pae()).await;
        envelope.signature = signature.map_err(|source| SignError::Sign { key: key.name.clone(), source })?;
        let bundle = write_bundle(&envelope, key.public.spki());
        bundles.push(bundle.map_err(|error| self_check(&key.name, error.to_string()))?);
    }
    Ok(bundles)
}

/// Believes what was just written, by the signer's key alone, as every verifier will.
fn check(image: &Descriptor, name: &str, key: &PublicKey, evidence: &[u8], count: usize) -> Result<(), SignError> {
    let fault = |problem: String| self_check(name, problem);
    let key = PublicKey::from_spki(key.spki(), Some(key.scheme())).map_err(|e| fault(e.to_string()))?;
    let authority = "signer".parse().map_err(fault)?;
    let authority = Authority { name: authority, key: key.into(), window: Window::default(), witness: None };
    let root = TrustRoot::new(vec![authority]).map_err(|e| fault(e.to_string()))?;
    // The window is open and nobody is asked to witness, so the instant does not matter.
    let believed = believe(&root, evidence, image.digest(), Timestamp::UNIX_EPOCH);
    let believed = believed.map_err(|(line, defect)| fault(format!("line {line}: {defect}")))?;
    let verified: &[Verified<Statement>] = &believed.verified;
    if verified.len() == count {
        return Ok(());
    }
    let discount = believed.discounted.first().map(|one| &one.discount).map(Discount::to_string);
    Err(fault(discount.unwrap_or_else(|| "a statement is missing".to_owned())))
}

fn self_check(key: &str, problem: String) -> SignError {
    SignError::SelfCheck { key: key.to_owned(), problem }
}

fn report(statement: &UnsignedStatement) -> StatementReport {
    StatementReport {
        kind: statement.kind,
        predicate_type: statement.predicate_type.to_owned(),
        statement: Sha256Digest::of(&statement.payload),
    }
}

fn notes(signing: &Signing<'_>, dangerous_local: bool) -> Vec<Note> {
    let mut notes = Vec::new();
    if dangerous_local {
        notes.push(Note::new("dangerous-local-key", "signed with a key file on disk; whoever copies it can sign"));
    }
    if signing.inputs.content.is_empty() {
        notes.push(Note::new(
            "no-content-digest",
            "no content digest was taken; --content binds what is on the devices",
        ));
    }
    if !signing.tag {
        notes.push(Note::new(
            "not-tagged",
            "the image was not tagged; evidence is found by region and image id all the same",
        ));
    }
    notes
}

#[cfg(test)]
mod tests;
