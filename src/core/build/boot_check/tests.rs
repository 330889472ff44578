use serde_json::{Value, json};

use super::*;

fn found(severity: &str, code: &str) -> Value {
    json!({"severity": severity, "code": code, "where": "units", "message": "m", "type": []})
}

fn report(findings: &[Value]) -> Value {
    json!({"schema": SCHEMA, "root": "/", "recipe": "sysinit", "version": "0.1.0", "reportOnly": false, "records": true,
           "executable": Sha256Digest::of(b"goldseal"), "findings": findings})
}

fn read(report: &Value) -> Result<BootGuard, BootCheckFault> {
    boot_guard(report.to_string().as_bytes())
}

#[test]
fn a_guard_that_holds_is_what_was_found() {
    let guard = read(&report(&[
        found("unknown", "cycles-not-looked-for"),
        found("warning", "policy-reports"),
        found("note", "no-cloud-init"),
        found("good", "guard-good"),
    ]))
    .unwrap();
    let expected = BootGuard {
        recipe: "sysinit".to_owned(),
        version: "0.1.0".to_owned(),
        executable: Sha256Digest::of(b"goldseal"),
        report_only: false,
        records: true,
        findings: ["cycles-not-looked-for", "policy-reports", "no-cloud-init"].map(str::to_owned).to_vec(),
    };
    assert_eq!(guard, expected);
}

#[test]
fn a_guard_that_something_takes_away_is_never_signed() {
    for code in ["unit-masked", "ordering-cycle", "file-changed", "executable-missing", "not-known-yet"] {
        let fault = read(&report(&[found("good", "guard-good"), found("problem", code)])).unwrap_err();
        assert!(matches!(&fault, BootCheckFault::Problems(told) if told.contains(code)), "{fault}");
    }
    let mut none = report(&[found("problem", "not-installed")]);
    none["recipe"] = Value::Null;
    assert!(matches!(read(&none), Err(BootCheckFault::NotInstalled)));
}

#[test]
fn what_leaves_something_out_says_nothing() {
    for key in ["version", "executable", "reportOnly", "records"] {
        let mut cut = report(&[found("good", "guard-good")]);
        cut[key] = Value::Null;
        assert!(matches!(read(&cut), Err(BootCheckFault::Unsaid(_))), "{key}");
        cut.as_object_mut().unwrap().remove(key);
        assert!(matches!(read(&cut), Err(BootCheckFault::Unsaid(_))), "{key}");
    }
    assert!(matches!(read(&report(&[])), Err(BootCheckFault::Unsaid(_))));
}

#[test]
fn what_is_no_report_is_refused() {
    let mut other = report(&[found("good", "guard-good")]);
    other["schema"] = json!("goldseal/boot-install/v1");
    assert!(matches!(read(&other), Err(BootCheckFault::Schema(_))));
    let text = report(&[found("good", "guard-good")]).to_string();
    for (from, to) in [
        (r#""severity":"good""#, r#""severity":"fine""#),
        (r#""recipe":"sysinit""#, r#""recipe":1"#),
        (r#""records":true"#, r#""records":true,"records":false"#),
        (r#""executable":""#, r#""executable":"x"#),
        (r#"{"code":"guard-good","#, r#"{"#),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        assert!(matches!(boot_guard(changed.as_bytes()), Err(BootCheckFault::Json(_))), "{to}");
    }
    for text in ["", "[]", "nothing was found\n"] {
        assert!(matches!(boot_guard(text.as_bytes()), Err(BootCheckFault::Json(_))), "{text}");
    }
    let large = vec![b' '; LIMITS.bytes + 1];
    assert!(matches!(boot_guard(&large), Err(BootCheckFault::Json(JsonFault::TooLarge { .. }))));
}
