//! An image → the facts of its guard, for `goldseal_core::guard` to examine.

use std::{path::Path, process::Command};

use anyhow::Result;
use goldseal_core::{
    digest::Sha256Digest,
    guard::{Facts, Installed, Judging, Power, Recipe, Wrong},
    policy::{Context, Policy},
};

use super::{
    install::{Manifest, at},
    root::{Entry, Root},
    units,
};

/// What a distribution says that it is.
const OS_RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];
/// Where systemd looks, beside the place of our units.
const OTHER_PLACES: [&str; 5] = [
    "etc/systemd/system.control",
    "run/systemd/system",
    "run/systemd/transient",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
];
const GUARD: &str = "goldseal-boot.service";
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

/// Gathers what there is to know of the guard in an image. `judged_by` is what its settings and its policy come to,
/// `role` what the instance may do, if this is one.
///
/// # Errors
/// When the image cannot be read.
pub fn facts(root: &Root, shown: Option<String>, judged_by: Result<Policy, String>, role: Vec<Power>) -> Result<Facts> {
    let manifest = Manifest::read(root)?;
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
        masks: masks(root)?,
        overrides: overrides(root)?,
        requires_links: requires_links(root)?,
        beside: beside(root)?,
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
    Ok(wrong)
}

/// Files of our names where systemd looks beside our place, and links where our files should be.
fn masks(root: &Root) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for unit in units::paths().iter().filter(|path| !path.contains('/')) {
        if let Some(Entry::Link(_)) = root.entry(&at(unit))? {
            found.push(format!("/{}", at(unit)));
        }
        // What is in these three goes before the files of an image.
        for place in OTHER_PLACES.iter().take(1) {
            let path = format!("{place}/{unit}");
            if root.entry(&path)?.is_some() {
                found.push(format!("/{path}"));
            }
        }
    }
    Ok(found)
}

/// Drop-ins of the guard that are not of any recipe, wherever systemd reads them, also those for all services.
fn overrides(root: &Root) -> Result<Vec<String>> {
    let ours = units::paths();
    let mut found = Vec::new();
    let places = OTHER_PLACES.iter().copied().chain([units::PLACE]);
    for place in places {
        for folder in [
            format!("{GUARD}.d"),
            "goldseal-.service.d".to_owned(),
            "goldseal-boot-.service.d".to_owned(),
            "service.d".to_owned(),
        ] {
            for name in root.names(&format!("{place}/{folder}"))? {
                let own = place == units::PLACE && ours.contains(&format!("{folder}/{name}"));
                if name.ends_with(".conf") && !own {
                    found.push(format!("/{place}/{folder}/{name}"));
                }
            }
        }
    }
    Ok(found)
}

fn requires_links(root: &Root) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in root.names(units::PLACE)?.into_iter().filter(|name| name.ends_with(".requires")) {
        let names = root.names(&at(&folder))?;
        found.extend(
            names.into_iter().filter(|name| name == GUARD).map(|name| format!("/{}", at(&format!("{folder}/{name}")))),
        );
    }
    Ok(found)
}

/// Units that stand in the image itself, not in its distribution's packages, and have no default dependencies.
fn beside(root: &Root) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in root.names(units::PLACE)? {
        let kind = Path::new(&name).extension().and_then(|kind| kind.to_str());
        let starts = matches!(kind, Some("service" | "socket" | "timer" | "path"));
        if !starts || units::paths().contains(&name) {
            continue;
        }
        let Some(Entry::File(bytes)) = root.entry(&at(&name))? else { continue };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let value =
            |line: &str| line.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_lowercase()));
        let mut lines = text.lines().filter_map(value);
        let bare = lines
            .any(|(key, value)| key == "DefaultDependencies" && matches!(value.as_str(), "no" | "false" | "0" | "off"));
        let waits = text.lines().filter_map(value).any(|(key, value)| key == "Requires" && value.contains(GUARD));
        if bare && !waits {
            found.push(name);
        }
    }
    Ok(found)
}

/// Asks systemd itself what it would make of the image's boot.
fn cycles(root: &Root, recipe: Option<Recipe>) -> Result<Vec<String>, String> {
    if recipe.is_none() {
        return Ok(Vec::new());
    }
    let mut command = Command::new("systemd-analyze");
    command.env("LC_ALL", "C.UTF-8").args(["--man=no", "verify"]);
    if !root.is_this_machine() {
        command.arg(format!("--root={}", root.outside("").display()));
    }
    let answer = command.args(["default.target", "multi-user.target"]).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&answer.stderr).into_owned() + &String::from_utf8_lossy(&answer.stdout);
    if said.contains("unrecognized option") {
        return Err("this systemd-analyze is too old for --root".to_owned());
    }
    // Its exit code is 0 all the same.
    Ok(said.lines().filter(|line| line.contains("ordering cycle")).map(str::to_owned).collect())
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
