use std::collections::BTreeSet;

use super::*;

/// An image in which everything is as it should be.
fn good() -> Facts {
    Facts {
        root: Some("/mnt/image".to_owned()),
        installed: Some(Installed { recipe: Recipe::Sysinit, report_only: false, version: "1".to_owned() }),
        distribution: Some(Recipe::Sysinit),
        files: Vec::new(),
        masks: Vec::new(),
        overrides: Vec::new(),
        requires_links: Vec::new(),
        beside: Vec::new(),
        cycles: Ok(Vec::new()),
        systemd: Some(252),
        executable: true,
        judged_by: Ok(Judging { action: BootAction::Poweroff, mode: Mode::Enforce }),
        cloud_init: true,
        role: Vec::new(),
    }
}

fn codes(change: impl FnOnce(&mut Facts)) -> Vec<&'static str> {
    let mut facts = good();
    change(&mut facts);
    examine(&facts).into_iter().map(|one| one.code).collect()
}

#[test]
fn an_image_that_is_as_it_should_be_is_good() {
    assert_eq!(codes(|_| ()), ["guard-good"]);
}

/// A change of the facts, and what is found then.
type Change = (fn(&mut Facts), &'static [&'static str]);

#[test]
fn everything_that_opens_a_boot_is_found() {
    let changes: [Change; 19] = [
        (|one| one.installed = None, &["not-installed"]),
        (|one| one.judged_by = Err("no policy".to_owned()), &["settings-broken"]),
        (|one| one.installed.as_mut().unwrap().report_only = true, &["report-units-enforcing-policy"]),
        (|one| one.judged_by = Ok(Judging { action: BootAction::Report, mode: Mode::Enforce }), &["policy-reports"]),
        (|one| one.judged_by = Ok(Judging { action: BootAction::Halt, mode: Mode::Warn }), &["policy-reports"]),
        (
            |one| {
                one.judged_by = Ok(Judging { action: BootAction::Report, mode: Mode::Enforce });
                one.installed.as_mut().unwrap().report_only = true;
            },
            &["policy-reports"],
        ),
        (|one| one.executable = false, &["executable-missing"]),
        (|one| one.systemd = Some(245), &["systemd-old"]),
        (|one| one.systemd = None, &["guard-good"]),
        (|one| one.files.push(("/x".to_owned(), Wrong::Missing)), &["file-missing"]),
        (|one| one.files.push(("/x".to_owned(), Wrong::Changed)), &["file-changed"]),
        (|one| one.files.push(("/x".to_owned(), Wrong::Outdated)), &["file-outdated", "guard-good"]),
        (|one| one.masks.push("/x".to_owned()), &["unit-masked"]),
        (|one| one.overrides.push("/x".to_owned()), &["unit-overridden"]),
        (|one| one.requires_links.push("/x".to_owned()), &["requires-link"]),
        (|one| one.cycles = Ok(vec!["a after b".to_owned()]), &["ordering-cycle"]),
        (|one| one.cycles = Err("not there".to_owned()), &["cycles-not-looked-for"]),
        (|one| one.beside.push("x.service".to_owned()), &["units-beside"]),
        (|one| one.distribution = Some(Recipe::Networkd), &["recipe-mismatch"]),
    ];
    for (change, expected) in changes {
        assert_eq!(codes(change), expected);
    }
    assert_eq!(codes(|one| one.cloud_init = false), ["no-cloud-init", "guard-good"]);
}

#[test]
fn what_to_type_is_about_the_image_and_not_this_machine() {
    let typed = |root: Option<&str>| {
        let mut facts = good();
        facts.root = root.map(str::to_owned);
        facts.masks.push("/etc/x.service".to_owned());
        facts.files.push(("/etc/y".to_owned(), Wrong::Changed));
        examine(&facts).into_iter().flat_map(|one| one.commands).collect::<Vec<_>>()
    };
    let here = ["goldseal boot install --force", "rm /etc/x.service", "systemctl daemon-reload"];
    assert_eq!(typed(None), here);
    let image = ["goldseal boot install --root '/mnt/my image/' --force", "rm '/mnt/my image/etc/x.service'"];
    assert_eq!(typed(Some("/mnt/my image/")), image);
}

#[test]
fn a_role_that_could_admit_itself_is_found() {
    for (to, code) in
        [(Forbidden::CompleteLaunches, "role-completes-launches"), (Forbidden::WriteEvidence, "role-writes-evidence")]
    {
        for (allowed, found) in [(Ok(true), code), (Ok(false), "guard-good"), (Err(String::new()), "role-not-tried")] {
            assert_eq!(codes(|one| one.role.push(Power { to, allowed })), [found]);
        }
    }
}

#[test]
fn units_beside_the_guard_wait_where_it_is_a_transaction_of_its_own() {
    let found = codes(|one| {
        one.installed.as_mut().unwrap().recipe = Recipe::Networkd;
        one.distribution = Some(Recipe::Networkd);
        one.beside.push("x.service".to_owned());
    });
    assert_eq!(found, ["guard-good"]);
}

#[test]
fn distributions_have_recipes_and_strangers_have_none() {
    for (text, recipe) in [
        ("ID=debian\nVERSION_ID=\"12\"\n", Some(Recipe::Sysinit)),
        ("NAME=Ubuntu\nID=ubuntu\nID_LIKE=debian\n", Some(Recipe::Sysinit)),
        ("ID=\"amzn\"\nID_LIKE=\"fedora\"\n", Some(Recipe::Networkd)),
        ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", Some(Recipe::NetworkManager)),
        ("ID=pop\nID_LIKE=\"ubuntu debian\"\n", Some(Recipe::Sysinit)),
        ("ID=alpine\n", None),
        ("PRETTY_NAME=debian\n", None),
        ("", None),
    ] {
        assert_eq!(Recipe::of_distribution(text), recipe, "{text}");
    }
}

#[test]
fn every_code_is_told_of_once() {
    let all: BTreeSet<&str> = CODES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(all.len(), CODES.len());
    for recipe in Recipe::ALL {
        assert!(!recipe.as_str().is_empty());
    }
}
