//! What AWS refuses, hides or cannot answer: each with its own message and exit code, nothing written and nothing
//! admitted.

use serde_json::{Value, json};

use crate::{
    aws::{Account, NOWHERE, REGION, wait},
    chain::Scene,
    run::INPUTS,
};

fn sign(ami: &str) -> String {
    format!("sign {ami} --key awskms:///alias/signing {INPUTS}")
}

/// Insists that an image bears neither evidence nor pointer tags.
#[track_caller]
fn untouched(account: &Account, ami: &str) {
    assert_eq!(account.evidence(ami), None);
    assert!(!account.tags(ami).keys().any(|tag| tag.starts_with("goldseal:")));
}

/// Insists on the answer to an image that EC2 does not show.
#[track_caller]
fn invisible(scene: &Scene, ami: &str) {
    let shown = format!("EC2 shows no image {ami} in {REGION}");
    for line in [format!("describe {ami}"), sign(ami)] {
        scene.goldseal.fails(&line, 1, &[&shown, "deregistered", "Allowed AMIs", "--region"]);
    }
    let report = scene.goldseal.verdict(ami, "reject", &["image-not-found"]);
    assert_eq!(report["images"][0]["subject"], Value::Null);
    let asked = scene.account.calls("s3").iter().filter(|(action, _)| action == "PutObject").count();
    assert_eq!(asked, scene.account.calls("kms").iter().filter(|(action, _)| action == "Sign").count() / 3);
}

#[test]
fn an_image_that_does_not_exist() {
    invisible(&Scene::new(), "ami-00000000000000001");
}

#[test]
fn an_image_of_another_region() {
    let scene = Scene::new();
    let ami = scene.account.in_region("eu-central-1").image("elsewhere");
    invisible(&scene, &ami);
    scene.goldseal.run(&format!("describe eu-central-1:{ami}")).exits(0);
}

#[test]
fn an_image_that_was_deregistered_though_its_evidence_is_there() {
    let scene = Scene::new();
    let ami = scene.sealed("deregistered");
    scene.goldseal.verdict(&ami, "admit", &[]);
    wait(scene.account.ec2().deregister_image().image_id(&ami).send()).unwrap();
    invisible(&scene, &ami);
}

#[test]
fn an_image_that_the_account_does_not_allow() {
    let scene = Scene::new();
    let owner = Account::new();
    let ami = owner.image("public");
    let everybody = aws_sdk_ec2::types::LaunchPermission::builder().group("all".into()).build();
    let change = aws_sdk_ec2::types::LaunchPermissionModifications::builder().add(everybody).build();
    wait(owner.ec2().modify_image_attribute().image_id(&ami).launch_permission(change).send()).unwrap();
    scene.goldseal.run(&format!("describe {ami}")).exits(0);
    let criterion = aws_sdk_ec2::types::ImageCriterionRequest::builder().image_providers(&scene.account.id).build();
    let ec2 = scene.account.ec2();
    wait(ec2.replace_image_criteria_in_allowed_images_settings().image_criteria(criterion).send()).unwrap();
    wait(ec2.enable_allowed_images_settings().allowed_images_settings_state("enabled".into()).send()).unwrap();
    invisible(&scene, &ami);
}

#[test]
fn an_id_that_is_none() {
    let scene = Scene::new();
    for (bad, says) in [
        ("ami-xyz", "ami-xyz"),
        ("ami-0123", "8 or 17"),
        ("AMI-0123456789abcdef0", "lowercase"),
        ("i-0123456789abcdef0", "AMI id"),
        ("nowhere:ami-0123456789abcdef0", "region"),
        ("arn:aws:ec2:eu-west-1:123456789012:instance/i-1", "instance/i-1"),
    ] {
        for command in ["describe BAD", "verify BAD", "sign BAD --key awskms:///alias/signing"] {
            let line = format!("{} {INPUTS}", command.replace("BAD", bad));
            let line = if command.starts_with("sign") { line } else { command.replace("BAD", bad) };
            scene.goldseal.run(&line).exits(2).says(says);
            scene.goldseal.fails(&line, 2, &[says]);
        }
    }
    assert!(scene.account.calls("ec2").is_empty(), "nothing of it is asked of AWS");
}

#[test]
fn a_denied_call_names_the_action_and_the_resource() {
    let scene = Scene::new();
    let Scene { account, goldseal, key } = &scene;
    let ami = account.image("denied");
    let place = format!("s3://{}/{}", account.bucket(), account.evidence_key(&ami));
    for (service, action, code, resource) in [
        ("ec2", "DescribeImages", "UnauthorizedOperation", ami.as_str()),
        ("s3", "GetObject", "AccessDenied", place.as_str()),
        ("kms", "DescribeKey", "AccessDeniedException", "awskms:///alias/signing"),
        ("kms", "GetPublicKey", "AccessDeniedException", key.arn.as_str()),
        ("kms", "Sign", "AccessDeniedException", key.arn.as_str()),
        ("s3", "PutObject", "AccessDenied", place.as_str()),
    ] {
        account.fault(json!({"service": service, "action": action, "status": 403, "code": code}));
        let named = format!("{service}:{action} {resource}");
        let hint = format!("the caller needs {service}:{action} on {resource}");
        goldseal.fails(&sign(&ami), 3, &[&named, "access denied", code, &hint]);
        untouched(account, &ami);
    }
    account.fault(json!({"service": "ec2", "status": 403, "code": "UnauthorizedOperation"}));
    let report = goldseal.verdict(&ami, "undetermined", &["image-unavailable"]);
    let message = report["images"][0]["faults"][0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("ec2:DescribeImages {ami}")), "{message}");
    goldseal.json(&sign(&ami)).exits(0);
    account.fault(json!({"service": "s3", "status": 403, "code": "AccessDenied"}));
    let report = goldseal.verdict(&ami, "undetermined", &["evidence-unavailable"]);
    let message = report["images"][0]["faults"][0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("s3:GetObject {place}")), "{message}");
}

#[test]
fn a_throttled_call_is_tried_again_and_then_told() {
    let Scene { account, goldseal, .. } = Scene::new();
    let ami = account.image("throttled");
    let fault = |service: &str, code: &str, times: u32| {
        account.fault(json!({"service": service, "status": 503, "code": code, "times": times}));
    };
    let told = ["ec2:DescribeImages", &ami, "throttled", "RequestLimitExceeded", "request rate"];
    // The SDK tries three times.
    fault("ec2", "RequestLimitExceeded", 2);
    goldseal.json(&format!("describe {ami}")).exits(0);
    fault("ec2", "RequestLimitExceeded", 3);
    goldseal.fails(&sign(&ami), 3, &told);
    let once = goldseal.with("AWS_MAX_ATTEMPTS", "1");
    fault("ec2", "RequestLimitExceeded", 1);
    once.verdict(&ami, "undetermined", &["image-unavailable"]);
    fault("kms", "ThrottlingException", 1);
    once.fails(&sign(&ami), 3, &["kms:DescribeKey", "throttled", "request rate"]);
    untouched(&account, &ami);
}

#[test]
fn a_store_that_answers_500_or_slows_down() {
    let Scene { account, goldseal, .. } = Scene::new();
    let goldseal = goldseal.with("AWS_MAX_ATTEMPTS", "1");
    let ami = account.image("failing");
    let fault = |action: &str, status: u16, code: &str| {
        // A write is tried three times whatever the SDK does, since it knows what an answer that got lost means.
        let times = if action == "PutObject" { 3 } else { 1 };
        let fault = json!({"service": "s3", "action": action, "status": status, "code": code, "times": times});
        account.fault(fault);
    };
    for (action, status, code, word) in [
        ("GetObject", 500, "InternalError", "unavailable"),
        ("PutObject", 500, "InternalError", "unavailable"),
        ("PutObject", 503, "SlowDown", "throttled"),
    ] {
        fault(action, status, code);
        goldseal.fails(&sign(&ami), 3, &["storing the evidence", &format!("s3:{action}"), word, code, "try again"]);
        untouched(&account, &ami);
    }
    fault("GetObject", 500, "InternalError");
    goldseal.verdict(&ami, "undetermined", &["evidence-unavailable"]);
    goldseal.verdict(&ami, "reject", &["evidence-absent"]);
    goldseal.json(&sign(&ami)).exits(0);
    fault("GetObject", 500, "InternalError");
    goldseal.verdict(&ami, "undetermined", &["evidence-unavailable"]);
    goldseal.verdict(&ami, "admit", &[]);
}

#[test]
fn a_bucket_that_is_not_there() {
    let scene = Scene::new();
    let ami = scene.account.image("bucketless");
    let store = "--store s3://no-such-bucket-anywhere";
    scene.goldseal.fails(&format!("{} {store}", sign(&ami)), 2, &["s3:GetObject", "NoSuchBucket"]);
    let report = scene.goldseal.verdict(&format!("{ami} {store}"), "undetermined", &["evidence-unavailable"]);
    assert!(report.to_string().contains("NoSuchBucket"), "{report:#}");
}

#[test]
fn a_key_that_is_disabled_pending_deletion_or_unknown() {
    let scene = Scene::new();
    let Scene { account, goldseal, key } = &scene;
    let ami = account.image("keyless");
    wait(account.kms().disable_key().key_id(&key.id).send()).unwrap();
    goldseal.fails(&sign(&ami), 1, &[&key.arn, "in the state Disabled"]);
    wait(account.kms().schedule_key_deletion().key_id(&key.id).pending_window_in_days(7).send()).unwrap();
    goldseal.fails(&sign(&ami), 1, &[&key.arn, "in the state PendingDeletion"]);
    let unknown = sign(&ami).replace("alias/signing", "alias/of-nothing");
    goldseal.fails(&unknown, 2, &["kms:DescribeKey", "alias/of-nothing", "not found"]);
    // Disabled between opening and signing.
    let other = account.key_called("second");
    let proxy = crate::proxy::Proxy::start();
    let (owner, id) = (account.clone(), other.id.clone());
    proxy.before("Sign", move || {
        wait(owner.kms().disable_key().key_id(id).send()).unwrap();
    });
    let through = account.goldseal().with("AWS_ENDPOINT_URL", &proxy.endpoint);
    let line = format!("{} --store s3://{}", sign(&ami).replace("signing", "second"), account.bucket());
    through.fails(&line, 1, &["kms:Sign", &other.arn, "DisabledException"]);
    proxy.is_done();
    untouched(account, &ami);
}

#[test]
fn no_credentials_no_region_and_no_network() {
    let scene = Scene::new();
    let ami = scene.account.image("unreachable");
    let nobody = Account::new().goldseal().without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    nobody.fails(&format!("describe {ami}"), 3, &["no AWS credentials", "AWS_PROFILE"]);
    let nowhere = Account::new().goldseal().without("AWS_REGION");
    nowhere.fails(&format!("describe {ami}"), 2, &["finding the region", "--region"]);
    let dark = Account::new().goldseal().with("AWS_ENDPOINT_URL", NOWHERE).with("AWS_MAX_ATTEMPTS", "1");
    dark.fails(&format!("describe {ami}"), 3, &["ec2:DescribeImages", "unavailable", "check the network"]);
    dark.write("policy.toml", crate::policies::trusting(&scene.key));
    let store = dark.directory_store();
    dark.verdict(&format!("{ami} --policy policy.toml --store {store}"), "undetermined", &["image-unavailable"]);
}
