//! The command line itself: help, completions, profiles, and what goes to which stream.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    aws::{Account, REGION, sha256},
    chain::Scene,
    cloud::cloud,
    docs::COMMANDS,
    offline::{local_key, seal},
    run::{AT, Goldseal, Run},
};

#[test]
fn help_and_version_are_answers_and_go_to_standard_output() {
    let goldseal = Goldseal::new();
    for line in
        ["--help", "--version", "help verify", "describe --help", "sign --help", "verify -h", "policy check --help"]
    {
        let run = goldseal.run(line).exits(0);
        assert!(run.stdout.contains("goldseal") && run.stderr.is_empty(), "{line}: {}{}", run.stdout, run.stderr);
    }
    for line in ["", "policy"] {
        let run = goldseal.run(line).exits(2);
        assert!(
            run.stdout.is_empty() && run.stderr.contains("Usage: goldseal"),
            "{line}: {}{}",
            run.stdout,
            run.stderr
        );
    }
}

#[test]
fn every_shell_gets_its_completions() {
    let goldseal = Goldseal::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = goldseal.run(&format!("completions {shell}")).exits(0);
        assert!(run.stdout.contains("dangerous-local-key"), "{shell}");
    }
    goldseal.write("completions", goldseal.run("completions bash").stdout);
    goldseal.script(&[], "bash -n completions").exits(0);
    // Who has seen enough of them asks for nothing more.
    let seen = goldseal.script(&[], "\"$GOLDSEAL\" completions bash 2>told | head -n 1; cat told").exits(0);
    assert_eq!(seen.stdout.lines().count(), 1, "{}", seen.stdout);
    goldseal.run("completions tcsh").exits(2).says("tcsh");
}

#[test]
fn every_command_has_its_manual_page() {
    let goldseal = Goldseal::new();
    goldseal.write("man/here", "");
    goldseal.run("manual man").exits(0);
    for command in COMMANDS.iter().chain(&[""]) {
        let name = format!("goldseal {command}").trim().replace(' ', "-");
        let page = String::from_utf8(goldseal.read(&format!("man/{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{name}: {page}");
    }
    goldseal.run("manual nowhere").exits(2).says("writing manual pages into nowhere");
    assert!(!goldseal.run("--help").exits(0).stdout.contains("manual"), "it is for packages");
}

#[test]
fn a_release_is_sealed_by_its_checksums() {
    let goldseal = Goldseal::new();
    goldseal.write("SHA256SUMS", format!("{}  goldseal\n", sha256(b"goldseal")));
    let digest = sha256(&goldseal.read("SHA256SUMS"));
    local_key(&goldseal, "key.pem");
    fs::set_permissions(goldseal.path("key.pem"), Permissions::from_mode(0o600)).unwrap();
    let line = "release SHA256SUMS --dangerous-local-key key.pem";
    let run =
        goldseal.run(&format!("{line} --out seal.json")).exits(0).says("SEALED  SHA256SUMS of goldseal").says(&digest);
    let run = run.says("DANGEROUS: a key file on disk").says("written   seal.json");
    assert!(!run.stdout.contains("note"), "{}", run.stdout);
    let bundle: Value = serde_json::from_slice(&goldseal.read("seal.json")).unwrap();
    let envelope = &bundle["dsseEnvelope"];
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(statement["subject"][0]["name"], "SHA256SUMS");
    assert_eq!(statement["subject"][0]["digest"]["sha256"], digest);
    assert_eq!(statement["predicateType"], "https://goldseal.dev/release/v1");

    // Again, and by a key that others may read.
    fs::set_permissions(goldseal.path("key.pem"), Permissions::from_mode(0o644)).unwrap();
    let report = goldseal.json(&format!("{line} --out seal.json")).exits(0).report();
    assert_eq!((&report["schema"], &report["files"]), (&json!("goldseal/release/v1"), &json!(1)));
    assert_eq!((&report["subject"], &report["key"]["dangerousLocal"]), (&json!(digest), &json!(true)));
    assert_eq!(report["notes"][0]["code"], "key-file-readable");
    let printed = goldseal.run(&format!("{line} --out -")).exits(0).report();
    assert_eq!(printed["mediaType"], bundle["mediaType"], "the bundle and nothing else");
}

#[test]
fn what_is_no_file_of_checksums_is_not_sealed_and_none_is_written_over() {
    let goldseal = Goldseal::new();
    let sums = format!("{}  goldseal\n", sha256(b"goldseal"));
    goldseal.write("SHA256SUMS", &sums);
    goldseal.write("empty", "");
    goldseal.write("text", format!("{sums}zz  foo\n"));
    local_key(&goldseal, "key.pem");
    symlink("SHA256SUMS", goldseal.path("linked")).unwrap();
    let key = "--dangerous-local-key key.pem";
    for (line, said) in [
        ("release SHA256SUMS --out other.json".to_owned(), "no key to sign with"),
        (format!("release nothing {key} --out other.json"), "nothing"),
        (format!("release empty {key} --out other.json"), "reading empty"),
        (format!("release text {key} --out other.json"), "line 2 is no checksum"),
        (format!("release SHA256SUMS {key} --out SHA256SUMS"), "is the file with the checksums"),
        (format!("release SHA256SUMS {key} --out ./SHA256SUMS"), "is the file with the checksums"),
        (format!("release linked {key} --out SHA256SUMS"), "is the file with the checksums"),
    ] {
        goldseal.run(&line).exits(2).says(said);
    }
    assert!(!goldseal.path("other.json").exists());
    assert_eq!(goldseal.read("SHA256SUMS"), sums.into_bytes());
}

#[test]
fn the_schema_of_policies_is_one_json_document() {
    let schema = Goldseal::new().run("policy schema").exits(0).report();
    assert_eq!(schema["title"], "goldseal policy, version 1");
    assert_eq!(schema["additionalProperties"], Value::Bool(false));
}

#[test]
fn a_profile_gives_region_and_credentials() {
    let account = Account::new();
    let ami = account.image("profile");
    let goldseal = Goldseal::new().with("AWS_ENDPOINT_URL", &cloud().endpoint);
    goldseal.write(".aws/config", format!("[profile golden]\nregion = {REGION}\n"));
    let credentials = format!("[golden]\naws_access_key_id = {}\naws_secret_access_key = testing\n", account.id);
    goldseal.write(".aws/credentials", credentials);
    goldseal.run(&format!("describe {ami} --profile golden")).exits(0).says(&ami);
    goldseal.fails(&format!("describe {ami}"), 2, &["finding the region", "put a region into the profile"]);
    let by_environment = goldseal.with("AWS_PROFILE", "golden");
    by_environment.run(&format!("describe {ami}")).exits(0);
    by_environment.run(&format!("describe {ami} --region eu-central-1")).exits(1).says("in eu-central-1");
}

#[test]
fn a_reader_that_has_seen_enough_changes_no_verdict() {
    let goldseal = Goldseal::new();
    seal(&goldseal);
    let verify = format!("verify --image image.json --evidence evidence.jsonl --policy policy.toml {AT}");
    // Nobody reads at all: the other end is closed before anything is written.
    let script = format!("mkfifo line; (exec 3<line) & exec 4>line; wait; \"$GOLDSEAL\" {verify} >&4");
    goldseal.script(&[], &script).exits(0);
    goldseal.write("evidence.jsonl", "");
    goldseal.script(&[], &script.replace("mkfifo line; ", "")).exits(1);
}

#[test]
fn logs_go_to_standard_error_and_hold_no_secret() {
    let scene = Scene::new();
    let ami = scene.sealed("logs");
    let goldseal =
        scene.goldseal.with("AWS_SECRET_ACCESS_KEY", "a-secret-of-mine").with("AWS_SESSION_TOKEN", "a-token-of-mine");
    for flags in ["-v", "-vv", "-vvv"] {
        let Run { stdout, stderr, .. } = goldseal.run(&format!("verify {ami} {AT} {flags}")).exits(0);
        assert!(stdout.starts_with("ADMIT"), "{stdout}");
        assert!(!stderr.contains("a-secret-of-mine") && !stderr.contains("a-token-of-mine"), "{flags}");
        assert!(!stderr.contains('\u{1b}'), "no colour where there is no terminal");
        assert_eq!(stderr.contains("DescribeImages"), flags == "-vvv", "{stderr}");
    }
}
