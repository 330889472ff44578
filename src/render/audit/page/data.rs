//! The instances of a page, as columns: what many have in common stands once.

use std::collections::BTreeMap;

use goldseal_core::report::{AuditReport, Class, Launcher, OverriddenInstance};
use serde::Serialize;

/// Everything that the script reads. Short names: there are as many as columns, but the page is one file.
#[derive(Debug, Serialize)]
struct Data<'r> {
    classes: Vec<&'static str>,
    accounts: Vec<(&'r str, Option<&'r str>)>,
    regions: Vec<&'r str>,
    images: Vec<(&'r str, Option<&'r str>)>,
    names: Vec<&'r str>,
    launchers: Vec<(&'static str, Option<&'r str>)>,
    /// Codes and messages.
    reasons: Vec<(&'r str, &'r str)>,
    states: Vec<&'r str>,
    /// What boot guards reported: verdicts, and how boots were ended.
    boots: Vec<(&'r str, &'r str)>,
    rows: Rows<'r>,
}

/// A column each; the numbers are places in the lists above, and none is -1.
#[derive(Debug, Default, Serialize)]
struct Rows<'r> {
    /// A digit for each instance.
    class: String,
    account: Vec<i64>,
    region: Vec<i64>,
    /// Without the `i-` that all have.
    id: Vec<&'r str>,
    name: Vec<i64>,
    image: Vec<usize>,
    launcher: Vec<i64>,
    reason: Vec<i64>,
    state: Vec<i64>,
    boot: Vec<i64>,
    /// Hours from the launch to the audit.
    age: Vec<i64>,
}

/// Returns the data, as JSON that can stand in a script element.
pub(super) fn data(report: &AuditReport) -> String {
    let names = report.names();
    let (mut accounts, mut regions, mut tags, mut states) =
        (Places::default(), Places::default(), Places::default(), Places::default());
    let (mut launchers, mut reasons, mut boots) = (Places::default(), Places::default(), Places::default());
    let mut rows = Rows::default();
    let told = |by: &OverriddenInstance| format!("{}: {}", by.told.ticket, by.told.reason);
    let told: Vec<Option<String>> = report.instances.iter().map(|one| one.overridden.as_deref().map(told)).collect();
    for (one, told) in report.instances.iter().zip(&told) {
        rows.class.push_str(&(one.class as u8).to_string());
        rows.account.push(accounts.of(&one.account));
        rows.region.push(regions.of(one.region.as_str()));
        rows.id.push(one.instance.as_str().trim_start_matches("i-"));
        rows.name.push(one.name.as_deref().map_or(-1, |name| tags.of(name)));
        rows.image.push(one.image);
        rows.launcher.push(launchers.of((one.launcher.kind(), Launcher::name(&one.launcher))));
        let cause = report.causes(one).next().map(|cause| (cause.code.as_str(), cause.message.as_str()));
        // What stands against it stands with its image; by whose word it runs stands nowhere else.
        let by = told.as_deref().map(|told| ("overridden", told));
        rows.reason.push(by.or(cause).map_or(-1, |cause| reasons.of(cause)));
        rows.state.push(states.of(one.state.as_str()));
        let boot = one.boot.as_ref();
        rows.boot.push(boot.map_or(-1, |boot| boots.of((boot.verdict.as_str(), boot.action.as_str()))));
        rows.age.push(one.launched.map_or(-1, |launched| report.at.duration_since(launched).as_hours().max(0)));
    }
    let image = |image: &'_ goldseal_core::report::AuditedImage| image.report.image.id.as_str().to_owned();
    let ids: Vec<String> = report.images.iter().map(image).collect();
    let seen = report.images.iter().map(|image| image.seen.as_ref().and_then(|seen| seen.name.as_deref()));
    let data = Data {
        classes: Class::ALL.map(Class::as_str).to_vec(),
        accounts: accounts.list.iter().map(|id| (id.as_str(), names.get(id).copied())).collect(),
        regions: regions.list,
        images: ids.iter().map(String::as_str).zip(seen).collect(),
        names: tags.list,
        launchers: launchers.list,
        reasons: reasons.list,
        states: states.list,
        boots: boots.list,
        rows,
    };
    // Strings are all that these can stand in, and to JSON they are the same.
    let text = serde_json::to_string(&data).unwrap_or_else(|_impossible| "null".to_owned());
    let mut safe = String::with_capacity(text.len() + 1024);
    for c in text.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            c => safe.push(c),
        }
    }
    safe
}

/// A list, and where in it each value is.
struct Places<T> {
    list: Vec<T>,
    known: BTreeMap<T, i64>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { list: Vec::new(), known: BTreeMap::new() }
    }
}

impl<T: Ord + Copy> Places<T> {
    fn of(&mut self, value: T) -> i64 {
        let next = self.list.len();
        *self.known.entry(value).or_insert_with(|| {
            self.list.push(value);
            i64::try_from(next).unwrap_or(-1)
        })
    }
}
