//! Revocations through the real executable: begun, added, looked at before they are signed, honoured, and never lost.

use std::fs;

use serde_json::Value;

use crate::{
    offline::{AMI, commit, local_key, saved},
    policies::{pem, policy},
    run::{AT, Goldseal, INPUTS, notes},
};

const SIGN: &str = "--dangerous-local-key revoker.pem --policy policy.toml";
const WHY: &str = "--reason poisoned --by alice@example.com --yes";
const LIST: &str = "store/v1/revocations/default.jsonl";

/// A sealed image in a directory store, and a policy that asks for a list of `revoker`.
struct Scene {
    goldseal: Goldseal,
    store: String,
}

impl Scene {
    fn new() -> Self {
        Self::of("[revocation]\nauthorities = [\"revoker\"]\nmax_age = \"24h\"\n")
    }

    fn of(more: &str) -> Self {
        let goldseal = Goldseal::new();
        let (ci, store) = (local_key(&goldseal, "key.pem"), goldseal.directory_store());
        let keys = ["revoker", "second"].map(|name| (name, local_key(&goldseal, &format!("{name}.pem"))));
        let mut text = policy(&[("ci", pem("ci", &ci.pem()))], 1);
        for (name, key) in &keys {
            text.push_str(&pem(name, &key.pem()));
        }
        goldseal.write("policy.toml", text + more);
        goldseal.write("saved.json", saved(&[(AMI, &commit())]));
        let goldseal = goldseal.with("GOLDSEAL_STORE", &store).with("GOLDSEAL_REGION", "eu-west-1");
        let inputs = INPUTS;
        goldseal.json(&format!("sign {AMI} --image saved.json --dangerous-local-key key.pem {inputs}")).exits(0);
        Self { goldseal, store }
    }

    fn begun() -> Self {
        let scene = Self::new();
        scene.json(&format!("revoke renew --first {SIGN}"), 0);
        scene
    }

    #[track_caller]
    fn json(&self, line: &str, code: i32) -> Value {
        self.goldseal.json(line).exits(code).report()
    }

    #[track_caller]
    fn verdict(&self, verdict: &str, expected: &[&str]) {
        let evidence = format!("store/v1/aws/eu-west-1/{AMI}.jsonl");
        let line = format!("--image saved.json --evidence {evidence} --policy policy.toml --region eu-west-1 {AT}");
        self.goldseal.verdict(&line, verdict, expected);
    }
}

#[test]
fn an_image_is_revoked_shown_and_lifted() {
    let scene = Scene::new();
    scene.verdict("undetermined", &["revocations-unavailable"]);
    let revoke = format!("revoke image {AMI} {WHY} {SIGN}");
    scene.goldseal.fails(&revoke, 1, &["there is no revocation list", "--first"]);
    let first = scene.json(&format!("revoke renew --first {SIGN}"), 0);
    assert_eq!((&first["action"], &first["serial"]), (&"signed".into(), &1.into()));
    assert!(notes(&first).contains(&"dangerous-local-key"));
    scene.verdict("admit", &[]);

    let report = scene.json(&revoke, 0);
    assert_eq!((&report["serial"], &report["entries"][0]["number"]), (&2.into(), &1.into()));
    scene.verdict("reject", &["image-revoked"]);
    assert_eq!(scene.json(&revoke, 0)["action"], "already");
    let listed = scene.goldseal.run("revoke list --policy policy.toml").exits(0);
    listed.says("serial 2, 1 entry").says("alice@example.com: poisoned").says(AMI);
    scene.json(&format!("revoke lift 1 --reason mistake --by bob@example.com --yes {SIGN}"), 0);
    scene.verdict("admit", &[]);
    assert_eq!(scene.json("revoke show 1 --policy policy.toml", 0)["entries"][0]["liftedBy"], 2);
    scene.goldseal.fails("revoke show 9 --policy policy.toml", 2, &["no entry 9"]);
}

#[test]
fn a_key_is_named_in_every_way_and_what_falls_is_told_before_anybody_is_asked() {
    let scene = Scene::begun();
    let line = |key: &str| format!("revoke key {key} --reason leaked --by alice@example.com {SIGN}");
    let planned = scene.json(&line("ci"), 1);
    assert_eq!(planned["action"], "planned");
    assert_eq!(planned["falls"]["images"][0]["image"]["id"], AMI, "{planned:#}");
    let spki = planned["entries"][0]["revokes"]["spkiSha256"].as_str().unwrap().to_owned();
    let by_digest = scene.json(&line(&format!("sha256:{spki}")), 1);
    assert_eq!(by_digest["entries"][0]["revokes"], planned["entries"][0]["revokes"]);
    scene.goldseal.run(&line("ci")).exits(1).says("falls").says(AMI).says("there is nobody to ask");
    scene.goldseal.fails(&line("nobody"), 2, &["no authority of the policy"]);
    scene.verdict("admit", &[]);
    scene.json(&format!("{} --yes", line("ci")), 0);
    scene.verdict("reject", &["key-revoked", "attestation-missing"]);
}

#[test]
fn builders_and_evidence_are_revoked() {
    for (what, code) in
        [(format!("builder {}", builder()), "builder-revoked"), (String::from("evidence EVIDENCE"), "evidence-revoked")]
    {
        let scene = Scene::begun();
        let evidence = scene.goldseal.read(&format!("store/v1/aws/eu-west-1/{AMI}.jsonl"));
        let digest = goldseal_core::digest::Sha256Digest::of(&evidence).to_string();
        scene.json(&format!("revoke {} {WHY} {SIGN}", what.replace("EVIDENCE", &digest)), 0);
        scene.verdict("reject", &[code]);
    }
}

fn builder() -> String {
    let facts: Value = serde_json::from_slice(&Goldseal::new().read("build.json")).unwrap();
    facts["builder"].as_str().unwrap().to_owned()
}

#[test]
fn only_a_revocation_authority_revokes() {
    let scene = Scene::begun();
    let before = scene.goldseal.read(LIST);
    for key in ["key.pem", "second.pem"] {
        let line = format!("revoke image {AMI} {WHY} --dangerous-local-key {key} --policy policy.toml");
        scene.goldseal.fails(&line, 1, &["no key of an authority that revokes", "revoker"]);
    }
    assert_eq!(scene.goldseal.read(LIST), before);
    let other = Scene::of("");
    other.goldseal.fails(&format!("revoke renew --first {SIGN}"), 2, &["no [revocation]"]);
}

#[test]
fn two_authorities_sign_one_list() {
    let scene = Scene::of("[revocation]\nauthorities = [\"revoker\", \"second\"]\nthreshold = 2\nmax_age = \"24h\"\n");
    let second = "--dangerous-local-key second.pem --policy policy.toml --yes";
    assert_eq!(scene.json(&format!("revoke renew --first {SIGN}"), 0)["action"], "waiting");
    scene.verdict("undetermined", &["revocations-unavailable"]);
    assert_eq!(scene.json(&format!("revoke countersign {second}"), 0)["action"], "signed");
    scene.verdict("admit", &[]);
    let waiting = scene.goldseal.run(&format!("revoke image {AMI} {WHY} {SIGN}")).exits(0);
    waiting.says("WAITING").says("1 more to countersign");
    scene.verdict("admit", &[]);
    scene.goldseal.run("revoke countersign --dangerous-local-key second.pem --policy policy.toml").exits(1).says(AMI);
    scene.json(&format!("revoke countersign {second}"), 0);
    scene.verdict("reject", &["image-revoked"]);
}

#[test]
fn an_older_list_that_is_put_back_is_not_gone_on_from() {
    let scene = Scene::begun();
    let older = scene.goldseal.read(LIST);
    scene.json(&format!("revoke image {AMI} {WHY} {SIGN}"), 0);
    let newer = scene.goldseal.read(LIST);
    scene.goldseal.write("state/v1/revocations/default.jsonl", &newer);
    scene.goldseal.write("newer.jsonl", &newer);
    scene.goldseal.write(LIST, &older);
    let state = format!("--state file://{}", scene.goldseal.path("state").display());
    let renew = format!("revoke renew {SIGN} {state}");
    scene.goldseal.fails(&renew, 1, &["list 2 was seen before", "--go-on-from"]);
    assert_eq!(scene.goldseal.read(LIST), older);
    let report = scene.json(&format!("{renew} --go-on-from newer.jsonl"), 0);
    assert_eq!((&report["serial"], &report["total"]), (&3.into(), &1.into()));
    scene.verdict("reject", &["image-revoked"]);
    fs::write(scene.goldseal.path(LIST), "x\n").unwrap();
    scene.goldseal.fails(&format!("revoke renew {SIGN}"), 1, &["line 1", "--go-on-from"]);
    assert!(scene.store.starts_with("file://"));
}
