//! Alerts, dashboards and documents of the hook and the audit: they name the same metrics, every alert has its place in the
//! runbook, and what is to be copied out of a document is whole.

use std::{collections::BTreeSet, fs, io::ErrorKind, process::Command};

use crate::{cloud::python, skipped};

/// What is watched, and the heading of its metrics in its document.
struct Watched {
    name: &'static str,
    metrics: &'static str,
}

const WATCHED: [Watched; 2] =
    [Watched { name: "hook", metrics: "Health and metrics" }, Watched { name: "audit", metrics: "Metrics" }];

impl Watched {
    fn rules(&self) -> String {
        format!("packaging/prometheus/goldseal-{}.rules.yml", self.name)
    }

    fn document(&self) -> String {
        format!("docs/{}.md", self.name)
    }
}

/// Returns the part of a document below a heading of the second level.
fn section(document: &str, heading: &str) -> String {
    let text = fs::read_to_string(document).unwrap();
    let (_, rest) = text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    rest.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The anchor that a heading gets: small letters, no punctuation, `-` for blanks.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Returns the lines of the rules, alert by alert: its name, and what stands below it.
fn alerts(watched: &Watched) -> Vec<(String, String)> {
    let rules = fs::read_to_string(watched.rules()).unwrap();
    let each = rules.split("\n      - alert: ").skip(1).filter_map(|alert| alert.split_once('\n'));
    let found: Vec<(String, String)> = each.map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect();
    assert!(found.len() > 5, "{found:?}");
    found
}

#[test]
fn alerts_dashboard_and_document_name_the_same_metrics() {
    for watched in WATCHED {
        let dashboard = format!("packaging/grafana/goldseal-{}.json", watched.name);
        let checked = python().args(["tests/monitoring/check.py", &watched.rules(), &dashboard]).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let used = String::from_utf8(checked.stdout).unwrap();
        let used: BTreeSet<String> = used.lines().map(|name| name.trim_end_matches("_bucket").to_owned()).collect();
        let table = section(&watched.document(), watched.metrics);
        let named = table.lines().filter_map(|line| line.strip_prefix("| `goldseal_")?.split('`').next());
        let documented: BTreeSet<String> = named.map(|name| format!("goldseal_{name}")).collect();
        assert!(documented.len() > 5, "{documented:?}");
        assert_eq!(used, documented);
    }
}

#[test]
fn every_alert_has_its_heading_and_every_heading_its_alert() {
    for watched in WATCHED {
        let runbook = section(&watched.document(), "Runbook");
        let mut headings: BTreeSet<(String, String)> = BTreeSet::new();
        for part in runbook.split("\n### ").skip(1) {
            let (heading, text) = part.split_once('\n').unwrap();
            let (alert, _) = text.trim_start().strip_prefix('`').and_then(|rest| rest.split_once('`')).unwrap();
            headings.insert((alert.to_owned(), anchor(heading)));
        }
        let link = |text: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix("runbook_url: ")).unwrap_or_default();
            let ours = format!("https://github.com/goldseal/goldseal/blob/main/{}#", watched.document());
            line.strip_prefix(&ours).unwrap_or_default().to_owned()
        };
        let linked: BTreeSet<(String, String)> =
            alerts(&watched).into_iter().map(|(name, text)| (name, link(&text))).collect();
        assert_eq!(linked, headings);
    }
}

#[test]
fn alerts_fire_on_what_they_are_about() {
    for watched in WATCHED {
        // The file names the rules relative to itself.
        let tested = Command::new("promtool")
            .args(["test", "rules", &format!("goldseal-{}.test.yml", watched.name)])
            .current_dir("packaging/prometheus")
            .output();
        let output = match tested {
            Ok(output) => output,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return skipped("tests of the alerts", "promtool is not installed");
            }
            Err(error) => panic!("{error}"),
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
}

#[test]
fn every_alert_is_tried_out() {
    for watched in WATCHED {
        let tests = fs::read_to_string(format!("packaging/prometheus/goldseal-{}.test.yml", watched.name)).unwrap();
        // Two are named together, in a pattern.
        let tests = tests.replace("GoldsealHook(WouldAbandon|Denied)", "GoldsealHookWouldAbandon GoldsealHookDenied");
        let untried: Vec<String> =
            alerts(&watched).into_iter().map(|(name, _)| name).filter(|name| !tests.contains(name)).collect();
        assert!(untried.is_empty(), "{untried:?}");
    }
}
