use serde_json::json;

use super::*;
use crate::{
    attestation::{Kind, Statement, predicate::SUMMARY_TYPE},
    testing::receipts::{receipt, said, statement_of},
};

fn read(receipt: &serde_json::Value) -> Result<Receipt, serde_json::Error> {
    serde_json::from_value(receipt.clone())
}

#[test]
fn the_fields_are_those_of_a_verification_summary() {
    let written = serde_json::to_value(receipt(said())).unwrap();
    let keys: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            RECEIPT_FIELD,
            "inputAttestations",
            "policy",
            "resourceUri",
            "timeVerified",
            "verificationResult",
            "verifiedLevels",
            "verifier"
        ]
    );
    assert_eq!(written["verifier"], json!({"id": VERIFIER}));
    assert_eq!((&written["verificationResult"], &written["verifiedLevels"]), (&json!("PASSED"), &json!([LEVEL])));
    let field: Vec<&str> = written[RECEIPT_FIELD].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(field, ["covers", "enforcement", "instant", "timeless"]);
    assert_eq!(read(&written).unwrap().check(), Ok(()));
}

#[test]
fn the_evidence_and_every_statement_that_counted_are_named_once() {
    let mut twice = said();
    let again = CountedSignature { by: "other".into(), ..twice.timeless.signatures[0].clone() };
    twice.timeless.signatures.push(again);
    let evidence = twice.timeless.evidence.unwrap();
    let statements = said().timeless.signatures.iter().map(|one| one.statement).collect::<Vec<_>>();
    let receipt = receipt(twice);
    let named: Vec<Sha256Digest> = receipt.input_attestations.iter().map(|input| input.digest.sha256).collect();
    assert_eq!(named, [vec![evidence], statements].concat());
    assert_eq!(receipt.check(), Ok(()));
    assert_eq!(receipt.resource(), "arn:aws:ec2:eu-west-1::image/ami-0123456789abcdef0");
}

#[test]
fn an_admission_may_end_at_the_very_instant_of_its_verdict_and_not_before() {
    let until = |until: Timestamp| {
        let mut ends = said();
        ends.instant.until = Some(until);
        receipt(ends).check()
    };
    let at = said().instant.at;
    assert_eq!(until(at), Ok(()));
    assert_eq!(until(at - jiff::SignedDuration::from_nanos(1)), Err(ReceiptFault::Times));
}

#[test]
fn what_an_override_let_pass_did_not_pass() {
    let mut overridden = said();
    overridden.instant.overridden = Some(Sha256Digest::of(b"override"));
    let mut rejected = said();
    rejected.instant.verdict = "reject".into();
    for said in [overridden, rejected] {
        let written = receipt(said);
        assert!(!written.passed());
        assert_eq!((written.check(), written.verified_levels), (Ok(()), vec![FAILED.to_owned()]));
    }
}

#[test]
fn a_receipt_that_contradicts_itself_is_none() {
    type Change = (&'static str, serde_json::Value, fn(&ReceiptFault) -> bool);
    let changes: [Change; 12] = [
        ("/verifier/id", json!("https://goldseal.dev/verifiers/gate/v1"), |f| matches!(f, ReceiptFault::Verifier(_))),
        ("/verificationResult", json!("FAILED"), |f| matches!(f, ReceiptFault::Result { .. })),
        ("/https:~1~1goldseal.dev~1receipt~1v1/instant/verdict", json!("undetermined"), |f| {
            matches!(f, ReceiptFault::Result { .. })
        }),
        ("/inputAttestations/0/digest/sha256", json!("00".repeat(32)), |f| *f == ReceiptFault::Inputs),
        ("/verifiedLevels/0", json!("SLSA_BUILD_LEVEL_3"), |f| matches!(f, ReceiptFault::Result { .. })),
        ("/resourceUri", json!("goldseal:unknown-image"), |f| matches!(f, ReceiptFault::Resource { .. })),
        ("/https:~1~1goldseal.dev~1receipt~1v1/timeless/image", json!(null), |f| {
            matches!(f, ReceiptFault::Resource { .. })
        }),
        ("/https:~1~1goldseal.dev~1receipt~1v1/instant/mode", json!("maybe"), |f| {
            matches!(f, ReceiptFault::Words { .. })
        }),
        ("/https:~1~1goldseal.dev~1receipt~1v1/instant/until", json!("2020-01-01T00:00:00Z"), |f| {
            *f == ReceiptFault::Times
        }),
        ("/timeVerified", json!("2020-01-01T00:00:00Z"), |f| *f == ReceiptFault::Times),
        ("/https:~1~1goldseal.dev~1receipt~1v1/instant/issuedAt", json!("2020-01-01T00:00:00Z"), |f| {
            *f == ReceiptFault::Times
        }),
        ("/https:~1~1goldseal.dev~1receipt~1v1/covers", json!([]), |f| *f == ReceiptFault::Covers { found: 0 }),
    ];
    for (pointer, value, expected) in changes {
        let mut written = serde_json::to_value(receipt(said())).unwrap();
        *written.pointer_mut(pointer).unwrap() = value;
        let fault = read(&written).unwrap().check().unwrap_err();
        assert!(expected(&fault), "{pointer}: {fault}");
    }
}

/// By its verifier or by its field: either is enough, also in a disguise, and with a gate result beside it.
#[test]
fn a_receipt_is_never_a_gate_result() {
    let whole = Statement::parse(statement_of(&receipt(said()))).unwrap();
    assert_eq!((whole.kind(), whole.is_receipt()), (None, true));
    for predicate in [
        format!(r#"{{"{RECEIPT_FIELD}":null}}"#),
        r#"{"https://goldseal.dev/receipt\/v1":1,"https://goldseal.dev/gate/v1":{}}"#.to_owned(),
        format!(r#"{{"verifier":{{"id":"{VERIFIER}"}},"https://goldseal.dev/gate/v1":{{}}}}"#),
        r#"{"verifier":{"more":1,"id":"https:\/\/goldseal.dev/verifiers/receipt/v1"}}"#.to_owned(),
    ] {
        let payload = crate::testing::evidence::saying(Kind::Gate, &predicate);
        let statement = Statement::parse(payload).unwrap();
        assert_eq!((statement.kind(), statement.is_receipt()), (None, true), "{predicate}");
    }
    for predicate in
        ["{}", "[]", "1", r#"{"verifier":[]}"#, r#"{"verifier":{"id":"https://goldseal.dev/verifiers/gate/v1"}}"#]
    {
        let statement = Statement::parse(crate::testing::evidence::saying(Kind::Gate, predicate)).unwrap();
        assert_eq!(statement.kind(), Some(Kind::Gate), "{predicate} is judged as a gate result, and found wanting");
        assert!(!statement.is_receipt(), "{predicate}");
    }
    let other = format!(r#"{{"{RECEIPT_FIELD}":{{}}}}"#);
    let sbom = Statement::parse(crate::testing::evidence::saying(Kind::Sbom, &other)).unwrap();
    assert_eq!((sbom.kind(), sbom.is_receipt()), (Some(Kind::Sbom), false));
    assert_ne!(sbom.predicate_type(), SUMMARY_TYPE);
    let subject = sbom.subject();
    let unknown = crate::testing::evidence::statement(subject, "https://x.example/y", &other);
    let unknown = Statement::parse(unknown).unwrap();
    assert_eq!((unknown.kind(), unknown.is_receipt()), (None, false), "no kind is not enough");
}
