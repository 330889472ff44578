//! Decisions → receipts: one for all that are alike, with the launches listed. The same decisions make receipts of the same
//! names, so that whoever comes to write them twice writes them once.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    attestation::{
        predicate::{Covered, Enforcement, Instant, MOST_COVERED, Receipt, SUMMARY_TYPE, Said, Timeless},
        write_about, write_named,
    },
    digest::Sha256Digest,
    enforcement::{BootEnd, Completion},
    ids::Region,
    ports::{evidence_folder, receipt_path, receipts_folder, recorded_by, unsigned_folder},
    report::{AuditReport, BootRecord, BootRecordFault, Judged, LaunchReport},
};

/// One decision of an enforcement point.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The policy that it was made under.
    pub policy: Sha256Digest,
    /// Where.
    pub region: Region,
    /// The verdict, and on what.
    pub judged: Judged,
    /// What was done.
    pub enforcement: Enforcement,
    /// For which launch, boot or instance.
    pub covered: Covered,
}

/// A receipt that nobody made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsignedReceipt {
    region: Region,
    /// All but when it is made.
    receipt: Receipt,
}

impl UnsignedReceipt {
    /// Writes its statement, made at an instant, or when the last of its decisions was, by its own clock.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn payload(&self, issued: Timestamp) -> Result<Vec<u8>, serde_json::Error> {
        let mut receipt = self.receipt.clone();
        receipt.issue(issued);
        let timeless = &self.receipt.said().timeless;
        match (&timeless.image, timeless.subject) {
            (Some(image), Some(subject)) => write_about(image, subject, SUMMARY_TYPE, &receipt),
            // Of what could not be described only the name is known.
            (Some(_), None) | (None, _) => write_named(receipt.resource(), SUMMARY_TYPE, &receipt, false),
        }
    }

    /// Returns where it is kept, signed or not.
    pub fn path(&self, signed: bool) -> String {
        let Self { region, receipt } = self;
        let timeless = &receipt.said().timeless;
        let folder = evidence_folder(&receipts_folder(region, timeless.image.as_ref()), timeless.evidence);
        receipt_path(&if signed { folder } else { unsigned_folder(&folder) }, receipt.last(), receipt.name(), signed)
    }

    /// Says whether a receipt is that of these decisions, whenever it was made.
    pub fn is(&self, receipt: &Receipt) -> bool {
        receipt.name() == self.receipt.name()
    }
}

impl From<LaunchReport> for Decided {
    fn from(report: LaunchReport) -> Self {
        let action = report.action.map_or("none", Completion::as_str).to_owned();
        Self {
            policy: report.policy,
            region: report.region,
            judged: report.judged,
            enforcement: Enforcement { point: "launch-hook".to_owned(), action, enforced: report.enforced },
            covered: Covered {
                instance: report.wait.instance.to_string(),
                at: report.at,
                group: Some(report.wait.group.to_string()),
                token: report.wait.token.map(String::from),
            },
        }
    }
}

/// Returns the decision about a boot, as its guard recorded it.
///
/// # Errors
/// See [`BootRecordFault`].
pub fn of_boot(path: &str, record: &[u8]) -> Result<Decided, BootRecordFault> {
    let (record, decided) = BootRecord::read_whole(record)?;
    if recorded_by(path) != Some(record.arn.as_str()) {
        return Err(BootRecordFault::OfAnother(record.arn));
    }
    let action = record.ended.map_or("none", BootEnd::as_str).to_owned();
    let instance = record.instance.to_string();
    Ok(Decided {
        policy: decided.policy,
        region: record.region,
        judged: decided.judged,
        enforcement: Enforcement { point: "boot".to_owned(), action, enforced: decided.enforced },
        covered: Covered { instance, at: record.at, group: None, token: None },
    })
}

/// Returns the decisions of an audit: what it says of every instance.
pub fn of_audit(report: &AuditReport) -> Vec<Decided> {
    let decided = report.instances.iter().filter_map(|instance| {
        let image = report.images.get(instance.image)?.report.clone();
        let mut judged = Judged::from(image);
        // An instance can be worse than its image: its root volume may be another. Then nothing was decided about the image.
        if !instance.reasons.is_empty() || !instance.faults.is_empty() {
            judged.subject = None;
        }
        judged.verdict = instance.verdict;
        judged.mode = instance.mode;
        judged.reasons.extend(instance.reasons.iter().cloned());
        judged.faults.extend(instance.faults.iter().cloned());
        Some(Decided {
            policy: report.policy,
            region: instance.region.clone(),
            judged,
            enforcement: Enforcement { point: "audit".to_owned(), action: "none".to_owned(), enforced: false },
            covered: Covered { instance: instance.instance.to_string(), at: report.at, group: None, token: None },
        })
    });
    decided.collect()
}

/// Gathers decisions that are alike into receipts.
///
/// # Errors
/// When a decision cannot be written as JSON.
pub fn receipts_of(decided: Vec<Decided>) -> Result<Vec<UnsignedReceipt>, serde_json::Error> {
    let mut alike: BTreeMap<String, (Decided, Vec<Covered>)> = BTreeMap::new();
    for one in decided {
        let key = serde_json::to_string(&(&one.policy, &one.region, said(&one, Vec::new())))?;
        let covered = one.covered.clone();
        alike.entry(key).or_insert_with(|| (one, Vec::new())).1.push(covered);
    }
    let mut receipts = Vec::new();
    for (one, mut covers) in alike.into_values() {
        covers.sort_by(|a, b| (a.at, a).cmp(&(b.at, b)));
        covers.dedup();
        for some in covers.chunks(MOST_COVERED) {
            let receipt = Receipt::new(one.policy, said(&one, some.to_vec()));
            receipts.push(UnsignedReceipt { region: one.region.clone(), receipt });
        }
    }
    Ok(receipts)
}

/// What a receipt says of a decision. Without launches it is what decisions have in common that share one.
fn said(one: &Decided, covers: Vec<Covered>) -> Said {
    let judged = &one.judged;
    let at = covers.first().map_or(Timestamp::UNIX_EPOCH, |first| first.at);
    let mut causes: Vec<String> = judged.reasons.iter().chain(&judged.faults).map(|cause| cause.code.clone()).collect();
    causes.sort();
    causes.dedup();
    Said {
        timeless: Timeless {
            image: judged.image.clone(),
            subject: judged.subject,
            evidence: judged.evidence_sha256,
            signatures: judged.basis.signatures.clone(),
        },
        instant: Instant {
            at,
            issued_at: at,
            verdict: judged.verdict.as_str().to_owned(),
            causes,
            mode: judged.mode.as_str().to_owned(),
            until: judged.until,
            ages: judged.basis.ages.clone(),
            revocations: judged.basis.revocations.clone(),
            overridden: judged.overridden.as_ref().map(|overridden| overridden.statement),
        },
        enforcement: one.enforcement.clone(),
        covers,
    }
}
