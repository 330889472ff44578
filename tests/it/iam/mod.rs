//! The policy documents of packaging/iam against the calls that each command really makes: nothing is called that its
//! document does not allow, and its document allows nothing that is not called.
//!
//! Each command says in its calls who it is (`AWS_SDK_UA_APP_ID`), so that a test tells its calls from its own.

mod fleets;
mod hooks;
mod lists;
mod pipelines;

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::Value;

use crate::{
    aws::{Account, REGION},
    cloud::cloud,
    run::{Goldseal, Run},
    walkthrough::shell_blocks,
};

/// Every document, each tried in one of the files beside this one.
const DOCUMENTS: [&str; 23] = [
    "approve",
    "audit",
    "audit-quarantine",
    "audit-role",
    "boot",
    "describe",
    "doctor",
    "enroll",
    "hook",
    "hook-breaker",
    "hook-breaker-reset",
    "lambda",
    "override",
    "publish",
    "receipts",
    "reseal",
    "revoke",
    "sbom-query",
    "seal",
    "sign",
    "trace",
    "verify",
    "what-if",
];

/// What is allowed and never called, and why it is needed all the same: document, action, reason.
const NEVER_CALLED: [(&str, &str, &str); 22] = [
    ("describe", "kms:Decrypt", "EBS direct asks for it, of snapshots that are encrypted; those here are not"),
    ("sign", "kms:Decrypt", "as in describe"),
    ("seal", "kms:Decrypt", "as in describe"),
    ("approve", "s3:ListBucket", "S3 asks for it where evidence is absent: else it says denied"),
    ("sign", "s3:ListBucket", "as in approve"),
    ("seal", "s3:ListBucket", "as in approve"),
    ("verify", "s3:ListBucket", "as in approve"),
    ("publish", "s3:ListBucket", "as in approve"),
    ("reseal", "s3:ListBucket", "as in approve"),
    ("override", "s3:ListBucket", "as in approve, of overrides"),
    ("trace", "s3:ListBucket", "as in approve"),
    ("sbom-query", "s3:ListBucket", "as in approve"),
    ("hook-breaker", "s3:ListBucket", "as in approve, of breakers"),
    ("hook-breaker-reset", "s3:ListBucket", "as in approve, of breakers"),
    ("enroll", "iam:PassRole", "Auto Scaling asks for it when it is given a role"),
    ("lambda", "sqs:ReceiveMessage", "the event source mapping calls it"),
    ("lambda", "sqs:DeleteMessage", "the event source mapping calls it"),
    ("lambda", "sqs:GetQueueAttributes", "the event source mapping calls it"),
    ("lambda", "logs:CreateLogStream", "Lambda calls it"),
    ("lambda", "logs:PutLogEvents", "Lambda calls it"),
    ("lambda", "s3:ListBucket", "as in approve"),
    ("doctor", "s3:ListBucket", "as in approve"),
];

/// Who calls: a document and an account, as it stands in the log of calls.
struct Caller {
    document: &'static str,
    app: String,
}

impl Caller {
    fn of(document: &'static str, account: &Account) -> Self {
        assert!(DOCUMENTS.contains(&document), "{document}");
        Self { document, app: format!("{document}-{}", account.id) }
    }

    /// Runs a command line of a shell as this caller.
    fn run(&self, goldseal: &Goldseal, line: &str) -> Run {
        goldseal.script(&[], &format!("AWS_SDK_UA_APP_ID={} \"$GOLDSEAL\" {line}", self.app))
    }

    /// What goes into the environment of a program that is started.
    fn environment(&self) -> (&str, &str) {
        ("AWS_SDK_UA_APP_ID", &self.app)
    }

    /// Holds the calls made so far, in some accounts or all, against the document. `names` are the reader's own for its words
    /// in capitals.
    #[track_caller]
    fn needs_all_of_its_document(&self, names: &[(&str, &str)], only: Option<&Account>) {
        self.needs(&[], names, only);
    }

    /// The same where another document is needed as well, of which not everything need be called.
    #[track_caller]
    fn needs_beside(&self, other: &str, names: &[(&str, &str)]) {
        self.needs(&statements(other, names), names, None);
    }

    #[track_caller]
    fn needs(&self, beside: &[Statement], names: &[(&str, &str)], only: Option<&Account>) {
        let logged = |query: &str| -> Vec<Value> { serde_json::from_str(&cloud().calls(query)).unwrap() };
        let mut calls = logged(&format!("app={}", self.app));
        if let Some(account) = only {
            // Security Hub is called without the SDK (ADR 0024), and so without a name; tests only subscribe to it.
            let by_hand = logged(&format!("service=securityhub&account={}", account.id)).into_iter();
            calls.extend(by_hand.filter(|call| call["action"] != "EnableSecurityHub"));
        }
        let of_account = |call: &&Value| only.is_none_or(|account| call["account"] == *account.id);
        let statements = statements(self.document, names);
        let mut called = BTreeSet::new();
        for call in calls.iter().filter(of_account) {
            let text = |name: &str| call[name].as_str().unwrap_or_default();
            let Some(action) = action(text("service"), text("action")) else { continue };
            let resource = resource(call);
            let allows = |(actions, resources): &Statement| {
                actions.contains(&action)
                    && resource.as_ref().is_none_or(|arn| resources.iter().any(|pattern| matches(pattern, arn)))
            };
            assert!(
                statements.iter().chain(beside).any(allows),
                "{} does not allow {action} on {resource:?}: {call:#}",
                self.document
            );
            called.insert(action);
        }
        let allowed: BTreeSet<String> = statements.into_iter().flat_map(|(actions, _)| actions).collect();
        let of_document = NEVER_CALLED.iter().filter(|(document, ..)| *document == self.document);
        let excused: BTreeSet<String> = of_document.map(|(_, action, _)| (*action).to_owned()).collect();
        let idle: BTreeSet<String> = allowed.difference(&called).cloned().collect();
        assert_eq!(idle, excused, "{}: what is allowed and was not called, and what is excused", self.document);
    }
}

/// The actions and the resources of a statement.
type Statement = (Vec<String>, Vec<String>);

/// The statements of a document.
fn statements(document: &str, names: &[(&str, &str)]) -> Vec<Statement> {
    let mut text = fs::read_to_string(format!("packaging/iam/{document}.json")).unwrap();
    for (word, name) in names {
        text = text.replace(word, name);
    }
    let read: Value = serde_json::from_str(&text).unwrap();
    let all = read["Statement"].as_array().unwrap().iter();
    all.map(|one| (one_or_more(&one["Action"]), one_or_more(&one["Resource"]))).collect()
}

/// Reads what may be one text or a list of them.
pub fn one_or_more(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    value.as_array().map_or_else(|| vec![text(value)], |list| list.iter().map(text).collect())
}

/// The names of an account whose store is its bucket, without a prefix; the state is in `state-ACCOUNT`.
fn names(account: &Account) -> Vec<(String, String)> {
    let own = [
        ("EVIDENCE_BUCKET", account.bucket()),
        ("EVIDENCE_PREFIX/", String::new()),
        ("STATE_BUCKET", format!("state-{}", account.id)),
        ("STATE_PREFIX/", String::new()),
        ("LAKE_BUCKET/LAKE_PREFIX", format!("lake-{}/audits", account.id)),
        ("RECORDS_BUCKET", format!("records-{}", account.id)),
        ("RECORDS_PREFIX", "boots".to_owned()),
        ("RECEIPTS_BUCKET/RECEIPTS_PREFIX", format!("receipts-{}/prod", account.id)),
        ("RECEIPTS_BUCKET", format!("receipts-{}", account.id)),
        ("AUDIT_ROLE", "goldseal/audit".to_owned()),
        ("parameter/PARAMETER", "parameter/golden/base".to_owned()),
        ("DEAD_LETTERS", "goldseal-dead".to_owned()),
        ("REGION", REGION.to_owned()),
        ("ACCOUNT", account.id.clone()),
    ];
    own.map(|(word, name)| (word.to_owned(), name)).into()
}

fn borrowed(names: &[(String, String)]) -> Vec<(&str, &str)> {
    names.iter().map(|(word, name)| (word.as_str(), name.as_str())).collect()
}

/// The action that IAM looks for. Who one is everybody may ask.
fn action(service: &str, call: &str) -> Option<String> {
    let named = match (service, call) {
        ("sts", "GetCallerIdentity") => return None,
        ("s3", "HeadObject") => "GetObject",
        ("s3", "ListObjectsV2") => "ListBucket",
        ("sqs", batch) => batch.strip_suffix("Batch").unwrap_or(batch),
        (_, call) => call,
    };
    Some(format!("{service}:{named}"))
}

/// What a call is about, where the log says it in whole.
fn resource(call: &Value) -> Option<String> {
    let text = |name: &str| call[name].as_str().unwrap_or_default();
    let (named, account, region) = (text("resource"), text("account"), text("region"));
    match text("service") {
        "s3" => Some(format!("arn:aws:s3:::{named}")),
        "sqs" => Some(format!("arn:aws:sqs:{region}:{account}:{}", named.rsplit('/').next().unwrap_or_default())),
        "kms" | "sts" => named.starts_with("arn:").then(|| named.to_owned()),
        "ssm" if named.starts_with('/') => Some(format!("arn:aws:ssm:{region}:{account}:parameter{named}")),
        _ => None,
    }
}

/// Whether an ARN is meant by a pattern of a policy.
fn matches(pattern: &str, arn: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| arn.strip_prefix(start)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn patterns_match_as_in_policies() {
    for (pattern, arn, expected) in [
        ("*", "arn:aws:s3:::b/k", true),
        ("arn:aws:s3:::b/v1/*", "arn:aws:s3:::b/v1/a/b", true),
        ("arn:aws:s3:::b/v1/*", "arn:aws:s3:::b/v2/a", false),
        ("arn:aws:s3:::b", "arn:aws:s3:::b", true),
        ("arn:aws:s3:::b", "arn:aws:s3:::b/k", false),
        ("arn:aws:iam::*:role/a", "arn:aws:iam::1:role/a", true),
        ("arn:aws:iam::*:role/a", "arn:aws:iam::1:role/b", false),
    ] {
        assert_eq!(matches(pattern, arn), expected, "{pattern} {arn}");
    }
}

#[test]
fn the_documents_are_made_from_the_table_and_each_is_tried() {
    let made = Command::new("python3").args(["packaging/iam/build.py", "--check"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let files = fs::read_dir("packaging/iam").unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let there: BTreeSet<String> = files.filter_map(|file| Some(file.strip_suffix(".json")?.to_owned())).collect();
    assert_eq!(there, DOCUMENTS.map(str::to_owned).into());
    let tests: String = ["fleets", "hooks", "lists", "pipelines"]
        .map(|file| fs::read_to_string(format!("tests/it/iam/{file}.rs")).unwrap())
        .concat();
    for document in DOCUMENTS {
        assert!(tests.contains(&format!("Caller::of(\"{document}\"")), "{document} is not tried");
    }
}

#[test]
fn the_readers_names_go_into_a_document_as_the_readme_says() {
    let goldseal = Goldseal::new();
    std::os::unix::fs::symlink(fs::canonicalize("packaging").unwrap(), goldseal.path("packaging")).unwrap();
    let blocks = shell_blocks("packaging/iam/README.md");
    assert_eq!(blocks.len(), 1);
    goldseal.script(&[], &format!("set -eu\n{}", blocks[0])).exits(0);
    let text = String::from_utf8(goldseal.read("verifier.json")).unwrap();
    let read: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["Statement"][1]["Resource"], "arn:aws:s3:::golden-evidence/prod/v1/*");
    let readme = fs::read_to_string("packaging/iam/README.md").unwrap();
    let word = |text: &str| text.len() > 4 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let left: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|part| word(part)).collect();
    assert!(left.is_empty(), "{left:?} is left in {text}");
    // Every word that a document has is explained.
    for document in DOCUMENTS {
        let text = fs::read_to_string(format!("packaging/iam/{document}.json")).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|part| word(part));
        words.for_each(|word| assert!(readme.contains(&format!("`{word}`")), "{word} of {document}"));
    }
}
