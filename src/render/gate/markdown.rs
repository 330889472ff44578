//! A gate result as Markdown, short enough for a pull-request comment.

use std::fmt::Write as _;

use goldseal_core::{
    gate::Standing,
    report::{Cause, GateReport},
};

use super::super::human::{self, counts, standing};

/// Services cut comments at 65,536 characters; the rest is in the JSON.
const MOST: usize = 50;

/// Writing into a string does not fail; the macro keeps the lines below readable.
macro_rules! line {
    ($text:expr) => {{ $text.push('\n'); }};
    ($text:expr, $($arg:tt)*) => {{
        let _ = writeln!($text, $($arg)*);
    }};
}

/// Returns the comment.
pub(super) fn comment(report: &GateReport) -> String {
    let mut text = String::new();
    let measured = &report.measurement;
    let (mark, word) = if report.passed { ("✅", "passed") } else { ("❌", "failed") };
    line!(text, "### {mark} goldseal gate {word}: {}", plain(&measured.packages.source));
    line!(text);
    if !report.failures.is_empty() {
        line!(text, "| | why | what to do |");
        line!(text, "| --- | --- | --- |");
        for Cause { code, message, remedy, .. } in report.failures.iter().take(MOST) {
            line!(text, "| `{code}` | {} | {} |", plain(message), plain(remedy));
        }
        line!(text);
        rest(&mut text, report.failures.len());
    }
    let below = counts(&measured.findings);
    let below = if below.is_empty() { "none".to_owned() } else { below };
    line!(
        text,
        "{} packages. Below {}: {below}. Exceptions used: {}.",
        measured.packages.count,
        measured.fail_on,
        measured.exceptions.len()
    );
    line!(text);
    if report.passed && report.approval_needed {
        line!(text, "**A person has to approve what was accepted** (`goldseal approve`).");
        line!(text);
    }
    exceptions(&mut text, report);
    let limits: Vec<String> =
        report.limits.iter().map(|one| format!("{} = {} ({})", one.name, plain(&one.value), one.origin)).collect();
    line!(text, "<sub>at {}; {}</sub>", report.at, limits.join(", "));
    text
}

fn exceptions(text: &mut String, report: &GateReport) {
    if report.exceptions.is_empty() {
        return;
    }
    let idle = report.exceptions.iter().filter(|one| one.exception.standing != Standing::Used).count();
    let soon = report.exceptions.iter().filter(|one| one.ends_within_days.is_some()).count();
    let all = report.exceptions.len();
    line!(text, "<details><summary>{all} exceptions: {idle} not in use, {soon} end within 14 days</summary>");
    line!(text);
    line!(text, "| vulnerability | package | owner | ends | |");
    line!(text, "| --- | --- | --- | --- | --- |");
    for one in report.exceptions.iter().take(MOST) {
        let what = &one.exception;
        let soon = one.ends_within_days.map(|days| format!(", within {days} days")).unwrap_or_default();
        let (id, package, owner) = (plain(&what.id), plain(&what.package), plain(&what.owner));
        line!(text, "| {id} | {package} | {owner} | {:.0} | {}{soon} |", what.expires, standing(what.standing));
    }
    line!(text);
    rest(text, all);
    line!(text, "</details>");
    line!(text);
}

fn rest(text: &mut String, all: usize) {
    if all > MOST {
        line!(text, "… and {} more, all of them in the JSON.", all - MOST);
        line!(text);
    }
}

/// Takes the meaning out of characters that Markdown, HTML and mentions give one.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in human::plain(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' => plain.extend(['\\', c]),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            // Not a mention, but looks like one.
            '@' => plain.push_str("@\u{200b}"),
            c => plain.push(c),
        }
    }
    plain
}
