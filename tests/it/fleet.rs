//! Auto Scaling groups of the local AWS behind a queue, and the launch hook that guards them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use aws_sdk_autoscaling::types::{LaunchTemplateSpecification, LifecycleHookSpecification};
use aws_sdk_ec2::types::RequestLaunchTemplateData;
use serde_json::Value;

use crate::{aws::wait, chain::Scene, cloud::cloud};

/// The hook of every group here.
pub const HOOK: &str = "goldseal";
/// How long anything may take: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A scene with a queue and groups.
pub struct Fleet {
    pub scene: Scene,
    pub queue: String,
    pub arn: String,
}

/// A running launch hook; it ends with the test.
pub struct Hook {
    pub process: Child,
    log: std::path::PathBuf,
}

impl Fleet {
    /// Makes a queue without any group.
    pub fn new() -> Self {
        Self::around(Scene::new())
    }

    /// Makes a queue for a scene.
    pub fn around(scene: Scene) -> Self {
        cloud().send("POST", "/localaws/lifecycle", r#"{"shortest_heartbeat": 1}"#);
        let queue = wait(scene.account.sqs().create_queue().queue_name("launches").send()).unwrap().queue_url.unwrap();
        let arn = format!("arn:aws:sqs:{}:{}:launches", crate::aws::REGION, scene.account.id);
        Self { scene, queue, arn }
    }

    /// Makes a group that launches an image, with our hook, whose notices go to the queue.
    pub fn group(&self, name: &str, image: &str) {
        self.group_with(name, image, Some(&self.arn), 300);
    }

    /// Makes a group whose hook has another target, or none, and another timeout.
    pub fn group_with(&self, name: &str, image: &str, target: Option<&str>, timeout: i32) {
        let data = RequestLaunchTemplateData::builder().image_id(image).instance_type("t3.micro".into()).build();
        let template = self.scene.account.ec2().create_launch_template().launch_template_name(name);
        wait(template.launch_template_data(data).send()).unwrap();
        let template = LaunchTemplateSpecification::builder().launch_template_name(name).version("1").build();
        let hook = LifecycleHookSpecification::builder()
            .lifecycle_hook_name(HOOK)
            .lifecycle_transition("autoscaling:EC2_INSTANCE_LAUNCHING")
            .default_result("ABANDON")
            .heartbeat_timeout(timeout)
            .set_notification_target_arn(target.map(str::to_owned))
            .set_role_arn(target.map(|_| format!("arn:aws:iam::{}:role/notify", self.scene.account.id)))
            .build();
        let group = self.scene.account.autoscaling().create_auto_scaling_group().auto_scaling_group_name(name);
        let group = group.launch_template(template).min_size(0).max_size(100).desired_capacity(0);
        wait(
            group.availability_zones(format!("{}a", crate::aws::REGION)).lifecycle_hook_specification_list(hook).send(),
        )
        .unwrap();
    }

    /// Asks for so many instances.
    pub fn scale(&self, group: &str, size: i32) {
        let call = self.scene.account.autoscaling().set_desired_capacity().auto_scaling_group_name(group);
        wait(call.desired_capacity(size).send()).unwrap();
    }

    /// Returns the lifecycle states of a group's instances.
    pub fn states(&self, group: &str) -> Vec<String> {
        let call = self.scene.account.autoscaling().describe_auto_scaling_groups().auto_scaling_group_names(group);
        let groups = wait(call.send()).unwrap().auto_scaling_groups.unwrap_or_default();
        let instances = groups.first().map(|group| group.instances().to_vec()).unwrap_or_default();
        instances.iter().map(|one| one.lifecycle_state().unwrap().as_str().to_owned()).collect()
    }

    /// Returns the actions of a group, as the local AWS saw them.
    pub fn actions(&self, group: &str) -> Vec<Value> {
        let (_, body) = cloud().send("GET", "/localaws/lifecycle", "");
        let ledger: Value = serde_json::from_str(&body).unwrap();
        let ours = |one: &&Value| one["account"] == *self.scene.account.id && one["group"] == group;
        ledger["actions"].as_array().unwrap().iter().filter(ours).cloned().collect()
    }

    /// Returns the results of a group's actions, those that wait as `waiting`.
    pub fn results(&self, group: &str) -> Vec<String> {
        let result = |one: &Value| one["result"].as_str().unwrap_or("waiting").to_owned();
        self.actions(group).iter().map(result).collect()
    }

    /// Sends a message to the queue.
    pub fn send(&self, body: &str) {
        wait(self.scene.account.sqs().send_message().queue_url(&self.queue).message_body(body).send()).unwrap();
    }

    /// Returns how many messages are in the queue, seen or not.
    pub fn messages(&self) -> usize {
        let call = self.scene.account.sqs().get_queue_attributes().queue_url(&self.queue).attribute_names("All".into());
        let told = wait(call.send()).unwrap().attributes.unwrap_or_default();
        let number = |name: &str| told.iter().find(|(key, _)| key.as_str() == name).and_then(|(_, n)| n.parse().ok());
        let of = |name| number(name).unwrap_or(0usize);
        of("ApproximateNumberOfMessages") + of("ApproximateNumberOfMessagesNotVisible")
    }

    /// Starts the hook for these groups.
    pub fn hook(&self, groups: &str, more: &str) -> Hook {
        let state = format!("file://{}", self.scene.goldseal.path("state").display());
        self.hook_with(groups, &state, more, &[])
    }

    /// Starts the hook with its state elsewhere, and more in its environment.
    pub fn hook_with(&self, groups: &str, state: &str, more: &str, environment: &[(&str, &str)]) -> Hook {
        let flags = format!("--queue {} --guard-group {groups} --guard-hook {HOOK} --state {state} {more}", self.queue);
        self.hook_by(&flags, environment)
    }

    /// Starts the hook with these flags, and else with what its settings file says.
    pub fn hook_by(&self, flags: &str, environment: &[(&str, &str)]) -> Hook {
        let log = self.scene.goldseal.path("hook.log");
        let line = format!("hook --listen 127.0.0.1:0 {flags}");
        let process = self.scene.goldseal.start_logging(&line, environment, File::create(&log).unwrap());
        let mut hook = Hook { process, log };
        hook.says("event=\"started\"");
        hook
    }
}

impl Hook {
    /// Returns what it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has logged a text.
    #[track_caller]
    pub fn says(&mut self, text: &str) {
        let log = self.log.clone();
        until(&format!("{text} in the log"), || {
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("the hook ended with {status}:\n{}", std::fs::read_to_string(&log).unwrap());
            }
            std::fs::read_to_string(&log).unwrap().contains(text)
        });
    }

    /// Asks it over HTTP; returns status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        let log = self.log();
        let address = log.split("listen=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    /// Returns the value of a metric, by its name and labels.
    pub fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics");
        let values: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.rsplit_once(' ')).collect();
        values.get(name).map_or(0.0, |value| value.parse().unwrap())
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        // The shell has its own; the program of that name is a package of its own.
        let kill = ["-c", "kill -s \"$0\" \"$1\"", name, &pid];
        assert!(std::process::Command::new("sh").args(kill).status().unwrap().success());
    }

    /// Waits for its end and returns its exit code.
    pub fn ends(&mut self) -> Option<i32> {
        let mut status = None;
        until("the end of the hook", || {
            status = self.process.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
        if thread::panicking() {
            println!("{}", self.log());
        }
    }
}

/// Waits until something holds.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it never came: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}
