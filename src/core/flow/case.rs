//! Everything that was gathered about one image, to be judged at one instant or another.
//!
//! Gathering and verifying takes calls and time; judging takes neither. So what judges one image again and again keeps
//! its case, never a verdict, and everything in a case that is bound to time is looked at anew.

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;

use crate::{
    attestation::{
        Kind,
        predicate::{ContentDigests, Provenance},
    },
    digest::Sha256Digest,
    ids::{ImageRef, SnapshotId},
    image::{DescribedImage, Descriptor, ImageFacts, Tags},
    policy::{
        Context, Dossier, Gathered, Judgement, KeySource, Keys, Policy, Receipts, Survey, judge_with, undescribed,
    },
    ports::{EvidenceStore, ImageCatalog, PortError, PortErrorKind, Stored},
    report::{Basis, FactsFrom, ImageReport, Note, policy_notes},
    trust::{AuthorityName, Discounted},
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

/// What is known of the image itself.
#[derive(Debug)]
pub(super) enum Facts {
    Known {
        facts: Box<ImageFacts>,
        from: FactsFrom,
    },
    /// Nobody has said yet: the evidence will, once there is some.
    InEvidence,
    Refused(Vec<Reason>),
    Unknown(Fault),
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

    /// Reports a judgement of it, for a launch in `context` (its region is the image's).
    pub fn report(&self, policy: &Policy, judgement: Judgement, context: &Context) -> ImageReport {
        let mode = policy.mode(&Context { region: Some(self.image.region.clone()), ..context.clone() });
        let mut notes = policy_notes(policy);
        if let Facts::Known { facts, .. } = &self.facts {
            notes.extend(about(policy, &judgement));
            if let Some(state) = facts.state.as_deref().filter(|state| *state != "available") {
                notes.push(Note::new("image-not-available", format!("EC2 says that the image is {state}")));
            }
        }
        notes.extend(judgement.short.iter().map(Note::remark));
        let basis = Basis::of(policy, &self.keys, &judgement);
        let mut report = ImageReport::new(self.image.clone(), judgement, mode, self.place.clone());
        report.basis = basis;
        if let Facts::Known { facts, .. } = &self.facts {
            report.subject = Some(facts.descriptor.digest());
            report.owner = Some(facts.descriptor.owner().clone());
        }
        if let Evidence::Found { dossier, instead } = &self.evidence {
            report.evidence_sha256 = Some(dossier.evidence);
            notes.extend(instead.clone());
        }
        notes.extend(self.keys.lists().remarks().iter().map(Note::remark));
        report.notes = notes;
        report
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

impl Facts {
    /// Takes what EC2 says of the image that it was asked for.
    pub(super) fn of_ec2(image: &ImageRef, described: DescribedImage) -> Self {
        match ImageFacts::from_described(image, described) {
            Ok(facts) => Self::Known { facts: Box::new(facts), from: FactsFrom::Ec2 },
            Err(fault) => Self::Unknown(Fault::ImageUnavailable { problem: chain(&fault) }),
        }
    }

    /// Lets its signed provenance say what an image is that EC2 did not describe, where the policy asks for one.
    /// `witness` is what the caller holds it against; it hears of the image from EC2 by another way.
    pub(super) fn in_provenance(policy: &Policy, why: &str, witness: &str) -> (Self, Option<Note>) {
        if policy.requirement(Kind::Provenance).is_none() {
            let missing = "the policy asks for no provenance, whose descriptor would stand in for it";
            return (Self::Unknown(Fault::ImageUnavailable { problem: format!("{why}; and {missing}") }), None);
        }
        let message = format!(
            "{why}: what the image is was taken from its signed provenance and held against {witness}; tags of the image \
             were not seen"
        );
        (Self::InEvidence, Some(Note::new("facts-from-provenance", message)))
    }
}

/// Finds the descriptor of an image in what authorities signed.
fn sealed(survey: &Survey<'_>, image: &ImageRef) -> Result<Descriptor, Vec<Reason>> {
    let found = survey.descriptors().map_err(|(line, defect)| vec![Reason::defect(line, &defect)])?;
    let (own, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| one.image() == *image);
    match <[Descriptor; 1]>::try_from(own) {
        Ok([one]) => Ok(one),
        Err(own) if own.len() > 1 => {
            Err(vec![Reason::AttestationAmbiguous { kind: Kind::Provenance, found: own.len() }])
        }
        Err(_) if !others.is_empty() => {
            Err(others.iter().flat_map(|other| differences(image, &other.image())).collect())
        }
        Err(_) => {
            let cause =
                |one: &Discounted| Reason::EvidenceDiscounted { line: one.line, discount: one.discount.clone() };
            let missing = Reason::AttestationMissing { kind: Kind::Provenance };
            Err(std::iter::once(missing).chain(survey.discounted().map(cause)).collect())
        }
    }
}

fn differences(document: &ImageRef, descriptor: &ImageRef) -> Vec<Reason> {
    let parts = [
        ("region", document.region.as_str(), descriptor.region.as_str()),
        ("image", document.id.as_str(), descriptor.id.as_str()),
    ];
    let different = parts.into_iter().filter(|(_, one, other)| one != other);
    different
        .map(|(what, document, descriptor)| {
            let (document, descriptor) = (document.to_owned(), descriptor.to_owned());
            Reason::IdentityMismatch { what, document, descriptor }
        })
        .collect()
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

/// Notes about what the verdict stands on.
fn about(policy: &Policy, judgement: &Judgement) -> Vec<Note> {
    let mut notes = Vec::new();
    if judgement.dangerous_local_key {
        notes.push(Note::new(
            "dangerous-local-key",
            "a statement was signed with a key file on disk: whoever copied it can sign",
        ));
    }
    let content = judgement.provenance.as_ref().and_then(Provenance::content_digests);
    if content == Some(ContentDigests::LeftOut) {
        notes.push(Note::new(
            "no-content-digest",
            "sealed without content digests: what is on the devices is not bound",
        ));
    }
    let counted = |name: &AuthorityName| judgement.checked.iter().any(|one| one.required && one.by == *name);
    for signatory in policy.signatories() {
        if matches!(signatory.key, KeySource::Pem(_)) && counted(&signatory.name) {
            let message =
                format!("{} is a public key in the policy: nobody asked whether its owner withdrew it", signatory.name);
            notes.push(Note::new("key-state-not-asked", message));
        }
    }
    notes
}

/// One line of an error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
