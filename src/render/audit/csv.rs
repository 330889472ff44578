//! A report as CSV (RFC 4180), one line an instance.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use goldseal_core::report::AuditReport;

use super::changes::News;

const COLUMNS: [&str; 32] = [
    "class",
    "account",
    "account_name",
    "region",
    "instance",
    "name",
    "verdict",
    "mode",
    "ami",
    "image_name",
    "image_created",
    "image_state",
    "state",
    "launched",
    "launcher",
    "launcher_name",
    "codes",
    "message",
    "remedy",
    "until",
    "boot_guard",
    "boot_guard_version",
    "boot_at",
    "boot_verdict",
    "boot_action",
    "change",
    "class_before",
    "seen",
    "override",
    "override_ticket",
    "override_until",
    "override_ended",
];

/// Writes the lines.
pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    row(out, &COLUMNS.map(str::to_owned))?;
    let names = report.names();
    let news = News::of(report);
    let seen_before: BTreeMap<_, _> = report
        .places
        .iter()
        .filter_map(|place| Some(((&place.account, place.region.as_ref()?), place.seen?)))
        .collect();
    for one in &report.instances {
        let image = report.image_of(one);
        let seen = image.and_then(|image| image.seen.as_ref());
        let cause = report.causes(one).next();
        let mut codes: Vec<&str> = report.causes(one).map(|cause| cause.code.as_str()).collect();
        // Every bundle of the evidence may have the same to say.
        codes.dedup();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let time = |time: Option<jiff::Timestamp>| time.map(|time| format!("{time:.0}")).unwrap_or_default();
        let guard = image.and_then(|image| image.guard.as_ref());
        let (boot, by) = (one.boot.as_ref(), one.overridden.as_ref());
        let change = news.instance(one);
        row(
            out,
            &[
                one.class.as_str().to_owned(),
                one.account.to_string(),
                text(names.get(&one.account).copied()),
                one.region.to_string(),
                one.instance.to_string(),
                text(one.name.as_deref()),
                one.verdict.as_str().to_owned(),
                format!("{:?}", one.mode).to_lowercase(),
                one.ami.to_string(),
                text(seen.and_then(|seen| seen.name.as_deref())),
                time(seen.and_then(|seen| seen.created)),
                text(seen.and_then(|seen| seen.state.as_deref())),
                one.state.clone(),
                time(one.launched),
                one.launcher.kind().to_owned(),
                text(one.launcher.name()),
                codes.join(" "),
                text(cause.map(|cause| cause.message.as_str())),
                text(cause.map(|cause| cause.remedy)),
                time(image.and_then(|image| image.report.until)),
                text(guard.map(|guard| guard.recipe.as_str())),
                text(guard.map(|guard| guard.version.as_str())),
                time(boot.map(|boot| boot.at)),
                text(boot.map(|boot| boot.verdict.as_str())),
                text(boot.map(|boot| boot.action.as_str())),
                text(change.map(|change| change.change.as_str())),
                text(change.and_then(|change| Some(change.from?.as_str()))),
                time(seen_before.get(&(&one.account, &one.region)).copied()),
                by.map(|by| by.told.statement.to_string()).unwrap_or_default(),
                text(by.map(|by| by.told.ticket.as_str())),
                time(by.map(|by| by.told.until)),
                time(by.and_then(|by| by.ended)),
            ],
        )?;
    }
    Ok(())
}

fn row(out: &mut dyn Write, fields: &[String; COLUMNS.len()]) -> io::Result<()> {
    for (index, value) in fields.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        out.write_all(field(value).as_bytes())?;
    }
    out.write_all(b"\r\n")
}

/// Quotes a value where it must be. Spreadsheets take what begins like a formula for one, names of instances too; an
/// apostrophe before it makes it text.
fn field(value: &str) -> String {
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let value = if formula { format!("'{value}") } else { value.to_owned() };
    match value.contains([',', '"', '\r', '\n', ';', '\t']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_taken_for_a_formula_or_ends_its_field() {
        for (value, expected) in [
            ("web-1", "web-1"),
            ("", ""),
            ("a-b=c+d@e", "a-b=c+d@e"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("\n=1", "\"'\n=1\""),
            ("＝1", "'＝1"),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
        ] {
            assert_eq!(field(value), expected, "{value:?}");
        }
    }

    #[test]
    fn what_is_new_and_when_a_place_was_seen_before_have_columns() {
        use goldseal_core::testing::audits::{at, compared};
        let mut report = compared(400);
        let changed = report.changes().unwrap().instances.len();
        let resumed = report.instances.first().unwrap().clone();
        for place in report.places.iter_mut().filter(|place| place.account == resumed.account) {
            place.seen = Some(at());
        }
        let mut out = Vec::new();
        write(&report, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        // From behind, because messages have commas.
        let of = |line: &str, column: &str| {
            let back = COLUMNS.iter().rev().position(|name| *name == column).unwrap();
            line.rsplit(',').nth(back).unwrap().to_owned()
        };
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows.iter().filter(|row| !of(row, "change").is_empty()).count(), changed);
        assert!(
            rows.iter()
                .any(|row| (of(row, "change").as_str(), of(row, "class_before").as_str()) == ("changed", "expiring"))
        );
        for row in rows {
            let here = row.contains(resumed.account.as_str());
            assert_eq!(of(row, "seen"), if here { format!("{:.0}", at()) } else { String::new() }, "{row}");
        }
    }
}
