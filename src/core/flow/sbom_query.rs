//! `sbom query`: images → their SBOMs, as far as verified evidence holds them → which instances have a package.
//!
//! An SBOM counts as it does in a verdict: required by the policy, signed by its authorities, named by the gate result that
//! counts. The verdict itself does not matter: what is rejected runs all the same. An image without such an SBOM is told of
//! as one that was not searched.

use std::{collections::BTreeMap, io::Read, sync::Arc};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{
    case::{Case, Facts, Opened},
    payload,
    verify::{Offline, keys},
};
use crate::{
    attestation::{
        Kind, Statement,
        predicate::{REFERENCE_TYPE, Reference},
    },
    digest::Sha256Digest,
    ids::ImageRef,
    policy::{Checked, Judgement, Keys, Policy},
    ports::{EvidenceStore, ImageCatalog, KeyCatalog, Listings, Progress},
    query::Query,
    report::{
        Answer, AuditReport, AuditedImage, AuditedInstance, FactsFrom, Note, QueriedImage, QueriedInstance,
        SbomQueryReport, policy_notes,
    },
    scan::sbom::{Component, SbomFault, inventory},
    verdict::Verdict,
};

/// So many images are searched together: each holds its evidence and an SBOM meanwhile.
const IMAGES: usize = 4;

/// What is asked for, and how evidence is verified.
#[derive(Debug, Clone, Copy)]
pub struct Querying<'a> {
    /// What is asked for.
    pub query: &'a Query,
    /// The policy.
    pub policy: &'a Policy,
    /// The instant at which evidence is verified.
    pub at: Timestamp,
}

/// Where images and their evidence are asked for.
#[derive(Debug)]
pub struct Asked<'a, C, S> {
    /// EC2; it is asked only under a policy without provenance, which says what an image is.
    pub catalog: &'a C,
    /// The store.
    pub store: &'a S,
}

/// Searches the images of an audit, each once, for all the instances that run it.
pub async fn query_running(
    querying: Querying<'_>,
    audit: &AuditReport,
    asked: &Asked<'_, impl ImageCatalog, impl EvidenceStore>,
    kms: &(impl KeyCatalog + Listings),
    progress: &impl Progress,
) -> SbomQueryReport {
    let keys = Arc::new(keys(querying.policy, kms).await);
    progress.expect(audit.images.len() as u64);
    let mut running: BTreeMap<usize, Vec<&AuditedInstance>> = BTreeMap::new();
    for one in &audit.instances {
        running.entry(one.image).or_default().push(one);
    }
    let searches = audit.images.iter().enumerate().map(|(index, image)| {
        let (keys, running) = (&keys, running.get(&index));
        async move {
            let mut searched = querying.search(&image.report.image, image.report.subject, asked, keys).await;
            searched.name = image.seen.as_ref().and_then(|seen| seen.name.clone());
            searched.instances = running.into_iter().flatten().map(|one| instance(image, one)).collect();
            progress.advance();
            searched
        }
    });
    let images = stream::iter(searches).buffer_unordered(IMAGES).collect().await;
    let missed = audit.places.iter().filter(|place| !place.faults.is_empty()).cloned().collect();
    let report = SbomQueryReport::new(querying.query.to_string(), images, missed, audit.is_whole());
    SbomQueryReport { audited: Some(audit.started), ..querying.told(report) }
}

/// Searches images, whatever runs them.
pub async fn query_images(
    querying: Querying<'_>,
    images: &[ImageRef],
    asked: &Asked<'_, impl ImageCatalog, impl EvidenceStore>,
    kms: &(impl KeyCatalog + Listings),
    progress: &impl Progress,
) -> SbomQueryReport {
    let keys = Arc::new(keys(querying.policy, kms).await);
    progress.expect(images.len() as u64);
    let searches = images.iter().map(|image| {
        let keys = &keys;
        async move {
            let searched = querying.search(image, None, asked, keys).await;
            progress.advance();
            searched
        }
    });
    let images = stream::iter(searches).buffer_unordered(IMAGES).collect().await;
    querying.told(SbomQueryReport::new(querying.query.to_string(), images, Vec::new(), true))
}

/// Searches one image whose facts and evidence are files.
pub async fn query_evidence(
    querying: Querying<'_>,
    image: &Offline<'_>,
    kms: &(impl KeyCatalog + Listings),
) -> SbomQueryReport {
    let keys = Arc::new(keys(querying.policy, kms).await);
    let case = Case::of(image.facts.clone(), image.evidence, image.place, &keys);
    let searched = querying.search_case(image.facts.descriptor.image(), &case, Some(image.evidence));
    querying.told(SbomQueryReport::new(querying.query.to_string(), vec![searched], Vec::new(), true))
}

/// Searches a bare SBOM, which nobody verifies.
///
/// # Errors
/// When it is none.
pub fn query_sbom(query: &Query, sbom: impl Read, file: &str) -> Result<SbomQueryReport, SbomFault> {
    let read = inventory(sbom)?;
    let empty = QueriedImage::unsearched(None, Some(file.to_owned()), Vec::new());
    let searched = search(query, &read.value, read.sha256, empty);
    let mut report = SbomQueryReport::new(query.to_string(), vec![searched], Vec::new(), true);
    report
        .notes
        .push(Note::new("not-verified", "the SBOM was taken as it is: nobody verified who made it, or of what"));
    Ok(report)
}

impl Querying<'_> {
    /// Opens the case of an image, which an audit may have seen under a subject digest, and searches it.
    async fn search(
        self,
        image: &ImageRef,
        subject: Option<Sha256Digest>,
        asked: &Asked<'_, impl ImageCatalog, impl EvidenceStore>,
        keys: &Arc<Keys>,
    ) -> QueriedImage {
        let Opened { case, bytes } = if self.policy.requirement(Kind::Provenance).is_some() {
            // It says what the image is, whoever may describe it now.
            let evidence = asked.store.read(image).await;
            let mut opened = Case::gathered(image, Facts::InEvidence, evidence, asked.store.locate(image), keys, None);
            opened.case.seek_receipts(asked.store).await;
            opened
        } else {
            Case::open(image, asked.catalog, asked.store, keys, None).await
        };
        let found = case.described().map(|(descriptor, _)| descriptor.digest());
        if let (Some(seen), Some(found)) = (subject, found)
            && seen != found
        {
            let message = format!("the audit saw the image as sha256:{seen}, and its evidence is about sha256:{found}");
            let why = vec![Note::new("subject-differs", message)];
            return QueriedImage::unsearched(Some(image.clone()), None, why);
        }
        self.search_case(image.clone(), &case, bytes.as_deref())
    }

    fn search_case(self, image: ImageRef, case: &Case, evidence: Option<&[u8]>) -> QueriedImage {
        let judgement = case.judge(self.policy, self.at);
        let found = sealed_sbom(case, &judgement, evidence.unwrap_or_default());
        let read = found.and_then(|statement| {
            let unreadable = |fault: SbomFault| vec![Note::new("sbom-unreadable", fault.to_string())];
            let read = inventory(statement.predicate_bytes()).map_err(unreadable)?;
            Ok((read.value, statement.digest()))
        });
        match read {
            Ok((components, digest)) => {
                search(self.query, &components, digest, QueriedImage::unsearched(Some(image), None, Vec::new()))
            }
            Err(why) => QueriedImage::unsearched(Some(image), None, why),
        }
    }

    fn told(self, report: SbomQueryReport) -> SbomQueryReport {
        let (at, policy) = (Some(self.at), Some(self.policy.digest()));
        SbomQueryReport { at, policy, notes: policy_notes(self.policy), ..report }
    }
}

/// Finds the SBOM that counts, in the evidence that was verified; or why there is none.
fn sealed_sbom(case: &Case, judgement: &Judgement, evidence: &[u8]) -> Result<Statement, Vec<Note>> {
    if let Some((descriptor, FactsFrom::Provenance)) = case.described() {
        // Only a provenance that counted may have said what the image is.
        let carried = judgement.provenance.as_ref().and_then(|one| one.descriptor().ok().flatten());
        if carried.is_none_or(|carried| carried != *descriptor) {
            return Err(causes(judgement));
        }
    }
    let counts = |one: &&Checked| one.kind == Some(Kind::Sbom) && one.required;
    let Some(checked) = judgement.checked.iter().find(counts) else { return Err(causes(judgement)) };
    let statement = payload::statement(evidence, checked).ok_or_else(|| {
        let message = format!("line {} of the evidence is not what was verified", checked.line);
        vec![Note::new("internal", message)]
    })?;
    if statement.predicate_type() == REFERENCE_TYPE {
        let place = statement.predicate::<Reference>().ok();
        let place = place.as_ref().and_then(Reference::document);
        let place = place.map_or_else(String::new, |(digest, place)| format!(": {place}, sha256:{digest}"));
        let message =
            format!("the evidence names the SBOM and does not hold it{place}; fetch it and give it as --sbom");
        return Err(vec![Note::new("sbom-elsewhere", message)]);
    }
    Ok(statement)
}

/// Says why no SBOM counts.
fn causes(judgement: &Judgement) -> Vec<Note> {
    match &judgement.verdict {
        Verdict::Reject(reasons) => {
            reasons.as_slice().iter().map(|reason| Note::new(reason.code(), reason.to_string())).collect()
        }
        Verdict::Undetermined(faults) => {
            faults.as_slice().iter().map(|fault| Note::new(fault.code(), fault.to_string())).collect()
        }
        Verdict::Admit(_) => {
            vec![Note::new("sbom-not-required", "the policy asks for no SBOM, so that none counts")]
        }
    }
}

/// Searches what an SBOM lists.
fn search(query: &Query, components: &[Component], sbom: Sha256Digest, empty: QueriedImage) -> QueriedImage {
    if components.is_empty() {
        let why = Note::new("sbom-empty", "the SBOM lists nothing: it says nothing about what is on the image");
        return QueriedImage { sbom: Some(sbom), not_searched: vec![why], ..empty };
    }
    let searched = query.search(components);
    let answer = match (searched.found.is_empty(), searched.doubts.is_empty()) {
        (false, _) => Answer::Found,
        (true, false) => Answer::Undetermined,
        (true, true) => Answer::Absent,
    };
    QueriedImage {
        answer,
        sbom: Some(sbom),
        entries: searched.entries,
        found: searched.found.into_iter().map(Into::into).collect(),
        undetermined: searched.doubts.into_iter().map(Into::into).collect(),
        ..empty
    }
}

/// Takes an instance; what the audit says of it beside its image is about what it booted from.
fn instance(image: &AuditedImage, one: &AuditedInstance) -> QueriedInstance {
    let cause = one.reasons.iter().chain(&one.faults).next();
    let unseen = image.report.subject.is_none();
    let unseen = unseen.then(|| "the audit did not see its image, and held no root volume against it".to_owned());
    QueriedInstance {
        account: one.account.clone(),
        region: one.region.clone(),
        instance: one.instance.clone(),
        name: one.name.clone(),
        apart: cause.map(|cause| cause.message.clone()).or(unseen),
    }
}

#[cfg(test)]
mod tests;
