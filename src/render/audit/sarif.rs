//! A report as [SARIF 2.1.0]: a rule for every code, a result for every image that not all may run and for every door;
//! what was not seen is said by the tool itself.
//!
//! Images and doors are in no file. Services want one all the same, so the place stands as a path.
//!
//! [SARIF 2.1.0]: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

use std::collections::BTreeMap;

use goldseal_core::{
    digest::Sha256Digest,
    report::{AuditReport, AuditedInstance, Change, Class, Door, DoorChange, Group, PlaceReport, Severity},
    verdict::CODES,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{super::human::plain, changes::News, places};

/// Returns the log.
pub(super) fn log(report: &AuditReport) -> Value {
    let mut rules = BTreeMap::new();
    let names = report.names();
    let groups = report.groups();
    let listed = groups.iter().filter(|group| group.class != Class::Admitted);
    let news = News::of(report);
    let came = came(report, &news);
    let mut results: Vec<Value> = Vec::new();
    for group in listed {
        let mut result = image(group, &places(group, &names, 3), &mut rules);
        let new = came.get(&group_key(group.first)).copied().unwrap_or(0);
        state(
            &mut result,
            &news,
            if new == 0 {
                "unchanged"
            } else if new == group.instances {
                "new"
            } else {
                "updated"
            },
        );
        results.push(result);
    }
    let shut = |door: &&Door| door.severity != Severity::Good;
    for one in report.doors().iter().filter(shut) {
        let mut result = door(one, &mut rules);
        state(&mut result, &news, news.door(one).map_or("unchanged", |change| opened(change)));
        results.push(result);
    }
    let missed: Vec<Value> = report.places.iter().flat_map(notifications).collect();
    let mut log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "goldseal",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.into_values().collect::<Vec<Value>>(),
            }},
            "automationDetails": {"id": "goldseal/audit/", "guid": guid(report.started, report.finished)},
            "invocations": [{
                "executionSuccessful": report.is_whole(),
                "startTimeUtc": format!("{:.0}", report.started),
                "endTimeUtc": format!("{:.0}", report.finished),
                "toolExecutionNotifications": missed,
            }],
            "results": results,
        }],
    });
    if let (Some(since), Some(run)) = (news.since, log.pointer_mut("/runs/0").and_then(Value::as_object_mut)) {
        run.insert("baselineGuid".to_owned(), guid(since.started, since.finished).into());
    }
    log
}

/// What stands for a result: a class, and an image by its place in the report.
const fn group_key(one: &AuditedInstance) -> (Class, usize) {
    (one.class, one.image)
}

/// Counts the instances of each result that were not of it before.
fn came(report: &AuditReport, news: &News<'_>) -> BTreeMap<(Class, usize), u64> {
    let new = |one: &&AuditedInstance| {
        news.instance(one).is_some_and(|change| matches!(change.change, Change::New | Change::Changed))
    };
    let mut counts = BTreeMap::new();
    for one in report.instances.iter().filter(new) {
        *counts.entry(group_key(one)).or_default() += 1;
    }
    counts
}

fn opened(change: &DoorChange) -> &'static str {
    if change.from.is_none() { "new" } else { "updated" }
}

/// Says what a result is beside the audit before, if there was one.
fn state(result: &mut Value, news: &News<'_>, state: &str) {
    if let (Some(_), Some(fields)) = (news.since, result.as_object_mut()) {
        fields.insert("baselineState".to_owned(), state.into());
    }
}

/// Names a run by when it was, so that the next one can name it. The format has UUIDs of the versions 1 to 5 only; this one
/// is made of a name as those of version 5 are, by another digest.
fn guid(started: Timestamp, finished: Timestamp) -> String {
    let digest = Sha256Digest::of(format!("goldseal audit {started} {finished}").as_bytes()).to_string();
    let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
    format!("{}-{}-5{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

fn image(group: &Group<'_>, whence: &str, rules: &mut BTreeMap<String, Value>) -> Value {
    let level = match group.class {
        Class::Refused | Class::RootReplaced | Class::Unsealed | Class::Expired => "error",
        Class::Undetermined | Class::Overridden => "warning",
        Class::Expiring | Class::Admitted => "note",
    };
    let image = &group.image.report.image;
    let help = if group.remedy().is_empty() { group.class.meaning() } else { group.remedy() };
    let by = group.first.overridden.as_deref().map(super::overridden);
    let message = format!(
        "{} is {}: {} ({} instances: {whence})",
        image.id,
        group.class.as_str(),
        plain(by.as_deref().unwrap_or_else(|| group.message())),
        group.instances
    );
    let name = format!("{}/{}", image.region, image.id);
    rule(group.code(), help, rules);
    // A class beside the image: another one of the same image is another thing to mend.
    result(group.code(), level, &message, &name, &[group.class.as_str(), &name])
}

fn door(door: &Door, rules: &mut BTreeMap<String, Value>) -> Value {
    let level = match door.severity {
        Severity::Problem => "error",
        Severity::Unknown | Severity::Warning => "warning",
        Severity::Note | Severity::Good => "note",
    };
    let commands = door.commands.iter().map(|command| format!(" Type: {}", plain(command))).collect::<String>();
    let message = format!("{}: {}.{commands}", plain(&door.place), plain(&door.message));
    let name = format!("{}/{}", door.account, door.region);
    rule(&door.code, "docs/audit.md lists the doors.", rules);
    result(&door.code, level, &message, &name, &["door", &name, &door.place])
}

fn rule(code: &str, help: &str, rules: &mut BTreeMap<String, Value>) {
    rules.entry(code.to_owned()).or_insert_with(|| {
        let class = Class::ALL.into_iter().find(|class| class.as_str() == code).map(Class::meaning);
        let known = CODES.iter().find(|(known, ..)| *known == code).map(|(_, meaning, _)| *meaning);
        let meaning = known.or(class).unwrap_or(code);
        json!({
            "id": code,
            "shortDescription": {"text": meaning},
            "fullDescription": {"text": meaning},
            "help": {"text": help},
            "properties": {"tags": ["security"]},
        })
    });
}

fn result(rule: &str, level: &str, message: &str, name: &str, same: &[&str]) -> Value {
    let same = [&[rule], same].concat().join("\n");
    json!({
        "ruleId": rule,
        "level": level,
        "message": {"text": message},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": format!("aws/{name}")}, "region": {"startLine": 1}},
            "logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}],
        }],
        "partialFingerprints": {"goldseal/v1": Sha256Digest::of(same.as_bytes()).to_string()},
    })
}

fn notifications(place: &PlaceReport) -> impl Iterator<Item = Value> {
    let region = place.region.as_ref().map_or("all regions", |region| region.as_str());
    place.faults.iter().map(move |fault| {
        let text = format!("{} in {region}: {}", place.account, plain(&fault.message));
        json!({"level": "error", "message": {"text": text}, "descriptor": {"id": fault.code}})
    })
}

#[cfg(test)]
mod tests {
    use goldseal_core::{
        report::Changes,
        testing::audits::{compared, fleet},
    };

    use super::*;

    fn states(report: &AuditReport) -> BTreeMap<String, usize> {
        let log = log(report);
        let mut states = BTreeMap::new();
        for result in log["runs"][0]["results"].as_array().unwrap() {
            *states.entry(result["baselineState"].as_str().unwrap_or("none").to_owned()).or_default() += 1;
        }
        states
    }

    #[test]
    fn results_are_new_updated_or_unchanged_beside_the_audit_before() {
        let states = states(&compared(400));
        assert_eq!(states.keys().collect::<Vec<_>>(), ["new", "unchanged", "updated"], "{states:?}");
        // Of a fleet of one instance, what came is all that there is.
        let mut report = compared(400);
        let change = report.changes().unwrap().instances.iter().find(|one| one.change == Change::New).unwrap().clone();
        report.instances.retain(|one| one.instance == change.instance);
        let first = log(&report)["runs"][0]["results"][0]["baselineState"].clone();
        assert_eq!(first, "new");
    }

    #[test]
    fn without_an_audit_before_nothing_is_said() {
        let first = AuditReport { changes: Some(Changes::default()), ..fleet(40) };
        for report in [fleet(40), first] {
            assert_eq!(states(&report).keys().collect::<Vec<_>>(), ["none"]);
            assert!(log(&report)["runs"][0].get("baselineGuid").is_none());
        }
    }

    #[test]
    fn a_run_names_the_one_before_as_that_named_itself() {
        let mut report = compared(40);
        let named = log(&report)["runs"][0]["automationDetails"]["guid"].clone();
        let before = (report.started, report.finished);
        let since = report.changes.as_mut().unwrap().since.as_mut().unwrap();
        (since.started, since.finished) = before;
        assert_eq!(log(&report)["runs"][0]["baselineGuid"], named);
    }
}
