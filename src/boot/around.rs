//! What stands around the guard in an image and could take its place, change it, or go past it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Result;

use super::{
    install::{Manifest, at},
    root::{Entry, Root},
    units::{self, DEFAULT_TARGET, PLACE},
};

/// Where systemd looks before the place of our units: what is there takes theirs.
const BEFORE: [&str; 4] = [
    "etc/systemd/system.control",
    "run/systemd/system.control",
    "run/systemd/transient",
    "run/systemd/generator.early",
];
/// Where it looks after that. Drop-ins are read from everywhere.
const AFTER: [&str; 7] = [
    "etc/systemd/system.attached",
    "run/systemd/system",
    "run/systemd/system.attached",
    "run/systemd/generator",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "run/systemd/generator.late",
];
const GUARD: &str = "goldseal-boot.service";
/// Units that a distribution's packages bring stand there.
const OF_DISTRIBUTION: &str = "/lib/systemd/system/";

/// Returns files of our names where systemd looks before our place, and links where our units should be.
pub(super) fn masks(root: &Root, manifest: &Manifest) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for unit in units::paths().iter().filter(|path| !path.contains('/')) {
        if let Some(Entry::Link(_)) = root.entry(&at(unit))? {
            found.push(format!("/{}", at(unit)));
        }
    }
    let target = manifest.recipe.takes_default_target().then_some(DEFAULT_TARGET);
    for name in manifest.files.keys().map(String::as_str).chain(target) {
        for place in BEFORE {
            let path = format!("{place}/{name}");
            if root.entry(&path)?.is_some() {
                found.push(format!("/{path}"));
            }
        }
    }
    Ok(found)
}

/// Returns drop-ins of our units that we did not install, wherever systemd reads them, also those for all of a kind.
pub(super) fn overrides(root: &Root, manifest: &Manifest) -> Result<Vec<String>> {
    let folders: BTreeSet<String> =
        manifest.files.keys().filter(|path| !path.contains('/')).flat_map(|unit| drop_ins(unit)).collect();
    let mut found = Vec::new();
    for place in BEFORE.into_iter().chain([PLACE]).chain(AFTER) {
        for folder in &folders {
            for name in root.names(&format!("{place}/{folder}"))? {
                if name.ends_with(".conf") && !manifest.files.contains_key(&format!("{folder}/{name}")) {
                    found.push(format!("/{place}/{folder}/{name}"));
                }
            }
        }
    }
    Ok(found)
}

/// The folders whose drop-ins change a unit: its own, those of every beginning up to a dash, and its kind's.
fn drop_ins(unit: &str) -> Vec<String> {
    let Some((stem, kind)) = unit.rsplit_once('.') else { return Vec::new() };
    let beginnings = stem.match_indices('-').filter_map(|(dash, _)| stem.get(..=dash));
    beginnings
        .map(|beginning| format!("{beginning}.{kind}.d"))
        .chain([format!("{unit}.d"), format!("{kind}.d")])
        .collect()
}

/// Returns links that ask for the guard in a way that systemd drops without a word.
pub(super) fn requires_links(root: &Root) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in root.names(PLACE)?.into_iter().filter(|name| name.ends_with(".requires")) {
        let names = root.names(&at(&folder))?;
        found.extend(
            names.into_iter().filter(|name| name == GUARD).map(|name| format!("/{}", at(&format!("{folder}/{name}")))),
        );
    }
    Ok(found)
}

/// Returns units without default dependencies, by the image itself and not by its distribution's packages, that do not
/// wait for the guard.
pub(super) fn beside(root: &Root) -> Result<Vec<String>> {
    let mut texts = BTreeMap::<String, String>::new();
    for name in root.names(PLACE)? {
        let (unit, files) = match name.strip_suffix(".d") {
            Some(unit) => {
                let drop_ins = root.names(&at(&name))?.into_iter().filter(|drop_in| drop_in.ends_with(".conf"));
                (unit.to_owned(), drop_ins.map(|drop_in| format!("{name}/{drop_in}")).collect())
            }
            None => (name.clone(), vec![name]),
        };
        if !starts(&unit) || units::paths().contains(&unit) {
            continue;
        }
        for file in files {
            let text = texts.entry(unit.clone()).or_default();
            *text += &written(root, &at(&file))?;
            text.push('\n');
        }
    }
    Ok(texts.into_iter().filter(|(_, text)| goes_past(text)).map(|(unit, _)| unit).collect())
}

/// What the image itself says there: a link may be a mask, or another name of a unit of the distribution.
fn written(root: &Root, path: &str) -> Result<String> {
    let bytes = match root.entry(path)? {
        Some(Entry::File(bytes)) => bytes,
        Some(Entry::Link(target)) if !target.to_string_lossy().contains(OF_DISTRIBUTION) => {
            root.read(path).ok().flatten().unwrap_or_default()
        }
        Some(Entry::Link(_) | Entry::Other) | None => Vec::new(),
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn starts(unit: &str) -> bool {
    let kind = Path::new(unit).extension().and_then(|kind| kind.to_str());
    matches!(kind, Some("service" | "socket" | "timer" | "path"))
}

fn goes_past(text: &str) -> bool {
    let says = |key: &str, told: &dyn Fn(&str) -> bool| {
        let settings = text.lines().filter_map(|line| line.split_once('='));
        settings.into_iter().any(|(name, value)| name.trim() == key && told(value.trim()))
    };
    let no = |value: &str| matches!(value.to_lowercase().as_str(), "no" | "n" | "false" | "f" | "0" | "off");
    let guard = |value: &str| value.split_whitespace().any(|name| name == GUARD);
    says("DefaultDependencies", &no) && !(says("Requires", &guard) && says("After", &guard))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_ins_are_looked_for_in_every_folder_that_systemd_reads() {
        assert_eq!(
            drop_ins("goldseal-boot-poweroff.service"),
            ["goldseal-.service.d", "goldseal-boot-.service.d", "goldseal-boot-poweroff.service.d", "service.d"]
        );
        assert_eq!(drop_ins("goldseal-boot.target"), ["goldseal-.target.d", "goldseal-boot.target.d", "target.d"]);
    }

    #[test]
    fn a_unit_goes_past_the_guard_unless_it_requires_it_and_comes_after() {
        let (requires, after) = ("Requires=x.service goldseal-boot.service\n", "After = goldseal-boot.service\n");
        for (text, past) in [
            ("[Unit]\nDescription=x\n".to_owned(), false),
            ("DefaultDependencies=no\n".to_owned(), true),
            ("DefaultDependencies = False\n".to_owned(), true),
            ("#DefaultDependencies=no\n".to_owned(), false),
            (format!("DefaultDependencies=no\n{requires}"), true),
            (format!("DefaultDependencies=no\n{after}"), true),
            (format!("DefaultDependencies=no\n{requires}{after}"), false),
            (format!("DefaultDependencies=no\n#{requires}{after}"), true),
            (format!("DefaultDependencies=no\nRequires=not-goldseal-boot.service\n{after}"), true),
        ] {
            assert_eq!(goes_past(&text), past, "{text}");
        }
    }
}
