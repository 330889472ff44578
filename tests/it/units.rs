//! The systemd units and the settings file, as they are shipped.

use std::{
    collections::BTreeSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use crate::skipped;

const UNIT: &str = "systemd/goldseal-hook.service";
/// Every service that says how little it may do, and what it runs.
const SERVICES: [&str; 4] = [
    UNIT,
    "systemd/goldseal-audit.service",
    "systemd/goldseal-audit-age.service",
    "systemd/boot/every/goldseal-boot.service",
];
const TIMERS: [&str; 2] = ["systemd/goldseal-audit.timer", "systemd/goldseal-audit-age.timer"];
const SYSUSERS: &str = "systemd/goldseal.sysusers";
const SETTINGS: &str = "packaging/goldseal.toml";
/// Directives that systemd 247 does not know: it says so, and leaves them out.
const NEWER: [&str; 3] = ["'PrivateIPC'", "'RestartSteps'", "'RestartMaxDelaySec'"];
/// The exposure level that `systemd-analyze security` may say at most.
const EXPOSURE: f64 = 2.0;

/// Returns the values of a directive, in order.
fn values(unit: &str, key: &str) -> Vec<String> {
    let of = |line: &str| line.split_once('=').filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned());
    unit.lines().filter_map(of).collect()
}

fn seconds(value: &str) -> u64 {
    let (number, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len()));
    let factor = match unit {
        "s" | "" => 1,
        "min" => 60,
        other => panic!("{other}"),
    };
    number.parse::<u64>().unwrap() * factor
}

/// Writes units with our executable into a folder of their own, and asks systemd-analyze about the first; none where there
/// is no such tool, or one that is too old.
fn analyzed(arguments: &[&str], units: &[&str]) -> Option<(bool, String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = units.iter().map(|unit| folder.path().join(file_name(unit))).collect();
    for (unit, path) in units.iter().zip(&paths) {
        let text = fs::read_to_string(unit).unwrap();
        let starts = text.contains("ExecStart=/usr/bin/goldseal ");
        assert!(starts || unit.ends_with(".timer"), "{text}");
        let ours = format!("={} ", env!("CARGO_BIN_EXE_goldseal"));
        fs::write(path, text.replace("=/usr/bin/goldseal ", &ours)).unwrap();
    }
    let what = format!("systemd-analyze {}", arguments[0]);
    let asked = Command::new("systemd-analyze").args(arguments).arg(&paths[0]).env("LC_ALL", "C.UTF-8").output();
    let output = match asked {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skipped(&what, "systemd-analyze is not installed");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (said, complained) = (text(output.stdout), text(output.stderr));
    if complained.contains("unrecognized option") {
        skipped(&what, "this systemd is too old for it");
        return None;
    }
    Some((output.status.success(), said, complained))
}

fn file_name(unit: &str) -> String {
    Path::new(unit).file_name().unwrap().to_str().unwrap().to_owned()
}

/// Says that systemd takes a unit, with what it starts beside it, without a complaint about it.
fn taken(units: &[&str]) {
    let Some((good, said, complained)) = analyzed(&["verify", "--man=no"], units) else { return };
    let name = file_name(units[0]);
    let unknown = |line: &str| line.contains("Unknown ") && NEWER.iter().any(|key| line.contains(key));
    let about_it = |line: &&str| line.contains(&name) && !unknown(line);
    let complaints: Vec<&str> = said.lines().chain(complained.lines()).filter(about_it).collect();
    assert!(good && complaints.is_empty(), "{complained}{said}");
}

#[test]
fn systemd_takes_the_units() {
    // The boot guard has its own tests, in front of a whole systemd.
    SERVICES.iter().filter(|unit| !unit.contains("/boot/")).for_each(|unit| taken(&[unit]));
    for timer in TIMERS {
        taken(&[timer, &timer.replace(".timer", ".service")]);
    }
}

#[test]
fn the_units_are_hardened() {
    for unit in SERVICES {
        let asked = analyzed(&["security", "--offline=true", "--no-pager"], &[unit]);
        let Some((_, said, complained)) = asked else { return };
        let level = said.lines().find_map(|line| line.split_once("exposure level for ")?.1.split_once(": "));
        let level = level.and_then(|(_, rest)| rest.split(' ').next()?.parse::<f64>().ok());
        let level = level.unwrap_or_else(|| panic!("{said}{complained}"));
        println!("exposure level of {unit}: {level}");
        assert!(level <= EXPOSURE, "{unit}: {said}");
    }
}

#[test]
fn every_unit_that_claims_a_level_is_measured() {
    let folders = ["systemd", "systemd/boot/every"].map(|folder| fs::read_dir(folder).unwrap());
    let units = folders.into_iter().flatten().map(|entry| entry.unwrap().path()).filter(|path| {
        let text = || fs::read_to_string(path).unwrap();
        path.extension().is_some_and(|kind| kind == "service") && text().contains("ExecStart=/usr/bin/goldseal ")
    });
    let found: BTreeSet<String> = units.map(|path| path.to_str().unwrap().to_owned()).collect();
    assert_eq!(found, SERVICES.map(str::to_owned).into());
}

#[test]
fn the_audit_fails_on_what_is_new_and_its_age_is_asked_of_the_same_place() {
    let [audit, age] =
        ["", "-age"].map(|kind| fs::read_to_string(format!("systemd/goldseal-audit{kind}.service")).unwrap());
    for unit in [&audit, &age] {
        assert_eq!(values(unit, "Type"), ["oneshot"]);
        assert!(
            values(unit, "Environment").contains(&"GOLDSEAL_AUDIT_STATE=file:///var/lib/goldseal-audit".to_owned())
        );
        assert_eq!(values(unit, "StateDirectory"), ["goldseal-audit"]);
        assert!(!values(unit, "TimeoutStartSec").is_empty(), "one that hangs is a failure");
        let quiet = |line: &&str| line.starts_with("Condition") || line.starts_with("Assert");
        assert_eq!(unit.lines().filter(quiet).count(), 0, "{unit}");
    }
    let start = values(&audit, "ExecStart");
    assert!(start[0].contains(" --only-new ") && start[0].contains(" --metrics "), "{start:?}");
    assert!(values(&age, "ExecStart")[0].ends_with("--max-age ${GOLDSEAL_AUDIT_MAX_AGE}"));
    for timer in TIMERS {
        let text = fs::read_to_string(timer).unwrap();
        assert_eq!((values(&text, "OnCalendar").len(), values(&text, "RandomizedDelaySec").len()), (1, 1), "{timer}");
        assert_eq!(values(&text, "WantedBy"), ["timers.target"]);
    }
    let timer = fs::read_to_string(TIMERS[0]).unwrap();
    assert_eq!(values(&timer, "Persistent"), ["true"], "what was missed is made up for");
}

#[test]
fn the_unit_says_what_the_daemon_needs() {
    let unit = fs::read_to_string(UNIT).unwrap();
    for (key, expected) in [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("ExecStart", "/usr/bin/goldseal hook"),
        ("ExecReload", "/bin/sh -c 'kill -HUP \"$MAINPID\"'"),
        ("Restart", "always"),
        ("StartLimitIntervalSec", "0"),
        ("StateDirectory", "goldseal"),
        ("StateDirectoryMode", "0700"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
    ] {
        assert_eq!(values(&unit, key), [expected], "{key}");
    }
    // What is held has 60 seconds, and then records and messages are given back.
    let stop = values(&unit, "TimeoutStopSec");
    assert!(seconds(&stop[0]) > 75, "{stop:?}");
    let watchdog = values(&unit, "WatchdogSec");
    assert!((30..=120).contains(&seconds(&watchdog[0])), "{watchdog:?}");
    // A condition that does not hold would leave launches unguarded without a failure.
    let quiet = |line: &&str| line.starts_with("Condition") || line.starts_with("Assert");
    assert_eq!(unit.lines().filter(quiet).count(), 0, "{unit}");
}

#[test]
fn the_user_of_the_units_is_the_one_that_is_made() {
    let users = fs::read_to_string(SYSUSERS).unwrap();
    let made: Vec<&str> = users.lines().filter_map(|line| line.strip_prefix("u ")?.split(' ').next()).collect();
    assert_eq!(made, ["goldseal"]);
    for unit in SERVICES.iter().filter(|unit| !unit.contains("/boot/")) {
        let text = fs::read_to_string(unit).unwrap();
        for key in ["User", "Group"] {
            assert_eq!(values(&text, key), made, "{unit}: {key}");
        }
    }
}

#[test]
fn the_settings_file_sets_nothing_and_all_of_it_is_known() {
    let shipped = fs::read_to_string(SETTINGS).unwrap();
    let inert: toml::Table = toml::from_str(&shipped).unwrap();
    assert!(inert.is_empty(), "{inert:?}");
    // A setting stands right behind its #; prose has a blank there.
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with('[') || rest.starts_with(|c: char| c.is_ascii_lowercase()) => {
            format!("{rest}\n")
        }
        Some(_) | None => format!("{line}\n"),
    };
    let whole: String = shipped.lines().map(uncommented).collect();
    let table: toml::Table = toml::from_str(&whole).unwrap();
    let keys = |table: &toml::Table| table.keys().cloned().collect::<BTreeSet<String>>();
    let top = ["audit", "boot", "ca_file", "hook", "overrides", "policy", "receipt_key", "receipts", "region", "store"];
    assert_eq!(keys(&table), top.map(str::to_owned).into());
    let hook = ["deadline", "groups", "hooks", "listen", "queue", "state"].map(str::to_owned);
    assert_eq!(keys(table["hook"].as_table().unwrap()), hook.into());
    let boot = ["certificates", "deadline", "describe_images", "record", "state"].map(str::to_owned);
    assert_eq!(keys(table["boot"].as_table().unwrap()), boot.into());
    let audit = ["accounts", "external_id", "organization", "regions", "role"].map(str::to_owned);
    assert_eq!(keys(table["audit"].as_table().unwrap()), audit.into());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("goldseal.toml");
    fs::write(&path, whole).unwrap();
    let checked = Command::new(env!("CARGO_BIN_EXE_goldseal"))
        .args(["hook", "--check", "--policy", "docs/examples/launch.toml", "--config"])
        .arg(&path)
        .env_clear()
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
