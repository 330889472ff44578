//! An audit as one page for a browser: everything in it, nothing fetched, useful without JavaScript.
//!
//! Whatever comes from the report is text: escaped here, set as text by the script, and in the data it cannot end the
//! element that holds it. The page's own policy lets run only the one script whose digest it names.

mod changes;
mod data;
mod html;
mod overview;
mod sections;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use goldseal_core::{digest::Sha256Digest, report::AuditReport};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Returns the page.
pub(super) fn page(report: &AuditReport) -> String {
    let digest = |text: &str| BASE64_STANDARD.encode(Sha256Digest::of(text.as_bytes()).as_bytes());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    );
    let sections = [
        overview::verdicts(report),
        changes::changes(report),
        sections::images(report),
        sections::doors(report),
        sections::missed(report),
        sections::seen_before(report),
        sections::exceptions(report),
        overview::places(report),
        overview::ages(report),
    ];
    let present: Vec<_> = sections.into_iter().flatten().collect();
    fill(&[
        ("policy", &policy),
        ("title", &overview::title(report)),
        ("style", STYLE),
        ("headline", &overview::headline(report)),
        ("lead", &overview::lead(report)),
        ("notices", &overview::notices(report)),
        ("links", &present.iter().map(html::Section::link).collect::<String>()),
        ("sections", &present.iter().map(html::Section::whole).collect::<String>()),
        ("footer", &overview::footer(report)),
        ("data", &data::data(report)),
        ("script", SCRIPT),
    ])
}

/// Puts values into the template, in one pass: a value that looks like a place for another stays what it is.
fn fill(values: &[(&str, &str)]) -> String {
    let mut page = String::with_capacity(TEMPLATE.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>());
    for (index, part) in TEMPLATE.split("{{").enumerate() {
        let Some((name, rest)) = part.split_once("}}").filter(|_| index > 0) else {
            page.push_str(part);
            continue;
        };
        page.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        page.push_str(rest);
    }
    page
}
