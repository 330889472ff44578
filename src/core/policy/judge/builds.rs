//! What provenance and tests say: of what is seen, of an accepted build, and passed.

use jiff::Timestamp;

use super::{Case, root::malformed};
use crate::{
    attestation::{
        Kind,
        predicate::{Provenance, TestResult},
    },
    image::ImageFacts,
    policy::{
        lists::Withdrawn,
        rule::{Policy, ProvenanceRule},
    },
    trust::Believed,
    verdict::{Fault, Reason},
};

impl Case {
    /// What the provenance seals must be what is seen.
    pub(super) fn sealed(
        &mut self,
        policy: &Policy,
        believed: &Believed,
        facts: &ImageFacts,
        withdrawn: &Withdrawn,
        now: Timestamp,
    ) {
        let Some(ground) = self.grounds.iter().find(|ground| ground.kind == Kind::Provenance) else { return };
        let statement = believed.verified.iter().find(|one| one.digest() == ground.statement);
        let Some(statement) = statement else { return };
        let provenance: Provenance = match statement.value().predicate() {
            Ok(provenance) => provenance,
            Err(fault) => {
                self.reasons.push(malformed(Kind::Provenance, fault.to_string()));
                return;
            }
        };
        self.build(policy, &provenance);
        self.reasons.extend(withdrawn.builder(provenance.builder(), statement.seen()));
        self.reasons.extend(withdrawn.content(&provenance.content()));
        let image = facts.descriptor.digest();
        match provenance.descriptor() {
            Ok(Some(sealed)) if sealed.digest() != image => {
                self.reasons.push(Reason::DescriptorMismatch { sealed: sealed.digest(), image });
            }
            Ok(_) => {}
            Err(fault) => self.reasons.push(malformed(Kind::Provenance, fault.to_string())),
        }
        for (tag, sealed) in provenance.tags() {
            let changed = facts.tags.values(tag).filter(|found| found != sealed);
            self.reasons.extend(changed.map(|found| Reason::TagMismatch {
                tag: tag.clone(),
                sealed: sealed.clone(),
                found: found.to_owned(),
            }));
        }
        let unsealed = policy.identity.tags.iter().filter(|tag| !provenance.tags().contains_key(*tag));
        self.reasons.extend(unsealed.map(|tag| Reason::TagNotSealed { tag: tag.clone() }));
        if let Some(signed) = provenance.finished_on().filter(|signed| *signed > now) {
            self.faults.push(Fault::ClockBeforeSignedTime { now, signed });
        }
        self.provenance = Some(provenance);
    }

    /// Tests that a policy asks for must all have run and passed: a result that was only written is none.
    pub(super) fn tested(&mut self, believed: &Believed) {
        let Some(ground) = self.grounds.iter().find(|ground| ground.kind == Kind::Tests) else { return };
        let statement = believed.verified.iter().find(|one| one.digest() == ground.statement);
        match statement.map(|statement| statement.value().predicate::<TestResult>()) {
            Some(Ok(result)) if result.passed() => {}
            Some(Ok(result)) => {
                let (passed, skipped, failed) = result.counts();
                self.reasons.push(Reason::TestsNotPassed { passed, skipped, failed });
            }
            Some(Err(fault)) => self.reasons.push(malformed(Kind::Tests, fault.to_string())),
            None => {}
        }
    }

    fn build(&mut self, policy: &Policy, provenance: &Provenance) {
        let ProvenanceRule { builders, repositories, base_owners } = &policy.provenance;
        if builders.as_ref().is_some_and(|list| !list.contains(provenance.builder())) {
            self.reasons.push(Reason::BuilderNotAccepted { builder: provenance.builder().to_owned() });
        }
        let repository = provenance.repository();
        if repositories.as_ref().is_some_and(|list| !repository.as_ref().is_some_and(|found| list.contains(found))) {
            self.reasons.push(Reason::RepositoryNotAccepted { repository });
        }
        let owner = provenance.base_image().and_then(|base| base.owner);
        if base_owners.as_ref().is_some_and(|list| !owner.as_ref().is_some_and(|found| list.contains(found))) {
            self.reasons.push(Reason::BaseOwnerNotAccepted { owner });
        }
    }
}
