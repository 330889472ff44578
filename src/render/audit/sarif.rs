//! A report as [SARIF 2.1.0]: a rule for every code, a result for every image that not all may run and for every door;
//! what was not seen is said by the tool itself.
//!
//! Images and doors are in no file. Services want one all the same, so the place stands as a path.
//!
//! [SARIF 2.1.0]: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

use std::collections::BTreeMap;

use goldseal_core::{
    digest::Sha256Digest,
    report::{AuditReport, Class, Door, Group, PlaceReport, Severity},
    verdict::CODES,
};
use serde_json::{Value, json};

use super::{super::human::plain, places};

/// Returns the log.
pub(super) fn log(report: &AuditReport) -> Value {
    let mut rules = BTreeMap::new();
    let names = report.names();
    let groups = report.groups();
    let listed = groups.iter().filter(|group| group.class != Class::Admitted);
    let mut results: Vec<Value> = listed.map(|group| image(group, &places(group, &names, 3), &mut rules)).collect();
    let shut = |door: &&Door| door.severity != Severity::Good;
    results.extend(report.doors().iter().filter(shut).map(|one| door(one, &mut rules)));
    let missed: Vec<Value> = report.places.iter().flat_map(notifications).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "goldseal",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules.into_values().collect::<Vec<Value>>(),
            }},
            "automationDetails": {"id": "goldseal/audit/"},
            "invocations": [{
                "executionSuccessful": report.is_whole(),
                "startTimeUtc": format!("{:.0}", report.started),
                "endTimeUtc": format!("{:.0}", report.finished),
                "toolExecutionNotifications": missed,
            }],
            "results": results,
        }],
    })
}

fn image(group: &Group<'_>, whence: &str, rules: &mut BTreeMap<String, Value>) -> Value {
    let level = match group.class {
        Class::Refused | Class::RootReplaced | Class::Unsealed | Class::Expired => "error",
        Class::Undetermined | Class::Overridden => "warning",
        Class::Expiring | Class::Admitted => "note",
    };
    let image = &group.image.report.image;
    let help = if group.remedy().is_empty() { group.class.meaning() } else { group.remedy() };
    let message = format!(
        "{} is {}: {} ({} instances: {whence})",
        image.id,
        group.class.as_str(),
        plain(group.message()),
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
