//! A report in the [AWS Security Finding Format]: batches as BatchImportFindings takes them, one a line.
//!
//! Security Hub takes findings of an account from that account's own session only, in the region that it is of; so a batch
//! never mixes accounts or regions. Instances that are admitted are no findings; who sends them archives what an
//! earlier run sent and this one does not have any more.
//!
//! [AWS Security Finding Format]: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use goldseal_core::{
    ids::{AccountId, Region},
    report::{AuditReport, AuditedInstance},
};
use serde_json::{Value, json};

use super::{
    changes::News,
    finding::{self, About, Finding, Standing, cut},
};

/// BatchImportFindings takes no more.
const BATCH: usize = 100;

/// Characters of these fields at most.
const TITLE: usize = 256;
const DESCRIPTION: usize = 1024;
const TEXT: usize = 512;
const FIELD: usize = 1024;

/// Returns the findings, by whose session has to send them and where. A place whose region is not known has no Security
/// Hub that could be told.
pub fn findings(report: &AuditReport) -> BTreeMap<(&AccountId, &Region), Vec<Value>> {
    let mut places: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    for one in finding::all(report, &News::of(report)).filter(|one| one.standing != Standing::Good) {
        let Some(region) = one.region else { continue };
        places.entry((one.account, region)).or_default().push(security_finding(report, &one, region));
    }
    places
}

/// Writes the findings as inputs of calls, one a line.
pub(super) fn write(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    for findings in findings(report).into_values() {
        for batch in findings.chunks(BATCH) {
            serde_json::to_writer(&mut *out, &json!({"Findings": batch}))?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

fn security_finding(report: &AuditReport, one: &Finding<'_>, region: &Region) -> Value {
    let (partition, account) = (region.partition(), one.account);
    let label = one.weight.as_str().to_uppercase();
    let status = match one.standing {
        Standing::Good => "PASSED",
        Standing::Warning => "WARNING",
        Standing::Bad => "FAILED",
        Standing::Unknown => "NOT_AVAILABLE",
    };
    // An instance was wrong from its launch on; of anything else it is only known when it was seen.
    let since = match one.about {
        About::Instance(instance) => instance.launched,
        About::Door(_) | About::Place => None,
    };
    let mut finding = json!({
        "SchemaVersion": "2018-10-08",
        "Id": one.id,
        "ProductArn": format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default"),
        "ProductName": "goldseal",
        "CompanyName": "goldseal",
        "GeneratorId": format!("goldseal/audit/{}", one.code),
        "AwsAccountId": account,
        "CreatedAt": format!("{:.3}", since.unwrap_or(report.started).min(report.started)),
        "UpdatedAt": format!("{:.3}", report.finished),
        "Title": cut(&one.title, TITLE),
        "Description": cut(&one.description, DESCRIPTION),
        "FindingProviderFields": {
            "Severity": {"Label": label, "Original": one.weight.as_str()},
            "Types": [format!("Software and Configuration Checks/Golden Images/{}", one.about.kind())],
        },
        "Compliance": {"Status": status},
        "RecordState": "ACTIVE",
        "ProductFields": fields(report, one),
        "Resources": resources(one, region),
    });
    if let (Some(fields), false) = (finding.as_object_mut(), one.remedy.is_empty()) {
        fields.insert("Remediation".into(), json!({"Recommendation": {"Text": cut(&one.remedy, TEXT)}}));
    }
    finding
}

fn fields(report: &AuditReport, one: &Finding<'_>) -> Value {
    let mut fields = json!({"goldseal/code": one.code, "goldseal/policy": report.policy});
    if let (Some(fields), Some(change)) = (fields.as_object_mut(), one.change) {
        fields.insert("goldseal/change".into(), change.into());
    }
    if let (Some(fields), About::Instance(instance)) = (fields.as_object_mut(), one.about) {
        fields.insert("goldseal/class".into(), json!(instance.class));
        fields.insert("goldseal/launcher".into(), json!(instance.launcher.kind()));
        if let Some(name) = instance.launcher.name().filter(|name| !name.is_empty()) {
            fields.insert("goldseal/launcherName".into(), json!(cut(name, FIELD)));
        }
    }
    fields
}

fn resources(one: &Finding<'_>, region: &Region) -> Value {
    let partition = region.partition();
    let resource = |kind: &str, id: &str| json!({"Type": kind, "Id": id, "Partition": partition, "Region": region});
    match one.about {
        About::Instance(AuditedInstance { account, instance, ami, launched, .. }) => {
            let mut host = resource("AwsEc2Instance", &finding::arn(region, account, "instance", instance.as_str()));
            let mut details = json!({"ImageId": ami});
            if let (Some(details), Some(launched)) = (details.as_object_mut(), launched) {
                details.insert("LaunchedAt".into(), format!("{launched:.3}").into());
            }
            if let Some(host) = host.as_object_mut() {
                host.insert("Details".into(), json!({"AwsEc2Instance": details}));
            }
            json!([host, resource("Other", &finding::arn(region, account, "image", ami.as_str()))])
        }
        About::Door(door) => json!([resource("Other", &cut(&door.place, TEXT))]),
        About::Place => json!([resource("AwsAccount", &format!("AWS::::Account:{}", one.account))]),
    }
}

#[cfg(test)]
mod tests {
    use goldseal_core::testing::audits::{compared, fleet};

    use super::*;

    fn changes(report: &AuditReport) -> Vec<String> {
        let all = findings(report).into_values().flatten();
        all.filter_map(|one| Some(one["ProductFields"]["goldseal/change"].as_str()?.to_owned())).collect()
    }

    #[test]
    fn what_became_of_a_finding_is_said() {
        let said = changes(&compared(400));
        assert!(
            ["new", "changed", "again", "opened"].iter().all(|word| said.iter().any(|one| one == word)),
            "{said:?}"
        );
        assert!(changes(&fleet(400)).is_empty());
    }
}
