//! Roles that may do what docs/boot.md says that they need, and nothing else: the local AWS refuses the rest, and tells
//! what was asked.

use serde_json::{Value, json};

use super::{
    LETS_IT_RECORD, admitted, ended,
    instance::{Instance, possible},
};
use crate::{
    aws::Account,
    cloud::cloud,
    policies::trusting,
    run::{INPUTS, notes},
};

const INSTANCE: &str = "i-0123456789abcdef0";

/// A role of an account: an access key with a policy.
pub struct Role {
    key: String,
}

/// A call of a role: what was asked of what, and the answer.
type Asked = (String, String, u64);

impl Role {
    /// Makes a role with the first statements of the policy in the documentation, for the bucket of the account.
    pub fn documented(account: &Account, statements: usize) -> Self {
        let text = include_str!("../../../docs/boot.md");
        let (_, text) = text.split_once("## Permissions").unwrap();
        let text = text.split_once("```json").unwrap().1.split_once("```").unwrap().0;
        let text = text.replace("golden-evidence/prod", &format!("{}/golden", account.bucket()));
        let mut policy: Value = serde_json::from_str(&text.replace("boot-records/prod", &records(account))).unwrap();
        let all = policy["Statement"].as_array_mut().unwrap();
        assert_eq!((all.len(), &all[0]["Action"]), (3, &json!("s3:GetObject")));
        all.truncate(statements);
        let key = format!("ASIA{}{statements}", account.id);
        let variables = json!({"ec2:SourceInstanceARN": arn(account)});
        let order = json!({"key": key, "account": account.id, "policy": policy, "variables": variables});
        let (status, body) = cloud().send("POST", "/localaws/access", &order.to_string());
        assert_eq!(status, 200, "{body}");
        Self { key }
    }

    /// Returns what IMDS gives to an instance with this role.
    pub fn credentials(&self) -> Value {
        json!({"AccessKeyId": self.key, "SecretAccessKey": "testing"})
    }

    /// Returns everything that was asked by it, in order.
    pub fn asked(&self) -> Vec<Asked> {
        let calls: Vec<Value> = serde_json::from_str(&cloud().calls(&format!("caller={}", self.key))).unwrap();
        let text = |call: &Value, name: &str| call[name].as_str().unwrap_or_default().to_owned();
        let what = |call: &Value| format!("{}:{}", text(call, "service"), text(call, "action"));
        let of = |call: &Value| (what(call), text(call, "resource"), call["status"].as_u64().unwrap());
        calls.iter().map(of).collect()
    }
}

fn arn(account: &Account) -> String {
    format!("arn:aws:ec2:eu-west-1:{}:instance/{INSTANCE}", account.id)
}

fn records(account: &Account) -> String {
    format!("records-{}/boots", account.id)
}

/// Seals an image into the bucket of the account, and boots an instance of it with a role.
fn booting(account: &Account, role: &Role) -> (Instance, String) {
    let sealer = account.goldseal();
    let (ami, key) = (account.image("least"), account.key_called("signing"));
    let store = account.bucket_store();
    account.bucket_called(&format!("records-{}", account.id));
    sealer.write("policy.toml", trusting(&key));
    for place in ["golden", "other --no-tags"] {
        sealer.run(&format!("sign {ami} --key awskms:///alias/signing {INPUTS} --store {store}/{place}")).exits(0);
    }
    let instance = Instance::new().with_role(account).with("credentials", role.credentials());
    instance.goldseal.write("policy.toml", trusting(&key));
    (instance.with("document", document(account, &ami)), ami)
}

fn document(account: &Account, ami: &str) -> Value {
    json!({"imageId": ami, "region": "eu-west-1", "accountId": account.id, "instanceId": INSTANCE})
}

fn settings(instance: &Instance, account: &Account, prefix: &str, boot: &str) {
    instance.settings(&format!("store = \"s3://{}/{prefix}\"", account.bucket()), boot);
}

fn evidence(account: &Account, prefix: &str, ami: &str) -> String {
    format!("{}/{prefix}/{}", account.bucket(), account.evidence_key(ami))
}

#[test]
fn to_read_one_prefix_is_all_that_a_role_need_be_allowed() {
    if !possible() {
        return;
    }
    let account = Account::new();
    let role = Role::documented(&account, 1);
    let (instance, ami) = booting(&account, &role);
    settings(&instance, &account, "golden", "describe_images = \"never\"");
    let report = admitted(&instance, instance.boots());
    let read = ("s3:GetObject".to_owned(), evidence(&account, "golden", &ami), 200);
    assert_eq!((report["factsFrom"].as_str(), role.asked()), (Some("provenance"), vec![read.clone()]), "{report:#}");
    assert!(notes(&report).contains(&"facts-from-provenance"), "{report:#}");

    // What is tried beside it when everything is set is refused, said, and holds nothing up.
    settings(&instance, &account, "golden", &format!("record = \"s3://{}\"", records(&account)));
    let report = admitted(&instance, instance.runs(LETS_IT_RECORD));
    let said = report["notes"].as_array().unwrap().iter().find(|note| note["code"] == "facts-from-provenance").unwrap();
    let said = said["message"].as_str().unwrap();
    assert!(said.starts_with("EC2 could not be asked") && said.contains("signed provenance"), "{said}");
    let log = String::from_utf8(instance.goldseal.read("log")).unwrap();
    assert!(log.contains("no record was left at s3://") && log.contains("access denied"), "{log}");
    let mut asked = role.asked().split_off(1);
    let (record, _, denied) = asked.pop().unwrap();
    assert_eq!((record.as_str(), denied), ("s3:PutObject", 403), "the record comes last");
    asked.sort();
    assert_eq!(asked, [("ec2:DescribeImages".to_owned(), ami, 403), read]);
}

#[test]
fn with_all_that_is_documented_everything_is_done() {
    if !possible() {
        return;
    }
    let account = Account::new();
    let role = Role::documented(&account, 3);
    let (instance, ami) = booting(&account, &role);
    settings(&instance, &account, "golden", &format!("record = \"s3://{}\"", records(&account)));
    let report = admitted(&instance, instance.runs(LETS_IT_RECORD));
    assert_eq!(report["factsFrom"], "ec2", "{report:#}");
    let mut asked = role.asked();
    let (record, place, stored) = asked.pop().unwrap();
    assert_eq!((record.as_str(), stored), ("s3:PutObject", 200));
    assert!(place.starts_with(&format!("{}/v1/boot/{}/", records(&account), arn(&account))), "{place}");
    asked.sort();
    let read = ("s3:GetObject".to_owned(), evidence(&account, "golden", &ami), 200);
    assert_eq!(asked, [("ec2:DescribeImages".to_owned(), ami, 200), read]);
}

#[test]
fn what_a_role_may_not_see_is_not_known_and_never_boots() {
    if !possible() {
        return;
    }
    let account = Account::new();
    let role = Role::documented(&account, 1);
    let (mut instance, ami) = booting(&account, &role);
    let quick = "deadline = \"3s\"\ndescribe_images = \"never\"";
    let none = "ami-0fedcba9876543210";
    // Nothing is there, and S3 does not tell who may not list; or something is there, in a folder of others.
    for (image, prefix) in [(none, "golden"), (ami.as_str(), "other")] {
        let before = role.asked().len();
        instance = instance.with("document", document(&account, image));
        settings(&instance, &account, prefix, quick);
        let report = ended(&instance, instance.boots(), 3, &["evidence-unavailable"]);
        std::fs::remove_file(instance.goldseal.path("systemctl.log")).unwrap();
        let problem = report["faults"].to_string();
        assert!(problem.contains("S3 denies absent keys too"), "{report:#}");
        let asked = role.asked().split_off(before);
        let wanted = ("s3:GetObject".to_owned(), evidence(&account, prefix, image), 403);
        assert!(!asked.is_empty() && asked.iter().all(|one| *one == wanted), "{asked:?}");
    }
}
