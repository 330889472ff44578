use std::{fs, os::unix::fs::symlink, path::Path};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const WANTED: Wanted = Wanted { recipe: Recipe::Sysinit, report_only: false, force: false };

fn image() -> (TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    (folder, root)
}

/// Everything below a directory: paths, with what is in files and where links point.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let (mut found, mut left) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if kind.is_symlink() {
                found.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()));
            } else if kind.is_dir() {
                found.insert(name, "/".to_owned());
                left.push(path);
            } else {
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn each_recipe_installs_its_files_and_again_changes_nothing() {
    for recipe in Recipe::ALL {
        let (folder, root) = image();
        let wanted = Wanted { recipe, ..WANTED };
        install(&root, wanted).unwrap();
        let first = tree(folder.path());
        for (path, text) in units::files(recipe, USUAL, false) {
            assert_eq!(first[&at(&path)], text, "{path}");
        }
        let taken = first.get(&at(DEFAULT_TARGET)).map(String::as_str);
        assert_eq!(taken, recipe.takes_default_target().then_some("-> goldseal-boot.target"));
        install(&root, wanted).unwrap();
        assert_eq!(tree(folder.path()), first);
    }
}

#[test]
fn default_target_comes_back_as_it_was_after_any_number_of_installs() {
    for before in [None, Some("/lib/systemd/system/graphical.target"), Some("multi-user.target")] {
        let (folder, root) = image();
        let link = folder.path().join(at(DEFAULT_TARGET));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        fs::create_dir_all(folder.path().join("etc/goldseal")).unwrap();
        if let Some(target) = before {
            symlink(target, &link).unwrap();
        }
        let untouched = tree(folder.path());
        for recipe in [Recipe::Networkd, Recipe::NetworkManager, Recipe::Networkd] {
            install(&root, Wanted { recipe, ..WANTED }).unwrap();
        }
        let unit = fs::read_to_string(folder.path().join(at("goldseal-boot-continue.service"))).unwrap();
        let target = before.map_or(USUAL, |target| target.rsplit('/').next().unwrap());
        assert!(unit.contains(&format!("start {target}")), "{unit}");
        // The other recipe takes what the first put there, and gives it back.
        install(&root, WANTED).unwrap();
        assert_eq!(fs::read_link(&link).ok(), before.map(Into::into));
        uninstall(&root).unwrap();
        assert_eq!(tree(folder.path()), untouched);
    }
}

#[test]
fn a_default_target_that_was_set_since_is_kept_by_another_recipe() {
    let (folder, root) = image();
    install(&root, Wanted { recipe: Recipe::Networkd, ..WANTED }).unwrap();
    let link = folder.path().join(at(DEFAULT_TARGET));
    fs::remove_file(&link).unwrap();
    symlink("/lib/systemd/system/graphical.target", &link).unwrap();
    install(&root, WANTED).unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("/lib/systemd/system/graphical.target"));
}

#[test]
fn what_a_distribution_boots_into_is_gone_on_with() {
    let (folder, root) = image();
    fs::create_dir_all(folder.path().join("usr/lib/systemd/system")).unwrap();
    symlink("graphical.target", folder.path().join(VENDOR[0])).unwrap();
    install(&root, Wanted { recipe: Recipe::Networkd, ..WANTED }).unwrap();
    let unit = fs::read_to_string(folder.path().join(at("goldseal-boot-continue.service"))).unwrap();
    assert!(unit.contains("start graphical.target"), "{unit}");
}

#[test]
fn a_default_target_that_nobody_could_go_on_with_is_refused() {
    for target in ["/dev/null", "default.target", "x y.target", "../evil.target\nExecStart=/bin/sh"] {
        let (folder, root) = image();
        fs::create_dir_all(folder.path().join(PLACE)).unwrap();
        symlink(target, folder.path().join(at(DEFAULT_TARGET))).unwrap();
        let error = install(&root, WANTED).unwrap_err().to_string();
        assert!(error.contains("no target that could be gone on with"), "{target}: {error}");
    }
}

#[test]
fn what_somebody_changed_is_kept_until_force_says_otherwise() {
    let (folder, root) = image();
    put(folder.path(), &at("goldseal-boot.service"), "theirs");
    let error = install(&root, WANTED).unwrap_err().to_string();
    assert!(error.contains("somebody changed /etc/systemd/system/goldseal-boot.service"), "{error}");
    assert_eq!(fs::read_to_string(folder.path().join(at("goldseal-boot.service"))).unwrap(), "theirs");
    install(&root, Wanted { force: true, ..WANTED }).unwrap();
    // What we wrote is ours to change, also to the other form.
    install(&root, Wanted { report_only: true, ..WANTED }).unwrap();
    put(folder.path(), &at("sysinit.target.d/50-goldseal-boot.conf"), "theirs");
    assert!(install(&root, WANTED).is_err());
}

#[test]
fn nothing_is_written_through_a_link_that_leads_out() {
    let outside = tempfile::tempdir().unwrap();
    for link in ["etc", "etc/systemd", "etc/systemd/system", "etc/systemd/system/sysinit.target.d", "etc/goldseal"] {
        for target in [outside.path().to_owned(), "../../../../../../../../tmp".into()] {
            let (folder, root) = image();
            let link = folder.path().join(link);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(&target, &link).unwrap();
            assert!(install(&root, WANTED).is_err(), "{} -> {}", link.display(), target.display());
            assert!(tree(outside.path()).is_empty(), "{}", link.display());
        }
    }
}

#[test]
fn a_file_that_is_a_link_is_replaced_and_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "kept", "theirs");
    let (folder, root) = image();
    fs::create_dir_all(folder.path().join(PLACE)).unwrap();
    symlink(outside.path().join("kept"), folder.path().join(at("goldseal-boot.service"))).unwrap();
    assert!(install(&root, WANTED).is_err());
    install(&root, Wanted { force: true, ..WANTED }).unwrap();
    assert_eq!(fs::read_to_string(outside.path().join("kept")).unwrap(), "theirs");
    assert!(fs::symlink_metadata(folder.path().join(at("goldseal-boot.service"))).unwrap().is_file());
}

#[test]
fn a_document_of_another_version_or_a_torn_one_stops_an_install_and_not_an_uninstall() {
    for text in ["{", "{\"schema\":\"goldseal/boot-installed/v9\"}", "[]"] {
        let (folder, root) = image();
        install(&root, Wanted { recipe: Recipe::Networkd, ..WANTED }).unwrap();
        put(folder.path(), MANIFEST, text);
        assert!(install(&root, WANTED).is_err(), "{text}");
        uninstall(&root).unwrap();
        let left: Vec<String> = tree(folder.path()).into_keys().filter(|path| path.contains("goldseal-boot")).collect();
        assert!(left.is_empty(), "{text}: {left:?}");
        assert!(!folder.path().join(at(DEFAULT_TARGET)).exists());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whatever was there, and whatever part of ours somebody removed by hand.
    #[test]
    fn uninstalling_leaves_an_image_as_it_was(
        recipe in prop::sample::select(Recipe::ALL.to_vec()), report_only: bool,
        theirs in prop::collection::btree_map("[a-z]{1,6}(\\.service|\\.target\\.d/[a-z]{1,4}\\.conf)", "[a-z]{0,8}", 0..6),
        gone in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let (folder, root) = image();
        fs::create_dir_all(folder.path().join(PLACE)).unwrap();
        fs::create_dir_all(folder.path().join("etc/goldseal")).unwrap();
        for (path, text) in &theirs {
            put(folder.path(), &at(path), text);
        }
        put(folder.path(), &at("sysinit.target.d/10-theirs.conf"), "theirs");
        let before = tree(folder.path());
        let written = install(&root, Wanted { recipe, report_only, force: false }).unwrap();
        for index in gone {
            let path = index.get(&written).trim_start_matches('/');
            let _gone_twice = fs::remove_file(folder.path().join(path));
        }
        uninstall(&root).unwrap();
        prop_assert_eq!(tree(folder.path()), before);
    }
}
