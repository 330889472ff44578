//! Groups and their lifecycle hooks: who is guarded, by which hook, and what becomes of a launch that nobody answers.

use jiff::SignedDuration;

use super::{
    Facts, GroupFacts, Launching,
    command::{aws, command},
    finding, unasked,
};
use crate::{
    enforcement::Completion,
    ids::HookName,
    lifecycle::Hook,
    policy::Mode,
    report::{
        Finding,
        Severity::{Good, Note, Problem, Warning},
    },
};

/// A message is hidden for a minute after a replica died that held it, and the sweep comes once a minute.
const SHORTEST: SignedDuration = SignedDuration::from_mins(2);
/// What docs/hook.md sets up.
const TIMEOUT: &str = "600";
const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";

pub(super) fn examine(facts: &Facts, found: &mut Vec<Finding>) {
    let launching = &facts.launching;
    for pattern in &facts.unmatched {
        let message = "no Auto Scaling group of the region has such a name: nothing is guarded by it";
        let list = aws(
            launching,
            &[
                "autoscaling",
                "describe-auto-scaling-groups",
                "--query",
                "AutoScalingGroups[].[AutoScalingGroupName]",
                "--output",
                "text",
            ],
        );
        found.push(finding(Warning, "group-pattern-unmatched", pattern, message).typing(list));
    }
    self::launching(launching, found);
    let bare = |one: &&GroupFacts| {
        !one.guarded && one.hooks.as_ref().is_ok_and(|all| !all.iter().any(|hook| is_launch(launching, hook)))
    };
    let bare: Vec<&GroupFacts> = launching.groups.iter().flatten().filter(bare).collect();
    if let [first, ..] = bare.as_slice() {
        let names = Launching::names(bare.iter().map(|one| &one.group.name));
        let message = format!("these groups of the region launch any image: {names}");
        let place = format!("{} groups", bare.len());
        let name = first.group.name.as_str();
        let found_bare = finding(Warning, "group-not-guarded", place, message);
        let guard = command(&["goldseal", "hook", "--guard-group", name]);
        found.push(found_bare.typing(put(launching, first, None)).typing(guard));
    }
    if facts.groups_left_out > 0 {
        let message = "so many groups that match no pattern were not looked at: there are too many";
        found.push(finding(Note, "groups-left-out", format!("{} groups", facts.groups_left_out), message));
    }
}

/// Looks at each group for itself. What may not be asked is said elsewhere: by `rights`, or by whoever else looks.
pub(super) fn launching(facts: &Launching, found: &mut Vec<Finding>) {
    let groups = match &facts.groups {
        Ok(groups) => groups,
        Err(fault) if fault.is_missing_right() => return,
        Err(fault) => return found.push(unasked(facts, fault, "the groups of the region")),
    };
    for group in groups {
        let hooks = match &group.hooks {
            Ok(hooks) => hooks,
            Err(fault) if fault.is_missing_right() => continue,
            Err(fault) => {
                found.push(unasked(facts, fault, "the lifecycle hooks of the group"));
                continue;
            }
        };
        if group.guarded {
            guarded(facts, group, hooks, found);
        } else {
            stray(facts, group, hooks, found);
        }
    }
}

fn is_launch(facts: &Launching, hook: &Hook) -> bool {
    hook.launching && facts.is_ours(hook)
}

/// A group that no pattern matches: a hook of our name there would wait for nobody.
fn stray(facts: &Launching, group: &GroupFacts, hooks: &[Hook], found: &mut Vec<Finding>) {
    for hook in hooks.iter().filter(|hook| is_launch(facts, hook)) {
        let (name, place) = (group.group.name.as_str(), format!("{}/{}", group.group.name, hook.name));
        let message =
            "the hook is there, but no pattern of guarded groups matches: its launches wait, and nobody answers";
        let guard = command(&["goldseal", "hook", "--guard-group", name]);
        found.push(
            finding(Problem, "hook-nobody-answers", place, message).typing(guard).typing(delete(facts, group, hook)),
        );
    }
}

fn guarded(facts: &Launching, group: &GroupFacts, hooks: &[Hook], found: &mut Vec<Finding>) {
    let name = &group.group.name;
    if group.group.launch_suspended {
        let message = "launches of the group are suspended, by a breaker or by hand";
        let resume = aws(
            facts,
            &[
                "autoscaling",
                "resume-processes",
                "--auto-scaling-group-name",
                name.as_str(),
                "--scaling-processes",
                "Launch",
            ],
        );
        found.push(finding(Warning, "launch-suspended", name, message).typing("goldseal hook breaker").typing(resume));
    }
    if group.mode == Mode::Warn {
        let message = "the policy's mode for the group is warn: images that are not admitted go into service";
        found.push(finding(Warning, "mode-warn", name, message).typing("goldseal policy check POLICY"));
    }
    let ours: Vec<&Hook> = hooks.iter().filter(|hook| facts.is_ours(hook)).collect();
    if !ours.iter().any(|hook| hook.launching) {
        let terminating = ours.first();
        let (code, message) = match terminating {
            Some(hook) => {
                ("hook-not-launching", format!("the hook {} is about terminations: launches do not wait", hook.name))
            }
            None => ("hook-missing", "the group has no hook of ours: its launches do not wait".to_owned()),
        };
        let mut one = finding(Problem, code, name, message);
        if let Some(hook) = terminating {
            one = one.typing(delete(facts, group, hook));
        }
        found.push(one.typing(put(facts, group, terminating.map(|hook| &hook.name))));
    }
    for hook in ours.into_iter().filter(|hook| hook.launching) {
        self::hook(facts, group, hook, found);
    }
}

fn hook(facts: &Launching, group: &GroupFacts, hook: &Hook, found: &mut Vec<Finding>) {
    let before = found.len();
    let place = format!("{}/{}", group.group.name, hook.name);
    let change =
        |flag: &str, value: &str| of_hook(facts, "put-lifecycle-hook", group, hook.name.as_str(), &[flag, value]);
    if hook.default_result != Some(Completion::Abandon) {
        let message = "a launch that nobody answers goes into service: DefaultResult is not ABANDON";
        found.push(
            finding(Problem, "hook-default-continue", &place, message).typing(change("--default-result", "ABANDON")),
        );
    }
    let longer = change("--heartbeat-timeout", TIMEOUT);
    if hook.timeout < SHORTEST {
        let message = format!(
            "HeartbeatTimeout is {}: a message that was lost, or was held by a replica that died, is found within {}",
            seconds(hook.timeout),
            seconds(SHORTEST)
        );
        found.push(finding(Warning, "hook-timeout-short", &place, message).typing(&longer));
    }
    if hook.longest < facts.deadline {
        let message = format!(
            "the wait ends after {} (GlobalTimeout) whatever heartbeats say, before the deadline of {}",
            seconds(hook.longest),
            seconds(facts.deadline)
        );
        found.push(finding(Warning, "hook-ends-before-deadline", &place, message).typing(&longer));
    }
    target(facts, group, hook, &place, found);
    if !found.iter().skip(before).any(|one| one.severity < Note) {
        let message =
            format!("launches wait, {} each time, and are abandoned if nobody answers", seconds(hook.timeout));
        found.push(finding(Good, "hook-good", place, message));
    }
}

fn target(facts: &Launching, group: &GroupFacts, hook: &Hook, place: &str, found: &mut Vec<Finding>) {
    match (hook.target.as_deref().filter(|arn| !arn.is_empty()), facts.queue.as_deref()) {
        (None, queue) => {
            let message = "the hook names no target: a rule of EventBridge must send to the queue, and lost events wait for the sweep";
            let arn = queue.unwrap_or("QUEUE_ARN");
            let rules = aws(facts, &["events", "list-rule-names-by-target", "--target-arn", arn]);
            found.push(finding(Note, "hook-through-eventbridge", place, message).typing(rules));
        }
        (Some(target), Some(queue)) if target.split(':').nth(2) == Some("sqs") && target != queue => {
            let message = format!("the hook tells {target} of launches, and the queue that is read is {queue}");
            let told = ["--notification-target-arn", queue, "--role-arn", "ROLE_ARN"];
            let mend = of_hook(facts, "put-lifecycle-hook", group, hook.name.as_str(), &told);
            found.push(finding(Problem, "hook-tells-another-queue", place, message).typing(mend));
        }
        (Some(target), _) if target.split(':').nth(2) != Some("sqs") => {
            let message = format!("the hook tells {target}: whether that reaches the queue was not looked at");
            let arn = aws(facts, &["sns", "list-subscriptions-by-topic", "--topic-arn", target]);
            let found_one = finding(Note, "hook-tells-something-else", place, message);
            found.push(if target.contains(":sns:") { found_one.typing(arn) } else { found_one });
        }
        (Some(_), _) => {}
    }
}

/// Puts up the hook of a group as docs/hook.md does, under its own name or ours.
fn put(facts: &Launching, group: &GroupFacts, hook: Option<&HookName>) -> String {
    let hook = hook.or(facts.hooks.first()).map_or("goldseal", HookName::as_str);
    let good = ["--lifecycle-transition", LAUNCHING, "--heartbeat-timeout", TIMEOUT, "--default-result", "ABANDON"];
    of_hook(facts, "put-lifecycle-hook", group, hook, &good)
}

fn delete(facts: &Launching, group: &GroupFacts, hook: &Hook) -> String {
    of_hook(facts, "delete-lifecycle-hook", group, hook.name.as_str(), &[])
}

/// A call about a hook of a group.
fn of_hook(facts: &Launching, call: &str, group: &GroupFacts, hook: &str, more: &[&str]) -> String {
    let group = group.group.name.as_str();
    let words = ["autoscaling", call, "--auto-scaling-group-name", group, "--lifecycle-hook-name", hook];
    aws(facts, &[&words, more].concat())
}

fn seconds(time: SignedDuration) -> String {
    format!("{} s", time.as_secs())
}
