//! Outputs of the gate and of audits against the published schemas of their formats (tests/formats/validate.py).

use std::process::Command;

use goldseal_core::{report::AuditReport, testing::audits};

use crate::run::Goldseal;

/// Says what a published schema has against a file; nothing, if it is valid.
pub fn complaints(goldseal: &Goldseal, format: &str, file: &str) -> String {
    let venv = Command::new("tests/cloud/venv.sh").output().unwrap();
    let python = String::from_utf8(venv.stdout).unwrap();
    let run = Command::new(python.trim())
        .args(["tests/formats/validate.py", format])
        .arg(goldseal.path(file))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = [run.stdout, run.stderr].concat();
    assert!(run.status.success() == said.is_empty(), "{}", String::from_utf8_lossy(&said));
    String::from_utf8(said).unwrap()
}

fn audits() -> [(&'static str, AuditReport); 3] {
    [("varied", audits::fleet(500)), ("hostile", audits::hostile()), ("none", audits::fleet(0))]
}

#[test]
fn an_audit_is_valid_by_the_published_schema_of_every_format() {
    let goldseal = Goldseal::new();
    for (name, report) in audits() {
        let saved = format!("{name}.json");
        goldseal.write(&saved, serde_json::to_vec(&report).unwrap());
        for format in ["sarif", "junit", "ocsf", "asff"] {
            let file = format!("{name}.{format}");
            goldseal.run(&format!("audit render {saved} --write {format}={file}")).exits(0);
            assert_eq!(complaints(&goldseal, format, &file), "", "{file}");
        }
    }
}

/// A check that cannot fail proves nothing: each format is spoiled in a way that only its schema knows of.
#[test]
fn the_schemas_find_what_is_wrong() {
    let goldseal = Goldseal::new();
    goldseal.write("audit.json", serde_json::to_vec(&audits::fleet(40)).unwrap());
    for (format, right, wrong) in [
        ("sarif", "\"level\": \"error\"", "\"level\": \"bad\""),
        ("junit", "<testsuite ", "<testsuite colour=\"red\" "),
        ("ocsf", "\"activity_id\":1", "\"activity_id\":\"one\""),
        ("asff", "\"Label\":\"HIGH\"", "\"Label\":\"high\""),
    ] {
        goldseal.run(&format!("audit render audit.json --write {format}=right")).exits(0);
        let text = String::from_utf8(goldseal.read("right")).unwrap();
        assert!(text.contains(right), "{format}: {text}");
        goldseal.write("wrong", text.replace(right, wrong));
        assert_ne!(complaints(&goldseal, format, "wrong"), "", "{format}");
    }
}
