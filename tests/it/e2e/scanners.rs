//! Syft, Grype and Goss over a real Debian, without the internet: Grype's databases are made of records.

use std::{
    fs,
    os::unix::fs::symlink,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::{Value, json};

use super::tools::tool;
use crate::{aws::Account, cloud::cloud, run::Goldseal, skipped};

/// What a database knows.
#[derive(Clone, Copy)]
pub(crate) enum Known {
    /// Medium and less: what a gate at "high" passes.
    Tolerable,
    /// Every severity, and one finding that has none.
    Everything,
}

/// A program's exit code, and all that it printed.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) shown: String,
}

/// The programs of the pipeline, as `bin` in the folder of a test.
pub(crate) struct Scanners<'t> {
    pub(crate) root: PathBuf,
    goldseal: &'t Goldseal,
    account: &'t Account,
}

impl<'t> Scanners<'t> {
    /// Returns none where the suite does not run, and says so where the Debian is all that is missing.
    pub(crate) fn of(goldseal: &'t Goldseal, account: &'t Account) -> Option<Self> {
        let programs = ["SYFT", "GRYPE", "GRYPEDB", "GOSS", "PACKER"].map(|name| tool(&format!("GOLDSEAL_{name}")));
        let programs: Vec<PathBuf> = programs.into_iter().collect::<Option<_>>()?;
        let Some(root) = tool("GOLDSEAL_DEBIAN_ROOT") else {
            skipped("e2e: Packer, Syft, Grype, Goss", "a Debian root file system needs root and debootstrap");
            return None;
        };
        fs::create_dir(goldseal.path("bin")).unwrap();
        for program in programs.iter().map(PathBuf::as_path).chain([env!("CARGO_BIN_EXE_goldseal").as_ref()]) {
            symlink(program, goldseal.path("bin").join(program.file_name().unwrap())).unwrap();
        }
        Some(Self { root, goldseal, account })
    }

    /// Runs Syft over the Debian, under a name such as that of a run of Packer.
    #[track_caller]
    pub(crate) fn sbom(&self, name: &str, file: &str) {
        let root = self.root.display();
        let source = format!("--source-name {name} --source-version 1");
        self.run(&format!("syft scan dir:{root} --base-path {root} {source} -o spdx-json={file}"), &[]).passes();
    }

    /// Makes a database out of records; returns the variable by which Grype finds it.
    #[track_caller]
    pub(crate) fn database(&self, known: Known) -> (&'static str, String) {
        let mut records: Vec<Value> = serde_json::from_slice(&self.goldseal.read("records.json")).unwrap();
        let name = match known {
            Known::Tolerable => {
                records.retain(|record| !["High", "Critical"].contains(&record["severity"].as_str().unwrap()));
                "tolerable"
            }
            Known::Everything => {
                records.push(json!({"id": "CVE-2026-90007", "package": "openssl", "severity": "Critical",
                    "fixed": "3.0.99-1~deb12u2", "fixedOn": "2026-11-22"}));
                records.push(json!({"id": "CVE-2026-90008", "package": "nginx"}));
                "everything"
            }
        };
        let cache = ("GRYPE_DB_CACHE_DIR", self.goldseal.path(&format!("grype-{name}")).display().to_string());
        if !self.goldseal.path(&cache.1).exists() {
            self.goldseal.write(&format!("{name}.json"), serde_json::to_vec(&records).unwrap());
            self.run(&format!("grypedb {name}.json db-{name}"), &[]).passes();
            self.run(&format!("grype db import db-{name}/vulnerability.db"), &[(cache.0, &cache.1)]).passes();
        }
        cache
    }

    /// Runs Grype over an SBOM.
    #[track_caller]
    pub(crate) fn scan(&self, sbom: &str, known: Known, file: &str) {
        let (name, cache) = self.database(known);
        self.run(&format!("grype sbom:{sbom} -o json --file {file}"), &[(name, &cache)]).passes();
    }

    /// Runs a line of a shell with the programs in its path, as the account.
    pub(crate) fn run(&self, line: &str, environment: &[(&str, &str)]) -> Ran {
        let home = self.goldseal.path("");
        let path = format!("{}:{}", self.goldseal.path("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(&home)
            .env_clear()
            .envs([
                ("PATH", path.as_str()),
                ("AWS_ENDPOINT_URL", &cloud().endpoint),
                ("AWS_REGION", crate::aws::REGION),
            ])
            .envs([("AWS_ACCESS_KEY_ID", self.account.id.as_str()), ("AWS_SECRET_ACCESS_KEY", "testing")])
            .envs(["AWS_EC2_METADATA_DISABLED", "CHECKPOINT_DISABLE"].map(|name| (name, "true")))
            .envs(["SYFT_CHECK_FOR_APP_UPDATE", "GRYPE_CHECK_FOR_APP_UPDATE"].map(|name| (name, "false")))
            .env("GRYPE_DB_AUTO_UPDATE", "false")
            .env("HOME", &home)
            .env("GOLDSEAL_CONFIG", home.join("settings.toml"))
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        Ran::from(&output)
    }
}

impl Ran {
    /// Insists on success.
    #[track_caller]
    pub(crate) fn passes(&self) {
        assert_eq!(self.code, 0, "{}", self.shown);
    }

    fn from(output: &Output) -> Self {
        let shown = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
        // Whatever a signal ended has no code.
        Self { code: output.status.code().unwrap_or(-1), shown: shown.concat() }
    }
}

#[test]
fn the_real_scanners_see_every_severity() {
    let account = Account::new();
    let goldseal = account.goldseal();
    let Some(scanners) = Scanners::of(&goldseal, &account) else { return };
    scanners.sbom("golden-base", "sbom.json");
    let sbom: Value = serde_json::from_slice(&goldseal.read("sbom.json")).unwrap();
    assert_eq!(sbom["name"], "golden-base");
    for (known, expected) in [
        (Known::Everything, &["Critical", "High", "Low", "Medium", "Negligible", "Unknown"][..]),
        (Known::Tolerable, &["Low", "Medium", "Negligible"][..]),
    ] {
        scanners.scan("sbom.json", known, "scan.json");
        let scan: Value = serde_json::from_slice(&goldseal.read("scan.json")).unwrap();
        let matches = scan["matches"].as_array().unwrap().iter();
        let mut seen: Vec<&str> = matches.map(|found| found["vulnerability"]["severity"].as_str().unwrap()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, expected);
    }
}
