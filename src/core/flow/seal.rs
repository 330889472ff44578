//! The last steps of a pipeline in one: approvals → signatures → publication, for every image of a build.
//!
//! Each step is finished for all images before the next one begins, so that nothing is published while another region
//! of the same build may still fail. What an earlier run did is found and not done again.

use super::{
    publish::{PublishError, Publishing, publish},
    sign::{SignError, Signing, check_approval, sign},
};
use crate::{
    ports::{EvidenceStore, ImageCatalog, ImageTags, KeyCatalog, Listings, Progress, Publication, Signer},
    report::{SEAL_SCHEMA, SealReport, SealedImage, StepOutcome},
};

/// What to seal: signings under one policy with a gate, and their publication.
#[derive(Debug)]
pub struct Sealing<'a> {
    /// One an image.
    pub signings: &'a [Signing<'a>],
    /// How they are published.
    pub publishing: &'a Publishing<'a>,
}

/// Where evidence, tags and publications go, and who is asked.
#[derive(Debug)]
pub struct Ports<'p, C, S, K, T, P> {
    /// Where images are described.
    pub catalog: &'p C,
    /// Where evidence is kept.
    pub store: &'p S,
    /// Where keys are asked for.
    pub keys: &'p K,
    /// Where tags are written.
    pub tags: &'p T,
    /// Where images are published.
    pub publication: &'p P,
}

/// Why a sealing stopped, and what had been done until then.
#[derive(Debug, thiserror::Error)]
#[error("sealing stopped; {}", report.so_far())]
pub struct Stopped {
    /// What was and what was not done.
    pub report: Box<SealReport>,
    /// The cause.
    #[source]
    pub source: Box<SealFault>,
}

/// The step that failed.
#[derive(Debug, thiserror::Error)]
pub enum SealFault {
    /// Approval, or signing.
    #[error("signing")]
    Sign(#[from] SignError),
    /// Publication.
    #[error("publishing")]
    Publish(#[from] PublishError),
}

/// Seals the images of one build.
///
/// # Errors
/// [`Stopped`] at the first failure. An image that is not admitted in the end is no error: see [`SealReport::publish`].
pub async fn seal(
    sealing: &Sealing<'_>,
    signer: &(impl Signer + Sync),
    ports: &Ports<
        '_,
        impl ImageCatalog,
        impl EvidenceStore,
        impl KeyCatalog + Listings,
        impl ImageTags,
        impl Publication,
    >,
    progress: &impl Progress,
) -> Result<SealReport, Stopped> {
    let Sealing { signings, publishing } = *sealing;
    progress.expect(u64::try_from(signings.len()).unwrap_or(u64::MAX));
    let images = signings.iter().map(|one| SealedImage::new(one.facts.descriptor.image())).collect();
    let mut report =
        SealReport { schema: SEAL_SCHEMA, at: publishing.now, images, publish: None, failure: None, notes: Vec::new() };
    let stopped =
        |report: SealReport, source: SealFault| Stopped { report: Box::new(report), source: Box::new(source) };

    for (signing, image) in signings.iter().zip(&mut report.images) {
        let approved = check_approval(signing);
        image.approval = if approved.is_ok() { StepOutcome::Done } else { StepOutcome::Failed };
        if let Err(error) = approved {
            return Err(stopped(report, error.into()));
        }
    }

    for (signing, image) in signings.iter().zip(&mut report.images) {
        match sign(signing, signer, ports.store, ports.tags).await {
            Ok(signed) => {
                image.signature = if signed.already { StepOutcome::Already } else { StepOutcome::Done };
                image.signed = Some(signed);
            }
            Err(error) => {
                image.signature = StepOutcome::Failed;
                return Err(stopped(report, error.into()));
            }
        }
        progress.advance();
    }

    match publish(publishing, ports.catalog, ports.store, ports.keys, ports.publication, progress).await {
        Ok(published) => {
            report.publish = Some(published);
            Ok(report)
        }
        Err(error) => {
            if let PublishError::Stopped { report: published, .. } = &error {
                report.publish = Some((**published).clone());
            }
            Err(stopped(report, error.into()))
        }
    }
}

#[cfg(test)]
mod tests;
