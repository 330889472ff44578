//! Statements of an authority that retires: they count once something says that they are older than its retirement.

use jiff::Timestamp;

use super::{Discount, Discounted, Verified};
use crate::{attestation::Statement, time::earlier};

/// A statement whose signature, signer and subject were checked, of an authority that is retired at an instant. Nothing
/// that was looked at so far says when it signed.
#[derive(Debug, Clone)]
pub struct Undated {
    verified: Verified<Statement>,
    retired: Timestamp,
}

impl Undated {
    pub(super) fn new(verified: Verified<Statement>, retired: Timestamp) -> Self {
        Self { verified, retired }
    }

    /// Returns the statement, which does not count yet.
    pub fn statement(&self) -> &Verified<Statement> {
        &self.verified
    }

    /// Takes the word of something that counts that it was signed at an instant, or before.
    ///
    /// # Errors
    /// At the retirement or after, it does not count.
    pub fn signed_at(self, at: Timestamp) -> Result<Verified<Statement>, Discounted> {
        if at < self.retired { Ok(self.verified) } else { Err(self.discount(Some(at))) }
    }

    /// Takes it that what is seen now was signed before: nothing but that it has not come yet says so at the retirement.
    ///
    /// # Errors
    /// At the retirement or after, it does not count.
    pub fn seen_at(self, now: Timestamp) -> Result<Verified<Statement>, Discounted> {
        let retired = self.retired;
        if now >= retired {
            return Err(self.never_dated());
        }
        let until = earlier(self.verified.until, Some(retired));
        Ok(Verified { until, ..self.verified })
    }

    /// Gives it up: nothing says how old it is.
    pub fn never_dated(&self) -> Discounted {
        self.discount(None)
    }

    fn discount(&self, signed: Option<Timestamp>) -> Discounted {
        let (line, kind, authority) = (self.verified.line, self.verified.value.kind(), self.verified.by.clone());
        let discount = Discount::AuthorityRetired { authority, retired: self.retired, signed };
        Discounted { line, kind, discount }
    }
}
