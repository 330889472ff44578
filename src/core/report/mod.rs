//! What was seen, judged and done, as data: the JSON of `--output json`, and all that `render` reads.
//!
//! Every report names its schema. A field is never renamed or retyped under the same name of schema.

mod approve;
mod audit;
mod basis;
mod boot;
mod boot_check;
mod boot_record;
mod breakers;
mod doctor;
mod enroll;
mod gate;
mod launch;
mod overridden;
mod overrides;
mod publish;
mod receipts;
mod release;
mod reseal;
mod revoke;
mod sbom_query;
mod seal;
mod sign;
mod trace;
mod what_if;

pub use approve::{APPROVE_SCHEMA, ApproveReport, ApprovedImage, Risk, Risks};
pub use audit::{
    AUDIT_AGE_SCHEMA, AUDIT_SCHEMA, AuditAgeReport, AuditFileFault, AuditReport, AuditedImage, AuditedInstance,
    BootSeen, Change, Changes, Class, Condition, DOOR_FINDING, Door, DoorChange, Ending, ExceptionEnd, FINDINGS,
    FailOn, Group, Guards, INSTANCE_FINDING, ImageSeen, InstanceChange, Launcher, OpenDoor, PLACE_FINDING, PlaceChange,
    PlaceReport, Sight, Since,
};
pub use basis::Basis;
pub use boot::{BOOT_SCHEMA, BootIdentity, BootReport, FactsFrom, instance_arn};
pub use boot_check::{BOOT_CHECK_SCHEMA, BOOT_INSTALL_SCHEMA, BootCheckReport, BootInstallReport};
pub use boot_record::{BootDecided, BootRecord, BootRecordFault};
pub use breakers::{BREAKERS_SCHEMA, BreakersReport};
pub use doctor::{DOCTOR_SCHEMA, DoctorReport, Finding, Severity};
pub use enroll::{ENROLL_SCHEMA, EnrollOutcome, EnrollReport};
pub use gate::{ExceptionReport, GATE_SCHEMA, GateFiles, GateReport, LimitReport};
pub use launch::{FoundBy, Judged, LAUNCH_SCHEMA, LaunchEnd, LaunchReport};
pub use overridden::{OverriddenInstance, OverrideReport};
pub use overrides::{OVERRIDE_SCHEMA, OverriddenCode, OverrideSeen, OverrideState, OverrideStep, OverridesReport};
pub use receipts::{
    RECEIPTS_SCHEMA, ReceiptReport, ReceiptStanding, ReceiptsReport, WROTE_RECEIPTS_SCHEMA, WroteReceiptsReport,
};
pub use release::{RELEASE_SCHEMA, ReleaseReport};
pub use reseal::{RESEAL_SCHEMA, ResealOutcome, ResealReport, ResealedImage};
pub use revoke::{EntryReport, Fall, Falls, REVOKE_SCHEMA, RevokeAction, RevokeReport, RevokedReport, UnknownFall};
pub use sbom_query::{
    Answer, FoundPackage, QueriedImage, QueriedInstance, QueriedPackage, SBOM_QUERY_SCHEMA, SbomQueryReport,
    UndeterminedPackage,
};
pub use seal::{SEAL_SCHEMA, SealReport, SealedImage};
pub use sign::{KeyReport, SIGN_SCHEMA, SignReport, StatementReport, TagReport};
pub use trace::{
    ApprovalTrace, AuditRead, BaseStanding, BaseTrace, BuildTrace, ExceptionTrace, GateTrace, RunningTrace, SbomTrace,
    SeenBy, SignatureTrace, TRACE_SCHEMA, ThenTrace, TraceReport, TracedInstance,
};
pub use what_if::{
    ChangedDecision, ChangedImage, ChangedInstance, Comparison, DecisionsReport, Effect, RecordedLaunch, Stance,
    Standing, Unchanged, UnjudgedDecision, WHAT_IF_SCHEMA, WhatIfReport,
};

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Deserializer, Serialize};

pub use self::publish::{
    PUBLISH_SCHEMA, PublishFailure, PublishOutcome, PublishReport, PublishedImage, StepOutcome, StepReport,
};
use crate::{
    attestation::Kind,
    digest::Sha256Digest,
    gate::Shortfall,
    ids::{AccountId, ImageRef},
    image::{Descriptor, DeviceContent, Identity},
    policy::{Checked, Judgement, Mode, Policy, Problem, Remark},
    trust::{AuthorityName, Discounted},
    verdict::{Fault, Reason, remedy},
};

/// The schema of [`VerifyReport`].
pub const VERIFY_SCHEMA: &str = "goldseal/verify/v1";
/// The schema of [`DescribeReport`].
pub const DESCRIBE_SCHEMA: &str = "goldseal/describe/v1";
/// The schema of [`PolicyReport`].
pub const POLICY_SCHEMA: &str = "goldseal/policy-check/v1";

/// What `verify` says.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// `goldseal/verify/v1`.
    pub schema: &'static str,
    /// The instant of every verdict in here.
    pub at: Timestamp,
    /// SHA-256 of the policy document, and of the files that it names (docs/policy.md).
    pub policy: Sha256Digest,
    /// One entry an image, in the order they were asked for.
    pub images: Vec<ImageReport>,
}

/// What was decided about one image.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageReport {
    /// The image.
    pub image: ImageRef,
    /// Its subject digest, when it could be described.
    pub subject: Option<Sha256Digest>,
    /// The account that owns it, when it could be described.
    pub owner: Option<AccountId>,
    /// The verdict.
    pub verdict: Outcome,
    /// What an enforcement point would do with a verdict that is not `admit`.
    pub mode: Mode,
    /// Until when an admission holds, everything else unchanged.
    pub until: Option<Timestamp>,
    /// Where the evidence was looked for.
    pub evidence: String,
    /// SHA-256 of the evidence, when there is some.
    pub evidence_sha256: Option<Sha256Digest>,
    /// Why it is rejected.
    pub reasons: Vec<Cause>,
    /// What could not be asked.
    pub faults: Vec<Cause>,
    /// The override that an admission stands on, where it does.
    pub overridden: Option<OverrideReport>,
    /// What the verdict stands on.
    #[serde(default)]
    pub basis: Basis,
    /// Statements that an authority signed for this image.
    pub checked: Vec<CheckedReport>,
    /// Bundles that count for nothing.
    pub discounted: Vec<DiscountedReport>,
    /// What a reader should know beside the verdict.
    pub notes: Vec<Note>,
}

/// A verdict without its causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "see verdict::Verdict")]
pub enum Outcome {
    Admit,
    Undetermined,
    Reject,
}

impl Outcome {
    /// Returns its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Undetermined => "undetermined",
            Self::Reject => "reject",
        }
    }
}

/// A reason or a fault.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Cause {
    /// The stable code; docs/reasons.md lists all.
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// The line of the evidence that it is about, from 1; 0 stands for the file.
    pub line: Option<usize>,
    /// What to do about it.
    pub remedy: &'static str,
    /// The evidence of it: expected, found, which key.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub detail: serde_json::Value,
}

/// A cause as it was saved. What to do about a code is ours to say, at any time, and nobody else's.
#[derive(Deserialize)]
struct SavedCause {
    code: String,
    message: String,
    line: Option<usize>,
    detail: serde_json::Value,
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let SavedCause { code, message, line, detail } = SavedCause::deserialize(deserializer)?;
        let remedy = remedy(&code);
        Ok(Self { code, message, line, remedy, detail })
    }
}

/// A statement that an authority signed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckedReport {
    /// The line of the evidence.
    pub line: usize,
    /// What it says, if goldseal knows the predicate type.
    pub kind: Option<Kind>,
    /// The predicate type.
    pub predicate_type: String,
    /// SHA-256 of the payload.
    pub statement: Sha256Digest,
    /// The authority.
    pub by: AuthorityName,
    /// When a witness saw it, if the policy asks for one.
    pub seen: Option<Timestamp>,
    /// Whether the policy required it.
    pub required: bool,
}

/// A bundle that counts for nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DiscountedReport {
    /// The line of the evidence.
    pub line: usize,
    /// What it would have said.
    pub kind: Option<Kind>,
    /// The stable code.
    pub code: Cow<'static, str>,
    /// Why.
    pub message: String,
}

/// Something beside the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// The stable code.
    pub code: Cow<'static, str>,
    /// What, for people.
    pub message: String,
}

impl Note {
    /// Makes a note.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// Tells what a reader should know of revocations and overrides.
    pub fn remark(remark: &Remark) -> Self {
        Self::new(remark.code(), remark.to_string())
    }
}

/// What `describe` says.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DescribeReport {
    /// `goldseal/describe/v1`.
    pub schema: &'static str,
    /// The facts.
    pub descriptor: Identity,
    /// SHA-256 of the descriptor's canonical bytes: the subject digest.
    pub subject: Sha256Digest,
    /// The image's ARN.
    pub arn: String,
    /// The content digest of every EBS device, when it was asked for.
    pub content: Option<Vec<DeviceContent>>,
}

impl DescribeReport {
    /// Reports a descriptor.
    pub fn new(descriptor: &Descriptor, content: Option<Vec<DeviceContent>>) -> Self {
        Self {
            schema: DESCRIBE_SCHEMA,
            descriptor: descriptor.identity().clone(),
            subject: descriptor.digest(),
            arn: descriptor.arn(),
            content,
        }
    }
}

/// What `policy check` says.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyReport {
    /// `goldseal/policy-check/v1`.
    pub schema: &'static str,
    /// The file.
    pub file: String,
    /// SHA-256 of the document, when it compiles.
    pub policy: Option<Sha256Digest>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// What a reader should know beside it.
    pub notes: Vec<Note>,
}

impl VerifyReport {
    /// Returns the worst outcome: reject before undetermined before admit. No images is not an admission.
    pub fn outcome(&self) -> Outcome {
        self.images.iter().map(|image| image.verdict).max().unwrap_or(Outcome::Undetermined)
    }
}

impl ImageReport {
    /// Starts a report without causes.
    pub fn new(image: ImageRef, judgement: Judgement, mode: Mode, evidence: String) -> Self {
        let Judgement { verdict, until, checked, discounted, .. } = judgement;
        let (outcome, reasons, faults) = launch::causes(&verdict);
        Self {
            image,
            subject: None,
            owner: None,
            verdict: outcome,
            mode,
            until,
            evidence,
            evidence_sha256: None,
            reasons,
            faults,
            overridden: verdict.overridden().map(OverrideReport::from),
            basis: Basis::default(),
            checked: checked.into_iter().map(CheckedReport::from).collect(),
            discounted: discounted.into_iter().map(DiscountedReport::from).collect(),
            notes: Vec::new(),
        }
    }
}

/// Returns the notes that go with every verdict under a policy.
pub fn policy_notes(policy: &Policy) -> Vec<Note> {
    let mut notes = Vec::new();
    if policy.dangerous_without_gate() {
        notes.push(Note::new(
            "dangerous-without-gate",
            "the policy asks for no gate result: nobody judged the findings",
        ));
    }
    notes
}

impl Cause {
    fn new(code: &str, message: String, line: Option<usize>, detail: impl Serialize) -> Self {
        let detail = serde_json::to_value(detail).unwrap_or_default();
        Self { code: code.to_owned(), message, line, remedy: remedy(code), detail }
    }

    /// Reports what falls short.
    pub fn shortfall(shortfall: &Shortfall) -> Self {
        Self::new(shortfall.code(), shortfall.to_string(), None, shortfall)
    }

    /// Reports a reason.
    pub fn reason(reason: &Reason) -> Self {
        Self::new(reason.code(), reason.to_string(), reason.line(), reason)
    }

    /// Reports a fault.
    pub fn fault(fault: &Fault) -> Self {
        Self::new(fault.code(), fault.to_string(), None, fault)
    }
}

impl From<Checked> for CheckedReport {
    fn from(checked: Checked) -> Self {
        let Checked { line, kind, predicate_type, statement, by, seen, required } = checked;
        Self { line, kind, predicate_type, statement, by, seen, required }
    }
}

impl From<Discounted> for DiscountedReport {
    fn from(discounted: Discounted) -> Self {
        let Discounted { line, kind, discount } = discounted;
        Self { line, kind, code: discount.code().into(), message: discount.to_string() }
    }
}

/// Returns the JSON schema of a report.
pub fn schema_of<T: JsonSchema>() -> serde_json::Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}
