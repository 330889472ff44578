//! Every kind of store, from the first sealing to the last refusal.

use std::fs;

use axum::http::{Method, StatusCode};

use crate::{
    aws::Account,
    offline::{AMI, commit, local_key, saved},
    policies::trusting,
    registry::Registry,
    run::{Goldseal, INPUTS},
    tls::{Mood, WebServer},
};

const SAVED: &str = "--image saved.json --region eu-west-1";

/// The executable with a key file and a saved image: nothing but the store is asked.
fn sealer(goldseal: Goldseal, store: &str) -> Goldseal {
    let key = local_key(&goldseal, "key.pem");
    goldseal.write("saved.json", saved(&[(AMI, &commit())]));
    goldseal.write("policy.toml", trusting(&key));
    goldseal.with("GOLDSEAL_STORE", store).with("GOLDSEAL_POLICY", "policy.toml")
}

fn sign(more: &str) -> String {
    format!("sign {AMI} {SAVED} --dangerous-local-key key.pem {INPUTS} {more}")
}

/// An account that has the image of the saved answer's facts is not needed: `verify` asks EC2, so this one registers it.
fn round_trip(account: &Account, goldseal: &Goldseal, place: impl Fn(&str) -> String) {
    let (ami, bare) = (account.image("stored"), account.image("bare"));
    let key = account.key_called("signing");
    goldseal.write("policy.toml", trusting(&key));
    let sign = |more: &str| format!("sign {ami} --key awskms:///alias/signing {INPUTS} {more}");
    let first = goldseal.json(&sign("")).exits(0).report();
    assert_eq!(first["evidence"], place(&ami));
    let report = goldseal.verdict(&ami, "admit", &[]);
    assert_eq!(report["images"][0]["evidence"], place(&ami));
    assert_eq!(report["images"][0]["evidenceSha256"], first["evidenceSha256"]);
    goldseal.verdict(&bare, "reject", &["evidence-absent"]);
    goldseal.fails(&sign(""), 1, &["already holds evidence", &place(&ami), "--replace"]);
    let second = goldseal.json(&sign("--replace")).exits(0).report();
    assert_ne!(second["evidenceSha256"], first["evidenceSha256"]);
    goldseal.fails(&sign("--add"), 1, &["already signed", &place(&ami)]);
    account.key_called("second");
    let third = goldseal.json(&sign("--add").replace("signing", "second")).exits(0).report();
    assert_eq!(third["bundles"], 6);
    let report = goldseal.verdict(&ami, "admit", &[]);
    assert_eq!(report["images"][0]["evidenceSha256"], third["evidenceSha256"]);
}

#[test]
fn a_directory_keeps_evidence() {
    let account = Account::new();
    let goldseal = account.goldseal();
    let store = goldseal.directory_store();
    let goldseal = goldseal.with("GOLDSEAL_STORE", &store).with("GOLDSEAL_POLICY", "policy.toml");
    round_trip(&account, &goldseal, |ami| format!("{store}/v1/aws/eu-west-1/{ami}.jsonl"));
}

#[test]
fn a_bucket_keeps_evidence_under_its_prefix() {
    let account = Account::new();
    let store = format!("{}/team/images", account.bucket_store());
    let goldseal = account.goldseal().with("GOLDSEAL_STORE", &store).with("GOLDSEAL_POLICY", "policy.toml");
    round_trip(&account, &goldseal, |ami| format!("{store}/v1/aws/eu-west-1/{ami}.jsonl"));
}

#[test]
fn registries_keep_evidence_with_and_without_the_referrers_api() {
    for registry in [Registry::start(), Registry::without_referrers(), Registry::with_tokens()] {
        let account = Account::new();
        let store = format!("oci://{}/team/images", registry.host);
        let goldseal = account.goldseal().with("GOLDSEAL_STORE", &store).with("GOLDSEAL_POLICY", "policy.toml");
        round_trip(&account, &goldseal, |ami| format!("{store}:eu-west-1.{ami}"));
    }
}

#[test]
fn a_web_server_gives_evidence_and_takes_none() {
    let account = Account::new();
    let goldseal = account.goldseal().with("GOLDSEAL_POLICY", "policy.toml");
    fs::create_dir_all(goldseal.path("www/team")).unwrap();
    let server = WebServer::start(&goldseal.path("www"), &goldseal.path(""));
    let directory = format!("file://{}", goldseal.path("www/team").display());
    let (ami, bare) = (account.image("published"), account.image("unpublished"));
    goldseal.write("policy.toml", trusting(&account.key_called("signing")));
    let sign = format!("sign {ami} --key awskms:///alias/signing {INPUTS}");
    goldseal.run(&format!("{sign} --store {directory}")).exits(0);

    let site = format!("--store https://{}/team", server.host);
    let trusted = format!("{site} --ca-file ca.pem");
    let report = goldseal.verdict(&format!("{ami} {trusted}"), "admit", &[]);
    let place = format!("https://{}/team/v1/aws/eu-west-1/{ami}.jsonl", server.host);
    assert_eq!(report["images"][0]["evidence"], place);
    goldseal.verdict(&format!("{bare} {trusted}"), "reject", &["evidence-absent"]);
    goldseal.fails(&format!("{} {trusted}", sign.replace(&ami, &bare)), 1, &["read only"]);
    // Nobody vouches for it without the file, and a file without certificates vouches for nobody.
    let report = goldseal.verdict(&format!("{ami} {site}"), "undetermined", &["evidence-unavailable"]);
    assert!(report.to_string().contains("certificate"), "{report:#}");
    goldseal.fails(&format!("verify {ami} {site} --ca-file build.json"), 2, &["build.json", "no certificates"]);
    goldseal.fails(&format!("verify {ami} {site} --ca-file absent.pem"), 2, &["absent.pem", "certificate authorities"]);
    server.mood(Mood::Status(500));
    let report = goldseal.verdict(&format!("{ami} {trusted}"), "undetermined", &["evidence-unavailable"]);
    assert!(report.to_string().contains("500"), "{report:#}");
}

#[test]
fn two_gigabytes_in_a_directory_are_not_read() {
    let account = Account::new();
    let goldseal = account.goldseal();
    let (store, ami) = (goldseal.directory_store(), account.image("huge"));
    goldseal.write("policy.toml", trusting(&account.key("ECC_NIST_P256")));
    let path = goldseal.path("store").join(account.evidence_key(&ami));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(path).unwrap().set_len(2 << 30).unwrap();
    let line = format!("{ami} --policy policy.toml --store {store}");
    let report = goldseal.verdict(&line, "undetermined", &["evidence-unavailable"]);
    assert!(report.to_string().contains("more than the 100663296 bytes allowed"), "{report:#}");
}

#[test]
fn a_store_that_answers_500_is_neither_empty_nor_written_to() {
    let registry = Registry::start();
    let goldseal = sealer(Goldseal::new(), &format!("oci://{}/team/images", registry.host));
    registry.answer(None, "/v2/", StatusCode::INTERNAL_SERVER_ERROR);
    goldseal.fails(&sign(""), 3, &["storing the evidence", &registry.host, "500", "try again"]);
    goldseal.fails(&sign("--replace"), 3, &["storing the evidence", "500"]);
    registry.relent();
    registry.answer(Some(Method::PUT), "/manifests/", StatusCode::INTERNAL_SERVER_ERROR);
    goldseal.fails(&sign(""), 3, &["storing the evidence", "500"]);
    registry.relent();
    goldseal.json(&sign("")).exits(0);
}

#[test]
fn a_directory_that_is_not_there_is_a_mistake_and_not_an_empty_store() {
    let goldseal = Goldseal::new();
    let store = format!("file://{}", goldseal.path("unmounted").display());
    let goldseal = sealer(goldseal, &store);
    goldseal.fails(&sign(""), 2, &["storing the evidence", "unmounted", "No such file"]);
    assert!(!goldseal.path("unmounted").exists());
    for (url, says) in [
        ("ftp://x/y", "its scheme is none of these"),
        ("s3://Bucket", "no bucket name"),
        ("oci://registry.example", "no repository"),
        ("https://user:hunter2@evidence.example/", "credentials"),
        ("store", "no scheme"),
    ] {
        let error = goldseal.fails(&format!("{} --store {url}", sign("")), 2, &[says, "the setting `store`"]);
        assert!(!error.to_string().contains("hunter2"), "{error:#}");
    }
}
