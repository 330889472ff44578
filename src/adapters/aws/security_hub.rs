//! Security Hub's part in an audit: BatchImportFindings and GetFindings, from each account's own session in each region.
//!
//! Nobody may send findings of another account, so there is no sending them from one place. Findings are ours by their
//! generator; those that customers closed, or that were archived, are left as they are.

use std::time::Duration;

use goldseal_core::{
    fleet::Place,
    ports::{Finding, Findings, PortError, PortErrorKind, Untaken},
    report::FINDINGS,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Accounts, pages,
    signed::{Refusal, Signed},
};

const SERVICE: &str = "securityhub";
const GET: &str = "securityhub:GetFindings";
const IMPORT: &str = "securityhub:BatchImportFindings";

/// Neither call has more on a page.
const PAGE: usize = 100;
/// GetFindings may be called three times a second, BatchImportFindings ten times.
const BETWEEN_READS: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 340 });
const BETWEEN_IMPORTS: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 100 });

/// What is sent again of a finding to archive it; the rest is the service's, or the customer's.
const KEPT: [&str; 14] = [
    "SchemaVersion",
    "Id",
    "ProductArn",
    "GeneratorId",
    "AwsAccountId",
    "CreatedAt",
    "Title",
    "Description",
    "Resources",
    "FindingProviderFields",
    "ProductFields",
    "Remediation",
    "ProductName",
    "CompanyName",
];

impl Findings for Accounts {
    async fn open(&self, place: &Place, at: Timestamp) -> Result<Vec<Finding>, PortError> {
        let hub = self.hub(place).await?;
        let is = |value: &str, how: &str| json!([{"Value": value, "Comparison": how}]);
        let filters = json!({
            "GeneratorId": is(FINDINGS, "PREFIX"),
            "ProductArn": is(&product(place), "EQUALS"),
            "RecordState": is("ACTIVE", "EQUALS"),
        });
        let (mut found, mut page): (Vec<Finding>, Option<String>) = (Vec::new(), None);
        loop {
            let mut question = json!({"Filters": filters, "MaxResults": PAGE});
            if let (Some(question), Some(token)) = (question.as_object_mut(), &page) {
                question.insert("NextToken".to_owned(), token.as_str().into());
            }
            let answer = match hub.post(GET, "/findings", &question).await {
                Ok(answer) => answer,
                // Who did not subscribe to the service has no findings there.
                Err(Refusal { code: Some(code), .. }) if code == "InvalidAccessException" => return Ok(Vec::new()),
                Err(Refusal { error, .. }) => return Err(error),
            };
            let listed = answer.get("Findings").and_then(Value::as_array);
            let listed = listed.ok_or_else(|| malformed(GET, place, "no Findings"))?;
            for one in listed {
                found.push(archived(one, at).ok_or_else(|| malformed(GET, place, "a finding without Id"))?);
            }
            let next = answer.get("NextToken").and_then(Value::as_str).map(str::to_owned);
            page = pages::next(GET, &place.region, page.as_deref(), next)?;
            if page.is_none() {
                return Ok(found);
            }
            tokio::time::sleep(BETWEEN_READS).await;
        }
    }

    async fn send(&self, place: &Place, findings: Vec<Finding>) -> Result<Vec<Untaken>, PortError> {
        let hub = self.hub(place).await?;
        let mut untaken = Vec::new();
        for (number, batch) in findings.chunks(PAGE).enumerate() {
            if number > 0 {
                tokio::time::sleep(BETWEEN_IMPORTS).await;
            }
            let bodies: Vec<&Value> = batch.iter().map(|one| &one.body).collect();
            let answer = hub.post(IMPORT, "/findings/import", &json!({"Findings": bodies})).await;
            match answer {
                Ok(answer) => {
                    untaken.extend(failed(&answer).ok_or_else(|| malformed(IMPORT, place, "no FailedCount"))?);
                }
                Err(Refusal { error, .. }) if number == 0 => return Err(error),
                // What went before is there: only the rest was not taken.
                Err(Refusal { error, .. }) => {
                    let why = error.chain();
                    untaken.extend(batch.iter().map(|one| Untaken { id: one.id.clone(), why: why.clone() }));
                }
            }
        }
        Ok(untaken)
    }
}

impl Accounts {
    async fn hub(&self, place: &Place) -> Result<Signed, PortError> {
        Signed::new(&self.session(&place.account).await?, SERVICE, &place.region)
    }
}

fn product(Place { account, region }: &Place) -> String {
    format!("arn:{}:securityhub:{region}:{account}:product/{account}/default", region.partition())
}

/// Returns a finding as it is sent to archive it.
fn archived(found: &Value, at: Timestamp) -> Option<Finding> {
    let id = found.get("Id")?.as_str()?.to_owned();
    let kept = KEPT.into_iter().filter_map(|name| Some((name.to_owned(), found.get(name)?.clone())));
    let mut body: Map<String, Value> = kept.collect();
    body.insert("RecordState".to_owned(), "ARCHIVED".into());
    body.insert("Compliance".to_owned(), json!({"Status": "PASSED"}));
    body.insert("UpdatedAt".to_owned(), format!("{at:.3}").into());
    Some(Finding { id, body: Value::Object(body) })
}

fn failed(answer: &Value) -> Option<Vec<Untaken>> {
    let count = answer.get("FailedCount")?.as_u64()?;
    let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let listed = answer.get("FailedFindings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut untaken: Vec<Untaken> = listed
        .iter()
        .map(|one| {
            let why = format!("{}: {}", text(one, "ErrorCode"), text(one, "ErrorMessage"));
            Untaken { id: text(one, "Id"), why: super::fault::readable(&why) }
        })
        .collect();
    // Those that failed and are not named failed all the same.
    let unnamed = usize::try_from(count).ok()?.saturating_sub(untaken.len());
    untaken.extend((0..unnamed).map(|_| Untaken { id: String::new(), why: "it is not said which, or why".to_owned() }));
    Some(untaken)
}

fn malformed(operation: &'static str, place: &Place, why: &'static str) -> PortError {
    PortError::new(PortErrorKind::Malformed, operation, &place.region).because(why)
}

#[cfg(test)]
mod tests;
