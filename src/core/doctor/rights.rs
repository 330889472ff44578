//! What the caller may do, of what a launch hook does: each action that it may not is named.

use std::collections::BTreeMap;

use super::{Facts, Right, Unasked, command::allow, finding, unasked};
use crate::report::{
    Finding,
    Severity::{Good, Note, Problem},
};

pub(super) fn examine(facts: &Facts, found: &mut Vec<Finding>) {
    let mut missing: BTreeMap<&str, (Vec<String>, &Unasked)> = BTreeMap::new();
    let mut granted: Vec<&str> = Vec::new();
    for Right { action, on, tried } in &facts.rights {
        match tried {
            Ok(()) if granted.contains(action) => {}
            Ok(()) => granted.push(action),
            Err(fault) if fault.is_missing_right() => {
                // What was tried may have stopped at another action that it needs first.
                let (resources, _) = missing.entry(fault.operation).or_insert_with(|| (Vec::new(), fault));
                for one in on {
                    if !resources.contains(one) {
                        resources.push(one.clone());
                    }
                }
            }
            Err(fault) => found.push(unasked(&facts.launching, fault, &format!("whether {action} is allowed"))),
        }
    }
    for (action, (resources, fault)) in &missing {
        let message = format!("the caller may not do this on {}: {}", resources.join(", "), fault.problem);
        let mut actions = vec![*action];
        // Of evidence that is not there, S3 says so only to who may list the bucket.
        if *action == "s3:GetObject" {
            actions.push("s3:ListBucket");
        }
        found.push(finding(Problem, "permission-missing", action, message).typing(allow(
            &facts.launching,
            &actions,
            resources,
        )));
    }
    granted.retain(|action| !missing.contains_key(action));
    if !granted.is_empty() {
        let place = format!("{} actions", granted.len());
        found.push(finding(Good, "permission-good", place, format!("the caller may do {}", granted.join(", "))));
    }
    if facts.queue.is_some() {
        let message = "this cannot be tried without taking messages from the hook that runs; its first poll tells";
        found.push(
            finding(Note, "permission-not-tried", "sqs:ReceiveMessage", message).typing("journalctl -u goldseal-hook"),
        );
    }
}
