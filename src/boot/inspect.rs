//! An image → the facts of its guard, for `goldseal_core::guard` to examine.

use std::{collections::BTreeSet, process::Command};

use anyhow::Result;
use goldseal_core::{
    digest::Sha256Digest,
    guard::{Facts, Installed, Judging, Power, Recipe, Wrong},
    policy::{Context, Policy},
};

use super::{
    around,
    install::{Manifest, at},
    root::{Entry, Root},
    units::{DEFAULT_TARGET, OUR_TARGET},
};

/// What a distribution says that it is.
const OS_RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];
const EXECUTABLE: &str = "usr/bin/goldseal";
/// The units of cloud-init, one of which is there if it is installed.
const CLOUD_INIT: [&str; 4] = [
    "usr/lib/systemd/system/cloud-init.service",
    "lib/systemd/system/cloud-init.service",
    "usr/lib/systemd/system/cloud-init-main.service",
    "usr/lib/systemd/system/cloud-init-network.service",
];

/// Returns what `os-release` says.
pub fn os_release(root: &Root) -> Result<Option<String>> {
    for path in OS_RELEASE {
        if let Some(bytes) = root.read(path)? {
            return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(None)
}

/// Says whether the guard's executable is there, and can be started.
pub fn executable(root: &Root) -> bool {
    root.is_executable(EXECUTABLE)
}

/// Returns which executable the guard is; none where there is none that can be started.
///
/// # Errors
/// When it cannot be read.
pub fn executable_digest(root: &Root) -> Result<Option<Sha256Digest>> {
    if executable(root) { Ok(root.digest(EXECUTABLE)?) } else { Ok(None) }
}

/// Gathers what there is to know of the guard in an image. `judged_by` is what its settings and its policy come to,
/// `role` what the instance may do, if this is one.
///
/// # Errors
/// When the image cannot be read.
pub fn facts(root: &Root, shown: Option<String>, judged_by: Result<Policy, String>, role: Vec<Power>) -> Result<Facts> {
    let manifest = Manifest::read(root)?;
    // Where nothing was installed, nothing goes around it.
    let of_installed = |found: fn(&Root, &Manifest) -> Result<Vec<String>>| {
        manifest.as_ref().map_or(Ok(Vec::new()), |one| found(root, one))
    };
    let (masks, overrides) = (of_installed(around::masks)?, of_installed(around::overrides)?);
    let recipe = manifest.as_ref().map(|one| one.recipe);
    Ok(Facts {
        root: shown,
        files: manifest.as_ref().map_or(Ok(Vec::new()), |one| files(root, one))?,
        installed: manifest.map(|one| Installed {
            recipe: one.recipe,
            report_only: one.report_only,
            version: one.version,
        }),
        distribution: os_release(root)?.and_then(|text| Recipe::of_distribution(&text)),
        masks,
        overrides,
        requires_links: around::requires_links(root)?,
        beside: around::beside(root)?,
        cycles: cycles(root, recipe),
        systemd: systemd(root)?,
        executable: executable(root),
        judged_by: judged_by
            .map(|policy| Judging { action: policy.boot().action, mode: policy.mode(&Context::default()) }),
        role,
        cloud_init: CLOUD_INIT.iter().any(|path| matches!(root.entry(path), Ok(Some(_)))),
    })
}

fn files(root: &Root, manifest: &Manifest) -> Result<Vec<(String, Wrong)>> {
    let mut wrong = Vec::new();
    for (path, digest) in &manifest.files {
        let found = match root.entry(&at(path))? {
            Some(Entry::File(bytes)) if Sha256Digest::of(&bytes) == *digest => None,
            Some(Entry::File(_) | Entry::Link(_) | Entry::Other) => Some(Wrong::Changed),
            None => Some(Wrong::Missing),
        };
        let outdated = (manifest.version != env!("CARGO_PKG_VERSION")).then_some(Wrong::Outdated);
        wrong.extend(found.or(outdated).map(|wrong| (format!("/{}", at(path)), wrong)));
    }
    if manifest.recipe.takes_default_target() {
        // `systemctl set-default` puts another link there, and then nothing of ours is in the boot.
        let found = match root.entry(&at(DEFAULT_TARGET))? {
            Some(Entry::Link(target)) if target.ends_with(OUR_TARGET) => None,
            Some(Entry::File(_) | Entry::Link(_) | Entry::Other) => Some(Wrong::Changed),
            None => Some(Wrong::Missing),
        };
        wrong.extend(found.map(|wrong| (format!("/{}", at(DEFAULT_TARGET)), wrong)));
    }
    Ok(wrong)
}

/// Asks systemd itself what it would make of the image's boot.
fn cycles(root: &Root, recipe: Option<Recipe>) -> Result<Vec<String>, String> {
    if recipe.is_none() {
        return Ok(Vec::new());
    }
    let mut command = Command::new("systemd-analyze");
    command.env("LC_ALL", "C.UTF-8").args(["--man=no", "verify"]);
    if !root.is_this_machine() {
        command.arg("--root").arg(root.outside());
    }
    let answer = command.args(["default.target", "multi-user.target"]).output();
    let answer = answer.map_err(|error| format!("systemd-analyze cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&answer.stderr).into_owned() + &String::from_utf8_lossy(&answer.stdout);
    if said.contains("unrecognized option") {
        return Err("this systemd-analyze is too old for --root".to_owned());
    }
    let cycles: BTreeSet<&str> = said.lines().filter(|line| line.contains("ordering cycle")).collect();
    // With cycles it is 0 all the same; it is not where there was nothing to look for them in.
    if cycles.is_empty() && !answer.status.success() {
        let why = said.lines().last().unwrap_or("it does not say why");
        return Err(format!("systemd-analyze verify ended with {}: {why}", answer.status));
    }
    Ok(cycles.into_iter().map(str::to_owned).collect())
}

/// The version of systemd, by the name of its library.
fn systemd(root: &Root) -> Result<Option<u32>> {
    for place in [
        "usr/lib/systemd",
        "lib/systemd",
        "usr/lib64/systemd",
        "usr/lib/x86_64-linux-gnu/systemd",
        "usr/lib/aarch64-linux-gnu/systemd",
    ] {
        let version = |name: &String| name.strip_prefix("libsystemd-shared-")?.split(['.', '-']).next()?.parse().ok();
        if let Some(version) = root.names(place)?.iter().find_map(version) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}
