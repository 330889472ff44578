//! The real executable, run as a user would: in a folder of its own with the fixtures in it, and with an environment
//! that holds nothing but what a test gives.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use serde_json::Value;
use tempfile::TempDir;

/// The inputs of a sealing without a gate, as they are named in the folder.
pub const INPUTS: &str = "--sbom golden.spdx.json --scan golden.grype.json --provenance build.json \
                          --without-content --policy ungated.toml";

/// An instant shortly after the fixtures were made; nothing may depend on today.
pub const AT: &str = "--at 2026-11-24T12:00:00Z";

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

/// Returns the path of what is tested: what was built along, or a release in `GOLDSEAL_EXECUTABLE`.
fn executable() -> &'static str {
    static CHOSEN: LazyLock<String> = LazyLock::new(|| {
        std::env::var("GOLDSEAL_EXECUTABLE").unwrap_or_else(|_| env!("CARGO_BIN_EXE_goldseal").to_owned())
    });
    &CHOSEN
}

/// The executable in its folder.
pub struct Goldseal {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    wrapper: Vec<String>,
}

/// What one run did.
pub struct Run {
    line: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Goldseal {
    /// Makes a folder with the fixtures. No settings, no AWS.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for fixture in fs::read_dir(FIXTURES).unwrap() {
            let fixture = fixture.unwrap();
            if fixture.path().extension().is_some_and(|kind| kind == "json" || kind == "toml") {
                fs::copy(fixture.path(), folder.path().join(fixture.file_name())).unwrap();
            }
        }
        // The settings file of the machine that runs the tests is none of theirs.
        fs::write(folder.path().join("settings.toml"), "").unwrap();
        let home = folder.path().to_str().unwrap().to_owned();
        let environment = [
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", home.clone()),
            ("GOLDSEAL_CONFIG", format!("{home}/settings.toml")),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        Self { folder, environment, wrapper: Vec::new() }
    }

    /// Sets a variable of the environment.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Takes a variable out of the environment.
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Lets another program run it, such as `unshare -n`.
    pub fn within(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&part| part.to_owned()).collect();
        self
    }

    /// Returns the path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    /// Reads a file of the folder.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Reads a text of the folder, makes one change and writes it under another name.
    pub fn change(&self, name: &str, from: &str, to: &str, changed: &str) {
        let text = String::from_utf8(self.read(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        self.write(changed, text.replacen(from, to, 1));
    }

    /// Returns the URL of a directory store in the folder, which is made.
    pub fn directory_store(&self) -> String {
        fs::create_dir_all(self.path("store")).unwrap();
        format!("file://{}", self.path("store").display())
    }

    /// Runs it with these arguments, which are separated by spaces.
    pub fn run(&self, line: &str) -> Run {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let mut program = self.wrapper.iter().map(String::as_str).chain([executable()]).chain(arguments);
        let mut command = self.command(program.next().unwrap());
        run(command.args(program), line)
    }

    /// Starts it with other values in its environment, and does not wait for its end.
    pub fn start(&self, line: &str, environment: &[(&str, &str)]) -> Child {
        let mut command = self.command(executable());
        let command = command.args(line.split_whitespace()).envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Starts it with a file for what it logs, and does not wait for its end.
    pub fn start_logging(&self, line: &str, environment: &[(&str, &str)], log: fs::File) -> Child {
        let mut command = self.command(executable());
        let command = command.args(line.split_whitespace()).envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    /// Runs it and asks for JSON.
    pub fn json(&self, line: &str) -> Run {
        self.run(&format!("{line} --output json"))
    }

    /// Runs a shell script in which it is `$GOLDSEAL`, by another program such as `unshare -rm`.
    pub fn script(&self, wrapper: &[&str], script: &str) -> Run {
        let shell = ["sh", "-c", script];
        let mut parts = wrapper.iter().chain(&shell);
        let mut command = self.command(parts.next().unwrap());
        run(command.args(parts).env("GOLDSEAL", executable()), script)
    }

    /// Runs it to a failure in its JSON form, which must be the one document on standard output and say all of these.
    #[track_caller]
    pub fn fails(&self, line: &str, code: i32, says: &[&str]) -> Value {
        let error = self.json(line).exits(code).report();
        assert_eq!(error["schema"], "goldseal/error/v1", "{line}: {error:#}");
        assert_eq!(error["exitCode"], code, "{line}: {error:#}");
        for text in says {
            assert!(strings(&error).any(|string| string.contains(text)), "{line}: {text:?} is not in {error:#}");
        }
        error
    }

    /// Runs `verify` with these arguments to a verdict: its word, and the codes of its reasons or faults.
    #[track_caller]
    pub fn verdict(&self, arguments: &str, verdict: &str, codes: &[&str]) -> Value {
        let code = match verdict {
            "admit" => 0,
            "reject" => 1,
            "undetermined" => 3,
            other => panic!("no verdict: {other}"),
        };
        let at = if arguments.contains("--at ") { "" } else { AT };
        let report = self.json(&format!("verify {arguments} {at}")).exits(code).report();
        let image = &report["images"][0];
        assert_eq!(report["images"].as_array().unwrap().len(), 1, "{report:#}");
        assert_eq!(image["verdict"], verdict, "{report:#}");
        assert_eq!(self::codes(image), codes, "{report:#}");
        report
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.environment).current_dir(self.folder.path());
        command
    }
}

impl Run {
    /// Insists on an exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "goldseal {}\n{}{}", self.line, self.stdout, self.stderr);
        self
    }

    /// Insists on a text in what it printed.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let shown = format!("{}{}", self.stdout, self.stderr);
        assert!(shown.contains(text), "goldseal {}\n{text:?} is not in\n{shown}", self.line);
        self
    }

    /// Insists on texts in what it printed on standard output, one behind the other.
    #[track_caller]
    pub fn says_in_order(self, texts: &[&str]) -> Self {
        let mut rest = self.stdout.as_str();
        for text in texts {
            let found = rest.split_once(text);
            rest = found.unwrap_or_else(|| panic!("{text:?} is not behind what came before:\n{}", self.stdout)).1;
        }
        self
    }

    /// Returns the one JSON document that it printed; anything beside it is an error.
    #[track_caller]
    pub fn report(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        assert_eq!(self.stderr, "", "goldseal {}", self.line);
        parsed.unwrap_or_else(|error| {
            panic!("goldseal {}\n{}\nis not one JSON document: {error}", self.line, self.stdout)
        })
    }
}

/// Says whether a program such as `unshare -n` may run others here.
pub fn permitted(wrapper: &[&str]) -> bool {
    let mut command = Command::new(wrapper[0]);
    let command = command.args(&wrapper[1..]).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Returns the codes of an image's reasons, or of its faults.
pub fn codes(image: &Value) -> Vec<&str> {
    let causes = ["reasons", "faults"].map(|list| image[list].as_array().unwrap());
    let mut codes: Vec<&str> = causes.into_iter().flatten().map(|cause| cause["code"].as_str().unwrap()).collect();
    codes.dedup();
    codes
}

/// Returns the codes of a report's notes.
pub fn notes(report: &Value) -> Vec<&str> {
    report["notes"].as_array().unwrap().iter().map(|note| note["code"].as_str().unwrap()).collect()
}

/// Returns the files under a directory, without it; none when there is no such directory.
pub fn files_under(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
    let entries: Vec<PathBuf> = entries.unwrap_or_default();
    entries.into_iter().flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

fn strings(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::String(text) => Box::new(std::iter::once(text.as_str())),
        Value::Array(list) => Box::new(list.iter().flat_map(strings)),
        Value::Object(fields) => Box::new(fields.values().flat_map(strings)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Box::new(std::iter::empty()),
    }
}

fn run(command: &mut Command, line: &str) -> Run {
    let output = command.output().unwrap();
    Run {
        line: line.to_owned(),
        // Whatever a signal ended has no code.
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
