//! `goldseal boot install`, `uninstall` and `check`: the guard in an image.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use goldseal_core::{
    guard::{Recipe, examine},
    policy::{Policy, Problems},
    report::{BOOT_CHECK_SCHEMA, BOOT_INSTALL_SCHEMA, BootCheckReport, BootInstallReport, Note, Severity},
};

use super::{
    super::{
        exit::{Code, Failure},
        policy,
    },
    role,
};
use crate::{
    adapters::store,
    boot::{
        inspect,
        install::{self, Wanted},
        root::Root,
    },
    render::{self, Format},
    settings::{BootSettings, Fragment, Settings},
};

const SETTINGS: &str = "/etc/goldseal/goldseal.toml";
/// What the unit gives the guard as its environment.
const ENVIRONMENT: &str = "etc/goldseal/boot.env";

const INSTALL: &str = "\
Example:
  goldseal boot install --root /mnt/image

Nothing is written unless settings, policy and executable are in the image. Only the settings file of the image is looked \
at, not --store, --policy or the environment. docs/boot.md has the recipes.

Exit codes: 0 done, 2 something the guard needs is not there, or was changed.";

const UNINSTALL: &str = "\
Example:
  goldseal boot uninstall --root /mnt/image

Exit codes: 0 done, or nothing was there.";

const CHECK: &str = "\
Example:
  goldseal boot check --root /mnt/image --output json

Only the settings file of the image is looked at, not --store, --policy or the environment. On an instance it also \
tries, without effect, what its role must not be allowed. docs/boot-check.md lists what is found.

Exit codes: 0 nothing worse than a warning, 1 problems, 3 something could not be looked at.";

/// Arguments of `boot install`.
#[derive(Debug, clap::Args)]
#[command(after_help = INSTALL)]
pub struct Install {
    /// The root directory of an image, instead of this machine's
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Where the guard stands in a boot [default: as the distribution needs]
    #[arg(long, value_name = "RECIPE", value_parser = recipe)]
    recipe: Option<Recipe>,
    /// Let boots go on when the guard fails or is missing: for finding out what it would say
    #[arg(long)]
    report: bool,
    /// Replace files of ours that somebody changed
    #[arg(long)]
    force: bool,
}

/// Arguments of `boot uninstall`.
#[derive(Debug, clap::Args)]
#[command(after_help = UNINSTALL)]
pub struct Uninstall {
    /// The root directory of an image, instead of this machine's
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

/// Arguments of `boot check`.
#[derive(Debug, clap::Args)]
#[command(after_help = CHECK)]
pub struct Check {
    /// The root directory of an image, instead of this machine's
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

impl Install {
    pub fn run(self, format: Format) -> Result<Code, Failure> {
        let root = Root::open(&self.root).map_err(anyhow::Error::from)?;
        // An image that never boots is its owner's loss: what the guard needs must be there first.
        judged_by(&root).context("the guard would end every boot of this image")?;
        if !inspect::executable(&root) {
            let message = format!("there is no executable {}", self.root.join("usr/bin/goldseal").display());
            return Err(
                Failure::new(Code::Usage, message).hint("copy goldseal there first: without it no boot goes on")
            );
        }
        let recipe = match self.recipe {
            Some(recipe) => recipe,
            None => distribution(&root)?,
        };
        let wanted = Wanted { recipe, report_only: self.report, force: self.force };
        let changed = install::install(&root, wanted)?;
        done(format, &root, &self.root, Some(wanted), changed)
    }
}

impl Uninstall {
    pub fn run(self, format: Format) -> Result<Code, Failure> {
        let root = Root::open(&self.root).map_err(anyhow::Error::from)?;
        let changed = install::uninstall(&root)?;
        done(format, &root, &self.root, None, changed)
    }
}

/// Lets systemd know, where it runs on what was changed, and says what was done.
fn done(
    format: Format,
    root: &Root,
    path: &Path,
    wanted: Option<Wanted>,
    changed: Vec<String>,
) -> Result<Code, Failure> {
    let mut notes = Vec::new();
    if root.is_this_machine() && Path::new("/run/systemd/system").is_dir() {
        let reloaded = std::process::Command::new("systemctl").arg("daemon-reload").status();
        if !reloaded.is_ok_and(|status| status.success()) {
            let message = "systemctl daemon-reload failed: what was changed holds from the next boot on all the same";
            notes.push(Note::new("not-reloaded", message));
        }
    }
    let report = BootInstallReport {
        schema: BOOT_INSTALL_SCHEMA,
        root: path.display().to_string(),
        recipe: wanted.map(|one| one.recipe.as_str()),
        report_only: wanted.is_some_and(|one| one.report_only),
        changed,
        notes,
    };
    render::boot_install(format, &report)?;
    Ok(Code::Good)
}

impl Check {
    pub fn run(self, format: Format) -> Result<Code, Failure> {
        let root = Root::open(&self.root).map_err(anyhow::Error::from)?;
        let shown = (!root.is_this_machine()).then(|| self.root.display().to_string());
        let judged_by = judged_by(&root).map_err(|error| format!("{error:#}"));
        let records = judged_by.as_ref().ok().map(|(_, settings)| settings.record.is_some());
        let judged_by = judged_by.map(|(policy, _)| policy);
        let role = if root.is_this_machine() { super::super::wait(role::powers())? } else { Vec::new() };
        let facts = inspect::facts(&root, shown, judged_by, role)?;
        let report = BootCheckReport {
            schema: BOOT_CHECK_SCHEMA,
            root: self.root.display().to_string(),
            recipe: facts.installed.as_ref().map(|one| one.recipe.as_str()),
            version: facts.installed.as_ref().map(|one| one.version.clone()),
            report_only: facts.installed.as_ref().map(|one| one.report_only),
            executable: inspect::executable_digest(&root)?,
            records,
            findings: examine(&facts),
        };
        render::boot_check(format, &report)?;
        Ok(match report.worst() {
            Severity::Problem => Code::No,
            Severity::Unknown => Code::Unknown,
            Severity::Warning | Severity::Note | Severity::Good => Code::Good,
        })
    }
}

/// Reads settings and policy as the guard will on the instance, from the image.
fn judged_by(root: &Root) -> Result<(Policy, BootSettings)> {
    let settings = Settings::load(Fragment::default(), Some(&inside(root, Path::new(SETTINGS))?))?;
    let boot = settings.boot()?;
    let policy = policy::read(settings.policy()?, |path| inside(root, path))?.map_err(|Problems(problems)| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow!("the policy is none: {}", problems.join("; "))
    })?;
    super::bootable(&policy, &boot).map_err(|failure| anyhow!(failure.chain.join(": ")))?;
    if let Some(certificates) = &boot.certificates {
        super::certificates(Some(&inside(root, certificates)?))?;
    }
    // A store of S3 has its authorities from elsewhere.
    if let (Some(ca_file), None) = (&settings.ca_file, settings.store()?.bucket()) {
        store::check_authorities(&inside(root, ca_file)?)?;
    }
    let environment = root.read(ENVIRONMENT)?.unwrap_or_default();
    let environment = String::from_utf8_lossy(&environment);
    if let Some(line) = environment.lines().find(|line| line.trim_start().starts_with("GOLDSEAL_")) {
        bail!("/{ENVIRONMENT} has {line:?}, which goes before the settings file: write it there");
    }
    Ok((policy, boot))
}

/// Returns where a file of the image is, seen from here.
fn inside(root: &Root, path: &Path) -> Result<PathBuf> {
    if path.is_relative() {
        bail!("{}: the guard has no working directory, so the settings name whole paths", path.display());
    }
    let place = root.locate(path)?;
    if place.metadata().is_ok_and(|found| !found.is_file()) {
        bail!("{} is no file", place.display());
    }
    Ok(place)
}

fn distribution(root: &Root) -> Result<Recipe, Failure> {
    let told = inspect::os_release(root)?;
    told.as_deref().and_then(Recipe::of_distribution).ok_or_else(|| {
        let what = if told.is_some() { "its os-release names none that was tried" } else { "it has no os-release" };
        let failure = Failure::new(Code::Usage, format!("which distribution this is, is not known: {what}"));
        failure.hint("give --recipe: docs/boot.md says which one is for what")
    })
}

fn recipe(text: &str) -> Result<Recipe, String> {
    let found = Recipe::ALL.into_iter().find(|recipe| recipe.as_str() == text);
    found.ok_or_else(|| format!("{text:?} is none of {}", Recipe::ALL.map(Recipe::as_str).join(", ")))
}
