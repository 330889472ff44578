//! Everything that was gathered about one image, to be judged at one instant or another.
//!
//! Gathering and verifying takes calls and time; judging takes neither. So what judges one image again and again keeps
//! its case, never a verdict, and everything in a case that is bound to time is looked at anew.

mod facts;
mod told;

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;

pub(super) use self::facts::Facts;
use self::facts::sealed;
use crate::{
    attestation::Kind,
    digest::Sha256Digest,
    ids::{ImageRef, SnapshotId},
    image::{Descriptor, ImageFacts, Tags},
    policy::{Context, Dossier, Gathered, Judgement, Keys, Policy, Receipts, judge_with, undescribed},
    ports::{EvidenceStore, ImageCatalog, PortError, PortErrorKind, Stored},
    report::{FactsFrom, Note},
    verdict::{Fault, Reason},
};

/// See the module.
#[derive(Debug)]
pub struct Case {
    image: ImageRef,
    facts: Facts,
    evidence: Evidence,
    place: String,
    keys: Arc<Keys>,
    receipts: Receipts,
}

#[derive(Debug)]
enum Evidence {
    Found { dossier: Arc<Dossier>, instead: Option<Note> },
    Absent,
    Unavailable { problem: String, passing: bool },
}

/// What asking for an image brought.
#[derive(Debug)]
pub struct Opened {
    /// The case.
    pub case: Case,
    /// The evidence as it was read, where there was some.
    pub bytes: Option<Vec<u8>>,
}

impl Case {
    /// Gathers facts and evidence of an image. Evidence that an earlier case with the same keys had is not verified again.
    pub async fn open(
        image: &ImageRef,
        catalog: &impl ImageCatalog,
        store: &impl EvidenceStore,
        keys: &Arc<Keys>,
        before: Option<&Arc<Dossier>>,
    ) -> Opened {
        let (facts, evidence) = futures_util::join!(catalog.describe(image), store.read(image));
        let facts = match facts {
            Ok(Some(described)) => Facts::of_ec2(image, described),
            Ok(None) => Facts::Refused(vec![Reason::ImageNotFound { image: image.clone() }]),
            Err(error) => Facts::Unknown(Fault::ImageUnavailable { problem: error.chain() }),
        };
        let mut opened = Self::gathered(image, facts, evidence, store.locate(image), keys, before);
        opened.case.seek_receipts(store).await;
        opened
    }

    /// Asks for receipts about the image, where the keys' policy would look at any.
    pub(super) async fn seek_receipts(&mut self, store: &impl EvidenceStore) {
        let Some(wanted) = self.keys.wanted_receipts() else { return };
        let evidence = self.dossier().map(|dossier| dossier.evidence);
        let found = store.receipts(&self.image, evidence, wanted).await;
        self.receipts = Receipts::read(&self.keys, found.as_deref().map_err(PortError::chain));
    }

    /// Makes the case of what was gathered, wherever it came from.
    pub(super) fn gathered(
        image: &ImageRef,
        facts: Facts,
        evidence: Result<Option<Stored>, PortError>,
        place: String,
        keys: &Arc<Keys>,
        before: Option<&Arc<Dossier>>,
    ) -> Opened {
        let read = evidence.as_ref().map(|stored| stored.as_ref().map(|stored| stored.bytes.as_slice().into()));
        let case = Self::examined(image, facts, read, place, keys, before);
        Opened { case, bytes: evidence.ok().flatten().map(|stored| stored.bytes) }
    }

    /// Makes the case of what was gathered, and lets go of the evidence while it is verified.
    pub(super) fn consuming(
        image: &ImageRef,
        facts: Facts,
        evidence: Result<Option<Stored>, PortError>,
        place: String,
        keys: &Arc<Keys>,
    ) -> Self {
        match evidence {
            Ok(stored) => Self::examined(image, facts, Ok(stored.map(|stored| stored.bytes.into())), place, keys, None),
            Err(error) => Self::examined(image, facts, Err(&error), place, keys, None),
        }
    }

    /// Makes the case of what was gathered and may be examined again, with other keys.
    pub(super) fn examined(
        image: &ImageRef,
        facts: Facts,
        evidence: Result<Option<Cow<'_, [u8]>>, &PortError>,
        place: String,
        keys: &Arc<Keys>,
        before: Option<&Arc<Dossier>>,
    ) -> Self {
        let (keys, receipts) = (Arc::clone(keys), Receipts::default());
        let mut case = Self { image: image.clone(), facts, evidence: Evidence::Absent, place, keys, receipts };
        match evidence {
            Ok(Some(bytes)) => case.take(bytes, before, None),
            Ok(None) => {}
            Err(error) => case.evidence = Evidence::Unavailable { problem: error.chain(), passing: passes(error) },
        }
        case
    }

    /// Makes the case of an image whose facts and evidence are at hand.
    pub fn of(facts: ImageFacts, evidence: &[u8], place: &str, keys: &Arc<Keys>) -> Self {
        let mut case = Self {
            image: facts.descriptor.image(),
            facts: Facts::Known { facts: Box::new(facts), from: FactsFrom::Ec2 },
            evidence: Evidence::Absent,
            place: place.to_owned(),
            keys: Arc::clone(keys),
            receipts: Receipts::default(),
        };
        case.take(evidence.into(), None, None);
        case
    }

    /// Takes evidence from elsewhere while the store cannot be reached; `note` says from where.
    pub fn stand_in(&mut self, bytes: &[u8], note: Note) {
        self.take(bytes.into(), None, Some(note));
    }

    /// Says why nothing stands in for a store that cannot be reached.
    pub fn nothing_stands_in(&mut self, why: &str) {
        if let Evidence::Unavailable { problem, .. } = &mut self.evidence {
            *problem = format!("{problem}; {why}");
        }
    }

    fn take(&mut self, bytes: Cow<'_, [u8]>, before: Option<&Arc<Dossier>>, instead: Option<Note>) {
        let same = |one: &Dossier| one.evidence == Sha256Digest::of(&bytes);
        let known = |subject| before.filter(|one| one.is_of(&self.keys, subject) && same(one));
        let dossier = match &self.facts {
            Facts::Known { facts, .. } => {
                let subject = facts.descriptor.digest();
                match known(subject) {
                    Some(dossier) => Arc::clone(dossier),
                    None => Arc::new(self.keys.examine(bytes, subject)),
                }
            }
            Facts::InEvidence => {
                let survey = self.keys.survey(bytes);
                match sealed(&survey, &self.image) {
                    Ok(descriptor) => {
                        let dossier = Arc::new(self.keys.dossier(&survey, descriptor.digest()));
                        let facts = Box::new(ImageFacts { descriptor, state: None, tags: Tags::default() });
                        self.facts = Facts::Known { facts, from: FactsFrom::Provenance };
                        dossier
                    }
                    Err(reasons) => {
                        self.facts = Facts::Refused(reasons);
                        return;
                    }
                }
            }
            // Without facts there is no subject that statements could be about.
            Facts::Refused(_) | Facts::Unknown(_) => return,
        };
        self.evidence = Evidence::Found { dossier, instead };
    }

    /// Judges the image at an instant.
    pub fn judge(&self, policy: &Policy, now: Timestamp) -> Judgement {
        let (facts, from) = match &self.facts {
            Facts::Known { facts, from } => (facts, *from),
            Facts::InEvidence => return self.without_evidence().listed(policy, &self.keys, &self.image),
            Facts::Refused(reasons) => return refused(reasons).listed(policy, &self.keys, &self.image),
            Facts::Unknown(fault) => {
                return undescribed(Err(fault.clone())).listed(policy, &self.keys, &self.image);
            }
        };
        let gathered = match &self.evidence {
            Evidence::Found { dossier, .. } => Gathered::Found(dossier),
            Evidence::Absent => Gathered::Absent { place: self.place.clone() },
            Evidence::Unavailable { problem, .. } => Gathered::Unavailable { problem: problem.clone() },
        };
        let mut judgement = judge_with(policy, &self.keys, facts, &gathered, &self.receipts, now);
        if from == FactsFrom::Provenance {
            // Only a provenance that counted may have said what the image is.
            let carried = judgement.provenance.as_ref().and_then(|one| one.descriptor().ok().flatten());
            if carried.is_none_or(|carried| carried != facts.descriptor) {
                let reason = Reason::AttestationMissing { kind: Kind::Provenance };
                judgement.verdict = judgement.verdict.and(vec![reason], Vec::new());
            }
        }
        judgement
    }

    /// Lets pass what an override says, of a launch in `context`.
    pub fn let_pass(&self, judgement: &mut Judgement, policy: &Policy, context: &Context, now: Timestamp) {
        judgement.let_pass(policy, &self.keys, &self.image, context, now);
    }

    /// Judges an image of which only its evidence could tell, when there is none.
    fn without_evidence(&self) -> Judgement {
        undescribed(match &self.evidence {
            Evidence::Unavailable { problem, .. } => Err(Fault::EvidenceUnavailable { problem: problem.clone() }),
            // Evidence that was found would have told, or been refused.
            Evidence::Absent | Evidence::Found { .. } => Ok(Reason::EvidenceAbsent { place: self.place.clone() }),
        })
    }

    /// Returns the evidence as it was verified.
    pub fn dossier(&self) -> Option<&Arc<Dossier>> {
        match &self.evidence {
            Evidence::Found { dossier, .. } => Some(dossier),
            Evidence::Absent | Evidence::Unavailable { .. } => None,
        }
    }

    /// Says what could not be asked for: such a case is worth opening again at once.
    pub fn is_incomplete(&self) -> bool {
        matches!(self.facts, Facts::Unknown(_))
            || matches!(self.evidence, Evidence::Unavailable { .. } | Evidence::Found { instead: Some(_), .. })
    }

    /// Says that the store was asked and has nothing, or EC2 knows no such image.
    pub fn lacks_something(&self) -> bool {
        matches!(self.facts, Facts::Refused(_)) || matches!(self.evidence, Evidence::Absent)
    }

    /// Returns why the store could not be reached, where that may pass: it is unavailable, or throttles.
    pub fn outage(&self) -> Option<&str> {
        match &self.evidence {
            Evidence::Unavailable { problem, passing: true } => Some(problem),
            Evidence::Unavailable { .. } | Evidence::Absent | Evidence::Found { .. } => None,
        }
    }

    /// Returns the snapshots of the image, when it could be described.
    pub fn snapshots(&self) -> Option<Vec<SnapshotId>> {
        let (descriptor, _) = self.described()?;
        Some(descriptor.ebs_devices().map(|(_, snapshot, _)| snapshot).collect())
    }

    /// Returns the descriptor of the image, and what says it, when it is known.
    pub fn described(&self) -> Option<(&Descriptor, FactsFrom)> {
        match &self.facts {
            Facts::Known { facts, from } => Some((&facts.descriptor, *from)),
            Facts::InEvidence | Facts::Refused(_) | Facts::Unknown(_) => None,
        }
    }
}

/// Judges an image of which is known only that it is not one.
fn refused(reasons: &[Reason]) -> Judgement {
    let internal = Fault::Internal { problem: "refused for no reason".to_owned() };
    let Some((first, rest)) = reasons.split_first() else { return undescribed(Err(internal)) };
    let mut judgement = undescribed(Ok(first.clone()));
    judgement.verdict = judgement.verdict.and(rest.to_vec(), Vec::new());
    judgement
}

fn passes(error: &PortError) -> bool {
    matches!(error.kind, PortErrorKind::Unavailable | PortErrorKind::Throttled)
}

#[cfg(test)]
mod tests;
