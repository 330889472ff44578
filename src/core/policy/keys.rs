//! A policy's authorities and what KMS answers for them → the keys at hand, and what follows from those that are not.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{
    lists::Lists,
    receipts::WantedReceipts,
    rule::{KeySource, Policy, ReceiptRule, Signatory},
};
use crate::{
    attestation::{Defect, Kind, predicate::Provenance},
    digest::Sha256Digest,
    image::Descriptor,
    trust::{
        Authority, AuthorityName, Believed, Claim, Discounted, Examined, KeyAnswer, Proven, PublicKey, RevokedKeys,
        Surveyed, TrustRoot, claims, consume, survey,
    },
    verdict::{Fault, Reason},
};

/// An authority that cannot be counted on now, and what that means for what it should have signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Setback {
    /// It certainly does not count.
    #[error("{0}")]
    Lost(Reason),
    /// Nobody knows.
    #[error("{0}")]
    Unknown(Fault),
}

/// The authorities of a policy whose keys are at hand, and those whose keys are not; and what some of them listed.
#[derive(Debug)]
pub struct Keys {
    /// Names the policy and what KMS answered: what was examined with other keys is not judged with these.
    fingerprint: Sha256Digest,
    root: Option<TrustRoot>,
    setbacks: Vec<(AuthorityName, Setback)>,
    /// Of those, the ones that could not be asked for, with their pins.
    absent: Vec<(AuthorityName, Sha256Digest)>,
    /// No part of the fingerprint: lists are held against what was examined, whenever that was.
    lists: Lists,
    /// Which receipts the policy believes; they are held against what was examined as well.
    receipts: Option<ReceiptRule>,
}

/// Evidence as far as the keys at hand go, to be judged at one instant or another. A defect makes all of it unreadable.
#[derive(Debug)]
pub struct Dossier {
    /// SHA-256 of the evidence.
    pub evidence: Sha256Digest,
    /// The subject that it was examined for.
    subject: Sha256Digest,
    /// The keys that it was examined with.
    keys: Sha256Digest,
    content: Result<(Examined, Vec<Claim>), (usize, Defect)>,
}

/// Evidence as far as the keys at hand go, before it is known which image it is about.
#[derive(Debug)]
pub struct Survey<'e> {
    /// Empty where all keys are at hand and nobody needs it any more.
    evidence: Cow<'e, [u8]>,
    digest: Sha256Digest,
    keys: Sha256Digest,
    content: Result<Surveyed, (usize, Defect)>,
}

/// A dossier at an instant.
#[derive(Default)]
pub(super) struct Read {
    /// What counts, and what does not.
    pub(super) believed: Believed,
    /// What the keys that are not at hand may have signed.
    pub(super) claims: Vec<Claim>,
}

impl Keys {
    /// Joins the policy's authorities with what KMS answered for those of them that are KMS keys.
    pub fn new(policy: &Policy, answer: impl Fn(&AuthorityName) -> Result<KeyAnswer, String>) -> Self {
        let mut known = format!("{}\n", policy.digest());
        let mut authorities = Vec::new();
        let mut setbacks = Vec::new();
        let mut absent = Vec::new();
        for signatory in policy.signatories() {
            let name = &signatory.name;
            let key = match &signatory.key {
                KeySource::Pem(key) => Ok(key.clone()),
                KeySource::Kms { pin, scheme, .. } => match answer(name) {
                    Err(problem) => Err(Setback::Unknown(Fault::KeyUnavailable { authority: name.clone(), problem })),
                    Ok(KeyAnswer::Withdrawn { state }) => {
                        Err(Setback::Lost(Reason::AuthorityKeyWithdrawn { authority: name.clone(), state }))
                    }
                    Ok(KeyAnswer::Enabled { spki }) => pinned(name, *pin, &spki).and_then(|()| {
                        let key = PublicKey::from_spki(&spki, Some(*scheme));
                        key.map(Into::into).map_err(|fault| {
                            let problem = fault.to_string();
                            Setback::Unknown(Fault::KeyUnavailable { authority: name.clone(), problem })
                        })
                    }),
                },
            };
            let state = key.as_ref().map(|_| ()).map_err(Setback::to_string);
            known = format!("{known}{name} {} {state:?}\n", signatory.key.digest());
            match key {
                Ok(key) => {
                    let Signatory { name, window, retired, witness, .. } = signatory.clone();
                    authorities.push(Authority { name, key, window, retired, witness });
                }
                Err(setback) => {
                    if matches!(setback, Setback::Unknown(_)) {
                        absent.push((name.clone(), signatory.key.digest()));
                    }
                    setbacks.push((name.clone(), setback));
                }
            }
        }
        // The compiler refused policies with one name or key twice, so only the empty root is left to be none.
        let fingerprint = Sha256Digest::of(known.as_bytes());
        let (root, receipts) = (TrustRoot::new(authorities).ok(), policy.receipts().cloned());
        Self { fingerprint, root, setbacks, absent, lists: Lists::default(), receipts }
    }

    /// Takes the lists that were read with these keys.
    #[must_use]
    pub fn with(self, lists: Lists) -> Self {
        Self { lists, ..self }
    }

    /// Puts other lists in the place of those, and returns them.
    #[must_use]
    pub fn replace(&mut self, lists: Lists) -> Lists {
        std::mem::replace(&mut self.lists, lists)
    }

    /// Says which receipts of an image would be looked at: none, unless the policy requires one, or one of its keys was
    /// revoked since an instant.
    pub fn wanted_receipts(&self) -> Option<WantedReceipts> {
        let newest = self.receipts.as_ref()?.required.as_ref().map(|required| required.max_age);
        let older = self.lists.revokes_since();
        (older || newest.is_some()).then_some(WantedReceipts { older, newest })
    }

    /// Returns the lists.
    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// Examines the evidence of an image as far as the keys at hand go. Evidence that is given away needs the least memory.
    pub fn examine<'e>(&self, evidence: impl Into<Cow<'e, [u8]>>, subject: Sha256Digest) -> Dossier {
        self.dossier(&self.survey(evidence), subject)
    }

    /// Looks at evidence of which it is not known yet which image it is about.
    pub fn survey<'e>(&self, evidence: impl Into<Cow<'e, [u8]>>) -> Survey<'e> {
        let mut evidence = evidence.into();
        let digest = Sha256Digest::of(&evidence);
        let content = match (&self.root, evidence) {
            (Some(root), Cow::Owned(bytes)) if self.has_all() => {
                evidence = Cow::default();
                consume(root, bytes)
            }
            (Some(root), kept) => {
                evidence = kept;
                survey(root, &evidence)
            }
            (None, kept) => {
                evidence = kept;
                Ok(Surveyed::default())
            }
        };
        Survey { evidence, digest, keys: self.fingerprint, content }
    }

    /// Takes what is about an image. A survey with other keys makes a dossier that is not of these.
    pub fn dossier(&self, survey: &Survey<'_>, subject: Sha256Digest) -> Dossier {
        let content = self.content(survey, subject);
        Dossier { evidence: survey.digest, subject, keys: survey.keys, content }
    }

    fn content(&self, survey: &Survey<'_>, subject: Sha256Digest) -> Result<(Examined, Vec<Claim>), (usize, Defect)> {
        let examined = survey.content.as_ref().map_err(Clone::clone)?.about(subject);
        if self.has_all() {
            return Ok((examined, Vec::new()));
        }
        let claims = claims(&survey.evidence, &self.absent, &examined.settled(), subject)?;
        Ok((examined, claims))
    }

    /// Says whether there is nothing that evidence could be read for again.
    fn has_all(&self) -> bool {
        self.root.is_some() && self.absent.is_empty()
    }

    /// Returns the authorities whose keys are at hand.
    pub(crate) fn at_hand(&self) -> impl Iterator<Item = &Authority> {
        self.root.iter().flat_map(TrustRoot::authorities)
    }

    /// Says whether every key could be asked for.
    pub fn is_complete(&self) -> bool {
        self.absent.is_empty()
    }

    /// Returns the authorities that cannot be counted on.
    pub(super) fn setbacks(&self) -> impl Iterator<Item = &(AuthorityName, Setback)> {
        self.setbacks.iter()
    }

    /// Returns why nobody knows whether an authority signed what it claims.
    pub(super) fn fault(&self, claim: &Claim) -> Option<Fault> {
        self.setbacks.iter().find_map(|(name, setback)| match setback {
            Setback::Unknown(fault) if *name == claim.by => Some(fault.clone()),
            Setback::Unknown(_) | Setback::Lost(_) => None,
        })
    }
}

impl Survey<'_> {
    /// Returns the image descriptors that provenance statements of authorities are about, and carry.
    ///
    /// # Errors
    /// The defect that makes the evidence unreadable, with its line.
    pub fn descriptors(&self) -> Result<Vec<Descriptor>, (usize, Defect)> {
        let surveyed = self.content.as_ref().map_err(Clone::clone)?;
        let mut found: Vec<Descriptor> = Vec::new();
        for statement in surveyed.statements().filter(|statement| statement.kind() == Some(Kind::Provenance)) {
            // What does not read as provenance, or carries none, is told of when it is judged.
            let carried = statement.predicate::<Provenance>().ok().and_then(|one| one.descriptor().ok().flatten());
            let Some(descriptor) = carried.filter(|one| one.digest() == statement.subject()) else { continue };
            if !found.contains(&descriptor) {
                found.push(descriptor);
            }
        }
        Ok(found)
    }

    /// Returns what was found.
    pub(super) fn into_content(self) -> Result<Surveyed, (usize, Defect)> {
        self.content
    }

    /// Returns the bundles that count for nothing, whatever the image is.
    pub fn discounted(&self) -> impl Iterator<Item = &Discounted> {
        self.content.iter().flat_map(Surveyed::discounted)
    }
}

impl Dossier {
    /// Says whether it is about a subject, and was examined with these keys.
    pub fn is_of(&self, keys: &Keys, subject: Sha256Digest) -> bool {
        self.keys == keys.fingerprint && self.subject == subject
    }

    /// Reads it at an instant, without what revoked keys signed unless it is proven older.
    pub(super) fn read(&self, revoked: &RevokedKeys, proven: &Proven, now: Timestamp) -> Result<Read, (usize, Defect)> {
        let (examined, claims) = self.content.as_ref().map_err(Clone::clone)?;
        Ok(Read { believed: examined.believe(revoked, proven, now), claims: claims.clone() })
    }
}

fn pinned(name: &AuthorityName, pin: Sha256Digest, spki: &[u8]) -> Result<(), Setback> {
    let found = Sha256Digest::of(spki);
    if found == pin {
        return Ok(());
    }
    Err(Setback::Lost(Reason::AuthorityKeyChanged { authority: name.clone(), pinned: pin, found }))
}

#[cfg(test)]
mod tests;
