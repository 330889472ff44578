//! Publication: what is shared, in which order, and what is not when anything stands in the way.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{ImageAttributeName, LockMode};
use serde_json::{Value, json};

use crate::{
    aws::{Account, REGION, sha256, wait},
    chain::Scene,
    cloud::cloud,
    policies::trusting,
    run::{codes, notes},
};

const ORGANIZATION: &str = "arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5";
const UNIT: &str = "arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab12-c3d4e5f6";

/// Every wish but the account to share with.
const WISHES: &str = "--lock-snapshots 30 --protect --ssm-parameter /golden/base";

/// Calls that change something, in the only order that is safe.
const CALLS: [&str; 5] =
    ["LockSnapshot", "EnableImageDeregistrationProtection", "CreateTags", "ModifyImageAttribute", "PutParameter"];

/// A scene whose sealings hold at any time: publication is judged now, whenever the tests run.
fn scene() -> Scene {
    crate::gated::away_from_midnight();
    let scene = Scene::new();
    scene.goldseal.change("build.json", "\"finishedOn\": \"2026-11-20T09:19:47Z\",", "", "build.json");
    scene
}

/// The calls of an account that changed something since its image was sealed, as `(action, region, resource)`.
fn changes(account: &Account) -> Vec<(String, String, String)> {
    let calls: Vec<Value> = serde_json::from_str(&cloud().calls(&format!("account={}", account.id))).unwrap();
    let text = |call: &Value, name: &str| call[name].as_str().unwrap_or_default().to_owned();
    let after = calls.iter().rposition(|call| call["action"] == "PutObject").map_or(0, |place| place + 1);
    let later = calls.iter().skip(after).filter(|call| call["status"] == 200);
    let all = later.map(|call| (text(call, "action"), text(call, "region"), text(call, "resource")));
    // The first CreateTags behind the evidence is the one of `sign`.
    let mut signed = false;
    all.filter(|(action, ..)| CALLS.contains(&action.as_str()))
        .filter(|(action, ..)| std::mem::replace(&mut signed, true) || action != "CreateTags")
        .collect()
}

fn actions(account: &Account) -> Vec<String> {
    changes(account).into_iter().map(|(action, ..)| action).collect()
}

fn permissions(account: &Account, ami: &str) -> BTreeSet<String> {
    let request = account.ec2().describe_image_attribute().image_id(ami);
    let answer = wait(request.attribute(ImageAttributeName::LaunchPermission).send()).unwrap();
    let named = answer.launch_permissions().iter().map(|one| {
        one.user_id().or(one.organization_arn()).or(one.organizational_unit_arn()).unwrap_or("all").to_owned()
    });
    named.collect()
}

fn parameter(account: &Account, name: &str) -> Option<String> {
    let answer = wait(account.ssm().get_parameters().names(name).send()).unwrap();
    answer.parameters().first().map(|found| {
        assert_eq!(found.data_type(), Some("aws:ec2:image"));
        found.value().unwrap().to_owned()
    })
}

/// The outcomes of an image's steps, each once, and the steps of one of them.
fn steps<'r>(report: &'r Value, image: usize, outcome: &str) -> Vec<&'r str> {
    let steps = report["images"][image]["steps"].as_array().unwrap().iter();
    steps.filter(|step| step["outcome"] == outcome).map(|step| step["call"].as_str().unwrap()).collect()
}

#[test]
fn an_admitted_image_is_published_in_the_safe_order_and_again_without_a_call() {
    let scene = scene();
    let (Scene { account, goldseal, .. }, other) = (&scene, Account::new());
    let ami = scene.sealed("golden");
    let share = format!("--share {} --share {ORGANIZATION} --share {UNIT}", other.id);
    let report = goldseal.json(&format!("publish {ami} {share} {WISHES}")).exits(0).report();
    assert_eq!((&report["schema"], &report["outcome"]), (&json!("goldseal/publish/v1"), &json!("published")));
    assert_eq!(actions(account), CALLS);
    let calls = CALLS.map(|call| format!("{}:{call}", if call == "PutParameter" { "ssm" } else { "ec2" }));
    assert_eq!(steps(&report, 0, "done"), calls);

    // What is there is what was verified.
    let evidence = account.evidence(&ami).unwrap();
    let verified = &report["images"][0]["verified"];
    assert_eq!((&verified["verdict"], &verified["evidenceSha256"]), (&json!("admit"), &json!(sha256(&evidence))));
    let tags = account.tags(&ami);
    let place = format!("s3://{}/{}", account.bucket(), account.evidence_key(&ami));
    assert_eq!(tags["ec2:SharedTag/goldseal:evidence"], format!("sha256:{} {place}", sha256(&evidence)));
    assert_eq!(tags["ec2:SharedTag/goldseal:subject"], format!("sha256:{}", verified["subject"].as_str().unwrap()));
    assert_eq!(tags["ec2:SharedTag/goldseal:key"], format!("sha256:{} ci", scene.key.pin()));
    assert_eq!(permissions(account, &ami), [other.id.as_str(), ORGANIZATION, UNIT].map(str::to_owned).into());
    assert_eq!(parameter(account, "/golden/base"), Some(ami.clone()));
    let image = wait(account.ec2().describe_images().image_ids(&ami).send()).unwrap().images.unwrap().remove(0);
    assert_eq!(image.deregistration_protection(), Some("enabled-without-cooldown"));
    let locked = wait(account.ec2().describe_locked_snapshots().send()).unwrap();
    assert_eq!((locked.snapshots().len(), locked.snapshots()[0].lock_duration().unwrap() >= 30), (1, true));
    assert!(wait(account.ec2().deregister_image().image_id(&ami).send()).is_err());

    // The account that it is shared with sees the image and where its evidence is, and nothing else of its tags.
    let seen: Vec<String> = other.tags(&ami).into_keys().collect();
    let expected = ["evidence", "key", "subject"].map(|tag| format!("ec2:SharedTag/goldseal:{tag}"));
    assert_eq!(seen, expected);

    let before = changes(account).len();
    let report = goldseal.json(&format!("publish {ami} {share} {WISHES}")).exits(0).report();
    assert_eq!((&report["outcome"], steps(&report, 0, "already").len()), (&json!("published"), CALLS.len()));
    assert_eq!(changes(account).len(), before);
    goldseal.verdict(&format!("{ami} --at 2099-01-01T00:00:00Z"), "admit", &[]);
}

#[test]
fn people_read_one_line_a_step() {
    let scene = scene();
    let (Scene { account, goldseal, .. }, ami) = (&scene, scene.sealed("shown"));
    let line = format!("publish {ami} --share 222222222222 --protect");
    let shown = goldseal.run(&format!("{line} --dry-run")).exits(0);
    assert!(shown.stdout.starts_with(&format!("WOULD PUBLISH  {ami} in {REGION}\n")), "{}", shown.stdout);
    let share = format!("ec2:ModifyImageAttribute {REGION} {ami} launchPermission +222222222222\n");
    let shown = shown.says(&format!("  would     {share}"));
    shown.says("dry run, nothing was changed: 3 would be done, 0 already so\n");
    let shown = goldseal.run(&line).exits(0).says(&format!("PUBLISHED  {ami} in {REGION}\n"));
    let digest = sha256(&account.evidence(&ami).unwrap());
    let shown = shown.says(&format!("  done      {share}")).says(&format!("jsonl  sha256:{digest}\n"));
    assert_eq!(shown.stderr, "");
    let again = goldseal.run(&format!("{line} --share {UNIT}")).exits(0).says(&format!("  already   {share}"));
    again.says(&format!("  done      ec2:ModifyImageAttribute {REGION} {ami} launchPermission +{UNIT}\n"));
}

#[test]
fn what_is_not_admitted_is_not_published_whatever_the_mode() {
    let scene = scene();
    let (Scene { account, goldseal, .. }, other) = (&scene, Account::new());
    let warn = format!("[[scope]]\nmode = \"warn\"\nregions = [\"{REGION}\"]\n");
    goldseal.write("policy.toml", trusting(&scene.key) + &warn);
    let (good, bare) = (scene.sealed("good"), account.image("bare"));
    let line =
        format!("publish {good} {bare} --share {} {WISHES}", other.id).replace("--ssm-parameter /golden/base", "");
    let report = goldseal.json(&line).exits(1).report();
    assert_eq!(report["outcome"], "refused");
    let verified = |image: usize| &report["images"][image]["verified"];
    assert_eq!((codes(verified(0)), codes(verified(1))), (vec![], vec!["evidence-absent"]));
    assert_eq!((&verified(1)["mode"], &report["images"][0]["steps"]), (&json!("warn"), &json!([])));
    let shown = goldseal.run(&line).exits(1).says("REJECT").says("because   evidence-absent");
    shown.says("not published, nothing was changed: 1 of 2 images not admitted\n");

    account.fault(json!({"service": "s3", "resource": bare, "status": 403, "code": "AccessDenied", "times": 0}));
    let report = goldseal.json(&line).exits(3).report();
    assert_eq!(report["outcome"], "undetermined");
    goldseal.run(&line).exits(3).says("UNDETERMINED").says("s3:GetObject");
    assert_eq!(actions(account), [] as [String; 0]);
    assert!(permissions(account, &good).is_empty() && other.calls("ec2").is_empty());
}

#[test]
fn a_dry_run_changes_nothing() {
    let scene = scene();
    let ami = scene.sealed("dry");
    let line = format!("publish {ami} --share 222222222222 {WISHES} --dry-run");
    let report = scene.goldseal.json(&line).exits(0).report();
    assert_eq!((&report["outcome"], steps(&report, 0, "would").len()), (&json!("planned"), CALLS.len()));
    assert_eq!(actions(&scene.account), [] as [String; 0]);
    assert_eq!(parameter(&scene.account, "/golden/base"), None);
}

#[test]
fn after_a_failure_nothing_later_is_done_and_the_next_run_goes_on() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    for (place, call) in CALLS.iter().enumerate() {
        let ami = scene.sealed(&format!("stopped-{place}"));
        let parameter = format!("/golden/{place}");
        let wishes = WISHES.replace("/golden/base", &parameter);
        let line = format!("publish {ami} --share 222222222222 {wishes}");
        let service = if *call == "PutParameter" { "ssm" } else { "ec2" };
        let refusal = if service == "ssm" { "AccessDeniedException" } else { "UnauthorizedOperation" };
        account.fault(json!({"service": service, "action": call, "status": 403, "code": refusal}));
        let report = goldseal.json(&line).exits(3).report();
        assert_eq!(report["outcome"], "stopped");
        assert_eq!(actions(account), CALLS[..place], "{call}: nothing behind it");
        let named = format!("{service}:{call}");
        assert_eq!((steps(&report, 0, "failed"), steps(&report, 0, "done").len()), (vec![named.as_str()], place));
        assert_eq!(steps(&report, 0, "not-done").len(), CALLS.len() - place - 1);
        let failed = report["images"][0]["steps"][place]["resource"].as_str().unwrap();
        let told = report["failure"].to_string();
        assert!(told.contains(&format!("the caller needs {named} on {failed}")), "{told}");
        assert!(told.contains("access denied") && told.contains(refusal), "{told}");

        // For people the same, and the failure where failures are.
        account.fault(json!({"service": service, "action": call, "status": 403, "code": refusal}));
        let shown = goldseal.run(&line).exits(3).says(&format!("STOPPED  {ami}"));
        assert!(shown.stdout.contains(&format!("  failed    {named} {REGION} {failed}")), "{}", shown.stdout);
        assert!(shown.stderr.contains("publish again once that is mended"), "{}", shown.stderr);

        let report = goldseal.json(&line).exits(0).report();
        assert_eq!(steps(&report, 0, "already").len(), place, "what was done is not done again");
        assert_eq!(actions(account), CALLS);
        assert_eq!(self::parameter(account, &parameter), Some(ami));
    }
}

#[test]
fn images_of_two_regions_are_published_each_in_its_own() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let far = account.in_region("eu-central-1");
    let (near, there) = (scene.sealed("near"), format!("eu-central-1:{}", far.image("far")));
    // Of two images one is not sealed yet: neither is touched.
    let line = format!("publish {near} {there} --share 222222222222 --ssm-parameter /golden/base");
    goldseal.json(&line).exits(1);
    assert_eq!(actions(account), [] as [String; 0]);
    scene.sign(&there, "");
    goldseal.json(&line).exits(0);
    let regions: Vec<String> = changes(account).into_iter().map(|(_, region, _)| region).collect();
    assert_eq!(regions, [[REGION; 3], ["eu-central-1"; 3]].concat());
    assert_eq!(parameter(account, "/golden/base"), Some(near));
    assert_eq!(parameter(&far, "/golden/base").as_deref(), there.split(':').next_back());
}

#[test]
fn a_parameter_that_named_another_image_is_overwritten_and_said() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let (first, second) = (scene.sealed("first"), scene.sealed("second"));
    goldseal.json(&format!("publish {first} --ssm-parameter /golden/base")).exits(0);
    let shown = goldseal.run(&format!("publish {second} --ssm-parameter /golden/base")).exits(0);
    shown.says(&format!("  done      ssm:PutParameter {REGION} /golden/base ={second} (was {first})\n"));
    assert_eq!(parameter(account, "/golden/base"), Some(second.clone()));

    // A parameter of another data type can never name an image, and that is said before anything is changed.
    let text = account.ssm().put_parameter().name("/golden/text").value(&second).r#type("String".into());
    wait(text.send()).unwrap();
    let before = changes(account).len();
    let line = format!("publish {second} --share 222222222222 --ssm-parameter /golden/text");
    goldseal.fails(&line, 1, &["/golden/text", "data type text", "nothing was changed", "delete this one"]);
    let line = format!("publish {first} {second} --ssm-parameter /golden/base");
    goldseal.fails(&line, 2, &["/golden/base", "cannot name both", &first, &second]);
    assert_eq!(changes(account).len(), before);
}

#[test]
fn no_lock_is_shortened_and_none_made_irrevocable() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let root = account.snapshot(1, &[(0, b"locked")]);
    let ami = account.image_of("locked", &[("/dev/xvda", &root, 1)]);
    scene.sign(&ami, "");
    let lock = |mode: LockMode, days: i32| {
        wait(account.ec2().lock_snapshot().snapshot_id(&root).lock_mode(mode).lock_duration(days).send()).unwrap();
    };
    let until = || {
        let found = wait(account.ec2().describe_locked_snapshots().snapshot_ids(&root).send()).unwrap();
        found.snapshots()[0].lock_expires_on().copied()
    };
    lock(LockMode::Governance, 90);
    let before = until();
    let report = goldseal.json(&format!("publish {ami} --lock-snapshots 30")).exits(0).report();
    assert_eq!((steps(&report, 0, "already"), until()), (vec!["ec2:LockSnapshot"], before));
    goldseal.json(&format!("publish {ami} --lock-snapshots 91")).exits(0);
    assert!(until().unwrap().secs() > before.unwrap().secs());

    lock(LockMode::Compliance, 92);
    let before = (until(), changes(account).len());
    let line = format!("publish {ami} --lock-snapshots 300 --share 222222222222");
    goldseal.fails(&line, 1, &[&root, "compliance mode", "fewer days", "nothing was changed"]);
    assert_eq!((until(), changes(account).len()), before);
}

#[test]
fn an_image_that_was_sealed_again_is_published_again() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let ami = scene.sealed("resealed");
    let line = format!("publish {ami} --share 222222222222");
    goldseal.json(&line).exits(0);
    // Shared tags are written anew with the others, save where no tag is written at all.
    scene.sign(&ami, "--replace");
    let tags = account.tags(&ami);
    let of_evidence = ["goldseal:evidence", "ec2:SharedTag/goldseal:evidence"].map(|tag| tags[tag].clone());
    assert_eq!(of_evidence[0], of_evidence[1]);
    let report = goldseal.json(&line).exits(0).report();
    assert_eq!(steps(&report, 0, "already"), ["ec2:CreateTags", "ec2:ModifyImageAttribute"], "{report:#}");
    account.untag(&ami, "goldseal:evidence");
    scene.sign(&ami, "--replace --no-tags");
    let report = goldseal.json(&line).exits(1).report();
    assert_eq!(codes(&report["images"][0]["verified"]), ["tag-mismatch"]);
    assert_eq!(notes(&report["images"][0]), ["published-before"]);
    account.untag(&ami, "ec2:SharedTag/goldseal:evidence");
    let report = goldseal.json(&line).exits(0).report();
    assert!(steps(&report, 0, "done").contains(&"ec2:CreateTags"), "{report:#}");
}

#[test]
fn what_cannot_be_asked_for_is_a_matter_of_the_command_line() {
    let scene = scene();
    let (account, goldseal, ami) = (&scene.account, &scene.goldseal, scene.sealed("asked"));
    for (arguments, says) in [
        ("--share all", "12 digits"),
        ("--share 12345", "12 digits"),
        ("--share arn:aws:iam::123456789012:root", "organization/o-ID"),
        ("--share arn:aws-cn:organizations::123456789012:organization/o-a1b2c3d4e5", "another partition"),
        ("--lock-snapshots 0", "from 1"),
        ("--lock-snapshots 36500", "from 1"),
        ("--ssm-parameter golden/base", "name of a parameter"),
        ("--ssm-parameter /aws/golden", "name of a parameter"),
        ("--at 2026-11-24T12:00:00Z", "--at"),
    ] {
        goldseal.fails(&format!("publish {ami} {arguments}"), 2, &[says]);
    }
    goldseal.fails("publish", 2, &["<AMI>"]);
    let arn = format!("arn:aws:ec2:{REGION}:222222222222:image/{ami}");
    goldseal.fails(&format!("publish {arn}"), 2, &["belongs to", &account.id, "not to 222222222222"]);
    let arn = arn.replace("222222222222", &account.id);
    assert_eq!(actions(account), [] as [String; 0]);
    goldseal.json(&format!("publish {arn} {ami}")).exits(0);
    assert_eq!(actions(account), ["CreateTags"], "named twice, published once");
}

#[test]
fn an_image_of_another_account_is_published_by_nobody_else() {
    let scene = scene();
    let other = Account::new();
    let ami = scene.sealed("theirs");
    scene.goldseal.json(&format!("publish {ami} --share {}", other.id)).exits(0);
    let consumer = other.goldseal().with("GOLDSEAL_STORE", scene.goldseal.directory_store());
    let place = scene.goldseal.path(&format!("store/{}", scene.account.evidence_key(&ami)));
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, scene.account.evidence(&ami).unwrap()).unwrap();
    consumer.write("policy.toml", trusting(&scene.key));
    let line = format!("publish {ami} --policy policy.toml --share 333333333333");
    consumer.fails(&line, 3, &["ec2:DescribeImageAttribute", "AuthFailure", "nothing was changed"]);
    assert_eq!(permissions(&scene.account, &ami), [other.id.clone()].into());
}
