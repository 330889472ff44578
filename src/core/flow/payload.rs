//! A statement that was verified, read again from the evidence that it stands in.
//!
//! What verifying keeps of an SBOM is its digest: SBOMs have megabytes. Whoever wants to read one takes it from the same
//! evidence; its bytes must have that digest, or they are not what was verified.

use crate::{
    attestation::{Bundle, Content, Statement, lines},
    digest::Sha256Digest,
    policy::Checked,
};

/// Returns a statement with its payload; none when that is not the one that was checked.
pub(super) fn statement(evidence: &[u8], checked: &Checked) -> Option<Statement> {
    let (_, line) = lines(evidence).ok()?.into_iter().find(|(number, _)| *number == checked.line)?;
    let Content::Envelope(envelope) = Bundle::parse(line).ok()?.content else { return None };
    if Sha256Digest::of(&envelope.payload) != checked.statement {
        return None;
    }
    Statement::parse(envelope.payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attestation::Kind,
        testing::{evidence::payload, keys::LocalKey},
    };

    #[test]
    fn only_the_bytes_that_were_verified_are_read_again() {
        let key = LocalKey::p256(1);
        let [sbom, scan] = [Kind::Sbom, Kind::Scan].map(payload);
        let evidence = crate::testing::evidence::signed(&[(&key, sbom.clone()), (&key, scan.clone())]);
        let checked = |line, of: &[u8]| Checked {
            line,
            kind: Some(Kind::Sbom),
            predicate_type: String::new(),
            statement: Sha256Digest::of(of),
            by: "ci".parse().unwrap(),
            seen: None,
            required: true,
        };
        let found = statement(&evidence, &checked(1, &sbom)).unwrap();
        assert_eq!((found.kind(), found.predicate_bytes()), (Some(Kind::Sbom), b"{}".as_slice()));
        assert!(statement(&evidence, &checked(2, &scan)).is_some());
        for (line, of) in [(2, &sbom), (1, &scan), (3, &sbom), (0, &sbom)] {
            assert_eq!(statement(&evidence, &checked(line, of)), None, "line {line}");
        }
        assert_eq!(statement(b"junk\n", &checked(1, &sbom)), None);
    }
}
