//! Evidence → what an authority whose key is not at hand may have signed.
//!
//! Nothing here is believed, and nothing here admits. It tells where the missing key could change a verdict: a
//! statement that it could add, a second one that would contradict the first, a line that would make all unreadable.

use super::AuthorityName;
use crate::{
    attestation::{Bundle, Content, Defect, IN_TOTO_PAYLOAD_TYPE, Kind, Material, Statement, lines},
    digest::Sha256Digest,
};

/// A line that bears the hint of an authority whose key is not at hand, or no hint at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose it may be.
    pub by: AuthorityName,
    /// What it would say.
    pub says: Claimed,
}

/// What a line would say if the signature were good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// A statement about the image.
    Statement {
        /// Its kind.
        kind: Kind,
        /// SHA-256 of its payload.
        digest: Sha256Digest,
    },
    /// Something that would make the evidence unreadable.
    Defect,
}

/// Lists the claims of `absent` authorities, given by name and SHA-256 of the SubjectPublicKeyInfo, about `image`.
///
/// `settled` lines (by number) are known to be somebody else's and make no claims.
///
/// # Errors
/// The first [`Defect`] of form, with its line: malformed evidence is unreadable whoever signed it.
pub fn claims(
    evidence: &[u8],
    absent: &[(AuthorityName, Sha256Digest)],
    settled: &[usize],
    image: Sha256Digest,
) -> Result<Vec<Claim>, (usize, Defect)> {
    let mut claims = Vec::new();
    for (line, bytes) in lines(evidence)? {
        let bundle = Bundle::parse(bytes).map_err(|defect| (line, defect))?;
        let Content::Envelope(envelope) = bundle.content else { return Err((line, Defect::NotAnEnvelope)) };
        let Material::PublicKey { hint } = bundle.material else { continue };
        let named = |digest: &Sha256Digest| hint.is_empty() || hint == super::key::hint(*digest);
        let mut by = absent.iter().filter(|(_, digest)| named(digest)).peekable();
        if settled.contains(&line) || by.peek().is_none() {
            continue;
        }
        let in_toto = envelope.payload_type == IN_TOTO_PAYLOAD_TYPE;
        let says = match Statement::parse(envelope.payload).ok().filter(|_| in_toto) {
            None => Claimed::Defect,
            Some(statement) if statement.subject() != image => continue,
            Some(statement) => match statement.kind() {
                Some(kind) => Claimed::Statement { kind, digest: statement.digest() },
                None => continue,
            },
        };
        claims.extend(by.map(|(name, _)| Claim { by: name.clone(), says }));
    }
    Ok(claims)
}

#[cfg(test)]
mod tests;
