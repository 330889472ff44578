//! A rejected image → until when it was good, if time that has passed is all that stands against it.
//!
//! Reasons do not tell: what is missing may follow from a window that is over, or never have been there. So the same
//! evidence is judged once more, just before what has ended did.

use jiff::{SignedDuration, Timestamp};

use super::case::Case;
use crate::{
    gate,
    policy::{Judgement, Policy},
    trust::Discount,
    verdict::{Reason, Verdict},
};

const INSTANT: SignedDuration = SignedDuration::from_nanos(1);

impl Case {
    /// Returns until when a rejected image would have been admitted, if time that has passed is all that rejects it: no
    /// reason of the verdict is of another kind or from elsewhere than the case, and the same evidence was good before.
    pub(super) fn lapsed(&self, policy: &Policy, judgement: &Judgement, now: Timestamp) -> Option<Timestamp> {
        let Verdict::Reject(reasons) = &judgement.verdict else { return None };
        if judgement.clock.is_some() || !reasons.as_slice().iter().all(Reason::may_lapse) {
            return None;
        }
        // What somebody added to the verdict, an earlier instant would not show.
        if self.judge(policy, now).verdict != judgement.verdict {
            return None;
        }
        // One end may hide behind another: a gate is not read once the window of its authority is over.
        let mut end = last_end(judgement, policy, now)?;
        loop {
            let before = end.checked_sub(INSTANT).ok()?;
            let earlier = self.judge(policy, before);
            match earlier.verdict {
                Verdict::Admit(_) => return Some(end),
                Verdict::Reject(_) => end = last_end(&earlier, policy, before)?,
                Verdict::Undetermined(_) => return None,
            }
        }
    }
}

/// Returns the last of the ends in a judgement that have come.
fn last_end(judgement: &Judgement, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    let windows = judgement.discounted.iter().filter_map(|one| match &one.discount {
        Discount::AuthorityExpired { until, .. } => Some(*until),
        // With a gate, what it says decides, and no time passes there.
        Discount::AuthorityRetired { retired, signed: None, .. } => Some(*retired),
        Discount::SignerUnknown
        | Discount::SignatureInvalid { .. }
        | Discount::SubjectMismatch { .. }
        | Discount::AuthorityNotYetValid { .. }
        | Discount::AuthorityRetired { .. }
        | Discount::WitnessRefused { .. }
        | Discount::WitnessInFuture { .. }
        | Discount::KeyRevoked { .. } => None,
    });
    let gate = judgement.gate.as_ref().and_then(|gate| gate::until(gate.measurement(), &policy.gate().limits));
    windows.chain(gate).filter(|end| *end <= now).max()
}

#[cfg(test)]
mod tests;
