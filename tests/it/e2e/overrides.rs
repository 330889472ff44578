//! Overrides: cosign verifies each signature of them, by the name of what they are for.

use super::tools::{Cosign, split};
use crate::{
    aws::Account,
    offline::local_key,
    overriding::rules,
    policies::{pem, policy},
};

#[test]
fn cosign_verifies_both_signatures_of_an_override() {
    let account = Account::new();
    let goldseal = account.goldseal().with("GOLDSEAL_POLICY", "policy.toml");
    let Some(cosign) = Cosign::of(&goldseal, &account.id) else { return };
    let people = ["alice", "bob"].map(|name| (name, local_key(&goldseal, &format!("{name}.pem"))));
    let tables: String = people.iter().map(|(name, key)| pem(name, &key.pem())).collect();
    let ci = account.key("ECC_NIST_P256");
    goldseal.write("policy.toml", policy(&[("ci", pem("ci", &ci.pem()))], 1) + &tables + &rules());
    let ami = account.image("golden");
    let grant = format!(
        "override grant --image {ami} --cause evidence-absent --reason incident --ticket INC-1 --by alice --for 8h \
         --dangerous-local-key alice.pem --out override.jsonl"
    );
    let granted = goldseal.json(&grant).exits(0).report();
    let statement = granted["overrides"][0]["statement"].as_str().unwrap();
    let sign = "override countersign override.jsonl --dangerous-local-key bob.pem --yes --accept-statement";
    goldseal.json(&format!("{sign} {statement}")).exits(0);
    goldseal.write("name", format!("image:{}:{ami}", crate::aws::REGION));
    goldseal.write("other", "image:eu-west-1:ami-0fedcba9876543210");
    let bundles = split(&goldseal, "override.jsonl");
    assert_eq!(bundles.len(), 2);
    for ((bundle, kind), (name, key)) in bundles.iter().zip(&people) {
        assert_eq!(kind, "https://goldseal.dev/override/v1");
        goldseal.write(&format!("{name}.pub"), key.pem());
        let verify = |name: &str, of: &str| {
            cosign.accepts(&format!("verify-blob-attestation --bundle {bundle} --key {name}.pub --type {kind} {of}"))
        };
        let (good, shown) = verify(name, "name");
        assert!(good && shown.contains("Verified OK"), "{name}: {shown}");
        assert!(!verify(name, "other").0, "{name}: for something else");
    }
}
