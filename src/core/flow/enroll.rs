//! `enroll`: a group and its lifecycle hooks → what is different from what it should be → our hook, put if asked for.

use jiff::Timestamp;

use crate::{
    doctor::command,
    enforcement::Completion,
    ids::{GroupName, Region},
    lifecycle::{Enrolment, Guarded, Hook, Obstacle, Sender},
    ports::{Enrols, Groups, PortError, PortErrorKind},
    report::{
        ENROLL_SCHEMA, EnrollOutcome, EnrollReport, Finding,
        Severity::{self, Note, Problem, Warning},
    },
};

/// What is asked for.
#[derive(Debug)]
pub struct Enrolling<'a> {
    /// The region.
    pub region: &'a Region,
    /// The group.
    pub group: &'a GroupName,
    /// Our lifecycle hook, as it should be.
    pub hook: &'a Enrolment,
    /// What the hook that runs answers for, where that is known.
    pub guarded: Option<&'a Guarded>,
    /// Do it; else it is only listed.
    pub apply: bool,
}

/// Looks at a group, and enrols it if asked to.
///
/// # Errors
/// Auto Scaling could not be asked, there is no such group, or it did not take the hook.
pub async fn enroll<F>(asked: &Enrolling<'_>, fleet: &F, now: Timestamp) -> Result<EnrollReport, PortError>
where
    F: Groups + Enrols,
{
    let Enrolling { region, group, hook, guarded, apply } = asked;
    let found = fleet.group(group).await?.ok_or_else(|| {
        PortError::new(PortErrorKind::NotFound, "autoscaling:DescribeAutoScalingGroups", group)
            .because(format!("there is no such group in {region}"))
    })?;
    let hooks = fleet.hooks(group).await?;
    let mut findings = notes(asked, &hooks);
    let (mut differences, mut outcome) = (Vec::new(), EnrollOutcome::Refused);
    match hook.differences(&found, &hooks, *guarded) {
        Err(obstacle) => findings.insert(0, refusal(asked, &obstacle)),
        Ok(none) if none.is_empty() => outcome = EnrollOutcome::Already,
        Ok(some) if *apply => {
            fleet.enrol(group, hook).await?;
            (differences, outcome) = (some, EnrollOutcome::Enrolled);
        }
        Ok(some) => (differences, outcome) = (some, EnrollOutcome::Planned),
    }
    let commands = if differences.is_empty() { Vec::new() } else { vec![by_hand(asked)] };
    let new = !hooks.iter().any(|one| one.name == hook.name);
    Ok(EnrollReport {
        schema: ENROLL_SCHEMA,
        at: now,
        region: (*region).clone(),
        group: (*group).clone(),
        hook: hook.name.clone(),
        outcome,
        new,
        differences,
        findings,
        commands,
    })
}

fn refusal(asked: &Enrolling<'_>, obstacle: &Obstacle) -> Finding {
    let group = asked.group.as_str();
    let (code, typed) = match obstacle {
        Obstacle::NobodyAnswers => ("hook-nobody-answers", command(&["goldseal", "hook", "--guard-group", group])),
        Obstacle::NotOurs(name) => {
            ("hook-nobody-answers", command(&["goldseal", "hook", "--guard-hook", name.as_str()]))
        }
        Obstacle::Terminations(name) => {
            ("hook-not-launching", of_group(asked, "delete-lifecycle-hook", &["--lifecycle-hook-name", name.as_str()]))
        }
    };
    finding(Problem, code, group, obstacle.to_string(), vec![typed])
}

/// What a reader should know beside the differences.
fn notes(asked: &Enrolling<'_>, hooks: &[Hook]) -> Vec<Finding> {
    let (group, hook) = (asked.group.as_str(), asked.hook);
    let mut found = Vec::new();
    if hook.default_result == Completion::Continue {
        let message = "while nobody answers, every image goes into service: an outage of the hook lets everything pass";
        found.push(finding(Warning, "dangerous-continue", group, message.into(), Vec::new()));
    }
    if asked.guarded.is_none() {
        let message =
            "no guarded groups are set here, so whether a hook runs that answers for this one was not looked at";
        found.push(finding(Note, "guarded-not-looked-at", group, message.into(), vec!["goldseal doctor".into()]));
    }
    if hook.sender.is_none() {
        let message = "the hook tells no queue: a rule of EventBridge must, and lost events wait for the sweep";
        found.push(finding(Note, "hook-through-eventbridge", group, message.into(), Vec::new()));
    }
    let others: Vec<&str> =
        hooks.iter().filter(|one| one.launching && one.name != hook.name).map(|one| one.name.as_str()).collect();
    if !others.is_empty() {
        let message = format!("launches wait on these hooks as well, whatever ours says: {}", others.join(", "));
        found.push(finding(Note, "other-launch-hooks", group, message, Vec::new()));
    }
    found
}

fn finding(severity: Severity, code: &'static str, place: &str, message: String, commands: Vec<String>) -> Finding {
    Finding { severity, code, place: place.to_owned(), message, commands }
}

/// The call that puts the hook, as it is typed.
fn by_hand(asked: &Enrolling<'_>) -> String {
    let Enrolment { name, timeout, default_result, sender } = asked.hook;
    let timeout = timeout.as_secs().to_string();
    let result = default_result.as_str().to_ascii_uppercase();
    let transition = "autoscaling:EC2_INSTANCE_LAUNCHING";
    let mut words = vec!["--lifecycle-hook-name", name.as_str(), "--lifecycle-transition", transition];
    words.extend(["--heartbeat-timeout", &timeout, "--default-result", &result]);
    match sender {
        Some(Sender { target, role }) => words.extend(["--notification-target-arn", target, "--role-arn", role]),
        // What is left out would stay.
        None => words.extend(["--notification-target-arn", ""]),
    }
    of_group(asked, "put-lifecycle-hook", &words)
}

fn of_group(asked: &Enrolling<'_>, verb: &str, words: &[&str]) -> String {
    let region = asked.region.as_str();
    let group = asked.group.as_str();
    let start = ["aws", "autoscaling", verb, "--region", region, "--auto-scaling-group-name", group];
    command(&[&start, words].concat())
}

#[cfg(test)]
mod tests;
