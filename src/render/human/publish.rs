//! What `publish` did as text: one line a step.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use goldseal_core::report::{Outcome, PublishOutcome, PublishReport, PublishedImage, StepOutcome};

use super::{image, notes, plain};

pub(in crate::render) fn publish(report: &PublishReport) -> String {
    let mut text = String::new();
    for one in &report.images {
        match report.outcome {
            PublishOutcome::Published | PublishOutcome::Planned | PublishOutcome::Stopped => steps(&mut text, one),
            PublishOutcome::Refused | PublishOutcome::Undetermined => {
                image(&mut text, &one.verified, report.at, &report.policy);
                notes(&mut text, &one.notes);
            }
        }
    }
    let count = |outcome| report.count(outcome);
    match report.outcome {
        PublishOutcome::Published => {
            line!(text, "published: {} done, {} already so", count(StepOutcome::Done), count(StepOutcome::Already));
        }
        PublishOutcome::Planned => {
            let (would, already) = (count(StepOutcome::Would), count(StepOutcome::Already));
            line!(text, "dry run, nothing was changed: {would} would be done, {already} already so");
        }
        PublishOutcome::Stopped => {
            let (done, already) = (count(StepOutcome::Done), count(StepOutcome::Already));
            line!(text, "stopped: {done} done, {already} already so, {} not done", count(StepOutcome::NotDone));
        }
        PublishOutcome::Refused | PublishOutcome::Undetermined => {
            let admitted = report.images.iter().filter(|one| one.verified.verdict == Outcome::Admit).count();
            let all = report.images.len();
            line!(text, "not published, nothing was changed: {} of {all} images not admitted", all - admitted);
        }
    }
    text
}

fn steps(text: &mut String, one: &PublishedImage) {
    let any = |outcome| one.steps.iter().any(|step| step.outcome == outcome);
    let (word, color) = if any(StepOutcome::Failed) {
        ("STOPPED", AnsiColor::Red)
    } else if any(StepOutcome::NotDone) {
        ("NOT PUBLISHED", AnsiColor::Red)
    } else if any(StepOutcome::Would) {
        ("WOULD PUBLISH", AnsiColor::Yellow)
    } else {
        ("PUBLISHED", AnsiColor::Green)
    };
    let style = Style::new().bold().fg_color(Some(color.into()));
    let _ = writeln!(text, "{style}{word}{style:#}  {}", plain(&one.verified.image.to_string()));
    if let Some(subject) = one.verified.subject {
        line!(text, "  subject   sha256:{subject}");
    }
    if let Some(digest) = one.verified.evidence_sha256 {
        line!(text, "  evidence  {}  sha256:{digest}", one.verified.evidence);
    }
    for step in &one.steps {
        let call = [step.call, step.region.as_str(), &step.resource, &step.detail].join(" ");
        line!(text, "  {:<9} {}", step.outcome, call.trim_end());
    }
    notes(text, &one.verified.notes);
    notes(text, &one.notes);
}
