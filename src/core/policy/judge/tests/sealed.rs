//! What the provenance seals, and the tags that point to the evidence.

use super::*;
use crate::{
    attestation::write_statement,
    image::{SHARED_TAG_PREFIX, evidence_pointer},
    testing::{
        evidence::{predicate_type, provenance_of, signed},
        images::{descriptor, other_facts},
        policies::document,
    },
};

const CI: &[&str] = &["ci"];

type VisibleTags<'t> = &'t [(&'t str, &'t str)];

/// A policy that asks for a provenance, and one that seals `tags`.
fn sealing(tags: &str, more: &str) -> Asked {
    let ci = LocalKey::p256(1);
    let policy = document(&[("ci", &ci)], &[("provenance", CI, 1)], more);
    let facts = format!(r#"{{"builder":"https://ci.example","finishedOn":"2026-11-01T10:00:00Z","tags":{{{tags}}}}}"#);
    Asked { policy, ..Asked::of(signed(&[(&ci, provenance_of(&facts))])) }
}

#[test]
fn sealed_tags_are_compared_where_they_are_visible() {
    let shared = format!("{SHARED_TAG_PREFIX}Commit");
    let compares = "[identity]\ntags = [\"Commit\"]\n";
    let table: [(&str, &str, VisibleTags<'_>, &str); 10] = [
        ("equal", r#""Commit":"0a1b""#, &[("Commit", "0a1b")], "admit"),
        ("invisible", r#""Commit":"0a1b""#, &[], "admit"),
        ("changed", r#""Commit":"0a1b""#, &[("Commit", "0a1c")], "reject tag-mismatch"),
        ("another case", r#""Commit":"0a1b""#, &[("Commit", "0A1B")], "reject tag-mismatch"),
        ("emptied", r#""Commit":"0a1b""#, &[("Commit", "")], "reject tag-mismatch"),
        ("shared", r#""Commit":"0a1b""#, &[(&shared, "0a1b")], "admit"),
        ("shared, changed", r#""Commit":"0a1b""#, &[(&shared, "0a1c")], "reject tag-mismatch"),
        ("own right, shared wrong", r#""Commit":"0a1b""#, &[("Commit", "0a1b"), (&shared, "x")], "reject tag-mismatch"),
        ("not sealed", "", &[("Commit", "0a1b")], "reject tag-not-sealed"),
        ("another one sealed", r#""Name":"x""#, &[], "reject tag-not-sealed"),
    ];
    for (what, sealed, visible, expected) in table {
        assert_eq!(sealing(sealed, compares).tagged(visible).outcome(), expected, "{what}");
    }
    assert_eq!(sealing("", "").tagged(&[("Commit", "x")]).outcome(), "admit", "nobody asked");
    let unasked = sealing(r#""Commit":"0a1b""#, "").tagged(&[("Commit", "x")]);
    assert_eq!(unasked.outcome(), "reject tag-mismatch", "every sealed tag is compared");
}

#[test]
fn pointer_tags_must_name_what_was_read_where_they_are_visible() {
    let asked = Asked::admitted();
    let evidence = Sha256Digest::of(&asked.evidence);
    let right = evidence_pointer("s3://bucket/x", evidence);
    let bare = format!("sha256:{evidence}");
    let wrong = evidence_pointer("s3://bucket/x", Sha256Digest::of(b""));
    let subject = format!("sha256:{}", descriptor().digest());
    let other = format!("sha256:{}", other_facts().descriptor.digest());
    let shared = format!("{SHARED_TAG_PREFIX}{EVIDENCE_TAG}");
    let table: [(&str, VisibleTags<'_>, bool); 13] = [
        ("absent", &[], true),
        ("right", &[(EVIDENCE_TAG, &right), (SUBJECT_TAG, &subject)], true),
        ("without a place", &[(EVIDENCE_TAG, &bare)], true),
        ("wrong digest", &[(EVIDENCE_TAG, &wrong)], false),
        ("garbage", &[(EVIDENCE_TAG, "s3://bucket/x")], false),
        ("empty", &[(EVIDENCE_TAG, "")], false),
        ("upper case", &[(EVIDENCE_TAG, &bare.to_uppercase())], false),
        ("subject of another image", &[(SUBJECT_TAG, &other)], false),
        ("subject as evidence", &[(EVIDENCE_TAG, &subject)], false),
        ("shared, right", &[(&shared, &right)], true),
        ("shared, wrong", &[(&shared, &wrong)], false),
        ("own right, shared wrong", &[(EVIDENCE_TAG, &right), (&shared, &wrong)], false),
        ("the key's name proves nothing", &[("goldseal:key", "garbage")], true),
    ];
    for (what, tags, admitted) in table {
        let expected = if admitted { "admit" } else { "reject tag-mismatch" };
        assert_eq!(asked.clone().tagged(tags).outcome(), expected, "{what}");
    }
}

#[test]
fn a_right_pointer_does_not_stand_in_for_evidence() {
    let asked = Asked { evidence: b"".to_vec(), ..Asked::admitted() };
    let right = evidence_pointer("x", Sha256Digest::of(b""));
    assert_eq!(asked.tagged(&[(EVIDENCE_TAG, &right)]).outcome(), "reject attestation-missing");
}

#[test]
fn the_clock_must_not_be_before_the_end_of_the_build() {
    let end = "2026-11-01T10:00:00Z".parse::<Timestamp>().unwrap().as_second();
    for (now, expected) in [(end - 1, "undetermined clock-before-signed-time"), (end, "admit"), (end + 1, "admit")] {
        assert_eq!(Asked { now: at(now), ..sealing("", "") }.outcome(), expected);
    }
    let wrong = Asked { now: at(end - 1), ..sealing(r#""Name":"x""#, "").tagged(&[("Name", "y")]) };
    assert_eq!(wrong.outcome(), "reject tag-mismatch", "a reason beats a fault");
}

#[test]
fn the_sealed_descriptor_is_the_images() {
    assert_eq!(sealing("", "").outcome(), "admit");
    let elsewhere = Asked { facts: other_facts(), ..sealing("", "") };
    assert_eq!(elsewhere.outcome(), "reject subject-mismatch attestation-missing");
    let mut changed = sealing("", "");
    let mut identity = descriptor().identity().clone();
    identity.architecture = "arm64".into();
    changed.facts.descriptor = crate::image::Descriptor::new(identity).unwrap();
    assert_eq!(changed.outcome(), "reject subject-mismatch attestation-missing", "one fact is enough");
}

#[test]
fn a_local_key_is_named_when_any_statement_of_an_authority_says_so() {
    let ci = LocalKey::p256(1);
    let dangerous =
        |kind: Kind| write_statement(&descriptor(), predicate_type(kind), serde_json::Value::Null, true).unwrap();
    let plain = sealing("", "");
    assert!(!plain.judge().dangerous_local_key);
    for kind in [Kind::Sbom, Kind::Tests] {
        let evidence = [plain.evidence.clone(), signed(&[(&ci, dangerous(kind))])].concat();
        let judgement = Asked { evidence, ..plain.clone() }.judge();
        assert_eq!((outcome(&judgement).as_str(), judgement.dangerous_local_key), ("admit", true), "{kind}");
    }
    let by_stranger = [plain.evidence.clone(), signed(&[(&LocalKey::p256(3), dangerous(Kind::Sbom))])].concat();
    assert!(!Asked { evidence: by_stranger, ..plain }.judge().dangerous_local_key);
}
