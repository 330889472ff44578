//! Keys, types, tables and lists: what a document is made of, before it means anything.

use super::*;

#[test]
fn keys_are_known_at_every_level_and_a_typo_lists_them() {
    let top = "authority, boot, breaker, dangerous_without_gate, gate, identity, launch, no_match, override, provenance, \
               receipt, require, revocation, scope, version";
    let authority =
        "key, key_file, kms, name, retired, scheme, spki_sha256, trusted_root, valid_from, valid_until, witness";
    for (from, to, key, known) in [
        ("version = 1\n", "version = 1\nno_mtach = 1\n", "no_mtach", top),
        ("[identity]", "[identiy]\nx = 1\n[identity]", "identiy", top),
        ("valid_from", "valid_form", "authority[0].valid_form", authority),
        ("threshold", "treshold = 1\nthreshold", "require[1].treshold", "attestation, authorities, threshold"),
        ("tags =", "tag = 1\ntags =", "identity.tag", "owners, regions, tags"),
        ("groups =", "group = 1\ngroups =", "scope[0].group", "accounts, groups, mode, regions"),
    ] {
        let at = to.split([' ', ']']).next().unwrap().trim_start_matches('[');
        let at = if from.starts_with("version") { "no_mtach" } else { at };
        one_problem(from, to, at, key, &format!("unknown key; known here: {known}"));
    }
}

#[test]
fn wrong_types_are_told_at_the_value() {
    for (from, to, at, key, message) in [
        ("version = 1", "version = \"1\"", "\"1\"", "version", "expected i64"),
        ("\"enforce\"", "true", "true", "no_match", "invalid type"),
        ("\"enforce\"", "\"Enforce\"", "\"Enforce\"", "no_match", "`warn` or `enforce`"),
        ("\"awskms:///arn", "3 # \"", "3 #", "authority[2].kms", "expected a string"),
        ("[\"log\"]", "\"log\"", "\"log\"", "authority[2].witness", "expected a sequence"),
        ("[\"log\"]", "[\"lag\"]", "[\"lag\"]", "authority[2].witness", "unknown variant `lag`"),
        ("threshold = 2", "threshold = 2.0", "2.0", "require[1].threshold", "invalid type"),
        ("\"sbom\"", "\"SBOM\"", "\"SBOM\"", "require[1].attestation", "unknown variant `SBOM`"),
        ("[\"vault\"]", "\"vault\"", "\"vault\"\n\n", "require[0].authorities", "expected a sequence"),
        ("[\"123456789012\"]", "[123456789012]", "[123456789012]", "identity.owners", "expected a string"),
        ("[\"123456789012\"]", "[\"1\"]", "[\"1\"]", "identity.owners", "12 digits"),
        ("[\"Commit\"]", "{ Commit = 1 }", "{ Commit", "identity.tags", "expected a sequence"),
        ("[\"Commit\"]", "[{ a = 1 }]", "[{ a", "identity.tags", "expected a string"),
        ("\"warn\"", "\"off\"", "\"off\"", "scope[0].mode", "`warn` or `enforce`"),
    ] {
        one_problem(from, to, at, key, message);
    }
    one_problem("= true", "= \"true\"", "\"true\"", "dangerous_without_gate", "expected a boolean");
}

#[test]
fn tables_are_tables_and_lists_of_tables_are_lists() {
    for (more, at, key) in [
        ("identity = 3", "3", "identity"),
        ("identity = [[\"123456789012\"]]", "[[", "identity"),
        ("scope = 3", "3", "scope"),
        ("scope = [[\"warn\"]]", "[\"warn", "scope[0]"),
        ("scope = { mode = \"warn\" }", "{ mode", "scope"),
    ] {
        let start = whole().find("\n[identity]").unwrap();
        let text = whole()[..start].replacen("version = 1\n", &format!("version = 1\n{more}\n"), 1);
        let told = problems(&text);
        let (line, column) = (2, more.find(at).unwrap() + 1);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].line, told[0].column, told[0].key.as_str()), (line, column, key), "{told:?}");
    }
    for one in ["authority", "require"] {
        let (_, told) = after(&format!("[[{one}]]\n"), &format!("[{one}.x]\n[[{one}.y]]\n"));
        assert!(!told.is_empty());
    }
}

#[test]
fn required_keys_are_told_where_their_table_begins() {
    let top = |key: &str, from: &str| one_problem(from, "", "", key, "required, and has no default");
    top("version", "version = 1\n");
    top("no_match", "no_match = \"enforce\"\n");
    let (_, told) = after("name = \"ci\"\n", "");
    assert_eq!(told[0], ("5:1 authority[0].name".to_owned(), "required, and has no default".to_owned()));
    assert_eq!((told[1].1.as_str(), told.len()), ("no [[authority]] is called ci", 2), "and so nobody is");
    for (from, at, key) in [
        ("attestation = \"sbom\"\n", "[[require]]\nauthorities", "require[1].attestation"),
        ("authorities = [\"ci\", \"risk\"]\n", "[[require]]\nattestation = \"sbom\"", "require[1].authorities"),
        ("mode = \"warn\"\n", "[[scope]]", "scope[0].mode"),
    ] {
        one_problem(from, "", at, key, "required, and has no default");
    }
}

#[test]
fn lists_are_neither_empty_nor_do_they_repeat() {
    for (list, key) in [
        ("[\"log\"]", "authority[2].witness"),
        ("[\"vault\"]", "require[0].authorities"),
        ("[\"123456789012\"]", "identity.owners"),
        ("[\"Commit\"]", "identity.tags"),
        ("[\"111111111111\"]", "scope[0].accounts"),
    ] {
        let name = key.rsplit('.').next().unwrap();
        let (from, empty) = (format!("{name} = {list}"), format!("{name} = [  ]"));
        one_problem(&from, &empty, "[  ]", key, "an empty list");
        let twice = format!("{name} = {}, {}", &list[..list.len() - 1], &list[1..]);
        one_problem(&from, &twice, &twice[name.len() + 3..], key, "an entry stands twice");
    }
}
