//! Documents that fail when they are stale. `UPDATE_DOCS=1 cargo test --test it docs` rewrites those that are made.

use std::{collections::BTreeMap, env, fs, path::Path, process::Command};

use goldseal_core::{
    doctor,
    policy::{compile, referenced_files, schema},
    report::{
        ApproveReport, AuditAgeReport, AuditReport, BootCheckReport, BootInstallReport, BootReport, BreakersReport,
        DescribeReport, DoctorReport, EnrollReport, GateReport, LaunchReport, OverridesReport, PolicyReport,
        PublishReport, ReceiptsReport, ReleaseReport, ResealReport, RevokeReport, SbomQueryReport, SealReport,
        SignReport, TraceReport, VerifyReport, WhatIfReport, WroteReceiptsReport, schema_of,
    },
    scan::exceptions,
    verdict::CODES,
};

use crate::cloud::python;

/// Those that do something, in the order of `--help`.
pub const COMMANDS: &[&str] = &[
    "describe",
    "gate",
    "approve",
    "sign",
    "seal",
    "verify",
    "override grant",
    "override countersign",
    "override list",
    "override show",
    "override end",
    "publish",
    "reseal",
    "revoke image",
    "revoke key",
    "revoke builder",
    "revoke evidence",
    "revoke lift",
    "revoke renew",
    "revoke countersign",
    "revoke list",
    "revoke show",
    "hook",
    "hook breaker",
    "hook breaker reset",
    "enroll",
    "doctor",
    "audit",
    "audit render",
    "boot",
    "boot install",
    "boot uninstall",
    "boot check",
    "trace",
    "sbom query",
    "receipts verify",
    "receipts show",
    "receipts list",
    "receipts write",
    "lambda",
    "policy check",
    "policy what-if",
    "policy schema",
    "completions",
];

/// Those that only hold others.
const GROUPS: &[&str] = &["", "override", "policy", "receipts", "revoke", "sbom"];

#[test]
fn no_subcommand_was_forgotten() {
    for group in GROUPS.iter().chain(COMMANDS) {
        let help = help(group);
        let Some((_, listed)) = help.split_once("\nCommands:\n") else { continue };
        let listed = listed.lines().take_while(|line| line.starts_with("  "));
        // What a name means may go on, further in.
        let names =
            listed.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?.split(' ').next());
        for name in names.filter(|name| *name != "help") {
            let whole = format!("{group} {name}").trim().to_owned();
            assert!(COMMANDS.iter().chain(GROUPS).any(|known| *known == whole), "COMMANDS has no {whole:?}");
        }
    }
}

#[test]
fn docs_cli_is_what_help_says() {
    let mut text = String::from(
        "# Command line\n\nMade from `--help`. Exit codes: 0 admit or done, 1 reject or the answer is no, 2 usage, settings \
         or input, 3 undetermined: something could not be asked, 70 our own failure.\n\nOn standard output there is exactly \
         one report. With `--output json` it is one JSON document, failures included (`goldseal/error/v1`: `exitCode`, \
         `message`, `causes`, `hints`); the others have their schemas in [schema/](schema/).\n",
    );
    for command in GROUPS.iter().chain(COMMANDS) {
        let name = format!("goldseal {command}");
        let help = help(command);
        text.push_str(&format!("\n## `{}`\n\n```text\n{}\n```\n", name.trim(), help.trim_end()));
    }
    made("docs/cli.md", &text);
}

#[test]
fn every_subcommand_has_an_example() {
    for command in COMMANDS {
        assert!(help(command).contains("Example"), "{command}");
    }
}

#[test]
fn docs_reasons_lists_every_code() {
    let mut text = String::from(
        "# Reasons\n\nThe stable codes of verdicts: why an image is rejected, why a bundle counts for nothing, and what \
         could not be asked. A code never changes its meaning. `detail` in the JSON report holds the evidence of each.\n\n\
         | code | what it means | what to do |\n| --- | --- | --- |\n",
    );
    for (code, meaning, remedy) in CODES {
        text.push_str(&format!("| `{code}` | {meaning} | {remedy} |\n"));
    }
    made("docs/reasons.md", &text);
}

#[test]
fn docs_boot_check_lists_every_code() {
    let mut text = String::from(
        "# What `goldseal boot check` finds\n\nIt looks at the boot guard in an image or on this machine: [boot.md](boot.md). Exit \
         code 1 with a problem, 3 when something could not be looked at. A code never changes its meaning; the schema of \
         `--output json` is [boot-check.json](schema/boot-check.json).\n\n\
         | code | severity | what it means | what to do |\n| --- | --- | --- | --- |\n",
    );
    for (code, severity, meaning, remedy) in goldseal_core::guard::CODES {
        text.push_str(&format!("| `{code}` | {severity} | {meaning} | {remedy} |\n"));
    }
    made("docs/boot-check.md", &text);
}

#[test]
fn docs_doors_lists_every_code() {
    let mut text = String::from(
        "# The doors that `goldseal audit` finds\n\nA door is a way past what guards launches. Each has a severity, a stable code, \
         what it is (`where`), and what to type (`type`). A code never changes its meaning. `--fail-on door` ends with 1 where \
         a door is a `problem`, and with 3 where it is `unknown`, because it could not be looked at.\n\n\
         For every Auto Scaling group of every account and region the audit looks for what [doctor](doctor.md) looks for in a \
         guarded one: a launch hook of the name in `--guard-hook` that abandons by default, whose timeouts are long enough and \
         which tells the queue in `--guard-queue`, if that is given; and images that would be refused at the next launch \
         (`hook-…`, `image-…`, `launch-suspended`). Beside groups:\n\n\
         | code | severity | what it means | what to do |\n| --- | --- | --- | --- |\n",
    );
    for (code, severity, meaning, remedy) in goldseal_core::fleet::DOOR_CODES {
        text.push_str(&format!("| `{code}` | {severity} | {meaning} | {remedy} |\n"));
    }
    text.push_str(
        "\nWith `--boot-records`, by what [boot guards](audit.md#boot-guards) reported:\n\n\
         | code | severity | what it means | what to do |\n| --- | --- | --- | --- |\n",
    );
    for (code, severity, meaning, remedy) in goldseal_core::fleet::GUARD_CODES {
        text.push_str(&format!("| `{code}` | {severity} | {meaning} | {remedy} |\n"));
    }
    made("docs/doors.md", &text);
}

#[test]
fn docs_doctor_lists_every_code() {
    let mut text = String::from(
        "# What `goldseal doctor` finds\n\nIt reads the settings of [`goldseal hook`](hook.md) and looks at everything that the \
         hook stands on, without touching a launch or a message. Each finding has a severity, a stable code, what it is \
         about (`where`), and what to type (`type`). A code never changes its meaning; the schema of `--output json` is \
         [doctor.json](schema/doctor.json).\n\n\
         | severity | | exit code |\n| --- | --- | --- |\n\
         | `problem` | launches are not guarded, or cannot be answered | 1 |\n\
         | `unknown` | it could not be asked | 3, unless there are problems |\n\
         | `warning` | it works, though not as well as it should | 0 |\n\
         | `note` | to know; nothing is wrong | 0 |\n\
         | `good` | as it should be | 0 |\n\n\
         Run it with the role of the hook. Every action is really tried, with things that there are not: an instance, an \
         image, a lifecycle action, a message, a process. IAM refuses before it is looked whether the thing is there, and \
         everything else is taken for permission. The only thing written is `v1/doctor.json` in the place for state, which is \
         read and removed. `sqs:ReceiveMessage` is not tried: it would take messages from the hook that runs.\n\n\
         Beside what the hook may do, it asks with `sqs:GetQueueAttributes` (of the queue and its dead-letter queue), \
         `ec2:DescribeLaunchTemplateVersions`, `ssm:GetParameter` (for `resolve:ssm:`) and, for groups that still have one, \
         `autoscaling:DescribeLaunchConfigurations`. Without them the finding is `not-asked`.\n\n\
         Settings with which the hook would not start are an error (exit code 2), such as a policy that requires \
         [receipts](receipts.md) while no place for them is set.\n\n\
         What it does not look at: rules of EventBridge, policies of topics and of KMS keys, statements that deny in the \
         queue's policy, and instances that are in service.\n\n\
         | code | severity | what it means | what to do |\n| --- | --- | --- | --- |\n",
    );
    for (code, severity, meaning, remedy) in doctor::CODES {
        text.push_str(&format!("| `{code}` | {severity} | {meaning} | {remedy} |\n"));
    }
    made("docs/doctor.md", &text);
}

#[test]
fn docs_schema_is_what_the_types_say() {
    for (name, schema) in [
        ("policy", schema()),
        ("exceptions", exceptions::schema()),
        ("verify", schema_of::<VerifyReport>()),
        ("gate", schema_of::<GateReport>()),
        ("approve", schema_of::<ApproveReport>()),
        ("sign", schema_of::<SignReport>()),
        ("seal", schema_of::<SealReport>()),
        ("publish", schema_of::<PublishReport>()),
        ("override", schema_of::<OverridesReport>()),
        ("release", schema_of::<ReleaseReport>()),
        ("reseal", schema_of::<ResealReport>()),
        ("revoke", schema_of::<RevokeReport>()),
        ("launch", schema_of::<LaunchReport>()),
        ("breakers", schema_of::<BreakersReport>()),
        ("describe", schema_of::<DescribeReport>()),
        ("boot", schema_of::<BootReport>()),
        ("boot-check", schema_of::<BootCheckReport>()),
        ("boot-install", schema_of::<BootInstallReport>()),
        ("doctor", schema_of::<DoctorReport>()),
        ("enroll", schema_of::<EnrollReport>()),
        ("audit", schema_of::<AuditReport>()),
        ("trace", schema_of::<TraceReport>()),
        ("audit-age", schema_of::<AuditAgeReport>()),
        ("receipts", schema_of::<ReceiptsReport>()),
        ("receipts-write", schema_of::<WroteReceiptsReport>()),
        ("sbom-query", schema_of::<SbomQueryReport>()),
        ("policy-check", schema_of::<PolicyReport>()),
        ("what-if", schema_of::<WhatIfReport>()),
    ] {
        made(&format!("docs/schema/{name}.json"), &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()));
    }
}

#[test]
fn every_exceptions_file_in_the_documents_compiles() {
    let mut seen = 0;
    for file in ["docs/gate.md", "docs/formats.md", "docs/operations.md"] {
        let text = fs::read_to_string(file).unwrap();
        let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```"));
        for (block, _) in blocks.filter(|(block, _)| block.contains("[[exception]]")) {
            exceptions::compile(file, block).unwrap_or_else(|problems| panic!("{problems}"));
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn every_policy_in_the_documents_compiles() {
    let mut policies: BTreeMap<String, String> = BTreeMap::new();
    for entry in fs::read_dir("docs/examples").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "toml") {
            policies.insert(path.display().to_string(), fs::read_to_string(&path).unwrap());
        }
    }
    for file in ["README.md", "docs/policy.md", "docs/operations.md", "docs/gate.md", "docs/keys.md"] {
        let text = fs::read_to_string(file).unwrap();
        let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```"));
        for (index, (block, _)) in blocks.enumerate().filter(|(_, (block, _))| block.starts_with("version = 1")) {
            policies.insert(format!("{file} block {index}"), block.to_owned());
        }
    }
    assert!(policies.len() >= 4, "{:?}", policies.keys());
    for (name, text) in policies {
        let read = |file: String| {
            let text = fs::read_to_string(Path::new("docs/examples").join(&file)).map_err(|error| error.to_string());
            (file, text)
        };
        let files = referenced_files(&text).into_iter().map(read).collect();
        if let Err(problems) = compile(&name, &text, &files) {
            panic!("{problems}");
        }
    }
}

#[test]
fn the_transcript_in_the_readme_is_what_the_demo_prints() {
    let demo = python().args(["tests/demo/demo.py", env!("CARGO_BIN_EXE_goldseal")]).output().unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    let printed = String::from_utf8(demo.stdout).unwrap();
    let readme = fs::read_to_string("README.md").unwrap();
    let (before, rest) = readme.split_once("<!-- transcript -->\n").expect("README.md has the mark of the transcript");
    let (_, after) = rest.split_once("<!-- /transcript -->").expect("README.md has the second mark");
    made(
        "README.md",
        &format!("{before}<!-- transcript -->\n```text\n{}\n```\n<!-- /transcript -->{after}", printed.trim_end()),
    );
}

fn help(command: &str) -> String {
    let help = Command::new(env!("CARGO_BIN_EXE_goldseal"))
        .args(command.split_whitespace())
        .arg("--help")
        .env_clear()
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    assert!(help.status.success());
    String::from_utf8(help.stdout).unwrap()
}

/// Compares a document with what it is made from, or rewrites it.
pub fn made(path: &str, expected: &str) {
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "{path} is stale: UPDATE_DOCS=1 cargo test --test it docs rewrites it");
}

/// Compares the block between the marks of a document with what was printed, or rewrites it.
pub fn example(path: &str, printed: &str) {
    let document = fs::read_to_string(path).unwrap();
    let (head, rest) = document.split_once("<!-- example -->\n").expect("the document has the mark of the example");
    let (_, tail) = rest.split_once("<!-- /example -->").expect("the document has the second mark");
    let printed = printed.trim_end();
    made(path, &format!("{head}<!-- example -->\n```text\n{printed}\n```\n<!-- /example -->{tail}"));
}

/// Returns a text without what differs from run to run: `…` for digests and instants.
pub fn masked(text: &str) -> String {
    let word = |word: &str| match word.split_once("sha256:") {
        Some((before, rest)) => {
            format!("{before}sha256:…{}", rest.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
        }
        None if word.starts_with("20") && word.contains('T') => {
            format!("…{}", word.trim_start_matches(|c| c != 'Z').trim_start_matches('Z'))
        }
        None => word.to_owned(),
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
