//! Policies with mistakes: all of them listed with their place, and nothing admitted.

use serde_json::Value;

use crate::{
    offline::seal,
    run::{Goldseal, files_under},
};

const VERIFY: &str = "verify --image image.json --evidence evidence.jsonl --policy broken.toml";

#[test]
fn a_policy_that_is_none_admits_nothing() {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    let good = String::from_utf8(goldseal.read("policy.toml")).unwrap();
    let from = |text: &str, to: &str| {
        assert!(good.contains(text), "{text}");
        good.replacen(text, to, 1).into_bytes()
    };
    for (policy, says) in [
        (Vec::new(), "version: required"),
        (b"\n# nothing\n".to_vec(), "no_match: required"),
        (b"version = 1\n".to_vec(), "require"),
        (from("no_match = ", "no_mach = "), "broken.toml:2:1: no_mach: unknown key"),
        (from("no_match = \"enforce\"\n", ""), "no_match: required"),
        (from("\"enforce\"", "\"enforced\""), "broken.toml:2:12"),
        (from("version = 1", "version = 2"), "this goldseal reads version 1"),
        (from("dangerous_without_gate = true\n", ""), "dangerous_without_gate"),
        (from("authorities = [\"ci\"]", "authorities = [\"cl\"]"), "no [[authority]] is called cl"),
        (from("authorities = [\"ci\"]", "authorities = []"), "an empty list"),
        (from("threshold = 1", "threshold = 0"), "from 1 to 1"),
        (from("attestation = \"sbom\"", "attestation = \"sbomb\""), "sbomb"),
        (from("attestation = \"sbom\"", "attestation = \"scan\""), "scan is required twice"),
        (from("BEGIN PUBLIC KEY", "BEGIN PUBIC KEY"), "authority[0].key"),
        (from("key = ", "key_file = "), "authority[0].key_file"),
        (from("version = 1", "version = "), "broken.toml:1:"),
        (good.replace("[[require]]", "[[requires]]").into_bytes(), "requires: unknown key"),
        (b"\xff\xfe".to_vec(), "not UTF-8"),
        (vec![b'#'; (1 << 20) + 1], "1048576 bytes"),
    ] {
        goldseal.write("broken.toml", &policy);
        let error = goldseal.fails(VERIFY, 2, &[says, "broken.toml"]);
        assert!(error.get("images").is_none(), "{error:#}");
        goldseal.run(VERIFY).exits(2).says("error").says(says);
    }
    goldseal.fails(&VERIFY.replace("broken", "absent"), 2, &["absent.toml", "No such file"]);
    goldseal.fails(&VERIFY.replace("broken.toml", "."), 2, &["reading", "directory"]);
}

#[test]
fn policy_check_lists_every_problem_with_file_line_and_key() {
    let goldseal = Goldseal::new();
    goldseal.write(
        "broken.toml",
        "version = 1\nno_match = \"maybe\"\nunknown = 1\n\n[[authority]]\nname = \"ci\"\nkey_file = \"ci.pub\"\nvalid_for = 3\n\n\
         [[require]]\nattestation = \"sbom\"\nauthorities = [\"ci\", \"risk\"]\n",
    );
    let report = goldseal.json("policy check broken.toml").exits(2).report();
    assert_eq!((&report["schema"], &report["policy"]), (&"goldseal/policy-check/v1".into(), &Value::Null));
    let places: Vec<(u64, &str)> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["line"].as_u64().unwrap(), problem["key"].as_str().unwrap()))
        .collect();
    let expected = [
        (1, "require"),
        (2, "no_match"),
        (3, "unknown"),
        (7, "authority[0].key_file"),
        (8, "authority[0].valid_for"),
        (10, "require[0].threshold"),
        (12, "require[0].authorities"),
    ];
    assert_eq!(places, expected, "{report:#}");
    let shown = goldseal.run("policy check broken.toml").exits(2).says("7 problems in broken.toml");
    for line in shown.stdout.lines().take(7) {
        assert!(line.starts_with("broken.toml:"), "{line}");
    }
}

#[test]
fn policy_check_reads_the_files_beside_the_document() {
    let goldseal = Goldseal::new();
    let key = seal(&goldseal);
    let (head, rest) = (String::from_utf8(goldseal.read("policy.toml")).unwrap(), key.pem());
    let inline = format!("key = \"\"\"\n{rest}\"\"\"");
    goldseal.write("policies/beside.toml", head.replace(&inline, "key_file = \"ci.pub\""));
    goldseal.write("policies/ci.pub", rest);
    let report = goldseal.json("policy check policies/beside.toml").exits(0).report();
    assert_eq!(report["problems"], serde_json::json!([]));
    let [document, key] =
        ["policies/beside.toml", "policies/ci.pub"].map(|file| crate::aws::sha256(&goldseal.read(file)));
    assert_eq!(report["policy"], crate::aws::sha256(format!("{document}  -\n{key}  ci.pub\n").as_bytes()));
    goldseal.verdict("--image image.json --evidence evidence.jsonl --policy policies/beside.toml", "admit", &[]);
}

#[test]
fn settings_come_from_flags_the_environment_and_a_file_and_a_typo_is_an_error() {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    let verify = "verify --image image.json --evidence evidence.jsonl";
    goldseal.write("settings.toml", "policy = \"policy.toml\"\n");
    goldseal.verdict("--image image.json --evidence evidence.jsonl", "admit", &[]);
    goldseal.write("settings.toml", "polity = \"policy.toml\"\n");
    goldseal.fails(verify, 2, &["settings.toml", "polity"]);
    goldseal.write("settings.toml", "store = \"ftp://x\"\n");
    goldseal.fails(verify, 2, &["ftp://x", "s3://bucket"]);
    goldseal.write("settings.toml", "");
    let by_environment = goldseal.with("GOLDSEAL_POLICY", "policy.toml");
    by_environment.verdict("--image image.json --evidence evidence.jsonl", "admit", &[]);
    by_environment.fails(&format!("{verify} --policy other.toml"), 2, &["other.toml"]);
    by_environment.fails(&format!("verify eu-west-1:{}", crate::offline::AMI), 2, &["no store is set", "--store"]);
    let gone = by_environment.with("GOLDSEAL_CONFIG", "gone.toml");
    gone.fails(verify, 2, &["gone.toml"]);
    assert!(files_under(&gone.path("gone")).is_empty());
}
