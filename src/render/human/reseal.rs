//! What `reseal` did as text: one image a line, and under it what stands against it.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use goldseal_core::report::{ResealOutcome, ResealReport};

use super::{causes, notes, plain};

pub(in crate::render) fn reseal(report: &ResealReport) -> String {
    let mut text = String::new();
    for one in &report.images {
        let color = match one.outcome {
            ResealOutcome::Resealed | ResealOutcome::Already => AnsiColor::Green,
            ResealOutcome::Failed => AnsiColor::Yellow,
            ResealOutcome::Refused => AnsiColor::Red,
        };
        let style = Style::new().bold().fg_color(Some(color.into()));
        let word = one.outcome.to_string().to_uppercase();
        let _ = writeln!(text, "{style}{word}{style:#}  {}", plain(&one.image.to_string()));
        causes(&mut text, &one.causes);
        if let Some(problem) = &one.problem {
            line!(text, "  problem   {problem}");
        }
        for statement in &one.statements {
            line!(text, "  signed    {:<10}  sha256:{}", statement.kind.as_str(), statement.statement);
        }
        if one.dropped > 0 {
            line!(text, "  dropped   {} bundles of the old key", one.dropped);
        }
        if let Some(digest) = one.evidence_sha256 {
            line!(text, "  evidence  {}  sha256:{digest}", one.evidence);
        }
        notes(&mut text, &one.notes);
    }
    let count = |outcome| report.count(outcome);
    line!(
        text,
        "{} images to {} ({}): {} resealed, {} already, {} refused, {} failed",
        report.images.len(),
        report.key.name,
        report.authority,
        count(ResealOutcome::Resealed),
        count(ResealOutcome::Already),
        count(ResealOutcome::Refused),
        count(ResealOutcome::Failed)
    );
    text
}
