//! The revocation list, which every verdict waits for, and the overrides that let pass what would be refused.

use jiff::Timestamp;

use super::{Facts, OverrideFacts, RevocationFacts, Why, command::command, finding, unasked};
use crate::{
    policy::{GrantState, Published, Unfit},
    report::{
        Finding,
        Severity::{Good, Note, Problem, Warning},
    },
};

pub(super) fn examine(facts: &Facts, found: &mut Vec<Finding>) {
    if let Some(list) = &facts.revocations {
        revocations(facts, list, found);
    }
    if let Some(overrides) = &facts.overrides {
        self::overrides(facts, overrides, found);
    }
}

fn revocations(facts: &Facts, list: &RevocationFacts, found: &mut Vec<Finding>) {
    let problem = |code, message: String| finding(Problem, code, &list.place, message);
    let look = command(&["goldseal", "revoke", "list"]);
    match &list.found {
        // Of what AWS denies, the rights tell.
        Err(fault) if fault.is_missing_right() => {}
        Err(fault) if fault.why == Why::Passing => {
            found.push(unasked(&facts.launching, fault, "the revocation list"));
        }
        Err(fault) => {
            let message = format!("it cannot be read, so nothing is admitted: {}", fault.problem);
            found.push(problem("revocation-list-damaged", message).typing(look));
        }
        Ok(Err(Unfit::Absent | Unfit::Unasked(_))) => {
            let message = "the policy asks for a revocation list and there is none, so nothing is admitted".to_owned();
            found.push(problem("revocation-list-absent", message).typing(renew(facts, list, &["--first"])));
        }
        Ok(Err(Unfit::Foreign(_))) => match unknown_key(facts, list) {
            Some(fault) => {
                found.push(unasked(&facts.launching, fault, "whether an authority signed the revocation list"));
            }
            None => {
                let names: Vec<&str> = list.authorities.iter().map(|name| name.as_str()).collect();
                let message = format!("no signature of {} is on it, so nothing is admitted", names.join(", "));
                found.push(problem("revocation-list-foreign", message).typing(look));
            }
        },
        Ok(Err(Unfit::Disputed(problems))) => {
            let message = format!("nobody can tell what it withdraws, so nothing is admitted: {}", problems.join("; "));
            found.push(problem("revocation-list-damaged", message).typing(look));
        }
        Ok(Err(why @ Unfit::RolledBack { .. })) => {
            let message = format!("{why}: somebody took it back; the hook goes by the one that it kept");
            let (copied, copy) = copy(&list.kept);
            let one = problem("revocation-list-rolled-back", message);
            let one = copied.into_iter().fold(one, Finding::typing);
            found.push(one.typing(renew(facts, list, &["--go-on-from", &copy])));
        }
        Ok(Ok(published)) => self::published(facts, list, published, found),
    }
}

/// A list that counts, and what waits behind it.
fn published(facts: &Facts, list: &RevocationFacts, published: &Published, found: &mut Vec<Finding>) {
    if let Some(waiting) = &published.waiting {
        let by: Vec<&str> = waiting.by.iter().map(|name| name.as_str()).collect();
        let severity = if published.current.is_some() { Note } else { Problem };
        let message = format!(
            "list {} waits for another signature beside that of {}; until then what it adds is not withdrawn",
            waiting.list.serial,
            by.join(", ")
        );
        let sign = command(&["goldseal", "revoke", "countersign", "--key", "awskms:///KEY"]);
        found.push(finding(severity, "revocation-list-waits", &list.place, message).typing(sign));
    }
    let Some(current) = &published.current else { return };
    let (issued, until) = (current.list.issued_at, list.max_age.after(current.list.issued_at));
    let serial = current.list.serial;
    found.push(if issued > list.at {
        let message = format!("list {serial} is of {issued:.0}, which this clock has not reached: nothing is admitted until then");
        let sync = command(&["timedatectl", "set-ntp", "true"]);
        finding(Problem, "revocation-list-early", &list.place, message).typing(sync)
    } else if until <= list.at {
        let message = format!("list {serial} is of {issued:.0} and older than {}, so nothing is admitted", list.max_age);
        finding(Problem, "revocation-list-stale", &list.place, message).typing(renew(facts, list, &[]))
    } else if ends_soon(issued, until, list.at) {
        let message = format!(
            "list {serial} is of {issued:.0} and counts until {until:.0}, less than a quarter of {} from now; then nothing is \
             admitted",
            list.max_age
        );
        finding(Warning, "revocation-list-ends-soon", &list.place, message).typing(renew(facts, list, &[]))
    } else {
        let entries = current.list.entries.len();
        let message = format!("list {serial} of {issued:.0}, with {entries} entries, counts until {until:.0}");
        finding(Good, "revocation-list-good", &list.place, message)
    });
}

fn overrides(facts: &Facts, overrides: &OverrideFacts, found: &mut Vec<Finding>) {
    for problem in &overrides.unreadable {
        let message = format!("what they would let pass is refused: {problem}");
        found.push(finding(Warning, "overrides-unreadable", "overrides", message).typing(facts.launching.again));
    }
    for one in overrides.granted.iter().filter(|one| one.state == GrantState::Active) {
        let (grant, by) = (&one.grant, one.by.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" and "));
        let what = format!("{by} let pass {} ({}), {}", grant.scope.name(), grant.ticket, one.standing());
        let (severity, code, message) = if ends_soon(grant.from, grant.until, overrides.at) {
            let message = format!("{what}, less than a quarter of its life; what launches by it is refused then");
            (Warning, "override-ends-soon", message)
        } else {
            (Note, "override-active", what)
        };
        let statement = one.statement.to_string();
        let show = command(&["goldseal", "override", "show", &statement]);
        found.push(finding(severity, code, format!("sha256:{statement}"), message).typing(show));
    }
}

/// Less than a quarter of a life is left.
fn ends_soon(from: Timestamp, until: Timestamp, at: Timestamp) -> bool {
    until.duration_since(at).saturating_mul(4) < until.duration_since(from)
}

/// Why the key of an authority of the list is not known, if one is not.
fn unknown_key<'f>(facts: &'f Facts, list: &RevocationFacts) -> Option<&'f super::Unasked> {
    let keys = facts.keys.iter().filter(|key| list.authorities.contains(&key.authority));
    keys.filter_map(|key| key.answer.as_ref().err()).find(|fault| matches!(fault.why, Why::Denied | Why::Passing))
}

/// The command that signs the list anew, with the key of an authority if that is one of KMS.
fn renew(facts: &Facts, list: &RevocationFacts, more: &[&str]) -> String {
    let key = facts.keys.iter().find(|key| list.authorities.contains(&key.authority));
    let key = key.map_or("awskms:///KEY", |key| key.uri.as_str());
    command(&[&["goldseal", "revoke", "renew"], more, &["--key", key]].concat())
}

/// What fetches the kept list, if it is no file, and the file.
fn copy(kept: &str) -> (Option<String>, String) {
    match kept.strip_prefix("file://") {
        Some(path) => (None, path.to_owned()),
        None => (Some(command(&["aws", "s3", "cp", kept, "kept.jsonl"])), "kept.jsonl".to_owned()),
    }
}
