//! "Five minutes with your own image" and "Check a seal without goldseal" of the README, typed as they stand there.

use super::{blocks::of, reader::plays};
use crate::{
    aws::Account,
    cloud::python_path,
    gated::fresh,
    run::{Goldseal, Run},
    walkthrough::with_programs,
};

/// The image that the document names.
const NAMED: &str = "ami-0123456789abcdef0";

/// In place of a build of minutes.
const CARGO: &str = "echo \"cargo $*\" >>\"$HOME/stubs.log\"";

/// Types the commands of the README, with this `cosign`.
pub fn follow(account: &Account, cosign: &str) -> (Goldseal, Run) {
    let ami = account.image("golden");
    // The person who approves looks at what they are shown, and says so.
    let shown = format!(
        "{} -c 'import json, sys; print(json.load(sys.stdin)[\"images\"][0][\"acceptedRisks\"])'",
        python_path()
    );
    let approves = format!(
        "case $1 in approve) set -- \"$@\" --yes --accept-digest \"$(\"$GOLDSEAL\" \"$@\" --output json | {shown})\" ;; esac\n\
         exec \"$GOLDSEAL\" \"$@\""
    );
    let [syft, grype] = ["syft", "grype"].map(plays);
    let programs = [("cargo", CARGO), ("syft", &syft), ("grype", &grype), ("goldseal", &approves), ("cosign", cosign)];
    let goldseal = account.goldseal().with("USER", "alice");
    goldseal.script(&[], "mkdir checkout").exits(0);
    fresh(&goldseal);
    let goldseal = with_programs(goldseal, &programs);
    let blocks = of("README.md").into_iter().filter(|block| block.kind == "sh" && block.text.contains("$AMI"));
    let typed: Vec<String> = blocks.map(|block| block.text.replace(NAMED, &ami)).collect();
    assert_eq!(typed.len(), 2);
    let run = goldseal.script(&[], &format!("set -eu\ncd checkout\n{}", typed.concat()));
    (goldseal, run)
}

#[test]
fn the_first_image_is_sealed_by_what_the_readme_says() {
    let (goldseal, run) = follow(&Account::new(), &plays("cosign"));
    let seen = ["PASS", "ACCEPTED RISKS", "APPROVED  by alice", "SIGNED", "ADMIT", "\n0\n", "Verified OK"];
    run.exits(0).says_in_order(&seen);
    // The line that the document takes for the SBOM is a bundle, and nothing else was installed than what it says.
    let bundle: serde_json::Value = serde_json::from_slice(&goldseal.read("first-seal/sbom.sigstore.json")).unwrap();
    assert!(bundle["dsseEnvelope"]["payload"].is_string());
    assert_eq!(goldseal.read("stubs.log"), b"cargo install --locked --path .\n");
}
