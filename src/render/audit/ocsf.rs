//! A report as [OCSF] 1.8.0: a Compliance Finding (2003) for every instance, open door and place that was not seen.
//! JSON lines, in one stream or in files by region, account and day.
//!
//! The files are JSON, not Parquet. Athena reads them as they are, and turns them into the Parquet that Security Lake
//! takes with one statement (docs/audit.md); a Parquet writer and the schema of nested columns that it needs would
//! be the largest dependency of this program.
//!
//! [OCSF]: https://schema.ocsf.io/1.8.0/classes/compliance_finding

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use goldseal_core::{
    digest::Sha256Digest,
    ids::AccountId,
    report::{AuditReport, AuditedInstance},
};
use serde_json::{Value, json};

use super::{
    changes::News,
    finding::{self, About, Finding, Stage, Standing, Weight},
};

const VERSION: &str = "1.8.0";

/// Writes every event, one a line.
pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let run = Run::of(report);
    finding::all(report, &News::of(report)).try_for_each(|finding| run.line(&finding, out))
}

/// A file of events that belong together.
#[derive(Debug, Default)]
pub struct Part {
    /// Where it goes, below the root of all.
    pub path: String,
    /// JSON lines.
    pub bytes: Vec<u8>,
}

/// Returns the events in files by region, account and day, as Athena and Security Lake look for them. A file is named by
/// when the audit began and by what is in it: a later run of the same day never writes over an earlier one.
pub fn parts(report: &AuditReport) -> io::Result<Vec<Part>> {
    let mut parts: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let (day, time) = (report.started.strftime("%Y%m%d"), report.started.strftime("%Y%m%dT%H%M%SZ"));
    let run = Run::of(report);
    for finding in finding::all(report, &News::of(report)) {
        let region = finding.region.map_or("none", |region| region.as_str());
        let folder = format!("region={region}/accountid={}/eventday={day}", finding.account);
        run.line(&finding, parts.entry(folder).or_default())?;
    }
    let part = |(folder, bytes): (String, Vec<u8>)| {
        let content: String = Sha256Digest::of(&bytes).to_string().chars().take(16).collect();
        Part { path: format!("{folder}/goldseal-{time}-{content}.json"), bytes }
    };
    Ok(parts.into_iter().map(part).collect())
}

/// What all events of a run share.
struct Run<'r> {
    time: i64,
    standard: String,
    names: BTreeMap<&'r AccountId, &'r str>,
}

impl<'r> Run<'r> {
    fn of(report: &'r AuditReport) -> Self {
        let standard = format!("goldseal policy sha256:{}", report.policy);
        Self { time: report.finished.as_millisecond(), standard, names: report.names() }
    }

    fn line(&self, finding: &Finding<'_>, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &self.event(finding))?;
        out.write_all(b"\n")
    }

    fn event(&self, finding: &Finding<'_>) -> Value {
        let time = self.time;
        let (status_id, status) = match finding.standing {
            Standing::Good => (1, "Pass"),
            Standing::Warning => (2, "Warning"),
            Standing::Bad => (3, "Fail"),
            Standing::Unknown => (0, "Unknown"),
        };
        let severity_id = match finding.weight {
            Weight::Informational => 1,
            Weight::Low => 2,
            Weight::Medium => 3,
            Weight::High => 4,
        };
        let (activity_id, activity) = match finding.stage {
            Stage::New => (1, "Create"),
            Stage::Known => (2, "Update"),
            Stage::Over => (3, "Close"),
        };
        let mut event = json!({
            "activity_id": activity_id,
            "activity_name": activity,
            "category_name": "Findings",
            "category_uid": 2,
            "class_name": "Compliance Finding",
            "class_uid": 2003,
            "type_name": format!("Compliance Finding: {activity}"),
            "type_uid": 200_300 + activity_id,
            "time": time,
            "severity": finding.weight.as_str(),
            "severity_id": severity_id,
            "message": finding.title,
            "metadata": {
                "event_code": finding.code,
                "log_name": "audit",
                "product": {"name": "goldseal", "vendor_name": "goldseal", "version": env!("CARGO_PKG_VERSION")},
                "profiles": ["cloud"],
                "version": VERSION,
            },
            "cloud": {
                "provider": "AWS",
                "account": {"uid": finding.account, "type": "AWS Account", "type_id": 10},
            },
            "compliance": {
                "control": finding.about.kind(),
                "standards": [self.standard],
                "status": status,
                "status_code": finding.code,
                "status_id": status_id,
            },
            "finding_info": {
                "desc": finding.description,
                "modified_time": time,
                "title": finding.title,
                "types": [finding.code],
                "uid": finding.id,
            },
        });
        let name = self.names.get(finding.account);
        set(&mut event, "/cloud/account", "name", name.map(|name| Value::from(*name)));
        set(&mut event, "/cloud", "region", finding.region.map(|region| region.as_str().into()));
        let partition = finding.region.map(|region| region.partition().to_string().into());
        set(&mut event, "/cloud", "cloud_partition", partition);
        let remedy = (!finding.remedy.is_empty()).then(|| json!({"desc": finding.remedy}));
        set(&mut event, "", "remediation", remedy);
        set(&mut event, "", "resources", Some(resources(finding)));
        let mut unmapped = match finding.about {
            About::Instance(one) => Some(json!({
                "class": one.class, "image": one.ami, "launcher": one.launcher, "mode": one.mode, "state": one.state,
            })),
            About::Door(_) | About::Place => finding.change.map(|_| json!({})),
        };
        if let Some(unmapped) = &mut unmapped {
            set(unmapped, "", "change", finding.change.map(Value::from));
        }
        set(&mut event, "", "unmapped", unmapped);
        event
    }
}

fn resources(finding: &Finding<'_>) -> Value {
    let resource = |kind: &str, uid: &str, name: &str| json!({"type": kind, "uid": uid, "name": name});
    match finding.about {
        About::Instance(one) => {
            let AuditedInstance { account, region, instance, ami, .. } = one;
            let name = one.name.as_deref().unwrap_or(instance.as_str());
            json!([
                resource("AWS::EC2::Instance", &finding::arn(region, account, "instance", instance.as_str()), name),
                resource("AWS::EC2::Image", &finding::arn(region, account, "image", ami.as_str()), ami.as_str()),
            ])
        }
        About::Door(door) => json!([resource("Other", &door.place, &door.place)]),
        About::Place => json!([resource("AWS::Account", finding.account.as_str(), finding.account.as_str())]),
    }
}

/// Adds a field where there is something to say.
fn set(event: &mut Value, object: &str, name: &str, value: Option<Value>) {
    if let (Some(fields), Some(value)) = (event.pointer_mut(object).and_then(Value::as_object_mut), value) {
        fields.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use goldseal_core::testing::audits::{compared, fleet};

    use super::*;

    fn events(report: &AuditReport) -> Vec<Value> {
        let mut out = Vec::new();
        write(report, &mut out).unwrap();
        out.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }

    fn activities(report: &AuditReport) -> BTreeMap<(u64, String), usize> {
        let mut counts = BTreeMap::new();
        for event in events(report) {
            let change = event["unmapped"]["change"].as_str().unwrap_or_default().to_owned();
            assert_eq!(event["type_uid"].as_u64().unwrap() - 200_300, event["activity_id"].as_u64().unwrap());
            *counts.entry((event["activity_id"].as_u64().unwrap(), change)).or_default() += 1;
        }
        counts
    }

    #[test]
    fn a_finding_begins_goes_on_and_ends() {
        let report = compared(400);
        let counts = activities(&report);
        let of = |activity: u64, change: &str| counts.get(&(activity, change.to_owned())).copied().unwrap_or(0);
        assert_eq!((of(1, "new"), of(2, "changed"), of(2, "again"), of(3, "resolved")), (2, 3, 1, 1), "{counts:?}");
        assert_eq!((of(1, "opened"), of(2, "opened"), of(1, "missed")), (1, 1, 1), "{counts:?}");
        assert!(of(2, "") > 300 && of(1, "") == 0, "{counts:?}");
    }

    #[test]
    fn without_an_audit_before_every_finding_begins() {
        assert!(activities(&fleet(400)).keys().all(|(activity, change)| *activity == 1 && change.is_empty()));
    }
}
