//! What somebody is asked to approve: new risks first, each in a line, then the digests.

use std::fmt::Write as _;

use goldseal_core::report::{ApproveReport, Risks};

use super::{gate::counts, gate::several, notes, plain};

pub(in crate::render) fn approve(report: &ApproveReport) -> String {
    let mut text = String::new();
    if report.signed {
        line!(text, "APPROVED  by {}", report.approver.as_deref().unwrap_or_default());
    } else {
        line!(text, "ACCEPTED RISKS");
        risks(&mut text, &report.risks);
    }
    for image in &report.images {
        line!(text, "  image     {}", image.image);
        line!(text, "            accepts sha256 {}", image.accepted_risks);
    }
    if let Some(key) = &report.key {
        let danger = if key.dangerous_local { "  DANGEROUS: a key file on disk" } else { "" };
        line!(text, "  key       {}{danger}", key.name);
    }
    if let Some(written) = &report.written {
        line!(text, "  written   {written}");
    }
    notes(&mut text, &report.notes);
    text
}

fn risks(text: &mut String, risks: &Risks) {
    let mark = |new: bool| match (new, risks.compared) {
        (true, true) => "NEW",
        _ => "",
    };
    for one in &risks.exceptions {
        let risk = &one.risk;
        line!(
            text,
            "  exception {:<3} {} in {}, until {:.0}, {}",
            mark(one.new),
            risk.id,
            risk.package,
            risk.expires,
            risk.owner
        );
        line!(text, "                {}", risk.justification);
        for found in &risk.findings {
            line!(text, "                {} {} {}", found.severity, found.package, found.version);
        }
    }
    for one in &risks.findings {
        let found = &one.risk;
        line!(
            text,
            "  finding   {:<3} {:<10} {} in {} {}",
            mark(one.new),
            found.severity,
            found.id,
            found.package,
            found.version
        );
    }
    let new =
        risks.exceptions.iter().filter(|one| one.new).count() + risks.findings.iter().filter(|one| one.new).count();
    let findings: Vec<_> = risks.findings.iter().map(|one| one.risk.clone()).collect();
    let below = counts(&findings);
    let below = if below.is_empty() { "no finding".to_owned() } else { below };
    let compared = if risks.compared {
        format!("{new} of them new")
    } else {
        "not compared with an earlier image (--since)".to_owned()
    };
    let exceptions = several(risks.exceptions.len(), "exception");
    line!(text, "  together  {exceptions}; below the threshold: {below}; {compared}");
}
