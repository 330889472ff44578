//! Reports as text: what matters first, one fact a line, colour for the verdict only.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use goldseal_core::{
    digest::Sha256Digest,
    report::{Cause, DescribeReport, ImageReport, Note, Outcome, PolicyReport, SignReport, VerifyReport},
};
use jiff::Timestamp;

/// Writing into a string does not fail; the macro keeps the lines below readable.
macro_rules! line {
    ($text:expr, $($arg:tt)*) => {{
        let _ = writeln!($text, "{}", plain(&format!($($arg)*)));
    }};
}

mod approve;
mod audit_age;
mod boot;
mod boot_check;
mod breakers;
mod doctor;
mod enroll;
mod gate;
mod overrides;
mod publish;
mod receipts;
mod release;
mod reseal;
mod revoke;
mod sbom_query;
mod seal;
mod trace;
mod what_if;

pub(super) use self::{
    approve::approve,
    audit_age::audit_age,
    boot::boot,
    boot_check::{boot_check, boot_install},
    breakers::breakers,
    doctor::doctor,
    enroll::enroll,
    gate::{counts, gate, standing},
    overrides::overrides,
    publish::publish,
    receipts::{receipts, wrote_receipts},
    release::release,
    reseal::reseal,
    revoke::revoke,
    sbom_query::sbom_query,
    seal::seal,
    trace::trace,
    what_if::what_if,
};

/// Nothing that comes from outside starts a line, moves the cursor or turns the direction of writing: reports quote
/// names and messages that anybody may have written, and one line of theirs could read like a verdict of ours.
pub(super) fn plain(text: &str) -> String {
    let turns = |c: char| {
        let marks =
            matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        // XML has no way to write these two.
        marks || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    text.chars().flat_map(|c| if c.is_control() || turns(c) { c.escape_default().collect() } else { vec![c] }).collect()
}

pub(super) fn verify(report: &VerifyReport) -> String {
    let mut text = String::new();
    for image in &report.images {
        self::image(&mut text, image, report.at, &report.policy);
    }
    if report.images.len() > 1 {
        let count = |outcome| report.images.iter().filter(|image| image.verdict == outcome).count();
        let (admit, reject) = (count(Outcome::Admit), count(Outcome::Reject));
        let overridden = report.images.iter().filter(|image| image.overridden.is_some()).count();
        let overridden = if overridden > 0 { format!(" ({overridden} of them overridden)") } else { String::new() };
        line!(
            text,
            "{} images: {admit} admit{overridden}, {reject} reject, {} undetermined",
            report.images.len(),
            count(Outcome::Undetermined)
        );
    }
    text
}

fn image(text: &mut String, image: &ImageReport, at: Timestamp, policy: &Sha256Digest) {
    let (word, color) = word(image.verdict, image.overridden.is_some());
    let style = Style::new().bold().fg_color(Some(color.into()));
    let _ = writeln!(text, "{style}{word}{style:#}  {}", plain(&image.image.to_string()));
    if let Some(overridden) = &image.overridden {
        overrides::overridden(text, overridden, None);
    }
    causes(text, &image.reasons);
    causes(text, &image.faults);
    if let Some(subject) = image.subject {
        line!(text, "  subject   sha256:{subject}");
    }
    let digest = image.evidence_sha256.map(|digest| format!("  sha256:{digest}")).unwrap_or_default();
    line!(text, "  evidence  {}{digest}", image.evidence);
    for checked in &image.checked {
        let kind = checked.kind.map_or(checked.predicate_type.as_str(), |kind| kind.as_str());
        let seen = checked.seen.map(|seen| format!(", seen {seen}")).unwrap_or_default();
        let weight = if checked.required { "" } else { " (not required)" };
        line!(text, "  checked   {kind:<10}  signed by {}{seen}{weight}", checked.by);
    }
    // In a rejection the reasons say it already.
    for one in image.discounted.iter().filter(|_| image.verdict != Outcome::Reject) {
        line!(text, "  ignored   line {}: {} ({})", one.line, one.message, one.code);
    }
    let until = match (image.verdict, image.until) {
        (Outcome::Admit, Some(until)) if image.overridden.is_some() => format!(", let pass until {until}"),
        (Outcome::Admit, Some(until)) => format!(", holds until {until}"),
        (Outcome::Admit, None) => ", nothing in it expires".to_owned(),
        (Outcome::Reject | Outcome::Undetermined, _) => String::new(),
    };
    let mode = format!("{:?}", image.mode).to_lowercase();
    line!(text, "  judged    at {at}{until}; mode {mode}, policy sha256:{policy}");
    notes(text, &image.notes);
}

/// Returns the word for a verdict: who was let pass by an override was not admitted.
fn word(verdict: Outcome, overridden: bool) -> (&'static str, AnsiColor) {
    match verdict {
        Outcome::Admit if overridden => ("OVERRIDDEN", AnsiColor::Yellow),
        Outcome::Admit => ("ADMIT", AnsiColor::Green),
        Outcome::Reject => ("REJECT", AnsiColor::Red),
        Outcome::Undetermined => ("UNDETERMINED", AnsiColor::Yellow),
    }
}

/// Causes of one code stand together, and so do the lines that share a message.
fn causes(text: &mut String, causes: &[Cause]) {
    for group in causes.chunk_by(|a, b| a.code == b.code) {
        for (index, same) in group.chunk_by(|a, b| a.message == b.message).enumerate() {
            let Some(cause) = same.first() else { continue };
            let lead = if index == 0 { "because" } else { "" };
            line!(text, "  {lead:<9} {}: {}{}", cause.code, cause.message, lines(same));
        }
        if let Some(remedy) = group.first().map(|cause| cause.remedy).filter(|remedy| !remedy.is_empty()) {
            line!(text, "            → {remedy}");
        }
    }
}

fn lines(causes: &[Cause]) -> String {
    let numbers: Vec<String> =
        causes.iter().filter_map(|cause| cause.line).filter(|line| *line > 0).map(|line| line.to_string()).collect();
    match numbers.as_slice() {
        [] => String::new(),
        [one] => format!(" (line {one})"),
        several => format!(" (lines {})", several.join(", ")),
    }
}

fn notes(text: &mut String, notes: &[Note]) {
    for note in notes {
        line!(text, "  note      {} ({})", note.message, note.code);
    }
}

pub(super) fn sign(report: &SignReport) -> String {
    let mut text = String::new();
    line!(text, "{}  {}", if report.already { "SIGNED BEFORE" } else { "SIGNED" }, report.image);
    line!(text, "  subject   sha256:{}", report.subject);
    for statement in &report.statements {
        line!(text, "  statement {:<10}  {}  sha256:{}", statement.kind, statement.predicate_type, statement.statement);
    }
    for approval in &report.approvals {
        line!(text, "  approval              sha256:{approval}");
    }
    let danger = if report.key.dangerous_local { "  DANGEROUS: a key file on disk" } else { "" };
    line!(text, "  key       {}{danger}", report.key.name);
    line!(text, "            spki sha256:{}  {}", report.key.spki_sha256, report.key.scheme);
    line!(text, "  evidence  {}  sha256:{}  ({} bundles)", report.evidence, report.evidence_sha256, report.bundles);
    for tag in &report.tags {
        line!(text, "  tag       {} = {}", tag.name, tag.value);
    }
    notes(&mut text, &report.notes);
    text
}

pub(super) fn describe(report: &DescribeReport) -> String {
    let mut text = String::new();
    let facts = &report.descriptor;
    line!(text, "{}", report.arn);
    line!(text, "  subject   sha256:{}", report.subject);
    for (name, value) in [
        ("name", facts.name.as_deref()),
        ("owner", Some(facts.owner_id.as_str())),
        ("created", Some(facts.creation_date.as_str())),
        ("machine", Some(facts.architecture.as_str())),
        ("boot", facts.boot_mode.as_deref()),
        ("tpm", facts.tpm_support.as_deref()),
        ("root", facts.root_device_name.as_deref()),
    ] {
        if let Some(value) = value {
            line!(text, "  {name:<9} {value}");
        }
    }
    for device in &facts.block_devices {
        let snapshot = device.snapshot_id.as_deref().or(device.virtual_name.as_deref()).unwrap_or("no device");
        let size = device.volume_size.map(|size| format!("  {size} GiB")).unwrap_or_default();
        let encrypted = if device.encrypted == Some(true) { "  encrypted" } else { "" };
        line!(text, "  device    {}  {snapshot}{size}{encrypted}", device.device_name);
    }
    for device in report.content.iter().flatten() {
        line!(text, "  content   {}  sha256:{}", device.device_name, device.sha256);
    }
    text
}

pub(super) fn policy(report: &PolicyReport) -> String {
    let mut text = String::new();
    match report.policy {
        Some(policy) => line!(text, "{}: good, sha256:{policy}", report.file),
        None => {
            for problem in &report.problems {
                line!(text, "{problem}");
            }
            line!(text, "{} problems in {}", report.problems.len(), report.file);
        }
    }
    notes(&mut text, &report.notes);
    text
}

pub(super) fn failure(chain: &[String], hints: &[String]) -> String {
    let mut text = String::new();
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    for (index, message) in chain.iter().enumerate() {
        if index == 0 {
            let _ = writeln!(text, "{red}error{red:#}: {}", plain(message));
        } else {
            line!(text, "  {message}");
        }
    }
    for hint in hints {
        line!(text, "hint: {hint}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_starts_a_line_or_moves_the_cursor() {
        assert_eq!(plain("a\nADMIT\x1b[2K\u{9b}\u{202e}é→"), "a\\nADMIT\\u{1b}[2K\\u{9b}\\u{202e}é→");
        let text = failure(&["one\nADMIT  ami-1".to_owned(), "two\r\x1b[1A".to_owned()], &["hint\n".to_owned()]);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(!text.lines().any(|line| line.starts_with("ADMIT")), "{text}");
    }
}
