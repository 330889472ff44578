//! Those who look: docs/audit.md, docs/what-if.md, docs/trace.md and docs/sbom-query.md, typed.

use std::{fs, os::unix::fs::symlink};

use goldseal_core::testing::lists::{revoker, signed_list};
use serde_json::{Value, json};

use super::{
    letting_pass::told,
    reader::{Reader, at_work},
};
use crate::{
    acting::{consents, hub, unsealed},
    audit::{order, runs, scene, share},
    aws::{Account, REGION, wait},
    gated::{hours_ago, in_days},
    offline::local_key,
    overriding::{WHY, rules},
    policies::{pem, trusting},
    receipts::decision,
    run::Goldseal,
    trace::Told,
    withdrawn::{image, lists, put},
};

/// Puts an account into an organization, another member of which lets its audits in; returns that one. What is looked at by
/// default is one region, for there are many.
fn organization(account: &Account, goldseal: &Goldseal) -> Account {
    let member = Account::new();
    let named = json!({"id": member.id, "name": "shop"});
    order("organization", &json!({"management": account.id, "accounts": [named], "empty_page": false}));
    order("roles", &json!({"account": member.id, "name": "goldseal/audit", "trusts": [account.id]}));
    goldseal.write("settings.toml", format!("[audit]\nregions = [\"{REGION}\"]\n"));
    goldseal.write("accounts.txt", format!("{}\n{} shop\n", account.id, member.id));
    member
}

/// Leaves what `trace` and `sbom query` take in place of AWS.
fn saved(account: &Account, goldseal: &Goldseal, ami: &str) {
    goldseal.run(&format!("audit --regions {REGION} --write json=audit.json")).exits(0);
    goldseal.run(&format!("describe {ami} --descriptor image.json")).exits(0);
    goldseal.write("evidence.jsonl", account.evidence(ami).unwrap());
}

#[test]
fn a_fleet_is_audited_as_its_document_says() {
    let mut scene = scene();
    let ami = scene.sealed("golden");
    runs(&scene.account, REGION, &ami, 2);
    let member = organization(&scene.account, &scene.goldseal);
    share(&scene.account, &ami, &member);
    runs(&member, REGION, &ami, 1);
    let buckets = ["boot-records", "events"].map(|name| (name, format!("{name}-{}", scene.account.id)));
    hub(&scene.account, "/accounts", &json!({}));
    scene.goldseal = at_work(scene.goldseal);
    let (account, goldseal) = (&scene.account, &scene.goldseal);

    let mut reader = Reader::of("docs/audit.md");
    for (name, bucket) in &buckets {
        account.bucket_called(bucket);
        reader.name(&format!("s3://{name}/"), format!("s3://{bucket}/"));
    }
    for folder in ["/var/lib/goldseal-audit", "/var/cache/goldseal-audit"] {
        fs::create_dir_all(goldseal.path(&folder[1..])).unwrap();
        reader.name(folder, goldseal.path(&folder[1..]).display().to_string());
    }
    fs::create_dir_all(goldseal.path("var/tmp")).unwrap();
    reader.name("/var/tmp/goldseal-audit", goldseal.path("var/tmp/goldseal-audit").display().to_string());
    reader.name("2026-12-24", in_days(25));
    for seen in ["2 instances", "3 instances", "3 instances", "2 instances", "2 instances", "2 instances"] {
        reader.types(goldseal, "goldseal audit").exits(0).says(seen);
    }
    for file in ["audit.json", "audit.html"] {
        assert!(!goldseal.read(file).is_empty(), "{file}");
    }
    reader.types(goldseal, "goldseal audit --act-on").exits(0);
    reader.types(goldseal, "goldseal audit render").exits(0).says(&ami);
    reader.types(goldseal, "goldseal audit --state").exits(0);

    // One that must not run is isolated, and given its groups back.
    let (bad, group) = unsealed(account, goldseal, 1);
    consents(account, &bad[0]);
    let before = groups(account, &bad[0]);
    reader.types(goldseal, "goldseal audit --act-on").exits(1).says("(would-act)");
    goldseal.run("audit --act-on unsealed,refused --quarantine-group quarantine").exits(1).says("(acted)");
    assert_eq!(groups(account, &bad[0]), [group]);
    reader.name("i-0f00000000000000a", &bad[0]);
    let found = told(&reader.types(goldseal, "aws ec2 describe-network-interfaces").exits(0));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    reader.name("eni-0123", text(&found[0][0]));
    reader.name("sg-0aaa sg-0bbb", text(&found[0][1][0]));
    reader.types(goldseal, "aws ec2 modify-network-interface-attribute").exits(0);
    assert_eq!(groups(account, &bad[0]), before);

    wait(account.ec2().terminate_instances().instance_ids(&bad[0]).send()).unwrap();
    reader.types(goldseal, "goldseal audit --state").exits(0);
    assert!(!goldseal.read("var/cache/goldseal-audit/goldseal-audit.prom").is_empty());
    reader.types(goldseal, "goldseal audit --state").exits(0);
    reader.types(goldseal, "goldseal audit --organization").exits(0);

    for folder in ["packaging", "systemd"] {
        symlink(fs::canonicalize(folder).unwrap(), goldseal.path(folder)).unwrap();
    }
    for _ in 0..3 {
        reader.types(goldseal, "install -D").exits(0);
    }
    let timer = "root/usr/lib/systemd/system/goldseal-audit-age.timer";
    assert!(goldseal.path(timer).exists() && goldseal.path("root/etc/goldseal/goldseal.toml").exists());
    reader.types(goldseal, "systemd-sysusers").exits(0);
    reader.types(goldseal, "systemctl enable").exits(0);
    reader.types(goldseal, "node_exporter").exits(0);
}

/// Returns the groups of the interfaces of an instance.
fn groups(account: &Account, instance: &str) -> Vec<String> {
    let told = wait(account.ec2().describe_instances().instance_ids(instance).send()).unwrap();
    let interfaces = told.reservations()[0].instances()[0].network_interfaces().iter();
    interfaces.flat_map(|one| one.groups()).map(|group| group.group_id().unwrap().to_owned()).collect()
}

#[test]
fn what_a_policy_would_change_is_asked_as_its_document_says() {
    let mut scene = scene();
    let ami = scene.sealed("golden");
    runs(&scene.account, REGION, &ami, 2);
    organization(&scene.account, &scene.goldseal);
    scene.goldseal = at_work(scene.goldseal);
    let (account, goldseal) = (&scene.account, &scene.goldseal);
    let people = ["alice", "bob"].map(|name| pem(name, &local_key(goldseal, &format!("{name}.pem")).pem()));
    let policy = trusting(&scene.key) + &people.concat() + &rules();
    goldseal.write("policy.toml", &policy);
    goldseal.write("new.toml", policy.replace("no_match = \"enforce\"", "no_match = \"warn\""));
    goldseal.write("old.toml", trusting(&account.key("ECC_NIST_P256")));
    let [begun, next] = lists(image(&ami));
    put(account, &begun);
    goldseal.write("next.jsonl", signed_list(&next, &revoker()));

    let mut reader = Reader::of("docs/what-if.md");
    let state = format!("state-{}", account.id);
    account.bucket_called(&state);
    reader.name("s3://state/hook", format!("s3://{state}/hook"));
    reader.name("2026-12-24", in_days(25));
    // A launch that a hook recorded an hour ago.
    let described = goldseal.json(&format!("describe {ami}")).exits(0).report();
    let (at, (_, record)) = (hours_ago(1), decision(&ami, described["subject"].as_str().unwrap()));
    let record = record.replace("2026-11-24T04:05:06Z", &at).replace("2026-11-24T04:05:05Z", &at);
    let (day, time) = at.trim_end_matches('Z').split_once('T').unwrap();
    let key = format!("hook/v1/decisions/{day}/{}-0123456789abcdef.jsonl", time.replace(':', ""));
    wait(account.s3().put_object().bucket(&state).key(key).body(record.into_bytes().into()).send()).unwrap();

    reader.types(goldseal, "goldseal policy what-if --policy new.toml").exits(0).says("2 unchanged");
    reader.types(goldseal, "goldseal policy what-if --policy new.toml --against").exits(1).says("WOULD BE LET IN");
    for with in ["--organization", "--at"] {
        reader.types(goldseal, &format!("goldseal policy what-if --policy new.toml {with}")).exits(0);
    }
    let report = told(&reader.types(goldseal, "goldseal policy what-if --policy new.toml --state").exits(0));
    assert_eq!(report["decisions"]["compared"]["total"], 1, "{report:#}");

    reader.types(goldseal, "goldseal policy what-if --revocations").exits(1).says("WOULD BE REFUSED");
    let bare = account.image("bare");
    runs(account, REGION, &bare, 1);
    let grant = format!("override grant --image {bare} --cause evidence-absent {WHY} --out override.jsonl");
    goldseal.script(&[], &format!("\"$GOLDSEAL\" {grant} --dangerous-local-key alice.pem")).exits(0);
    let half = goldseal.json("override show override.jsonl").exits(0).report();
    let statement = half["overrides"][0]["statement"].as_str().unwrap();
    let sign = "override countersign override.jsonl --dangerous-local-key bob.pem --yes --accept-statement";
    goldseal.run(&format!("{sign} {statement}")).exits(0);
    reader.types(goldseal, "goldseal policy what-if --overrides").exits(1).says("WOULD BE LET IN");
}

#[test]
fn an_instance_and_an_image_are_traced_as_their_document_says() {
    let Told { mut scene, ami, instances, .. } = Told::new();
    organization(&scene.account, &scene.goldseal);
    scene.goldseal = at_work(scene.goldseal);
    let goldseal = &scene.goldseal;
    saved(&scene.account, goldseal, &ami);

    let mut reader = Reader::of("docs/trace.md");
    reader.name("i-0123456789abcdef0", &instances[0]);
    reader.name("ami-0123456789abcdef0", &ami);
    reader.name("2027-01-01", in_days(25));
    for with in ["i-", "eu-west-1:ami-", "i-", "eu-west-1:i-", "--image"] {
        let begins = format!("goldseal trace {with}");
        reader.types(goldseal, &begins).exits(0).says("5b1f0c9e27d84a36b0e4c7719f2ad8635c0e91d4");
    }
}

#[test]
fn packages_are_asked_for_as_their_document_says() {
    let mut scene = scene();
    let ami = scene.sealed("golden");
    let ran = runs(&scene.account, REGION, &ami, 2);
    organization(&scene.account, &scene.goldseal);
    scene.goldseal = at_work(scene.goldseal);
    let goldseal = &scene.goldseal;
    saved(&scene.account, goldseal, &ami);
    goldseal.write("sbom.spdx.json", goldseal.read("golden.spdx.json"));

    let mut reader = Reader::of("docs/sbom-query.md");
    reader.name("ami-0123456789abcdef0", &ami);
    for package in ["openssl", "deb:openssl", "xz-utils"] {
        let run = reader.types(goldseal, &format!("goldseal sbom query '{package}")).exits(0);
        run.says(&format!("found in 0 of {} instances; all was searched", ran.len()));
    }
    reader.types(goldseal, "goldseal sbom query 'log4j-core'").exits(0);
    reader.types(goldseal, "goldseal sbom query 'curl<8' --image").exits(1).says("pkg:deb/debian/curl@7.88.1");
    reader.types(goldseal, "goldseal sbom query 'curl<8' --sbom").exits(1).says("not-verified");
}
