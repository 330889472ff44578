//! An audit as text: what is new, where somebody compared; what is wrong by image, the worst first; then doors, what was not seen, what runs out; a summary.

mod changes;

use std::{collections::BTreeMap, fmt::Write as _};

use anstyle::{AnsiColor, Style};
use goldseal_core::{
    ids::AccountId,
    report::{AuditReport, Class, Ending, Group, Guards, OpenDoor},
};
use jiff::SignedDuration;

use super::{
    super::{human::plain, wrap},
    places,
};

/// More than this nobody reads from the top; the rest is in the other formats.
const MOST: usize = 40;

/// How long before their end exceptions are listed.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Writing into a string does not fail; the macro keeps the lines below readable.
macro_rules! line {
    ($text:expr, $($arg:tt)*) => {{ let _ = writeln!($text, $($arg)*); }};
}

/// Says what was found, in so many columns if there is a number.
pub(super) fn audit(report: &AuditReport, columns: Option<usize>) -> String {
    let mut page = Page { text: String::new(), columns: columns.unwrap_or(usize::MAX).max(40) };
    changes::changes(&mut page, report);
    groups(&mut page, report);
    let names = report.names();
    page.section("DOORS", report.open_doors().iter(), |page, one| door(page, &names, one));
    let missed = report.places.iter().filter(|place| !place.faults.is_empty());
    page.section("NOT SEEN", missed, |page, place| {
        let region = place.region.as_ref().map_or("all regions", |region| region.as_str());
        page.wrapped("  ", &format!("{}{} in {region}", place.account, name(&names, &place.account)));
        for fault in &place.faults {
            page.wrapped("    ", &format!("{}: {}", fault.code, fault.message));
        }
    });
    let before = report.places.iter().filter_map(|place| Some((place, place.seen?)));
    page.section("SEEN BEFORE, by an audit that was interrupted", before, |page, (place, seen)| {
        let region = place.region.as_ref().map_or("all regions", |region| region.as_str());
        page.wrapped("  ", &format!("{}{} in {region} at {seen:.0}", place.account, name(&names, &place.account)));
    });
    exceptions(&mut page, report);
    for note in &report.notes {
        page.wrapped("", &format!("note: {} ({})", note.message, note.code));
    }
    summary(&mut page, report);
    page.text
}

fn name(names: &BTreeMap<&AccountId, &str>, account: &AccountId) -> String {
    names.get(account).map(|name| format!(" ({name})")).unwrap_or_default()
}

fn groups(page: &mut Page, report: &AuditReport) {
    let names = report.names();
    let all = report.groups();
    let listed = all.iter().filter(|group| !matches!(group.class, Class::Admitted | Class::Expiring));
    for group in listed.clone().take(MOST) {
        let image = &group.image.report.image;
        let name = group.image.seen.as_ref().and_then(|seen| seen.name.as_deref()).map(plain).unwrap_or_default();
        let style = style(group.class);
        line!(page.text, "{style}{:<13}{style:#} {image}  {name}", group.class.as_str().to_uppercase());
        page.wrapped("              ", &format!("{} {}", instances(group), places(group, &names, 4)));
        page.wrapped("              ", &format!("{}: {}", group.code(), group.message()));
        if let Some(by) = &group.first.overridden {
            page.wrapped("              ", &super::overridden(by));
        }
        if !group.remedy().is_empty() {
            page.wrapped("              → ", group.remedy());
        }
    }
    let rest = listed.count().saturating_sub(MOST);
    if rest > 0 {
        line!(page.text, "… and {rest} images more: --output csv, json or html has them all");
    }
}

fn instances(group: &Group<'_>) -> String {
    if group.instances == 1 { "1 instance:".to_owned() } else { format!("{} instances:", group.instances) }
}

fn style(class: Class) -> Style {
    let color = match class {
        Class::Refused | Class::RootReplaced | Class::Unsealed | Class::Expired => AnsiColor::Red,
        Class::Undetermined | Class::Overridden | Class::Expiring => AnsiColor::Yellow,
        Class::Admitted => AnsiColor::Green,
    };
    Style::new().bold().fg_color(Some(color.into()))
}

fn door(page: &mut Page, names: &BTreeMap<&AccountId, &str>, open: &OpenDoor<'_>) {
    let door = open.door;
    page.wrapped(
        &format!("  {:<8} ", door.severity.as_str()),
        &match open.places.len() {
            ..=1 => format!("{} {} in {} {}", door.code, door.place, door.account, door.region),
            _ => format!("{} in {}", door.code, open.place()),
        },
    );
    page.wrapped("           ", &door.message);
    if open.places.len() > 1 {
        page.wrapped("           ", &open.whereabouts(names, 4));
    }
    for command in &door.commands {
        // To be typed, so never broken.
        line!(page.text, "           → {}", plain(command));
    }
    if open.places.len() > 1 && !door.commands.is_empty() {
        page.wrapped("           ", "and so in each of the others: --output json has what to type");
    }
}

fn exceptions(page: &mut Page, report: &AuditReport) {
    let limit = report.at.saturating_add(SOON).unwrap_or(report.at);
    let soon: Vec<Ending<'_>> = report.endings().into_iter().filter(|one| one.exception.expires < limit).collect();
    page.section(
        "EXCEPTIONS THAT END WITHIN 30 DAYS",
        soon.iter(),
        |page, Ending { exception: one, instances, .. }| {
            let days = one.expires.duration_since(report.at).as_hours() / 24;
            let (id, package, owner) = (&one.id, &one.package, &one.owner);
            page.wrapped(
                "  ",
                &format!("{:.0} ({days} days)  {id} in {package}, {owner}; {instances} instances", one.expires),
            );
        },
    );
}

fn summary(page: &mut Page, report: &AuditReport) {
    let counts = Class::ALL.into_iter().filter(|class| report.count(*class) > 0);
    let counts: Vec<String> = counts.map(|class| format!("{} {}", report.count(class), class.as_str())).collect();
    let whole = report.places.iter().filter(|place| place.faults.is_empty()).count();
    let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    let noun = if report.total() == 1 { "instance" } else { "instances" };
    page.wrapped("", &format!("{} {noun}: {counts}", report.total()));
    page.wrapped(
        "",
        &format!(
            "{whole} of {} places seen, judged at {:.0}, policy sha256:{}",
            report.places.len(),
            report.at,
            report.policy
        ),
    );
    if let Some(guards) = report.guards() {
        page.wrapped("", &format!("boot guard: {}", boot_guards(guards, u64::to_string)));
    }
}

/// Says how far boot guards reach, with numbers written in this way.
pub(super) fn boot_guards(Guards { running, carry, reported }: Guards, number: impl Fn(&u64) -> String) -> String {
    let (carry, running) = (number(&carry), number(&running));
    let carry = format!("{carry} of {running} running instances have an image that is sealed with it");
    match reported {
        Some(reported) => format!("{carry}, {} reported since their start", number(&reported)),
        None => format!("{carry}; --boot-records URL reads what it reported"),
    }
}

/// Text that grows, and its width.
struct Page {
    text: String,
    columns: usize,
}

impl Page {
    /// Lists what there is under a heading, as far as it is read.
    fn section<T>(&mut self, heading: &str, list: impl Iterator<Item = T> + Clone, each: impl Fn(&mut Self, T)) {
        if list.clone().next().is_some() {
            line!(self.text, "{heading}");
            self.list(list, each);
        }
    }

    /// Lists what there is, as far as it is read.
    fn list<T>(&mut self, list: impl Iterator<Item = T> + Clone, each: impl Fn(&mut Self, T)) {
        let all = list.clone().count();
        list.take(MOST).for_each(|one| each(self, one));
        if all > MOST {
            line!(self.text, "  … and {} more", all - MOST);
        }
    }

    /// Writes a text behind a lead, in lines that are not too wide. Words that are wider stay whole: they are copied.
    fn wrapped(&mut self, lead: &str, text: &str) {
        self.text.push_str(&wrap::wrapped(lead, &plain(text), self.columns));
    }
}
