//! Evidence → what authorities signed in it, line by line: steps (1) to (8) of [`believe`](super::believe).

use std::sync::Arc;

use jiff::Timestamp;

use super::{Discount, Discounted, Examined};
use crate::{
    attestation::{
        Bundle, Content, Defect, Envelope, IN_TOTO_PAYLOAD_TYPE, Kind, Material, Statement, lines,
        predicate::is_listed, unroll,
    },
    digest::Sha256Digest,
    time::Window,
    trust::{Authority, AuthorityName, TrustRoot},
};

/// Evidence whose signatures were checked, about whatever image it is.
#[derive(Debug, Default)]
pub struct Surveyed {
    signed: Vec<Signed>,
    discounted: Vec<Discounted>,
    refused: Vec<(Sha256Digest, Discounted)>,
}

/// A statement that an authority signed, whether or not that counts.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) statement: Arc<Statement>,
    pub(super) by: AuthorityName,
    pub(super) window: Window,
    pub(super) retired: Option<Timestamp>,
    pub(super) line: usize,
    pub(super) seen: Option<Vec<Timestamp>>,
}

/// One line of evidence: what an authority signed, what a witness refuses of it (and its subject), or neither.
enum Line {
    Signed(Signed),
    Refused(Sha256Digest, Discounted),
    Discounted(Discounted),
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
