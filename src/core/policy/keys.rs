//! A policy's authorities and what KMS answers for them → the keys at hand, and what follows from those that are not.

use jiff::Timestamp;

use super::rule::{KeySource, Policy};
use crate::{
    attestation::Defect,
    digest::Sha256Digest,
    trust::{
        Authority, AuthorityName, Believed, Claim, Discount, KeyAnswer, PublicKey, TrustRoot, Verified, believe, claims,
    },
    verdict::{Fault, Reason},
};

/// An authority that cannot be counted on now, and what that means for what it should have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setback {
    /// It certainly does not count.
    Lost(Reason),
    /// Nobody knows.
    Unknown(Fault),
}

/// The authorities of a policy whose keys are at hand, and those whose keys are not.
#[derive(Debug)]
pub struct Keys {
    root: Option<TrustRoot>,
    setbacks: Vec<(AuthorityName, Setback)>,
    /// Of those, the ones that could not be asked for, with their pins.
    absent: Vec<(AuthorityName, Sha256Digest)>,
}

/// Evidence as far as the keys at hand go.
#[derive(Default)]
pub(super) struct Read {
    /// What counts, and what does not.
    pub(super) believed: Believed,
    /// What the keys that are not at hand may have signed.
    pub(super) claims: Vec<Claim>,
}

impl Keys {
    /// Joins the policy's authorities with what KMS answered for those of them that are KMS keys.
    pub fn new(policy: &Policy, answer: impl Fn(&AuthorityName) -> Result<KeyAnswer, String>) -> Self {
        let mut authorities = Vec::new();
        let mut setbacks = Vec::new();
        let mut absent = Vec::new();
        for signatory in policy.signatories() {
            let name = &signatory.name;
            let key = match &signatory.key {
                KeySource::Pem(key) => Ok(key.clone()),
                KeySource::Kms { pin, scheme, .. } => match answer(name) {
                    Err(problem) => Err(Setback::Unknown(Fault::KeyUnavailable { authority: name.clone(), problem })),
                    Ok(KeyAnswer::Withdrawn { state }) => {
                        Err(Setback::Lost(Reason::AuthorityKeyWithdrawn { authority: name.clone(), state }))
                    }
                    Ok(KeyAnswer::Enabled { spki }) => pinned(name, *pin, &spki).and_then(|()| {
                        let key = PublicKey::from_spki(&spki, Some(*scheme));
                        key.map(Into::into).map_err(|fault| {
                            let problem = fault.to_string();
                            Setback::Unknown(Fault::KeyUnavailable { authority: name.clone(), problem })
                        })
                    }),
                },
            };
            match key {
                Ok(key) => {
                    let (window, witness) = (signatory.window, signatory.witness.clone());
                    authorities.push(Authority { name: name.clone(), key, window, witness });
                }
                Err(setback) => {
                    if matches!(setback, Setback::Unknown(_)) {
                        absent.push((name.clone(), signatory.key.digest()));
                    }
                    setbacks.push((name.clone(), setback));
                }
            }
        }
        // The compiler refused policies with one name or key twice, so only the empty root is left to be none.
        Self { root: TrustRoot::new(authorities).ok(), setbacks, absent }
    }

    /// Reads evidence as far as the keys at hand go.
    pub(super) fn read(&self, evidence: &[u8], image: Sha256Digest, now: Timestamp) -> Result<Read, (usize, Defect)> {
        let believed = match &self.root {
            Some(root) => believe(root, evidence, image, now)?,
            None => Believed::default(),
        };
        if self.root.is_some() && self.absent.is_empty() {
            return Ok(Read { believed, claims: Vec::new() });
        }
        let discounted = believed.discounted.iter().filter(|one| one.discount != Discount::SignerUnknown);
        let verified = believed.verified.iter().map(Verified::line);
        let settled: Vec<usize> = verified.chain(discounted.map(|one| one.line)).collect();
        let claims = claims(evidence, &self.absent, &settled, image)?;
        Ok(Read { believed, claims })
    }

    /// Returns the authorities that cannot be counted on.
    pub(super) fn setbacks(&self) -> impl Iterator<Item = &(AuthorityName, Setback)> {
        self.setbacks.iter()
    }

    /// Returns why nobody knows whether an authority signed what it claims.
    pub(super) fn fault(&self, claim: &Claim) -> Option<Fault> {
        self.setbacks.iter().find_map(|(name, setback)| match setback {
            Setback::Unknown(fault) if *name == claim.by => Some(fault.clone()),
            Setback::Unknown(_) | Setback::Lost(_) => None,
        })
    }
}

fn pinned(name: &AuthorityName, pin: Sha256Digest, spki: &[u8]) -> Result<(), Setback> {
    let found = Sha256Digest::of(spki);
    if found == pin {
        return Ok(());
    }
    Err(Setback::Lost(Reason::AuthorityKeyChanged { authority: name.clone(), pinned: pin, found }))
}
