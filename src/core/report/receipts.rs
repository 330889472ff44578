//! What receipts say, and what of it is proven.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::Outcome;
use crate::{
    attestation::predicate::{Receipt, Said},
    digest::Sha256Digest,
    trust::AuthorityName,
};

/// The schema of [`ReceiptsReport`].
pub const RECEIPTS_SCHEMA: &str = "goldseal/receipts/v1";

/// What `receipts verify`, `show` and `list` say.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptsReport {
    /// `goldseal/receipts/v1`.
    pub schema: &'static str,
    /// The instant at which they were looked at.
    pub at: Timestamp,
    /// SHA-256 of the policy whose authorities were asked for; none where nobody was.
    pub policy: Option<Sha256Digest>,
    /// The receipts.
    pub receipts: Vec<ReceiptReport>,
    /// Whether there are more of those that were asked for than are listed.
    pub more: bool,
}

/// The schema of [`WroteReceiptsReport`].
pub const WROTE_RECEIPTS_SCHEMA: &str = "goldseal/receipts-write/v1";

/// What `receipts write` did.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WroteReceiptsReport {
    /// `goldseal/receipts-write/v1`.
    pub schema: &'static str,
    /// Where they are.
    pub place: String,
    /// Where the decisions are recorded.
    pub source: String,
    /// Whether they are signed.
    pub signed: bool,
    /// New receipts.
    pub receipts: usize,
    /// Those that were there already.
    pub already: usize,
    /// The decisions that they cover.
    pub decisions: usize,
    /// How many of what was recorded has no receipt: it is no decision, or could not be read.
    pub unreadable: usize,
    /// What is wrong with those, each with its place: the first 100.
    pub problems: Vec<String>,
}

/// One receipt.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptReport {
    /// Where it is.
    pub place: String,
    /// Whether what it says is proven.
    pub standing: ReceiptStanding,
    /// Why not, where it is not.
    pub problem: Option<String>,
    /// Whether there is a signature, whoever made it.
    pub signed: bool,
    /// The authority that signed it, where that is proven.
    pub by: Option<AuthorityName>,
    /// SHA-256 of its statement, where it reads as one.
    pub statement: Option<Sha256Digest>,
    /// Whether the policy was met, by what it says.
    pub passed: Option<bool>,
    /// What it is about, by its URI.
    pub resource: Option<String>,
    /// SHA-256 of the policy that was judged by.
    pub judged_by: Option<Sha256Digest>,
    /// Whether the verdict would still hold at the instant of this report, everything else unchanged; none where it is not
    /// proven, or did not pass.
    pub holds: Option<bool>,
    /// What it says.
    pub said: Option<Said>,
}

/// Whether what a receipt says is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiptStanding {
    /// An authority signed it.
    Proven,
    /// Nobody was asked.
    Said,
    /// Nobody knows.
    Undetermined,
    /// It proves nothing.
    Refused,
    /// Nobody was asked, and it is none: it does not read as one, or contradicts itself.
    NoReceipt,
}

impl ReceiptReport {
    /// Reports a receipt that an authority signed.
    pub fn proven(
        place: String,
        statement: Sha256Digest,
        receipt: &Receipt,
        by: AuthorityName,
        now: Timestamp,
    ) -> Self {
        let holds = receipt.passed().then(|| receipt.said().instant.until.is_none_or(|until| now < until));
        let standing = ReceiptStanding::Proven;
        Self { standing, by: Some(by), holds, ..Self::said(place, statement, receipt) }
    }

    /// Reports what a receipt says.
    pub fn said(place: String, statement: Sha256Digest, receipt: &Receipt) -> Self {
        let problem = receipt.check().err().map(|fault| fault.to_string());
        Self {
            standing: if problem.is_none() { ReceiptStanding::Said } else { ReceiptStanding::NoReceipt },
            problem,
            signed: true,
            statement: Some(statement),
            passed: Some(receipt.passed()),
            resource: Some(receipt.resource().to_owned()),
            judged_by: Some(receipt.policy()),
            said: Some(receipt.said().clone()),
            ..Self::unreadable(place)
        }
    }

    /// Reports what does not read as a receipt.
    pub fn unreadable(place: String) -> Self {
        Self {
            place,
            standing: ReceiptStanding::NoReceipt,
            problem: None,
            signed: false,
            by: None,
            statement: None,
            passed: None,
            resource: None,
            judged_by: None,
            holds: None,
            said: None,
        }
    }

    /// Says why it is not believed.
    pub fn doubt(&mut self, unknown: bool, problem: String) {
        self.standing = if unknown { ReceiptStanding::Undetermined } else { ReceiptStanding::Refused };
        self.problem = Some(problem);
    }
}

impl ReceiptsReport {
    /// Returns the worst of them: one that is refused before one of which nobody knows. No receipts prove nothing.
    pub fn outcome(&self) -> Outcome {
        let of = |one: &ReceiptReport| match one.standing {
            ReceiptStanding::Proven | ReceiptStanding::Said => Outcome::Admit,
            ReceiptStanding::Undetermined => Outcome::Undetermined,
            ReceiptStanding::Refused | ReceiptStanding::NoReceipt => Outcome::Reject,
        };
        self.receipts.iter().map(of).max().unwrap_or(Outcome::Reject)
    }
}
