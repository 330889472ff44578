//! `goldseal trace` against the local AWS: the whole story of what runs, what is left of it without this or that, and
//! nothing that nobody signed.

use serde_json::{Value, json};

use crate::{
    audit::{LOOK, admits, runs, share},
    aws::{Account, NOWHERE, REGION, wait},
    cloud::cloud,
    docs::{example, masked},
    gated::{Gated, change_json, in_days},
    run::{Goldseal, codes, notes},
};

/// A sealed image that was built from another sealed one, and instances of it.
pub struct Told {
    pub scene: Gated,
    below: String,
    pub ami: String,
    pub instances: Vec<String>,
}

impl Told {
    pub fn new() -> Self {
        let scene = Gated::new();
        let below = scene.sealed("below");
        let arn = format!("arn:aws:ec2:{REGION}:{}:image/{below}", scene.account.id);
        change_json(&scene.goldseal, "build.json", "build.json", |facts| facts["baseImage"]["arn"] = json!(arn));
        let ami = scene.sealed("golden");
        let instances = runs(&scene.account, REGION, &ami, 2);
        Self { scene, below, ami, instances }
    }

    #[track_caller]
    fn trace(&self, arguments: &str, code: i32) -> Value {
        self.scene.goldseal.json(&format!("trace {arguments}")).exits(code).report()
    }
}

fn deregister(told: &Told) {
    wait(told.scene.account.ec2().deregister_image().image_id(&told.ami).send()).unwrap();
}

#[test]
fn an_instance_leads_to_commit_builder_base_sbom_scan_exceptions_approver_and_key() {
    let told = Told::new();
    let Told { scene, below, ami, instances } = &told;
    let report = told.trace(&instances[0], 0);
    assert_eq!((&report["schema"], &report["instance"]), (&json!("goldseal/trace/v1"), &json!(instances[0])));
    assert_eq!((&report["image"]["image"]["id"], &report["image"]["verdict"]), (&json!(ami), &json!("admit")));

    let build = &report["build"];
    assert_eq!(build["commit"], "5b1f0c9e27d84a36b0e4c7719f2ad8635c0e91d4");
    assert_eq!(build["builder"], "https://ci.example.com/golden-images");
    assert_eq!(build["packer"], "1.16.0");
    let base = &report["bases"][0];
    assert!(base["arn"].as_str().unwrap().ends_with(below), "{base:#}");
    assert_eq!((&base["standing"], &base["verdict"]), (&json!("verified"), &json!("admit")), "{base:#}");
    assert_eq!(base["commit"], build["commit"]);
    let next = &report["bases"][1];
    assert_eq!((&next["standing"], &next["verdict"]), (&json!("absent"), &Value::Null), "{next:#}");

    let sbom = &report["sbom"];
    assert_eq!((&sbom["packages"], &sbom["format"]), (&json!(25), &json!("SPDX")));
    assert_eq!(sbom["sha256"], crate::aws::sha256(&scene.goldseal.read("golden.spdx.json")));
    let gate = &report["gate"];
    assert_eq!(gate["exceptions"][0]["id"], "CVE-2026-90005");
    assert_eq!(gate["exceptions"][0]["inForce"], true);
    assert_eq!(gate["scanner"]["version"], "0.121.2");
    let approval = &report["approvals"][0];
    assert_eq!(
        (&approval["approver"], &approval["by"], &approval["counts"]),
        (&json!("alice@example.com"), &json!("boss"), &json!(true))
    );
    for signature in report["signatures"].as_array().unwrap() {
        let key = if signature["kind"] == "approval" { &scene.approval } else { &scene.key };
        assert_eq!(signature["key"], key.pin(), "{signature}");
    }
    assert_eq!((&report["then"]["verdict"], &report["then"]["at"]), (&json!("admit"), &gate["at"]));
    let listed: Vec<&str> = report["running"]["instances"].as_array().unwrap().iter().map(name).collect();
    let mut expected: Vec<&str> = instances.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

fn name(instance: &Value) -> &str {
    instance["instance"].as_str().unwrap()
}

#[test]
fn it_is_one_screen_and_docs_trace_shows_it() {
    let told = Told::new();
    let Told { scene, below, ami, instances } = &told;
    let shown = scene.goldseal.run(&format!("trace {}", instances[0])).exits(0).stdout;
    assert!(shown.lines().count() <= 45, "{shown}");
    let wide = |line: &&str| line.chars().count() > 100 && line.trim().contains(' ');
    assert_eq!(shown.lines().find(wide), None, "{shown}");

    let mut text = shown.trim_end().to_owned();
    let mut names = vec![(below, "ami-0fedcba9876543210"), (ami, "ami-0123456789abcdef0")];
    names.extend(instances.iter().zip(["i-0123456789abcdef0", "i-0fedcba9876543210"]));
    for (from, to) in names {
        text = text.replace(from.as_str(), to);
    }
    let text = text.replace(&scene.account.bucket(), "golden-evidence").replace(&scene.account.id, "123456789012");
    let text = masked(&text);
    let mut lines: Vec<&str> = text.lines().collect();
    // Which of the two has the lower id is chance.
    let firsts = lines.iter().position(|line| line.starts_with("            i-")).unwrap();
    lines[firsts..firsts + 2].sort();
    example("docs/trace.md", &format!("$ goldseal trace i-0123456789abcdef0\n{}", lines.join("\n")));
}

#[test]
fn an_image_that_was_deregistered_goes_on_having_a_story() {
    let told = Told::new();
    deregister(&told);
    let report = told.trace(&told.instances[0], 0);
    assert_eq!(
        (&report["factsFrom"], &report["running"]["seen"]["state"]),
        (&json!("provenance"), &json!("deregistered"))
    );
    assert!(notes(&report["image"]).contains(&"facts-from-provenance"));
    assert_eq!(report["sbom"]["packages"], 25);

    let bare = Gated::new();
    let ami = bare.sealed("gone");
    wait(bare.account.ec2().deregister_image().image_id(&ami).send()).unwrap();
    let report = bare.goldseal.json(&format!("trace {ami}")).exits(1).report();
    assert_eq!(codes(&report["image"]), ["image-not-found"], "as verify says");
    assert_eq!((&report["then"]["verdict"], &report["sbom"]["packages"]), (&json!("admit"), &json!(25)));
    bare.goldseal.verdict(&format!("{ami} --at {}", jiff::Timestamp::now()), "reject", &["image-not-found"]);
}

#[test]
fn what_has_ended_since_is_told_as_it_was() {
    let told = Told::new();
    let later = format!("{}T00:00:00Z", in_days(61));
    let report = told.trace(&format!("{} --at {later}", told.ami), 1);
    assert!(codes(&report["image"]).contains(&"exception-expired"), "{report:#}");
    assert_eq!(report["gate"]["exceptions"][0]["inForce"], false);
    assert_eq!(report["then"]["verdict"], "admit");
    assert_eq!(report["build"]["packer"], "1.16.0");
    told.scene.goldseal.run(&format!("trace {} --at {later}", told.ami)).exits(1).says("ENDED").says("then      admit");
}

#[test]
fn what_no_authority_signed_is_not_told() {
    let told = Told::new();
    let (account, goldseal) = (&told.scene.account, &told.scene.goldseal);
    let stranger = Gated::new();
    // The same files, another pipeline's keys: nothing in here knows them.
    goldseal.write("stranger.toml", stranger.goldseal.read("policy.toml"));
    let report = told.trace(&format!("{} --policy stranger.toml", told.ami), 1);
    for fact in ["build", "sbom", "gate", "then"] {
        assert_eq!(report[fact], Value::Null, "{report:#}");
    }
    for list in ["bases", "approvals", "signatures"] {
        assert_eq!(report[list], json!([]), "{report:#}");
    }
    assert_eq!(report["image"]["discounted"].as_array().unwrap().len(), 5);
    let shown = goldseal.run(&format!("trace {} --policy stranger.toml", told.ami)).exits(1);
    let shown = shown.says("signer-unknown").says("story     none");
    assert!(!shown.stdout.contains("5b1f0c9e"), "{}", shown.stdout);

    let bare = account.image("bare");
    let report = told.trace(&bare, 1);
    assert_eq!(codes(&report["image"]), ["evidence-absent"]);
    account.fault(json!({"service": "s3", "action": "GetObject", "times": 0, "status": 403, "code": "AccessDenied"}));
    let report = told.trace(&told.ami, 3);
    assert_eq!((codes(&report["image"]), &report["build"]), (vec!["evidence-unavailable"], &Value::Null));
    cloud().clear_faults(&account.id);
}

#[test]
fn an_audit_tells_of_instances_that_ec2_does_not() {
    let told = Told::new();
    let (account, goldseal) = (&told.scene.account, &told.scene.goldseal);
    let gone = "i-0ffffffffffffffff";
    let error = goldseal.fails(&format!("trace {gone}"), 1, &["nobody tells of i-0ffffffffffffffff"]);
    assert!(error["hints"][0].as_str().unwrap().contains("--from"), "{error:#}");

    goldseal.run(&format!("audit --regions {REGION} --write json=audit.json")).exits(0);
    let text = String::from_utf8(goldseal.read("audit.json")).unwrap();
    goldseal.write("audit.json", text.replace(&told.instances[1], gone));
    let report = told.trace(&format!("{gone} --from audit.json"), 0);
    assert_eq!(report["image"]["image"]["id"], told.ami);
    let seen = report["running"]["instances"].as_array().unwrap().iter().find(|one| name(one) == gone).unwrap();
    assert_eq!((&seen["from"], &seen["class"]), (&json!("audit"), &json!("admitted")));
    goldseal.fails(&format!("trace {gone} --from build.json"), 2, &["build.json"]);

    let denied = |action: &str| {
        let fault =
            json!({"service": "ec2", "action": action, "times": 0, "status": 403, "code": "UnauthorizedOperation"});
        account.fault(fault);
    };
    denied("DescribeInstanceImageMetadata");
    goldseal.fails(&format!("trace {}", told.instances[0]), 3, &["DescribeInstanceImageMetadata"]);
    let report = told.trace(&told.ami, 0);
    assert_eq!(report["running"]["places"][0]["faults"][0]["code"], "place-unavailable");
    goldseal.run(&format!("trace {}", told.ami)).exits(0).says("NOT SEEN");
    cloud().clear_faults(&account.id);
}

#[test]
fn an_instance_in_another_account_is_traced_through_the_role_of_an_audit() {
    let told = Told::new();
    let (account, goldseal) = (&told.scene.account, &told.scene.goldseal);
    let member = Account::new();
    admits(&member, account, "7f3c");
    share(account, &told.ami, &member);
    let theirs = runs(&member, REGION, &told.ami, 1).remove(0);
    goldseal.write("accounts.txt", format!("{} shop\n", member.id));
    goldseal.fails(&format!("trace {theirs}"), 1, &["nobody tells of"]);
    let report = told.trace(&format!("{theirs} --accounts accounts.txt {LOOK}"), 0);
    assert_eq!(report["image"]["image"]["id"], told.ami);
    let seen = report["running"]["instances"].as_array().unwrap().iter().find(|one| name(one) == theirs).unwrap();
    assert_eq!(
        (&seen["account"], &seen["class"], &seen["from"]),
        (&json!(member.id), &json!("admitted"), &json!("ec2"))
    );
    // A role without accounts is assumed nowhere.
    for command in [
        &format!("trace {theirs}"),
        "audit",
        "sbom query openssl",
        "policy what-if --policy policy.toml --against policy.toml",
    ] {
        goldseal.fails(&format!("{command} {LOOK}"), 2, &["--role goldseal/audit", "--organization or --accounts"]);
    }
}

#[test]
fn files_tell_the_story_without_a_network() {
    let told = Told::new();
    let (account, goldseal) = (&told.scene.account, &told.scene.goldseal);
    goldseal.run(&format!("describe {} --descriptor image.json", told.ami)).exits(0);
    let offline = Goldseal::new().with("AWS_ENDPOINT_URL", NOWHERE);
    for file in ["image.json", "policy.toml"] {
        offline.write(file, goldseal.read(file));
    }
    offline.write("evidence.jsonl", account.evidence(&told.ami).unwrap());
    let line = "trace --image image.json --evidence evidence.jsonl --policy policy.toml";
    let report = offline.json(line).exits(0).report();
    assert_eq!((&report["sbom"]["packages"], &report["bases"][0]["standing"]), (&json!(25), &json!("not-asked")));
    offline.run(line).exits(0).says("runs      not asked").says("alice@example.com");
    offline.fails(&format!("{line} {}", told.instances[0]), 2, &["--from"]);
    offline.fails("trace --policy policy.toml", 2, &["INSTANCE|AMI"]);
    offline.fails("trace vol-0123456789abcdef0 --policy policy.toml", 2, &["ami- and"]);
}
