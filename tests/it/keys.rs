//! KMS keys: every way to name one, every kind that signs, and what KMS is asked.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{
    aws::{Account, NOWHERE, REGION},
    chain::Scene,
    cloud::cloud,
    offline::{AMI, commit, saved},
    policies::{pem, policy},
    proxy::Proxy,
    run::INPUTS,
};

#[test]
fn every_way_to_name_a_key_names_the_same_one() {
    let scene = Scene::new();
    let Scene { account, goldseal, key } = &scene;
    let multi = account.key_of("ECC_NIST_P256", true);
    account.alias("nested/name_x", &multi);
    assert!(multi.id.starts_with("mrk-"));
    let host = cloud().endpoint.trim_start_matches("http://");
    let ami = account.image("names");
    for (name, expected) in [
        (format!("/{}", key.id), key),
        (format!("/{}", key.arn), key),
        ("/alias/signing".to_owned(), key),
        (format!("/arn:aws:kms:{REGION}:{}:alias/signing", account.id), key),
        (format!("/{}", multi.id), &multi),
        (format!("/{}", multi.arn), &multi),
        ("/alias/nested/name_x".to_owned(), &multi),
        (format!("{host}/alias/signing"), key),
        (format!("{host}/{}", key.arn), key),
    ] {
        let line = format!("sign {ami} --key awskms://{name} {INPUTS} --replace");
        let signed = goldseal.json(&line).exits(0).report();
        assert_eq!(signed["key"]["name"], expected.arn, "{name}");
        assert_eq!(signed["key"]["spkiSha256"], expected.pin(), "{name}");
        assert_eq!(account.tags(&ami)["goldseal:key"], expected.arn, "{name}");
    }
    for (bad, says) in [
        ("awskms://alias/signing", "three slashes"),
        ("gcpkms://projects/x", "awskms://"),
        ("awskms:///arn:aws:kms:eu-west-1:1:key/x", "ARN"),
        ("key.pem", "awskms://"),
    ] {
        goldseal.run(&format!("sign {ami} --key {bad} {INPUTS}")).exits(2).says(says);
    }
}

#[test]
fn an_endpoint_in_the_uri_needs_no_other_one() {
    let account = Account::new();
    let key = account.key_called("signing");
    let goldseal = account.goldseal().without("AWS_ENDPOINT_URL");
    goldseal.write("saved.json", saved(&[(AMI, &commit())]));
    let host = cloud().endpoint.trim_start_matches("http://");
    let store = goldseal.directory_store();
    let line = format!("sign {AMI} --image saved.json --store {store} --key awskms://{host}/alias/signing {INPUTS}");
    assert_eq!(goldseal.json(&line).exits(0).report()["key"]["name"], key.arn);
    // And it goes before the one of the environment.
    let elsewhere = goldseal.with("AWS_ENDPOINT_URL", NOWHERE);
    assert_eq!(elsewhere.json(&format!("{line} --replace")).exits(0).report()["key"]["name"], key.arn);
}

#[test]
fn a_key_of_another_region_is_asked_for_in_its_own() {
    let scene = Scene::new();
    let far = scene.account.in_region("us-east-2").key("ECC_NIST_P256");
    let ami = scene.account.image("far");
    let line = |key: &str| format!("sign {ami} --key awskms:///{key} {INPUTS}");
    assert_eq!(scene.goldseal.json(&line(&far.arn)).exits(0).report()["key"]["name"], far.arn);
    scene.goldseal.fails(&line(&far.id), 2, &["kms:DescribeKey", &far.id, "not found"]);
}

#[test]
fn every_kind_of_key_signs_digests_and_is_verified() {
    let account = Account::new();
    let proxy = Proxy::start();
    let goldseal = account.goldseal().with("AWS_ENDPOINT_URL", &proxy.endpoint);
    let goldseal = goldseal.with("GOLDSEAL_STORE", account.bucket_store());
    let ami = account.image("kinds");
    let mut seen = 0;
    for (spec, asked, scheme, algorithm, kind, length) in [
        ("ECC_NIST_P256", None, "ecdsa-p256-sha256", "ECDSA_SHA_256", "DIGEST", 32),
        ("ECC_NIST_P384", None, "ecdsa-p384-sha384", "ECDSA_SHA_384", "DIGEST", 48),
        ("RSA_2048", None, "rsa-pkcs1-sha256", "RSASSA_PKCS1_V1_5_SHA_256", "DIGEST", 32),
        ("RSA_2048", Some("rsa-pkcs1-sha512"), "rsa-pkcs1-sha512", "RSASSA_PKCS1_V1_5_SHA_512", "DIGEST", 64),
        ("RSA_2048", Some("rsa-pss-sha256"), "rsa-pss-sha256", "RSASSA_PSS_SHA_256", "DIGEST", 32),
        ("RSA_2048", Some("rsa-pss-sha384"), "rsa-pss-sha384", "RSASSA_PSS_SHA_384", "DIGEST", 48),
        ("ML_DSA_65", None, "ml-dsa-65", "ML_DSA_SHAKE_256", "EXTERNAL_MU", 64),
    ] {
        let key = account.key(spec);
        let more = asked.map(|scheme| format!("--scheme {scheme}")).unwrap_or_default();
        let line = format!("sign {ami} --key awskms:///{} {INPUTS} --replace {more}", key.id);
        assert_eq!(goldseal.json(&line).exits(0).report()["key"]["scheme"], scheme);
        let calls = proxy.bodies("Sign");
        let new: Vec<&Value> = calls.iter().skip(seen).collect();
        seen = calls.len();
        assert_eq!(new.len(), 3, "one for each statement");
        for call in new {
            assert_eq!(
                (&call["MessageType"], &call["SigningAlgorithm"]),
                (&kind.into(), &algorithm.into()),
                "{scheme}"
            );
            assert_eq!(call["KeyId"], key.arn, "{scheme}");
            assert_eq!(STANDARD.decode(call["Message"].as_str().unwrap()).unwrap().len(), length, "{scheme}");
        }
        let authority = format!("{}scheme = \"{scheme}\"\n", pem("ci", &key.pem()));
        goldseal.write("policy.toml", policy(&[("ci", authority)], 1));
        goldseal.verdict(&format!("{ami} --policy policy.toml"), "admit", &[]);
        // Another key of the same kind is another key.
        let other = format!("{}scheme = \"{scheme}\"\n", pem("ci", &account.key(spec).pem()));
        goldseal.write("policy.toml", policy(&[("ci", other)], 1));
        goldseal.verdict(&format!("{ami} --policy policy.toml"), "reject", &["signer-unknown", "attestation-missing"]);
    }
}

#[test]
fn a_scheme_that_the_key_does_not_have_is_refused_before_anything_is_signed() {
    let scene = Scene::new();
    let ami = scene.account.image("schemes");
    let sign = format!("sign {ami} {INPUTS} --key awskms:///");
    for (spec, scheme, says) in [
        ("ECC_NIST_P256", "rsa-pss-sha256", "do not sign rsa-pss-sha256 but ecdsa-p256-sha256"),
        ("RSA_2048", "ed25519", "do not sign ed25519"),
        ("ECC_NIST_P521", "", "ECC_NIST_P521 keys are not supported"),
        ("ECC_NIST_EDWARDS25519", "", "4,096 bytes"),
    ] {
        let key = scene.account.key(spec);
        let more = if scheme.is_empty() { String::new() } else { format!(" --scheme {scheme}") };
        scene.goldseal.fails(&format!("{sign}{}{more}", key.id), 1, &[says]);
    }
    scene.goldseal.run(&format!("{sign}{} --scheme rsa", scene.key.id)).exits(2).says("rsa");
    assert!(!scene.account.calls("kms").iter().any(|(action, _)| action == "Sign"));
    assert_eq!(scene.account.evidence(&ami), None);
}

#[test]
fn an_alias_is_resolved_once_and_the_key_named_from_then_on() {
    let scene = Scene::new();
    let ami = scene.account.image("once");
    let before = scene.account.calls("kms").len();
    scene.sign(&ami, "");
    let calls = scene.account.calls("kms").split_off(before);
    let arn = &scene.key.arn;
    let expected =
        [("DescribeKey", "alias/signing"), ("GetPublicKey", arn), ("Sign", arn), ("Sign", arn), ("Sign", arn)];
    assert_eq!(calls, expected.map(|(action, key)| (action.to_owned(), key.to_owned())));
}

#[test]
fn an_alias_that_moves_while_signing_takes_nothing_with_it() {
    let scene = Scene::new();
    let (account, other) = (scene.account.clone(), scene.account.key("ECC_NIST_P256"));
    let ami = account.image("moves");
    let proxy = Proxy::start();
    proxy.before("Sign", move || account.alias("signing", &other));
    let goldseal = scene.goldseal.with("AWS_ENDPOINT_URL", &proxy.endpoint);
    let line = format!("sign {ami} --key awskms:///alias/signing {INPUTS}");
    let signed = goldseal.json(&line).exits(0).report();
    proxy.is_done();
    assert_eq!(signed["key"]["name"], scene.key.arn);
    // The policy trusts the key that the alias was, and that one signed.
    goldseal.verdict(&ami, "admit", &[]);
}

#[test]
fn an_answer_by_another_key_is_refused_and_nothing_is_stored() {
    let scene = Scene::new();
    let other = scene.account.key("ECC_NIST_P256");
    let Scene { account, goldseal, key } = scene;
    let ami = account.image("lies");
    let proxy = Proxy::start();
    let goldseal = goldseal.with("AWS_ENDPOINT_URL", &proxy.endpoint);
    let line = format!("sign {ami} --key awskms:///alias/signing {INPUTS}");
    let swap = |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        move |answer: Vec<u8>| String::from_utf8(answer).unwrap().replace(&from, &to).into_bytes()
    };
    proxy.answer("Sign", swap(&key.arn, &other.arn));
    goldseal.fails(&line, 3, &["kms:Sign", "malformed answer", &format!("signed by {}", other.arn)]);
    proxy.answer("GetPublicKey", swap(&key.arn, &other.arn));
    goldseal.fails(&line, 3, &["kms:GetPublicKey", "another key"]);
    // The right name and the wrong key: the signature does not verify.
    proxy.answer("GetPublicKey", swap(&STANDARD.encode(&key.spki), &STANDARD.encode(&other.spki)));
    goldseal.fails(&line, 3, &["kms:Sign", "does not verify"]);
    proxy.is_done();
    assert_eq!(account.evidence(&ami), None);
    assert!(!account.tags(&ami).contains_key("goldseal:evidence"));
}
