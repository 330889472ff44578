//! What another policy would change, as a person reads it: the worst first, then what could not be told, then a summary.

use std::{collections::BTreeMap, fmt::Write as _};

use anstyle::{AnsiColor, Style};
use goldseal_core::report::{
    Cause, ChangedImage, Comparison, DecisionsReport, Effect, PlaceReport, Stance, WhatIfReport,
};

use super::{super::wrap, plain};

/// More than this nobody reads from the top; the rest is in the JSON.
const MOST: usize = 40;
/// So many codes say enough of a change.
const CODES: usize = 4;
/// So many places of a change are named.
const PLACES: usize = 4;

/// Says what would change, in so many columns if there is a number.
pub(in crate::render) fn what_if(report: &WhatIfReport, columns: Option<usize>) -> String {
    let mut text = String::new();
    let place = |one: &goldseal_core::report::ChangedInstance| format!("{} {}", one.account, one.region);
    changes(&mut text, &report.running, "running instances", &place);
    if let Some(decisions) = &report.decisions {
        recorded(&mut text, decisions);
    }
    missed(&mut text, &report.places);
    for note in &report.notes {
        line!(text, "note: {} ({})", note.message, note.code);
    }
    summary(&mut text, report);
    wrap::lines(&text, columns)
}

fn changes<T>(text: &mut String, compared: &Comparison<T>, what: &str, place: &dyn Fn(&T) -> String) {
    for change in compared.changes.iter().take(MOST) {
        let style = style(change.effect);
        let image =
            change.image.as_ref().map_or_else(|| "an image that was never known".to_owned(), ToString::to_string);
        let name = change.name.as_deref().map(|name| format!("  {name}")).unwrap_or_default();
        let _ = write!(text, "{style}{:<26}{style:#}", change.effect.meaning().to_uppercase());
        line!(text, "{image}{name}");
        line!(text, "  {} {what}: {}", change.instances.len(), places(change, place));
        line!(text, "  {}", steps(change.from.stance, change.to.stance));
        let (before, after) = (&change.from.causes, &change.to.causes);
        causes(text, "", after.iter());
        causes(text, "no longer ", before.iter().filter(|one| after.iter().all(|other| other.code != one.code)));
    }
    let rest = compared.changes.len().saturating_sub(MOST);
    if rest > 0 {
        line!(text, "… and {rest} changes more of {what}: --output json has them all");
    }
}

/// Says what stands against it, each code once.
fn causes<'c>(text: &mut String, lead: &str, causes: impl Iterator<Item = &'c Cause>) {
    let mut codes: Vec<(&Cause, usize)> = Vec::new();
    for cause in causes {
        match codes.iter_mut().find(|(known, _)| known.code == cause.code) {
            Some((_, times)) => *times += 1,
            None => codes.push((cause, 1)),
        }
    }
    for (cause, times) in codes.iter().take(CODES) {
        let times = if *times > 1 { format!(" ({times} times)") } else { String::new() };
        line!(text, "  {lead}{}{times}: {}", cause.code, cause.message);
    }
    if let Some(rest) = codes.len().checked_sub(CODES).filter(|rest| *rest > 0) {
        line!(text, "  {lead}and {rest} codes more");
    }
}

/// Says where it is, where most of it is first.
fn places<T>(change: &ChangedImage<T>, place: &dyn Fn(&T) -> String) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for one in &change.instances {
        *counts.entry(place(one)).or_default() += 1;
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let named = counts.iter().take(PLACES).map(|(place, count)| format!("{place} {count}"));
    let mut said = named.collect::<Vec<_>>().join(", ");
    if counts.len() > PLACES {
        said.push_str(&format!(", and {} more", counts.len() - PLACES));
    }
    said
}

/// Says class, verdict, mode and action, of what changes both.
fn steps(from: Stance, to: Stance) -> String {
    let step = |label: &str, before: &str, after: &str| match before == after {
        true => format!("{label} {before}"),
        false => format!("{label} {before} → {after}"),
    };
    let mode = |stance: Stance| format!("{:?}", stance.mode).to_lowercase();
    let class = from.class.zip(to.class).map(|(before, after)| step("class", before.as_str(), after.as_str()));
    let others = [
        step("verdict", from.verdict.as_str(), to.verdict.as_str()),
        step("mode", &mode(from), &mode(to)),
        step("launch", from.action.as_str(), to.action.as_str()),
    ];
    class.into_iter().chain(others).collect::<Vec<_>>().join(", ")
}

fn style(effect: Effect) -> Style {
    let color = match effect {
        Effect::Refused | Effect::Worse => AnsiColor::Red,
        Effect::LetIn => AnsiColor::Yellow,
        Effect::Better | Effect::Class => AnsiColor::Green,
    };
    Style::new().bold().fg_color(Some(color.into()))
}

fn recorded(text: &mut String, decisions: &DecisionsReport) {
    changes(text, &decisions.compared, "recorded launches", &|one| {
        format!("{} {}", one.launch.group, one.launch.region)
    });
    let today = decisions.compared.changes.iter().flat_map(|change| &change.instances);
    let today = today.filter(|one| !one.notes.is_empty()).count();
    if today > 0 {
        line!(
            text,
            "note: {today} of these were judged by evidence or facts of today, which were others then (--output json)"
        );
    }
    if !decisions.unjudged.is_empty() {
        line!(text, "NOT JUDGED AGAIN");
    }
    for one in decisions.unjudged.iter().take(MOST) {
        let image = one.image.as_ref().map(|image| format!(" ({})", image.id)).unwrap_or_default();
        line!(
            text,
            "  {:.0} {} of {}{image}: {}",
            one.launch.at,
            one.launch.instance,
            one.launch.group,
            one.why.message
        );
    }
    let rest = decisions.unjudged.len().saturating_sub(MOST);
    if rest > 0 {
        line!(text, "  … and {rest} more: --output json has them all");
    }
    if !decisions.faults.is_empty() {
        line!(text, "NOT READ");
        decisions.faults.iter().for_each(|fault| line!(text, "  {}: {}", fault.code, fault.message));
    }
}

fn missed(text: &mut String, places: &[PlaceReport]) {
    let missed: Vec<&PlaceReport> = places.iter().filter(|place| !place.faults.is_empty()).collect();
    if !missed.is_empty() {
        line!(text, "NOT SEEN");
    }
    for place in missed {
        let region = place.region.as_ref().map_or("all regions", |region| region.as_str());
        let name = place.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
        line!(text, "  {}{name} in {region}", place.account);
        place.faults.iter().for_each(|fault| line!(text, "    {}: {}", fault.code, fault.message));
    }
}

fn summary(text: &mut String, report: &WhatIfReport) {
    line!(text, "{}", counts(&report.running, "running instances", ""));
    if let Some(decisions) = &report.decisions {
        let unjudged = match decisions.unjudged.len() {
            0 => String::new(),
            count => format!(", {count} not judged again"),
        };
        let what = format!("recorded launches since {:.0}", decisions.since);
        line!(text, "{}", counts(&decisions.compared, &what, &unjudged));
    }
    let whole = report.places.iter().filter(|place| place.faults.is_empty()).count();
    line!(text, "{whole} of {} places seen, judged at {:.0}", report.places.len(), report.at);
    line!(text, "policy in force sha256:{}", report.current);
    line!(text, "candidate       sha256:{}", report.candidate);
}

fn counts<T>(compared: &Comparison<T>, what: &str, more: &str) -> String {
    let changed = Effect::ALL.into_iter().filter(|effect| compared.count(*effect) > 0);
    let changed = changed.map(|effect| format!("{} {}, ", compared.count(effect), effect.meaning()));
    let changed = changed.collect::<Vec<String>>().concat();
    let unchanged = compared.unchanged;
    let parts = [(unchanged.undetermined, "undetermined by both"), (unchanged.other_mode, "in another mode")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    format!("{} {what}: {changed}{} unchanged{parts}{more}", compared.total, unchanged.count)
}
