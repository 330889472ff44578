use super::*;
use crate::testing::{
    keys::LocalKey,
    policies::{compiled, kms_authority, minimal},
};

/// Scopes in short: `mode accounts regions groups`, `-` for a list that is not given.
fn policy(no_match: &str, scopes: &[&str]) -> Policy {
    let list = |name: &str, text: &str| match text {
        "-" => String::new(),
        text => format!("{name} = {:?}\n", text.split(',').collect::<Vec<_>>()),
    };
    let tables = scopes.iter().map(|scope| {
        let parts: Vec<&str> = scope.split(' ').collect();
        let [mode, accounts, regions, group] = parts.as_slice() else { panic!("{scope}") };
        let groups = if *group == "-" { "-".to_owned() } else { arn(group) };
        let lists = [("accounts", *accounts), ("regions", *regions), ("groups", &groups)];
        format!("[[scope]]\nmode = \"{mode}\"\n{}", lists.map(|(name, text)| list(name, text)).concat())
    });
    let text = minimal(&LocalKey::p256(1)).replace("no_match = \"enforce\"", &format!("no_match = \"{no_match}\""));
    compiled(&(text + &tables.collect::<String>()))
}

fn arn(group: &str) -> String {
    format!(
        "arn:aws:autoscaling:eu-west-1:111111111111:autoScalingGroup:\
         00000000-0000-0000-0000-000000000000:autoScalingGroupName/{group}"
    )
}

fn context(account: Option<&str>, region: Option<&str>, group: Option<&str>) -> Context {
    Context {
        account: account.map(|account| account.parse().unwrap()),
        region: region.map(|region| region.parse().unwrap()),
        group: group.map(arn),
    }
}

const ONE: &str = "111111111111";
const TWO: &str = "222222222222";
const EU: &str = "eu-west-1";
const US: &str = "us-east-1";

#[test]
fn a_key_in_kms_has_a_uri_and_no_other_has() {
    let kms = kms_authority("kms", &LocalKey::p256(2));
    let policy = compiled(&(minimal(&LocalKey::p256(1)) + &kms));
    let uris: Vec<Option<&str>> = policy.signatories().iter().map(|one| one.key.kms()).collect();
    assert_eq!(uris, [None, Some("awskms:///alias/kms")]);
}

#[test]
fn where_no_scope_matches_no_match_holds() {
    let nobody = Context::default();
    let somebody = context(Some(TWO), Some(US), Some("b"));
    for (no_match, mode) in [("warn", Mode::Warn), ("enforce", Mode::Enforce)] {
        for scopes in [&[][..], &[&*format!("warn {ONE} - -")], &[&*format!("enforce {ONE} - -")]] {
            assert_eq!(policy(no_match, scopes).mode(&somebody), mode, "{scopes:?}");
        }
        for scopes in [&[][..], &[&*format!("warn {ONE} - -")]] {
            assert_eq!(policy(no_match, scopes).mode(&nobody), mode, "{scopes:?}");
        }
    }
}

#[test]
fn a_scope_matches_when_every_list_that_is_given_holds_the_launch() {
    let scope = format!("warn {ONE},{TWO} {EU} a");
    let policy = policy("enforce", &[&scope]);
    for (account, region, group, expected) in [
        (Some(ONE), Some(EU), Some("a"), Mode::Warn),
        (Some(TWO), Some(EU), Some("a"), Mode::Warn),
        (Some("333333333333"), Some(EU), Some("a"), Mode::Enforce),
        (Some(ONE), Some(US), Some("a"), Mode::Enforce),
        (Some(ONE), Some(EU), Some("b"), Mode::Enforce),
        (None, Some(EU), Some("a"), Mode::Enforce),
        (Some(ONE), None, Some("a"), Mode::Enforce),
        (Some(ONE), Some(EU), None, Mode::Enforce),
    ] {
        assert_eq!(policy.mode(&context(account, region, group)), expected, "{account:?} {region:?} {group:?}");
    }
}

#[test]
fn what_might_be_enforced_is_enforced_and_what_might_be_a_warning_is_not_one() {
    let (enforce, warn) = (format!("enforce {ONE} - a"), format!("warn {ONE} - a"));
    for (account, group, enforced, warned) in [
        (None, None, Mode::Enforce, Mode::Enforce),
        (Some(ONE), None, Mode::Enforce, Mode::Enforce),
        (None, Some("a"), Mode::Enforce, Mode::Enforce),
        (Some(ONE), Some("a"), Mode::Enforce, Mode::Warn),
        (Some(TWO), None, Mode::Warn, Mode::Enforce),
        (None, Some("b"), Mode::Warn, Mode::Enforce),
    ] {
        let launch = context(account, None, group);
        assert_eq!(policy("warn", &[&enforce]).mode(&launch), enforced, "{launch:?}");
        assert_eq!(policy("enforce", &[&warn]).mode(&launch), warned, "{launch:?}");
    }
}

#[test]
fn a_list_that_is_not_given_asks_nothing() {
    for scope in [format!("warn {ONE} - -"), format!("warn - {EU} -"), "warn - - a".to_owned()] {
        let policy = policy("enforce", &[&scope]);
        assert_eq!(policy.mode(&context(Some(ONE), Some(EU), Some("a"))), Mode::Warn, "{scope}");
        assert_eq!(policy.mode(&Context::default()), Mode::Enforce, "what is not known matches no list");
    }
}

#[test]
fn where_several_scopes_match_enforce_wins_in_any_order() {
    let (warn, enforce) = (format!("warn {ONE} - -"), format!("enforce - {EU} -"));
    for scopes in [[warn.as_str(), enforce.as_str()], [&enforce, &warn]] {
        for no_match in ["warn", "enforce"] {
            let policy = policy(no_match, &scopes);
            assert_eq!(policy.mode(&context(Some(ONE), Some(EU), None)), Mode::Enforce);
            assert_eq!(policy.mode(&context(Some(ONE), Some(US), None)), Mode::Warn);
            assert_eq!(policy.mode(&context(Some(TWO), Some(EU), None)), Mode::Enforce);
        }
    }
}

#[test]
fn a_group_is_its_whole_arn() {
    let policy = policy("enforce", &["warn - - web"]);
    assert_eq!(policy.mode(&context(None, None, Some("web"))), Mode::Warn);
    for other in ["we", "web2", "Web", "x/web"] {
        assert_eq!(policy.mode(&context(None, None, Some(other))), Mode::Enforce, "{other}");
    }
    let bare = Context { group: Some("web".into()), ..Context::default() };
    assert_eq!(policy.mode(&bare), Mode::Enforce);
}
