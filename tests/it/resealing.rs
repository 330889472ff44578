//! `goldseal reseal`: images move to a new key while the old one still counts, and stay admitted when it is gone.

use serde_json::Value;

use crate::{
    audit::{runs, scene},
    aws::{REGION, wait},
    chain::Scene,
    policies::{kms, policy},
    run::{INPUTS, codes},
};

fn outcomes(report: &Value) -> Vec<&str> {
    report["images"].as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect()
}

#[test]
fn three_images_move_to_a_new_key_and_stay_admitted_when_the_old_one_is_disabled() {
    let scene = scene();
    let Scene { account, goldseal, key: old } = &scene;
    let new = account.key_called("signing-2027");
    goldseal.write("policy.toml", policy(&[("ci", kms("ci", old))], 1));
    goldseal.write("next.toml", policy(&[("ci-2027", kms("ci-2027", &new))], 1));
    let amis = ["one", "two", "three"].map(|name| scene.sealed(name));
    let reseal = |more: &str| format!("reseal {more} --new-policy next.toml --key awskms:///alias/signing-2027");

    // One of the three first: what was stopped half-way goes on where it was.
    let report = goldseal.json(&reseal(&amis[0])).exits(0).report();
    assert_eq!((&report["schema"], &report["authority"]), (&"goldseal/reseal/v1".into(), &"ci-2027".into()));
    assert_eq!(report["key"]["name"], new.arn);
    let all = amis.join(" ");
    let before = account.calls("kms").iter().filter(|(action, _)| action == "Sign").count();
    let report = goldseal.json(&reseal(&all)).exits(0).report();
    assert_eq!(outcomes(&report), ["already", "resealed", "resealed"]);
    let signed = account.calls("kms").iter().filter(|(action, _)| action == "Sign").count() - before;
    assert_eq!(signed, 6, "three statements of each of two images");
    let shown = goldseal.run(&reseal(&all)).exits(0);
    assert!(shown.stdout.contains("3 images to") && shown.stdout.contains("0 resealed, 3 already"), "{}", shown.stdout);

    // Both keys are enough now, and the tags point to what is there.
    goldseal.json(&format!("verify {all}")).exits(0);
    goldseal.json(&format!("verify {all} --policy next.toml")).exits(0);
    for ami in &amis {
        assert_eq!(account.tags(ami)["goldseal:key"], new.arn);
        assert_eq!(account.evidence(ami).unwrap().iter().filter(|byte| **byte == b'\n').count(), 6);
    }

    wait(account.kms().disable_key().key_id(&old.id).send()).unwrap();
    goldseal.json(&format!("verify {all} --policy next.toml")).exits(0);
    let rejected = goldseal.json(&format!("verify {all}")).exits(1).report();
    assert!(codes(&rejected["images"][0]).contains(&"authority-key-withdrawn"));

    // The old signatures may go, though nobody can ask for the old key any more.
    let report = goldseal.json(&reseal(&format!("{all} --replace"))).exits(0).report();
    assert_eq!((outcomes(&report), &report["images"][2]["dropped"]), (vec!["resealed"; 3], &3.into()));
    goldseal.json(&format!("verify {all} --policy next.toml")).exits(0);
    assert_eq!(account.evidence(&amis[1]).unwrap().iter().filter(|byte| **byte == b'\n').count(), 3);
}

#[test]
fn what_an_audit_found_admitted_is_moved_and_nothing_else() {
    let scene = scene();
    let Scene { account, goldseal, key: old } = &scene;
    let new = account.key_called("signing-2027");
    goldseal.write("policy.toml", policy(&[("ci", kms("ci", old))], 1));
    goldseal.write("next.toml", policy(&[("ci-2027", kms("ci-2027", &new))], 1));
    let (good, bad) = (scene.sealed("runs"), account.image("unsealed"));
    for image in [&good, &bad] {
        runs(account, REGION, image, 1);
    }
    let audit = goldseal.run(&format!("audit --regions {REGION} --output json"));
    goldseal.write("audit.json", &audit.stdout);
    let line = "reseal --from-audit audit.json --new-policy next.toml --key awskms:///alias/signing-2027";
    let report = goldseal.json(line).exits(0).report();
    assert_eq!(
        (outcomes(&report), &report["images"][0]["image"]["id"]),
        (vec!["resealed"], &good.as_str().into()),
        "{report:#}"
    );
    goldseal.verdict(&format!("{good} --policy next.toml"), "admit", &[]);
    assert_eq!(account.evidence(&bad), None);
}

#[test]
fn what_is_not_admitted_is_refused_and_stays_as_it_is() {
    let scene = Scene::new();
    let Scene { account, goldseal, .. } = &scene;
    let new = account.key_called("signing-2027");
    goldseal.write("next.toml", policy(&[("ci-2027", kms("ci-2027", &new))], 1));
    let stranger = account.key("ECC_NIST_P256");
    let (good, bad) = (scene.sealed("good"), account.image("bad"));
    goldseal.json(&format!("sign {bad} --key awskms:///{} {INPUTS}", stranger.id)).exits(0);
    let evidence = account.evidence(&bad).unwrap();
    let line = format!("reseal {bad} {good} --new-policy next.toml --key awskms:///alias/signing-2027");
    let report = goldseal.json(&line).exits(1).report();
    assert_eq!(outcomes(&report), ["refused", "resealed"], "one does not stop the other");
    assert!(report["images"][0]["causes"].to_string().contains("signer-unknown"));
    assert_eq!(account.evidence(&bad).unwrap(), evidence);

    // A key that the new policy does not know, the old key itself, and a file that would take over from KMS.
    goldseal.fails(&line.replace("alias/signing-2027", &stranger.id), 1, &["is no authority of the new policy"]);
    let same = "reseal ami-0123456789abcdef0 --new-policy policy.toml --key awskms:///alias/signing";
    goldseal.fails(same, 1, &["is the key that is to be moved away from"]);
    let unknown = format!("{line} --from nobody");
    goldseal.fails(&unknown, 1, &["no authority nobody"]);
    goldseal.fails(&line.replace("next.toml", "absent.toml"), 2, &["absent.toml"]);
}
