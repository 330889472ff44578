//! `goldseal doctor` against the local AWS: a set-up as docs/hook.md has it, one where everything is wrong, and what the
//! caller may not do.

use aws_sdk_autoscaling::types::LaunchTemplateSpecification;
use aws_sdk_ec2::types::RequestLaunchTemplateData;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use goldseal_core::attestation::predicate::Revocations;
use serde_json::{Value, json};

use crate::{
    aws::{REGION, wait},
    chain::Scene,
    policies::{kms, policy},
    run::{Goldseal, INPUTS},
    withdrawn,
};

/// A set-up of the hook in an account of its own.
pub struct Fleet {
    scene: Scene,
    pub goldseal: Goldseal,
    queue: String,
}

impl Fleet {
    /// Makes a queue with its dead-letter queue; the key of the policy is asked for in KMS.
    fn new() -> Self {
        let scene = Scene::new();
        scene.goldseal.write("policy.toml", policy(&[("ci", kms("ci", &scene.key))], 1));
        // The clock of the machine that runs the tests may be anywhere.
        scene.goldseal.change("build.json", "\"finishedOn\": \"2026-11-20T09:19:47Z\",", "", "timeless.json");
        let sqs = aws_sdk_sqs::Client::new(&scene.account.sdk());
        let make = |name: &str| wait(sqs.create_queue().queue_name(name).send()).unwrap().queue_url.unwrap();
        let (queue, _dead) = (make("goldseal"), make("goldseal-dead"));
        let fleet = Self { goldseal: scene.account.goldseal(), scene, queue };
        let redrive = json!({"deadLetterTargetArn": fleet.arn("goldseal-dead"), "maxReceiveCount": 20}).to_string();
        fleet.set(Attribute::RedrivePolicy, &redrive);
        fleet.goldseal.write("policy.toml", fleet.scene.goldseal.read("policy.toml"));
        fleet.settings("groups = ['web']");
        fleet
    }

    /// Writes the settings file; `more` is below `[hook]`.
    fn settings(&self, more: &str) {
        let Self { scene, goldseal, queue } = self;
        std::fs::create_dir_all(goldseal.path("state")).unwrap();
        let (state, policy) = (goldseal.path("state"), goldseal.path("policy.toml"));
        goldseal.write(
            "settings.toml",
            format!(
                "store = 's3://{}'\npolicy = '{}'\n[hook]\nqueue = '{queue}'\nhooks = ['goldseal']\nstate = 'file://{}'\n{more}\n",
                scene.account.bucket(),
                policy.display(),
                state.display()
            ),
        );
    }

    fn arn(&self, queue: &str) -> String {
        format!("arn:aws:sqs:{REGION}:{}:{queue}", self.scene.account.id)
    }

    fn set(&self, attribute: Attribute, value: &str) {
        let sqs = aws_sdk_sqs::Client::new(&self.scene.account.sdk());
        wait(sqs.set_queue_attributes().queue_url(&self.queue).attributes(attribute, value).send()).unwrap();
    }

    fn autoscaling(&self) -> aws_sdk_autoscaling::Client {
        aws_sdk_autoscaling::Client::new(&self.scene.account.sdk())
    }

    /// Registers an image and signs it, at no time in particular.
    fn sealed(&self, name: &str) -> String {
        let ami = self.scene.account.image(name);
        let inputs = INPUTS.replace("build.json", "timeless.json");
        self.scene.goldseal.run(&format!("sign {ami} --key awskms:///alias/signing {inputs}")).exits(0);
        ami
    }

    /// Makes a group whose launch template names an image so.
    fn group(&self, name: &str, image: &str) {
        let data = RequestLaunchTemplateData::builder().image_id(image).build();
        let template = self.scene.account.ec2().create_launch_template().launch_template_name(name);
        wait(template.launch_template_data(data).send()).unwrap();
        let template = LaunchTemplateSpecification::builder().launch_template_name(name).version("$Latest").build();
        let request = self.autoscaling().create_auto_scaling_group().auto_scaling_group_name(name);
        let request = request.min_size(0).max_size(0).availability_zones(format!("{REGION}a"));
        wait(request.launch_template(template).send()).unwrap();
    }

    fn hook(&self, group: &str, timeout: i32, default: &str, target: Option<&str>) {
        let request = self.autoscaling().put_lifecycle_hook().auto_scaling_group_name(group);
        let request = request.lifecycle_hook_name("goldseal").heartbeat_timeout(timeout).default_result(default);
        let request = request.lifecycle_transition("autoscaling:EC2_INSTANCE_LAUNCHING");
        let role = format!("arn:aws:iam::{}:role/notify", self.scene.account.id);
        let request = request.set_notification_target_arn(target.map(|name| self.arn(name)));
        wait(request.set_role_arn(target.map(|_| role)).send()).unwrap();
    }

    /// The set-up of docs/hook.md: one group, one sealed image.
    pub fn good() -> Self {
        let fleet = Self::new();
        let ami = fleet.sealed("golden");
        fleet.group("web", &ami);
        fleet.hook("web", 600, "ABANDON", Some("goldseal"));
        // The test notification of the hook, which a hook that runs would have deleted.
        let sqs = aws_sdk_sqs::Client::new(&fleet.scene.account.sdk());
        wait(sqs.purge_queue().queue_url(&fleet.queue).send()).unwrap();
        fleet
    }

    #[track_caller]
    fn doctor(&self, code: i32) -> Value {
        self.goldseal.json("doctor").exits(code).report()
    }
}

/// Returns the findings of a report that are worse than a note: severity, code and place.
fn bad(report: &Value) -> Vec<(&str, &str, &str)> {
    let text =
        |one: &'_ Value, field: &str| -> &str { Box::leak(one[field].as_str().unwrap().to_owned().into_boxed_str()) };
    let all = report["findings"].as_array().unwrap().iter();
    let all = all.map(|one| (text(one, "severity"), text(one, "code"), text(one, "where")));
    all.filter(|(severity, ..)| !["note", "good"].contains(severity)).collect()
}

fn find<'r>(report: &'r Value, code: &str) -> &'r Value {
    let all = report["findings"].as_array().unwrap();
    all.iter().find(|one| one["code"] == code).unwrap_or_else(|| panic!("no {code} in {report:#}"))
}

#[test]
fn the_revocation_list_is_looked_at_before_launches_have_to_wait_for_it() {
    let fleet = Fleet::good();
    let text = String::from_utf8(fleet.goldseal.read("policy.toml")).unwrap();
    fleet.goldseal.write("policy.toml", text + &withdrawn::revocation());
    let of_lists = |report: &Value| -> Vec<String> {
        let all = report["findings"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned());
        all.filter(|code| code.starts_with("revocation-list")).collect()
    };
    let absent = fleet.doctor(1);
    assert_eq!(of_lists(&absent), ["revocation-list-absent"]);
    assert!(bad(&absent).iter().any(|(_, code, _)| *code == "image-undetermined"), "{absent:#}");
    fleet.goldseal.run("doctor").exits(1).says("goldseal revoke renew --first");
    let hours = |hours: i64| jiff::Timestamp::now().saturating_sub(jiff::SignedDuration::from_hours(hours)).unwrap();
    for (age, code, finding) in
        [(1, 0, "revocation-list-good"), (19, 0, "revocation-list-ends-soon"), (25, 1, "revocation-list-stale")]
    {
        let list = Revocations::new("default").next(Vec::new(), hours(age));
        withdrawn::put(&fleet.scene.account, &list);
        assert_eq!(of_lists(&fleet.doctor(code)), [finding]);
    }
}

#[test]
fn a_good_set_up_has_nothing_to_mend_and_nothing_is_touched() {
    let fleet = Fleet::good();
    let report = fleet.doctor(0);
    assert_eq!(report["schema"], "goldseal/doctor/v1");
    assert_eq!((&report["region"], &report["account"]), (&json!(REGION), &json!(fleet.scene.account.id)));
    assert_eq!(bad(&report), []);
    for code in ["hook-good", "queue-good", "image-admitted", "key-good", "store-good", "state-good", "clock-good"] {
        assert_eq!(find(&report, code)["severity"], "good");
    }
    let granted = find(&report, "permission-good")["message"].as_str().unwrap();
    for action in [
        "autoscaling:CompleteLifecycleAction",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLifecycleHooks",
        "autoscaling:RecordLifecycleActionHeartbeat",
        "ec2:DescribeImages",
        "ec2:DescribeInstances",
        "ec2:DescribeVolumes",
        "s3:GetObject",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
    ] {
        assert!(granted.contains(action), "{action}: {granted}");
    }
    let calls = fleet.scene.account.calls("sqs");
    assert!(!calls.iter().any(|(action, _)| action == "ReceiveMessage"), "{calls:?}");
    let calls = fleet.scene.account.calls("autoscaling");
    assert!(!calls.iter().any(|(action, _)| action == "SuspendProcesses"), "{calls:?}");
    let shown = fleet.goldseal.run("doctor").exits(0);
    assert!(shown.stdout.ends_with("0 problems, 0 not asked, 0 warnings\n"), "{}", shown.stdout);
}

#[test]
fn where_everything_is_wrong_each_thing_is_named_with_what_to_type() {
    let fleet = Fleet::new();
    let account = &fleet.scene.account;
    let bare = account.image("bare");
    fleet.set(Attribute::MessageRetentionPeriod, "60");
    let redrive = json!({"deadLetterTargetArn": fleet.arn("goldseal-dead"), "maxReceiveCount": 1}).to_string();
    fleet.set(Attribute::RedrivePolicy, &redrive);
    // The last one: the local AWS forgets a policy when another attribute is set.
    let allow = json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:ReceiveMessage"}]});
    fleet.set(Attribute::Policy, &allow.to_string());
    let sqs = aws_sdk_sqs::Client::new(&account.sdk());
    let dead = fleet.queue.replace("/goldseal", "/goldseal-dead");
    wait(sqs.delete_queue().queue_url(&dead).send()).unwrap();
    // One group whose hook lets everything pass, one that tells another queue, one without a hook, and two strangers.
    fleet.group("web", &bare);
    fleet.hook("web", 30, "CONTINUE", None);
    wait(sqs.create_queue().queue_name("other").send()).unwrap();
    fleet.group("batch-1", "resolve:ssm:/golden/none");
    fleet.hook("batch-1", 600, "ABANDON", Some("other"));
    fleet.group("batch-2", &bare);
    fleet.group("stranger", &bare);
    fleet.group("waits", &bare);
    fleet.hook("waits", 600, "ABANDON", Some("goldseal"));
    let suspend = fleet.autoscaling().suspend_processes().auto_scaling_group_name("batch-2");
    wait(suspend.scaling_processes("Launch").send()).unwrap();
    wait(account.kms().disable_key().key_id(&fleet.scene.key.id).send()).unwrap();
    let suspending =
        format!("{}[breaker]\nsuspend_launch = true\n", String::from_utf8(fleet.goldseal.read("policy.toml")).unwrap());
    fleet.goldseal.write("policy.toml", suspending);
    fleet.settings("groups = ['web', 'batch-*', 'gone']\ndeadline = '1h'");

    let report = fleet.doctor(1);
    let found = bad(&report);
    let q = fleet.queue.as_str();
    let dead = fleet.arn("goldseal-dead");
    for expected in [
        ("warning", "group-pattern-unmatched", "gone"),
        ("warning", "group-not-guarded", "1 groups"),
        ("problem", "hook-nobody-answers", "waits/goldseal"),
        ("problem", "hook-missing", "batch-2"),
        ("problem", "hook-default-continue", "web/goldseal"),
        ("warning", "hook-timeout-short", "web/goldseal"),
        ("warning", "hook-ends-before-deadline", "web/goldseal"),
        ("problem", "hook-tells-another-queue", "batch-1/goldseal"),
        ("warning", "launch-suspended", "batch-2"),
        ("problem", "queue-open-to-all", q),
        ("problem", "queue-closed-to-events", q),
        ("warning", "queue-retention-short", q),
        ("warning", "dead-letters-too-soon", q),
        ("problem", "dead-letters-missing", dead.as_str()),
    ] {
        assert!(found.contains(&expected), "{expected:?} is not in {found:#?}");
    }
    let refused = find(&report, "image-refused");
    assert!(refused["message"].as_str().unwrap().ends_with("evidence-absent"), "{refused:#}");
    let verify = refused["type"][0].as_str().unwrap();
    assert!(verify.starts_with(&format!("goldseal verify {REGION}:{bare} ")), "{verify}");
    let none = find(&report, "image-not-found");
    assert!(none["message"].as_str().unwrap().starts_with("resolve:ssm:/golden/none: "), "{none:#}");
    assert_eq!(find(&report, "key-withdrawn")["severity"], "problem");
    assert!(find(&report, "permission-good")["message"].as_str().unwrap().contains("autoscaling:SuspendProcesses"));
    let severities: Vec<&str> = found.iter().map(|(severity, ..)| *severity).collect();
    assert!(severities.is_sorted(), "the worst first: {severities:?}");
    for one in report["findings"].as_array().unwrap() {
        let mute = ["good", "note"].contains(&one["severity"].as_str().unwrap());
        assert!(mute || !one["type"].as_array().unwrap().is_empty(), "{one:#}");
    }

    // What it says to type is what mends it: the verify command refuses the image, the policy closes the queue.
    fleet.goldseal.run(verify.strip_prefix("goldseal ").unwrap()).exits(1).says("evidence-absent");
    let mend = find(&report, "queue-open-to-all")["type"][0].as_str().unwrap();
    let attributes = mend.split_once("--attributes '").unwrap().1.strip_suffix('\'').unwrap();
    let attributes: Value = serde_json::from_str(attributes).unwrap();
    fleet.set(Attribute::Policy, attributes["Policy"].as_str().unwrap());
    let report = fleet.doctor(1);
    let codes: Vec<&str> = bad(&report).into_iter().map(|(_, code, _)| code).collect();
    assert!(!codes.contains(&"queue-open-to-all") && !codes.contains(&"queue-closed-to-events"), "{codes:?}");
    fleet
        .goldseal
        .run("doctor")
        .exits(1)
        .says("PROBLEM hook-default-continue  web/goldseal")
        .says("--default-result ABANDON");
}

#[test]
fn each_missing_action_is_named_with_its_statement() {
    let fleet = Fleet::good();
    let account = &fleet.scene.account;
    for (service, call, action) in [
        ("autoscaling", "CompleteLifecycleAction", "autoscaling:CompleteLifecycleAction"),
        ("autoscaling", "RecordLifecycleActionHeartbeat", "autoscaling:RecordLifecycleActionHeartbeat"),
        ("autoscaling", "DescribeAutoScalingInstances", "autoscaling:DescribeAutoScalingInstances"),
        ("autoscaling", "DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingGroups"),
        ("autoscaling", "DescribeLifecycleHooks", "autoscaling:DescribeLifecycleHooks"),
        ("ec2", "DescribeInstances", "ec2:DescribeInstances"),
        ("ec2", "DescribeVolumes", "ec2:DescribeVolumes"),
        ("sqs", "DeleteMessageBatch", "sqs:DeleteMessage"),
        ("sqs", "ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility"),
        ("kms", "DescribeKey", "kms:DescribeKey"),
        ("kms", "GetPublicKey", "kms:GetPublicKey"),
    ] {
        account.fault(json!({"service": service, "action": call, "status": 403, "code": "AccessDenied"}));
        let report = fleet.doctor(1);
        let missing = find(&report, "permission-missing");
        assert_eq!(missing["where"], action, "{missing:#}");
        let typed = missing["type"][0].as_str().unwrap();
        let document = typed.split_once("--policy-document '").unwrap().1.strip_suffix('\'').unwrap();
        let document: Value = serde_json::from_str(document).unwrap();
        assert!(document["Statement"][0]["Action"].to_string().contains(action), "{document}");
    }
    for (service, call, code) in [("ec2", "DescribeImages", "ec2:DescribeImages"), ("s3", "GetObject", "s3:GetObject")]
    {
        // The images of groups need these as well.
        let fault = json!({"service": service, "action": call, "status": 403, "code": "AccessDenied", "times": 2});
        account.fault(fault);
        let report = fleet.doctor(1);
        assert_eq!(find(&report, "permission-missing")["where"], code);
        assert_eq!(find(&report, "image-undetermined")["severity"], "problem");
    }
    assert_eq!(bad(&fleet.doctor(0)), []);
}

#[test]
fn what_cannot_be_asked_is_told_with_an_exit_code_of_its_own() {
    let fleet = Fleet::good();
    for (service, call, place) in [
        ("sqs", "GetQueueAttributes", "sqs:GetQueueAttributes"),
        ("ec2", "DescribeLaunchTemplateVersions", "ec2:DescribeLaunchTemplateVersions"),
        ("sts", "GetCallerIdentity", "sts:GetCallerIdentity"),
    ] {
        let fault = json!({"service": service, "action": call, "status": 403, "code": "AccessDenied"});
        fleet.scene.account.fault(fault);
        let report = fleet.doctor(3);
        let found = bad(&report);
        let [("unknown", "not-asked", at)] = found.as_slice() else { panic!("{found:?}") };
        assert!(at.starts_with(place), "{at}");
    }
    let goldseal =
        fleet.scene.account.goldseal().with("AWS_ENDPOINT_URL", crate::aws::NOWHERE).with("AWS_MAX_ATTEMPTS", "1");
    goldseal.write("settings.toml", fleet.goldseal.read("settings.toml"));
    let report = goldseal.json("doctor").exits(3).report();
    assert!(
        bad(&report).iter().all(|(severity, code, _)| (*severity, *code) == ("unknown", "not-asked")),
        "{report:#}"
    );
}

#[test]
fn without_a_queue_the_rest_is_looked_at_and_without_settings_nothing() {
    let fleet = Fleet::good();
    let settings = String::from_utf8(fleet.goldseal.read("settings.toml")).unwrap();
    let without: Vec<&str> = settings.lines().filter(|line| !line.starts_with("queue")).collect();
    fleet.goldseal.write("settings.toml", without.join("\n"));
    let report = fleet.doctor(0);
    assert_eq!(find(&report, "queue-not-set")["severity"], "note");
    assert!(fleet.scene.account.calls("sqs").iter().all(|(action, _)| action != "GetQueueAttributes"));
    fleet.goldseal.write("settings.toml", "");
    fleet.goldseal.fails("doctor", 2, &["no store is set"]);
    fleet.goldseal.run("doctor").exits(2);
}
