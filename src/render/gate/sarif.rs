//! A gate result as [SARIF 2.1.0], as code-scanning services read it: a rule for every vulnerability and every other
//! code, a result for every failure, and warnings for exceptions that need somebody.
//!
//! [SARIF 2.1.0]: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

use std::{collections::BTreeMap, path::Path};

use goldseal_core::{
    digest::Sha256Digest,
    gate::Standing,
    report::{Cause, ExceptionReport, GateReport},
    verdict::CODES,
};
use serde_json::{Value, json};

use super::super::human::standing;

/// Returns the log.
pub(super) fn log(report: &GateReport) -> Value {
    let mut rules = BTreeMap::new();
    let mut results: Vec<Value> = report.failures.iter().map(|cause| failure(report, cause, &mut rules)).collect();
    results.extend(report.exceptions.iter().filter_map(|one| exception(report, one, &mut rules)));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "goldseal",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.into_values().collect::<Vec<Value>>(),
            }},
            "invocations": [{"executionSuccessful": true, "endTimeUtc": format!("{:.0}", report.at)}],
            "results": results,
        }],
    })
}

fn failure(report: &GateReport, cause: &Cause, rules: &mut BTreeMap<String, Value>) -> Value {
    let field = |name: &str| cause.detail.get(name).and_then(Value::as_str);
    // A vulnerability is a rule of its own, so that it can be looked for, and dismissed, across images.
    let rule = match (cause.code.as_str(), field("id")) {
        ("finding-at-threshold" | "severity-unknown" | "finding-hidden", Some(id)) => id,
        (code, _) => code,
    };
    rules.entry(rule.to_owned()).or_insert_with(|| describe(rule, &cause.code, cause.remedy, field("severity")));
    let exceptions = cause.code.starts_with("exception-");
    let file = if exceptions { report.files.exceptions.as_deref() } else { None };
    result(rule, "error", &cause.message, file.unwrap_or(&report.files.sbom), 1)
}

fn exception(report: &GateReport, one: &ExceptionReport, rules: &mut BTreeMap<String, Value>) -> Option<Value> {
    let what = &one.exception;
    let (rule, why) = match (what.standing, one.ends_within_days) {
        (Standing::Used, None) => return None,
        (Standing::Used, Some(days)) => ("exception-ends", format!("ends {:.0}, within {days} days", what.expires)),
        (other, _) => ("exception-idle", format!("is {}", standing(other))),
    };
    let remedy = "Renew it with its owner, or take it out.";
    rules.entry(rule.to_owned()).or_insert_with(|| describe(rule, rule, remedy, None));
    let message = format!("the exception for {} in {}, owned by {}, {why}", what.id, what.package, what.owner);
    Some(result(rule, "warning", &message, report.files.exceptions.as_deref()?, what.line))
}

fn describe(rule: &str, code: &str, remedy: &str, severity: Option<&str>) -> Value {
    let meaning = CODES.iter().find(|(known, ..)| *known == code).map_or(rule, |(_, meaning, _)| meaning);
    let text = if rule == code { meaning.to_owned() } else { rule.to_owned() };
    let mut described = json!({
        "id": rule,
        "shortDescription": {"text": text},
        "fullDescription": {"text": meaning},
        "help": {"text": remedy},
    });
    // What code scanning sorts by: the middle of each band of CVSS.
    let score = severity.map(|severity| match severity {
        "critical" => "9.5",
        "high" => "8.0",
        "medium" => "5.5",
        "low" => "2.0",
        "negligible" => "0.1",
        _ => "9.0",
    });
    if let (Some(score), Some(fields)) = (score, described.as_object_mut()) {
        fields.insert("properties".into(), json!({"security-severity": score, "tags": ["security", "vulnerability"]}));
    }
    described
}

fn result(rule: &str, level: &str, message: &str, file: &str, line: usize) -> Value {
    json!({
        "ruleId": rule,
        "level": level,
        "message": {"text": message},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(file)},
            "region": {"startLine": line.max(1)},
        }}],
        "partialFingerprints": {"goldseal/v1": Sha256Digest::of(format!("{rule}\n{message}").as_bytes()).to_string()},
    })
}

/// Relative paths stay relative: code scanning looks for them in the repository.
fn uri(file: &str) -> String {
    let path = Path::new(file);
    let whole = Path::new("/").join(path);
    let url = reqwest::Url::from_file_path(&whole).map_or_else(|()| file.to_owned(), |url| url.to_string());
    if path.is_absolute() { url } else { url.trim_start_matches("file:///").to_owned() }
}
