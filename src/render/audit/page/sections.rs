//! What somebody has to do something about: images, doors, places that were not seen, exceptions that run out.

use std::fmt::Write as _;

use goldseal_core::report::{AuditReport, Class, Severity};

use super::{
    super::places,
    html::{Count, Esc, Number, Section, chip, day, html, minute},
};
use crate::render::human::plain;

/// More than this nobody reads one by one.
const IMAGES: usize = 25;
const DOORS: usize = 50;
const MISSED: usize = 50;
const SEEN: usize = 50;
const EXCEPTIONS: usize = 40;

/// Days after which the lines of the time line stand, as far as it reaches.
const TICKS: [i64; 9] = [0, 7, 14, 30, 60, 90, 180, 365, 730];

/// Images that are not to run, the worst first.
pub(super) fn images(report: &AuditReport) -> Option<Section> {
    let (names, groups) = (report.names(), report.groups());
    let listed = groups.iter().filter(|group| !matches!(group.class, Class::Admitted | Class::Expiring));
    let count = listed.clone().count();
    if count == 0 {
        return None;
    }
    let mut body = String::from("<p class=\"note\">What is wrong, by image, the worst first.</p>\n<ol class=\"list\">");
    for group in listed.take(IMAGES) {
        let image = &group.image.report.image;
        let name = group.image.seen.as_ref().and_then(|seen| seen.name.as_deref()).unwrap_or("(no name)");
        html!(
            body,
            "<li class=\"{}\"><h3>{} {} <span class=\"id\">{}</span><span class=\"count\">{}</span></h3><p>{} <code>{}</code></p>",
            group.class.as_str(),
            chip(group.class),
            Esc(name),
            image.id,
            Count(group.instances, "instance"),
            Esc(group.message()),
            Esc(group.code())
        );
        if !group.remedy().is_empty() {
            html!(body, "<p class=\"todo\">{}</p>", code(group.remedy()));
        }
        html!(body, "<p class=\"quiet\">{}</p></li>", Esc(&places(group, &names, 4)));
    }
    body.push_str("</ol>");
    rest(&mut body, count, IMAGES, "image", "The instances below have them all.");
    Some(Section { id: "images", title: "Images", count: Some(count as u64), body })
}

/// Ways around what guards launches; nothing where nobody looked for them.
pub(super) fn doors(report: &AuditReport) -> Option<Section> {
    report.doors.as_ref()?;
    let names = report.names();
    let open = report.open_doors();
    let count = open.len();
    let mut body = String::from("<p class=\"note\">Ways around what guards launches.</p>\n");
    if count == 0 {
        body.push_str("<p class=\"empty\">None was found.</p>");
        return Some(Section { id: "doors", title: "Open doors", count: Some(0), body });
    }
    body.push_str("<ol class=\"list\">");
    for open in open.iter().take(DOORS) {
        let (door, style) = (open.door, severity(open.door.severity));
        html!(
            body,
            "<li class=\"{style}\"><h3><span class=\"chip {style}\">{}</span> {} <code>{}</code></h3><p>{}</p>",
            door.severity.as_str(),
            Esc(&open.place()),
            Esc(&door.code),
            Esc(&door.message)
        );
        for command in &door.commands {
            html!(body, "<p class=\"todo\"><code>{}</code></p>", Esc(command));
        }
        if open.places.len() > 1 && !door.commands.is_empty() {
            body.push_str("<p class=\"quiet\">And so in each of the others; the JSON report has what to type.</p>");
        }
        html!(body, "<p class=\"quiet\">{}</p></li>", Esc(&open.whereabouts(&names, 4)));
    }
    body.push_str("</ol>");
    rest(&mut body, count, DOORS, "door", "The JSON report has them all.");
    Some(Section { id: "doors", title: "Open doors", count: Some(count as u64), body })
}

/// Returns the style of a severity. A note is no colour of a class.
pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note-door",
        Severity::Problem | Severity::Unknown | Severity::Warning | Severity::Good => severity.as_str(),
    }
}

/// Places that were not seen, or not wholly.
pub(super) fn missed(report: &AuditReport) -> Option<Section> {
    let listed = report.places.iter().filter(|place| !place.faults.is_empty());
    let count = listed.clone().count();
    if count == 0 {
        return None;
    }
    let mut body =
        String::from("<p class=\"note\">What runs there is not in the numbers above.</p>\n<ol class=\"list\">");
    for place in listed.take(MISSED) {
        let name = place.name.as_deref().unwrap_or("account");
        let region = place.region.as_ref().map_or("all regions", |region| region.as_str());
        html!(
            body,
            "<li class=\"unknown\"><h3>{} <span class=\"id\">{}</span> {region}</h3>",
            Esc(name),
            place.account
        );
        for fault in &place.faults {
            html!(body, "<p>{} <code>{}</code></p>", Esc(&fault.message), Esc(&fault.code));
        }
        body.push_str("</li>");
    }
    body.push_str("</ol>");
    rest(&mut body, count, MISSED, "place", "The JSON report has them all.");
    Some(Section { id: "missed", title: "Not seen", count: Some(count as u64), body })
}

/// Places that an audit saw which was interrupted, and this one did not ask again.
pub(super) fn seen_before(report: &AuditReport) -> Option<Section> {
    let mut listed: Vec<_> = report.places.iter().filter_map(|place| Some((place.seen?, place))).collect();
    if listed.is_empty() {
        return None;
    }
    listed.sort_by_key(|(seen, _)| *seen);
    let mut body = String::from(
        "<p class=\"note\">What ran there was told to an audit that was interrupted; its verdicts are of now.</p>\n<table>\
         <caption class=\"quiet\">The longest ago first</caption><thead><tr><th scope=\"col\">Account</th>\
         <th scope=\"col\">Region</th><th scope=\"col\" class=\"num\">Instances</th><th scope=\"col\">Seen</th></tr></thead><tbody>",
    );
    for (seen, place) in listed.iter().take(SEEN) {
        let region = place.region.as_ref().map_or("all regions", |region| region.as_str());
        html!(
            body,
            "<tr><th scope=\"row\">{}</th><td>{region}</td><td class=\"num\">{}</td><td>{}</td></tr>",
            Esc(place.name.as_deref().unwrap_or(place.account.as_str())),
            Number(place.instances),
            minute(*seen)
        );
    }
    body.push_str("</tbody></table>");
    rest(&mut body, listed.len(), SEEN, "place", "The JSON report has them all.");
    Some(Section { id: "seen", title: "Seen before", count: Some(listed.len() as u64), body })
}

/// Exceptions on a time line: a line each, as long as it lasts.
pub(super) fn exceptions(report: &AuditReport) -> Option<Section> {
    let endings = report.endings();
    let days = |one: jiff::Timestamp| one.duration_since(report.at).as_hours().div_euclid(24);
    let shown = endings.get(..EXCEPTIONS).unwrap_or(&endings);
    let furthest = days(shown.last()?.exception.expires);
    let end = TICKS.into_iter().skip(3).find(|tick| *tick >= furthest).unwrap_or(furthest);
    let at = |days: i64| format!("{}%", days.clamp(0, end) * 1000 / end.max(1) / 10);
    // Names would stand on each other's feet where the line is long.
    let named = |tick: &i64| *tick == 0 || *tick >= end / 6;
    let ticks = TICKS.into_iter().filter(|tick| *tick <= end);
    let mut body = String::from(
        "<p class=\"note\">When an exception ends, the images that stand on it are not admitted any more.</p>\n\
         <table><caption class=\"quiet\">The first to end first</caption><thead><tr><th scope=\"col\">Ends</th>\
         <th scope=\"col\">Vulnerability</th><th scope=\"col\" class=\"optional\">Owner</th>\
         <th scope=\"col\" class=\"num\">Instances</th><th scope=\"col\" class=\"axis\"><svg role=\"img\" aria-label=\"Days from the audit\">",
    );
    for tick in ticks.clone().filter(named) {
        let anchor = if tick == 0 {
            "start"
        } else if tick == end {
            "end"
        } else {
            "middle"
        };
        let name = if tick == 0 { "today".to_owned() } else { format!("{tick} d") };
        html!(body, "<text x=\"{}\" y=\"12\" text-anchor=\"{anchor}\">{name}</text>", at(tick));
    }
    body.push_str("</svg></th></tr></thead><tbody>");
    let lines: String =
        ticks.map(|tick| format!("<line x1=\"{0}\" x2=\"{0}\" y1=\"0\" y2=\"100%\"/>", at(tick))).collect();
    for one in shown {
        let left = days(one.exception.expires);
        let (style, said) = match left {
            ..0 => (" over", "ended".to_owned()),
            0..14 => (" soon", Count(left.unsigned_abs(), "day").to_string()),
            _ => ("", Count(left.unsigned_abs(), "day").to_string()),
        };
        html!(
            body,
            "<tr><th scope=\"row\" class=\"days\">{}<small>{said}</small></th><td>{}<small>{}</small></td>\
             <td class=\"optional\">{}</td><td class=\"num\">{}<small>{}</small></td>\
             <td class=\"end{style}\"><svg aria-hidden=\"true\">{lines}<line class=\"track\" x1=\"0\" x2=\"{x}\" y1=\"50%\" y2=\"50%\"/>\
             <circle cx=\"{x}\" cy=\"50%\" r=\"5\"/></svg></td></tr>",
            day(one.exception.expires),
            Esc(&one.exception.id),
            Esc(&one.exception.package),
            Esc(&one.exception.owner),
            Number(one.instances),
            Count(one.images, "image"),
            x = at(left)
        );
    }
    body.push_str("</tbody></table>");
    rest(&mut body, endings.len(), EXCEPTIONS, "exception", "They end later.");
    Some(Section { id: "exceptions", title: "Exceptions", count: Some(endings.len() as u64), body })
}

/// Says how many are left out, and where they are.
pub(super) fn rest(body: &mut String, count: usize, most: usize, what: &'static str, where_to: &str) {
    if let Some(left @ 1..) = count.checked_sub(most) {
        html!(body, "<p class=\"empty\">And {} more. {where_to}</p>", Count(left as u64, what));
    }
}

/// What our own advice puts in backticks is to be typed.
fn code(text: &str) -> String {
    let parts = plain(text);
    let parts = parts.split('`').enumerate();
    parts
        .map(|(index, part)| if index % 2 == 0 { Esc(part).to_string() } else { format!("<code>{}</code>", Esc(part)) })
        .collect()
}

#[cfg(test)]
mod tests {
    use goldseal_core::testing::audits::{at, fleet};
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn places_that_were_seen_before_stand_with_when_and_without_any_there_are_none() {
        let mut report = fleet(60);
        assert!(seen_before(&report).is_none());
        let times = [20, 50].map(|minutes| at() - SignedDuration::from_mins(minutes));
        for (place, seen) in report.places.iter_mut().zip(times) {
            place.seen = Some(seen);
        }
        let section = seen_before(&report).unwrap();
        assert_eq!((section.count, section.body.matches("<tr><th scope=\"row\">").count()), (Some(2), 2));
        let [late, early] = times.map(|at| section.body.find(&minute(at)).unwrap());
        assert!(early < late, "{}", section.body);
    }
}
