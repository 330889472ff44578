use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    process::Command,
};

use super::*;

fn image() -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path()).unwrap();
    for path in ["etc", "usr/lib/systemd", "opt"] {
        fs::create_dir_all(folder.path().join(path)).unwrap();
    }
    (folder, root)
}

#[test]
fn links_are_read_as_the_image_will_read_them() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "theirs").unwrap();
    let (folder, root) = image();
    let there = |path: &str| folder.path().join(path);
    fs::write(there("usr/lib/os-release"), "ours").unwrap();
    for (link, target) in [
        ("etc/absolute", "/usr/lib/os-release"),
        ("etc/relative", "../usr/lib/os-release"),
        ("etc/too-far", "../../../../usr/lib/os-release"),
        ("etc/twice", "absolute"),
        ("lib", "/usr/lib"),
    ] {
        symlink(target, there(link)).unwrap();
    }
    for path in ["etc/absolute", "etc/relative", "etc/too-far", "etc/twice", "lib/os-release", "etc/../lib/os-release"]
    {
        assert_eq!(root.read(path).unwrap().as_deref(), Some(&b"ours"[..]), "{path}");
        assert_eq!(root.locate(Path::new(path)).unwrap(), there("usr/lib/os-release"), "{path}");
    }
    assert_eq!(root.names("lib").unwrap(), ["os-release", "systemd"]);
    assert_eq!(root.entry("lib/os-release").unwrap(), Some(Entry::File(b"ours".to_vec())));
    assert_eq!(root.entry("etc/twice").unwrap(), Some(Entry::Link("absolute".into())));
    // What is there on the machine that builds is not there in the image.
    symlink(outside.path().join("kept"), there("etc/out")).unwrap();
    symlink("round", there("etc/round")).unwrap();
    assert_eq!(root.read("etc/out").unwrap(), None);
    assert!(!root.is_executable("etc/out"));
    assert!(root.read("etc/round").unwrap_err().source.to_string().contains("too many links"));
}

#[test]
fn what_is_no_file_or_too_large_is_an_error_and_not_waited_for() {
    let (folder, root) = image();
    assert!(Command::new("mkfifo").arg(folder.path().join("etc/pipe")).status().unwrap().success());
    fs::write(folder.path().join("etc/large"), vec![b'x'; (1 << 20) + 1]).unwrap();
    for (path, told) in [("etc", "no file"), ("etc/pipe", "no file"), ("etc/large", "1 MiB")] {
        let error = root.read(path).unwrap_err();
        assert!(error.source.to_string().contains(told), "{path}: {}", error.source);
    }
    assert_eq!(root.read("etc/none").unwrap(), None);
    assert_eq!(root.read("etc/large/none").unwrap(), None);
    assert_eq!(root.entry("etc/pipe").unwrap(), Some(Entry::Other));
}

#[test]
fn a_write_that_was_cut_off_is_neither_followed_nor_left() {
    let (folder, root) = image();
    let there = |path: &str| folder.path().join(path);
    fs::write(there("opt/theirs"), "theirs").unwrap();
    symlink("../opt/theirs", there("etc/unit.goldseal-new")).unwrap();
    root.write("etc/unit", b"ours").unwrap();
    assert_eq!(fs::read_to_string(there("opt/theirs")).unwrap(), "theirs");
    fs::write(there("etc/unit.goldseal-new"), "half").unwrap();
    root.remove("etc/unit").unwrap();
    assert_eq!(root.names("etc").unwrap(), Vec::<String>::new());
    // A directory is in the way.
    fs::create_dir(there("etc/unit")).unwrap();
    assert!(root.write("etc/unit", b"ours").is_err());
    assert!(root.link("etc/unit", Path::new("x")).is_err());
    assert_eq!(root.names("etc").unwrap(), ["unit"]);
}

#[test]
fn only_a_file_that_may_be_executed_is_an_executable() {
    let (folder, root) = image();
    let file = folder.path().join("opt/goldseal");
    fs::write(&file, "").unwrap();
    symlink("/opt/goldseal", folder.path().join("usr/goldseal")).unwrap();
    assert!(!root.is_executable("usr/goldseal") && !root.is_executable("opt") && !root.is_executable("none"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(root.is_executable("usr/goldseal"));
}
