use super::*;
use crate::{
    gate::Period,
    policy::rule::{BootAction, BreakerRule, LaunchRule, RootVolume},
};

fn without(tables: &[&str]) -> Policy {
    let text = whole();
    let tables = text.split_inclusive("\n\n").filter(|table| !tables.iter().any(|one| table.starts_with(one)));
    compile("policy.toml", &tables.collect::<String>(), &files()).unwrap()
}

#[test]
fn launches_are_judged_as_written_or_as_built_in() {
    let policy = compile("policy.toml", &whole(), &files()).unwrap();
    let twelve = "12h".parse::<Period>().unwrap();
    assert_eq!(policy.launch(), &LaunchRule { root_volume: RootVolume::OfImage, last_known_good: Some(twelve) });
    assert_eq!(policy.breaker(), &BreakerRule { instances: 5, within: Period::hours(1), suspend_launch: true });
    assert_eq!(policy.boot().action, BootAction::Emergency);
    let policy = without(&["[launch]", "[breaker]", "[boot]"]);
    assert_eq!(policy.launch(), &LaunchRule { root_volume: RootVolume::OfImage, last_known_good: None });
    assert_eq!(policy.breaker(), &BreakerRule { instances: 5, within: Period::hours(1), suspend_launch: false });
    assert_eq!(policy.boot().action, BootAction::Poweroff);
}

#[test]
fn what_stands_in_for_the_store_has_an_age_and_an_age_stands_for_something() {
    let age = "last_known_good = \"12h\"\n";
    one_problem(age, "", "\"last-known-good\"", "launch.last_known_good", "required with on_unreachable");
    for (from, to, key, message) in [
        ("on_unreachable = \"last-known-good\"\n", "", "launch.last_known_good", "says nothing without"),
        ("\"last-known-good\"", "\"deny\"", "launch.last_known_good", "says nothing without"),
        ("\"last-known-good\"", "\"allow\"", "launch.on_unreachable", "unknown variant"),
        ("\"12h\"", "\"12\"", "launch.last_known_good", "not a length of time"),
        ("\"of-image\"", "\"any\"", "launch.root_volume", "unknown variant"),
        ("instances = 5", "instances = 1", "breaker.instances", "from 2 to 100"),
        ("instances = 5", "instances = 101", "breaker.instances", "from 2 to 100"),
        ("instances = 5", "instances = \"5\"", "breaker.instances", "invalid type"),
        ("within = \"1h\"", "within = \"0h\"", "breaker.within", "not a length of time"),
        ("suspend_launch = true", "suspend_launch = 1", "breaker.suspend_launch", "invalid type"),
        ("\"emergency\"", "\"reboot\"", "boot.action", "unknown variant"),
    ] {
        let (_, told) = after(from, to);
        assert!(told.len() == 1 && told[0].0.ends_with(key) && told[0].1.contains(message), "{told:?}");
    }
}
