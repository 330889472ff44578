//! What guarded groups would launch now: images that would be refused are better known before they are.

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
            Ok(launches) => launches.iter().for_each(|one| found.push(launch(facts, group, one))),
            Err(fault) => found.push(unasked(facts, fault, "what the group launches")),
        }
    }
}

fn launch(facts: &Launching, group: &GroupFacts, one: &LaunchFacts) -> Finding {
    let place = format!("{}: {}", group.group.name, one.found.named_by);
    let written = match &one.found.image {
        Ok(ami) if ami.as_str() == one.found.written => String::new(),
        Ok(_) | Err(_) => format!("{}: ", one.found.written),
    };
    let report = match (&one.found.image, &one.report) {
        (Ok(_), Some(report)) => report,
        (Ok(ami), None) => {
            return finding(Problem, "image-not-found", place, format!("{written}{ami} was not judged"))
                .typing(facts.again);
        }
        (Err(problem), _) => {
            let message = format!("{written}no image is found: {problem}");
            return finding(Problem, "image-not-found", place, message).typing(show(facts, group));
        }
    };
    let ImageRef { region, id } = &report.image;
    let mut verify = vec!["goldseal".to_owned(), "verify".to_owned(), format!("{region}:{id}")];
    if let Ok(caller) = &facts.caller {
        verify.extend(["--account".to_owned(), caller.account.to_string()]);
    }
    verify.extend(["--group".to_owned(), group.group.arn.to_string()]);
    let verify = command(&verify.iter().map(String::as_str).collect::<Vec<_>>());
    let severity = if group.mode == Mode::Enforce { Problem } else { Warning };
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
