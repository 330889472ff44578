//! A receipt by itself → what it proves: for people, who ask about one that they have.

use jiff::Timestamp;

use crate::{
    attestation::{Bundle, Content, IN_TOTO_PAYLOAD_TYPE, Statement, named, predicate::Receipt},
    digest::Sha256Digest,
    policy::{
        keys::{Keys, Setback},
        rule::Policy,
    },
    trust::{AuthorityName, Proven, Verified},
};

/// A receipt that an authority of the policy signed.
#[derive(Debug, Clone)]
pub struct CheckedReceipt {
    /// The authority.
    pub by: AuthorityName,
    /// SHA-256 of the statement.
    pub statement: Sha256Digest,
    /// What it says.
    pub receipt: Receipt,
}

/// Why a receipt is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// It proves nothing.
    #[error("{0}")]
    No(String),
    /// Nobody knows.
    #[error("{0}")]
    Unknown(String),
}

/// Checks a receipt by the authorities of a policy, at an instant: its signature, its signer, and that it does not
/// contradict itself.
///
/// # Errors
/// See [`Doubt`].
pub fn check_receipt(policy: &Policy, keys: &Keys, bytes: &[u8], now: Timestamp) -> Result<CheckedReceipt, Doubt> {
    let no = |why: String| Doubt::No(why);
    let Some(rule) = policy.receipts() else {
        return Err(no("the policy believes nobody's receipts: it has no [receipt]".to_owned()));
    };
    let statement = stated(bytes).ok_or_else(|| no("it is no signed statement".to_owned()))?;
    let surveyed = keys.survey(bytes).into_content().map_err(|(_, defect)| no(defect.to_string()))?;
    let withdrawn = keys.lists().withdrawn(policy);
    if let Some(fault) = withdrawn.faults.first() {
        return Err(Doubt::Unknown(fault.to_string()));
    }
    let believed = surveyed.about(statement.subject()).believe(&withdrawn.keys(policy), &Proven::new(), now);
    let by_rule = |one: &&Verified<Statement>| rule.authorities.contains(one.by());
    let Some(verified) = believed.verified.iter().find(by_rule) else {
        let unknown = keys.setbacks().find_map(|(name, setback)| match setback {
            Setback::Unknown(fault) if rule.authorities.contains(name) => Some(Doubt::Unknown(fault.to_string())),
            Setback::Unknown(_) | Setback::Lost(_) => None,
        });
        let discount = believed.discounted.first().map(|one| one.discount.to_string());
        let other = believed.verified.first().map(|one| format!("{} may not sign receipts", one.by()));
        let why =
            discount.or(other).unwrap_or_else(|| "nobody signed it whose receipts the policy believes".to_owned());
        return Err(unknown.unwrap_or(Doubt::No(why)));
    };
    let receipt: Receipt =
        Some(verified.value()).filter(|one| one.is_receipt()).and_then(|one| one.predicate().ok()).ok_or_else(
            || no(format!("it does not read as a receipt, but as {}", verified.value().predicate_type())),
        )?;
    receipt.check().map_err(|fault| no(fault.to_string()))?;
    if let Some(reason) = withdrawn.evidence(verified.digest()).first() {
        return Err(no(reason.to_string()));
    }
    let said = receipt.said();
    if said.timeless.subject.unwrap_or_else(|| named(receipt.resource())) != statement.subject() {
        return Err(no("it is about another subject than it says".to_owned()));
    }
    if said.instant.issued_at > now {
        return Err(Doubt::Unknown(format!("it was made at {}, which is after now", said.instant.issued_at)));
    }
    Ok(CheckedReceipt { by: verified.by().clone(), statement: verified.digest(), receipt })
}

/// Reads the statement of a bundle, whoever signed it.
pub(crate) fn stated(bundle: &[u8]) -> Option<Statement> {
    let Content::Envelope(envelope) = Bundle::parse(bundle.trim_ascii_end()).ok()?.content else { return None };
    (envelope.payload_type == IN_TOTO_PAYLOAD_TYPE).then(|| Statement::parse(envelope.payload).ok())?
}

#[cfg(test)]
mod tests;
