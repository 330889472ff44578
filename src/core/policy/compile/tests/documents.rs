//! Whole documents: broken, empty, too large, and one with very many problems.

use super::*;

fn told(text: &str) -> Vec<String> {
    problems(text).iter().map(ToString::to_string).collect()
}

#[test]
fn every_syntax_error_is_told_and_nothing_else() {
    assert_eq!(
        told("version = = 1\nno_match = \"x\nscope = 3\n"),
        [
            "policy.toml:1:11: extra `=`, expected nothing",
            "policy.toml:1:13: unexpected key or value, expected newline, `#`",
            "policy.toml:2:14: invalid basic string, expected `\"`",
        ]
    );
    assert_eq!(told("version = 1\nversion = 1\n"), ["policy.toml:2:1: duplicate key"]);
    for broken in ["[identity]\n[identity]\n", "\u{0}", "x", "[[scope]", "scope = [", "a.b = 1\na = 1\n"] {
        let told = problems(broken);
        assert!(!told.is_empty() && told.iter().all(|one| one.key.is_empty()), "{told:?}");
    }
}

#[test]
fn an_empty_document_is_no_policy() {
    for text in ["", "\n", "# nothing\n", "\u{feff}"] {
        let keys: Vec<String> = problems(text).into_iter().map(|one| one.key).collect();
        assert_eq!(keys, ["authority", "no_match", "require", "version"], "{text:?}");
    }
}

#[test]
fn other_versions_and_too_large_documents_are_not_read() {
    one_problem("version = 1", "version = 2", "2\nno", "version", "this goldseal reads version 1");
    let large = format!("{}# {}\n", whole(), "x".repeat(2 << 20));
    let told = problems(&large);
    assert_eq!(told.len(), 1);
    assert!(told[0].message.contains("more than the 1048576 that are read"), "{told:?}");
    let just = format!("{}#{}", whole(), "x".repeat((1 << 20) - whole().len() - 1));
    assert_eq!(problems(&just), []);
    assert_eq!(problems(&format!("{just}x")).len(), 1);
}

#[test]
fn columns_count_bytes_and_lines_count_line_feeds() {
    let text = whole().replacen("no_match", "# é\r\n\"é\" = { x = 1 }\r\nno_match", 1);
    let told = problems(&text);
    assert_eq!((told[0].line, told[0].column, told[0].key.as_str()), (3, 1, "é"));
    let text = whole().replacen("tags =", "\"é\\u00e9\" = 1\ntags =", 1);
    assert_eq!(problems(&text)[0].key, "identity.éé");
}

#[test]
fn the_files_of_a_document_are_known_before_it_compiles() {
    let names: Vec<String> = referenced_files(&whole()).into_iter().collect();
    assert_eq!(names, ["risk.pem", "root.json"]);
    assert!(referenced_files("").is_empty());
    assert!(referenced_files("key_file = \"x\"").is_empty());
    assert_eq!(referenced_files("[[authority]]\nkey_file = \"../x\"\nno_such = 1\n").len(), 1);
}

const BAD: &str = r#"version = 3
no_mode = "enforce"
dangerous_without_gate = "yes"

[[authority]]
name = "c i"
key = "-----BEGIN PUBLIC KEY-----"
valid_from = 2026-01-01T00:00:00

[[authority]]
name = "risk"
kms = "alias/risk"
valid_from = 2027-01-01T00:00:00Z
valid_until = 2026-01-01T00:00:00Z
witness = []
colour = "red"

[[authority]]
name = "ops"
key_file = "gone.pem"
scheme = "rsa"

[[require]]
attestation = "sbom"
authorities = ["risk", "ops", "risk", "nobody"]
threshold = 9

[[require]]
attestation = "gate"
authorities = ["ops"]

[[require]]
authorities = []

[identity]
owners = []
regions = ["Europe"]
tags = ["Commit"]

[[scope]]
accounts = ["1"]

[[scope]]
mode = "warn"
"#;

#[test]
fn all_problems_of_a_document_are_told_at_once() {
    let told = told(BAD);
    let short: Vec<String> = told.iter().map(|line| line.chars().take(96).collect()).collect();
    let expected = [
        "policy.toml:1:1: no_match: required, and has no default",
        "policy.toml:1:11: version: this goldseal reads version 1",
        "policy.toml:2:1: no_mode: unknown key; known here: authority, boot, breaker, dangerous_without_g",
        "policy.toml:3:26: dangerous_without_gate: invalid type: string \"yes\", expected a boolean",
        "policy.toml:6:8: authority[0].name: \"c i\" is not a name: 1 to 64 letters, digits, '-', '_' and '",
        "policy.toml:7:7: authority[0].key: expected one PEM block `-----BEGIN PUBLIC KEY-----` (SubjectP",
        "policy.toml:8:14: authority[0].valid_from: 2026-01-01T00:00:00 is not an instant: write date, ti",
        "policy.toml:10:1: authority[1].scheme: required with kms",
        "policy.toml:10:1: authority[1].spki_sha256: required with kms: KMS answers for an alias or an id",
        "policy.toml:12:7: authority[1].kms: \"alias/risk\" is not the URI of a KMS key: it does not begin ",
        "policy.toml:14:15: authority[1].valid_until: not after valid_from: it would never count",
        "policy.toml:15:11: authority[1].witness: an empty list; leave the key out, or name at least one",
        "policy.toml:15:11: authority[1].witness: witness and trusted_root go together",
        "policy.toml:16:1: authority[1].colour: unknown key; known here: key, key_file, kms, name, retire",
        "policy.toml:20:12: authority[2].key_file: gone.pem: No such file",
        "policy.toml:21:10: authority[2].scheme: unknown variant `rsa`, expected one of `ecdsa-p256-sha25",
        "policy.toml:25:15: require[0].authorities: an entry stands twice",
        "policy.toml:25:15: require[0].authorities: no [[authority]] is called nobody",
        "policy.toml:26:13: require[0].threshold: required: how many of the 3 authorities must have signe",
        "policy.toml:32:1: require[2].attestation: required, and has no default",
        "policy.toml:33:15: require[2].authorities: an empty list; leave the key out, or name at least on",
        "policy.toml:36:10: identity.owners: an empty list; leave the key out, or name at least one",
        "policy.toml:37:11: identity.regions: \"Europe\" is not a region: expected a code such as eu-west-1",
        "policy.toml:38:8: identity.tags: sealed tags stand in the provenance, which no [[require]] asks ",
        "policy.toml:40:1: scope[0].mode: required, and has no default",
        "policy.toml:41:12: scope[0].accounts: \"1\" is not an account id: expected 12 digits",
        "policy.toml:43:1: scope[1]: a scope names accounts, regions or groups; for all the rest there is",
    ];
    assert_eq!(short, expected);
}
