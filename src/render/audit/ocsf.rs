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

use super::finding::{self, About, Finding, Standing, Weight};

const VERSION: &str = "1.8.0";

/// Writes every event, one a line.
pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let run = Run::of(report);
    finding::all(report).try_for_each(|finding| run.line(&finding, out))
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
    for finding in finding::all(report) {
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
        let mut event = json!({
            "activity_id": 1,
            "activity_name": "Create",
            "category_name": "Findings",
            "category_uid": 2,
            "class_name": "Compliance Finding",
            "class_uid": 2003,
            "type_name": "Compliance Finding: Create",
            "type_uid": 200_301,
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
        if let About::Instance(one) = finding.about {
            let unmapped = json!({
                "class": one.class, "image": one.ami, "launcher": one.launcher, "mode": one.mode, "state": one.state,
            });
            set(&mut event, "", "unmapped", Some(unmapped));
        }
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
