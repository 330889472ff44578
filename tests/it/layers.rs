//! The architecture, checked: a module of the core uses only modules above it in `lib.rs`, and the outside keeps to its
//! table.

use std::{fs, path::Path};

/// Who of the outside may not name what.
const OUTSIDE: &[(&str, &str)] = &[
    ("src/cli", "aws_sdk_"),
    ("src/cli", "oci_client"),
    ("src/cli", "reqwest"),
    ("src/render", "crate::adapters"),
    ("src/render", "crate::cli"),
    ("src/render", "crate::settings"),
    ("src/render", "goldseal_core::flow"),
    ("src/render", "goldseal_core::policy"),
    ("src/render", "goldseal_core::trust"),
    ("src/settings", "crate::cli"),
    ("src/hook", "aws_sdk_"),
    ("src/hook", "crate::cli"),
    ("src/hook", "crate::render"),
    ("src/hook", "crate::settings"),
    ("src/render", "crate::hook"),
    ("src/adapters", "crate::hook"),
    ("src/adapters", "crate::cli"),
    ("src/adapters", "crate::settings"),
    ("src/adapters", "crate::render"),
    ("src/adapters/aws", "crate::adapters::store"),
    ("src/adapters/aws", "crate::adapters::keys"),
    ("src/adapters/aws", "crate::adapters::documents"),
    ("src/adapters/aws", "crate::adapters::state"),
    ("src/adapters/keys", "crate::adapters::"),
    ("src/adapters/imds.rs", "aws_sdk_"),
    ("src/adapters/imds.rs", "aws_config"),
    ("src/adapters/documents", "crate::adapters::store"),
    ("src/adapters/documents", "crate::adapters::state"),
    ("src/adapters/documents/files.rs", "aws_sdk_"),
    ("src/adapters/documents/tries.rs", "aws_sdk_"),
    ("src/adapters/state", "aws_sdk_"),
    ("src/adapters/store", "aws_sdk_"),
    ("src/adapters/store", "crate::adapters::state"),
];

#[test]
fn a_module_of_the_core_uses_only_modules_above_it() {
    let lib = fs::read_to_string("src/core/lib.rs").unwrap();
    let modules: Vec<&str> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(modules.len() > 10, "{modules:?}");
    let mut edges = Vec::new();
    for (place, module) in modules.iter().enumerate() {
        for (file, text) in sources(&format!("src/core/{module}")) {
            for (number, line) in production(&text) {
                for (later, other) in modules.iter().enumerate() {
                    let named = names(line, other);
                    if named && later > place {
                        edges.push(format!("{file}:{number}: {module} may not use {other}"));
                    }
                }
            }
        }
    }
    assert!(edges.is_empty(), "{}", edges.join("\n"));
}

#[test]
fn the_outside_keeps_to_its_table() {
    let mut edges = Vec::new();
    for (place, forbidden) in OUTSIDE {
        let files = sources(place);
        assert!(!files.is_empty(), "{place} is not there any more: mend the table");
        for (file, text) in files {
            for (number, line) in production(&text).filter(|(_, line)| line.contains(forbidden)) {
                edges.push(format!("{file}:{number}: {place} may not name {forbidden}: {}", line.trim()));
            }
        }
    }
    assert!(edges.is_empty(), "{}", edges.join("\n"));
}

#[test]
fn the_layer_test_can_fail() {
    for (line, module, expected) in [
        ("use crate::policy::Mode;", "policy", true),
        ("use crate::{ids::Region, policy::Mode};", "policy", true),
        ("    policy::{Mode, Policy},", "policy", true),
        ("use crate::policy_notes;", "policy", false),
        ("let policy = policy;", "policy", false),
        ("//! the policy::x", "policy", false),
    ] {
        assert_eq!(names(line, module), expected, "{line}");
    }
}

/// A `use` of the crate names a module as `crate::m::`, or as `m::` in a list of imports.
fn names(line: &str, module: &str) -> bool {
    let line = line.trim();
    if line.starts_with("//") {
        return false;
    }
    let direct = line.contains(&format!("crate::{module}::"));
    let grouped = line.starts_with("use crate::{") && line.contains(&format!("{module}::"));
    let listed = line.starts_with(&format!("{module}::")) && line.ends_with(',');
    direct || grouped || listed
}

/// Lines before the tests of a file: tests may build on anything.
fn production(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line)).take_while(|(_, line)| *line != "#[cfg(test)]")
}

fn sources(place: &str) -> Vec<(String, String)> {
    let file = if place.ends_with(".rs") { place.to_owned() } else { format!("{place}.rs") };
    if let Ok(text) = fs::read_to_string(&file) {
        return vec![(file, text)];
    }
    let mut found = Vec::new();
    let mut folders = vec![Path::new(place).to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let test = path.file_name().is_some_and(|name| name == "tests.rs" || name == "tests" || name == "contract");
            if path.is_dir() && !test {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !test {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.display().to_string(), text));
            }
        }
    }
    found
}
