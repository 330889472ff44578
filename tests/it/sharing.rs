//! Tags that were changed or taken away, images of other accounts, and copies.

use aws_sdk_ec2::types::{LaunchPermission, LaunchPermissionModifications};
use serde_json::{Value, json};

use crate::{
    aws::{Account, REGION, wait},
    chain::Scene,
    gated::manifest,
    policies::trusting,
    run::{Goldseal, INPUTS},
};

fn share(owner: &Account, ami: &str, with: &Account) {
    let permission = LaunchPermission::builder().user_id(&with.id).build();
    let change = LaunchPermissionModifications::builder().add(permission).build();
    wait(owner.ec2().modify_image_attribute().image_id(ami).launch_permission(change).send()).unwrap();
}

/// Lets everybody read the bucket of an account.
fn open_bucket(owner: &Account) {
    let bucket = format!("arn:aws:s3:::{}", owner.bucket());
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": format!("{bucket}/*")},
        {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": bucket},
    ]});
    wait(owner.s3().put_bucket_policy().bucket(owner.bucket()).policy(policy.to_string()).send()).unwrap();
}

/// The executable as another account, with the store and the policy of a scene.
fn consumer(scene: &Scene, account: &Account) -> Goldseal {
    let goldseal = account.goldseal().with("GOLDSEAL_STORE", format!("s3://{}", scene.account.bucket()));
    let goldseal = goldseal.with("GOLDSEAL_POLICY", "policy.toml");
    goldseal.write("policy.toml", trusting(&scene.key));
    goldseal
}

fn mismatches(report: &Value) -> Vec<&Value> {
    report["images"][0]["reasons"].as_array().unwrap().iter().map(|reason| &reason["detail"]["tag"]).collect()
}

#[test]
fn a_sealed_tag_that_was_changed_rejects_until_it_is_set_back() {
    let scene = Scene::new();
    let ami = scene.sealed("tags");
    let tags = scene.account.tags(&ami);
    for tag in ["GitCommit", "SourceAMI", "goldseal:subject", "goldseal:evidence"] {
        scene.account.tag(&ami, tag, "something else");
        let report = scene.goldseal.verdict(&ami, "reject", &["tag-mismatch"]);
        assert_eq!(mismatches(&report), [tag]);
        assert_eq!(report["images"][0]["reasons"][0]["detail"]["found"], "something else");
        scene.account.tag(&ami, tag, &tags[tag]);
    }
    // What is not sealed is free, and the key's name is for people only.
    scene.account.tag(&ami, "goldseal:key", "somebody");
    scene.account.tag(&ami, "Name", "production");
    scene.goldseal.verdict(&ami, "admit", &[]);
    // Several changes are all told.
    scene.account.tag(&ami, "Builder", "me");
    scene.account.tag(&ami, "PackerVersion", "0");
    assert_eq!(mismatches(&scene.goldseal.verdict(&ami, "reject", &["tag-mismatch"])), ["Builder", "PackerVersion"]);
}

#[test]
fn tags_that_were_taken_away_hide_nothing() {
    let scene = Scene::new();
    let ami = scene.sealed("bare");
    for tag in scene.account.tags(&ami).keys() {
        scene.account.untag(&ami, tag);
    }
    assert!(scene.account.tags(&ami).is_empty());
    scene.goldseal.verdict(&ami, "admit", &[]);
}

#[test]
fn a_tag_leads_to_no_other_store() {
    let scene = Scene::new();
    let sealed = scene.sealed("sealed");
    let bare = scene.account.image("bare");
    for (tag, value) in scene.account.tags(&sealed) {
        scene.account.tag(&bare, &tag, &value);
    }
    scene.goldseal.verdict(&bare, "reject", &["evidence-absent"]);
}

#[test]
fn a_tag_that_the_policy_compares_must_be_sealed() {
    let scene = Scene::new();
    let ami = scene.sealed("unsealed");
    scene.goldseal.write("policy.toml", trusting(&scene.key) + "[identity]\ntags = [\"GitCommit\", \"Team\"]\n");
    let report = scene.goldseal.verdict(&ami, "reject", &["tag-not-sealed"]);
    assert_eq!(mismatches(&report), ["Team"]);
}

#[test]
fn another_account_verifies_a_shared_image_without_seeing_its_tags() {
    let scene = Scene::new();
    let ami = scene.sealed("shared");
    let other = Account::new();
    let consumer = consumer(&scene, &other);
    // Neither image nor bucket are open yet.
    consumer.verdict(&ami, "reject", &["image-not-found"]);
    share(&scene.account, &ami, &other);
    let report = consumer.verdict(&ami, "undetermined", &["evidence-unavailable"]);
    let message = report["images"][0]["faults"][0]["message"].as_str().unwrap();
    assert!(message.contains("s3:GetObject") && message.contains("s3:ListBucket"), "{message}");
    open_bucket(&scene.account);
    let report = consumer.verdict(&ami, "admit", &[]);
    assert_eq!(report["images"][0]["owner"], scene.account.id);
    assert!(other.tags(&ami).is_empty());
    // The owner's tags are invisible there, the shared ones are not.
    scene.account.tag(&ami, "GitCommit", "0000000");
    consumer.verdict(&ami, "admit", &[]);
    scene.goldseal.verdict(&ami, "reject", &["tag-mismatch"]);
    scene.account.tag(&ami, "ec2:SharedTag/GitCommit", "0000000");
    consumer.verdict(&ami, "reject", &["tag-mismatch"]);
}

#[test]
fn the_owner_decides_and_not_who_shares_a_look_alike() {
    let scene = Scene::new();
    let (ami, other) = (scene.sealed("golden"), Account::new());
    let foreign = other.image("golden");
    share(&other, &foreign, &scene.account);
    scene.account.put_evidence(&foreign, &scene.account.evidence(&ami).unwrap());
    let owners = format!("[identity]\nowners = [\"{}\"]\n", scene.account.id);
    scene.goldseal.write("policy.toml", trusting(&scene.key) + &owners);
    scene.goldseal.verdict(&ami, "admit", &[]);
    let expected = ["owner-not-accepted", "subject-mismatch", "attestation-missing"];
    scene.goldseal.verdict(&foreign, "reject", &expected);
}

#[test]
fn a_copy_in_another_region_needs_evidence_of_its_own() {
    let scene = Scene::new();
    let ami = scene.sealed("original");
    let far = scene.account.in_region("eu-central-1");
    let request = far.ec2().copy_image().name("copy").source_image_id(&ami).source_region(REGION).copy_image_tags(true);
    let copy = wait(request.send()).unwrap().image_id.unwrap();
    let there = format!("eu-central-1:{copy}");
    let report = scene.goldseal.verdict(&there, "reject", &["evidence-absent"]);
    assert!(report["images"][0]["evidence"].as_str().unwrap().ends_with(&far.evidence_key(&copy)));
    far.put_evidence(&copy, &scene.account.evidence(&ami).unwrap());
    let report = scene.goldseal.verdict(&there, "reject", &["subject-mismatch", "attestation-missing", "tag-mismatch"]);
    assert_eq!(report["images"][0]["image"]["region"], "eu-central-1");
    // Sealed for itself it is admitted, beside the original in one call.
    // It comes from the original, and the build facts name another base image: the run's manifest says how that goes.
    let line = format!("sign {there} --key awskms:///alias/signing {INPUTS} --replace");
    scene.goldseal.fails(&line, 2, &["finding the base image", &format!("EC2 says \"{ami}")]);
    scene.goldseal.write("manifest.json", manifest(&[(REGION, &ami), ("eu-central-1", &copy)]));
    scene.sign(&there, "--replace --manifest manifest.json");
    let line = format!("verify {ami} {there} {}", crate::run::AT);
    scene.goldseal.json(&line).exits(0);
    let regions = format!("[identity]\nregions = [\"{REGION}\"]\n");
    scene.goldseal.write("policy.toml", trusting(&scene.key) + &regions);
    scene.goldseal.verdict(&there, "reject", &["region-not-accepted"]);
}

#[test]
fn evidence_of_another_image_is_not_evidence() {
    let scene = Scene::new();
    let (one, other) = (scene.sealed("one"), scene.account.image("other"));
    scene.account.put_evidence(&other, &scene.account.evidence(&one).unwrap());
    scene.goldseal.verdict(&other, "reject", &["subject-mismatch", "attestation-missing"]);
}
