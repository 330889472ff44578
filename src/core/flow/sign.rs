//! Sealing: gate → approval → statements → signatures → evidence in the store → tags, in this order.
//!
//! Nothing is signed before the gate passed and what it accepted was approved. The evidence is durable before any tag
//! is written. It is created only if absent and replaced only if unchanged since it was read; and what is about to be
//! stored was verified first, with the signer's key and, under a policy with a gate, as a consumer will.

pub(super) mod bundles;
mod prepare;

pub(super) use prepare::{check_approval, ended};

use jiff::Timestamp;

use super::{
    gate::Passed,
    statements::{Gated, InputFault, Inputs, UnsignedStatement, statements},
};
use crate::{
    attestation::{Kind, lines},
    digest::Sha256Digest,
    ids::ImageRef,
    image::{EVIDENCE_TAG, ImageFacts, KEY_TAG, SHARED_TAG_PREFIX, SUBJECT_TAG, evidence_pointer},
    policy::{Keys, Policy},
    ports::{EvidenceStore, ImageTags, PortError, PortErrorKind, Signer, SigningKey, Written},
    report::{KeyReport, Note, SIGN_SCHEMA, SignReport, StatementReport, TagReport},
    verdict::{Reason, Verdict},
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
    /// Take it, if the policy admits the image with it, or only the lists leave that open, and it is of the same inputs:
    /// an earlier run wrote it.
    Resume,
    /// Take it if so, and put new evidence in its place if not.
    Renew,
}

/// What to sign, and how.
#[derive(Debug)]
pub struct Signing<'a> {
    /// The image, with the tags that are visible.
    pub facts: &'a ImageFacts,
    /// What the statements are made of.
    pub inputs: Inputs<'a>,
    /// The gate that passed; none under a policy that goes without.
    pub gate: Option<Gating<'a>>,
    /// What to do with evidence that is there.
    pub existing: Existing,
    /// Write tags.
    pub tag: bool,
    /// The present time.
    pub now: Timestamp,
}

/// A gate that passed, and what a consumer would judge it by.
#[derive(Debug, Clone, Copy)]
pub struct Gating<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Its keys.
    pub keys: &'a Keys,
    /// The gate, passed under this policy.
    pub passed: &'a Passed,
    /// Bundles of approvals, as JSON Lines.
    pub approvals: &'a [u8],
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
    /// The image bears another value than the one to be sealed.
    #[error("{image} bears the tag {tag} with {found:?}; what is to be sealed is {sealed:?}")]
    TagConflict {
        /// The image.
        image: ImageRef,
        /// The tag.
        tag: String,
        /// What the build facts say.
        sealed: String,
        /// What the image bears.
        found: String,
    },
    /// The accepted risks are not approved.
    #[error("the accepted risks of {image} (sha256:{accepted}) are not approved")]
    NotApproved {
        /// The image.
        image: ImageRef,
        /// The digest that an approval would be about.
        accepted: Sha256Digest,
        /// What became of the approvals that were given.
        verdict: Verdict,
    },
    /// The key that signs is one that approves.
    #[error("{key} approves under this policy, so it cannot seal: nobody approves their own work")]
    ApproverSeals {
        /// The key.
        key: String,
    },
    /// Under the policy, a consumer would not admit what would be stored.
    #[error("with these statements {image} would not be admitted")]
    NotAdmitted {
        /// The image.
        image: ImageRef,
        /// Why.
        reasons: Vec<Reason>,
    },
    /// What is there is not what would be signed now.
    #[error(
        "the {kind} statement at {place} is not of these inputs, so no second signature can stand beside the first"
    )]
    OtherInputs {
        /// Which statement.
        kind: Kind,
        /// Where.
        place: String,
    },
    /// This key signed already.
    #[error("{key} already signed the evidence at {place}")]
    AlreadySigned {
        /// The key.
        key: String,
        /// Where.
        place: String,
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
    let image = signing.facts.descriptor.image();
    let place = store.locate(&image);
    let stored = |source| SignError::Store { image: image.clone(), source };
    let found = store.read(&image).await.map_err(stored)?;

    let key = signer.key();
    let plan = prepare::plan(signing, key, found, &place)?;
    let sealed_tags = prepare::tags(signing, &plan)?;
    let gated = plan.passed.as_ref().map(|passed| Gated { passed, approvals: &plan.approvals });
    let unsigned = statements(&signing.facts.descriptor, &signing.inputs, gated, key.dangerous_local)?;
    plan.check(signing, key, &unsigned, &place)?;
    let evidence = match &plan.complete {
        Some(complete) => complete.evidence.clone(),
        None => {
            let payloads: Vec<&[u8]> = unsigned.iter().map(|one| one.payload.as_slice()).collect();
            let added = bundles::sign(&signing.facts.descriptor, &payloads, signer).await?;
            [plan.kept.as_slice(), &added].concat()
        }
    };
    let notes = prepare::admitted(signing, &evidence)?;
    let count = lines(&evidence).map_err(|(_, defect)| stored(unfit(&place, defect.to_string())))?.len();
    let digest = Sha256Digest::of(&evidence);
    let written = sealed_tags.into_iter().chain(pointers(signing.facts, &place, digest, key));
    let written: Vec<(String, String)> = written.filter(|_| signing.tag).collect();

    let already = plan.complete.is_some();
    if !already {
        match store.write(&signing.facts.descriptor, &evidence, plan.expected).await.map_err(stored)? {
            Written::Stored => {}
            Written::Conflict => return Err(SignError::Conflict { image, place }),
        }
    }
    if signing.tag {
        let failed = |source| SignError::Tag { image: image.clone(), source };
        tags.tag(&image, &written).await.map_err(failed)?;
    }
    Ok(SignReport {
        schema: SIGN_SCHEMA,
        image,
        subject: signing.facts.descriptor.digest(),
        already,
        key: KeyReport::from(key),
        statements: match plan.complete {
            Some(complete) => complete.statements,
            None => unsigned.iter().map(report).collect(),
        },
        approvals: plan.approvals,
        evidence: place,
        evidence_sha256: digest,
        bundles: count,
        tags: written.into_iter().map(|(name, value)| TagReport { name, value }).collect(),
        notes: notes.into_iter().chain(self::notes(signing, key)).collect(),
    })
}

/// Returns the tags that point to the evidence of an image.
pub(super) fn pointers(
    facts: &ImageFacts,
    place: &str,
    evidence: Sha256Digest,
    key: &SigningKey,
) -> Vec<(String, String)> {
    let mut pointers = vec![
        (EVIDENCE_TAG.to_owned(), evidence_pointer(place, evidence)),
        (SUBJECT_TAG.to_owned(), format!("sha256:{}", facts.descriptor.digest())),
        (KEY_TAG.to_owned(), key.name.chars().take(255).collect()),
    ];
    // Those that were published are judged too, so they must not stay behind; the key's is for people, and not this one.
    let judged = pointers.iter().filter(|(name, _)| name != KEY_TAG);
    let shared = judged.map(|(name, value)| (format!("{SHARED_TAG_PREFIX}{name}"), value.clone()));
    let shared: Vec<_> = shared.filter(|(name, _)| facts.tags.bears(name)).collect();
    pointers.extend(shared);
    pointers
}

fn unfit(place: &str, problem: String) -> PortError {
    PortError::new(PortErrorKind::Malformed, "adding to the evidence at", place).because(problem)
}

fn report(statement: &UnsignedStatement) -> StatementReport {
    StatementReport {
        kind: statement.kind,
        predicate_type: statement.predicate_type.to_owned(),
        statement: Sha256Digest::of(&statement.payload),
    }
}

fn notes(signing: &Signing<'_>, key: &SigningKey) -> Vec<Note> {
    let mut notes = Vec::new();
    if signing.gate.is_none() {
        notes.push(Note::new(
            "dangerous-without-gate",
            "the policy asks for no gate result: nobody judged the findings",
        ));
    }
    if key.dangerous_local {
        notes.push(Note::new("dangerous-local-key", "signed with a key file on disk; whoever copies it can sign"));
    }
    if signing.inputs.content.is_empty() {
        notes.push(Note::new(
            "no-content-digest",
            "no content digest was taken (--without-content): what is on the devices is not bound",
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
