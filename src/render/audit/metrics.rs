//! An audit as metrics, for node_exporter's textfile collector: every label of a small and known set of values.
//! docs/audit.md lists them.

use std::sync::atomic::AtomicU64;

use goldseal_core::report::{AuditReport, Change, Class, Outcome, Severity, Sight};
use jiff::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

/// A label of its own type for each name.
macro_rules! labels {
    ($($name:ident { $field:ident }),+) => { $(
        #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
        struct $name { $field: &'static str }
        impl From<&'static str> for $name {
            fn from($field: &'static str) -> Self {
                Self { $field }
            }
        }
    )+ };
}

labels!(
    ClassLabels { class },
    SightLabels { seen },
    SeverityLabels { severity },
    VerdictLabels { verdict },
    ChangeLabels { change }
);

const VERDICTS: [Outcome; 3] = [Outcome::Admit, Outcome::Undetermined, Outcome::Reject];
const SEVERITIES: [Severity; 4] = [Severity::Problem, Severity::Unknown, Severity::Warning, Severity::Note];

/// Returns an audit as metrics. What nobody looked for, and nobody compared, has none.
pub(super) fn metrics(report: &AuditReport) -> String {
    let mut page = Page(Registry::with_prefix("goldseal_audit"));
    let classes = Class::ALL.map(|class| (class.as_str(), report.count(class)));
    page.counts::<ClassLabels>("instances", "Instances, by class", classes);
    let verdicts = VERDICTS.map(|verdict| {
        let of = report.images.iter().filter(|image| image.report.verdict == verdict);
        (verdict.as_str(), of.count() as u64)
    });
    page.counts::<VerdictLabels>("images", "Images that run or would be launched, by verdict", verdicts);
    let missed = report.places.iter().filter(|place| !place.faults.is_empty()).count();
    let seen = [("whole", (report.places.len() - missed) as u64), ("missed", missed as u64)];
    page.counts::<SightLabels>("places", "Accounts and regions, by whether all of them was seen", seen);
    if report.doors.is_some() {
        let doors = SEVERITIES.map(|severity| {
            (severity.as_str(), report.doors().iter().filter(|door| door.severity == severity).count() as u64)
        });
        page.counts::<SeverityLabels>("doors", "Ways around what guards launches, by severity", doors);
    }
    if let Some(changes) = report.changes() {
        let of = |change| changes.instances.iter().filter(|one| one.change == change).count();
        let sight = |sight| changes.places.iter().filter(|place| place.change == sight).count();
        let instances = Change::ALL.map(|change| (change.as_str(), of(change)));
        let places = Sight::ALL.map(|change| (change.as_str(), sight(change)));
        let doors = [
            ("opened", changes.doors.iter().filter(|door| door.opened()).count()),
            ("closed", changes.doors.iter().filter(|door| door.to.is_none()).count()),
        ];
        let all = instances.into_iter().chain(places).chain(doors).map(|(word, count)| (word, count as u64));
        page.counts::<ChangeLabels>("changes", "What is another since the last audit", all);
    }
    page.seconds("last_started_timestamp", "When the audit began", Some(report.started));
    page.seconds("last_finished_timestamp", "When it ended", Some(report.finished));
    let whole = report.is_whole().then_some(report.oldest());
    let whole = report.changes().map_or(whole, |changes| changes.last_whole);
    page.seconds("last_whole_timestamp", "When the last audit began that saw everything", whole);
    let took = report.finished.duration_since(report.started);
    page.gauge("duration", "How long it took", took.as_secs_f64().max(0.0));
    page.text()
}

/// Metrics that grow in number.
struct Page(Registry);

impl Page {
    fn counts<L>(&mut self, name: &str, help: &str, counts: impl IntoIterator<Item = (&'static str, u64)>)
    where
        L: From<&'static str> + EncodeLabelSet + Clone + std::hash::Hash + Eq + std::fmt::Debug + Send + Sync + 'static,
    {
        let family: Family<L, Gauge> = Family::default();
        for (word, count) in counts {
            family.get_or_create(&L::from(word)).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.0.register(name, help, family);
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge of seconds")]
    fn seconds(&mut self, name: &str, help: &str, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.gauge(name, help, at.as_millisecond() as f64 / 1000.0);
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        let gauge: Gauge<f64, AtomicU64> = Gauge::default();
        gauge.set(value);
        self.0.register_with_unit(name, help, Unit::Seconds, gauge);
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _written = encode(&mut text, &self.0);
        text
    }
}

#[cfg(test)]
mod tests {
    use goldseal_core::{
        report::{Changes, PlaceChange},
        testing::audits::fleet,
    };

    use super::*;

    fn value(text: &str, name: &str) -> Option<String> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map(str::to_owned)
    }

    #[test]
    fn an_audit_adds_up_in_its_metrics() {
        let report = fleet(300);
        let text = metrics(&report);
        let sum = |name: &str| -> u64 {
            let values = text.lines().filter(|line| line.starts_with(name));
            values.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
        };
        assert_eq!(sum("goldseal_audit_instances{"), 300);
        assert_eq!(sum("goldseal_audit_images{"), report.images.len() as u64);
        assert_eq!(sum("goldseal_audit_places{"), report.places.len() as u64);
        assert!(sum("goldseal_audit_doors{") > 0);
        let refused = report.count(Class::Refused).to_string();
        assert_eq!(value(&text, "goldseal_audit_instances{class=\"refused\"}"), Some(refused));
        assert!(value(&text, "goldseal_audit_last_started_timestamp_seconds").is_some(), "{text}");
        assert!(!text.contains("goldseal_audit_changes"), "nobody compared");
        assert_eq!(value(&text, "goldseal_audit_last_whole_timestamp_seconds"), None, "this one is not whole");
    }

    #[test]
    fn what_nobody_looked_for_has_no_number_and_changes_have_theirs() {
        let mut report = fleet(60);
        report.doors = None;
        report.changes = Some(Changes {
            last_whole: Some(Timestamp::from_second(1_800_000_000).unwrap()),
            places: vec![PlaceChange { account: "123456789012".parse().unwrap(), region: None, change: Sight::Missed }],
            ..Changes::default()
        });
        let text = metrics(&report);
        assert!(!text.contains("goldseal_audit_doors"));
        assert_eq!(value(&text, "goldseal_audit_changes{change=\"missed\"}").as_deref(), Some("1"));
        assert_eq!(value(&text, "goldseal_audit_changes{change=\"new\"}").as_deref(), Some("0"));
        let whole = value(&text, "goldseal_audit_last_whole_timestamp_seconds");
        assert_eq!(whole.as_deref(), Some("1800000000.0"));
    }
}
