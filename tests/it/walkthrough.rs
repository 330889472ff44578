//! docs/deploy.md, run from its first command to its last, as whoever deploys goldseal would type it: on the local AWS,
//! with a small `aws`, and in place of a machine's service manager one that only starts the hook.

use std::{fs, io::ErrorKind, os::unix::fs::symlink, process::Command};

use crate::{
    aws::{Account, REGION, wait},
    cloud::{cloud, python_path},
    documents::blocks::of,
    enrolling::bare_group,
    gated::{GATE, fresh},
    run::Goldseal,
    skipped,
};

/// The account that the document names.
const ACCOUNT: &str = "123456789012";

/// Returns the shell blocks of a document, those in lists without their indentation.
pub fn shell_blocks(document: &str) -> Vec<String> {
    blocks(document, "sh")
}

fn blocks(document: &str, kind: &str) -> Vec<String> {
    let all = of(document).into_iter().filter(|block| block.kind == kind);
    all.map(|block| block.text).collect()
}

/// Puts scripts into the folder's `bin`, which goes before the machine's programs; also an `aws` and a `goldseal`.
pub fn with_programs(goldseal: Goldseal, programs: &[(&str, &str)]) -> Goldseal {
    let shim = fs::canonicalize("tests/deploy/aws.py").unwrap();
    let aws = format!("exec {} -B {} \"$@\"", python_path(), shim.display());
    let always = [("aws", aws.as_str()), ("goldseal", "exec \"$GOLDSEAL\" \"$@\"")];
    for (name, text) in always.iter().chain(programs) {
        goldseal.write(&format!("bin/{name}"), format!("#!/bin/sh\n{text}\n"));
    }
    let path = format!("{}:{}", goldseal.path("bin").display(), std::env::var("PATH").unwrap());
    goldseal.script(&[], "chmod +x bin/*").exits(0);
    goldseal.with("PATH", path)
}

/// In place of what changes a machine. The service manager only starts the hook.
const STUBS: &[(&str, &str)] = &[
    (
        "systemctl",
        "echo \"systemctl $*\" >>stubs.log\ngoldseal hook --listen 127.0.0.1:0 >>hook.log 2>&1 & echo $! >hook.pid",
    ),
    ("install", "echo \"install $*\" >>stubs.log"),
    ("curl", "echo \"curl $*\" >>stubs.log"),
    // A release build, as far as what it is put into.
    ("make", "mkdir -p target/lambda && packaging/lambda/zip.py bin/goldseal target/lambda/goldseal-lambda.zip"),
    ("zip", "exec python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[2], \"a\").write(sys.argv[3])' \"$@\""),
];

/// How many instances the group has before it is guarded.
const BEFORE: i32 = 2;

#[test]
fn the_first_group_is_guarded_by_what_the_document_says() {
    let account = Account::named(ACCOUNT);
    let goldseal = with_programs(account.goldseal(), STUBS);
    fresh(&goldseal);
    symlink(fs::canonicalize("packaging").unwrap(), goldseal.path("packaging")).unwrap();
    let ami = account.image("golden");
    bare_group(&account, "web", &ami);
    let scaled = account.autoscaling().set_desired_capacity().auto_scaling_group_name("web").desired_capacity(BEFORE);
    wait(scaled.send()).unwrap();

    let mut blocks = shell_blocks("docs/deploy.md");
    // Either makes the bucket that both need: the roles first, as for who has a daemon, and then the function.
    let [function, roles] = ["goldseal-function", "goldseal-audit-roles"]
        .map(|stack| blocks.iter().position(|block| block.contains(&format!("--stack-name {stack} "))).unwrap());
    assert!(function < roles);
    blocks.swap(function, roles);
    let mut script = "set -eu\n".to_owned();
    for block in &blocks {
        script.push_str(block);
        // Between the commands of the document: what others do, and what a person waits for.
        if block.starts_with("export AWS_REGION") {
            script.push_str(&format!("PIPELINE=arn:aws:iam::{ACCOUNT}:user/moto\n"));
        } else if block.contains("cat > policy.toml") {
            script.push_str(&sealing(&ami));
        } else if block.contains("set-desired-capacity") {
            script.push_str(
                "for _ in $(seq 300); do [ \"$(grep -c launch-decided hook.log)\" -lt 1 ] || break; sleep 0.2; done\n",
            );
        }
    }
    let run = goldseal.script(&[], &format!("{script}\nkill \"$(cat hook.pid)\"\n"));
    let log = fs::read_to_string(goldseal.path("hook.log")).unwrap_or_default();
    assert_eq!(run.code, 0, "{}{}{log}", run.stdout, run.stderr);

    // What the reader saw.
    run.says_in_order(&["WOULD ENROLL  web", "nothing was changed", "ENROLLED  web", "mode-warn", "0 problems"]);
    assert_eq!(log.matches("verdict=\"admit\" action=\"continue\" mode=\"warn\"").count(), 1, "{log}");
    let groups = wait(account.autoscaling().describe_auto_scaling_groups().send()).unwrap().auto_scaling_groups;
    let sizes: Vec<Option<i32>> = groups.into_iter().flatten().map(|group| group.desired_capacity).collect();
    assert_eq!(sizes, [Some(BEFORE + 1)]);
    let stubs = String::from_utf8(goldseal.read("stubs.log")).unwrap();
    assert!(
        stubs.contains("systemctl enable --now goldseal-hook") && stubs.contains("/etc/goldseal/policy.toml"),
        "{stubs}"
    );
    let policy = String::from_utf8(goldseal.read("policy.toml")).unwrap();
    assert!(policy.contains(&format!("arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:")), "{policy}");
    let code = account.s3().get_object().bucket(format!("goldseal-code-{ACCOUNT}")).key("goldseal-lambda.zip");
    goldseal.write("code.zip", wait(wait(code.send()).unwrap().body.collect()).unwrap().to_vec());
    goldseal.script(&[], "python3 -m zipfile -e code.zip code && test -s code/bootstrap").exits(0);
    assert_eq!(String::from_utf8(goldseal.read("code/policy.toml")).unwrap(), policy);
    let query = format!("service=autoscaling&account={ACCOUNT}&action=DeleteLifecycleHook");
    assert_eq!(cloud().calls(&query).matches("\"DeleteLifecycleHook\"").count(), 1);
}

/// What a pipeline does to the image, by the keys of the stack.
fn sealing(ami: &str) -> String {
    let risks = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"images\"][0][\"acceptedRisks\"])'";
    let approve = format!(
        "goldseal approve gate.json {ami} --key awskms:///alias/goldseal-approval --approver alice@example.com \
         --out approval.jsonl"
    );
    format!(
        "goldseal gate {GATE} --write json=gate.json\n\
         {approve} --yes --accept-digest \"$({{ {approve} --output json || :; }} | {risks})\"\n\
         goldseal sign {ami} --key awskms:///alias/goldseal-image {GATE} --provenance build.json --without-content \
         --approval approval.jsonl --store \"s3://$BUCKET/prod\"\n"
    )
}

#[test]
fn the_variables_of_the_terraform_example_are_those_that_it_has() {
    let [given] = <[String; 1]>::try_from(blocks("docs/deploy.md", "hcl")).unwrap();
    let declared = fs::read_to_string("packaging/terraform/variables.tf").unwrap();
    let names = given.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_once('='));
    let names: Vec<&str> = names.map(|(name, _)| name.trim()).collect();
    assert_eq!(names, ["groups", "evidence_bucket", "administrator", "verifiers", "signers"]);
    for variable in declared.split("\nvariable \"").skip(1).chain(declared.strip_prefix("variable \"")) {
        let (name, text) = variable.split_once('"').unwrap();
        let text = text.split("\n}\n").next().unwrap();
        assert!(text.contains("\n  default ") || names.contains(&name), "{name} must be given");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("terraform.tfvars"), given).unwrap();
    match Command::new("terraform").args(["fmt", "-check", "-diff"]).arg(folder.path()).output() {
        Ok(told) => assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout)),
        Err(error) if error.kind() == ErrorKind::NotFound => skipped("terraform fmt", "terraform is not installed"),
        Err(error) => panic!("{error}"),
    }
}
