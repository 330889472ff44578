//! `goldseal boot check` on an instance: what its role may do that the judged must not, tried against the local AWS.

use serde_json::{Value, json};

use super::{
    instance::{Instance, possible},
    least::Role,
};
use crate::aws::{Account, wait};

/// Two calls end or prolong a wait, one writes evidence.
const TRIED: [(&str, &str); 3] = [
    ("autoscaling", "CompleteLifecycleAction"),
    ("autoscaling", "RecordLifecycleActionHeartbeat"),
    ("s3", "PutObject"),
];

/// An instance whose evidence is in a bucket of its account.
struct Checked {
    account: Account,
    instance: Instance,
}

impl Checked {
    fn new() -> Self {
        let account = Account::new();
        let document = json!({"region": "eu-west-1", "accountId": account.id});
        let instance = Instance::new().with_role(&account).with("document", document);
        // Its settings take the place of everything in /etc, the roots of trust too.
        let roots = instance.goldseal.path("ca.pem").display().to_string();
        let instance = instance.runs_as(|goldseal| goldseal.with("SSL_CERT_FILE", roots));
        let store = account.bucket_store();
        instance.goldseal.write(
            "image/etc/goldseal/goldseal.toml",
            format!(
                "store = \"{store}/golden\"\npolicy = \"/etc/goldseal/policy.toml\"\n[boot]\ncertificates = \
                 \"/etc/goldseal/aws-identity.pem\"\n"
            ),
        );
        instance.goldseal.write("image/etc/goldseal/policy.toml", instance.goldseal.read("policy.toml"));
        Self { account, instance }
    }

    fn with(self, key: &str, value: Value) -> Self {
        Self { instance: self.instance.with(key, value), ..self }
    }

    /// Lets calls fail, as often as they are made.
    fn fails(&self, calls: &[(&str, &str)], status: u16, code: &str) {
        for (service, action) in calls {
            let fault = json!({"service": service, "action": action, "status": status, "code": code, "times": 0});
            self.account.fault(fault);
        }
    }

    /// Checks, where the settings of the image are those of the machine. Returns what was found of the role, and the exit
    /// code.
    fn role(&self) -> (Vec<(String, String)>, i32) {
        let check = "cp keys/aws.pem image/etc/goldseal/aws-identity.pem\n\
                     mount --bind image/etc /etc\n\
                     $GOLDSEAL boot check --output json";
        let run = self.instance.runs(check);
        let report: Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
        let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
        let all: Vec<_> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (text(one, "code"), text(one, "message")))
            .collect();
        assert!(!all.iter().any(|(code, _)| code == "settings-broken"), "{all:?}");
        (all.into_iter().filter(|(code, _)| code.starts_with("role-")).collect(), run.code)
    }

    fn codes(&self) -> Vec<String> {
        self.role().0.into_iter().map(|(code, _)| code).collect()
    }

    /// Which of the calls were made.
    fn tried(&self) -> Vec<&'static str> {
        let calls = ["autoscaling", "s3"].map(|service| self.account.calls(service)).concat();
        TRIED
            .into_iter()
            .map(|(_, action)| action)
            .filter(|one| calls.iter().any(|(action, _)| action == one))
            .collect()
    }
}

#[test]
fn a_role_that_may_let_itself_in_is_found_and_nothing_is_done_with_it() {
    if !possible() {
        return;
    }
    let checked = Checked::new();
    let (found, code) = checked.role();
    let [(first, complete), (second, write)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((first.as_str(), second.as_str(), code), ("role-completes-launches", "role-writes-evidence", 1));
    assert!(complete.contains("take autoscaling:CompleteLifecycleAction"), "{complete}");
    assert!(write.contains("take s3:PutObject"), "{write}");
    assert_eq!(checked.tried(), TRIED.map(|(_, action)| action));
    let bucket = checked.account.bucket();
    let listed = wait(checked.account.s3().list_objects_v2().bucket(bucket).send()).unwrap();
    assert!(listed.contents().is_empty(), "{listed:?}");
    // One of both is enough.
    checked.fails(&TRIED[..1], 403, "AccessDenied");
    assert_eq!(checked.codes(), ["role-completes-launches", "role-writes-evidence"]);
}

#[test]
fn a_role_that_may_do_neither_is_good_and_so_is_none() {
    if !possible() {
        return;
    }
    let checked = Checked::new();
    checked.fails(&TRIED, 403, "AccessDenied");
    assert_eq!(checked.codes(), Vec::<String>::new());
    assert_eq!(checked.tried(), TRIED.map(|(_, action)| action));

    let bare = Checked::new().with("credentials", Value::Null);
    assert_eq!(bare.codes(), Vec::<String>::new());
    let log = String::from_utf8(bare.instance.goldseal.read("imds.log")).unwrap();
    assert!(log.contains("GET /latest/dynamic/instance-identity/rsa2048 200"), "{log}");
    assert_eq!(bare.tried(), Vec::<&str>::new(), "without credentials nothing is asked");
}

#[test]
fn a_role_of_the_documentation_is_good_and_has_not_changed_what_judges_it() {
    if !possible() {
        return;
    }
    for statements in [1, 3] {
        let checked = Checked::new();
        let role = Role::documented(&checked.account, statements);
        let checked = checked.with("credentials", role.credentials());
        assert_eq!(checked.codes(), Vec::<String>::new(), "{statements}");
        let asked = role.asked();
        let actions: Vec<_> = asked.iter().map(|(action, ..)| action.split(':').nth(1).unwrap()).collect();
        assert_eq!(actions, TRIED.map(|(_, action)| action), "{statements}");
        assert!(asked.iter().all(|(.., status)| *status == 403), "{asked:?}");
    }
}

#[test]
fn what_could_not_be_tried_is_said() {
    if !possible() {
        return;
    }
    let checked = Checked::new();
    checked.fails(&TRIED, 503, "ServiceUnavailable");
    let (found, _) = checked.role();
    assert!(found.len() == 2 && found.iter().all(|(code, _)| code == "role-not-tried"), "{found:?}");

    let nowhere = Checked::new();
    nowhere.fails(&TRIED[..2], 403, "AccessDenied");
    nowhere.fails(&TRIED[2..], 404, "NoSuchBucket");
    let (found, _) = nowhere.role();
    let [.., (code, message)] = found.as_slice() else { panic!("{found:?}") };
    assert!(
        code == "role-not-tried" && message.contains("is not there") && message.contains("NoSuchBucket"),
        "{found:?}"
    );

    let forged = Checked::new().with("signer", json!("forger"));
    let (found, _) = forged.role();
    let [(code, message)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(code, "role-not-tried");
    assert!(message.starts_with("which instance this is, and in which region, is not proven"), "{message}");
    assert_eq!(forged.tried(), Vec::<&str>::new());
}
