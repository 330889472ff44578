use std::collections::BTreeSet;

use goldseal_core::testing::findings::FakeHub;

use super::*;
use crate::adapters::{
    aws::{AwsConfig, Chosen},
    cloud::cloud,
};

fn place(account: &str, region: &str) -> Place {
    Place { account: account.parse().unwrap(), region: region.parse().unwrap() }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

async fn accounts(account: &str) -> Accounts {
    Accounts::new(&AwsConfig::local(&cloud().endpoint, account).await, Chosen::Own, None, Vec::new())
}

/// Subscribes an account.
async fn enable(account: &str, region: &str) {
    let hub = accounts(account).await.hub(&place(account, region)).await.unwrap();
    hub.post("securityhub:EnableSecurityHub", "/accounts", &json!({})).await.unwrap();
}

fn finding(place: &Place, id: &str, at: Timestamp) -> Finding {
    let Place { account, region } = place;
    let body = json!({
        "SchemaVersion": "2018-10-08", "Id": id, "ProductArn": product(place), "GeneratorId": format!("{FINDINGS}unsealed"),
        "AwsAccountId": account, "CreatedAt": format!("{at:.3}"), "UpdatedAt": format!("{at:.3}"), "Title": "Unsealed",
        "Description": "It has no seal.", "Resources": [{"Type": "Other", "Id": format!("{region}/{id}")}],
        "FindingProviderFields": {"Severity": {"Label": "HIGH"}, "Types": ["Effects"]}, "RecordState": "ACTIVE",
    });
    Finding { id: id.to_owned(), body }
}

/// What every service of findings does, whoever stands in for it.
async fn keeps_the_contract(hub: &impl Findings, place: &Place) {
    let open = async |second| {
        let mut open = hub.open(place, at(second)).await.unwrap();
        open.sort_by(|one, other| one.id.cmp(&other.id));
        open
    };
    assert_eq!(open(1).await, []);
    let many: Vec<Finding> = (0..201).map(|number| finding(place, &format!("many-{number:03}"), at(1))).collect();
    assert_eq!(hub.send(place, many.clone()).await.unwrap(), []);
    let ids = |list: &[Finding]| list.iter().map(|one| one.id.clone()).collect::<BTreeSet<String>>();
    assert_eq!(ids(&open(2).await), ids(&many), "all of them, over all pages");
    // The same again is not another one.
    assert_eq!(hub.send(place, many[..5].to_vec()).await.unwrap(), []);
    assert_eq!(open(3).await.len(), 201);
    let closed = open(4).await.split_off(1);
    assert_eq!(hub.send(place, closed).await.unwrap(), []);
    assert_eq!(ids(&open(5).await), ids(&many[..1]));
    // What comes back is open again.
    assert_eq!(hub.send(place, vec![finding(place, "many-007", at(6))]).await.unwrap(), []);
    assert_eq!(open(7).await.len(), 2);
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    keeps_the_contract(&FakeHub::default(), &place("620000000061", "us-east-1")).await;
}

#[tokio::test]
async fn security_hub_keeps_the_contract() {
    let account = "620000000061";
    enable(account, "us-east-1").await;
    keeps_the_contract(&accounts(account).await, &place(account, "us-east-1")).await;
    let sent = cloud().calls(&format!("service=securityhub&account={account}&action=BatchImportFindings"));
    assert_eq!(sent.matches("\"BatchImportFindings\"").count(), 3 + 1 + 2 + 1, "100 a call: {sent}");
}

#[tokio::test]
async fn what_is_not_taken_is_told_and_the_rest_is() {
    let account = "620000000062";
    enable(account, "us-east-1").await;
    let (hub, place) = (accounts(account).await, place(account, "us-east-1"));
    let mut bad = finding(&place, "bad", at(1));
    bad.body["Title"] = "x".repeat(300).into();
    let untaken = hub.send(&place, vec![finding(&place, "good", at(1)), bad]).await.unwrap();
    assert_eq!(untaken.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["bad"]);
    assert!(untaken[0].why.starts_with("InvalidInput: ") && untaken[0].why.contains("Title"), "{}", untaken[0].why);
    assert_eq!(hub.open(&place, at(2)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn where_nobody_subscribed_nothing_is_open_and_nothing_is_taken() {
    let account = "620000000063";
    let (hub, place) = (accounts(account).await, place(account, "us-east-1"));
    assert_eq!(hub.open(&place, at(1)).await.unwrap(), []);
    let error = hub.send(&place, vec![finding(&place, "one", at(1))]).await.unwrap_err();
    assert!(error.chain().contains("not subscribed"), "{}", error.chain());
}

#[tokio::test]
async fn calls_that_are_throttled_or_lost_are_made_again_and_denials_are_not() {
    let account = "620000000064";
    enable(account, "us-east-1").await;
    let (hub, place) = (accounts(account).await, place(account, "us-east-1"));
    let order = |more: &str| {
        cloud().order_fault(&format!(
            r#"{{"service":"securityhub","account":"{account}","action":"BatchImportFindings",{more}}}"#
        ));
    };
    let send = async || hub.send(&place, vec![finding(&place, "one", at(1))]).await;
    order(r#""times":2,"status":429,"code":"TooManyRequestsException""#);
    assert_eq!(send().await.unwrap(), []);
    order(r#""times":2,"status":503,"code":"InternalException""#);
    assert_eq!(send().await.unwrap(), []);
    order(r#""times":1,"status":403,"code":"AccessDeniedException""#);
    assert_eq!(send().await.unwrap_err().kind, PortErrorKind::Denied);
    assert_eq!(send().await.unwrap(), [], "one denial was one call");
}
