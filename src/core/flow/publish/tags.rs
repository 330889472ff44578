//! What was verified of an image → the tags that everybody sees with whom it is shared.

use std::collections::BTreeSet;

use crate::{
    digest::Sha256Digest,
    image::{EVIDENCE_TAG, KEY_TAG, SHARED_TAG_PREFIX, SUBJECT_TAG, evidence_pointer, fits_tag},
    policy::Policy,
    report::{ImageReport, Outcome},
};

/// The pointer tags, from the verdict's report alone: none without an admission.
pub(super) fn shared_tags(policy: &Policy, verified: &ImageReport) -> Option<Vec<(String, String)>> {
    let subject = verified.subject.filter(|_| verified.verdict == Outcome::Admit)?;
    let evidence: Sha256Digest = verified.evidence_sha256?;
    Some(vec![
        (format!("{SHARED_TAG_PREFIX}{EVIDENCE_TAG}"), evidence_pointer(&verified.evidence, evidence)),
        (format!("{SHARED_TAG_PREFIX}{SUBJECT_TAG}"), format!("sha256:{subject}")),
        (format!("{SHARED_TAG_PREFIX}{KEY_TAG}"), signers(policy, verified)),
    ])
}

/// The keys that counted, as `sha256:SPKI NAME`, each by the name that the policy gives it; as many as fit.
pub(super) fn signers(policy: &Policy, verified: &ImageReport) -> String {
    let counted: BTreeSet<_> = verified.checked.iter().filter(|one| one.required).map(|one| &one.by).collect();
    let keys = policy.signatories().iter().filter(|signatory| counted.contains(&signatory.name));
    keys.fold(String::new(), |text, signatory| {
        let separator = if text.is_empty() { "" } else { ", " };
        let longer = format!("{text}{separator}sha256:{} {}", signatory.key.digest(), signatory.name);
        if fits_tag(&longer) { longer } else { text }
    })
}
