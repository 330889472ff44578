//! What is told of an image that was judged: the report, and notes about what its verdict stands on.

use super::{Case, Evidence, Facts};
use crate::{
    attestation::predicate::{ContentDigests, Provenance},
    policy::{Context, Judgement, KeySource, Policy},
    report::{Basis, ImageReport, Note, policy_notes},
    trust::AuthorityName,
};

impl Case {
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
