//! The life of a key (docs/keys.md): two side by side, one that retires, one of several regions, one of another kind.

use jiff::{SignedDuration, Timestamp};

use crate::{
    aws::{Key, wait},
    chain::Scene,
    gated::{Gated, gated_policy},
    policies::{kms, kms_by, pem, policy},
    run::INPUTS,
};

fn in_minutes(minutes: i64) -> String {
    format!("{:.0}", Timestamp::now().saturating_add(SignedDuration::from_mins(minutes)).unwrap())
}

/// Returns the arguments of a verdict at the present time.
fn now(arguments: &str) -> String {
    format!("{arguments} --at {}", in_minutes(1))
}

fn retiring(policy: &str, retired: &str) -> String {
    policy.replacen("name = \"ci\"\n", &format!("name = \"ci\"\nretired = {retired}\n"), 1)
}

#[test]
fn a_retired_key_needs_no_resealing_and_signs_nothing_new() {
    let scene = Gated::new();
    let Gated { account, goldseal, key, approval } = &scene;
    let ami = scene.sealed("before");
    let by_pem = gated_policy(key, approval, "");
    // It retires in an hour: what is sealed now is older, and counts in two hours as well.
    goldseal.write("policy.toml", retiring(&by_pem, &in_minutes(60)));
    goldseal.json("policy check policy.toml").exits(0);
    goldseal.verdict(&now(&ami), "admit", &[]);
    goldseal.verdict(&format!("{ami} --at {}", in_minutes(120)), "admit", &[]);

    // It retired an hour ago: what is sealed now is newer.
    goldseal.write("retired.toml", retiring(&by_pem, &in_minutes(-60)));
    let retired = format!("{ami} --policy retired.toml");
    goldseal.verdict(&now(&retired), "reject", &["authority-retired", "attestation-missing"]);
    goldseal.write("policy.toml", retiring(&by_pem, &in_minutes(-60)));
    scene.gate("");
    scene.approve(&ami);
    let line = format!("{} --replace", crate::gated::sign(&ami, "--approval approval.jsonl"));
    goldseal.fails(&line, 1, &["would not be admitted", "authority-retired"]);
    goldseal.write("policy.toml", retiring(&by_pem, &in_minutes(60)));

    // KMS is asked for the state of a key that is named by kms; for its retirement it stands there as PEM.
    wait(account.kms().disable_key().key_id(&key.id).send()).unwrap();
    goldseal.verdict(&now(&ami), "admit", &[]);
    let by_kms = by_pem.replacen(&pem("ci", &key.pem()), &kms("ci", key), 1);
    goldseal.write("kms.toml", retiring(&by_kms, &in_minutes(60)));
    let disabled = goldseal.json(&format!("verify {ami} --policy kms.toml")).exits(1).report();
    assert!(crate::run::codes(&disabled["images"][0]).contains(&"authority-key-withdrawn"));
    wait(account.kms().schedule_key_deletion().key_id(&key.id).send()).unwrap();
    goldseal.verdict(&now(&ami), "admit", &[]);
}

#[test]
fn old_and_new_key_count_side_by_side_for_as_long_as_their_windows_say() {
    let scene = Scene::new();
    let Scene { account, goldseal, key: old } = &scene;
    let new = account.key_called("signing-2027");
    let (ends, begins) = (in_minutes(90), in_minutes(-30));
    let authorities = [
        ("ci", format!("{}valid_until = {ends}\n", kms("ci", old))),
        ("ci-2027", format!("{}valid_from = {begins}\n", kms("ci-2027", &new))),
    ];
    goldseal.write("policy.toml", policy(&authorities, 1));
    let by_old = scene.sealed("old");
    let by_new = account.image("new");
    goldseal.json(&format!("sign {by_new} --key awskms:///alias/signing-2027 {INPUTS}")).exits(0);
    goldseal.json(&format!("verify {by_old} {by_new}")).exits(0);
    let after = format!("--at {}", in_minutes(120));
    goldseal.verdict(&format!("{by_new} {after}"), "admit", &[]);
    goldseal.verdict(&format!("{by_old} {after}"), "reject", &["authority-expired", "attestation-missing"]);
    let before = format!("{by_new} --at {}", in_minutes(-60));
    goldseal.verdict(&before, "reject", &["authority-not-yet-valid", "attestation-missing"]);
}

#[test]
fn a_key_of_several_regions_is_one_key_whichever_replica_signs() {
    let scene = Scene::new();
    let Scene { account, goldseal, .. } = &scene;
    let primary = account.key_of("ECC_NIST_P256", true);
    let replica = wait(account.kms().replicate_key().key_id(&primary.arn).replica_region("us-east-2").send()).unwrap();
    let replica = replica.replica_key_metadata.unwrap().arn.unwrap();
    assert_ne!(replica, primary.arn);
    goldseal.write("policy.toml", policy(&[("ci", kms("ci", &primary))], 1));
    let ami = account.image("far");
    let report = goldseal.json(&format!("sign {ami} --key awskms:///{replica} {INPUTS}")).exits(0).report();
    assert_eq!(
        (&report["key"]["name"], &report["key"]["spkiSha256"]),
        (&replica.clone().into(), &primary.pin().into())
    );
    goldseal.verdict(&ami, "admit", &[]);
    // And the other way round: the policy of a Region names the replica there.
    let there = kms_by("ci", &format!("awskms:///{replica}"), &primary.pin());
    goldseal.write("there.toml", policy(&[("ci", there)], 1));
    goldseal.verdict(&format!("{ami} --policy there.toml"), "admit", &[]);
    // A replica is disabled by itself: what names the other goes on.
    wait(account.in_region("us-east-2").kms().disable_key().key_id(&replica).send()).unwrap();
    goldseal.verdict(&ami, "admit", &[]);
    goldseal.json(&format!("verify {ami} --policy there.toml")).exits(1);
}

fn scheme(name: &str, key: &Key, scheme: &str) -> String {
    kms(name, key).replace("ecdsa-p256-sha256", scheme)
}

#[test]
fn ml_dsa_beside_ecdsa_counts_as_both_or_either() {
    let scene = Scene::new();
    let Scene { account, goldseal, key: classic } = &scene;
    let later = account.key("ML_DSA_65");
    let authorities = [("ci", kms("ci", classic)), ("ci-pq", scheme("ci-pq", &later, "ml-dsa-65"))];
    goldseal.write("both.toml", policy(&authorities, 2));
    goldseal.write("either.toml", policy(&authorities, 1));
    let add = |ami: &str, more: &str| format!("sign {ami} --key awskms:///{} {INPUTS} {more}", later.id);

    let classic_only = scene.sealed("classic");
    let pq_only = account.image("post-quantum");
    goldseal.json(&add(&pq_only, "")).exits(0);
    for ami in [&classic_only, &pq_only] {
        goldseal.verdict(&format!("{ami} --policy either.toml"), "admit", &[]);
        goldseal.verdict(&format!("{ami} --policy both.toml"), "reject", &["attestation-under-threshold"]);
    }
    goldseal.json(&add(&classic_only, "--add")).exits(0);
    goldseal.verdict(&format!("{classic_only} --policy both.toml"), "admit", &[]);
    goldseal.verdict(&format!("{classic_only} --policy either.toml"), "admit", &[]);

    // The other way: what the classic key sealed alone moves to the one of ML-DSA, and then both count.
    let moved = scene.sealed("moved");
    goldseal.write("policy.toml", policy(&[("ci", kms("ci", classic))], 1));
    goldseal.write("pq.toml", policy(&[("ci-pq", scheme("ci-pq", &later, "ml-dsa-65"))], 1));
    goldseal.json(&format!("reseal {moved} --new-policy pq.toml --key awskms:///{}", later.id)).exits(0);
    goldseal.verdict(&format!("{moved} --policy both.toml"), "admit", &[]);
}
