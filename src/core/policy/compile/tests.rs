mod documents;
mod examples;
mod launch;
mod listed;
mod receipts;
mod schema;

use super::*;
use crate::{
    document::Problem,
    policy::schema,
    testing::{
        keys::{LocalKey, P256_PEM, rsa_in_two_encodings},
        log::FakeLog,
        policies::authority_table,
    },
};

const GROUP: &str = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:\
                     0a1b2c3d-0000-0000-0000-000000000000:autoScalingGroupName/web";

/// The key of receipts; all that `testing` has are taken.
const RECEIPTS_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEuzXOCP0/d0yYrNYaQ59OZIVwAF3u\nov9QxejwkaJeMrC0RoCgElYqQBStdx3GVZ1tGLTk6bz+ONebNiwXOCdr8A==\n-----END PUBLIC KEY-----\n";

/// A good document in which every key stands.
fn whole() -> String {
    let pin = LocalKey::p256(3).public().digest();
    let listed = [("revoker", 4), ("one", 5), ("two", 6)]
        .map(|(name, number)| authority_table(name, &LocalKey::p256(number)))
        .concat();
    format!(
        r#"version = 1
no_match = "enforce"
dangerous_without_gate = true

[[authority]]
name = "ci"
key = """
{P256_PEM}"""
valid_from = 2026-01-01T00:00:00Z
valid_until = 2027-01-01T00:00:00+01:00

[[authority]]
name = "risk"
key_file = "risk.pem"
retired = 2026-12-01T00:00:00Z

[[authority]]
name = "vault"
kms = "awskms:///arn:aws:kms:eu-west-1:123456789012:alias/seal"
spki_sha256 = "{pin}"
scheme = "ecdsa-p256-sha256"
witness = ["log"]
trusted_root = "root.json"

{listed}[[authority]]
name = "receipts"
key = """
{RECEIPTS_PEM}"""

[[require]]
attestation = "provenance"
authorities = ["vault"]

[[require]]
attestation = "sbom"
authorities = ["ci", "risk"]
threshold = 2

[identity]
owners = ["123456789012"]
regions = ["eu-west-1"]
tags = ["Commit"]

[gate]
fail_on = "high"
max_scan_age = "30d"
max_database_age = "36h"
max_data_age = "2w"
max_exception_life = "90d"
end_of_life = "accept"
approval = "accepted-risks"

[provenance]
builders = ["https://ci.example"]
repositories = ["https://git.example/images"]
base_owners = ["111111111111"]

[launch]
root_volume = "of-image"
on_unreachable = "last-known-good"
last_known_good = "12h"

[breaker]
instances = 5
within = "1h"
suspend_launch = true

[boot]
action = "emergency"

[receipt]
authorities = ["receipts"]
required = true
max_age = "24h"
policies = ["{pin}"]

[revocation]
authorities = ["revoker"]
threshold = 1
max_age = "24h"
list = "production"

[override]
authorities = ["one", "two"]
threshold = 2
max_life = "8h"
scopes = ["image", "account"]
causes = ["evidence-unavailable"]

[[scope]]
mode = "warn"
accounts = ["111111111111"]
regions = ["eu-west-1"]
groups = ["{GROUP}"]
"#
    )
}

fn files() -> Files {
    let readable = [("risk.pem", LocalKey::p256(2).pem()), ("root.json", FakeLog::new(2).trusted_root())];
    let readable = readable.map(|(name, text)| (name.to_owned(), Ok(text)));
    readable.into_iter().chain([("gone.pem".to_owned(), Err("No such file".to_owned()))]).collect()
}

fn problems(text: &str) -> Vec<Problem> {
    compile("policy.toml", text, &files()).map(|_| Vec::new()).unwrap_or_else(|problems| problems.0)
}

/// What is wrong after one replacement in the good document: `line:column key` and the message of each problem.
fn after(from: &str, to: &str) -> (String, Vec<(String, String)>) {
    let text = whole().replacen(from, to, 1);
    assert_ne!(text, whole(), "{from}");
    let told = problems(&text).into_iter().map(|one| (format!("{}:{} {}", one.line, one.column, one.key), one.message));
    (text.clone(), told.collect())
}

/// Asserts that a replacement makes exactly one problem: where `at` first stands, with this key and message.
fn one_problem(from: &str, to: &str, at: &str, key: &str, message: &str) {
    let (text, told) = after(from, to);
    assert_one(&text, &told, at, key, message);
}

/// Asserts the same of tables that stand behind the good document.
fn one_problem_in(more: &str, at: &str, key: &str, message: &str) {
    let text = whole() + more;
    let told = problems(&text).into_iter().map(|one| (format!("{}:{} {}", one.line, one.column, one.key), one.message));
    let start = whole().len() + more.find(at).expect(at);
    assert_one_at(&text, &told.collect::<Vec<_>>(), start, key, message);
}

fn assert_one(text: &str, told: &[(String, String)], at: &str, key: &str, message: &str) {
    assert_one_at(text, told, text.find(at).expect(at), key, message);
}

fn assert_one_at(text: &str, told: &[(String, String)], start: usize, key: &str, message: &str) {
    let before = &text[..start];
    let (line, column) =
        (before.matches('\n').count() + 1, before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, format!("{line}:{column} {key}"), "{told:?}");
    assert!(told[0].1.contains(message), "{told:?}");
}

#[test]
fn a_policy_is_named_by_its_document_and_by_the_files_that_it_names() {
    let plain = crate::testing::policies::minimal(&LocalKey::p256(1));
    let digest = |text: &str, files: &Files| compile("policy.toml", text, files).unwrap().digest();
    assert_eq!(digest(&plain, &Files::new()), Sha256Digest::of(plain.as_bytes()));
    let with = |key: &LocalKey| files().into_iter().chain([("risk.pem".to_owned(), Ok(key.pem()))]).collect::<Files>();
    let document = Sha256Digest::of(whole().as_bytes());
    let found = digest(&whole(), &with(&LocalKey::p256(2)));
    assert_eq!(found, digest(&whole(), &files()));
    let list: Vec<String> = ["risk.pem", "root.json"]
        .map(|name| format!("{}  {name}\n", Sha256Digest::of(files()[name].as_ref().unwrap().as_bytes())))
        .to_vec();
    assert_eq!(found, Sha256Digest::of(format!("{document}  -\n{}", list.concat()).as_bytes()));
}

#[test]
fn a_good_document_compiles_to_what_it_says() {
    let policy = compile("policy.toml", &whole(), &files()).unwrap();
    let names: Vec<&str> = policy.signatories().iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["ci", "risk", "vault", "revoker", "one", "two", "receipts"]);
    assert_eq!(policy.signatories()[0].window.until, Some("2026-12-31T23:00:00Z".parse().unwrap()));
    assert!(policy.signatories()[2].witness.is_some());
    let thresholds: Vec<usize> = policy.requirements().iter().map(|one| one.threshold).collect();
    assert_eq!(thresholds, [1, 2]);
    assert!(policy.dangerous_without_gate());
    assert_eq!(policy.identity.tags.len(), 1);
}

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

/// An authority by PEM.
fn pem(name: &str, number: usize, more: &str) -> String {
    format!("[[authority]]\nname = \"{name}\"\nkey = \"\"\"\n{}\"\"\"\n{more}", LocalKey::p256(number).pem())
}

/// An authority in KMS.
fn kms(more: &str) -> String {
    format!("[[authority]]\nname = \"more\"\n{more}")
}

fn pin(number: usize) -> String {
    format!("spki_sha256 = \"{}\"\n", LocalKey::p256(number).public().digest())
}

const KMS: &str = "kms = \"awskms:///alias/k\"\n";
const SCHEME: &str = "scheme = \"ecdsa-p256-sha256\"\n";

#[test]
fn authorities_are_distinct_in_name_and_key_however_the_key_is_given() {
    let table = "[[authority]]";
    // Without the three of the good document there is a fourth key: the pin of nobody.
    let other = format!("spki_sha256 = \"{}\"\n", Sha256Digest::of(b"other"));
    one_problem_in(&format!("[[authority]]\nname = \"ci\"\n{KMS}{SCHEME}{other}"), table, "authority[7]", "called ci");
    one_problem_in(&pem("more", 1, ""), table, "authority[7]", "ci and more are one key");
    one_problem_in(&pem("more", 2, ""), table, "authority[7]", "risk and more are one key");
    one_problem_in(&pem("more", 3, ""), table, "authority[7]", "vault and more are one key");
    one_problem_in(&kms(&format!("{KMS}{SCHEME}{}", pin(1))), table, "authority[7]", "ci and more are one key");
    one_problem_in(&kms(&format!("{KMS}{SCHEME}{}", pin(3))), table, "authority[7]", "vault and more are one key");
    assert_eq!(problems(&(whole() + &kms(&format!("{KMS}{SCHEME}{other}")))), []);
    let [one, other] = rsa_in_two_encodings().map(|pem| format!("key = \"\"\"\n{pem}\"\"\"\n"));
    let both = format!("{}[[authority]]\nname = \"twin\"\n{other}", kms(&one));
    one_problem_in(&both, "[[authority]]\nname = \"twin\"", "authority[8]", "more and twin are one key");
}

#[test]
fn exactly_one_of_three_says_which_key_it_is() {
    let message = "exactly one of key, key_file and kms";
    let file = "key_file = \"risk.pem\"\n";
    for key in [String::new(), format!("{KMS}{file}"), format!("key = \"x\"\n{file}"), format!("key = 3\n{KMS}")] {
        one_problem_in(&kms(&key), "[[authority]]", "authority[7]", message);
    }
    one_problem_in(&kms("key = \"x\"\n"), "\"x\"", "authority[7].key", "expected one PEM block");
    one_problem_in(&kms("key = 3\n"), "3\n", "authority[7].key", "expected a string");
    one_problem_in(&kms("key_file = \"gone.pem\"\n"), "\"gone", "authority[7].key_file", "gone.pem: No such file");
    one_problem_in(&kms("key_file = \"unread.pem\"\n"), "\"unread", "authority[7].key_file", "unread.pem was not read");
    one_problem_in(&kms("key_file = \"root.json\"\n"), "\"root", "authority[7].key_file", "expected one PEM block");
    let wrong = pem("more", 1, "scheme = \"rsa-pss-sha256\"\n");
    one_problem_in(&wrong, "\"\"\"", "authority[7].key", "not a usable public key");
    let (_, told) = after("valid_from", &format!("{}valid_from", pin(2)));
    assert_eq!((told[0].0.as_str(), told.len()), ("13:15 authority[0].spki_sha256", 1), "{told:?}");
    assert!(told[0].1.contains(&format!("sha256 {}", LocalKey::p256(1).public().digest())));
    assert_eq!(after("valid_from", &format!("{}valid_from", pin(1))).1, []);
}

#[test]
fn a_kms_key_has_a_pin_and_a_scheme() {
    let other = format!("spki_sha256 = \"{}\"\n", Sha256Digest::of(b"other"));
    let table = "[[authority]]";
    one_problem_in(&kms(&format!("{KMS}{SCHEME}")), table, "authority[7].spki_sha256", "required with kms");
    one_problem_in(&kms(&format!("{KMS}{other}")), table, "authority[7].scheme", "required with kms");
    let alias = kms(&format!("kms = \"alias/seal\"\n{SCHEME}{other}"));
    one_problem_in(&alias, "\"alias", "authority[7].kms", "is not the URI of a KMS key");
    let upper = kms(&format!("{KMS}{SCHEME}spki_sha256 = \"{}\"\n", pin(1)[15..79].to_uppercase()));
    one_problem_in(&upper, "\"3A", "authority[7].spki_sha256", "64 lowercase hexadecimal digits");
}

#[test]
fn windows_are_instants_in_order() {
    let place = "authority[0].valid_until";
    for until in ["2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "2026-01-01T00:30:00+01:00"] {
        one_problem("2027-01-01T00:00:00+01:00", until, &format!("{until}\n\n"), place, "not after valid_from");
    }
    for (local, message) in [
        ("2027-01-01T00:00:00", "is not an instant"),
        ("2027-01-01", "is not an instant"),
        ("00:00:00", "is not an instant"),
        ("\"2027-01-01T00:00:00Z\"", "expected a TOML datetime"),
        ("1800000000", "expected a TOML datetime"),
    ] {
        let from = "valid_until = 2027-01-01T00:00:00+01:00";
        let (_, told) = after(from, &format!("valid_until = {local}"));
        assert_eq!((told[0].0.as_str(), told.len()), (format!("14:15 {place}").as_str(), 1), "{told:?}");
        assert!(told[0].1.contains(message), "{told:?}");
    }
    assert_eq!(after("2027-01-01T00:00:00+01:00", "2026-01-01T00:00:00.001Z").1, []);
    for (retired, message) in [
        ("2026-01-01T00:00:00Z", "not after valid_from: it would never count"),
        ("2026-12-31T23:00:00Z", "not before valid_until: nothing counts any more when it retires"),
    ] {
        let from = "valid_until = 2027-01-01T00:00:00+01:00\n";
        let (_, told) = after(from, &format!("{from}retired = {retired}\n"));
        assert_eq!((told[0].0.as_str(), told[0].1.as_str()), ("15:11 authority[0].retired", message), "{told:?}");
    }
}

#[test]
fn a_witness_needs_its_root_and_a_scheme_it_can_hear_of() {
    one_problem("trusted_root = \"root.json\"\n", "", "[\"log\"]", "authority[2].witness", "go together");
    one_problem("witness = [\"log\"]\n", "", "\"root.json\"", "authority[2].witness", "go together");
    let place = "authority[2].trusted_root";
    one_problem("\"root.json\"", "\"gone.pem\"", "\"gone", place, "gone.pem: No such file");
    one_problem("\"root.json\"", "\"risk.pem\" ", "\"risk.pem\" ", place, "not a Sigstore trusted root");
    let scheme = "scheme = \"rsa-pss-sha256\"";
    one_problem("scheme = \"ecdsa-p256-sha256\"", scheme, "\"root.json\"", place, "cannot be checked against a log");
}

#[test]
fn thresholds_go_from_one_to_all() {
    for threshold in ["0", "-1", "3", "9223372036854775807"] {
        let to = format!("threshold = {threshold}");
        one_problem("threshold = 2", &to, &format!("{threshold}\n\n[identity]"), "require[1].threshold", "from 1 to 2");
    }
    one_problem("threshold = 2\n", "", "[[require]]\nattestation = \"sbom\"", "require[1].threshold", "from 1 to 2");
    one_problem("[\"vault\"]", "[\"vault\"]\nthreshold = 2 # ", "2 # ", "require[0].threshold", "from 1 to 1");
    assert_eq!(after("[\"vault\"]", "[\"vault\"]\nthreshold = 1").1, []);
    assert_eq!(after("threshold = 2", "threshold = 1").1, []);
}

#[test]
fn requirements_name_known_authorities_and_each_kind_once() {
    one_problem(
        "[\"vault\"]",
        "[\"vaults\"]",
        "[\"vaults\"]",
        "require[0].authorities",
        "no [[authority]] is called vaults",
    );
    one_problem(
        "\"sbom\"",
        "\"provenance\" ",
        "\"provenance\" ",
        "require[1].attestation",
        "provenance is required twice",
    );
    // The name of an authority with problems of its own is known all the same.
    one_problem("\"risk.pem\"", "\"gone.pem\"", "\"gone.pem\"", "authority[1].key_file", "No such file");
}

#[test]
fn going_without_a_gate_is_said_in_so_many_words() {
    one_problem("dangerous_without_gate = true\n", "", "", "require", "asks for gate, approval");
    one_problem("= true", "= false", "false", "require", "asks for gate, approval");
    for kind in ["gate", "approval"] {
        let to = format!("\"{kind}\"");
        one_problem("\"sbom\"", &to, "true\n", "dangerous_without_gate", &format!("the {kind} is required"));
    }
}

/// The good document with a gate: `vault` seals, `risk` approves.
fn with_gate(approving: &str) -> String {
    let more =
        "[[require]]\nattestation = \"gate\"\nauthorities = [\"vault\"]\n\n[[require]]\nattestation = \"approval\"\n";
    let sbom = "attestation = \"sbom\"\nauthorities = [\"ci\", \"risk\"]\nthreshold = 2\n";
    let text = whole().replace("dangerous_without_gate = true\n", "");
    assert!(text.contains(sbom));
    text.replace(
        sbom,
        &format!("attestation = \"sbom\"\nauthorities = [\"vault\"]\n\n{more}authorities = {approving}\n"),
    )
}

#[test]
fn a_policy_with_a_gate_requires_gate_sbom_and_approval() {
    let good = with_gate("[\"risk\"]");
    assert_eq!(problems(&good), []);
    for kind in ["gate", "sbom", "approval"] {
        let told = problems(&good.replace(&format!("attestation = \"{kind}\""), "attestation = \"tests\""));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].key == "require" && told[0].message.contains(&format!("asks for {kind};")), "{told:?}");
    }
}

#[test]
fn nobody_approves_their_own_work() {
    for approving in ["[\"vault\"]", "[\"risk\", \"vault\"]\nthreshold = 1"] {
        let told = problems(&with_gate(approving));
        assert!(
            told.iter().all(|one| one.key == "require.authorities" && one.message.contains("nobody approves")),
            "{told:?}"
        );
        assert_eq!(told.len(), 3, "provenance, sbom and gate: {told:?}");
    }
    // A key that would sign something else altogether is a key all the same.
    let tests = "[[require]]\nattestation = \"tests\"\nauthorities = [\"risk\"]\n\n[identity]";
    let told = problems(&with_gate("[\"risk\"]").replace("[identity]", tests));
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn limits_are_what_is_written_or_built_in() {
    use crate::gate::{EndOfLife, Limits, Period};
    let policy = compile("policy.toml", &with_gate("[\"risk\"]"), &files()).unwrap();
    let limits = &policy.gate().limits;
    let period = |text: &str| text.parse::<Period>().unwrap();
    assert_eq!((limits.scan_age, limits.database_age, limits.data_age), (period("30d"), period("36h"), period("14d")));
    assert_eq!((limits.exception_life, limits.end_of_life), (period("90d"), EndOfLife::Accept));
    assert_eq!(policy.gate().written.len(), 6);
    let silent = with_gate("[\"risk\"]");
    let (start, end) = (silent.find("[gate]").unwrap(), silent.find("[provenance]").unwrap());
    let policy = compile("policy.toml", &(silent[..start].to_owned() + &silent[end..]), &files()).unwrap();
    assert_eq!((&policy.gate().limits, policy.gate().written.len()), (&Limits::BUILT_IN, 0));
    for (from, to, key) in [
        ("\"30d\"", "\"30\"", "gate.max_scan_age"),
        ("\"36h\"", "36", "gate.max_database_age"),
        ("\"high\"", "\"unknown\"", "gate.fail_on"),
        ("\"accept\"", "\"ignore\"", "gate.end_of_life"),
        ("\"accepted-risks\"", "\"none\"", "gate.approval"),
        ("[\"https://ci.example\"]", "[]", "provenance.builders"),
    ] {
        let (_, told) = after(from, to);
        assert!(told.len() == 1 && told[0].0.ends_with(key), "{told:?}");
    }
}

#[test]
fn tags_are_compared_with_the_provenance_or_not_at_all() {
    let (_, told) = after("\"provenance\"", "\"scan\"");
    let keys: Vec<&str> = told.iter().map(|(place, _)| place.rsplit(' ').next().unwrap()).collect();
    assert_eq!(keys, ["identity.tags", "provenance"]);
    assert!(told.iter().all(|(_, message)| message.contains("no [[require]] asks for")), "{told:?}");
}

#[test]
fn a_scope_names_somebody_in_a_form_that_can_match() {
    let message = "a scope names accounts, regions or groups";
    one_problem_in("[[scope]]\nmode = \"warn\"\n", "[[scope]]", "scope[1]", message);
    for group in [
        "web",
        "*",
        "",
        "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/web",
        &GROUP.replace("eu-west-1", "*"),
        &GROUP.replace("123456789012", ""),
        &GROUP.replace("arn:aws:", "arn:aws-cn:"),
        &GROUP.replace("/web", "/"),
        &GROUP.replace("autoScalingGroup:", "launchConfiguration:"),
    ] {
        let more = format!("[[scope]]\nmode = \"warn\"\ngroups = [\"{group}\"]\n");
        one_problem_in(&more, &format!("[\"{group}"), "scope[1].groups", "is not the ARN of an Auto Scaling group");
    }
    assert_eq!(after("/web\"", "/a:b/c *\"").1, [], "names of groups are free");
}
