//! What would be launched now, by guarded groups or by whatever else names an image: images that would be refused are
//! better known before they are.

use super::{
    GroupFacts, LaunchFacts, Launching,
    command::{aws, command},
    finding, unasked,
};
use crate::{
    ids::ImageRef,
    policy::Mode,
    report::{
        Cause, Finding, ImageReport, Outcome,
        Severity::{Good, Problem, Warning},
    },
};

pub(super) fn examine(facts: &Launching, found: &mut Vec<Finding>) {
    for group in facts.guarded() {
        match &group.launches {
            Ok(launches) if launches.is_empty() => {
                let message =
                    "the group names no image: neither a launch template nor a launch configuration was found";
                found.push(finding(Problem, "image-not-named", &group.group.name, message).typing(show(facts, group)));
            }
            Ok(launches) => launches.iter().for_each(|one| found.push(launch(facts, Some(group), one))),
            Err(fault) => found.push(unasked(facts, fault, "what the group launches")),
        }
    }
}

/// Looks at what launch templates and parameters name, whoever launches by them: nobody may, so it is no problem yet.
pub(super) fn named(facts: &Launching, found: &mut Vec<Finding>) {
    match &facts.named {
        Ok(named) => found.extend(named.iter().map(|one| launch(facts, None, one))),
        Err(fault) => found.push(unasked(facts, fault, "what launch templates and parameters name")),
    }
}

fn launch(facts: &Launching, group: Option<&GroupFacts>, one: &LaunchFacts) -> Finding {
    let named_by = &one.found.named_by;
    let place = group.map_or_else(|| named_by.clone(), |group| format!("{}: {named_by}", group.group.name));
    let enforced = group.is_some_and(|group| group.mode == Mode::Enforce);
    let missing = if group.is_some() { Problem } else { Warning };
    let written = match &one.found.image {
        Ok(ami) if ami.as_str() == one.found.written => String::new(),
        Ok(_) | Err(_) => format!("{}: ", one.found.written),
    };
    let report = match (&one.found.image, &one.report) {
        (Ok(_), Some(report)) => report,
        (Ok(ami), None) => {
            let message = format!("{written}{ami} was not judged");
            return finding(missing, "image-not-found", place, message).typing(facts.again);
        }
        (Err(problem), _) => {
            let message = format!("{written}no image is found: {problem}");
            let found = finding(missing, "image-not-found", place, message);
            return match group {
                Some(group) => found.typing(show(facts, group)),
                None => found,
            };
        }
    };
    let ImageRef { region, id } = &report.image;
    let mut verify = vec!["goldseal".to_owned(), "verify".to_owned(), format!("{region}:{id}")];
    if let Ok(caller) = &facts.caller {
        verify.extend(["--account".to_owned(), caller.account.to_string()]);
    }
    verify.extend(group.into_iter().flat_map(|group| ["--group".to_owned(), group.group.arn.to_string()]));
    let verify = command(&verify.iter().map(String::as_str).collect::<Vec<_>>());
    let severity = if enforced { Problem } else { Warning };
    match report.verdict {
        Outcome::Admit => finding(Good, "image-admitted", place, format!("{written}{id} is admitted{}", until(report))),
        Outcome::Reject => {
            let message = format!("{written}{id} would be refused: {}", codes(&report.reasons));
            finding(severity, "image-refused", place, message).typing(verify)
        }
        Outcome::Undetermined => {
            let message =
                format!("{written}{id} could not be judged, and is refused at the deadline: {}", codes(&report.faults));
            finding(severity, "image-undetermined", place, message).typing(verify)
        }
    }
}

fn until(report: &ImageReport) -> String {
    report.until.map(|until| format!(" until {until}")).unwrap_or_default()
}

fn codes(causes: &[Cause]) -> String {
    let mut codes: Vec<&str> = causes.iter().map(|cause| cause.code.as_str()).collect();
    codes.dedup();
    codes.join(", ")
}

fn show(facts: &Launching, group: &GroupFacts) -> String {
    let name = group.group.name.as_str();
    aws(facts, &["autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", name])
}
