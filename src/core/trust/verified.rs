//! Evidence → verified statements. [`believe`] is the procedure; [`Verified`] is its only product.
//!
//! What takes time and never changes, signatures, is one part of it ([`examine`]); what is bound to an instant,
//! windows, is the other ([`Examined::believe`]). Who judges one image again and again keeps the first and repeats the
//! second.

mod discount;
mod surveyed;
mod undated;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use self::surveyed::Signed;
pub use self::{
    discount::{Discount, Discounted},
    surveyed::{Surveyed, consume, survey},
    undated::Undated,
};
use super::{AuthorityName, TrustRoot};
use crate::{
    attestation::{Defect, Kind, Statement, predicate::RevokedBy},
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
