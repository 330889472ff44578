//! An instance, as far as the guard can tell: a network of its own where 169.254.169.254 is a fake IMDS, a way out to one
//! store and to the local AWS, and a systemctl that only writes down what it is asked.
//!
//! The guard runs with --enforce in here. What it asks systemd for goes to the systemctl of the folder; a `/run` of its
//! own hides that of this machine; and root of a user namespace may not call reboot(2).

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    aws::Account,
    cloud::{cloud, python_path},
    offline::{AMI, seal},
    run::{Goldseal, Run, permitted},
    skipped,
    tls::WebServer,
};

/// A namespace in which nothing can happen to this machine.
const OWN: &[&str] = &["unshare", "-rnm"];
const MADE: &str =
    "ip link set lo up && ip addr add 169.254.169.254/32 dev lo && mount -t tmpfs none /run && mkdir /run/goldseal";

/// Says whether such a thing can be made here, and that a test is skipped where not.
pub fn possible() -> bool {
    let possible = permitted(&[OWN, &["sh", "-c", MADE]].concat().iter().copied().chain(["sh"]).collect::<Vec<_>>());
    if !possible {
        skipped("the boot guard before a fake IMDS", "unshare -rnm, ip and mount are not permitted here");
    }
    possible
}

/// See the module.
pub struct Instance {
    pub goldseal: Goldseal,
    pub web: WebServer,
    world: Value,
    relays: Vec<Relay>,
}

/// Passes connections on, until it is dropped.
struct Relay(Child);

impl Drop for Relay {
    fn drop(&mut self) {
        let _gone = self.0.kill().and_then(|()| self.0.wait());
    }
}

impl Instance {
    /// Makes an instance of the image that `offline::seal` seals, with its evidence behind https.
    pub fn new() -> Self {
        let goldseal = Goldseal::new();
        seal(&goldseal);
        let web = WebServer::start(&goldseal.path("store"), &goldseal.path("."));
        let path = format!("{}:{}", goldseal.path("bin").display(), std::env::var("PATH").unwrap());
        let goldseal = goldseal.with("PATH", path).with("INVOCATION_ID", "0123456789abcdef0123456789abcdef");
        let world = json!({"document": {"imageId": AMI, "region": "eu-west-1", "availabilityZone": "eu-west-1a"}});
        let mut instance = Self { goldseal, web, world, relays: Vec::new() };
        let url = format!("https://{}", instance.web.host);
        instance.settings(&format!("store = \"{url}\""), "deadline = \"20s\"");
        instance.systemctl("exit 0");
        let port = instance.web.host.rsplit(':').next().unwrap().to_owned();
        instance.reach(&format!("localhost:{port}"), &format!("127.0.0.1:{port}"));
        instance
    }

    /// Changes the world that IMDS tells of.
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.world[key] = value;
        self
    }

    /// Gives it a role of an account, and a way to the local AWS.
    pub fn with_role(mut self, account: &Account) -> Self {
        let endpoint = &cloud().endpoint;
        let there = endpoint.trim_start_matches("http://").to_owned();
        let port = there.rsplit(':').next().unwrap().to_owned();
        self.reach(&there, &format!("127.0.0.1:{port}"));
        let role = json!({"AccessKeyId": account.id, "SecretAccessKey": "testing"});
        self.runs_as(|goldseal| goldseal.with("AWS_ENDPOINT_URL", endpoint).without("AWS_EC2_METADATA_DISABLED"))
            .with("credentials", role)
    }

    /// Changes how the executable is run.
    pub fn runs_as(self, change: impl FnOnce(Goldseal) -> Goldseal) -> Self {
        Self { goldseal: change(self.goldseal), ..self }
    }

    /// Writes the settings: something at the top, something below `[boot]`.
    pub fn settings(&self, top: &str, boot: &str) {
        let text = format!(
            "{top}\npolicy = \"policy.toml\"\nca_file = \"ca.pem\"\n[boot]\ncertificates = \"keys/aws.pem\"\nstate = \
             \"file://{}\"\n{boot}\n",
            self.goldseal.path("state").display()
        );
        self.goldseal.write("settings.toml", text);
    }

    /// Adds to the policy.
    pub fn policy(&self, more: &str) {
        let text = String::from_utf8(self.goldseal.read("policy.toml")).unwrap();
        self.goldseal.write("policy.toml", text + more);
    }

    /// Says what systemctl does, after it has written down what it was asked.
    pub fn systemctl(&self, does: &str) {
        let log = self.goldseal.path("systemctl.log");
        self.goldseal.write("bin/systemctl", format!("#!/bin/sh\necho \"$@\" >>{}\n{does}\n", log.display()));
        fs::set_permissions(self.goldseal.path("bin/systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Lets the instance reach an address of this machine at an address of its own.
    pub fn reach(&mut self, there: &str, here: &str) {
        let socket = self.goldseal.path(&format!("relay-{}.sock", self.relays.len()));
        let (relay, from, to) = ("tests/boot/relay.py", format!("unix:{}", socket.display()), format!("tcp:{there}"));
        let child = Command::new(python_path()).args([relay, &from, &to]).stdin(Stdio::null()).spawn().unwrap();
        self.relays.push(Relay(child));
        let late = Instant::now() + Duration::from_secs(20);
        while !socket.exists() {
            assert!(Instant::now() < late, "no relay");
            thread::sleep(Duration::from_millis(10));
        }
        let way = format!("tcp:{here} unix:{}\n", socket.display());
        let ways = fs::read_to_string(self.goldseal.path("ways")).unwrap_or_default();
        self.goldseal.write("ways", ways + &way);
    }

    /// Takes every way out away.
    pub fn cut_off(&mut self) {
        self.relays.clear();
        self.goldseal.write("ways", "");
    }

    /// Boots: the guard as its unit starts it.
    pub fn boots(&self) -> Run {
        self.runs("$GOLDSEAL boot --enforce --output json")
    }

    /// Runs a command in the instance.
    pub fn runs(&self, command: &str) -> Run {
        self.goldseal.write("world.json", self.world.to_string());
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boot");
        let (python, here) = (python_path(), here.display());
        let script = format!(
            "{MADE} || exit 99\n\
             export PYTHONDONTWRITEBYTECODE=1\n\
             {python} {here}/imds.py --world world.json --keys keys --listen 169.254.169.254:80 --log imds.log >imds.out &\n\
             running=$!\n\
             while read -r from to; do {python} {here}/relay.py $from $to & running=\"$running $!\"; done <ways\n\
             until grep -q imds: imds.out 2>/dev/null; do sleep 0.02; done\n\
             while read -r from to; do until ss -Htln | grep -q \"${{from#tcp:*:}}\"; do sleep 0.02; done; done <ways\n\
             {command}\n\
             code=$?\n\
             ls /run/goldseal >held\n\
             kill $running\n\
             exit $code"
        );
        self.goldseal.script(OWN, &script)
    }

    /// Returns what systemd was asked for.
    pub fn asked(&self) -> String {
        fs::read_to_string(self.goldseal.path("systemctl.log")).unwrap_or_default()
    }

    /// Says whether the mark was left that keeps the machine.
    pub fn is_held(&self) -> bool {
        String::from_utf8(self.goldseal.read("held")).unwrap().contains("held")
    }
}

/// Returns the report that a boot printed; the log is beside it.
pub fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{}\n{}\n{error}", run.stdout, run.stderr))
}
