//! What `gate` found, as a table that a person reads in ten seconds: the word, what fails, what was accepted, the rest.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use goldseal_core::{
    gate::{Found, Standing},
    report::{Cause, ExceptionReport, GateReport},
    scan::Severity,
};

use super::{causes, notes, plain};

pub(in crate::render) fn gate(report: &GateReport) -> String {
    let mut text = String::new();
    let (word, color) = if report.passed { ("PASS", AnsiColor::Green) } else { ("FAIL", AnsiColor::Red) };
    let style = Style::new().bold().fg_color(Some(color.into()));
    let measured = &report.measurement;
    let _ = writeln!(text, "{style}{word}{style:#}  {}", plain(&measured.packages.source));
    let (findings, others): (Vec<Cause>, Vec<Cause>) =
        report.failures.iter().cloned().partition(|cause| FINDINGS.contains(&cause.code.as_str()));
    causes(&mut text, &others);
    self::findings(&mut text, &findings);
    let distribution = measured.packages.distribution.as_deref().unwrap_or("no distribution named");
    line!(text, "  packages  {} in {}, {distribution}", measured.packages.count, report.files.sbom);
    let scanner = &measured.scanner;
    let name = scanner.uri.rsplit('/').next().unwrap_or_default();
    let finished = scanner.finished.map_or_else(|| "at an unknown time".to_owned(), |at| format!("{at:.0}"));
    line!(text, "  scan      {name} {}, {finished}", scanner.version);
    if let Some(database) = &scanner.database {
        let captured = database.captured.map_or_else(|| "unknown".to_owned(), |at| format!("{at:.0}"));
        line!(text, "  database  assembled {:.0}, its data taken {captured}", database.built);
    }
    accepted(&mut text, report);
    for one in &report.exceptions {
        exception(&mut text, report, one);
    }
    limits(&mut text, report);
    let until = report.until.map(|until| format!(", holds until {until:.0}")).unwrap_or_default();
    let policy =
        report.inputs.policy.map_or_else(|| "no policy".to_owned(), |policy| format!("policy sha256:{policy}"));
    line!(text, "  judged    at {}{until}; {policy}", report.at);
    notes(&mut text, &report.notes);
    text
}

/// Codes that are about one finding each: they stand in a table, the worst first.
const FINDINGS: [&str; 3] = ["finding-at-threshold", "severity-unknown", "finding-hidden"];

/// More than anybody reads; all of them are in the JSON.
const MOST: usize = 40;

fn findings(text: &mut String, findings: &[Cause]) {
    let field = |cause: &Cause, name: &str| {
        cause.detail.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    let mut rows: Vec<[String; 5]> = Vec::new();
    for cause in findings {
        let severity = match cause.code.as_str() {
            "severity-unknown" => "unknown".to_owned(),
            "finding-hidden" => "hidden".to_owned(),
            _ => field(cause, "severity"),
        };
        let fixed = field(cause, "fixed");
        let more = match cause.code.as_str() {
            "finding-hidden" => format!("by {}", field(cause, "by")),
            _ if fixed.is_empty() => "no fix".to_owned(),
            _ => format!("fixed in {fixed}"),
        };
        rows.push([severity, field(cause, "id"), field(cause, "package"), field(cause, "version"), more]);
    }
    let order = ["critical", "high", "medium", "low", "negligible", "unknown", "hidden"];
    rows.sort_by_key(|[severity, ..]| order.iter().position(|known| known == severity));
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..4).map(|column| width(column).unwrap_or_default()).collect();
    for (index, row) in rows.iter().take(MOST).enumerate() {
        let lead = if index == 0 { "findings" } else { "" };
        let cells = row.iter().zip(widths.iter().copied().chain([0])).map(|(cell, width)| format!("{cell:width$}"));
        line!(text, "  {lead:<9} {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    if rows.len() > MOST {
        line!(text, "            … and {} more, all of them with --output json", rows.len() - MOST);
    }
    let mut remedies: Vec<&str> = findings.iter().map(|cause| cause.remedy).collect();
    remedies.dedup();
    for remedy in remedies {
        line!(text, "            → {remedy}");
    }
}

fn accepted(text: &mut String, report: &GateReport) {
    let measured = &report.measurement;
    let below = counts(&measured.findings);
    let below = if below.is_empty() { "no finding".to_owned() } else { below };
    let used = several(measured.exceptions.len(), "exception");
    line!(text, "  accepted  {used} used; below {}: {below}", measured.fail_on);
    if report.passed && report.approval_needed {
        line!(text, "            → a person has to approve this: `goldseal approve`");
    }
}

/// What somebody wrote first, then what holds because nobody did.
fn limits(text: &mut String, report: &GateReport) {
    let mut lead = "limits";
    for origin in ["--fail-on", "policy", "built-in"] {
        let of_it = report.limits.iter().filter(|limit| limit.origin == origin);
        let told: Vec<String> = of_it.map(|limit| format!("{} = {}", limit.name, limit.value)).collect();
        if !told.is_empty() {
            line!(text, "  {lead:<9} {} ({origin})", told.join(", "));
            lead = "";
        }
    }
}

/// Says how many there are of something.
pub(in crate::render) fn several(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Counts findings by severity, the worst first: `3 medium, 12 low`.
pub(in crate::render) fn counts(findings: &[Found]) -> String {
    let order = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Negligible];
    let count = |severity: &Severity| findings.iter().filter(|one| one.severity == *severity).count();
    let counts = order.iter().map(|severity| (severity, count(severity))).filter(|(_, count)| *count > 0);
    counts.map(|(severity, count)| format!("{count} {severity}")).collect::<Vec<_>>().join(", ")
}

fn exception(text: &mut String, report: &GateReport, one: &ExceptionReport) {
    let what = &one.exception;
    let file = report.files.exceptions.as_deref().unwrap_or_default();
    let soon = one.ends_within_days.map(|days| format!(" (within {days} days)")).unwrap_or_default();
    let end = if what.standing == Standing::Expired { "ended" } else { "ends" };
    line!(
        text,
        "  exception {:<10}  {} in {}, {end} {:.0}{soon}, {}  {file}:{}",
        standing(what.standing),
        what.id,
        what.package,
        what.expires,
        what.owner,
        what.line
    );
}

/// Says what became of an exception.
pub(in crate::render) const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Used => "used",
        Standing::Overlapped => "overlapped",
        Standing::NotNeeded => "not needed",
        Standing::Unused => "unused",
        Standing::Expired => "expired",
    }
}
