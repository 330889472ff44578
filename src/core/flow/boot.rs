//! A boot: who this instance is → the evidence of its image → a verdict → whether the boot goes on, and the report of it.
//!
//! Gathering is for whoever has the clock: it may take several looks until the deadline, each judged by itself. Who the
//! instance is comes from what EC2 signed and nothing else; what its image is, from EC2 where the instance may ask, else
//! from the descriptor in the signed provenance, held against the identity document (ADR 0021).

mod memory;

use std::sync::Arc;

use jiff::Timestamp;

pub use self::memory::Memory;
use super::{
    case::{Case, Facts},
    outage,
};
use crate::{
    enforcement::{BootStep, Patience, Standing, plan_boot},
    identity::{Certificates, InstanceIdentity, freshness, identify},
    policy::{Context, Judgement, Keys, Mode, Policy, undescribed},
    ports::{EvidenceStore, ImageCatalog, PortError, StateStore},
    report::{BOOT_SCHEMA, BootIdentity, BootReport, Judged, Note, policy_notes},
    verdict::{Fault, Faults, Reason, Verdict},
};

/// What one look at the image of an instance brought.
#[derive(Debug)]
pub struct Sight {
    case: Case,
    bytes: Option<Vec<u8>>,
    note: Option<Note>,
}

/// What was decided after a look.
#[derive(Debug)]
pub struct Decision {
    /// What is to be done.
    pub step: BootStep,
    /// What was seen and judged.
    pub report: BootReport,
}

/// Says who this instance is, by what IMDS answered.
///
/// # Errors
/// The verdict that follows when that is not proven, or not known.
pub fn recognise(
    answer: Result<Vec<u8>, PortError>,
    pinned: &Certificates,
    now: Timestamp,
) -> Result<InstanceIdentity, Verdict> {
    let unavailable =
        |error: PortError| Verdict::Undetermined(Faults::one(Fault::IdentityUnavailable { problem: error.chain() }));
    let text = answer.map_err(unavailable)?;
    let identity = identify(&text, pinned, now).map_err(|why| Verdict::unidentified(&why))?;
    freshness(&identity, now).map_err(|behind| Verdict::Undetermined(Faults::one(behind.into())))?;
    Ok(identity)
}

/// Looks at the image of an instance: what EC2 says of it, where it may be asked, and its evidence.
pub async fn look(
    identity: &InstanceIdentity,
    ec2: Option<&impl ImageCatalog>,
    store: &impl EvidenceStore,
    policy: &Policy,
    keys: &Arc<Keys>,
) -> Sight {
    let image = identity.image();
    let asked = async {
        match ec2 {
            Some(ec2) => Some(ec2.describe(image).await),
            None => None,
        }
    };
    let (described, evidence) = futures_util::join!(asked, store.read(image));
    let why = match described {
        Some(Ok(Some(described))) => {
            let facts = Facts::of_ec2(image, described);
            return sight(identity, facts, evidence, store, policy, keys, None).await;
        }
        Some(Ok(None)) => "EC2 does not show the image: it was deregistered, or is not shared any more".to_owned(),
        Some(Err(error)) => format!("EC2 could not be asked ({})", error.chain()),
        None => "EC2 was not asked".to_owned(),
    };
    let (facts, note) = Facts::in_provenance(policy, &why, "the identity document");
    sight(identity, facts, evidence, store, policy, keys, note).await
}

async fn sight(
    identity: &InstanceIdentity,
    facts: Facts,
    evidence: Result<Option<crate::ports::Stored>, PortError>,
    store: &impl EvidenceStore,
    policy: &Policy,
    keys: &Arc<Keys>,
    note: Option<Note>,
) -> Sight {
    let image = identity.image();
    let place = store.locate(image);
    // An SBOM is megabytes: they are there for later boots, or not there.
    let (mut case, bytes) = match policy.launch().last_known_good {
        Some(_) => {
            let opened = Case::gathered(image, facts, evidence, place, keys, None);
            (opened.case, opened.bytes)
        }
        None => (Case::consuming(image, facts, evidence, place, keys), None),
    };
    case.seek_receipts(store).await;
    Sight { case, bytes, note }
}

impl Sight {
    /// Lets evidence that was kept on the instance stand in for a store that cannot be reached, where the policy says so
    /// and this instance was admitted before.
    pub async fn stand_in(&mut self, state: &impl StateStore, policy: &Policy, memory: &Memory, now: Timestamp) {
        let (Some(_), Some(age)) = (self.case.outage(), policy.launch().last_known_good) else { return };
        let Some(image) = memory.image() else {
            self.case.nothing_stands_in("this instance was not admitted before, so nothing that it keeps stands in");
            return;
        };
        match outage::recall(state, image, age, now).await {
            Ok((bytes, note)) => self.case.stand_in(&bytes, note),
            Err(why) => self.case.nothing_stands_in(&why),
        }
    }

    /// Returns the evidence as it was read from the store, where it was, and the policy lets it stand in later.
    pub fn evidence(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }
}

/// Judges what is known at an instant, and plans what follows. Of an instance that was not identified, the verdict that
/// follows from that is all that there is.
pub fn decide(
    known: Result<(&InstanceIdentity, &Sight), Verdict>,
    memory: &Memory,
    policy: &Policy,
    patience: Patience,
    now: Timestamp,
) -> Decision {
    let instance = known.as_ref().ok().map(|(identity, _)| BootIdentity::from(*identity));
    let facts_from = known.as_ref().ok().and_then(|(_, sight)| sight.case.described()).map(|(_, from)| from);
    let (verdict, standing, judged) = match known {
        Ok((identity, sight)) => {
            let context = Context {
                account: Some(identity.account().clone()),
                region: Some(identity.image().region.clone()),
                group: None,
            };
            match freshness(identity, now) {
                Ok(()) => judge(identity, sight, memory, policy, &context, now),
                Err(behind) => unseen(policy, &context, Verdict::Undetermined(Faults::one(behind.into()))),
            }
        }
        Err(verdict) => unseen(policy, &Context::default(), verdict),
    };
    let step = plan_boot(&verdict, judged.mode, policy.boot().action, standing, patience);
    let action = match step {
        BootStep::End(end) => Some(end),
        BootStep::GoOn | BootStep::AskAgain => None,
    };
    let mut report = BootReport {
        schema: BOOT_SCHEMA,
        at: now,
        policy: policy.digest(),
        instance,
        facts_from,
        admitted_before: memory.image().is_some(),
        action,
        enforced: false,
        judged,
    };
    report.judged.notes.extend(memory.notes().iter().cloned());
    if step == BootStep::GoOn {
        report.judged.notes.extend(why_on(&verdict, report.judged.mode, standing));
    }
    Decision { step, report }
}

fn judge(
    identity: &InstanceIdentity,
    sight: &Sight,
    memory: &Memory,
    policy: &Policy,
    context: &Context,
    now: Timestamp,
) -> (Verdict, Standing, Judged) {
    let mut judgement = sight.case.judge(policy, now);
    judgement.verdict = judgement.verdict.and(other_architecture(identity, &sight.case), Vec::new());
    let lapsed = memory.image().and_then(|_| sight.case.lapsed(policy, &judgement, now));
    let standing = if lapsed.is_some() { Standing::LapsedSince } else { Standing::Other };
    // By a clock that is behind what was signed, nobody knows what holds; whatever else is wrong will still be then.
    if let Some(fault) = judgement.clock.clone() {
        judgement.verdict = Verdict::Undetermined(Faults::one(fault));
        judgement.until = None;
    }
    sight.case.let_pass(&mut judgement, policy, context, now);
    let verdict = judgement.verdict.clone();
    let mut judged = Judged::from(sight.case.report(policy, judgement, context));
    judged.notes.extend(sight.note.clone());
    if let Some(at) = lapsed {
        let message = format!("it held until {at}; this instance was admitted before, and time alone does not stop it");
        judged.notes.push(Note::new("lapsed-since", message));
    }
    (verdict, standing, judged)
}

fn unseen(policy: &Policy, context: &Context, verdict: Verdict) -> (Verdict, Standing, Judged) {
    let internal = Fault::Internal { problem: String::new() };
    let judgement = Judgement { verdict: verdict.clone(), ..undescribed(Err(internal)) };
    let mut judged = Judged::unseen(judgement, policy.mode(context));
    judged.notes = policy_notes(policy);
    (verdict, Standing::Other, judged)
}

/// The image, its region and its id are what was asked for; the architecture is what EC2 signed beside them.
fn other_architecture(identity: &InstanceIdentity, case: &Case) -> Vec<Reason> {
    let found = case.described().map(|(descriptor, _)| descriptor.identity().architecture.clone());
    let other = found.filter(|found| found != identity.architecture());
    let document = identity.architecture().to_owned();
    let what = "architecture";
    other.map(|descriptor| Reason::IdentityMismatch { what, document, descriptor }).into_iter().collect()
}

/// Why a boot goes on that was not admitted.
fn why_on(verdict: &Verdict, mode: Mode, standing: Standing) -> Option<Note> {
    match (verdict, mode, standing) {
        // The first needs no word, the last has had its own.
        (Verdict::Admit(_), ..) | (Verdict::Reject(_), _, Standing::LapsedSince) => None,
        (_, Mode::Warn, _) => Some(Note::new("goes-on-by-mode", "the mode is warn: the boot goes on all the same")),
        (_, Mode::Enforce, _) => {
            let message = "the policy's action at boot is report: the boot goes on all the same";
            Some(Note::new("goes-on-by-action", message))
        }
    }
}

#[cfg(test)]
mod tests;
