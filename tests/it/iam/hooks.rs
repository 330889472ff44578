//! What guards launches and boots calls: the hook as a daemon and as a function, its breakers, doctor, enroll, the boot
//! guard.

use std::{collections::BTreeMap, fs::File};

use aws_sdk_autoscaling::types::LaunchTemplateSpecification;
use aws_sdk_ec2::types::RequestLaunchTemplateData;
use serde_json::json;

use super::{Caller, borrowed, names};
use crate::{
    aws::{Account, REGION, wait},
    boot::instance::{Instance, possible},
    chain::Scene,
    enrolling::bare_group,
    fleet::{Fleet, HOOK, until},
    lambda::{Runtime, record},
    policies::{kms, policy, trusting},
    run::INPUTS,
};

const SUSPENDING: &str = "\n[breaker]\ninstances = 2\nwithin = \"1h\"\nsuspend_launch = true\n";

/// A fleet whose policy asks KMS and suspends launches; its state is in a bucket; `pool` has a warm pool.
fn fleet() -> (Fleet, Vec<(String, String)>) {
    let fleet = Fleet::new();
    let Scene { account, goldseal, key } = &fleet.scene;
    goldseal.write("policy.toml", policy(&[("ci", kms("ci", key))], 1) + SUSPENDING);
    goldseal.change("build.json", "\"finishedOn\": \"2026-11-20T09:19:47Z\",", "", "build.json");
    account.bucket_called(&format!("state-{}", account.id));
    let good = fleet.scene.sealed("golden");
    for group in ["good", "pool"] {
        fleet.group(group, &good);
    }
    fleet.group("bad", &account.image("unsealed"));
    let mut names = names(account);
    names.push(("IMAGE_KEY".to_owned(), key.id.clone()));
    names.push(("APPROVAL_KEY".to_owned(), key.id.clone()));
    names.push((":QUEUE".to_owned(), ":launches".to_owned()));
    (fleet, names)
}

fn warm(account: &Account, group: &str) {
    let pool = account.autoscaling().put_warm_pool().auto_scaling_group_name(group);
    wait(pool.min_size(1).max_group_prepared_capacity(1).pool_state("Stopped".into()).send()).unwrap();
}

#[test]
fn the_hook_and_its_breakers_need_their_documents_and_no_more() {
    let (fleet, names) = fleet();
    let (account, names) = (&fleet.scene.account, borrowed(&names));
    let state = format!("s3://state-{}", account.id);
    warm(account, "pool");
    let caller = Caller::of("hook", account);
    let mut hook = fleet.hook_with("good,bad,pool", &state, "", &[caller.environment()]);
    fleet.send("not JSON");
    fleet.scale("good", 1);
    until("in service", || fleet.states("good") == ["InService"]);
    fleet.scale("bad", 1);
    hook.says("event=\"launch-suspended\"");
    hook.says("event=\"message-poison\"");
    until("the sweep", || hook.metric("goldseal_hook_last_sweep_timestamp_seconds") > 0.0);
    // Messages that nobody can read are given back when all others are done.
    hook.signal("TERM");
    assert_eq!(hook.ends(), Some(0));
    caller.needs_all_of_its_document(&names, None);

    let shown = Caller::of("hook-breaker", account);
    shown.run(&fleet.scene.goldseal, &format!("hook breaker --state {state}")).exits(1);
    shown.needs_all_of_its_document(&names, None);
    let reset = Caller::of("hook-breaker-reset", account);
    let line = format!("hook breaker reset --group bad --resume-launch --state {state}");
    reset.run(&fleet.scene.goldseal, &line).exits(0);
    reset.needs_all_of_its_document(&names, None);
    fleet.scale("bad", 0);
}

#[test]
fn the_function_needs_its_document_and_no_more() {
    let (fleet, names) = fleet();
    let account = &fleet.scene.account;
    warm(account, "pool");
    fleet.scale("good", 1);
    fleet.scale("bad", 2);
    until("they wait", || fleet.actions("good").len() == 1 && fleet.actions("bad").len() == 2);
    let (runtime, address) = Runtime::start();
    let caller = Caller::of("lambda", account);
    let state = format!("s3://state-{}", account.id);
    let environment = [
        caller.environment(),
        ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
        ("AWS_LAMBDA_FUNCTION_NAME", "goldseal"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "s"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "g"),
        ("GOLDSEAL_HOOK_GROUPS", "good,bad,pool"),
        ("GOLDSEAL_HOOK_HOOKS", HOOK),
        ("GOLDSEAL_STATE", state.as_str()),
    ];
    let log = File::create(fleet.scene.goldseal.path("lambda.log")).unwrap();
    let mut function = fleet.scene.goldseal.start_logging("lambda", &environment, log);
    let waits: Vec<_> = ["good", "bad"].iter().flat_map(|group| fleet.actions(group)).collect();
    let told = waits.iter().enumerate().map(|(at, action)| {
        let body = json!({"AutoScalingGroupName": action["group"], "LifecycleHookName": HOOK, "EC2InstanceId": action["instance"],
            "LifecycleActionToken": action["token"], "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"});
        record(&format!("m-{at}"), &body)
    });
    let (went_well, answer) = runtime.call(&json!({"Records": told.collect::<Vec<_>>()}));
    assert!(went_well, "{answer:#}");
    let schedule = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
    assert!(runtime.call(&schedule).0);
    until("launches are suspended", || {
        let call = account.autoscaling().describe_auto_scaling_groups().auto_scaling_group_names("bad");
        !wait(call.send()).unwrap().auto_scaling_groups()[0].suspended_processes().is_empty()
    });
    function.kill().unwrap();
    function.wait().unwrap();
    caller.needs_all_of_its_document(&borrowed(&names), None);
    fleet.scale("bad", 0);
}

#[test]
fn doctor_and_enroll_need_their_documents_and_no_more() {
    let (fleet, mut names) = fleet();
    let Scene { account, goldseal, .. } = &fleet.scene;
    warm(account, "pool");
    let dead = wait(account.sqs().create_queue().queue_name("goldseal-dead").send()).unwrap();
    assert!(dead.queue_url.is_some());
    let redrive = json!({"deadLetterTargetArn": format!("arn:aws:sqs:{REGION}:{}:goldseal-dead", account.id),
        "maxReceiveCount": 20});
    let set = account.sqs().set_queue_attributes().queue_url(&fleet.queue);
    wait(set.attributes("RedrivePolicy".into(), redrive.to_string()).send()).unwrap();
    // A group by a launch configuration, and one whose template names a parameter.
    let old = account.autoscaling().create_launch_configuration().launch_configuration_name("old");
    wait(old.image_id(account.image("old")).instance_type("t3.micro").send()).unwrap();
    let group = account.autoscaling().create_auto_scaling_group().auto_scaling_group_name("old");
    let group = group.launch_configuration_name("old").min_size(0).max_size(0).availability_zones(format!("{REGION}a"));
    wait(group.send()).unwrap();
    let data = RequestLaunchTemplateData::builder().image_id("resolve:ssm:/golden/base").build();
    let template = account.ec2().create_launch_template().launch_template_name("named");
    wait(template.launch_template_data(data).send()).unwrap();
    let template = LaunchTemplateSpecification::builder().launch_template_name("named").version("1").build();
    let group = account.autoscaling().create_auto_scaling_group().auto_scaling_group_name("named");
    let group = group.launch_template(template).min_size(0).max_size(0).availability_zones(format!("{REGION}a"));
    wait(group.send()).unwrap();

    let caller = Caller::of("doctor", account);
    let line = format!(
        "doctor --queue {} --guard-group good --guard-group bad --guard-group pool --guard-group old --guard-group named \
         --guard-hook {HOOK} --state s3://state-{}",
        fleet.queue, account.id
    );
    caller.run(goldseal, &line).exits(1);
    names.push(("DEAD_LETTERS".to_owned(), "goldseal-dead".to_owned()));
    caller.needs_all_of_its_document(&borrowed(&names), None);

    bare_group(account, "web", &account.image("web"));
    warm(account, "web");
    let caller = Caller::of("enroll", account);
    let role = format!("arn:aws:iam::{}:role/notify", account.id);
    let line = format!("enroll web --queue {} --notify-role {role} --apply", fleet.queue);
    caller.run(goldseal, &line).exits(0);
    caller.needs_all_of_its_document(&borrowed(&names), None);
}

#[test]
fn the_boot_guard_needs_its_document_and_no_more() {
    if !possible() {
        return;
    }
    let account = Account::new();
    let (sealer, ami, key) = (account.goldseal(), account.image("boots"), account.key_called("signing"));
    sealer.write("policy.toml", trusting(&key));
    let evidence = account.bucket_store();
    account.bucket_called(&format!("records-{}", account.id));
    let store = format!("--store {evidence}");
    sealer.run(&format!("sign {ami} --key awskms:///alias/signing {INPUTS} {store}")).exits(0);

    let caller = Caller::of("boot", &account);
    let (name, app) = caller.environment();
    let instance = Instance::new().with_role(&account).runs_as(|goldseal| goldseal.with(name, app));
    instance.goldseal.write("policy.toml", trusting(&key));
    let record = format!("record = \"s3://records-{}/boots\"", account.id);
    instance.settings(&format!("store = \"{evidence}\""), &record);
    let document = json!({"imageId": ami, "region": REGION, "accountId": account.id});
    let instance = instance.with("document", document);
    instance.runs("{ $GOLDSEAL boot --enforce --output json 3>&1 1>&4 2>&3 | cat >log; } 4>&1").exits(0);
    let own: BTreeMap<&str, String> =
        [("${ec2:SourceInstanceARN}", format!("arn:aws:ec2:{REGION}:{}:instance/i-0123456789abcdef0", account.id))]
            .into();
    let names: Vec<(String, String)> =
        own.into_iter().map(|(word, arn)| (word.to_owned(), arn)).chain(names(&account)).collect();
    caller.needs_all_of_its_document(&borrowed(&names), None);
}
