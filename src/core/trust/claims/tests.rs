use super::*;
use crate::{
    attestation::join,
    testing::{
        evidence::{changed, payload, predicate_type, signed, statement},
        images::{descriptor, other_facts},
        keys::LocalKey,
    },
};

/// What key 2, which is not at hand, may have signed.
fn claimed(evidence: &[u8], settled: &[usize]) -> Vec<Claimed> {
    let absent = [("kms".parse().unwrap(), LocalKey::p256(2).public().digest())];
    let claims = claims(evidence, &absent, settled, descriptor().digest()).unwrap();
    assert!(claims.iter().all(|claim| claim.by.as_str() == "kms"));
    claims.into_iter().map(|claim| claim.says).collect()
}

fn line(number: usize, payload: Vec<u8>) -> Vec<u8> {
    signed(&[(&LocalKey::p256(number), payload)])
}

fn bare(number: usize, kind: Kind) -> Vec<u8> {
    changed(&line(number, payload(kind)), &LocalKey::p256(number).public().hint(), "")
}

fn says(kind: Kind) -> Claimed {
    Claimed::Statement { kind, digest: Sha256Digest::of(&payload(kind)) }
}

#[test]
fn lines_with_its_hint_or_with_none_are_claims() {
    let evidence = [
        line(2, payload(Kind::Sbom)),
        line(1, payload(Kind::Sbom)),
        bare(1, Kind::Scan),
        line(2, b"no statement".to_vec()),
        signed(&[]),
    ];
    assert_eq!(claimed(&evidence.concat(), &[]), [says(Kind::Sbom), says(Kind::Scan), Claimed::Defect]);
    assert_eq!(
        claimed(&evidence.concat(), &[3]),
        [says(Kind::Sbom), Claimed::Defect],
        "line 3 is known to be another's"
    );
    assert_eq!(claimed(b"", &[]), []);
}

#[test]
fn what_could_change_nothing_is_no_claim() {
    let about_another = statement(other_facts().descriptor.digest(), predicate_type(Kind::Sbom), "{}");
    let unknown = statement(descriptor().digest(), "https://x.example/y", "{}");
    let hint = LocalKey::p256(2).public().hint();
    let certificate = format!(r#"{{"publicKey":{{"hint":"{hint}"}}"#);
    let keyless = changed(&line(2, payload(Kind::Sbom)), &certificate, r#"{"certificate":{"rawBytes":"AA=="}"#);
    for nothing in [line(2, about_another), line(2, unknown), keyless, line(3, payload(Kind::Sbom))] {
        assert_eq!(claimed(&nothing, &[]), [], "{}", String::from_utf8_lossy(&nothing));
    }
}

#[test]
fn a_signed_file_or_another_payload_type_would_be_a_defect() {
    let typed = LocalKey::p256(2).bundle_of_type("text/plain", payload(Kind::Sbom));
    assert_eq!(claimed(&typed, &[]), [Claimed::Defect]);
    for (bad, line) in [(b"x".as_slice(), 2), (b"", 2)] {
        let evidence = join([typed.as_slice(), bad]);
        assert_eq!(claims(&evidence, &[], &[], descriptor().digest()).unwrap_err().0, line);
    }
}
