//! Outputs of the gate and of audits against the published schemas of their formats (tests/formats/validate.py).

use goldseal_core::{report::AuditReport, testing::audits};
use serde_json::Value;

use crate::{
    cloud::python,
    run::{Goldseal, files_under},
};

/// Says what a published schema has against a file; nothing, if it is valid.
pub fn complaints(goldseal: &Goldseal, format: &str, file: &str) -> String {
    let run = python().args(["tests/formats/validate.py", format]).arg(goldseal.path(file)).output().unwrap();
    let said = [run.stdout, run.stderr].concat();
    assert!(run.status.success() == said.is_empty(), "{}", String::from_utf8_lossy(&said));
    String::from_utf8(said).unwrap()
}

fn audits() -> [(&'static str, AuditReport); 4] {
    [
        ("varied", audits::fleet(500)),
        ("compared", audits::compared(500)),
        ("hostile", audits::hostile()),
        ("none", audits::fleet(0)),
    ]
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

/// The columns of a statement of Athena's: `name type`, by commas that are in no other brackets.
fn columns(text: &str) -> Vec<(String, String)> {
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for letter in text.chars() {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(letter);
    }
    let column = |part: &String| {
        let (name, kind) = part.trim().split_once([' ', ':'])?;
        Some((name.to_owned(), kind.trim().to_owned()))
    };
    parts.iter().filter_map(column).collect()
}

/// Insists that a value is of a type as Athena names it.
fn is_of(value: &Value, kind: &str, place: &str) {
    let inner = |name: &str| kind.strip_prefix(name)?.strip_prefix('<')?.strip_suffix('>');
    if let Some(fields) = inner("struct") {
        columns(fields).iter().for_each(|(name, kind)| is_of(&value[name], kind, &format!("{place}.{name}")));
    } else if let Some(items) = inner("array") {
        is_of(&value[0], items, &format!("{place}[0]"));
    } else {
        let fits =
            if kind == "string" { value.is_string() } else { value.is_i64() && ["int", "bigint"].contains(&kind) };
        assert!(fits, "{place}: {value} is no {kind}");
    }
}

#[test]
fn the_table_in_the_documents_is_of_the_events_that_are_written() {
    let goldseal = Goldseal::new();
    goldseal.write("audit.json", serde_json::to_vec(&audits::fleet(40)).unwrap());
    goldseal.run("audit render audit.json --lake events").exits(0);
    let files = files_under(&goldseal.path("events"));
    let text = std::fs::read_to_string("docs/audit.md").unwrap();
    let (_, statement) = text.split_once("CREATE EXTERNAL TABLE goldseal_audit (").unwrap();
    let (table, rest) = statement.split_once("\n)\nPARTITIONED BY (").unwrap();
    let table = columns(table);
    assert!(table.len() > 5, "{table:?}");
    let path = files[0].display().to_string();
    for (name, _) in columns(rest.split_once(')').unwrap().0) {
        assert!(path.contains(&format!("/{name}=")), "{name} is not in {path}");
    }
    let events = std::fs::read_to_string(&files[0]).unwrap();
    // Events of instances have all columns.
    let event =
        events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|one| one["unmapped"].is_object());
    let event = event.unwrap();
    table.iter().for_each(|(name, kind)| is_of(&event[name], kind, name));
}
