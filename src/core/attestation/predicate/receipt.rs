//! A receipt ⇄ [SLSA verification summary v1]: what an enforcement point decided about an image, and for which launches.
//!
//! Its own field keeps apart what a summary alone would mix ([slsa#1207]): what is *timeless* (which signatures were good,
//! by whose keys, over which statements about which subject), and what was so *at an instant* (the verdict, exceptions,
//! ages, the revocation list that was known). The first stays proven; the second holds until it says.
//!
//! A receipt is no gate result, although both are verification summaries: its verifier is another, and its field says so.
//!
//! [SLSA verification summary v1]: https://slsa.dev/spec/v1.0/verification_summary
//! [slsa#1207]: https://github.com/slsa-framework/slsa/issues/1207

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    image_arn,
    verification::{PASSED, Resource, Verifier},
};
use crate::{attestation::Kind, bounded::Object, digest::Sha256Digest, ids::ImageRef};

/// The field of a receipt in a verification summary.
pub const RECEIPT_FIELD: &str = "https://goldseal.dev/receipt/v1";
const VERIFIER: &str = "https://goldseal.dev/verifiers/receipt/v1";
const FAILED: &str = "FAILED";
/// Levels of SLSA's own begin with `SLSA_`; this is none.
const LEVEL: &str = "GOLDSEAL_ADMITTED";
const UNKNOWN: &str = "goldseal:unknown-image";
const VERDICTS: [&str; 3] = ["admit", "reject", "undetermined"];
const MODES: [&str; 2] = ["enforce", "warn"];

/// The most launches or instances that one receipt covers.
pub const MOST_COVERED: usize = 5_000;

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    verifier: Verifier,
    time_verified: Timestamp,
    resource_uri: String,
    policy: Resource,
    input_attestations: Vec<Resource>,
    verification_result: String,
    verified_levels: Vec<String>,
    #[serde(rename = "https://goldseal.dev/receipt/v1")]
    said: Object<Said>,
}

/// What a receipt says beyond a verification summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// What stays proven.
    pub timeless: Timeless,
    /// What was so when it was decided.
    pub instant: Instant,
    /// What was done, and where.
    pub enforcement: Enforcement,
    /// The launches, boots or instances that it was decided for.
    pub covers: Vec<Covered>,
}

/// What stays proven, whatever happens later: signatures, signers, subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timeless {
    /// The image, where it was known.
    pub image: Option<ImageRef>,
    /// SHA-256 of its descriptor, where it could be described.
    pub subject: Option<Sha256Digest>,
    /// SHA-256 of the evidence, where there was some.
    pub evidence: Option<Sha256Digest>,
    /// The signatures that counted.
    pub signatures: Vec<CountedSignature>,
}

/// A signature that counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountedSignature {
    /// SHA-256 of the payload of the statement.
    pub statement: Sha256Digest,
    /// What the statement says.
    pub kind: Option<Kind>,
    /// The authority, as the policy calls it.
    pub by: String,
    /// SHA-256 of its key's SubjectPublicKeyInfo.
    pub key: Sha256Digest,
    /// When a witness saw it, where the policy asks for one.
    pub seen: Option<Timestamp>,
}

/// What was so when it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Instant {
    /// The instant of the first verdict that it covers.
    pub at: Timestamp,
    /// When the receipt was made: not before any verdict that it covers.
    pub issued_at: Timestamp,
    /// `admit`, `reject` or `undetermined`.
    pub verdict: String,
    /// The codes of the reasons and faults (docs/reasons.md).
    pub causes: Vec<String>,
    /// `enforce` or `warn`.
    pub mode: String,
    /// Until when an admission would hold, everything else unchanged.
    pub until: Option<Timestamp>,
    /// How old what the gate saw was.
    pub ages: Option<Ages>,
    /// The revocation list that was known.
    pub revocations: Option<KnownRevocations>,
    /// SHA-256 of the override that the admission stands on, where it does.
    pub overridden: Option<Sha256Digest>,
}

/// How old what the gate saw was, and what it accepted for a while.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ages {
    /// When the gate's result was made.
    pub gated: Timestamp,
    /// When the scan was done.
    pub scanned: Option<Timestamp>,
    /// When the database of the scanner was assembled.
    pub database: Option<Timestamp>,
    /// The ends of the exceptions that were needed, the first one first.
    pub exceptions: Vec<Timestamp>,
}

/// A revocation list that was known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnownRevocations {
    /// Its serial.
    pub serial: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// SHA-256 of its statement.
    pub statement: Sha256Digest,
}

/// What was done, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enforcement {
    /// `launch-hook`, `boot` or `audit`.
    pub point: String,
    /// What was done: `continue`, `abandon`, `poweroff`, …, or `none`.
    pub action: String,
    /// Whether the verdict decided the action.
    pub enforced: bool,
}

/// One launch, boot or instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Covered {
    /// The instance.
    pub instance: String,
    /// The instant of the verdict.
    pub at: Timestamp,
    /// The group that launched it, where one did.
    pub group: Option<String>,
    /// Which of its waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Why a summary is no receipt, although it reads as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum ReceiptFault {
    #[error("its verifier is {0:?}")]
    Verifier(String),
    #[error("its result is {found:?}, and what it says makes it {expected}")]
    Result { found: String, expected: &'static str },
    #[error("it names other inputs than the signatures that it says counted")]
    Inputs,
    #[error("its times contradict each other")]
    Times,
    #[error("it is about {found:?}, and the image that it names is {expected}")]
    Resource { found: String, expected: String },
    #[error("its verdict is {verdict:?}, in mode {mode:?}")]
    Words { verdict: String, mode: String },
    #[error("it covers {found} launches, not 1 to {MOST_COVERED}")]
    Covers { found: usize },
}

impl Receipt {
    /// Writes a receipt of what was decided under a policy.
    pub fn new(policy: Sha256Digest, said: Said) -> Self {
        let passed = said.passed();
        Self {
            verifier: Verifier { id: VERIFIER.to_owned() },
            time_verified: said.instant.at,
            resource_uri: resource(said.timeless.image.as_ref()),
            policy: Resource::policy(policy),
            input_attestations: said.timeless.inputs().into_iter().map(Resource::input).collect(),
            verification_result: result(passed).to_owned(),
            verified_levels: levels(passed).map(str::to_owned).into(),
            said: Object(said),
        }
    }

    /// Says when it is made: never before the last verdict that it covers.
    pub fn issue(&mut self, at: Timestamp) {
        self.said.0.instant.issued_at = at.max(self.last());
    }

    /// Checks what a reader relies on.
    ///
    /// # Errors
    /// See [`ReceiptFault`].
    pub fn check(&self) -> Result<(), ReceiptFault> {
        let Object(said) = &self.said;
        let cut = |text: &str| text.chars().take(80).collect();
        if self.verifier.id != VERIFIER {
            return Err(ReceiptFault::Verifier(cut(&self.verifier.id)));
        }
        let expected = result(said.passed());
        if self.verification_result != expected {
            return Err(ReceiptFault::Result { found: cut(&self.verification_result), expected });
        }
        let named: Vec<Sha256Digest> = self.input_attestations.iter().map(|input| input.digest.sha256).collect();
        if named != said.timeless.inputs() {
            return Err(ReceiptFault::Inputs);
        }
        if self.verified_levels != levels(said.passed()) {
            return Err(ReceiptFault::Result { found: cut(&self.verified_levels.join(" ")), expected });
        }
        let expected = resource(said.timeless.image.as_ref());
        if self.resource_uri != expected {
            return Err(ReceiptFault::Resource { found: cut(&self.resource_uri), expected });
        }
        let Instant { at, issued_at, until, ref verdict, ref mode, .. } = said.instant;
        if !VERDICTS.contains(&verdict.as_str()) || !MODES.contains(&mode.as_str()) {
            return Err(ReceiptFault::Words { verdict: cut(verdict), mode: cut(mode) });
        }
        let found = said.covers.len();
        if !(1..=MOST_COVERED).contains(&found) {
            return Err(ReceiptFault::Covers { found });
        }
        let within = |one: &Covered| (at..=issued_at).contains(&one.at);
        if self.time_verified != at || !said.covers.iter().all(within) || until.is_some_and(|until| until < at) {
            return Err(ReceiptFault::Times);
        }
        Ok(())
    }

    /// Returns what it says beyond a summary.
    pub fn said(&self) -> &Said {
        &self.said.0
    }

    /// Says whether the policy was met. What an override let pass did not meet it.
    pub fn passed(&self) -> bool {
        self.verification_result == PASSED
    }

    /// Returns the digest that it is called by: of what it is about, what was decided, and for which launches. The same
    /// decisions have one name, whoever makes their receipt and when, and no receipt can stand under the name of others.
    pub fn name(&self) -> Sha256Digest {
        let Object(said) = &self.said;
        let Said { timeless, instant, enforcement, covers } = said;
        let named = (self.policy(), &self.resource_uri, timeless.evidence, &instant.verdict, enforcement, covers);
        // Plain data has a JSON form.
        Sha256Digest::of(&serde_json::to_vec(&named).unwrap_or_default())
    }

    /// Returns the instant of the last verdict that it covers.
    pub fn last(&self) -> Timestamp {
        self.said.0.covers.iter().map(|one| one.at).max().unwrap_or(self.time_verified)
    }

    /// Returns the URI of what it is about.
    pub fn resource(&self) -> &str {
        &self.resource_uri
    }

    /// Returns the SHA-256 of the policy.
    pub fn policy(&self) -> Sha256Digest {
        self.policy.digest.sha256
    }
}

impl Said {
    fn passed(&self) -> bool {
        self.instant.verdict == "admit" && self.instant.overridden.is_none()
    }
}

impl Timeless {
    /// Returns the evidence, and each statement once.
    fn inputs(&self) -> Vec<Sha256Digest> {
        let mut inputs: Vec<Sha256Digest> = self.evidence.into_iter().collect();
        for one in &self.signatures {
            if !inputs.contains(&one.statement) {
                inputs.push(one.statement);
            }
        }
        inputs
    }
}

fn levels(passed: bool) -> [&'static str; 1] {
    [if passed { LEVEL } else { FAILED }]
}

/// Returns the URI of what a receipt is about.
fn resource(image: Option<&ImageRef>) -> String {
    image.map_or_else(|| UNKNOWN.to_owned(), |image| image_arn(image, None))
}

fn result(passed: bool) -> &'static str {
    if passed { PASSED } else { FAILED }
}

/// Says whether a verification summary is a receipt, or pretends to be one: then it is nothing else.
pub(super) fn is_receipt(predicate: &str) -> bool {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        id: Option<Cow<'a, str>>,
    }
    let Ok(fields) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(predicate) else { return false };
    let verifier = fields.get("verifier").and_then(|raw| serde_json::from_str::<Named<'_>>(raw.get()).ok());
    fields.contains_key(RECEIPT_FIELD) || verifier.and_then(|named| named.id).as_deref() == Some(VERIFIER)
}

#[cfg(test)]
mod tests;
