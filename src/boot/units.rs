//! The units of every recipe, as they are in `systemd/boot`, and what is made of them for an image.

use std::collections::BTreeMap;

use goldseal_core::guard::Recipe;

/// Where systemd looks first, so that nothing can be put before it.
pub const PLACE: &str = "etc/systemd/system";
/// What a machine boots into.
pub const DEFAULT_TARGET: &str = "default.target";
/// What it boots into where the recipe takes that over.
pub const OUR_TARGET: &str = "goldseal-boot.target";
/// What the units start once a boot was admitted, as it is written in `systemd/boot`.
const CONTINUED: &str = "multi-user.target";

macro_rules! files {
    ($($folder:literal / $path:literal),* $(,)?) => {
        &[$(($folder, $path, include_str!(concat!("../../systemd/boot/", $folder, "/", $path)))),*]
    };
}

/// Folder, path below it, text.
const FILES: &[(&str, &str, &str)] = files![
    "every" / "goldseal-boot.service",
    "every" / "goldseal-boot-poweroff.service",
    "sysinit" / "goldseal-boot.service.d/10-order.conf",
    "sysinit" / "sysinit.target.d/50-goldseal-boot.conf",
    "sysinit" / "cloud-init.service.d/50-goldseal-boot.conf",
    "sysinit" / "cloud-init-network.service.d/50-goldseal-boot.conf",
    "default-target" / "goldseal-boot.target",
    "default-target" / "goldseal-boot-continue.service",
    "networkd" / "goldseal-boot.service.d/10-network.conf",
    "networkd" / "sysinit.target.d/50-goldseal-boot.conf",
    "network-manager" / "goldseal-boot.service.d/10-network.conf",
];

/// Returns the files of a recipe by their paths below [`PLACE`], units before what asks for them.
///
/// `continued` is what a machine booted into before. With `report_only`, a guard that fails or is not there holds nothing.
pub fn files(recipe: Recipe, continued: &str, report_only: bool) -> Vec<(String, String)> {
    let folders: &[&str] = match recipe {
        Recipe::Sysinit => &["every", "sysinit"],
        Recipe::Networkd => &["every", "default-target", "networkd"],
        Recipe::NetworkManager => &["every", "default-target", "network-manager"],
    };
    let chosen = FILES.iter().filter(|(folder, ..)| folders.contains(folder));
    let made = chosen.map(|(_, path, text)| {
        let text = text.replace(CONTINUED, continued);
        ((*path).to_owned(), if report_only { reporting(&text) } else { text })
    });
    let mut files: Vec<(String, String)> = made.collect();
    files.sort_by_key(|(path, _)| path.contains('/'));
    files
}

/// Returns every path that any recipe has.
pub fn paths() -> Vec<String> {
    let all: BTreeMap<&str, ()> = FILES.iter().map(|(_, path, _)| (*path, ())).collect();
    let mut all: Vec<String> = all.into_keys().map(str::to_owned).collect();
    all.sort_by_key(|path| path.contains('/'));
    all
}

/// What ends or holds a boot when the guard fails, taken out.
fn reporting(text: &str) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some(("Requires", value)) => Some(format!("Wants={value}")),
        Some(("OnFailure" | "OnFailureJobMode" | "JobTimeoutAction", _)) => None,
        _ => Some(line.to_owned()),
    };
    text.lines().filter_map(line).map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_a_recipe() {
        let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/boot"));
        let mut left = vec![folder.to_owned()];
        let mut there = Vec::new();
        while let Some(next) = left.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    left.push(path);
                } else if path.file_name().unwrap() != "README.md" {
                    there.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        there.sort();
        let mut ours: Vec<String> = FILES.iter().map(|(folder, path, _)| format!("{folder}/{path}")).collect();
        ours.sort();
        assert_eq!(ours, there);
    }

    #[test]
    fn a_report_only_guard_holds_nothing_and_ends_nothing() {
        for recipe in Recipe::ALL {
            let text: String = files(recipe, "multi-user.target", true).into_iter().map(|(_, text)| text).collect();
            for key in ["\nRequires=", "\nOnFailure=", "\nJobTimeoutAction="] {
                assert!(!text.contains(key), "{recipe}: {key}");
            }
            assert!(text.contains("\nWants=goldseal-boot.service"), "{recipe}");
        }
    }

    #[test]
    fn an_admitted_machine_goes_on_with_what_it_booted_into_before() {
        let files = files(Recipe::Networkd, "graphical.target", false);
        let (_, unit) = files.iter().find(|(path, _)| path == "goldseal-boot-continue.service").unwrap();
        assert!(unit.contains("start graphical.target") && !unit.contains("multi-user"), "{unit}");
    }
}
