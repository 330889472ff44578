//! Receipts about an image → which one is good enough, and since when signatures are known.
//!
//! They are read as they were found, verified once, and judged at one instant or another, like evidence. A receipt that
//! does not count never helps, and the lack of one never does.

mod check;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub(crate) use self::check::stated;
pub use self::check::{CheckedReceipt, Doubt, check_receipt};
use super::{
    keys::{Keys, Setback},
    lists::Withdrawn,
    rule::{Policy, ReceiptRule},
};
use crate::{
    attestation::{
        Statement,
        predicate::{Receipt, Timeless},
    },
    digest::Sha256Digest,
    gate::Period,
    image::Descriptor,
    trust::{AuthorityName, Discount, Discounted, Proven, RevokedKeys, Surveyed, Verified},
    verdict::{Fault, Reason},
};

/// A receipt as it was found.
#[derive(Debug, Clone)]
pub struct FoundReceipt {
    /// Where it is.
    pub place: String,
    /// Its bundle.
    pub bytes: Vec<u8>,
}

/// Which receipts of an image would be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedReceipts {
    /// Old ones, because a key was revoked and what is proven older stays.
    pub older: bool,
    /// New ones, not older than this, because one is required.
    pub newest: Option<Period>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Receipts {
    read: Vec<Surveyed>,
    /// Why some could not be read.
    problem: Option<String>,
}

/// A receipt that counts.
struct Counted<'a> {
    receipt: Receipt,
    verified: &'a Verified<Statement>,
}

impl Receipts {
    /// Verifies what was found. What is no bundle is passed over: whoever may write there cannot make an image
    /// undetermined by it.
    pub fn read(keys: &Keys, found: Result<&[FoundReceipt], String>) -> Self {
        match found {
            Ok(found) => {
                let surveyed = found.iter().filter_map(|one| keys.survey(&one.bytes).into_content().ok());
                Self { read: surveyed.collect(), problem: None }
            }
            Err(problem) => Self { read: Vec::new(), problem: Some(problem) },
        }
    }

    /// Returns the receipts about a subject that authorities of the rule signed, and what they say; `revoked` keys sign none.
    fn counted<R>(
        &self,
        (rule, withdrawn, revoked): (&ReceiptRule, &Withdrawn, &RevokedKeys),
        subject: Sha256Digest,
        now: Timestamp,
        mut take: impl FnMut(Counted<'_>) -> Option<R>,
    ) -> Vec<R> {
        let mut taken = Vec::new();
        for surveyed in &self.read {
            // No receipt proves the age of another: nobody reads receipts of receipts.
            let believed = surveyed.about(subject).believe(revoked, &Proven::new(), now);
            for verified in &believed.verified {
                let ours = verified.value().is_receipt() && rule.authorities.contains(verified.by());
                if !ours || !withdrawn.evidence(verified.digest()).is_empty() {
                    continue;
                }
                let Ok(receipt) = verified.value().predicate::<Receipt>() else { continue };
                let of_subject = receipt.said().timeless.subject == Some(subject);
                if of_subject && receipt.check().is_ok() && receipt.said().instant.issued_at <= now {
                    taken.extend(take(Counted { receipt, verified }));
                }
            }
        }
        taken
    }

    /// Returns since when signatures about a subject are known to have been there.
    pub(super) fn proven(
        &self,
        policy: &Policy,
        withdrawn: &Withdrawn,
        revoked: &RevokedKeys,
        subject: Sha256Digest,
        now: Timestamp,
    ) -> Proven {
        let mut proven = Proven::new();
        let Some(rule) = policy.receipts() else { return proven };
        let said = self.counted((rule, withdrawn, revoked), subject, now, |counted| {
            let said = counted.receipt.said();
            // What was decided then is known since the receipt was made, and not since it says that it was decided.
            Some((said.instant.issued_at, said.timeless.clone()))
        });
        for (at, Timeless { signatures, .. }) in said {
            for one in signatures {
                // By the key, not by what that policy called its owner.
                let named = policy.signatories().iter().filter(|signatory| signatory.key.digest() == one.key);
                for signatory in named {
                    let known = proven.entry((signatory.name.clone(), one.statement)).or_insert(at);
                    *known = at.min(*known);
                }
            }
        }
        proven
    }

    /// Finds the receipt that an image needs, if it needs one: the newest about the evidence that it has. Returns until when
    /// it is good enough.
    ///
    /// # Errors
    /// Why there is none, or why nobody knows.
    pub(super) fn required(
        &self,
        policy: &Policy,
        (keys, withdrawn, revoked): (&Keys, &Withdrawn, &RevokedKeys),
        image: &Descriptor,
        evidence: Option<Sha256Digest>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, (Vec<Reason>, Vec<Fault>)> {
        let Some(rule) = policy.receipts() else { return Ok(None) };
        let Some(required) = &rule.required else { return Ok(None) };
        let subject = image.digest();
        let mut found = self.counted((rule, withdrawn, revoked), subject, now, |counted| {
            let said = counted.receipt.said();
            let about = said.timeless.image.as_ref() == Some(&image.image())
                && said.timeless.evidence.is_some()
                && said.timeless.evidence == evidence
                && required.policies.contains(&counted.receipt.policy());
            let signer = counted.verified.until();
            about.then(|| (counted.receipt.last(), said.instant.clone(), counted.receipt.passed(), signer))
        });
        found.sort_by_key(|(at, _, passed, _)| (*at, *passed));
        let problem = match found.last() {
            // Of two at one instant, the one that failed.
            Some(&(at, ..)) => {
                let newest: Vec<_> = found.iter().filter(|(last, ..)| *last == at).collect();
                match newest.iter().find(|(_, _, passed, _)| !passed) {
                    Some((_, instant, ..)) => {
                        let causes = instant.causes.join(", ");
                        format!("the newest, of {at}, did not pass: {} {causes}", instant.verdict)
                    }
                    None => {
                        let ends = newest.iter().flat_map(|(_, instant, _, signer)| [instant.until, *signer]).flatten();
                        let end = ends.fold(required.max_age.after(at), Timestamp::min);
                        if now < end {
                            return Ok(Some(end));
                        }
                        format!("the newest, of {at}, held until {end}")
                    }
                }
            }
            None => "there is none about its evidence under an accepted policy".to_owned(),
        };
        Err(self.lacking(rule, keys, problem))
    }

    /// Returns why nobody knows whether a signature of a revoked key is older than that, where receipts could say so and
    /// could not be asked for.
    pub(super) fn unasked(&self, discounted: &[Discounted]) -> Option<Fault> {
        let problem = self.problem.clone()?;
        let older = |one: &Discounted| matches!(one.discount, Discount::KeyRevoked { before: Some(_), .. });
        discounted.iter().any(older).then_some(Fault::ReceiptsUnavailable { problem })
    }

    /// What follows from a receipt that is not there: where it could not be asked for, nobody knows.
    fn lacking(&self, rule: &ReceiptRule, keys: &Keys, problem: String) -> (Vec<Reason>, Vec<Fault>) {
        let by: BTreeSet<&AuthorityName> = rule.authorities.iter().collect();
        let mut faults: Vec<Fault> =
            self.problem.iter().map(|problem| Fault::ReceiptsUnavailable { problem: problem.clone() }).collect();
        faults.extend(keys.setbacks().filter_map(|(name, setback)| match setback {
            Setback::Unknown(fault) if by.contains(name) => Some(fault.clone()),
            Setback::Unknown(_) | Setback::Lost(_) => None,
        }));
        let reasons = if faults.is_empty() { vec![Reason::ReceiptMissing { problem }] } else { Vec::new() };
        (reasons, faults)
    }
}

#[cfg(test)]
mod tests;
