//! A person's approval ⇄ [simple verification result v0.2]: somebody saw exactly these accepted risks.
//!
//! [simple verification result v0.2]: https://github.com/in-toto/attestation/blob/main/spec/predicates/svr.md

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{digests::Digests, revocations::is_line};
use crate::{bounded::Object, digest::Sha256Digest};

const PROPERTY: &str = "GOLDSEAL_ACCEPTED_RISKS_APPROVED";

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    verifier: Verifier,
    time_created: Timestamp,
    properties: Vec<String>,
    #[serde(rename = "https://goldseal.dev/approval/v1")]
    approved: Object<Approved>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Verifier {
    id: String,
    policies: Vec<PolicyDigest>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PolicyDigest {
    digest: Digests,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Approved {
    accepted_risks: Sha256Digest,
}

/// Says whether a text can name somebody who answers for an approval: one visible line of at most 200 characters.
pub fn is_approver(name: &str) -> bool {
    is_line(name, 200)
}

impl Approval {
    /// Writes what somebody approves: the digest of the accepted risks of one image.
    pub fn new(approver: &str, at: Timestamp, policy: Sha256Digest, accepted_risks: Sha256Digest) -> Self {
        Self {
            verifier: Verifier {
                id: approver.to_owned(),
                policies: vec![PolicyDigest { digest: Digests { sha256: policy } }],
            },
            time_created: at,
            properties: vec![PROPERTY.to_owned()],
            approved: Object(Approved { accepted_risks }),
        }
    }

    /// Returns the digest that was approved; none when the statement does not say that it was, and by whom.
    pub fn accepted_risks(&self) -> Option<Sha256Digest> {
        let said = self.properties.iter().any(|property| property == PROPERTY);
        (said && is_approver(&self.verifier.id)).then_some(self.approved.0.accepted_risks)
    }

    /// Returns who approved, in their own words; the key is what proves it.
    pub fn approver(&self) -> &str {
        &self.verifier.id
    }

    /// Returns when.
    pub fn at(&self) -> Timestamp {
        self.time_created
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(approver: &str) -> Approval {
        Approval::new(approver, Timestamp::UNIX_EPOCH, Sha256Digest::of(b"policy"), Sha256Digest::of(b"risks"))
    }

    #[test]
    fn an_approval_counts_only_when_it_says_so_and_by_whom() {
        assert_eq!(approval("Alice <alice@example.com>").accepted_risks(), Some(Sha256Digest::of(b"risks")));
        assert_eq!(approval(&"é".repeat(200)).accepted_risks(), Some(Sha256Digest::of(b"risks")));
        for nobody in ["", " ", "alice ", "alice\nbob", "alice\u{1b}[2J", &"é".repeat(201)] {
            assert!(!is_approver(nobody), "{nobody:?}");
            assert_eq!(approval(nobody).accepted_risks(), None, "{nobody:?}");
        }
        for properties in [vec![], vec!["GOLDSEAL_ACCEPTED_RISKS_SEEN".to_owned()]] {
            assert_eq!(Approval { properties, ..approval("alice") }.accepted_risks(), None);
        }
        let properties = vec!["FIRST".to_owned(), PROPERTY.to_owned()];
        assert!(Approval { properties, ..approval("alice") }.accepted_risks().is_some(), "others may stand beside it");
    }
}
