//! Sealing what is sealed already, by two writers at once, and by two authorities.

use serde_json::json;

use crate::{
    chain::Scene,
    offline::local_key,
    policies::{pem, policy},
    proxy::Proxy,
    run::{INPUTS, notes},
};

#[test]
fn evidence_that_is_there_is_left_alone_unless_replace_or_add_is_said() {
    let scene = Scene::new();
    let Scene { account, goldseal, .. } = &scene;
    let ami = scene.sealed("again");
    let (evidence, tags) = (account.evidence(&ami).unwrap(), account.tags(&ami));
    let line = format!("sign {ami} --key awskms:///alias/signing {INPUTS}");
    let error = goldseal.fails(&line, 1, &["already holds evidence", "--replace", "--add"]);
    assert!(error["causes"].to_string().contains(&account.evidence_key(&ami)), "{error:#}");
    assert_eq!((account.evidence(&ami).unwrap(), account.tags(&ami)), (evidence.clone(), tags));
    goldseal.run(&format!("{line} --replace --add")).exits(2).says("cannot be used with");

    let replaced = scene.sign(&ami, "--replace");
    assert_eq!(replaced["bundles"], 3);
    let newer = account.evidence(&ami).unwrap();
    assert_ne!(newer, evidence, "ECDSA signs with new randomness");
    goldseal.verdict(&ami, "admit", &[]);

    // One key signs once; another one's signatures go behind.
    goldseal.fails(&format!("{line} --add"), 1, &["already signed the evidence", &scene.key.arn, "--replace"]);
    assert_eq!(account.evidence(&ami).unwrap(), newer);
    let other = account.key("ECC_NIST_P256");
    let by_another = format!("sign {ami} --key awskms:///{} {INPUTS} --add", other.id);
    let added = goldseal.json(&by_another).exits(0).report();
    assert_eq!(added["bundles"], 6);
    assert!(account.evidence(&ami).unwrap().starts_with(&newer));
    goldseal.verdict(&ami, "admit", &[]);

    for more in ["--replace", "--add"] {
        let fresh = account.image(&format!("fresh{more}"));
        assert_eq!(scene.sign(&fresh, more)["bundles"], 3, "where nothing is, {more} creates");
    }
}

#[test]
fn two_of_two_authorities_sign_the_same_statements_with_add() {
    let scene = Scene::new();
    let Scene { account, goldseal, key } = &scene;
    let risk = account.key("ECC_NIST_P384");
    let authorities = [("ci", pem("ci", &key.pem())), ("risk", pem("risk", &risk.pem()))];
    goldseal.write("policy.toml", policy(&authorities, 2));
    let ami = scene.sealed("two");
    goldseal.verdict(&ami, "reject", &["attestation-under-threshold"]);
    let add = |inputs: &str| format!("sign {ami} --key awskms:///{} {inputs} --add", risk.id);
    goldseal.json(&add(INPUTS)).exits(0);
    let report = goldseal.verdict(&ami, "admit", &[]);
    let checked = report["images"][0]["checked"].as_array().unwrap();
    assert_eq!(checked.len(), 6);
    for pair in 0..3 {
        assert_eq!(checked[pair]["statement"], checked[pair + 3]["statement"]);
        assert_ne!(checked[pair]["by"], checked[pair + 3]["by"]);
    }

    // One who would sign something else is told, and nothing is stored.
    scene.sign(&ami, "--replace");
    let evidence = scene.account.evidence(&ami).unwrap();
    for (from, to) in [
        ("golden.grype.json", "critical.grype.json"),
        ("golden.spdx.json", "golden.cdx.json"),
        ("build.json", "timeless.json"),
        ("--without-content", ""),
    ] {
        goldseal.change("build.json", "\"finishedOn\": \"2026-11-20T09:19:47Z\",", "", "timeless.json");
        goldseal.fails(&add(&INPUTS.replace(from, to)), 1, &["is not of these inputs", "the same files"]);
        assert_eq!(account.evidence(&ami).unwrap(), evidence, "{to}");
    }
    goldseal.json(&add(INPUTS)).exits(0);
    goldseal.verdict(&ami, "admit", &[]);
    goldseal.fails(&add(INPUTS), 1, &["already signed"]);
}

#[test]
fn tags_are_written_after_the_evidence_is_stored() {
    let scene = Scene::new();
    let Scene { account, goldseal, .. } = scene;
    let ami = account.image("order");
    let proxy = Proxy::start();
    let (seen, key) = (account.clone(), ami.clone());
    let before_tagging = std::sync::mpsc::channel();
    proxy.before("CreateTags", move || before_tagging.0.send(seen.evidence(&key)).unwrap());
    let goldseal = goldseal.with("AWS_ENDPOINT_URL", &proxy.endpoint);
    goldseal.json(&format!("sign {ami} --key awskms:///alias/signing {INPUTS}")).exits(0);
    let stored = before_tagging.1.try_recv().unwrap();
    assert!(stored.is_some() && stored == account.evidence(&ami));
    assert_eq!(proxy.calls().last().unwrap(), "CreateTags");
}

#[test]
fn tags_that_cannot_be_written_are_an_error_that_says_what_is_stored() {
    let scene = Scene::new();
    let Scene { account, goldseal, .. } = &scene;
    let ami = account.image("untagged");
    account.fault(json!({"service": "ec2", "action": "CreateTags", "status": 403, "code": "UnauthorizedOperation"}));
    let line = format!("sign {ami} --key awskms:///alias/signing {INPUTS}");
    goldseal.fails(&line, 3, &["its evidence is stored", "ec2:CreateTags", &ami, "the caller needs ec2:CreateTags"]);
    assert!(account.evidence(&ami).is_some());
    // Tags are hints: what is stored is found without them.
    goldseal.verdict(&ami, "admit", &[]);
    let signed = scene.sign(&ami, "--replace --no-tags");
    assert_eq!(signed["tags"], json!([]));
    assert!(notes(&signed).contains(&"not-tagged"));
    goldseal.verdict(&ami, "admit", &[]);
}

#[test]
fn who_comes_second_of_two_writers_changes_nothing() {
    let scene = Scene::new();
    let Scene { account, goldseal, .. } = scene;
    let proxy = Proxy::start();
    let goldseal = goldseal.with("AWS_ENDPOINT_URL", &proxy.endpoint);
    for (name, first, more) in [("absent", None, ""), ("replace", Some(b"old\n"), "--replace"), ("gone", None, "--add")]
    {
        let ami = account.image(name);
        if let Some(first) = first {
            account.put_evidence(&ami, first);
        }
        let (writer, key) = (account.clone(), ami.clone());
        proxy.before("PUT /evidence", move || writer.put_evidence(&key, b"by somebody else\n"));
        let line = format!("sign {ami} --key awskms:///alias/signing {INPUTS} {more}");
        goldseal.fails(&line, 1, &["changed while", "nothing was written", "somebody else signs this image too"]);
        proxy.is_done();
        assert_eq!(account.evidence(&ami).unwrap(), b"by somebody else\n", "{name}");
        assert!(!account.tags(&ami).contains_key("goldseal:evidence"), "{name}");
    }
}

#[test]
fn evidence_that_went_away_is_not_replaced() {
    let scene = Scene::new();
    let ami = scene.sealed("vanishing");
    let Scene { account, goldseal, .. } = scene;
    let proxy = Proxy::start();
    let (writer, key) = (account.clone(), account.evidence_key(&ami));
    proxy.before("PUT /evidence", move || {
        crate::aws::wait(writer.s3().delete_object().bucket(writer.bucket()).key(key).send()).unwrap();
    });
    let goldseal = goldseal.with("AWS_ENDPOINT_URL", &proxy.endpoint);
    let line = format!("sign {ami} --key awskms:///alias/signing {INPUTS} --replace");
    goldseal.fails(&line, 1, &["changed while", "nothing was written"]);
    proxy.is_done();
    assert_eq!(account.evidence(&ami), None);
}

#[test]
fn an_answer_that_got_lost_is_not_taken_for_another_writer() {
    let scene = Scene::new();
    let ami = scene.account.image("lost");
    let proxy = Proxy::start();
    let goldseal = scene.goldseal.with("AWS_ENDPOINT_URL", &proxy.endpoint);
    // S3 has stored it, and what the writer hears is that something broke.
    proxy.lose("PUT /evidence");
    goldseal.json(&format!("sign {ami} --key awskms:///alias/signing {INPUTS}")).exits(0);
    proxy.is_done();
    let puts = proxy.calls().iter().filter(|call| call.starts_with("PUT /evidence")).count();
    assert!(puts > 1, "{puts}");
    goldseal.verdict(&ami, "admit", &[]);
}

#[test]
fn a_key_file_is_dangerous_in_the_report_of_sign_and_of_verify() {
    let scene = Scene::new();
    let Scene { account, goldseal, .. } = &scene;
    let ami = account.image("dangerous");
    let key = local_key(goldseal, "key.pem");
    goldseal.write("policy.toml", policy(&[("ci", pem("ci", &key.pem()))], 1));
    let line = format!("sign {ami} --dangerous-local-key key.pem {INPUTS}");
    let signed = goldseal.json(&line).exits(0).report();
    assert_eq!(signed["key"]["dangerousLocal"], true);
    assert_eq!(signed["key"]["name"], "key.pem");
    let expected = ["dangerous-without-gate", "dangerous-local-key", "no-content-digest", "key-file-readable"];
    assert_eq!(notes(&signed)[..4], expected, "others may read the file that the test wrote");
    let report = goldseal.verdict(&ami, "admit", &[]);
    assert!(notes(&report["images"][0]).contains(&"dangerous-local-key"));
    goldseal.run(&format!("{line} --replace")).exits(0).says("DANGEROUS: a key file on disk");
    goldseal.run(&format!("verify {ami} {}", crate::run::AT)).exits(0).says("(dangerous-local-key)");
    goldseal.run(&format!("{line} --key awskms:///alias/signing")).exits(2).says("cannot be used with");
    goldseal.run(&format!("sign {ami} {INPUTS}")).exits(2).says("--key <URI>");
    goldseal.fails(&format!("{line} --scheme rsa-pss-sha256 --replace"), 2, &["ecdsa-p256-sha256 only"]);
}
