//! `gate`: what passes, what does not, and in which words and forms it says so. Nothing but files is asked.

use std::{fs, process::Command};

use quick_junit::{Report, TestCaseStatus};
use serde_json::{Value, json};

use crate::{
    cloud::python,
    formats::complaints,
    gated::{GATE, RUN, change_json, failures, fresh, gated_policy, hours_ago, in_days, manifest},
    offline::local_key,
    run::{Goldseal, notes},
    skipped,
};

/// A folder with fresh files and a policy; no AWS.
fn gated() -> Goldseal {
    let goldseal = Goldseal::new().with("AWS_ENDPOINT_URL", crate::aws::NOWHERE);
    let keys = ["ci.pem", "boss.pem"].map(|file| local_key(&goldseal, file));
    goldseal.write("policy.toml", gated_policy(&keys[0], &keys[1], "[gate]\nmax_scan_age = \"7d\"\n"));
    fresh(&goldseal);
    goldseal.with("GOLDSEAL_POLICY", "policy.toml")
}

#[test]
fn fresh_inputs_with_their_exception_pass_and_the_limits_say_where_they_come_from() {
    let goldseal = gated();
    let report = goldseal.json(&format!("gate {GATE}")).exits(0).report();
    assert_eq!((&report["schema"], &report["passed"]), (&json!("goldseal/gate/v1"), &json!(true)));
    assert_eq!((&report["approvalNeeded"], failures(&report)), (&json!(true), vec![]));
    assert_eq!(report["exceptions"][0]["standing"], "used");
    for (input, file) in [("sbom", "golden.spdx.json"), ("scan", "golden.grype.json"), ("policy", "policy.toml")] {
        assert_eq!(report["inputs"][input], crate::aws::sha256(&goldseal.read(file)), "{input}");
    }
    let limits = report["limits"].as_array().unwrap();
    assert!(limits.contains(&json!({"name": "max_scan_age", "value": "7d", "origin": "policy"})), "{limits:?}");
    assert!(limits.contains(&json!({"name": "max_data_age", "value": "30d", "origin": "built-in"})), "{limits:?}");
    let shown = goldseal.run(&format!("gate {GATE}")).exits(0).says("PASS  golden-base\n").says("`goldseal approve`");
    let shown = shown.says("max_scan_age = 7d").says("built-in");
    assert!(shown.stdout.lines().count() <= 14, "read in ten seconds:\n{}", shown.stdout);
    assert_eq!(shown.stderr, "");
}

#[test]
fn whatever_a_scan_hides_or_leaves_open_fails_with_its_code() {
    type Change = fn(&mut Value);
    let goldseal = gated();
    let table: &[(&str, Change, &[&str])] = &[
        ("as it is", |_| {}, &[]),
        ("unknown", |scan| scan["matches"][1]["vulnerability"]["severity"] = json!("Unknown"), &["severity-unknown"]),
        ("a new word", |scan| scan["matches"][1]["vulnerability"]["severity"] = json!("Severe"), &["severity-unknown"]),
        ("no word", |scan| scan["matches"][1]["vulnerability"]["severity"] = json!(""), &["severity-unknown"]),
        ("high", |scan| scan["matches"][1]["vulnerability"]["severity"] = json!("High"), &["finding-at-threshold"]),
        (
            "ignored",
            |scan| {
                let mut hidden = scan["matches"][1].clone();
                hidden["appliedIgnoreRules"] = json!([{"vulnerability": "CVE-2026-90003", "reason": "later"}]);
                scan["ignoredMatches"] = json!([hidden]);
            },
            &["finding-hidden"],
        ),
        ("only fixed", |scan| scan["descriptor"]["configuration"]["only-fixed"] = json!(true), &["scanner-filter"]),
        (
            "a rule of its own",
            |scan| {
                let rules = scan["descriptor"]["configuration"]["ignore"].as_array_mut().unwrap();
                rules.push(json!({"vulnerability": "CVE-2026-90003"}));
            },
            &["scanner-filter"],
        ),
        ("VEX", |scan| scan["descriptor"]["configuration"]["vex-documents"] = json!(["vex.json"]), &["scanner-filter"]),
        ("no database", |scan| drop(scan["descriptor"].as_object_mut().unwrap().remove("db")), &["database-absent"]),
        (
            "undated database",
            |scan| drop(scan["descriptor"]["db"]["status"].as_object_mut().unwrap().remove("built")),
            &["database-absent"],
        ),
        (
            "invalid database",
            |scan| {
                scan["descriptor"]["db"]["status"]["valid"] = json!(false);
                scan["descriptor"]["db"]["status"]["error"] = json!("checksum mismatch");
            },
            &["database-invalid"],
        ),
        (
            "data of no age",
            |scan| drop(scan["descriptor"]["db"].as_object_mut().unwrap().remove("providers")),
            &["database-invalid", "database-data-age-unknown"],
        ),
        (
            "stale data",
            |scan| {
                scan["descriptor"]["db"]["providers"]["debian"]["captured"] = json!(hours_ago(31 * 24));
            },
            &["database-data-too-old"],
        ),
        (
            "stale database",
            |scan| scan["descriptor"]["db"]["status"]["built"] = json!(hours_ago(31 * 24)),
            &["database-too-old"],
        ),
        ("before the SBOM", |scan| scan["descriptor"]["timestamp"] = json!(hours_ago(3)), &["scan-before-sbom"]),
        ("tomorrow", |scan| scan["descriptor"]["timestamp"] = json!(hours_ago(-24)), &["input-in-future"]),
        ("no distribution", |scan| drop(scan.as_object_mut().unwrap().remove("distro")), &["scan-of-nothing"]),
        ("another distribution", |scan| scan["distro"]["version"] = json!("13"), &["scan-of-another-distribution"]),
        (
            "another package",
            |scan| {
                scan["matches"][1]["artifact"]["name"] = json!("nginx");
                scan["matches"][1]["artifact"]["purl"] = json!("pkg:deb/debian/nginx@1");
            },
            &["packages-not-in-sbom"],
        ),
        (
            "nothing of another image",
            |scan| {
                scan["matches"] = json!([]);
                scan["source"]["target"] = json!("another-base");
            },
            &["scan-of-another-source"],
        ),
    ];
    for (name, change, expected) in table {
        change_json(&goldseal, "golden.grype.json", "changed.json", change);
        let line = format!("gate {}", GATE.replace("golden.grype.json", "changed.json"));
        let report = goldseal.json(&line).exits(i32::from(!expected.is_empty())).report();
        assert_eq!(failures(&report), *expected, "{name}: {report:#}");
        assert_eq!(report["passed"], expected.is_empty(), "{name}");
    }
    let critical = GATE.replace("golden.grype", "critical.grype");
    let shown = goldseal.run(&format!("gate {critical}")).exits(1).says("FAIL  golden-base\n");
    shown.says("findings  critical  CVE-2026-90007  libssl3  3.0.20-1~deb12u2  fixed in 3.0.99-1~deb12u2\n");
}

#[test]
fn an_sbom_that_is_not_of_this_build_or_says_nothing_fails() {
    let goldseal = gated();
    goldseal.write("manifest.json", manifest(&[("eu-west-1", "ami-0123456789abcdef0")]));
    let report = goldseal.json(&format!("gate {GATE} --manifest manifest.json")).exits(0).report();
    assert_eq!(report["images"], json!([{"region": "eu-west-1", "id": "ami-0123456789abcdef0"}]));
    goldseal.change("manifest.json", RUN, "60fe11a8-f3db-9141-9a4d-bc97188e4d69", "other.json");
    goldseal.change("other.json", RUN, "60fe11a8-f3db-9141-9a4d-bc97188e4d69", "other.json");
    let report = goldseal.json(&format!("gate {GATE} --manifest other.json")).exits(1).report();
    assert_eq!(failures(&report), ["sbom-of-another-run"]);

    change_json(&goldseal, "golden.spdx.json", "empty.json", |sbom| sbom["packages"] = json!([]));
    let report = goldseal.json(&format!("gate {}", GATE.replace("golden.spdx", "empty"))).exits(1).report();
    assert!(failures(&report).contains(&"sbom-empty"), "{report:#}");
    // Without its exception the finding stands; with one that ended, that is said beside it.
    let bare = GATE.replace("--exceptions exceptions.toml", "");
    assert_eq!(failures(&goldseal.json(&format!("gate {bare}")).exits(1).report()), ["finding-at-threshold"]);
    goldseal.change("exceptions.toml", &in_days(60), &in_days(-2), "ended.toml");
    let report = goldseal.json(&format!("gate {}", GATE.replace("exceptions.toml", "ended.toml"))).exits(1).report();
    assert_eq!(failures(&report), ["finding-at-threshold", "exception-expired"]);
    goldseal.change("exceptions.toml", &in_days(60), &in_days(120), "long.toml");
    let report = goldseal.json(&format!("gate {}", GATE.replace("exceptions.toml", "long.toml"))).exits(1).report();
    assert_eq!(failures(&report), ["exception-too-long"]);
    for (days, within) in [(10, 14), (3, 7)] {
        goldseal.change("exceptions.toml", &in_days(60), &in_days(days), "soon.toml");
        let line = format!("gate {}", GATE.replace("exceptions.toml", "soon.toml"));
        let report = goldseal.json(&line).exits(0).report();
        assert_eq!(report["exceptions"][0]["endsWithinDays"], within);
        goldseal.run(&line).exits(0).says(&format!("(within {within} days)"));
    }
}

#[test]
fn time_runs_out_and_at_says_when() {
    let goldseal = gated();
    for (at, expected) in [
        (hours_ago(-1), vec![]),
        (hours_ago(-7 * 24), vec!["scan-too-old"]),
        (hours_ago(-31 * 24), vec!["scan-too-old", "database-too-old", "database-data-too-old"]),
        (hours_ago(4), vec!["input-in-future"]),
    ] {
        let report = goldseal.json(&format!("gate {GATE} --at {at}")).exits(i32::from(!expected.is_empty())).report();
        assert_eq!(failures(&report), expected, "{at}");
    }
}

#[test]
fn what_cannot_be_read_is_an_error_and_no_verdict() {
    let goldseal = gated();
    let table = |from: &str, to: &str| format!("gate {}", GATE.replace(from, to));
    goldseal.fails(
        &table("golden.grype.json", "table.grype.json"),
        2,
        &["table.grype.json", "a table saved as a report"],
    );
    goldseal.fails(&table("golden.spdx.json", "table.grype.json"), 2, &["reading the SBOM table.grype.json"]);
    goldseal.fails(&table("golden.grype.json", "absent.json"), 2, &["absent.json", "No such file"]);
    goldseal.write("cut.json", &goldseal.read("golden.grype.json")[..8000]);
    goldseal.fails(&table("golden.grype.json", "cut.json"), 2, &["reading the scan cut.json"]);
    goldseal.write("bad.toml", "version = 1\n");
    goldseal.fails(&format!("gate {GATE} --policy bad.toml"), 2, &["bad.toml is not a policy", "policy check"]);
    goldseal.fails(&format!("gate {GATE} --fail-on unknown"), 2, &["always fail"]);
    goldseal.fails(&format!("gate {GATE} --write yaml=x"), 2, &["yaml"]);
    goldseal.fails(&format!("gate {GATE} --write json"), 2, &["FORMAT=FILE"]);
    let without = goldseal.without("GOLDSEAL_POLICY");
    without.fails(&format!("gate {GATE}"), 2, &["--policy FILE or --fail-on SEVERITY", "cannot be signed"]);
}

#[test]
fn without_a_policy_the_built_in_limits_hold_and_beside_one_fail_on_only_tightens() {
    let goldseal = gated();
    let limit = |report: &Value| {
        let limits = report["limits"].as_array().unwrap().iter();
        limits.clone().find(|limit| limit["name"] == "fail_on").unwrap().clone()
    };
    for (asked, code, value, origin) in
        [("medium", 1, "medium", "--fail-on"), ("critical", 0, "high", "built-in"), ("high", 0, "high", "built-in")]
    {
        let report = goldseal.json(&format!("gate {GATE} --fail-on {asked}")).exits(code).report();
        assert_eq!(limit(&report), json!({"name": "fail_on", "value": value, "origin": origin}), "{asked}");
        assert_eq!(notes(&report).contains(&"fail-on-laxer"), asked == "critical");
    }
    let goldseal = goldseal.without("GOLDSEAL_POLICY");
    let report = goldseal.json(&format!("gate {GATE} --fail-on critical")).exits(0).report();
    assert_eq!((notes(&report), &report["inputs"]["policy"]), (vec!["without-policy"], &Value::Null));
    assert_eq!(limit(&report)["origin"], "--fail-on");
    goldseal.run(&format!("gate {GATE} --fail-on critical --at {}", hours_ago(-31 * 24))).exits(1).says("built-in");
}

#[test]
fn every_format_is_written_at_once() {
    let goldseal = gated();
    let hostile = |scan: &mut Value| {
        let found = &mut scan["matches"][1];
        found["artifact"]["name"] = json!("a|b @admin <script>");
        found["vulnerability"]["severity"] = json!("Critical");
    };
    change_json(&goldseal, "critical.grype.json", "hostile.json", hostile);
    let inputs = GATE.replace("golden.grype.json", "hostile.json");
    let writes = "--write json=out.json --write sarif=out.sarif --write junit=out.xml --write markdown=out.md \
                  --write human=out.txt";
    let printed = goldseal.run(&format!("gate {inputs} {writes}")).exits(1);
    assert_eq!(goldseal.read("out.txt"), printed.stdout.as_bytes());
    let at = report_at(&goldseal);
    for (format, file) in [("sarif", "out.sarif"), ("junit", "out.xml"), ("markdown", "out.md")] {
        let shown =
            goldseal.run(&format!("gate {inputs} --at {at} --output {format} --write {format}={file}")).exits(1);
        assert_eq!(shown.stdout.as_bytes(), goldseal.read(file), "{format}");
    }
    for other in ["verify ami-0123456789abcdef0", "policy check policy.toml"] {
        goldseal.run(&format!("{other} --output sarif")).exits(2).says("--output sarif is for gate and audit only");
    }

    let report: Value = serde_json::from_slice(&goldseal.read("out.json")).unwrap();
    let expected = report["failures"].as_array().unwrap().len();
    valid(&goldseal, "out.json", "docs/schema/gate.json");
    sarif(&goldseal, expected);
    for (format, file) in [("sarif", "out.sarif"), ("junit", "out.xml")] {
        assert_eq!(complaints(&goldseal, format, file), "", "{file}");
    }

    let junit = String::from_utf8(goldseal.read("out.xml")).unwrap();
    let junit = Report::deserialize_from_str(&junit).unwrap();
    let cases = junit.test_suites.iter().flat_map(|suite| &suite.test_cases);
    let failed = cases.filter(|case| matches!(case.status, TestCaseStatus::NonSuccess { .. })).count();
    assert_eq!((failed, junit.failures), (expected, expected));

    let markdown = String::from_utf8(goldseal.read("out.md")).unwrap();
    assert!(markdown.starts_with("### ❌ goldseal gate failed: golden-base\n"), "{markdown}");
    let row = markdown.lines().find(|line| line.contains("a\\|b")).unwrap();
    assert!(row.contains("@\u{200b}admin &lt;script&gt;") && !row.contains("@admin"), "{row}");
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    assert_eq!(columns(row), 4, "{row}");
}

#[test]
fn what_passes_passes_in_every_format() {
    let goldseal = gated();
    goldseal.run(&format!("gate {GATE} --write json=out.json --write sarif=out.sarif")).exits(0);
    valid(&goldseal, "out.json", "docs/schema/gate.json");
    sarif(&goldseal, 0);
    let junit = goldseal.run(&format!("gate {GATE} --output junit")).exits(0).stdout;
    let junit = Report::deserialize_from_str(&junit).unwrap();
    assert_eq!((junit.failures, junit.errors), (0, 0));
    let shown = goldseal.run(&format!("gate {GATE} --output markdown")).exits(0).says("✅ goldseal gate passed");
    shown.says("A person has to approve");
}

fn report_at(goldseal: &Goldseal) -> String {
    let report: Value = serde_json::from_slice(&goldseal.read("out.json")).unwrap();
    report["at"].as_str().unwrap().to_owned()
}

/// Checks a SARIF log: its version, rules for all results, levels, and paths that a repository has.
fn sarif(goldseal: &Goldseal, errors: usize) {
    let log: Value = serde_json::from_slice(&goldseal.read("out.sarif")).unwrap();
    assert_eq!((&log["version"], log["runs"].as_array().unwrap().len()), (&json!("2.1.0"), 1));
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.iter().filter(|result| result["level"] == "error").count(), errors);
    for result in results {
        assert!(ids.contains(&result["ruleId"].as_str().unwrap()), "{result:#}");
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(["golden.spdx.json", "exceptions.toml"].contains(&uri), "{uri}");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
    }
    if errors > 0 {
        let rule = rules.iter().find(|rule| rule["id"] == "CVE-2026-90007").unwrap();
        assert_eq!(rule["properties"]["security-severity"], "9.5");
    }
}

/// Validates a document with the validator that the local AWS brings along.
fn valid(goldseal: &Goldseal, file: &str, schema: &str) {
    let program = "import json, jsonschema, sys\nfrom pathlib import Path\n\
                   document, schema = (json.loads(Path(name).read_text()) for name in sys.argv[1:])\n\
                   jsonschema.Draft202012Validator(schema).validate(document)";
    let arguments = [goldseal.path(file).into_os_string(), schema.into()];
    let done = python().args(["-c", program]).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A report of Trivy, an hour old, with one finding.
pub fn trivy(severity: &str) -> Value {
    let finding = json!({"VulnerabilityID": "CVE-2026-90003", "PkgName": "openssl", "InstalledVersion": "3.0.20-1~deb12u2",
        "PkgIdentifier": {"PURL": "pkg:deb/debian/openssl@3.0.20-1~deb12u2?arch=amd64&distro=debian-12"},
        "Severity": severity});
    json!({"SchemaVersion": 2, "CreatedAt": hours_ago(1), "ArtifactName": "golden-base",
        "ArtifactType": "filesystem", "Metadata": {"OS": {"Family": "debian", "Name": "12.13"}},
        "Trivy": {"Version": "0.67.2"}, "Results": [{"Target": "golden-base (debian 12.13)", "Class": "os-pkgs",
            "Type": "debian", "Vulnerabilities": [finding]}]})
}

/// What Trivy says of its database, three hours old.
pub fn trivy_version() -> Value {
    json!({"Version": "0.67.2", "VulnerabilityDB": {"Version": 2, "UpdatedAt": hours_ago(3),
        "NextUpdate": hours_ago(-21), "DownloadedAt": hours_ago(2)}})
}

#[test]
fn trivy_needs_to_be_told_how_old_its_database_is() {
    let goldseal = gated();
    let write = |severity: &str| goldseal.write("trivy.json", trivy(severity).to_string());
    goldseal.write("version.json", trivy_version().to_string());
    let line = "gate --sbom golden.spdx.json --scan trivy.json";
    write("MEDIUM");
    let report = goldseal.json(line).exits(1).report();
    assert_eq!(failures(&report), ["database-absent"], "{report:#}");
    let told = format!("{line} --scan-database version.json");
    let report = goldseal.json(&told).exits(0).report();
    assert_eq!(report["inputs"]["database"], crate::aws::sha256(&goldseal.read("version.json")));
    for (severity, code) in [("CRITICAL", "finding-at-threshold"), ("UNKNOWN", "severity-unknown")] {
        write(severity);
        assert_eq!(failures(&goldseal.json(&told).exits(1).report()), [code]);
    }
    let grype = format!("gate {GATE} --scan-database version.json");
    goldseal.fails(&grype, 2, &["names its database itself", "--scan-database"]);
}

#[test]
fn large_inputs_need_little_memory() {
    const PROGRAM: &str = "import json, os, sys\n\
        child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)\n\
        _, status, usage = os.wait4(child, 0)\n\
        print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)";
    let goldseal = gated();
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/large_sbom.py");
    let large = Command::new("python3").args([tool, "60"]).arg(goldseal.path("golden.spdx.json")).output().unwrap();
    assert!(large.status.success(), "{}", String::from_utf8_lossy(&large.stderr));
    goldseal.write("large.spdx.json", &large.stdout);
    change_json(&goldseal, "golden.grype.json", "large.grype.json", |scan| {
        let matches = scan["matches"].as_array_mut().unwrap();
        let one = matches.clone();
        let size = serde_json::to_vec(&one).unwrap().len();
        (0..25_000_000 / size).for_each(|_| matches.extend(one.clone()));
    });
    let sizes = ["large.spdx.json", "large.grype.json"].map(|file| fs::metadata(goldseal.path(file)).unwrap().len());
    assert!(sizes[0] > 59_000_000 && sizes[1] > 24_000_000, "{sizes:?}");
    let line = format!("gate {} --output json", GATE.replace("golden.", "large."));
    let script = format!("python3 -c '{PROGRAM}' \"$GOLDSEAL\" {line} --write json=out.json 2>/dev/null | tail -n 1");
    let run = goldseal.script(&[], &script).exits(0);
    let Some((code, kib)) = run.stdout.trim().split_once(' ') else {
        return skipped("peak memory of the gate", "this Python has no wait4");
    };
    assert_eq!(code, "0", "{}", run.stdout);
    let kib: u64 = kib.parse().unwrap();
    assert!(kib <= 64 << 10, "{kib} KiB");
}
