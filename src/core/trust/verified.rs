//! Evidence → verified statements. [`believe`] is the procedure; [`Verified`] is its only product.
//!
//! What takes time and never changes, signatures, is one part of it ([`examine`]); what is bound to an instant,
//! windows, is the other ([`Examined::believe`]). Who judges one image again and again keeps the first and repeats the
//! second.

mod undated;

pub use undated::Undated;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::Serialize;

use super::{Authority, AuthorityName, TrustRoot};
use crate::{
    attestation::{
        Bundle, Content, Defect, Envelope, IN_TOTO_PAYLOAD_TYPE, Kind, Material, Statement, lines,
        predicate::{RevokedBy, is_listed},
        unroll,
    },
    digest::Sha256Digest,
    time::{Place, Window, earlier},
};

/// A statement whose signature, signer and subject were checked. Only [`Examined::believe`] makes one.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    value: Arc<T>,
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
    #[error("{authority} is retired since {retired}; {}", dated(.signed.as_ref()))]
    AuthorityRetired { authority: AuthorityName, retired: Timestamp, signed: Option<Timestamp> },
    #[error("the policy asks a witness for {authority}: {problem}")]
    WitnessRefused { authority: AuthorityName, problem: String },
    #[error("seen by a witness at {seen}, which is after now")]
    WitnessInFuture { seen: Timestamp },
    #[error("the key of {authority} is revoked by {revoked}{}", since(.before.as_ref()))]
    KeyRevoked { authority: AuthorityName, revoked: Box<RevokedBy>, before: Option<Timestamp> },
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
            Self::AuthorityRetired { .. } => "authority-retired",
            Self::WitnessRefused { .. } => "witness-refused",
            Self::WitnessInFuture { .. } => "witness-in-future",
            Self::KeyRevoked { .. } => "key-revoked",
        }
    }
}

fn dated(signed: Option<&Timestamp>) -> String {
    signed.map_or_else(
        || "nothing that counts says that the signature is older".to_owned(),
        |signed| format!("the signature is of {signed}"),
    )
}

fn since(before: Option<&Timestamp>) -> String {
    before.map_or_else(String::new, |before| format!("; nobody saw the signature before {before}"))
}

/// A key that was revoked: signatures count only if a witness saw them before, or a receipt proves it, and none without
/// such an instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyRevocation {
    /// What was signed before this stays, where a witness saw it or a receipt proves it.
    pub before: Option<Timestamp>,
    /// The entry that says so.
    pub revoked: RevokedBy,
}

/// Authorities whose keys were revoked.
pub type RevokedKeys = BTreeMap<AuthorityName, KeyRevocation>;

/// Since when signatures are known to have been there, by what somebody else signed who verified them: whose, over which
/// statement.
pub type Proven = BTreeMap<(AuthorityName, Sha256Digest), Timestamp>;

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
    /// What counts if it turns out to be older than the retirement of who signed it.
    pub undated: Vec<Undated>,
    /// What does not.
    pub discounted: Vec<Discounted>,
}

/// Evidence whose signatures were checked, to be believed at one instant or another.
#[derive(Debug, Default)]
pub struct Examined {
    signed: Vec<Signed>,
    discounted: Vec<Discounted>,
}

/// Evidence whose signatures were checked, about whatever image it is.
#[derive(Debug, Default)]
pub struct Surveyed {
    signed: Vec<Signed>,
    discounted: Vec<Discounted>,
    refused: Vec<(Sha256Digest, Discounted)>,
}

/// A statement that an authority signed, whether or not that counts.
#[derive(Debug, Clone)]
struct Signed {
    statement: Arc<Statement>,
    by: AuthorityName,
    window: Window,
    retired: Option<Timestamp>,
    line: usize,
    seen: Option<Vec<Timestamp>>,
}

/// One line of evidence: what an authority signed, what a witness refuses of it (and its subject), or neither.
enum Line {
    Signed(Signed),
    Refused(Sha256Digest, Discounted),
    Discounted(Discounted),
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
    Ok(examine(root, evidence, image)?.believe(&RevokedKeys::new(), &Proven::new(), now))
}

/// Does (1) to (8) of what [`believe`] does: all that is the same at every instant.
///
/// # Errors
/// Those of [`believe`].
pub fn examine(root: &TrustRoot, evidence: &[u8], image: Sha256Digest) -> Result<Examined, (usize, Defect)> {
    Ok(survey(root, evidence)?.about(image))
}

/// Does (1) to (6) and (8): for who has yet to learn from the evidence which image it is about.
///
/// # Errors
/// Those of [`believe`].
pub fn survey(root: &TrustRoot, evidence: &[u8]) -> Result<Surveyed, (usize, Defect)> {
    let mut surveyed = Surveyed::default();
    for (line, bytes) in lines(evidence)? {
        surveyed.add(read(root, line, bytes).map_err(|defect| (line, defect))?);
    }
    Ok(surveyed)
}

/// Does what [`survey`] does with evidence that nobody needs after that: line by line it is let go of.
///
/// # Errors
/// Those of [`believe`].
pub fn consume(root: &TrustRoot, evidence: Vec<u8>) -> Result<Surveyed, (usize, Defect)> {
    let mut surveyed = Surveyed::default();
    let mut first = None;
    // A witness hears the line as it is.
    let witnessed = root.authorities().iter().any(|authority| authority.witness.is_some());
    for (line, bytes) in unroll(evidence)? {
        let read = match witnessed {
            true => read(root, line, &bytes),
            false => Bundle::unpack(bytes).and_then(|bundle| told(root, line, bundle, &[])),
        };
        match read {
            Ok(told) => surveyed.add(told),
            // The last line comes first.
            Err(defect) => first = Some((line, defect)),
        }
    }
    match first {
        Some(defect) => Err(defect),
        None => Ok(surveyed.reversed()),
    }
}

impl Surveyed {
    fn add(&mut self, line: Line) {
        match line {
            Line::Signed(signed) => self.signed.push(signed),
            Line::Refused(subject, discounted) => self.refused.push((subject, discounted)),
            Line::Discounted(discounted) => self.discounted.push(discounted),
        }
    }

    fn reversed(mut self) -> Self {
        self.signed.reverse();
        self.refused.reverse();
        self.discounted.reverse();
        self
    }

    /// Returns what authorities signed, about whatever image.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.signed.iter().map(|one| &*one.statement)
    }

    /// Returns the bundles that count for nothing, whatever the image is.
    pub fn discounted(&self) -> impl Iterator<Item = &Discounted> {
        self.discounted.iter().chain(self.refused.iter().map(|(_, one)| one))
    }

    /// Does (7): keeps what is about an image.
    pub fn about(&self, image: Sha256Digest) -> Examined {
        let (signed, others): (Vec<&Signed>, Vec<_>) =
            self.signed.iter().partition(|one| one.statement.subject() == image);
        let other = |line, kind, subject| Discounted { line, kind, discount: Discount::SubjectMismatch { subject } };
        let others = others.iter().map(|one| other(one.line, one.statement.kind(), one.statement.subject()));
        let refused = self.refused.iter().map(|(subject, one)| match *subject == image {
            true => one.clone(),
            false => other(one.line, one.kind, *subject),
        });
        let discounted = self.discounted.iter().cloned().chain(others).chain(refused).collect();
        Examined { signed: signed.into_iter().cloned().collect(), discounted }
    }
}

fn read(root: &TrustRoot, line: usize, bytes: &[u8]) -> Result<Line, Defect> {
    told(root, line, Bundle::parse(bytes)?, bytes) // (1)
}

/// What a bundle tells; `bytes` are its line, for a witness.
fn told(root: &TrustRoot, line: usize, bundle: Bundle, bytes: &[u8]) -> Result<Line, Defect> {
    let Content::Envelope(envelope) = bundle.content else { return Err(Defect::NotAnEnvelope) }; // (2)
    let authority = match signer(root, &bundle.material, &envelope) {
        Ok(authority) => authority, // (3), (4)
        Err(discount) => return Ok(Line::Discounted(Discounted { line, kind: None, discount })),
    };
    if envelope.payload_type != IN_TOTO_PAYLOAD_TYPE {
        return Err(Defect::PayloadType { found: envelope.payload_type.chars().take(120).collect() }); // (5)
    }
    let statement = Statement::parse(envelope.payload)?; // (5), (6)
    let (kind, subject) = (statement.kind(), statement.subject());
    let seen = match &authority.witness {
        Some(witness) => witness.hear(bytes, bundle.witness, &authority.key, subject).map(Some), // (8)
        None => Ok(None),
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(problem) => {
            let discount = Discount::WitnessRefused { authority: authority.name.clone(), problem };
            return Ok(Line::Refused(subject, Discounted { line, kind, discount }));
        }
    };
    let statement = match kind {
        Some(Kind::Gate | Kind::Provenance | Kind::Approval | Kind::Tests) => statement,
        None if is_listed(statement.predicate_type()) => statement,
        // Nothing of these is judged but that they are there.
        Some(Kind::Sbom | Kind::Scan) | None => statement.without_payload(),
    };
    let (by, window, retired) = (authority.name.clone(), authority.window, authority.retired);
    Ok(Line::Signed(Signed { statement: Arc::new(statement), by, window, retired, line, seen }))
}

impl Examined {
    /// Returns the lines that bear an authority's signature, or its hint and a bad one.
    pub fn settled(&self) -> Vec<usize> {
        let discounted = self.discounted.iter().filter(|one| one.discount != Discount::SignerUnknown);
        self.signed.iter().map(|one| one.line).chain(discounted.map(|one| one.line)).collect()
    }

    /// Does (9) of what [`believe`] does, and leaves out what revoked keys signed, unless it is proven older.
    pub fn believe(&self, revoked: &RevokedKeys, proven: &Proven, now: Timestamp) -> Believed {
        let mut believed = Believed { discounted: self.discounted.clone(), ..Believed::default() };
        for Signed { statement, by, window, retired, line, seen } in &self.signed {
            let times = seen.as_deref();
            let discount = uncounted(by, window, times, now).or_else(|| too_late(by, *retired, times));
            let known = || first_known(by, statement.digest(), times, proven);
            if let Some(discount) = discount.or_else(|| withdrawn(by, revoked, known())) {
                believed.discounted.push(Discounted { line: *line, kind: statement.kind(), discount });
                continue;
            }
            let seen = seen.as_deref().and_then(<[Timestamp]>::first).copied();
            let verified = Verified {
                digest: statement.digest(),
                value: Arc::clone(statement),
                by: by.clone(),
                line: *line,
                seen,
                // A witnessed signature was made inside the window, and that stays true.
                until: if seen.is_some() { None } else { window.until },
            };
            match retired {
                // A gate result says itself how old it is.
                Some(retired) if seen.is_none() || statement.kind() == Some(Kind::Gate) => {
                    believed.undated.push(Undated::new(verified, *retired));
                }
                _ => believed.verified.push(verified),
            }
        }
        believed.discounted.sort();
        believed
    }
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
fn uncounted(by: &AuthorityName, window: &Window, seen: Option<&[Timestamp]>, now: Timestamp) -> Option<Discount> {
    let authority = || by.clone();
    // A log entry without an integrated time (Rekor v2) proves presence, not time: then now is what there is.
    let times = seen.filter(|times| !times.is_empty()).unwrap_or(std::slice::from_ref(&now));
    times.iter().find_map(|&at| match window.place(at) {
        _ if at > now => Some(Discount::WitnessInFuture { seen: at }),
        Place::Before(from) => Some(Discount::AuthorityNotYetValid { authority: authority(), from }),
        Place::After(until) => Some(Discount::AuthorityExpired { authority: authority(), until }),
        Place::Inside => None,
    })
}

/// Says that a witness saw a signature only when its authority was retired already.
fn too_late(by: &AuthorityName, retired: Option<Timestamp>, seen: Option<&[Timestamp]>) -> Option<Discount> {
    let retired = retired?;
    let signed = seen?.iter().copied().find(|seen| *seen >= retired)?;
    Some(Discount::AuthorityRetired { authority: by.clone(), retired, signed: Some(signed) })
}

/// Returns the earliest instant at which a signature is known to have been there.
fn first_known(
    by: &AuthorityName,
    statement: Sha256Digest,
    seen: Option<&[Timestamp]>,
    proven: &Proven,
) -> Option<Timestamp> {
    earlier(seen.and_then(<[Timestamp]>::first).copied(), proven.get(&(by.clone(), statement)).copied())
}

/// Says that the key of a signature was revoked, unless the signature is known to have been there before.
fn withdrawn(by: &AuthorityName, revoked: &RevokedKeys, known: Option<Timestamp>) -> Option<Discount> {
    let KeyRevocation { before, revoked } = revoked.get(by)?;
    if known.zip(*before).is_some_and(|(known, before)| known < before) {
        return None;
    }
    Some(Discount::KeyRevoked { authority: by.clone(), revoked: Box::new(revoked.clone()), before: *before })
}

#[cfg(test)]
mod tests;
