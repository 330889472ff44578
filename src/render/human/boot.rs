//! A boot as a person reads it, on a serial console or in the journal.

use std::fmt::Write as _;

use anstyle::Style;
use goldseal_core::report::{BootReport, FactsFrom, Outcome};

use super::{causes, notes, overrides::overridden, plain, word};

/// Says whether the machine boots, and why.
pub(in crate::render) fn boot(report: &BootReport) -> String {
    let mut text = String::new();
    let judged = &report.judged;
    let (word, color) = word(judged.verdict, judged.overridden.is_some());
    let style = Style::new().bold().fg_color(Some(color.into()));
    let who = match &report.instance {
        Some(instance) => format!("{} of {}", instance.id, instance.image),
        None => "an instance that is not known".to_owned(),
    };
    let stands = match judged.verdict {
        Outcome::Admit if judged.overridden.is_some() => "is let pass by an override",
        Outcome::Admit => "is admitted",
        Outcome::Reject => "is refused",
        Outcome::Undetermined => "is undetermined",
    };
    let then = match (report.action, report.enforced) {
        (None, _) if judged.verdict == Outcome::Admit => "the boot goes on".to_owned(),
        (None, _) => "the boot goes on all the same".to_owned(),
        (Some(end), true) => format!("the boot ends here, by {}", end.as_str()),
        (Some(end), false) => format!("a boot would end by {}; without --enforce nothing is done", end.as_str()),
    };
    let _ = writeln!(text, "{style}{word}{style:#}  {}", plain(&format!("{who} {stands}: {then}")));
    if let Some(one) = &judged.overridden {
        overridden(&mut text, one, None);
    }
    causes(&mut text, &judged.reasons);
    causes(&mut text, &judged.faults);
    if let Some(instance) = &report.instance {
        let (account, zone) = (&instance.account, &instance.availability_zone);
        line!(text, "  instance  account {account}, {zone}, {}, since {}", instance.instance_type, instance.pending);
    }
    if let (Some(subject), Some(from)) = (judged.subject, report.facts_from) {
        let from = match from {
            FactsFrom::Ec2 => "as EC2 says",
            FactsFrom::Provenance => "as its signed provenance says",
        };
        line!(text, "  subject   sha256:{subject}, {from}");
    }
    if let Some(evidence) = judged.evidence_sha256 {
        line!(text, "  evidence  sha256:{evidence}");
    }
    let until = judged.until.map(|until| format!(", holds until {until}")).unwrap_or_default();
    let mode = format!("{:?}", judged.mode).to_lowercase();
    line!(text, "  judged    at {}{until}; mode {mode}, policy sha256:{}", report.at, report.policy);
    notes(&mut text, &judged.notes);
    text
}
