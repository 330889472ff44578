//! What deploys goldseal (packaging/cloudformation, packaging/terraform): templates that are valid, make what they say, and
//! give what the commands need and no more.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::ErrorKind,
    path::Path,
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    aws::{Account, REGION, wait},
    chain::Scene,
    cloud::{cloud, python},
    enrolling::{bare_group, hooks},
    fleet::{Fleet, HOOK, until},
    iam::one_or_more,
    lambda::{Runtime, record},
    offline::local_key,
    policies::{pem, trusting},
    run::INPUTS,
    skipped,
};

const TEMPLATES: &str = "packaging/cloudformation";

fn stacks(account: &Account, command: &str, arguments: &[&str]) -> Value {
    let start = ["tests/deploy/stacks.py", command, &cloud().endpoint, REGION, &account.id];
    let told = python().args([&start, arguments].concat()).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

/// Makes a stack of a template, all of which must be there, and returns its outputs.
fn stack(account: &Account, name: &str, template: &str, parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut arguments = vec![name, template];
    arguments.extend(pairs.iter().map(String::as_str));
    let made = stacks(account, "create", &arguments);
    assert_eq!(made["missing"], json!([]), "{made:#}");
    assert!(!made["found"].as_array().unwrap().is_empty(), "{made:#}");
    assert_eq!(made["dropped"], json!([]), "{made:#}");
    serde_json::from_value(made["outputs"].clone()).unwrap()
}

fn role(account: &Account, name: &str) -> String {
    format!("arn:aws:iam::{}:role/{name}", account.id)
}

/// Whoever has the key of an account.
fn caller(account: &Account) -> String {
    format!("arn:aws:iam::{}:user/moto", account.id)
}

/// The stack of the evidence, and who writes evidence and who lists.
fn evidence(account: &Account, name: &str, (writer, lister): (&str, &str)) {
    let parameters =
        [("BucketName", name), ("Writers", writer), ("ListWriters", lister), ("Readers", &role(account, "verifier"))];
    stack(account, "goldseal-evidence", "evidence.yaml", &parameters);
}

/// The stack of the hook for the groups `good` and `bad`.
fn hook(account: &Account, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let bucket = format!("arn:aws:s3:::{}", account.bucket());
    let objects = format!("{bucket}/v1/*");
    let mut parameters = vec![("Groups", "good,bad"), ("EvidenceBucket", &bucket), ("EvidenceObjects", &objects)];
    parameters.extend(more);
    stack(account, "goldseal-hook", "hook.yaml", &parameters)
}

fn keys(account: &Account) -> BTreeMap<String, String> {
    let names = [
        ("Administrator", "administrator"),
        ("Verifiers", "verifier"),
        ("ImageSigner", "pipeline"),
        ("Approver", "risk"),
        ("Revoker", "security"),
        ("OverriderA", "first"),
        ("OverriderB", "second"),
        ("ReceiptSigner", "receipts"),
    ];
    let roles = names.map(|(parameter, name)| (parameter, role(account, name)));
    let parameters: Vec<(&str, &str)> = roles.iter().map(|(parameter, role)| (*parameter, role.as_str())).collect();
    stack(account, "goldseal-keys", "keys.yaml", &parameters)
}

/// The actions that documents allow.
fn allowed(documents: &Value) -> BTreeSet<String> {
    let documents = documents.as_array().unwrap().iter();
    let statements = documents.flat_map(|one| one["Statement"].as_array().unwrap());
    statements.flat_map(|one| one_or_more(&one["Action"])).collect()
}

/// The actions of documents in packaging/iam.
fn documented(names: &[&str]) -> BTreeSet<String> {
    let read = |name: &&str| -> Value {
        serde_json::from_slice(&fs::read(format!("packaging/iam/{name}.json")).unwrap()).unwrap()
    };
    allowed(&names.iter().map(read).collect())
}

#[test]
fn the_templates_pass_cfn_lint_and_a_spoiled_one_does_not() {
    let all: Vec<String> = fs::read_dir(TEMPLATES)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| path.ends_with(".yaml"))
        .collect();
    assert_eq!(all.len(), 8, "{all:?}");
    // It is a program beside Python, and no module that can be run.
    let beside = "import os, sys; os.execv(os.path.join(os.path.dirname(sys.executable), 'cfn-lint'), sys.argv)";
    let lint = |files: &[&str]| python().args([&["-c", beside, "-r", REGION, "--"], files].concat()).output().unwrap();
    let told = lint(&all.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));

    let folder = tempfile::tempdir().unwrap();
    let spoiled = folder.path().join("spoiled.yaml");
    let text = fs::read_to_string(format!("{TEMPLATES}/group.yaml")).unwrap();
    fs::write(&spoiled, text.replace("DefaultResult:", "DefaultResults:")).unwrap();
    assert!(!lint(&[spoiled.to_str().unwrap()]).status.success());
}

#[test]
fn every_resource_is_made_and_found_by_its_own_service() {
    let scene = Scene::new();
    let account = &scene.account;
    evidence(account, "golden-evidence-of-all", (&caller(account), &role(account, "security")));
    let keys = keys(account);
    assert_eq!(keys.len(), 6, "{keys:?}");
    hook(
        account,
        &[
            ("Events", "yes"),
            ("SuspendLaunch", "yes"),
            ("KeyArns", &keys["ImageArn"]),
            ("AlarmTopic", "arn:aws:sns:eu-west-1:1:t"),
        ],
    );
    stack(account, "goldseal-daemon", "daemon.yaml", &[]);
    let (auditor, acting) = (role(account, "auditor"), role(account, "acting"));
    let parameters =
        [("Auditor", auditor.as_str()), ("ExternalId", "7f3c7f3c"), ("Quarantiner", &acting), ("SecurityHub", "yes")];
    stack(account, "goldseal-audit", "audit-role.yaml", &parameters);

    // What the local AWS leaves out is named here, so that more does not go unnoticed.
    let set =
        ["goldseal-roles", "audit-stackset.yaml", "TemplateUrl=https://bucket/audit-role.yaml", "Region=eu-west-1"];
    let rest = ["OrganizationalUnits=ou-ab12-c3d4e5f6", &format!("Auditor={auditor}"), "ExternalId=7f3c7f3c"];
    let made = stacks(account, "create", &[&set[..], &rest[..]].concat());
    assert_eq!(made["dropped"], json!(["AWS::CloudFormation::StackSet"]), "{made:#}");
    skipped("the stack set of audit roles", "the local AWS drops AWS::CloudFormation::StackSet; its template was made");
}

#[test]
fn launches_are_judged_through_the_queue_that_the_stack_made() {
    let scene = Scene::new();
    let (good, bad) = (scene.sealed("golden"), scene.account.image("unsealed"));
    let made = hook(&scene.account, &[]);
    stack(&scene.account, "goldseal-daemon", "daemon.yaml", &[]);
    bare_group(&scene.account, "good", &good);
    bare_group(&scene.account, "bad", &bad);
    // One is enrolled by a stack, the other by hand.
    stack(&scene.account, "goldseal-good", "group.yaml", &[("Group", "good")]);
    let line = format!(
        "enroll bad --queue {} --notify-role {} --guard-group good,bad --apply",
        made["QueueUrl"], made["NotifierArn"]
    );
    scene.goldseal.run(&line).exits(0).says("ENROLLED  bad");
    for group in ["good", "bad"] {
        let hook = hooks(&scene, group).remove(0);
        assert_eq!((hook.lifecycle_hook_name(), hook.default_result()), (Some(HOOK), Some("ABANDON")), "{group}");
        assert_eq!(hook.notification_target_arn(), Some(made["QueueArn"].as_str()), "{group}");
        assert_eq!(hook.role_arn(), Some(made["NotifierArn"].as_str()), "{group}");
    }
    let again = format!("enroll good --queue {} --notify-role {}", made["QueueUrl"], made["NotifierArn"]);
    scene.goldseal.run(&again).exits(0).says("ENROLLED ALREADY");

    let fleet = Fleet { scene, queue: made["QueueUrl"].clone(), arn: made["QueueArn"].clone() };
    let running = fleet.hook_with("good,bad", &made["State"], "", &[]);
    fleet.scale("good", 2);
    fleet.scale("bad", 1);
    until("in service", || fleet.states("good") == ["InService"; 2]);
    until("abandoned", || fleet.results("bad").contains(&"ABANDON".to_owned()));
    fleet.scale("bad", 0);
    assert!(running.metric("goldseal_hook_messages_total{kind=\"launch\"}") >= 3.0, "by the queue, not the sweep");
    let bucket = made["State"].trim_start_matches("s3://");
    until("decisions in the state of the stack", || {
        let listed = wait(fleet.scene.account.s3().list_objects_v2().bucket(bucket).prefix("v1/decisions/").send());
        listed.unwrap().key_count().unwrap_or(0) > 0
    });
}

#[test]
fn the_function_of_the_stack_judges_what_the_queue_hands_to_it() {
    let scene = Scene::new();
    let account = &scene.account;
    let (good, bad) = (scene.sealed("golden"), account.image("unsealed"));
    let made = hook(account, &[]);
    bare_group(&scene.account, "good", &good);
    bare_group(&scene.account, "bad", &bad);
    for group in ["good", "bad"] {
        stack(account, &format!("goldseal-{group}"), "group.yaml", &[("Group", group)]);
    }
    let (code, store) = (format!("code-{}", account.id), format!("s3://{}", account.bucket()));
    account.bucket_called(&code);
    // An empty archive: the end of its directory and nothing before it.
    let empty = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
    wait(account.s3().put_object().bucket(&code).key("goldseal-lambda.zip").body(empty.into()).send()).unwrap();
    stack(account, "goldseal-function", "lambda.yaml", &[("CodeBucket", &code), ("Store", &store)]);

    // The function runs as Lambda would run it, with the environment that the stack gave it.
    let variables = stacks(account, "variables", &["goldseal-function"]);
    let mut environment: BTreeMap<String, String> = serde_json::from_value(variables).unwrap();
    let policy = scene.goldseal.path("policy.toml").display().to_string();
    assert_eq!(environment.insert("GOLDSEAL_POLICY".into(), policy).as_deref(), Some("/var/task/policy.toml"));
    let (runtime, address) = Runtime::start();
    let lambda = [
        ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "goldseal"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "s"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "g"),
    ];
    let all: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(lambda).collect();
    let fleet = Fleet { scene, queue: made["QueueUrl"].clone(), arn: made["QueueArn"].clone() };
    let log = fs::File::create(fleet.scene.goldseal.path("lambda.log")).unwrap();
    let mut function = fleet.scene.goldseal.start_logging("lambda", &all, log);
    fleet.scale("good", 1);
    fleet.scale("bad", 1);
    let mut bodies: Vec<String> = Vec::new();
    until("both are told of", || {
        let call = fleet.scene.account.sqs().receive_message().queue_url(&fleet.queue).max_number_of_messages(10);
        let told = wait(call.send()).unwrap().messages.unwrap_or_default();
        bodies.extend(told.into_iter().filter_map(|message| message.body));
        bodies.iter().filter(|body| body.contains("EC2_INSTANCE_LAUNCHING")).count() >= 2
    });
    let records: Vec<Value> =
        bodies.iter().enumerate().map(|(at, body)| record(&format!("m-{at}"), &json!(body))).collect();
    let (went_well, answer) = runtime.call(&json!({"Records": records}));
    assert!(went_well && answer == json!({"batchItemFailures": []}), "{answer:#}");
    assert_eq!((fleet.results("good")[0].as_str(), fleet.results("bad")[0].as_str()), ("CONTINUE", "ABANDON"));
    fleet.scale("bad", 0);
    function.kill().unwrap();
    function.wait().unwrap();
}

#[test]
fn in_the_bucket_of_the_stack_nothing_is_written_over_or_lost() {
    let account = Account::new();
    let (other, key) = (Account::new(), account.key_called("signing"));
    let name = format!("golden-{}", account.id);
    let lister = Account::new();
    evidence(&account, &name, (&caller(&account), &caller(&lister)));
    let goldseal = account.goldseal().with("GOLDSEAL_STORE", format!("s3://{name}/prod"));
    let goldseal = goldseal.with("GOLDSEAL_POLICY", "policy.toml");
    goldseal.write("policy.toml", trusting(&key));
    let ami = account.image("golden");
    let sign = format!("sign {ami} --key awskms:///alias/signing {INPUTS}");
    goldseal.run(&sign).exits(0);
    goldseal.change("golden.grype.json", "0.121.2", "0.121.3", "golden.grype.json");
    goldseal.run(&format!("{sign} --replace")).exits(0);
    goldseal.verdict(&ami, "admit", &[]);

    // Both writes are there, and neither goes away.
    let place = format!("prod/{}", account.evidence_key(&ami));
    let versions = wait(account.s3().list_object_versions().bucket(&name).prefix(&place).send()).unwrap();
    assert_eq!(versions.versions().len(), 2);
    for version in versions.versions() {
        let gone = account.s3().delete_object().bucket(&name).key(&place).version_id(version.version_id().unwrap());
        assert!(wait(gone.send()).is_err());
    }
    assert!(wait(account.s3().delete_object().bucket(&name).key(&place).send()).is_err());
    let blind = |account: &Account| account.s3().put_object().bucket(&name).key(&place).body(b"forged".to_vec().into());
    assert!(wait(blind(&account).send()).is_err(), "without saying what is expected to be there");
    assert!(wait(blind(&account).if_none_match("*").send()).is_err(), "where something is");
    assert!(wait(blind(&other).if_match("\"x\"").send()).is_err(), "by a stranger");
    assert!(
        wait(blind(&lister).if_none_match("*").key("prod/v1/aws/x").send()).is_err(),
        "evidence, by who writes lists"
    );
    goldseal.verdict(&ami, "admit", &[]);

    // Who revokes and overrides writes their lists, and reads what falls.
    let revoker = account.goldseal().with("AWS_ACCESS_KEY_ID", &lister.id);
    let revoker = revoker.with("GOLDSEAL_STORE", format!("s3://{name}/prod")).with("GOLDSEAL_POLICY", "policy.toml");
    let keys = ["revoker", "alice", "bob"].map(|name| (name, local_key(&revoker, &format!("{name}.pem"))));
    let people: String = keys.iter().map(|(name, key)| pem(name, &key.pem())).collect();
    let rules = "[revocation]\nauthorities = [\"revoker\"]\nmax_age = \"24h\"\n\
                 [override]\nauthorities = [\"alice\", \"bob\"]\nmax_life = \"24h\"\n";
    revoker.write("policy.toml", trusting(&key) + &people + rules);
    let sign = "--dangerous-local-key revoker.pem";
    revoker.run(&format!("revoke renew --first {sign}")).exits(0);
    let revoke = format!("revoke image {ami} --reason poisoned --by alice@example.com {sign}");
    revoker.run(&revoke).exits(1).says("together  1 of 1 image fall");
    revoker.run(&format!("{revoke} --yes")).exits(0);
    let why = "--cause image-revoked --revocation 1 --reason site --ticket INC-1 --by alice@example.com --for 8h";
    revoker.run(&format!("override grant --image {ami} {why} --dangerous-local-key alice.pem")).exits(0);
}

#[test]
fn whoever_signs_with_a_key_does_nothing_else_with_it_and_nobody_else_signs() {
    let account = Account::new();
    let made = keys(&account);
    let mut signers = BTreeSet::new();
    let mut shapes = BTreeSet::new();
    for (name, arn) in &made {
        let told = wait(account.kms().get_key_policy().key_id(arn).policy_name("default").send()).unwrap();
        let policy: Value = serde_json::from_str(told.policy().unwrap()).unwrap();
        let of =
            |sid: &str| policy["Statement"].as_array().unwrap().iter().find(|one| one["Sid"] == sid).unwrap().clone();
        let may = |statement: &Value| allowed(&json!([{"Statement": [statement]}]));
        let (administer, sign, verify, nobody) = (of("Administer"), of("Sign"), of("Verify"), of("NobodyElseSigns"));
        let signer = sign["Principal"]["AWS"].as_str().unwrap().to_owned();
        assert_eq!(nobody["Condition"]["ArnNotEquals"]["aws:PrincipalArn"], signer, "{name}");
        assert_eq!((&nobody["Effect"], &nobody["Principal"]), (&json!("Deny"), &json!("*")), "{name}");
        assert_eq!(may(&nobody), ["kms:CreateGrant", "kms:Sign"].map(str::to_owned).into(), "{name}");
        assert_eq!(may(&sign), ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"].map(str::to_owned).into(), "{name}");
        assert_eq!(may(&verify), ["kms:DescribeKey", "kms:GetPublicKey"].map(str::to_owned).into(), "{name}");
        assert!(
            !may(&administer).iter().any(|action| ["kms:Sign", "kms:CreateGrant", "kms:*"].contains(&action.as_str()))
        );
        assert_eq!(policy["Statement"].as_array().unwrap().len(), 4, "{name}");
        shapes.insert(policy.to_string().replace(&signer, "SIGNER"));
        signers.insert(signer);
    }
    assert_eq!((signers.len(), shapes.len()), (6, 1), "six who sign, under one and the same policy");

    // The image key is the one that seals.
    let goldseal = account.goldseal().with("GOLDSEAL_STORE", account.bucket_store());
    let spki = wait(account.kms().get_public_key().key_id("alias/goldseal-image").send()).unwrap();
    let (arn, spki) = (made["ImageArn"].clone(), spki.public_key.unwrap().into_inner());
    goldseal.write("policy.toml", trusting(&crate::aws::Key { id: arn.clone(), arn, spki }));
    let goldseal = goldseal.with("GOLDSEAL_POLICY", "policy.toml");
    let ami = account.image("golden");
    goldseal.run(&format!("sign {ami} --key awskms:///alias/goldseal-image {INPUTS}")).exits(0);
    goldseal.verdict(&ami, "admit", &[]);
}

#[test]
fn roles_of_the_stacks_allow_what_the_documents_do() {
    let account = Account::new();
    let key = keys(&account)["ImageArn"].clone();
    hook(&account, &[("SuspendLaunch", "yes"), ("KeyArns", &key)]);
    let daemon = stack(&account, "goldseal-daemon", "daemon.yaml", &[]);
    let (auditor, acting) = (role(&account, "auditor"), role(&account, "acting"));
    let parameters =
        [("Auditor", auditor.as_str()), ("ExternalId", "7f3c7f3c"), ("Quarantiner", &acting), ("SecurityHub", "yes")];
    stack(&account, "goldseal-audit", "audit-role.yaml", &parameters);
    let code = format!("code-{}", account.id);
    account.bucket_called(&code);
    let empty = [b"PK\x05\x06".as_slice(), &[0; 18]].concat();
    wait(account.s3().put_object().bucket(&code).key("goldseal-lambda.zip").body(empty.into()).send()).unwrap();
    let function = stack(&account, "goldseal-function", "lambda.yaml", &[("CodeBucket", &code), ("Store", "s3://x")]);
    let name = |arn: &String| arn.rsplit('/').next().unwrap().to_owned();
    for (role, documents) in [
        (name(&daemon["RoleArn"]), &["hook"][..]),
        (name(&function["RoleArn"]), &["lambda"]),
        ("goldseal-audit".to_owned(), &["audit-role"]),
        ("goldseal-quarantine".to_owned(), &["audit-role", "audit-quarantine"]),
    ] {
        let found = allowed(&stacks(&account, "policies", &[&role]));
        assert_eq!(found, documented(documents), "{role}");
    }
}

#[test]
fn the_terraform_example_is_formatted_and_allows_the_same() {
    let folder = Path::new("packaging/terraform");
    let text: String = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "tf"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    // Its parts are one for one those of the templates.
    let rights = text.split("data \"aws_iam_policy_document\" \"rights\" {").nth(1).unwrap();
    let rights = rights.split("\n}\n").next().unwrap();
    let quoted = rights.split('"').filter(|word| word.split(':').count() == 2 && !word.contains([' ', '/', '$']));
    let actions: BTreeSet<String> = quoted.filter(|word| !word.starts_with("aws:")).map(str::to_owned).collect();
    assert_eq!(actions, documented(&["hook"]));
    for key in ["image", "approval", "revocation", "override-a", "override-b", "receipt"] {
        let declared = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
        assert!(text.lines().any(declared), "{key}");
    }
    match Command::new("terraform").args(["fmt", "-check", "-diff", "-recursive"]).arg(folder).output() {
        Ok(told) => assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout)),
        Err(error) if error.kind() == ErrorKind::NotFound => skipped("terraform fmt", "terraform is not installed"),
        Err(error) => panic!("{error}"),
    }
}
