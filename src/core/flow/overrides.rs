//! `override`: a grant, signed by one person and by another → a file, or the overrides of a store.
//!
//! Nothing here decides whether an override counts: what is signed is read again as every verdict reads it.

mod file;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use serde::Deserialize;

pub use self::file::{lines_of, publish, take_out};
use super::{SignError, case::Case, sign::bundles};
use crate::{
    attestation::{
        named,
        predicate::{GRANT_TYPE, Grant},
        write_named,
    },
    bounded::{self, Limits, Object},
    ids::ImageRef,
    policy::{Context, GrantState, Granted, Keys, Lists, OverrideRule, Policy, Source},
    ports::{EvidenceStore, ImageCatalog, PortError, Signer, SigningKey},
    report::{Cause, ImageReport, Note, OVERRIDE_SCHEMA, OverrideSeen, OverrideStep, OverridesReport, VERIFY_SCHEMA},
    trust::AuthorityName,
    verdict::{Verdict, is_overridable},
};

/// A saved report names every reason of every image.
const SAVED: Limits = Limits { bytes: 64 << 20, depth: 64 };

/// Why there is no override, or no signature of it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum OverrideError {
    #[error("the policy has no [override], so nobody lets anything pass under it")]
    NoRule,
    #[error("the policy would let nothing pass by it: {0}")]
    Refused(String),
    #[error("{key} is no key that overrides under this policy; those of {} are", names(.authorities))]
    NotAnAuthority { key: String, authorities: Vec<AuthorityName> },
    #[error("{0} signed it already: another person has to, with another key")]
    SignedBefore(AuthorityName),
    #[error(
        "it does not say that a key file signs it, so no key file can: let who has one grant, and the other countersign"
    )]
    KeyFile,
    #[error("it {0}")]
    Ended(String),
    #[error("{place}, line {line}: {problem}")]
    Unreadable { place: String, line: usize, problem: String },
    #[error("{place} holds {found} signatures of overrides, and none of them is over")]
    Full { place: String, found: usize },
    #[error("{place} was written again and again by others; nothing was changed")]
    Conflict { place: String },
    #[error("asking for the overrides of the store")]
    Store(#[source] PortError),
    #[error("writing the statement: {0}")]
    Statement(String),
    #[error("signing the override")]
    Sign(#[source] Box<SignError>),
}

impl From<SignError> for OverrideError {
    fn from(error: SignError) -> Self {
        Self::Sign(Box::new(error))
    }
}

fn names(authorities: &[AuthorityName]) -> String {
    authorities.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" and ")
}

/// Returns whose overrides count.
///
/// # Errors
/// [`OverrideError::NoRule`].
pub fn rule(policy: &Policy) -> Result<&OverrideRule, OverrideError> {
    policy.overrides().ok_or(OverrideError::NoRule)
}

/// Returns every override that is found, those that let something pass first.
pub fn seen(policy: &Policy, keys: &Keys, at: Timestamp) -> Vec<Granted> {
    let mut granted = keys.lists().grants(policy, at);
    granted.sort_by_key(|one| (OverrideSeen::from(one).state, one.grant.until, one.statement));
    granted
}

/// Reports overrides.
pub fn report(policy: &Policy, keys: &Keys, granted: &[Granted], step: OverrideStep, at: Timestamp) -> OverridesReport {
    OverridesReport {
        schema: OVERRIDE_SCHEMA,
        at,
        policy: policy.digest(),
        step,
        overrides: granted.iter().map(OverrideSeen::from).collect(),
        key: None,
        written: Vec::new(),
        commands: Vec::new(),
        notes: keys.lists().remarks().iter().map(Note::remark).collect(),
    }
}

/// Signs a grant as the first person: one signature, which lets nothing pass. Returns its line.
///
/// # Errors
/// See [`OverrideError`]; nothing is signed that the policy would not let count.
pub async fn grant(policy: &Policy, grant: &Grant, signer: &(impl Signer + Sync)) -> Result<Vec<u8>, OverrideError> {
    let rule = rule(policy)?;
    if let Some(why) = rule.refusal(grant) {
        return Err(OverrideError::Refused(why));
    }
    authority(policy, rule, signer.key())?;
    let name = grant.scope.name();
    let payload = write_named(&name, GRANT_TYPE, grant, signer.key().dangerous_local);
    let payload = payload.map_err(|error| OverrideError::Statement(error.to_string()))?;
    Ok(bundles::of_subject(named(&name), &[&payload], signer).await?)
}

/// Signs what another person signed. Returns the line of the new signature.
///
/// # Errors
/// See [`OverrideError`].
pub async fn countersign(
    policy: &Policy,
    granted: &Granted,
    signer: &(impl Signer + Sync),
) -> Result<Vec<u8>, OverrideError> {
    let key = signer.key();
    let authority = authority(policy, rule(policy)?, key)?;
    if granted.by.contains(&authority) {
        return Err(OverrideError::SignedBefore(authority));
    }
    match &granted.state {
        GrantState::Over | GrantState::Revoked(_) => return Err(OverrideError::Ended(granted.standing())),
        GrantState::Void(why) => return Err(OverrideError::Refused(why.clone())),
        GrantState::Active | GrantState::NotYet | GrantState::HalfSigned => {}
    }
    if key.dangerous_local && !granted.dangerous_local_key {
        return Err(OverrideError::KeyFile);
    }
    let subject = named(&granted.grant.scope.name());
    Ok(bundles::of_subject(subject, &[&granted.payload], signer).await?)
}

/// Says how overrides in some bytes stand, without those of anywhere else, at an instant: as every verdict will read them.
pub fn read(policy: &Policy, keys: &Keys, place: &str, lines: &[u8], at: Timestamp) -> Vec<Granted> {
    let source = Source { place: place.to_owned(), answer: Ok(Some(lines)), kept: false };
    Lists::default().overriding(policy, keys, &[source]).grants(policy, at)
}

/// Returns which authority signs.
fn authority(policy: &Policy, rule: &OverrideRule, key: &SigningKey) -> Result<AuthorityName, OverrideError> {
    policy.authority_with(key.public.digest(), &rule.authorities).cloned().ok_or_else(|| {
        OverrideError::NotAnAuthority { key: key.name.clone(), authorities: rule.authorities.iter().cloned().collect() }
    })
}

/// What stands in the way of an image now: everything that an override would have to name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InTheWay {
    /// The codes.
    pub causes: BTreeSet<String>,
    /// The entries of the revocation list.
    pub revocations: BTreeSet<u64>,
}

impl InTheWay {
    /// Takes a verdict, with what could not be asked beside its reasons.
    pub fn of(verdict: &Verdict) -> Self {
        let (reasons, faults) = match verdict {
            Verdict::Admit(_) => (&[][..], &[][..]),
            Verdict::Reject(reasons) => (reasons.as_slice(), reasons.beside()),
            Verdict::Undetermined(faults) => (&[][..], faults.as_slice()),
        };
        let codes = reasons.iter().map(|one| one.code()).chain(faults.iter().map(|one| one.code()));
        Self {
            causes: codes.map(str::to_owned).collect(),
            revocations: reasons.iter().filter_map(|one| one.revocation()).collect(),
        }
    }

    fn told(causes: &[Cause]) -> Self {
        // As each reason is written: that of an image is the entry itself.
        let entry = |cause: &Cause| {
            let place = match cause.code.as_str() {
                "image-revoked" => "/entry",
                "builder-revoked" | "evidence-revoked" => "/revoked/entry",
                "key-revoked" => "/discount/key-revoked/revoked/entry",
                _ => return None,
            };
            cause.detail.pointer(place)?.as_u64()
        };
        Self {
            causes: causes.iter().map(|cause| cause.code.clone()).collect(),
            revocations: causes.iter().filter_map(entry).collect(),
        }
    }

    /// Returns the codes that nobody can override.
    pub fn never(&self) -> Vec<&str> {
        self.causes.iter().map(String::as_str).filter(|code| !is_overridable(code)).collect()
    }
}

/// Reads what stood in the way in a saved report of `verify`, of the one image in it that `is` it.
///
/// # Errors
/// Why nobody can say, for people.
pub fn in_saved(bytes: &[u8], is: impl Fn(&ImageRef) -> bool) -> Result<InTheWay, String> {
    #[derive(Deserialize)]
    struct Saved {
        schema: String,
        images: Vec<ImageReport>,
    }
    let Object(Saved { schema, images }) = bounded::json(bytes, SAVED).map_err(|fault| fault.to_string())?;
    if schema != VERIFY_SCHEMA {
        return Err(format!("the schema is {schema:?}, not {VERIFY_SCHEMA:?}"));
    }
    let found: Vec<&ImageReport> = images.iter().filter(|one| is(&one.image)).collect();
    match found.as_slice() {
        [one] => {
            let causes: Vec<Cause> = one.reasons.iter().chain(&one.faults).cloned().collect();
            Ok(InTheWay::told(&causes))
        }
        [] => Err("it has no verdict of this image".to_owned()),
        several => Err(format!("it has {} verdicts: name the image", several.len())),
    }
}

/// Judges an image, without any override, for what one would have to name.
pub async fn in_the_way(
    policy: &Policy,
    image: &ImageRef,
    (context, keys): (&Context, Keys),
    catalog: &impl ImageCatalog,
    store: &impl EvidenceStore,
    now: Timestamp,
) -> (InTheWay, ImageReport) {
    let keys = Arc::new(keys);
    let case = Case::open(image, catalog, store, &keys, None).await.case;
    let judgement = case.judge(policy, now);
    (InTheWay::of(&judgement.verdict), case.report(policy, judgement, context))
}

#[cfg(test)]
mod tests;
