//! `goldseal sbom query`: which instances have a package, from the evidence of what runs.

use serde_json::{Value, json};

use crate::{
    audit::{runs, scene},
    aws::{NOWHERE, REGION, wait},
    chain::Scene,
    run::Goldseal,
};

fn answers(report: &Value) -> Vec<(&str, usize)> {
    let images = report["images"].as_array().unwrap().iter();
    images.map(|one| (one["answer"].as_str().unwrap(), one["instances"].as_array().unwrap().len())).collect()
}

#[test]
fn the_instances_of_the_images_that_have_it_are_found_live_and_from_a_saved_audit() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let new = scene.sealed("new");
    goldseal.change("golden.spdx.json", "libssl3@3.0.20-1~deb12u2", "libssl3@3.0.11-1~deb12u1", "golden.spdx.json");
    let old = scene.sealed("old");
    runs(account, REGION, &new, 2);
    let bad = runs(account, REGION, &old, 3);
    let only = format!("--regions {REGION}");
    goldseal
        .run(&format!("sbom query openssl<3.0.11 {only}"))
        .exits(0)
        .says("found in 0 of 5 instances; all was searched (what ran at 20");

    let report = goldseal.json(&format!("sbom query openssl>=3.0,<3.0.14 {only}")).exits(1).report();
    assert_eq!(report["schema"], "goldseal/sbom-query/v1");
    assert_eq!(answers(&report), [("found", 3), ("absent", 2)], "{report:#}");
    let found = &report["images"][0];
    assert_eq!(found["image"]["id"], old);
    assert_eq!((&found["found"][0]["name"], &found["found"][0]["source"]), (&json!("libssl3"), &json!("openssl")));
    let mut instances: Vec<&str> =
        found["instances"].as_array().unwrap().iter().map(|one| one["instance"].as_str().unwrap()).collect();
    instances.sort_unstable();
    let mut expected: Vec<&str> = bad.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(instances, expected);

    // An image that is gone and one that nobody sealed run all the same.
    wait(account.ec2().deregister_image().image_id(&old).send()).unwrap();
    runs(account, REGION, &account.image("bare"), 1);
    goldseal.run(&format!("audit {only} --write json=audit.json")).exits(1);
    let report = goldseal.json("sbom query openssl<3.0.14 --from audit.json").exits(1).report();
    assert_eq!(answers(&report), [("found", 3), ("not-searched", 1), ("absent", 2)], "{report:#}");
    let text = goldseal.run("sbom query openssl<3.0.14 --from audit.json").exits(1);
    let text = text.says("FOUND").says(&bad[0]).says("built of openssl").says("NOT SEARCHED").says("evidence-absent");
    text.says("openssl<3.0.14: found in 3 of 6 instances, 1 not searched");
    goldseal
        .run("sbom query openssl<3.0.11 --from audit.json")
        .exits(3)
        .says("found in 0 of 6 instances, 1 not searched");

    // An epoch that nobody asked for hides nothing.
    goldseal.run(&format!("sbom query zlib<1.3 {new}")).exits(1).says("compared as far as the question goes");
    goldseal.run(&format!("sbom query zlib<1:1.2 {new}")).exits(0);
}

#[test]
fn files_are_searched_without_a_network() {
    let scene = scene();
    let Scene { account, goldseal, .. } = &scene;
    let ami = scene.sealed("offline");
    goldseal.run(&format!("describe {ami} --descriptor image.json")).exits(0);
    let offline = Goldseal::new().with("AWS_ENDPOINT_URL", NOWHERE).with("GOLDSEAL_POLICY", "policy.toml");
    offline.write("policy.toml", goldseal.read("policy.toml"));
    offline.write("image.json", goldseal.read("image.json"));
    offline.write("evidence.jsonl", account.evidence(&ami).unwrap());
    let files = "--image image.json --evidence evidence.jsonl";
    offline.run(&format!("sbom query deb:curl<8 {files}")).exits(1).says("pkg:deb/debian/curl@7.88.1");
    offline.run(&format!("sbom query deb:curl>=8 {files}")).exits(0);
    let evidence = String::from_utf8(offline.read("evidence.jsonl")).unwrap();
    let sbom = evidence.lines().nth(1).unwrap();
    let changed = sbom.replacen("\"payload\":\"e", "\"payload\":\"f", 1);
    assert_ne!(changed, sbom);
    offline.write("evidence.jsonl", evidence.replace(sbom, &changed));
    offline.run(&format!("sbom query deb:curl<8 {files}")).exits(3).says("NOT SEARCHED").says("signature-invalid");

    offline.run("sbom query curl<8 --sbom golden.cdx.json").exits(1).says("not-verified");
    offline.run("sbom query nothing --sbom golden.spdx.json").exits(0);
    offline.fails("sbom query curl --sbom policy.toml", 2, &["policy.toml", "no JSON object"]);
    offline.fails("sbom query openssl< --sbom golden.spdx.json", 2, &["column 9", "a version behind <"]);
    offline.fails("sbom query curl --sbom golden.spdx.json --organization", 2, &["cannot be used with"]);
    offline.fails("sbom query curl --from golden.spdx.json", 2, &["not a report of"]);
}
