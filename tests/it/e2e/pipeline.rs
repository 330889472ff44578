//! The whole chain from Packer's post-processors: gate, approval, seal and publication of what Packer built, Syft listed,
//! Grype scanned and Goss tested; then goldseal and cosign verify it, and it is launched.

use super::{
    packer::Pipeline,
    scanners::Known,
    tools::{Cosign, split},
};
use crate::{
    aws::{Account, Key, REGION, wait},
    chain::Scene,
    fleet::{Fleet, until},
    policies,
    run::files_under,
};

/// What approves in the place of a person: it accepts whatever the gate lists.
const APPROVE: &str = "-var 'approve=approve=\"goldseal approve $OUT/gate.json --policy policy.toml\"; \
     accept=$($approve --show --output json | python3 -c \"import json, sys; \
     print(*(one[\\\"acceptedRisks\\\"] for one in json.load(sys.stdin)[\\\"images\\\"]))\"); set --; \
     for digest in $accept; do set -- \"$@\" --accept-digest $digest; done; \
     $approve --key awskms:///alias/approver --approver risk@example.com --out $OUT/approval.jsonl --yes \"$@\"'";

fn policy(image: &Key, approver: &Key) -> String {
    let mut text = "version = 1\nno_match = \"enforce\"\n".to_owned();
    text.push_str(&policies::pem("ci", &image.pem()));
    text.push_str(&policies::pem("risk", &approver.pem()));
    for (kind, authority) in
        [("provenance", "ci"), ("sbom", "ci"), ("scan", "ci"), ("gate", "ci"), ("tests", "ci"), ("approval", "risk")]
    {
        text.push_str(&format!("[[require]]\nattestation = \"{kind}\"\nauthorities = [\"{authority}\"]\n"));
    }
    text
}

#[test]
fn packer_gates_approves_seals_and_publishes_in_two_regions_and_cosign_verifies() {
    let account = Account::new();
    let goldseal = account.goldseal();
    let Some(pipeline) = Pipeline::of(&goldseal, &account) else { return };
    let Some(cosign) = Cosign::of(&goldseal, &account.id) else { return };
    let [image, approver, packer] = ["signing", "approver", "packer"].map(|name| account.key_called(name));
    goldseal.write("policy.toml", policy(&image, &approver));
    goldseal.write("key.pub", image.pem());
    goldseal.write("approver.pub", approver.pem());
    goldseal.write("packer.pub", packer.pem());
    let store = goldseal.directory_store();
    let consumer = Account::new();
    let publish = format!(r#"-var 'publish=["--share","{}"]'"#, consumer.id);
    let regions = r#"-var 'ami_regions=["eu-west-1","us-east-1"]'"#;
    let store_option = format!("-var store={store}");
    let keys =
        "-var key=awskms:///alias/signing -var packer_key=awskms:///alias/packer -var packer_public_key=packer.pub";
    let built = pipeline.builds(Known::Tolerable, &[regions, &publish, &store_option, keys, APPROVE]).passes();
    assert_eq!(built.images.len(), 2, "{:?}", built.manifest);
    for (region, ami) in &built.images {
        let verify = format!("verify {ami} --region {region} --store {store} --policy policy.toml");
        goldseal.run(&verify).exits(0);
        let there = consumer.in_region(region);
        assert_eq!(wait(there.ec2().describe_images().image_ids(ami).send()).unwrap().images().len(), 1, "{region}");
        goldseal.run(&format!("describe {ami} --region {region} --descriptor image.json")).exits(0);
        let bundles = split(&goldseal, &format!("store/v1/aws/{region}/{ami}.jsonl"));
        for (bundle, kind) in &bundles {
            let key = if kind.contains("/svr/") { "approver.pub" } else { "key.pub" };
            let line = format!("verify-blob-attestation --bundle {bundle} --key {key} --type {kind} image.json");
            let (good, shown) = cosign.accepts(&line);
            assert!(good, "{region} {kind}: {shown}");
        }
        assert_eq!(bundles.len(), 6, "{bundles:?}");
    }
}

#[test]
fn what_the_gate_refuses_is_left_by_packer_but_neither_signed_nor_published() {
    let account = Account::new();
    let goldseal = account.goldseal();
    let Some(pipeline) = Pipeline::of(&goldseal, &account) else { return };
    let (image, approver) = (account.key_called("signing"), account.key_called("approver"));
    goldseal.write("policy.toml", policy(&image, &approver));
    let store = goldseal.directory_store();
    let store_option = format!("-var store={store}");
    let keys = "-var key=awskms:///alias/signing";
    let built = pipeline.builds(Known::Everything, &[&store_option, keys, APPROVE]).fails("CVE-2026-90007");
    let left = pipeline.images();
    assert_eq!(left, [built.images[REGION].clone()]);
    assert_eq!(files_under(&goldseal.path("store")), Vec::<std::path::PathBuf>::new());
    assert!(!goldseal.path("out/approval.jsonl").exists(), "nobody is asked for what failed");
    goldseal.run(&format!("verify {} --store {store} --policy policy.toml", left[0])).exits(1);
}

#[test]
fn what_packer_built_and_sealed_goes_into_service_until_a_byte_of_its_evidence_is_another() {
    let scene = Scene::new();
    let approver = scene.account.key_called("approver");
    scene.goldseal.write("policy.toml", policy(&scene.key, &approver));
    let built = {
        let Some(pipeline) = Pipeline::of(&scene.goldseal, &scene.account) else { return };
        let store = format!("-var store=s3://{}", scene.account.bucket());
        pipeline.builds(Known::Tolerable, &[&store, "-var key=awskms:///alias/signing", APPROVE]).passes()
    };
    let image = &built.images[REGION];
    let fleet = Fleet::around(scene);
    fleet.group("sealed", image);
    fleet.group("tampered", image);
    let mut hook = fleet.hook("sealed,tampered", "");
    fleet.scale("sealed", 50);
    until("fifty in service", || fleet.states("sealed") == ["InService"; 50]);
    assert_eq!(fleet.results("sealed"), ["CONTINUE"; 50]);
    assert_eq!(hook.metric("goldseal_hook_verifications_total"), 1.0);
    hook.signal("TERM");
    assert_eq!(hook.ends(), Some(0));

    let mut evidence = fleet.scene.account.evidence(image).unwrap();
    let payload = "\"payload\":\"";
    let at = String::from_utf8(evidence.clone()).unwrap().find(payload).unwrap() + payload.len() + 400;
    evidence[at] = if evidence[at] == b'A' { b'B' } else { b'A' };
    fleet.scene.account.put_evidence(image, &evidence);
    let _hook = fleet.hook("sealed,tampered", "");
    fleet.scale("tampered", 50);
    until("fifty abandoned", || {
        assert!(!fleet.states("tampered").iter().any(|state| state == "InService"));
        fleet.results("tampered").iter().filter(|result| *result == "ABANDON").count() >= 50
    });
    fleet.scale("tampered", 0);
    assert!(fleet.results("tampered").iter().all(|result| result != "CONTINUE"));
}
