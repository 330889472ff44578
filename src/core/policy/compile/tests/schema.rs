//! The compiler and the schema: one list of keys, and one opinion as far as a schema can have one.

use jsonschema::Validator;
use serde_json::Value;

use super::*;
use crate::testing::policies::minimal;

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

pub(super) fn valid_by_schema(text: &str) -> bool {
    validator().is_valid(&as_json(text))
}

/// The document as an editor sees it: an instant is a string there.
fn as_json(text: &str) -> Value {
    fn json(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(instant) => instant.to_string().into(),
            toml::Value::Array(list) => list.into_iter().map(json).collect(),
            toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, json(value))).collect(),
            toml::Value::String(_) | toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => {
                serde_json::to_value(value).unwrap()
            }
        }
    }
    json(text.parse::<toml::Table>().map(toml::Value::Table).unwrap())
}

/// Every object of the schema, by its place in the document.
fn levels() -> Vec<(String, Vec<String>)> {
    fn walk(schema: &Value, path: &str, found: &mut Vec<(String, Vec<String>)>) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        found.push((path.to_owned(), properties.keys().cloned().collect()));
        for (key, below) in properties {
            walk(below, key, found);
            walk(below.get("items").unwrap_or(&Value::Null), &format!("[{key}]"), found);
        }
    }
    let mut found = Vec::new();
    walk(&schema(), "", &mut found);
    found
}

fn unknown_keys(text: &str) -> Vec<String> {
    let unknown = problems(text).into_iter().filter(|one| one.message.starts_with("unknown key"));
    unknown.map(|one| one.key).collect()
}

#[test]
fn every_key_of_the_schema_is_a_key_of_the_compiler_and_no_other_is() {
    let levels = levels();
    let places: Vec<&str> = levels.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(
        places,
        [
            "",
            "[authority]",
            "boot",
            "breaker",
            "gate",
            "identity",
            "launch",
            "override",
            "provenance",
            "receipt",
            "[require]",
            "revocation",
            "[scope]"
        ]
    );
    for (place, keys) in levels {
        let header = if place.is_empty() { String::new() } else { format!("[{place}]\n") };
        for key in &keys {
            assert_eq!(unknown_keys(&format!("{header}{key} = 0\n")), Vec::<String>::new(), "{place} {key}");
            for other in [format!("{key}s"), key.to_uppercase(), format!("\"{key} \""), key.replace('_', "-")] {
                if keys.contains(&other) {
                    continue;
                }
                let text = format!("{header}{other} = 0\n");
                let known = unknown_keys(&text).is_empty()
                    && problems(&text).iter().all(|one| !one.message.contains("duplicate"));
                assert!(!known, "{place} takes {other}");
                assert!(!validator().is_valid(&as_json(&text)));
            }
        }
    }
}

#[test]
fn the_whole_document_has_every_key_there_is() {
    let text = whole() + "[[authority]]\nname = \"x\"\nkey = \"\"\nkey_file = \"\"\nkms = \"\"\n";
    let written = as_json(&text);
    for (place, keys) in levels() {
        for key in keys {
            let list = place.trim_matches(['[', ']']);
            let at = if list.is_empty() { &written } else { &written[list] };
            let tables: Vec<&Value> = at.as_array().map_or_else(|| vec![at], |entries| entries.iter().collect());
            assert!(tables.iter().any(|table| table.get(&key).is_some()), "{place} {key}");
        }
    }
}

#[test]
fn schema_and_compiler_require_the_same_keys() {
    let validator = validator();
    let (text, mut tried) = (whole(), 0);
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ") && !line.ends_with("\"\"\""))
    {
        let without = [&lines[..index], &lines[index + 1..]].concat().join("\n");
        let missing = problems(&without).iter().any(|one| one.message == "required, and has no default");
        assert_eq!(!validator.is_valid(&as_json(&without)), missing, "{line}");
        tried += 1;
    }
    assert_eq!(tried, 61, "every key but the PEM");
}

#[test]
fn schema_and_compiler_agree_on_documents() {
    let validator = validator();
    let ci = LocalKey::p256(1);
    for good in [whole(), minimal(&ci), whole().replace("T00:00:00Z", "t00:00:00.5-11:30")] {
        assert_eq!(problems(&good), []);
        let told: Vec<String> = validator.iter_errors(&as_json(&good)).map(|error| error.to_string()).collect();
        assert_eq!(told, Vec::<String>::new());
    }
    for (from, to) in [
        ("version = 1", "version = 2"),
        ("version = 1", "version = 0"),
        ("version = 1", "version = \"1\""),
        ("version = 1\n", ""),
        ("\"enforce\"", "\"Enforce\""),
        ("no_match = \"enforce\"\n", ""),
        ("= true", "= 1"),
        ("no_match", "nomatch = 1\nno_match"),
        ("name = \"ci\"", "name = \"c i\""),
        ("name = \"ci\"", "name = \"\""),
        ("name = \"ci\"\n", ""),
        ("scheme = \"ecdsa-p256-sha256\"", "scheme = \"ES256\""),
        ("[\"log\"]", "[]"),
        ("[\"log\"]", "[\"rekor\"]"),
        ("attestation = \"sbom\"\n", ""),
        ("\"sbom\"", "\"vulns\""),
        ("authorities = [\"vault\"]\n", ""),
        ("[\"vault\"]", "[]"),
        ("[\"vault\"]", "\"vault\""),
        ("threshold = 2", "threshold = 0"),
        ("threshold = 2", "threshold = \"2\""),
        ("[\"123456789012\"]", "[]"),
        ("[\"123456789012\"]", "[\"12345678901\"]"),
        ("[\"123456789012\"]", "[123456789012]"),
        ("[\"eu-west-1\"]", "[\"eu-west\"]"),
        ("[\"eu-west-1\"]", "[\"eu-west-1a\"]"),
        ("[\"Commit\"]", "[]"),
        ("[\"Commit\"]", "[1]"),
        ("mode = \"warn\"\n", ""),
        ("\"warn\"", "\"audit\""),
        ("[\"111111111111\"]", "[]"),
    ] {
        let text = whole().replacen(from, to, 1);
        assert_ne!(text, whole(), "{from}");
        assert!(!problems(&text).is_empty(), "the compiler takes {to:?} for {from:?}");
        assert!(!validator.is_valid(&as_json(&text)), "the schema takes {to:?} for {from:?}");
    }
    let bare = "version = 1\nno_match = \"warn\"\n";
    for tables in ["", "authority = []\n", "require = []\n", "identity = []\n", "scope = {}\n"] {
        let text = format!("{bare}{tables}");
        assert!(!problems(&text).is_empty() && !validator.is_valid(&as_json(&text)), "{tables}");
    }
}

#[test]
fn what_only_the_compiler_can_know_passes_the_schema() {
    let validator = validator();
    for (from, to) in [
        ("\"risk.pem\"", "\"gone.pem\""),
        ("[\"vault\"]", "[\"nobody\"]"),
        ("threshold = 2", "threshold = 3"),
        ("threshold = 2\n", ""),
        ("key_file = \"risk.pem\"", "# no key at all"),
        ("= true", "= false"),
        ("2027-01-01T00:00:00+01:00", "2020-01-01T00:00:00Z"),
    ] {
        let text = whole().replacen(from, to, 1);
        assert!(!problems(&text).is_empty() && validator.is_valid(&as_json(&text)), "{to}");
    }
}
