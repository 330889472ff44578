//! `boot install`, `uninstall` and `check`, on root directories made like those of distributions.

use std::{fs, os::unix::fs::PermissionsExt as _, os::unix::fs::symlink, process::Command};

use serde_json::Value;

use crate::{
    offline::local_key,
    policies::{pem, trusting},
    run::{Goldseal, Run},
    skipped,
};

pub const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n";
const AMAZON: &str = "NAME=\"Amazon Linux\"\nID=\"amzn\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"2023\"\n";
const UNITS: &str = "image/etc/systemd/system";

/// An image of a distribution, with everything on it that the guard needs.
pub fn image(os_release: &str) -> Goldseal {
    let goldseal = Goldseal::new();
    let key = local_key(&goldseal, "key.pem");
    goldseal.write("image/etc/os-release", os_release);
    goldseal.write("image/usr/bin/goldseal", "#!/bin/sh\n");
    fs::set_permissions(goldseal.path("image/usr/bin/goldseal"), fs::Permissions::from_mode(0o755)).unwrap();
    goldseal.write(
        "image/etc/goldseal/goldseal.toml",
        "store = \"https://evidence.example.com/golden\"\npolicy = \"/etc/goldseal/policy.toml\"\n",
    );
    goldseal.write("image/etc/goldseal/policy.toml", trusting(&key));
    goldseal.write("image/usr/lib/systemd/libsystemd-shared-252.so", "");
    for unit in ["cloud-init.service", "sysinit.target", "multi-user.target"] {
        goldseal.write(&format!("image/usr/lib/systemd/system/{unit}"), "[Unit]\nDescription=x\n");
    }
    symlink("multi-user.target", goldseal.path("image/usr/lib/systemd/system/default.target")).unwrap();
    fs::create_dir_all(goldseal.path(UNITS)).unwrap();
    goldseal
}

pub fn install(goldseal: &Goldseal, more: &str) -> Run {
    goldseal.run(&format!("boot install --root {} {more}", goldseal.path("image").display()))
}

/// Checks the image; returns the exit code and the codes of what is worse than a note, but for what depends on tools.
fn check(goldseal: &Goldseal) -> (i32, Vec<String>) {
    let run = goldseal.run(&format!("boot check --output json --root {}", goldseal.path("image").display()));
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["schema"], "goldseal/boot-check/v1");
    let found = report["findings"].as_array().unwrap().iter();
    let weighty = found.filter(|one| one["severity"] == "problem" || one["severity"] == "warning");
    // What the settings say is told where they can be read.
    let broken = report["findings"].as_array().unwrap().iter().any(|one| one["code"] == "settings-broken");
    assert_eq!(report["records"], if broken { Value::Null } else { Value::Bool(false) });
    assert_eq!(report["executable"], crate::aws::sha256(&goldseal.read("image/usr/bin/goldseal")));
    let installed = report["recipe"].is_string();
    assert_eq!((report["version"].is_string(), report["reportOnly"].is_boolean()), (installed, installed));
    (run.code, weighty.map(|one| one["code"].as_str().unwrap().to_owned()).collect())
}

/// Whether systemd-analyze is there, and can look at other roots.
fn analyzes() -> bool {
    let asked = Command::new("systemd-analyze").args(["--root=/", "--man=no", "verify", "default.target"]).output();
    asked.is_ok_and(|answer| !String::from_utf8_lossy(&answer.stderr).contains("unrecognized option"))
}

#[test]
fn an_image_is_guarded_looked_at_and_left_as_it_was() {
    for (os_release, recipe, files) in [(DEBIAN, "sysinit", 6), (AMAZON, "networkd", 7)] {
        let goldseal = image(os_release);
        let before = crate::run::files_under(&goldseal.path("image"));
        assert_eq!(check(&goldseal), (1, vec!["not-installed".to_owned()]));
        let run = install(&goldseal, "").exits(0);
        assert!(run.stdout.contains(&format!("installed the recipe {recipe}")), "{}", run.stdout);
        assert_eq!(run.stdout.lines().filter(|line| line.starts_with("/etc/systemd/system/")).count(), files);
        let (code, found) = check(&goldseal);
        let expected = if analyzes() { 0 } else { 3 };
        assert_eq!((code, found), (expected, Vec::<String>::new()));
        // Again, by whoever bakes the image twice.
        install(&goldseal, "").exits(0);
        let root = goldseal.path("image");
        goldseal.run(&format!("boot uninstall --root {}", root.display())).exits(0);
        assert_eq!(crate::run::files_under(&root), before);
        let nothing = goldseal.run(&format!("boot uninstall --root {}", root.display())).exits(0);
        assert_eq!(nothing.stdout, "nothing was installed\n");
    }
}

#[test]
fn an_image_that_would_never_boot_is_not_guarded() {
    for (spoil, told) in [
        (
            Box::new(|one: &Goldseal| fs::remove_file(one.path("image/etc/goldseal/goldseal.toml")).unwrap())
                as Box<dyn Fn(&Goldseal)>,
            "goldseal.toml",
        ),
        (Box::new(|one| fs::remove_file(one.path("image/etc/goldseal/policy.toml")).unwrap()), "policy.toml"),
        (Box::new(|one| one.write("image/etc/goldseal/policy.toml", "version = 1\n")), "policy.toml"),
        (
            Box::new(|one| {
                one.change(
                    "image/etc/goldseal/goldseal.toml",
                    "https://evidence.example.com/golden",
                    "file:///srv/evidence",
                    "image/etc/goldseal/goldseal.toml",
                );
            }),
            "carries it",
        ),
        (
            Box::new(|one| {
                one.change("image/etc/goldseal/goldseal.toml", "\"/etc", "\"etc", "image/etc/goldseal/goldseal.toml");
            }),
            "whole paths",
        ),
        (Box::new(|one| fs::remove_file(one.path("image/usr/bin/goldseal")).unwrap()), "no executable"),
        (
            Box::new(|one| {
                fs::set_permissions(one.path("image/usr/bin/goldseal"), fs::Permissions::from_mode(0o644)).unwrap();
            }),
            "no executable",
        ),
        (Box::new(|one| one.write("image/etc/os-release", "ID=alpine\n")), "--recipe"),
    ] {
        let goldseal = image(DEBIAN);
        spoil(&goldseal);
        let run = install(&goldseal, "--force").exits(2);
        assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
        assert_eq!(fs::read_dir(goldseal.path(UNITS)).unwrap().count(), 0, "{told}");
    }
}

#[test]
fn what_goes_around_the_guard_is_found() {
    let drop_in = "[Unit]\nConditionPathExists=/never\n";
    for (path, text, code, expected) in [
        ("goldseal-boot.service.d/90-hole.conf", drop_in, "unit-overridden", 0),
        ("goldseal-boot-poweroff.service.d/90-hole.conf", drop_in, "unit-overridden", 0),
        ("service.d/90-hole.conf", drop_in, "unit-overridden", 0),
        ("../system.control/sysinit.target.d/50-goldseal-boot.conf", "", "unit-masked", 1),
        ("theirs.service.d/10-early.conf", "[Unit]\nDefaultDependencies=no\n", "units-beside", 0),
        ("early.service", "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/true\n", "units-beside", 0),
        ("goldseal-boot.service", "[Service]\nExecStart=/bin/true\n", "file-changed", 1),
    ] {
        let goldseal = image(DEBIAN);
        install(&goldseal, "").exits(0);
        goldseal.write(&format!("{UNITS}/{path}"), text);
        let (exit, found) = check(&goldseal);
        assert_eq!(found, [code], "{path}");
        assert!(exit == expected || (exit == 3 && !analyzes()), "{path}: {exit}");
    }
    let goldseal = image(DEBIAN);
    install(&goldseal, "").exits(0);
    let unit = goldseal.path(&format!("{UNITS}/goldseal-boot.service"));
    fs::remove_file(&unit).unwrap();
    symlink("/dev/null", &unit).unwrap();
    let (exit, mut found) = check(&goldseal);
    // systemd itself complains of a unit that is masked and asked for.
    found.retain(|code| code != "ordering-cycle");
    assert_eq!((exit, found), (1, vec!["file-changed".to_owned(), "unit-masked".to_owned()]));
    fs::create_dir_all(goldseal.path(&format!("{UNITS}/sysinit.target.requires"))).unwrap();
    install(&goldseal, "--force").exits(0);
    symlink(
        "../goldseal-boot.service",
        goldseal.path(&format!("{UNITS}/sysinit.target.requires/goldseal-boot.service")),
    )
    .unwrap();
    assert_eq!(check(&goldseal).1, ["requires-link"]);
}

#[test]
fn an_image_that_systemd_cannot_look_at_is_not_good() {
    if !analyzes() {
        return;
    }
    let goldseal = image(DEBIAN);
    fs::remove_file(goldseal.path("image/usr/lib/systemd/system/multi-user.target")).unwrap();
    install(&goldseal, "").exits(0);
    let run = goldseal.run(&format!("boot check --root {}", goldseal.path("image").display()));
    run.exits(3).says("cycles-not-looked-for").says("not found");
}

#[test]
fn another_default_target_is_found_where_ours_is_what_holds() {
    let target = format!("{UNITS}/default.target");
    for other in [Some("/usr/lib/systemd/system/multi-user.target"), None] {
        let goldseal = image(AMAZON);
        install(&goldseal, "").exits(0);
        fs::remove_file(goldseal.path(&target)).unwrap();
        // As `systemctl set-default` does.
        if let Some(other) = other {
            symlink(other, goldseal.path(&target)).unwrap();
        }
        let expected = if other.is_some() { "file-changed" } else { "file-missing" };
        assert_eq!(check(&goldseal), (1, vec![expected.to_owned()]));
        install(&goldseal, "").exits(0);
        assert_eq!(check(&goldseal).1, Vec::<String>::new());
    }
}

#[test]
fn a_unit_of_the_image_is_found_behind_a_link_and_other_names_of_the_distributions_are_not() {
    let goldseal = image(DEBIAN);
    install(&goldseal, "").exits(0);
    let bare = "[Unit]\nDefaultDependencies=no\n";
    for (link, target) in [
        ("app.service", "/opt/app/app.service"),
        ("alias.service", "/lib/systemd/system/x.service"),
        ("off.service", "/dev/null"),
    ] {
        symlink(target, goldseal.path(&format!("{UNITS}/{link}"))).unwrap();
    }
    goldseal.write("image/opt/app/app.service", bare);
    goldseal.write("image/lib/systemd/system/x.service", bare);
    let run = goldseal.run(&format!("boot check --root {}", goldseal.path("image").display()));
    let found =
        run.stdout.lines().find(|line| line.contains("beside the guard")).unwrap_or_else(|| panic!("{}", run.stdout));
    assert!(found.ends_with("beside the guard: app.service"), "{}", run.stdout);
}

#[test]
fn files_of_an_image_are_found_where_the_image_will_find_them() {
    let goldseal = image("");
    let etc = |file: &str| goldseal.path(&format!("image/etc/{file}"));
    let key = local_key(&goldseal, "ci.pem");
    goldseal.write("image/opt/goldseal/keys/ci.pub", key.pem());
    // All of it behind links, and named by whole paths.
    fs::remove_file(etc("os-release")).unwrap();
    goldseal.write("image/usr/lib/os-release", DEBIAN);
    symlink("/usr/lib/os-release", etc("os-release")).unwrap();
    let policy = trusting(&key)
        .replace(&pem("ci", &key.pem()), "[[authority]]\nname = \"ci\"\nkey_file = \"/opt/goldseal/keys/ci.pub\"\n");
    fs::remove_file(etc("goldseal/policy.toml")).unwrap();
    goldseal.write("image/opt/goldseal/policy.toml", &policy);
    symlink("/opt/goldseal/policy.toml", etc("goldseal/policy.toml")).unwrap();
    install(&goldseal, "").exits(0).says("recipe sysinit");

    let settings = String::from_utf8(goldseal.read("image/etc/goldseal/goldseal.toml")).unwrap();
    for (added, told) in [
        ("ca_file = \"/etc/goldseal/ca.pem\"\n", "certificate authorities from"),
        ("[boot]\ncertificates = \"/etc/goldseal/aws.pem\"\n", "aws.pem"),
        ("[boot]\ncertificates = \"/etc/goldseal/goldseal.toml\"\n", "reading the certificates in"),
    ] {
        goldseal.write("image/etc/goldseal/goldseal.toml", format!("{settings}{added}"));
        install(&goldseal, "").exits(2).says(told);
        assert_eq!(check(&goldseal), (1, vec!["settings-broken".to_owned()]), "{added}");
    }
    goldseal.write("image/etc/goldseal/goldseal.toml", &settings);
    goldseal.write("image/etc/goldseal/boot.env", "AWS_CA_BUNDLE=/x\nGOLDSEAL_POLICY=/etc/lax.toml\n");
    install(&goldseal, "").exits(2).says("GOLDSEAL_POLICY=/etc/lax.toml").says("goes before the settings file");
    fs::remove_file(etc("goldseal/boot.env")).unwrap();
    // What the machine that builds has under that path does not count.
    let here = goldseal.path("ci.pub").display().to_string();
    goldseal.write("ci.pub", key.pem());
    goldseal.write("image/opt/goldseal/policy.toml", policy.replace("/opt/goldseal/keys/ci.pub", &here));
    install(&goldseal, "").exits(2).says("ci.pub");
}

#[test]
fn a_cycle_is_found_by_systemd_itself() {
    if !analyzes() {
        skipped("ordering cycles", "systemd-analyze is not installed, or too old");
        return;
    }
    let goldseal = image(DEBIAN);
    install(&goldseal, "").exits(0);
    let wants = "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\nWants=goldseal-boot.service\n";
    goldseal.write("image/usr/lib/systemd/system/multi-user.target", wants);
    goldseal.write(&format!("{UNITS}/goldseal-boot.service.d/cycle.conf"), "[Unit]\nAfter=multi-user.target\n");
    goldseal.write("image/usr/lib/systemd/system/sysinit.target", "[Unit]\nAfter=multi-user.target\n");
    let (exit, found) = check(&goldseal);
    assert_eq!(exit, 1, "{found:?}");
    assert!(found.contains(&"ordering-cycle".to_owned()), "{found:?}");
}

#[test]
fn a_report_only_guard_says_what_it_would_do_and_check_says_that_it_holds_nothing() {
    let goldseal = image(DEBIAN);
    let run = install(&goldseal, "--report").exits(0);
    assert!(run.stdout.contains("reported on"), "{}", run.stdout);
    assert_eq!(check(&goldseal), (1, vec!["report-units-enforcing-policy".to_owned()]));
    goldseal.change("image/etc/goldseal/policy.toml", "\"enforce\"", "\"warn\"", "image/etc/goldseal/policy.toml");
    assert_eq!(check(&goldseal).1, ["policy-reports"]);
}

#[test]
fn people_read_what_to_type() {
    let goldseal = image(DEBIAN);
    let root = goldseal.path("image").display().to_string();
    let run = goldseal.run(&format!("boot check --root {root}")).exits(1);
    assert!(run.stdout.contains("not-installed"), "{}", run.stdout);
    assert!(run.stdout.contains(&format!("→ goldseal boot install --root {root}")), "{}", run.stdout);
    goldseal.run("boot check --root nowhere").exits(2);
}
