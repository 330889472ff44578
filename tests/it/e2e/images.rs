//! OCI registries: the descriptor artifact is an artifact like any other. cosign signs and attests it, with goldseal's
//! evidence beside, on a registry with the referrers API and on one without.

use super::tools::{Cosign, GoRegistry};
use crate::{
    aws::{Account, sha256},
    policies::trusting,
    registry::Registry,
    run::{AT, INPUTS},
};

#[test]
fn cosign_and_goldseal_share_a_registry_with_the_referrers_api() {
    let registry = Registry::start();
    share(&registry.host);
}

#[test]
fn cosign_and_goldseal_share_a_registry_without_it() {
    let Some(registry) = GoRegistry::start() else { return };
    share(&registry.host);
}

/// Whoever comes first, and whoever comes after: each finds its own and leaves the other's alone.
fn share(host: &str) {
    let account = Account::new();
    let key = account.key_called("signing");
    let goldseal = account.goldseal();
    let Some(cosign) = Cosign::of(&goldseal, &account.id) else { return };
    goldseal.write("policy.toml", trusting(&key));
    goldseal.write("key.pub", key.pem());
    let ami = account.image("golden");
    let repository = format!("{host}/golden/images");
    let store = format!("oci://{repository}");

    goldseal.run(&format!("sign {ami} --key awskms:///alias/signing --store {store} {INPUTS}")).exits(0);
    let artifact = format!("{repository}@{}", digest_of(host, &format!("eu-west-1.{ami}")));
    let verify = format!("{ami} --store {store} --policy policy.toml {AT}");
    goldseal.verdict(&verify, "admit", &[]);

    cosign.signs(&format!("sign --key awskms:///alias/signing {artifact}"));
    cosign.signs(&format!(
        "attest --key awskms:///alias/signing --type spdxjson --predicate golden.spdx.json {artifact}"
    ));
    for key in ["key.pub", "awskms:///alias/signing"] {
        let (good, shown) = cosign.accepts(&format!("verify --key {key} {artifact}"));
        assert!(good, "{shown}");
        let (good, shown) = cosign.accepts(&format!("verify-attestation --key {key} --type spdxjson {artifact}"));
        assert!(good, "{shown}");
    }
    goldseal.verdict(&verify, "admit", &[]);

    let again = format!("sign {ami} --key awskms:///alias/signing --store {store} {INPUTS} --replace");
    goldseal.run(&again).exits(0);
    goldseal.verdict(&verify, "admit", &[]);
    let (good, shown) = cosign.accepts(&format!("verify --key key.pub {artifact}"));
    assert!(good, "after goldseal replaced its evidence: {shown}");
}

/// Asks the registry for a manifest, and hashes what it answers.
fn digest_of(host: &str, tag: &str) -> String {
    use std::{
        io::{Read as _, Write as _},
        net::TcpStream,
    };
    let mut stream = TcpStream::connect(host).unwrap();
    let accept = "application/vnd.oci.image.manifest.v1+json";
    write!(
        stream,
        "GET /v2/golden/images/manifests/{tag} HTTP/1.0\r\nHost: {host}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert!(
        answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    format!("sha256:{}", sha256(&answer[body..]))
}
