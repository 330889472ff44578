//! Evidence files: cosign and npm verify what goldseal signed, goldseal verifies what cosign signed.

use std::fs;

use super::tools::{Cosign, second_opinion, split};
use crate::{
    aws::Account,
    policies::{pem, trusting},
    run::{AT, INPUTS},
};

/// What stock cosign verifies; for P-384, PSS and ML-DSA there are vectors of other libraries.
const SPECS: [&str; 2] = ["ECC_NIST_P256", "RSA_2048"];

#[test]
fn cosign_and_npm_verify_what_goldseal_signed() {
    for spec in SPECS {
        let account = Account::new();
        let goldseal = account.goldseal();
        let Some(cosign) = Cosign::of(&goldseal, &account.id) else { return };
        let (ami, other) = (account.image("golden"), account.image("other"));
        let key = account.key(spec);
        account.alias("signing", &key);
        goldseal.write("key.pub", key.pem());
        let store = goldseal.directory_store();
        let inputs = INPUTS.replace("--without-content ", "");
        goldseal.run(&format!("sign {ami} --key awskms:///alias/signing --store {store} {inputs}")).exits(0);
        goldseal.run(&format!("describe {ami} --descriptor image.json")).exits(0);
        goldseal.run(&format!("describe {other} --descriptor other.json")).exits(0);
        let bundles = split(&goldseal, &format!("store/v1/aws/eu-west-1/{ami}.jsonl"));
        assert_eq!(bundles.len(), 3);
        for (bundle, predicate_type) in &bundles {
            for key in ["key.pub", "awskms:///alias/signing"] {
                let verify = |kind: &str, image: &str| {
                    cosign.accepts(&format!(
                        "verify-blob-attestation --bundle {bundle} --key {key} --type {kind} {image}"
                    ))
                };
                let (good, shown) = verify(predicate_type, "image.json");
                assert!(good && shown.contains("Verified OK"), "{spec} {bundle} by {key}: {shown}");
                assert!(!verify(predicate_type, "other.json").0, "{spec} {bundle}: another image");
                assert!(!verify("https://example.com/other", "image.json").0, "{spec} {bundle}: another type");
            }
            assert!(second_opinion(&goldseal.path(bundle), &goldseal.path("key.pub")), "{spec} {bundle}");
            let text = fs::read_to_string(goldseal.path(bundle)).unwrap();
            let place = text.find(r#""payload":""#).unwrap() + 60;
            let changed = if &text[place..=place] == "A" { "B" } else { "A" };
            goldseal.write("tampered.json", format!("{}{changed}{}", &text[..place], &text[place + 1..]));
            assert!(!second_opinion(&goldseal.path("tampered.json"), &goldseal.path("key.pub")), "{spec} {bundle}");
        }
    }
}

#[test]
fn cosign_verifies_a_revocation_list() {
    for spec in SPECS {
        let account = Account::new();
        let goldseal = account.goldseal();
        let Some(cosign) = Cosign::of(&goldseal, &account.id) else { return };
        let (ci, key) = (account.key("ECC_NIST_P256"), account.key(spec));
        account.alias("revocation", &key);
        goldseal.write("key.pub", key.pem());
        let list = "[revocation]\nauthorities = [\"revoker\"]\nmax_age = \"24h\"\n";
        goldseal.write("policy.toml", trusting(&ci) + &pem("revoker", &key.pem()) + list);
        let more =
            format!("--key awskms:///alias/revocation --policy policy.toml --store {}", goldseal.directory_store());
        goldseal.run(&format!("revoke renew --first {more}")).exits(0);
        goldseal.write("name", "goldseal:revocations:default");
        goldseal.write("other", "goldseal:revocations:prod");
        let verify = |name: &str, kind: &str| {
            let bundle = "store/v1/revocations/default.jsonl";
            cosign.accepts(&format!("verify-blob-attestation --bundle {bundle} --key key.pub --type {kind} {name}"))
        };
        let (good, shown) = verify("name", "https://goldseal.dev/revocations/v1");
        assert!(good && shown.contains("Verified OK"), "{spec}: {shown}");
        assert!(!verify("other", "https://goldseal.dev/revocations/v1").0, "{spec}: another list");
        assert!(!verify("name", "https://goldseal.dev/override/v1").0, "{spec}: another type");
    }
}

#[test]
fn goldseal_verifies_what_cosign_signed_with_the_same_kms_key() {
    for spec in SPECS {
        let account = Account::new();
        let goldseal = account.goldseal();
        let Some(cosign) = Cosign::of(&goldseal, &account.id) else { return };
        let (ami, other) = (account.image("golden"), account.image("other"));
        let key = account.key(spec);
        account.alias("signing", &key);
        goldseal.write("policy.toml", trusting(&key));
        let store = goldseal.directory_store();
        goldseal.run(&format!("describe {ami} --descriptor image.json")).exits(0);
        goldseal.run(&format!("describe {other} --descriptor other.json")).exits(0);
        // Predicates of goldseal, statements and bundles of cosign.
        goldseal.run(&format!("sign {ami} --key awskms:///alias/signing --store {store} {INPUTS} --no-tags")).exits(0);
        let bundles = split(&goldseal, &format!("store/v1/aws/eu-west-1/{ami}.jsonl"));
        let mut evidence = String::new();
        for (index, (_, predicate_type)) in bundles.iter().enumerate() {
            cosign.signs(&format!(
                "attest-blob --key awskms:///alias/signing --predicate predicate-{index}.json --type {predicate_type} \
                 --bundle cosign-{index}.json image.json"
            ));
            evidence.push_str(fs::read_to_string(goldseal.path(&format!("cosign-{index}.json"))).unwrap().trim_end());
            evidence.push('\n');
        }
        goldseal.write("cosign.jsonl", &evidence);
        let verify = format!("--image image.json --evidence cosign.jsonl --policy policy.toml {AT}");
        goldseal.verdict(&verify, "admit", &[]);
        let swapped = verify.replace("image.json", "other.json");
        goldseal.verdict(&swapped, "reject", &["subject-mismatch", "attestation-missing"]);
        goldseal.write("torn.jsonl", evidence.replacen("\"sig\":\"M", "\"sig\":\"N", 1));
        if evidence.contains("\"sig\":\"M") {
            let torn = verify.replace("cosign.jsonl", "torn.jsonl");
            goldseal.verdict(&torn, "reject", &["signature-invalid", "attestation-missing"]);
        }
    }
}
