//! `goldseal enroll` against the local AWS: shown, done, done again, and refused where nobody would answer.

use aws_sdk_autoscaling::types::{LaunchTemplateSpecification, LifecycleHook};
use aws_sdk_ec2::types::RequestLaunchTemplateData;
use serde_json::{Value, json};

use crate::{
    aws::{Account, REGION, wait},
    chain::Scene,
    fleet::{Fleet, HOOK, until},
};

/// Makes a group that launches an image and has no lifecycle hook.
pub fn bare_group(account: &Account, name: &str, image: &str) {
    let data = RequestLaunchTemplateData::builder().image_id(image).instance_type("t3.micro".into()).build();
    let template = account.ec2().create_launch_template().launch_template_name(name);
    wait(template.launch_template_data(data).send()).unwrap();
    let template = LaunchTemplateSpecification::builder().launch_template_name(name).version("1").build();
    let group = account.autoscaling().create_auto_scaling_group().auto_scaling_group_name(name);
    let group = group.launch_template(template).min_size(0).max_size(5).desired_capacity(0);
    wait(group.availability_zones(format!("{REGION}a")).send()).unwrap();
}

/// Returns the lifecycle hooks of a group.
pub fn hooks(scene: &Scene, group: &str) -> Vec<LifecycleHook> {
    let call = scene.account.autoscaling().describe_lifecycle_hooks().auto_scaling_group_name(group);
    wait(call.send()).unwrap().lifecycle_hooks.unwrap_or_default()
}

fn what(report: &Value) -> Vec<(&str, Option<&str>)> {
    let all = report["differences"].as_array().unwrap().iter();
    all.map(|one| (one["what"].as_str().unwrap(), one["from"].as_str())).collect()
}

#[test]
fn a_group_is_enrolled_once_and_its_launches_are_judged_from_then_on() {
    let fleet = Fleet::new();
    let (scene, bad) = (&fleet.scene, fleet.scene.account.image("unsealed"));
    bare_group(&scene.account, "web", &bad);
    let role = format!("arn:aws:iam::{}:role/notify", scene.account.id);
    let line =
        format!("enroll web --queue {} --notify-role {role} --guard-group web,batch-* --region {REGION}", fleet.queue);
    let planned = scene.goldseal.json(&line).exits(0).report();
    assert_eq!((&planned["schema"], &planned["outcome"]), (&json!("goldseal/enroll/v1"), &json!("planned")));
    assert_eq!(planned["differences"].as_array().unwrap().len(), 4, "{planned:#}");
    let by_hand = planned["commands"][0].as_str().unwrap();
    assert!(by_hand.starts_with(&format!("aws autoscaling put-lifecycle-hook --region {REGION} ")), "{by_hand}");
    let shown = scene.goldseal.run(&line).exits(0).says("WOULD ENROLL").says(by_hand).says("nothing was changed");
    assert_eq!(shown.stderr, "");
    assert!(hooks(scene, "web").is_empty(), "it was only shown");

    let done = scene.goldseal.json(&format!("{line} --apply")).exits(0).report();
    assert_eq!((&done["outcome"], &done["new"]), (&json!("enrolled"), &json!(true)));
    let hook = hooks(scene, "web").remove(0);
    assert_eq!((hook.lifecycle_hook_name(), hook.default_result()), (Some(HOOK), Some("ABANDON")));
    assert_eq!((hook.heartbeat_timeout(), hook.notification_target_arn()), (Some(600), Some(fleet.arn.as_str())));
    assert_eq!(hook.role_arn(), Some(role.as_str()));
    scene.goldseal.run(&format!("{line} --apply")).exits(0).says("ENROLLED ALREADY");
    let puts = scene.account.calls("autoscaling").iter().filter(|(action, _)| action == "PutLifecycleHook").count();
    assert_eq!(puts, 1, "what is so already is not asked for");

    let _hook = fleet.hook("web", "");
    fleet.scale("web", 1);
    until("abandoned", || fleet.results("web").contains(&"ABANDON".to_owned()));
    fleet.scale("web", 0);
}

#[test]
fn a_hook_that_lets_everything_pass_is_named_and_closed() {
    let fleet = Fleet::new();
    let scene = &fleet.scene;
    fleet.group_with("web", &scene.account.image("image"), None, 600);
    let lax = scene.account.autoscaling().put_lifecycle_hook().auto_scaling_group_name("web");
    wait(lax.lifecycle_hook_name(HOOK).default_result("CONTINUE").send()).unwrap();
    let line = format!("enroll web --by-events --guard-group web --region {REGION}");
    let planned = scene.goldseal.json(&line).exits(0).report();
    assert_eq!(what(&planned), [("DefaultResult", Some("CONTINUE"))], "{planned:#}");
    scene.goldseal.run(&line).exits(0).says("CONTINUE → ABANDON");
    scene.goldseal.run(&format!("{line} --apply")).exits(0).says("ENROLLED  web");
    assert_eq!(hooks(scene, "web")[0].default_result(), Some("ABANDON"));
    // For trying out it can be asked for, by a name that says what it is, and the report says it as well.
    scene.goldseal.run(&format!("{line} --dangerous-continue --apply")).exits(0).says("dangerous-continue");
    assert_eq!(hooks(scene, "web")[0].default_result(), Some("CONTINUE"));
    // From a target to none and no further: what is left of its role is no difference.
    let told =
        format!("enroll web --queue {} --notify-role arn:aws:iam::1:role/x --region {REGION} --apply", fleet.queue);
    scene.goldseal.run(&told).exits(0).says("CONTINUE → ABANDON");
    scene.goldseal.run(&format!("{line} --apply")).exits(0).says("→ none");
    scene.goldseal.run(&format!("{line} --apply")).exits(0).says("ENROLLED ALREADY");
}

#[test]
fn where_nobody_would_answer_nothing_is_put() {
    let fleet = Fleet::new();
    let scene = &fleet.scene;
    bare_group(&scene.account, "web", &scene.account.image("image"));
    let line = format!("enroll web --by-events --apply --region {REGION}");
    // Groups that are named by a flag alone are enough.
    scene.goldseal.run(&format!("{line} --guard-group api")).exits(1).says("no pattern of guarded groups matches");
    scene.goldseal.write("settings.toml", "[hook]\ngroups = [\"api-*\"]\nhooks = [\"goldseal\"]\n");
    let refused = scene.goldseal.json(&line).exits(1).report();
    assert_eq!(
        (&refused["outcome"], &refused["findings"][0]["code"]),
        (&json!("refused"), &json!("hook-nobody-answers"))
    );
    scene.goldseal.run(&line).exits(1).says("NOT ENROLLED").says("goldseal hook --guard-group web");
    scene.goldseal.run(&format!("{line} --guard-group web --hook other")).exits(1).says("none of the guarded hooks");
    assert!(hooks(scene, "web").is_empty());
    scene.goldseal.fails(
        &format!("enroll gone --by-events --region {REGION}"),
        2,
        &["enrolling gone", "no such group"],
    );
    scene.goldseal.fails("enroll web --notify-role arn:aws:iam::1:role/x", 2, &["queue", "--queue URL"]);
    scene.goldseal.fails("enroll web", 2, &["--notify-role"]);
    scene.goldseal.fails("enroll web --by-events --timeout 30", 2, &["30"]);
    scene.account.fault(
        json!({"service": "autoscaling", "action": "DescribeLifecycleHooks", "status": 403, "code": "AccessDenied"}),
    );
    scene.goldseal.fails(&format!("{line} --guard-group web"), 3, &["autoscaling:DescribeLifecycleHooks"]);
}
