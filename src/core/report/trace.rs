//! What `trace` tells of an image, months later: its story as authorities signed it, and what of that still holds.
//!
//! What stands in [`BuildTrace`], [`SbomTrace`], [`GateTrace`] and [`ApprovalTrace`] was read from statements that were
//! verified; what no authority signed is in [`ImageReport::discounted`] and nowhere else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Cause, Class, FactsFrom, ImageReport, ImageSeen, Launcher, Outcome, OverriddenInstance, PlaceReport, launch,
};
use crate::{
    attestation::{
        Kind,
        predicate::{Ancestor, BaseImage, ContentDigests, image_of_arn},
    },
    digest::Sha256Digest,
    gate::{Excepted, Found, Inputs, Packages, Scanner},
    ids::{AccountId, ImageRef, InstanceId, Region},
    scan::Severity,
    trust::AuthorityName,
    verdict::Verdict,
};

/// The schema of [`TraceReport`].
pub const TRACE_SCHEMA: &str = "goldseal/trace/v1";

/// The story of an image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceReport {
    /// `goldseal/trace/v1`.
    pub schema: &'static str,
    /// The instant of the verdict; another than now when that was asked for.
    pub at: Timestamp,
    /// SHA-256 of the policy document, and of the files that it names.
    pub policy: Sha256Digest,
    /// The instance that was asked for; none when an image was. `running` tells of it.
    pub instance: Option<InstanceId>,
    /// What `verify` says of the image.
    pub image: ImageReport,
    /// What says what the image is; none when nobody did.
    pub facts_from: Option<FactsFrom>,
    /// How it was built, by the provenance that counts.
    pub build: Option<BuildTrace>,
    /// The images that it was made of, the nearest first, as far as there is evidence of them.
    pub bases: Vec<BaseTrace>,
    /// What is on it, by the SBOM that counts.
    pub sbom: Option<SbomTrace>,
    /// What was found and excepted, by the gate result that counts.
    pub gate: Option<GateTrace>,
    /// The approvals of it.
    pub approvals: Vec<ApprovalTrace>,
    /// Who signed what.
    pub signatures: Vec<SignatureTrace>,
    /// What this policy says of the instant at which it was sealed; none when nothing that counts tells it.
    pub then: Option<ThenTrace>,
    /// Where it runs.
    pub running: RunningTrace,
}

/// How an image was built.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildTrace {
    /// Who built it.
    pub builder: String,
    /// Which run of the builder.
    pub invocation: Option<String>,
    /// The repository that described the build.
    pub repository: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// It was built from a working tree with changes that are in no commit.
    pub dirty: bool,
    /// The version of Packer.
    pub packer: Option<String>,
    /// Packer's run id.
    pub packer_run: Option<String>,
    /// All tools and their versions.
    pub tools: BTreeMap<String, String>,
    /// When the build began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Whether what is on the devices is bound.
    pub content_digests: Option<ContentDigests>,
    /// The images that it comes from in EC2's words, the nearest first. They prove nothing about content.
    pub ancestry: Vec<Ancestor>,
}

/// An image that another one started from.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BaseTrace {
    /// What the signed provenance of the image before it calls it: an ARN.
    pub arn: String,
    /// Its owner, as that provenance says.
    pub owner: Option<AccountId>,
    /// When it was created, as that provenance says.
    pub created: Option<Timestamp>,
    /// SHA-256 of its descriptor, as that provenance says: none when it was not described then, and not bound.
    pub descriptor: Option<Sha256Digest>,
    /// What is known of it by itself.
    pub standing: BaseStanding,
    /// Where its evidence was looked for.
    pub evidence: Option<String>,
    /// The verdict on it, by the same policy at the same instant.
    pub verdict: Option<Outcome>,
    /// Why it is rejected, or undetermined.
    pub causes: Vec<Cause>,
    /// Who built it, by its own provenance.
    pub builder: Option<String>,
    /// From which repository.
    pub repository: Option<String>,
    /// From which commit.
    pub commit: Option<String>,
    /// When it was sealed.
    pub sealed: Option<Timestamp>,
}

/// What is known of a base image beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaseStanding {
    /// There is evidence of it, with a provenance that counts, and it is the image that was named.
    Verified,
    /// There is evidence of it, and it is another image than the one that was built from.
    Mismatch,
    /// There is evidence of it, and none of its provenance counts.
    Unverified,
    /// There is no evidence of it.
    Absent,
    /// It could not be asked for.
    Unknown,
    /// It is in the chain already.
    Repeated,
    /// The chain is too long to go on.
    TooFar,
    /// It was not asked for: there was no network.
    NotAsked,
    /// Its name is not the ARN of an image.
    Unreadable,
}

/// What is on an image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SbomTrace {
    /// SHA-256 of the payload of its statement.
    pub statement: Sha256Digest,
    /// SHA-256 of the document: as the gate read it, else as it stands in the statement or is referred to.
    pub sha256: Option<Sha256Digest>,
    /// Where the document is, when the statement only refers to it.
    pub location: Option<String>,
    /// `SPDX` or `CycloneDX`, when the document is in the statement.
    pub format: Option<&'static str>,
    /// When it was made, as it says.
    pub created: Option<Timestamp>,
    /// How many packages it lists, when the document is in the statement.
    pub packages: Option<usize>,
    /// Why the document was not read, though it is in the statement.
    pub problem: Option<String>,
}

/// What the gate let pass.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateTrace {
    /// When: the instant of the sealing.
    pub at: Timestamp,
    /// SHA-256 of the policy that the producer held against it.
    pub policy: Sha256Digest,
    /// The files that were evaluated.
    pub inputs: Inputs,
    /// Findings of this severity and above had to be excepted.
    pub fail_on: Severity,
    /// Who looked for vulnerabilities, when, with what.
    pub scanner: Scanner,
    /// What was looked at.
    pub packages: Packages,
    /// Findings below the threshold.
    pub findings: Vec<Found>,
    /// The exceptions that it stands on, the first to end first.
    pub exceptions: Vec<ExceptionTrace>,
}

/// An exception of a gate result.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionTrace {
    /// The exception.
    #[serde(flatten)]
    pub exception: Excepted,
    /// It has not ended.
    pub in_force: bool,
}

/// An approval.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalTrace {
    /// SHA-256 of the payload of its statement.
    pub statement: Sha256Digest,
    /// The authority that signed it.
    pub by: AuthorityName,
    /// Who approved, in their own words.
    pub approver: String,
    /// When.
    pub at: Timestamp,
    /// Whether it is of what the gate accepted, named by its result, and by somebody who may approve.
    pub counts: bool,
}

/// A statement that an authority signed, and with which key.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignatureTrace {
    /// What it says, if goldseal knows the predicate type.
    pub kind: Option<Kind>,
    /// The predicate type.
    pub predicate_type: String,
    /// SHA-256 of the payload.
    pub statement: Sha256Digest,
    /// The authority.
    pub by: AuthorityName,
    /// SHA-256 of the SubjectPublicKeyInfo of its key.
    pub key: Option<Sha256Digest>,
    /// Where the policy has the key from, if that is KMS.
    pub kms: Option<String>,
    /// When a witness saw it, if the policy asks for one.
    pub seen: Option<Timestamp>,
    /// Whether the policy required it.
    pub required: bool,
}

/// What this policy says of an earlier instant.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThenTrace {
    /// The instant: the latest that is signed.
    pub at: Timestamp,
    /// The verdict.
    pub verdict: Outcome,
    /// Why it was rejected.
    pub reasons: Vec<Cause>,
    /// What could not be asked.
    pub faults: Vec<Cause>,
}

/// Where an image runs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunningTrace {
    /// The accounts and regions that were asked, those that could not be too.
    pub places: Vec<PlaceReport>,
    /// Why it is not known which accounts there are to ask.
    pub faults: Vec<Cause>,
    /// The saved audit that was read beside.
    pub audit: Option<AuditRead>,
    /// What EC2 says of the image to whoever runs it, be it deregistered or not shared any more.
    pub seen: Option<ImageSeen>,
    /// The instances of it, the worst first.
    pub instances: Vec<TracedInstance>,
}

/// A saved audit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditRead {
    /// When it was made.
    pub started: Timestamp,
    /// So many accounts and regions were to be seen.
    pub places: u64,
    /// In so many of them something could not be asked.
    pub missed: u64,
}

/// An instance of the image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TracedInstance {
    /// The account that runs it.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The instance.
    pub instance: InstanceId,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// `pending`, `running`, `stopping`, `stopped`, …
    pub state: String,
    /// When it was launched, or last started.
    pub launched: Option<Timestamp>,
    /// Who launched it.
    pub launcher: Launcher,
    /// Its class: the image's, or a worse one of its own.
    pub class: Class,
    /// Its verdict.
    pub verdict: Outcome,
    /// Why it is rejected beside its image.
    pub reasons: Vec<Cause>,
    /// What could not be asked beside its image.
    pub faults: Vec<Cause>,
    /// The override that lets it run, or that held when it was launched.
    pub overridden: Option<Box<OverriddenInstance>>,
    /// Who told of it.
    pub from: SeenBy,
}

/// Who told of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SeenBy {
    /// EC2, now.
    Ec2,
    /// The saved audit, then.
    Audit,
}

impl TraceReport {
    /// Returns the instance that was asked for, where somebody told of it.
    pub fn asked(&self) -> Option<&TracedInstance> {
        let id = self.instance.as_ref()?;
        self.running.instances.iter().find(|one| one.instance == *id)
    }

    /// Returns the verdict: the image's, or a worse one of the instance that was asked for. An instance of which nobody
    /// told is not admitted.
    pub fn outcome(&self) -> Outcome {
        let own = self.instance.as_ref().map(|_| self.asked().map_or(Outcome::Undetermined, |one| one.verdict));
        self.image.verdict.max(own.unwrap_or(Outcome::Admit))
    }
}

impl ThenTrace {
    /// Reports the verdict of an instant.
    pub fn new(at: Timestamp, verdict: &Verdict) -> Self {
        let (verdict, reasons, faults) = launch::causes(verdict);
        Self { at, verdict, reasons, faults }
    }
}

impl BaseTrace {
    /// Takes what the provenance of the image before it says; nothing else is known yet.
    pub fn named(base: BaseImage) -> Self {
        let BaseImage { arn, owner, descriptor, created } = base;
        Self {
            arn,
            owner,
            created,
            descriptor,
            standing: BaseStanding::NotAsked,
            evidence: None,
            verdict: None,
            causes: Vec::new(),
            builder: None,
            repository: None,
            commit: None,
            sealed: None,
        }
    }

    /// Returns which image it is, where its name says so.
    pub fn image(&self) -> Option<ImageRef> {
        image_of_arn(&self.arn).map(|(image, _)| image)
    }
}
