//! Which instances have a package, as a person reads it: the answer, then where it is, then what nobody knows.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use goldseal_core::report::{Answer, QueriedImage, QueriedInstance, QueriedPackage, SbomQueryReport};

use super::{super::wrap, notes, plain};

/// Says what was found, in so many columns if there is a number.
pub(in crate::render) fn sbom_query(report: &SbomQueryReport, columns: Option<usize>) -> String {
    let mut text = String::new();
    let told =
        |image: &&QueriedImage| image.answer != Answer::Absent || image.instances.iter().any(|one| one.apart.is_some());
    for image in report.images.iter().filter(told) {
        self::image(&mut text, image);
    }
    for place in &report.missed {
        let region = place.region.as_ref().map_or("all regions", |region| region.as_str());
        let name = place.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        heading(&mut text, "NOT SEEN", AnsiColor::Yellow, &format!("{}{name} in {region}", place.account));
        for fault in &place.faults {
            line!(text, "  because   {}: {}", fault.code, fault.message);
        }
    }
    notes(&mut text, &report.notes);
    line!(text, "{}: {}", report.query, summary(report));
    wrap::lines(&text, columns)
}

fn image(text: &mut String, image: &QueriedImage) {
    let (word, color) = match image.answer {
        Answer::Found => ("FOUND", AnsiColor::Red),
        Answer::Undetermined => ("UNDETERMINED", AnsiColor::Yellow),
        Answer::NotSearched => ("NOT SEARCHED", AnsiColor::Yellow),
        Answer::Absent => ("ABSENT", AnsiColor::Green),
    };
    let subject = image.image.as_ref().map(ToString::to_string).or_else(|| image.file.clone()).unwrap_or_default();
    let name = image.name.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
    let count = match image.instances.len() {
        0 => String::new(),
        count => format!("  {}", counted(count, "instance")),
    };
    heading(text, word, color, &format!("{subject}{name}{count}"));
    for found in &image.found {
        let reach = if found.whole { "" } else { ", compared as far as the question goes" };
        line!(text, "  has       {}{reach}", package(&found.package));
    }
    for one in &image.undetermined {
        line!(text, "  may have  {}: {}", package(&one.package), one.why);
    }
    for why in &image.not_searched {
        line!(text, "  because   {}: {}", why.code, why.message);
    }
    // Of what has it, each; of the others, those of which the SBOM says nothing.
    let listed = image.instances.iter().filter(|one| image.answer != Answer::Absent || one.apart.is_some());
    for one in listed {
        line!(text, "  instance  {}", instance(one));
    }
}

fn heading(text: &mut String, word: &str, color: AnsiColor, what: &str) {
    let style = Style::new().bold().fg_color(Some(color.into()));
    let _ = writeln!(text, "{style}{word}{style:#}  {}", plain(what));
}

fn package(one: &QueriedPackage) -> String {
    let version = one.version.as_deref().unwrap_or("without a version");
    let source = one.source.as_ref().map(|source| format!(", built of {source}")).unwrap_or_default();
    let purl = one.purl.as_ref().map(|purl| format!("  {purl}")).unwrap_or_default();
    format!("{} {version}{source}{purl}", one.name)
}

fn instance(one: &QueriedInstance) -> String {
    let name = one.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let apart = one.apart.as_ref().map(|why| format!(": its SBOM does not speak for it: {why}")).unwrap_or_default();
    format!("{}{name} in {} {}{apart}", one.instance, one.account, one.region)
}

fn summary(report: &SbomQueryReport) -> String {
    let images = |answer| report.images.iter().filter(|image| image.answer == answer).count();
    let count = |answer| if report.audited.is_some() { report.count(answer) } else { images(answer) };
    let (total, unit) = match report.audited {
        Some(_) => (report.total(), "instance"),
        None => (report.images.len(), if report.policy.is_some() { "image" } else { "SBOM" }),
    };
    let mut text = format!("found in {} of {}", count(Answer::Found), counted(total, unit));
    for (answer, word) in [(Answer::Undetermined, "undetermined"), (Answer::NotSearched, "not searched")] {
        if count(answer) > 0 {
            text = format!("{text}, {} {word}", count(answer));
        }
    }
    if !report.missed.is_empty() {
        text = format!("{text}, {} not seen", counted(report.missed.len(), "place"));
    }
    let whole = if report.answer == Answer::Absent { "; all was searched" } else { "" };
    let ran = report.audited.map(|at| format!(" (what ran at {at:.0})")).unwrap_or_default();
    format!("{text}{whole}{ran}")
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
