//! A pipeline whose policy asks for a gate and for a person's approval, and files that are fresh enough to pass it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    aws::{Account, Key, REGION},
    policies::pem,
    run::{Goldseal, Run},
};

/// The inputs of a gate, as they are named in the folder.
pub const GATE: &str = "--sbom golden.spdx.json --scan golden.grype.json --exceptions exceptions.toml";

/// The run of Packer that the fixtures' SBOM names.
pub const RUN: &str = "b063a606-537f-4cfc-9065-105d24d751ed";

/// The other region of what is built for two.
pub const FAR: &str = "eu-central-1";

/// An account with an image key `alias/signing`, an approval key `alias/approval`, a bucket, and a policy of both.
pub struct Gated {
    pub account: Account,
    pub goldseal: Goldseal,
    pub key: Key,
    pub approval: Key,
}

/// Returns an instant so many hours ago, to the second.
pub fn hours_ago(hours: i64) -> String {
    let at = Timestamp::now().saturating_sub(SignedDuration::from_hours(hours)).unwrap();
    format!("{at:.0}")
}

/// Waits for tomorrow (UTC) if that is minutes away: a lock is counted in whole days, and only two runs of one day mean the same.
pub fn away_from_midnight() {
    const DAY: i64 = 24 * 60 * 60;
    let left = DAY - Timestamp::now().as_second().rem_euclid(DAY);
    if left < 180 {
        std::thread::sleep(Duration::from_secs(left.unsigned_abs()));
    }
}

/// Changes a JSON file of the folder.
pub fn change_json(goldseal: &Goldseal, from: &str, to: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&goldseal.read(from)).unwrap();
    change(&mut value);
    goldseal.write(to, value.to_string());
}

/// Dates the fixtures as if the build had been an hour ago: a gate judges the age of what it is given.
pub fn fresh(goldseal: &Goldseal) {
    change_json(goldseal, "golden.spdx.json", "golden.spdx.json", |sbom| {
        sbom["creationInfo"]["created"] = json!(hours_ago(2));
    });
    for scan in ["golden.grype.json", "critical.grype.json"] {
        change_json(goldseal, scan, scan, |scan| {
            let descriptor = &mut scan["descriptor"];
            descriptor["timestamp"] = json!(hours_ago(1));
            descriptor["db"]["status"]["built"] = json!(hours_ago(3));
            descriptor["db"]["providers"]["debian"]["captured"] = json!(hours_ago(3));
        });
    }
    goldseal.change("exceptions.toml", "2026-12-31", &in_days(60), "exceptions.toml");
    goldseal.change("build.json", "\"finishedOn\": \"2026-11-20T09:19:47Z\",", "", "build.json");
}

/// Returns the date in so many days.
pub fn in_days(days: i64) -> String {
    let then = Timestamp::now().saturating_add(SignedDuration::from_hours(days * 24)).unwrap();
    then.to_string().split('T').next().unwrap().to_owned()
}

/// Returns a policy with a gate: `ci` seals and `boss` approves.
pub fn gated_policy(ci: &Key, boss: &Key, more: &str) -> String {
    let mut text = "version = 1\nno_match = \"enforce\"\n".to_owned();
    text += &pem("ci", &ci.pem());
    text += &pem("boss", &boss.pem());
    for kind in ["gate", "provenance", "sbom", "scan"] {
        text += &format!("[[require]]\nattestation = \"{kind}\"\nauthorities = [\"ci\"]\n");
    }
    text += "[[require]]\nattestation = \"approval\"\nauthorities = [\"boss\"]\n";
    text + more
}

/// Returns the Packer manifest of a run that built an image for each of these regions.
pub fn manifest(images: &[(&str, &str)]) -> String {
    let artifact: Vec<String> = images.iter().map(|(region, ami)| format!("{region}:{ami}")).collect();
    json!({
        "builds": [{"name": "base", "builder_type": "amazon-ebs", "build_time": null, "files": null,
            "artifact_id": artifact.join(","), "packer_run_uuid": RUN, "custom_data": null}],
        "last_run_uuid": RUN,
    })
    .to_string()
}

impl Gated {
    pub fn new() -> Self {
        let account = Account::new();
        let (key, approval) = (account.key_called("signing"), account.key_called("approval"));
        let goldseal = account.goldseal();
        let goldseal = goldseal.with("GOLDSEAL_STORE", account.bucket_store()).with("GOLDSEAL_POLICY", "policy.toml");
        fresh(&goldseal);
        goldseal.write("policy.toml", gated_policy(&key, &approval, "[gate]\nfail_on = \"high\"\n"));
        Self { account, goldseal, key, approval }
    }

    /// Runs the gate, which must pass, and leaves its result in gate.json.
    #[track_caller]
    pub fn gate(&self, more: &str) -> Value {
        self.goldseal.json(&format!("gate {GATE} --write json=gate.json {more}")).exits(0).report()
    }

    /// Returns what is to be approved, one digest an image.
    #[track_caller]
    pub fn accepted(&self, amis: &str) -> Vec<String> {
        let report = self.goldseal.json(&approve(amis)).exits(1).report();
        let images = report["images"].as_array().unwrap().iter();
        images.map(|image| image["acceptedRisks"].as_str().unwrap().to_owned()).collect()
    }

    /// Approves what gate.json says, into approval.jsonl.
    #[track_caller]
    pub fn approve(&self, amis: &str) -> Value {
        let accepted: String = self.accepted(amis).iter().map(|digest| format!(" --accept-digest {digest}")).collect();
        self.goldseal.json(&format!("{} --yes{accepted}", approve(amis))).exits(0).report()
    }

    /// Signs with the image key.
    pub fn sign(&self, ami: &str, more: &str) -> Run {
        self.goldseal.json(&sign(ami, more))
    }

    /// Registers an image, and takes it through gate, approval and signing.
    #[track_caller]
    pub fn sealed(&self, name: &str) -> String {
        let ami = self.account.image(name);
        self.gate("");
        self.approve(&ami);
        self.sign(&ami, "--approval approval.jsonl").exits(0);
        ami
    }

    /// Registers an image in each of two regions as one run of Packer would, and writes manifest.json.
    pub fn two_regions(&self, name: &str) -> [String; 2] {
        let near = self.account.image(name);
        let far = self.account.in_region(FAR).ec2();
        let copy = far.copy_image().name(name).source_image_id(&near).source_region(REGION).copy_image_tags(true);
        let copy = crate::aws::wait(copy.send()).unwrap().image_id.unwrap();
        self.goldseal.write("manifest.json", manifest(&[(REGION, &near), (FAR, &copy)]));
        [near, copy]
    }

    /// Insists that nothing was signed, stored or written to an image.
    #[track_caller]
    pub fn untouched(&self, ami: &str) {
        assert!(self.account.evidence(ami).is_none());
        assert!(!self.account.tags(ami).keys().any(|tag| tag.contains("goldseal:")));
    }

    /// Counts the signatures that KMS was asked for.
    pub fn signatures(&self) -> usize {
        self.account.calls("kms").iter().filter(|(action, _)| action == "Sign").count()
    }
}

/// Returns the command line that asks whoever approves.
pub fn approve(amis: &str) -> String {
    format!("approve gate.json {amis} --key awskms:///alias/approval --approver alice@example.com --out approval.jsonl")
}

/// Returns the command line that signs.
pub fn sign(ami: &str, more: &str) -> String {
    format!("sign {ami} --key awskms:///alias/signing {GATE} --provenance build.json --without-content {more}")
}

/// Returns the codes of a gate's failures, each once.
pub fn failures(report: &Value) -> Vec<&str> {
    let mut codes: Vec<&str> =
        report["failures"].as_array().unwrap().iter().map(|cause| cause["code"].as_str().unwrap()).collect();
    codes.dedup();
    codes
}
