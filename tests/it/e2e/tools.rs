//! The real programs, by the paths that `tests/e2e/run.sh` found, and how they are run without the internet.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{cloud::cloud, run::Goldseal};

/// Returns a tool's path, or none where the suite does not run.
pub(crate) fn tool(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from)
}

/// cosign in the folder of a test, as an account of the local AWS.
pub(crate) struct Cosign<'g> {
    path: PathBuf,
    goldseal: &'g Goldseal,
    account: String,
}

impl<'g> Cosign<'g> {
    /// Returns none where the suite does not run.
    pub(crate) fn of(goldseal: &'g Goldseal, account: &str) -> Option<Self> {
        let path = tool("GOLDSEAL_COSIGN")?;
        let root = r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;
        goldseal.write("root.json", root);
        goldseal.write("config.json", r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}"#);
        Some(Self { path, goldseal, account: account.to_owned() })
    }

    /// Signs something: no transparency log, no timestamp, no trust root from afar.
    pub(crate) fn signs(&self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap();
        let offline = "--signing-config config.json --trusted-root root.json --yes";
        let (good, shown) = self.run(&format!("{verb} {offline} {rest}"));
        assert!(good, "cosign {line}\n{shown}");
    }

    /// Verifies something.
    pub(crate) fn accepts(&self, line: &str) -> (bool, String) {
        let (verb, rest) = line.split_once(' ').unwrap();
        self.run(&format!("{verb} --insecure-ignore-tlog {rest}"))
    }

    fn run(&self, line: &str) -> (bool, String) {
        let output = Command::new(&self.path)
            .args(line.split_whitespace())
            .env_clear()
            .envs([("AWS_ENDPOINT_URL", cloud().endpoint.as_str()), ("AWS_REGION", crate::aws::REGION)])
            .envs([("AWS_ACCESS_KEY_ID", self.account.as_str()), ("AWS_SECRET_ACCESS_KEY", "testing")])
            .env("HOME", self.goldseal.path(""))
            .env("COSIGN_PASSWORD", "")
            .current_dir(self.goldseal.path(""))
            .output()
            .unwrap();
        let shown = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), shown)
    }
}

/// Asks npm's `@sigstore/verify`: whether it accepts a bundle by a key.
pub(crate) fn second_opinion(bundle: &Path, key: &Path) -> bool {
    let script = tool("GOLDSEAL_SECOND_OPINION").expect("tests/e2e/run.sh found it");
    let output = Command::new("node").arg(script).args([bundle, key]).output().unwrap();
    match output.status.code() {
        Some(0) => true,
        Some(1) => false,
        other => panic!("second opinion: {other:?}\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// go-containerregistry's registry, which has no referrers API; it ends with the test.
pub(crate) struct GoRegistry {
    pub(crate) host: String,
    process: Child,
}

impl GoRegistry {
    pub(crate) fn start() -> Option<Self> {
        let mut process = Command::new(tool("GOLDSEAL_REGISTRY")?)
            .args(["-port", "0"])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("the registry says its port").unwrap();
            if let Some((_, port)) = line.rsplit_once("port ") {
                break port.trim().to_owned();
            }
        };
        // Somebody has to go on reading, or the registry stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { host: format!("127.0.0.1:{port}"), process })
    }
}

impl Drop for GoRegistry {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Writes each bundle of an evidence file to a file of its own; returns their names and predicate types.
pub(crate) fn split(goldseal: &Goldseal, evidence: &str) -> Vec<(String, String)> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = fs::read_to_string(goldseal.path(evidence)).unwrap();
    let bundles = text.lines().enumerate().map(|(index, line)| {
        let name = format!("bundle-{index}.sigstore.json");
        goldseal.write(&name, line);
        let bundle: serde_json::Value = serde_json::from_str(line).unwrap();
        let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
        let statement: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        goldseal.write(&format!("predicate-{index}.json"), statement["predicate"].to_string());
        (name, statement["predicateType"].as_str().unwrap().to_owned())
    });
    bundles.collect()
}

#[test]
fn the_suite_is_whole() {
    let names = "COSIGN REGISTRY SECOND_OPINION SYFT GRYPE GRYPEDB GOSS PACKER PACKER_PLUGINS";
    let found = names.split(' ').map(|name| (name, tool(&format!("GOLDSEAL_{name}")).is_some()));
    let (there, absent): (Vec<_>, Vec<_>) = found.partition(|(_, found)| *found);
    assert!(there.is_empty() || absent.is_empty(), "{absent:?}");
}
