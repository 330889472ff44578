//! Evidence → verified statements. [`believe`] is the procedure; [`Verified`] is its only product.

use jiff::Timestamp;
use serde::Serialize;

use super::{Authority, AuthorityName, TrustRoot};
use crate::{
    attestation::{Bundle, Content, Defect, Envelope, IN_TOTO_PAYLOAD_TYPE, Kind, Material, Statement, lines},
    digest::Sha256Digest,
    time::Place,
};

/// A statement whose signature, signer and subject were checked. Only [`believe`] makes one.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    value: T,
    digest: Sha256Digest,
    by: AuthorityName,
    line: usize,
    seen: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl<T> Verified<T> {
    /// Returns what was verified.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Returns the SHA-256 of the payload.
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Returns which authority signed.
    pub fn by(&self) -> &AuthorityName {
        &self.by
    }

    /// Returns the line of the evidence, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the earliest time at which a witness saw the signature, if the policy asked for one.
    pub fn seen(&self) -> Option<Timestamp> {
        self.seen
    }

    /// Returns when it stops to count, as far as the signer's window goes.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }
}

/// Why a well-formed bundle counts for nothing. It is listed, and harms nobody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the message of each says it; docs/reasons.md lists the codes")]
pub enum Discount {
    #[error("signed by none of the policy's authorities")]
    SignerUnknown,
    #[error("names the key of {authority}, whose signature it does not bear")]
    SignatureInvalid { authority: AuthorityName },
    #[error("about another subject, sha256:{subject}")]
    SubjectMismatch { subject: Sha256Digest },
    #[error("{authority} does not count before {from}")]
    AuthorityNotYetValid { authority: AuthorityName, from: Timestamp },
    #[error("{authority} does not count since {until}")]
    AuthorityExpired { authority: AuthorityName, until: Timestamp },
    #[error("the policy asks a witness for {authority}: {problem}")]
    WitnessRefused { authority: AuthorityName, problem: String },
    #[error("seen by a witness at {seen}, which is after now")]
    WitnessInFuture { seen: Timestamp },
}

impl Discount {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SignerUnknown => "signer-unknown",
            Self::SignatureInvalid { .. } => "signature-invalid",
            Self::SubjectMismatch { .. } => "subject-mismatch",
            Self::AuthorityNotYetValid { .. } => "authority-not-yet-valid",
            Self::AuthorityExpired { .. } => "authority-expired",
            Self::WitnessRefused { .. } => "witness-refused",
            Self::WitnessInFuture { .. } => "witness-in-future",
        }
    }
}

/// A bundle that counts for nothing, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Discounted {
    /// The line of the evidence, from 1.
    pub line: usize,
    /// What the statement would have said, when an authority signed it.
    pub kind: Option<Kind>,
    /// Why.
    pub discount: Discount,
}

/// Evidence after verification.
#[derive(Debug, Default)]
pub struct Believed {
    /// What counts.
    pub verified: Vec<Verified<Statement>>,
    /// What does not.
    pub discounted: Vec<Discounted>,
}

/// Verifies the evidence of the image whose descriptor has the digest `image`.
///
/// For every line: (1) its form is that of a bundle; (2) with an envelope in it; (3) an authority is named by the
/// hint, or, without a hint, each is tried; (4) its signature covers the envelope; (5) the payload is an in-toto
/// statement; (6) of one subject; (7) which is the image; (8) the witness that the policy asks for saw it; (9) the
/// authority counts now, or did when the witness saw it.
///
/// The hint selects and never grants: the signature decides. But a hint that names another key than the one that
/// signed is not passed over, so that no byte of evidence as goldseal writes it is unauthenticated (ADR 0004).
///
/// # Errors
/// The first [`Defect`] with its line: malformed evidence is unreadable as a whole. Defects of statements count only
/// when an authority signed them (nobody else's are looked at).
pub fn believe(
    root: &TrustRoot,
    evidence: &[u8],
    image: Sha256Digest,
    now: Timestamp,
) -> Result<Believed, (usize, Defect)> {
    let mut believed = Believed::default();
    for (line, bytes) in lines(evidence)? {
        match examine(root, line, bytes, image, now).map_err(|defect| (line, defect))? {
            Ok(verified) => believed.verified.push(verified),
            Err(discounted) => believed.discounted.push(discounted),
        }
    }
    Ok(believed)
}

fn examine(
    root: &TrustRoot,
    line: usize,
    bytes: &[u8],
    image: Sha256Digest,
    now: Timestamp,
) -> Result<Result<Verified<Statement>, Discounted>, Defect> {
    let discount = |discount, kind| Ok(Err(Discounted { line, kind, discount }));
    let bundle = Bundle::parse(bytes)?; // (1)
    let Content::Envelope(envelope) = bundle.content else { return Err(Defect::NotAnEnvelope) }; // (2)
    let authority = match signer(root, &bundle.material, &envelope) {
        Ok(authority) => authority, // (3), (4)
        Err(reason) => return discount(reason, None),
    };
    if envelope.payload_type != IN_TOTO_PAYLOAD_TYPE {
        return Err(Defect::PayloadType { found: envelope.payload_type.chars().take(120).collect() }); // (5)
    }
    let statement = Statement::parse(envelope.payload)?; // (5), (6)
    let kind = statement.kind();
    if statement.subject() != image {
        return discount(Discount::SubjectMismatch { subject: statement.subject() }, kind); // (7)
    }
    let seen = match &authority.witness {
        Some(witness) => witness.hear(bytes, bundle.witness, &authority.key, image).map(Some), // (8)
        None => Ok(None),
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(problem) => return discount(Discount::WitnessRefused { authority: authority.name.clone(), problem }, kind),
    };
    if let Some(reason) = counts(authority, seen.as_deref(), now) {
        return discount(reason, kind); // (9)
    }
    let seen = seen.and_then(|times| times.first().copied());
    // A witnessed signature was made inside the window, and that stays true.
    let until = if seen.is_some() { None } else { authority.window.until };
    Ok(Ok(Verified { digest: statement.digest(), value: statement, by: authority.name.clone(), line, seen, until }))
}

/// Finds the authority whose signature the envelope bears.
fn signer<'r>(root: &'r TrustRoot, material: &Material, envelope: &Envelope) -> Result<&'r Authority, Discount> {
    let Material::PublicKey { hint } = material else { return Err(Discount::SignerUnknown) };
    let signed = |authority: &Authority| authority.key.signed(&envelope.pae(), &envelope.signature);
    let mut authorities = root.authorities().iter();
    if hint.is_empty() {
        return authorities.find(|authority| signed(authority)).ok_or(Discount::SignerUnknown);
    }
    let named = authorities.find(|authority| authority.key.hint() == *hint).ok_or(Discount::SignerUnknown)?;
    if signed(named) { Ok(named) } else { Err(Discount::SignatureInvalid { authority: named.name.clone() }) }
}

/// Says why a signature of this authority does not count, if so.
fn counts(authority: &Authority, seen: Option<&[Timestamp]>, now: Timestamp) -> Option<Discount> {
    let name = || authority.name.clone();
    // A log entry without an integrated time (Rekor v2) proves presence, not time: then now is what there is.
    let times = seen.filter(|times| !times.is_empty()).unwrap_or(std::slice::from_ref(&now));
    times.iter().find_map(|&at| match authority.window.place(at) {
        _ if at > now => Some(Discount::WitnessInFuture { seen: at }),
        Place::Before(from) => Some(Discount::AuthorityNotYetValid { authority: name(), from }),
        Place::After(until) => Some(Discount::AuthorityExpired { authority: name(), until }),
        Place::Inside => None,
    })
}

#[cfg(test)]
mod tests;
