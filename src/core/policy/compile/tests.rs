mod authorities;
mod documents;
mod examples;
mod gate;
mod launch;
mod listed;
mod receipts;
mod schema;
mod shape;

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
