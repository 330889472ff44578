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
    /// Whether they are signed.
    pub signed: bool,
    /// New receipts.
    pub receipts: usize,
    /// Those that were there already.
    pub already: usize,
    /// The decisions that they cover.
    pub decisions: usize,
    /// Lines that are no decisions.
    pub unreadable: usize,
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
        Self {
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
            standing: ReceiptStanding::Said,
            problem: None,
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
            ReceiptStanding::Refused => Outcome::Reject,
        };
        self.receipts.iter().map(of).max().unwrap_or(Outcome::Reject)
    }
}
