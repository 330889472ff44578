//! The systemd unit and the settings file, as they are shipped.

use std::{collections::BTreeSet, fs, io::ErrorKind, process::Command};

use crate::skipped;

const UNIT: &str = "systemd/goldseal-hook.service";
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

/// Writes the unit with our executable into a folder of its own, and asks systemd-analyze about it; none where there is
/// no such tool, or one that is too old.
fn analyzed(arguments: &[&str]) -> Option<(bool, String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("goldseal-hook.service");
    let unit = fs::read_to_string(UNIT).unwrap();
    assert!(unit.contains("ExecStart=/usr/bin/goldseal "), "{unit}");
    fs::write(&path, unit.replace("=/usr/bin/goldseal ", &format!("={} ", env!("CARGO_BIN_EXE_goldseal")))).unwrap();
    let what = format!("systemd-analyze {}", arguments[0]);
    let asked = Command::new("systemd-analyze").args(arguments).arg(&path).env("LC_ALL", "C.UTF-8").output();
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

#[test]
fn systemd_takes_the_unit() {
    let Some((good, said, complained)) = analyzed(&["verify", "--man=no"]) else { return };
    let unknown = |line: &str| line.contains("Unknown ") && NEWER.iter().any(|key| line.contains(key));
    let about_it = |line: &&str| line.contains("goldseal-hook.service") && !unknown(line);
    let complaints: Vec<&str> = said.lines().chain(complained.lines()).filter(about_it).collect();
    assert!(good && complaints.is_empty(), "{complained}{said}");
}

#[test]
fn the_unit_is_hardened() {
    let Some((_, said, complained)) = analyzed(&["security", "--offline=true", "--no-pager"]) else { return };
    let level = said.lines().find_map(|line| line.split_once("exposure level for ")?.1.split_once(": "));
    let level = level.and_then(|(_, rest)| rest.split(' ').next()?.parse::<f64>().ok());
    let level = level.unwrap_or_else(|| panic!("{said}{complained}"));
    println!("exposure level {level}");
    assert!(level <= EXPOSURE, "{said}");
}

#[test]
fn the_unit_says_what_the_daemon_needs() {
    let unit = fs::read_to_string(UNIT).unwrap();
    for (key, expected) in [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("ExecStart", "/usr/bin/goldseal hook"),
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
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
fn the_user_of_the_unit_is_the_one_that_is_made() {
    let (unit, users) = (fs::read_to_string(UNIT).unwrap(), fs::read_to_string(SYSUSERS).unwrap());
    let made: Vec<&str> = users.lines().filter_map(|line| line.strip_prefix("u ")?.split(' ').next()).collect();
    assert_eq!(made, ["goldseal"]);
    for key in ["User", "Group"] {
        assert_eq!(values(&unit, key), made, "{key}");
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
    assert_eq!(keys(&table), ["boot", "ca_file", "hook", "policy", "region", "store"].map(str::to_owned).into());
    let hook = ["deadline", "groups", "hooks", "listen", "queue", "state"].map(str::to_owned);
    assert_eq!(keys(table["hook"].as_table().unwrap()), hook.into());
    let boot = ["certificates", "deadline", "describe_images", "record", "state"].map(str::to_owned);
    assert_eq!(keys(table["boot"].as_table().unwrap()), boot.into());
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
