//! Admit, Reject or Undetermined, and why: typed causes with stable codes.
//!
//! A bad image is a reason, and not knowing is a fault; our own failures are errors and live elsewhere. Every cause is
//! collected, not the first one only. `docs/reasons.md` lists every code and is checked against [`CODES`].

mod codes;
mod fault;
mod lapse;
mod overridden;
mod reason;

use serde::Serialize;

pub use codes::{CODES, is_cause, remedy};
pub use fault::Fault;
pub use overridden::{Overridden, is_overridable};
pub use reason::Reason;

use crate::{
    attestation::{Kind, Statement},
    digest::Sha256Digest,
    identity::NotIdentified,
    trust::{AuthorityName, Verified},
};

/// What was decided about one image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a verdict that nobody looks at guards nothing"]
pub enum Verdict {
    /// The policy is met.
    Admit(Grounds),
    /// The policy is not met.
    Reject(Reasons),
    /// Nobody knows: something could not be asked.
    Undetermined(Faults),
}

/// What an admission stands on: at least one statement of the evidence, or an override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grounds(Basis);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Basis {
    Evidence(Vec<Ground>),
    Override(Box<Overridden>),
}

/// One statement that counted. Outside this package only [`Ground::of`] makes one, of statements that were verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Ground {
    /// What it says.
    pub kind: Kind,
    /// SHA-256 of its payload.
    pub statement: Sha256Digest,
    /// Who signed it.
    pub by: Vec<AuthorityName>,
}

impl Ground {
    /// Takes the signatures over one statement; none when there are none.
    pub fn of(kind: Kind, signatures: &[&Verified<Statement>]) -> Option<Self> {
        let statement = signatures.first()?.digest();
        Some(Self { kind, statement, by: signatures.iter().map(|one| one.by().clone()).collect() })
    }
}

impl Grounds {
    /// Takes grounds; none when there are none, because an admission needs proof.
    pub fn new(grounds: Vec<Ground>) -> Option<Self> {
        (!grounds.is_empty()).then_some(Self(Basis::Evidence(grounds)))
    }

    /// Returns the statements of the evidence; there are none where an override admits.
    pub fn as_slice(&self) -> &[Ground] {
        match &self.0 {
            Basis::Evidence(grounds) => grounds,
            Basis::Override(_) => &[],
        }
    }

    /// Returns the override, where one admits.
    pub fn overridden(&self) -> Option<&Overridden> {
        match &self.0 {
            Basis::Evidence(_) => None,
            Basis::Override(overridden) => Some(overridden),
        }
    }
}

impl From<Overridden> for Grounds {
    fn from(overridden: Overridden) -> Self {
        Self(Basis::Override(Box::new(overridden)))
    }
}

impl Verdict {
    /// Says what follows from an identity that was not proven: by a clock that is behind nobody knows, else no.
    pub fn unidentified(why: &NotIdentified) -> Self {
        let problem = why.chain();
        match why {
            NotIdentified::ClockBehind(behind) => Self::Undetermined(Faults::one(behind.clone().into())),
            NotIdentified::SignerUnknown { .. } => {
                Self::Reject(Reasons::one(Reason::IdentitySignerUnknown { problem }))
            }
            NotIdentified::TooLarge { .. }
            | NotIdentified::Base64
            | NotIdentified::Malformed(_)
            | NotIdentified::NotSigned
            | NotIdentified::SignerCount { .. }
            | NotIdentified::SignerName
            | NotIdentified::ContentType
            | NotIdentified::Detached
            | NotIdentified::Algorithm { .. }
            | NotIdentified::CertificateExpired { .. }
            | NotIdentified::Attributes(_)
            | NotIdentified::SignatureInvalid { .. }
            | NotIdentified::Document(_) => Self::Reject(Reasons::one(Reason::IdentityNotVerified { problem })),
        }
    }

    /// Adds what else is known: a reason rejects, whatever was decided; else a fault leaves it undetermined.
    pub fn and(self, reasons: Vec<Reason>, faults: Vec<Fault>) -> Self {
        let (mut all_reasons, mut all_faults) = (reasons, faults);
        let grounds = match self {
            Self::Admit(grounds) => Some(grounds),
            Self::Reject(Reasons { list, beside }) => {
                all_reasons.extend(list);
                all_faults.extend(beside);
                None
            }
            Self::Undetermined(Faults(found)) => {
                all_faults.extend(found);
                None
            }
        };
        Self::of(all_reasons, all_faults, grounds)
    }

    /// Decides: any reason rejects; else any fault leaves it undetermined; else the grounds admit. Nothing at all admits
    /// nothing.
    pub fn of(reasons: Vec<Reason>, faults: Vec<Fault>, grounds: Option<Grounds>) -> Self {
        match (Reasons::new(reasons), Faults::new(faults), grounds) {
            (Some(reasons), faults, _) => {
                Self::Reject(Reasons { beside: faults.map(|Faults(list)| list.into()).unwrap_or_default(), ..reasons })
            }
            (None, Some(faults), _) => Self::Undetermined(faults),
            (None, None, Some(grounds)) => Self::Admit(grounds),
            // A case that should not be possible.
            (None, None, None) => {
                let problem = "no reason, no fault and no grounds".to_owned();
                Self::Undetermined(Faults::one(Fault::Internal { problem }))
            }
        }
    }

    /// Returns the override that it stands on, if it does.
    pub fn overridden(&self) -> Option<&Overridden> {
        match self {
            Self::Admit(grounds) => grounds.overridden(),
            Self::Reject(_) | Self::Undetermined(_) => None,
        }
    }
}

/// Why an image is rejected: at least one reason. What could not be asked beside them is kept, and decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasons {
    list: Vec<Reason>,
    beside: Box<[Fault]>,
}

/// What could not be asked: at least one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

/// Returns a list sorted and without repetition; none when it is empty.
fn non_empty<T: Ord>(mut list: Vec<T>) -> Option<Vec<T>> {
    list.sort();
    list.dedup();
    (!list.is_empty()).then_some(list)
}

impl Reasons {
    /// Takes a list, sorted and without repetition; none when it is empty.
    pub fn new(list: Vec<Reason>) -> Option<Self> {
        non_empty(list).map(|list| Self { list, beside: Box::default() })
    }

    /// Takes one.
    pub fn one(reason: Reason) -> Self {
        Self { list: vec![reason], beside: Box::default() }
    }

    /// Returns them, sorted.
    pub fn as_slice(&self) -> &[Reason] {
        &self.list
    }

    /// Returns what could not be asked beside them.
    pub fn beside(&self) -> &[Fault] {
        &self.beside
    }
}

impl Faults {
    /// Takes a list, sorted and without repetition; none when it is empty.
    pub fn new(list: Vec<Fault>) -> Option<Self> {
        non_empty(list).map(Self)
    }

    /// Takes one.
    pub fn one(fault: Fault) -> Self {
        Self(vec![fault])
    }

    /// Returns them, sorted.
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }
}

#[cfg(test)]
mod tests;
