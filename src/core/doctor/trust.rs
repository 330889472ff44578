//! Keys, stores and the clock: what every verdict stands on.

use jiff::SignedDuration;

use super::{
    Facts, KeyFacts, Place, Why,
    command::{allow, aws, command},
    finding, unasked,
};
use crate::{
    digest::Sha256Digest,
    report::{
        Finding,
        Severity::{Good, Problem, Warning},
    },
    trust::{KeyAnswer, KeyUri},
};

/// Beyond this AWS refuses what we sign.
const REFUSED: SignedDuration = SignedDuration::from_mins(5);
/// Beyond this windows and ages are judged noticeably wrong.
const NOTICED: SignedDuration = SignedDuration::from_mins(1);

pub(super) fn examine(facts: &Facts, found: &mut Vec<Finding>) {
    for key in &facts.keys {
        found.push(self::key(facts, key));
    }
    let (store, state) = (("store-unusable", "store-good"), ("state-unusable", "state-good"));
    place(facts, &facts.store, "the store of the evidence", store, found);
    place(facts, &facts.state, "the place for state", state, found);
    clock(facts, found);
}

fn key(facts: &Facts, key: &KeyFacts) -> Finding {
    let uri: Option<KeyUri> = key.uri.parse().ok();
    let id = uri.as_ref().map_or(key.uri.as_str(), KeyUri::key);
    let region = uri.as_ref().and_then(KeyUri::region).unwrap_or(&facts.launching.region).as_str();
    let kms = |verb: &str| {
        vec!["aws", "kms", verb, "--region", region, "--key-id", id].into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let line = |words: Vec<String>| command(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let place = format!("{} ({})", key.authority, key.uri);
    match &key.answer {
        Ok(KeyAnswer::Enabled { spki }) if Sha256Digest::of(spki) == key.pin => {
            finding(Good, "key-good", place, "the key is enabled, and the one that the policy pins")
        }
        Ok(KeyAnswer::Enabled { spki }) => {
            let message = format!(
                "this is another key: its SHA-256 is {}, and the policy pins {}; nothing that it signed counts",
                Sha256Digest::of(spki),
                key.pin
            );
            finding(Problem, "key-not-the-pinned-one", place, message).typing(line(kms("describe-key")))
        }
        Ok(KeyAnswer::Withdrawn { state }) => {
            let message = format!("the key is in the state {state}: nothing that it signed counts");
            let one = finding(Problem, "key-withdrawn", place, message);
            match state.as_str() {
                "PendingDeletion" => one.typing(line(kms("cancel-key-deletion"))).typing(line(kms("enable-key"))),
                "Disabled" => one.typing(line(kms("enable-key"))),
                _ => one.typing(line(kms("describe-key"))),
            }
        }
        Err(fault) if fault.is_missing_right() => {
            let message = format!("the caller may not do this on {}: {}", key.uri, fault.problem);
            let on = if id.starts_with("arn:") && id.contains(":key/") { id } else { "*" };
            let both = ["kms:DescribeKey", "kms:GetPublicKey"];
            let allowed = allow(&facts.launching, &both, &[on.to_owned()]);
            finding(Problem, "permission-missing", fault.operation, message).typing(allowed)
        }
        Err(fault) if fault.why == Why::Passing => unasked(&facts.launching, fault, "the key of an authority"),
        Err(fault) => {
            let message = format!("the key cannot be used: {}", fault.problem);
            finding(Problem, "key-unusable", place, message).typing(line(kms("describe-key")))
        }
    }
}

/// A place that is denied by AWS is one of the rights; one that is denied by a file system is not.
fn place(
    facts: &Facts,
    place: &Place,
    what: &str,
    (bad, good): (&'static str, &'static str),
    found: &mut Vec<Finding>,
) {
    match &place.tried {
        Ok(()) => found.push(finding(Good, good, &place.url, format!("{what} answers"))),
        Err(fault) if fault.is_missing_right() => {}
        Err(fault) if fault.why == Why::Passing => found.push(unasked(&facts.launching, fault, what)),
        Err(fault) => {
            let message = format!("{what} cannot be used: {}", fault.problem);
            let look = match place.url.split_once("://") {
                Some(("file", path)) => command(&["ls", "-ld", path]),
                Some(("s3", rest)) => {
                    let bucket = rest.split('/').next().unwrap_or_default();
                    aws(&facts.launching, &["s3api", "head-bucket", "--bucket", bucket])
                }
                _ => command(&["goldseal", "doctor", "--store", &place.url]),
            };
            found.push(finding(Problem, bad, &place.url, message).typing(look));
        }
    }
}

fn clock(facts: &Facts, found: &mut Vec<Finding>) {
    if let Err(fault) = &facts.launching.caller {
        found.push(unasked(&facts.launching, fault, "who the caller is"));
    }
    let ahead = match &facts.ahead {
        Ok(ahead) => *ahead,
        Err(fault) => return found.push(unasked(&facts.launching, fault, "the clock")),
    };
    let off = ahead.abs();
    let way = if ahead.is_negative() { "behind" } else { "ahead of" };
    let message = format!("this clock is {} s {way} that of AWS", off.as_secs());
    if off <= NOTICED {
        return found.push(finding(Good, "clock-good", "clock", message));
    }
    let severity = if off > REFUSED { Problem } else { Warning };
    let sync = command(&["timedatectl", "set-ntp", "true"]);
    found.push(finding(severity, "clock-wrong", "clock", message).typing(sync));
}
