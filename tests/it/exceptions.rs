//! Exceptions that are none: each entry's problem with file, line and key; and no gate, approval or signature of them.

use crate::{
    aws::NOWHERE,
    gated::{GATE, Gated, fresh, in_days, sign},
    run::Goldseal,
};

/// Returns an entry with one of its lines changed.
fn entry(changed: &str) -> String {
    let (key, _) = changed.split_once(" = ").unwrap();
    let mut lines: Vec<String> = [
        "id = \"CVE-2026-90005\"",
        "package = \"tar\"",
        "owner = \"team@example.com\"",
        "justification = \"no fix yet\"",
        &format!("expires = {}", in_days(30)),
    ]
    .map(str::to_owned)
    .into();
    lines.retain(|line| !line.starts_with(&format!("{key} = ")));
    format!("[[exception]]\n{changed}\n{}\n", lines.join("\n"))
}

#[test]
fn every_problem_of_every_entry_is_told_with_its_place() {
    let goldseal = Goldseal::new().with("AWS_ENDPOINT_URL", NOWHERE);
    fresh(&goldseal);
    let line = format!("gate {} --fail-on high", GATE.replace("exceptions.toml", "wrong.toml"));
    for (changed, key, says) in [
        ("reason = \"whatever\"", "reason", "unknown"),
        ("expires = \"2027-01-01\"", "expires", "exception[0]"),
        ("id = \"CVE-2026-.*\"", "exception[0].id", "looks like a pattern"),
        ("id = \"\"", "exception[0].id", "empty"),
        ("package = \"lib.*\"", "exception[0].package", "looks like a pattern"),
        ("package = \"tar*\"", "exception[0].package", "looks like a pattern"),
        ("package = \"pkg:\"", "exception[0].package", "not a package URL"),
        ("owner = \" \"", "exception[0].owner", "empty"),
        ("justification = 7", "exception[0].justification", "wrong.toml:2"),
    ] {
        goldseal.write("wrong.toml", entry(changed));
        goldseal.fails(&line, 2, &["wrong.toml are not exceptions", key, says]);
    }
    let (good, other) = (entry("owner = \"a@example.com\""), entry("owner = \"b@example.com\""));
    goldseal.write("wrong.toml", format!("{good}{other}"));
    goldseal.fails(&line, 2, &["CVE-2026-90005 in tar has an exception already, in line 1", "wrong.toml:7"]);
    goldseal.write("wrong.toml", "[[exception]]\n");
    let told = goldseal.fails(&line, 2, &["exception[0].id"]).to_string();
    for key in ["package", "owner", "justification", "expires"] {
        assert!(told.contains(&format!("exception[0].{key}")), "{told}");
    }
    // Several problems are told at once.
    goldseal.write("wrong.toml", format!("{}{}", entry("owner = \"\""), entry("id = \"*\"")));
    goldseal.fails(&line, 2, &["exception[0].owner", "exception[1].id"]);
    goldseal.write("wrong.toml", "[[exception]\n");
    goldseal.fails(&line, 2, &["wrong.toml"]);
}

#[test]
fn nothing_is_signed_with_exceptions_that_are_none() {
    let scene = Gated::new();
    let ami = scene.account.image("wrong");
    scene.gate("");
    scene.approve(&ami);
    scene.goldseal.write("exceptions.toml", entry("package = \".*\""));
    let line = sign(&ami, "--approval approval.jsonl");
    scene.goldseal.fails(&line, 2, &["exceptions.toml are not exceptions", "looks like a pattern"]);
    scene.untouched(&ami);
}

#[test]
fn what_became_of_each_entry_is_told() {
    let scene = Gated::new();
    let entries = [
        entry("owner = \"used@example.com\""),
        entry("package = \"pkg:deb/debian/tar\""),
        entry("id = \"CVE-2026-90003\"").replace("\"tar\"", "\"openssl\""),
        entry("id = \"CVE-2020-1\""),
        entry(&format!("expires = {}", in_days(-3))).replace("CVE-2026-90005", "CVE-2020-2"),
    ];
    scene.goldseal.write("exceptions.toml", entries.concat());
    let report = scene.gate("");
    let standing = report["exceptions"].as_array().unwrap().iter().map(|one| one["standing"].as_str().unwrap());
    let standing: Vec<&str> = standing.collect();
    assert_eq!(standing, ["used", "overlapped", "not-needed", "unused", "expired"], "{report:#}");
    let shown = scene.goldseal.run(&format!("gate {GATE}")).exits(0);
    for (word, line) in [("overlapped", 7), ("not needed", 13), ("unused", 19), ("expired", 25)] {
        let told =
            shown.stdout.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("{word}: {}", shown.stdout));
        assert!(told.ends_with(&format!("exceptions.toml:{line}")), "{told}");
    }
}
