//! What a pipeline and its consumers call: from a descriptor to what is published.

use super::{Caller, borrowed, names};
use crate::{
    gated::{FAR, GATE, Gated, approve, gated_policy},
    policies::{kms, pem},
    seal::seal,
};

/// A scene whose policy asks KMS for both of its keys, and the names of its documents.
fn scene() -> (Gated, Vec<(String, String)>) {
    let scene = Gated::new();
    let policy = gated_policy(&scene.key, &scene.approval, "[gate]\nfail_on = \"high\"\n");
    let asked = policy.replace(&pem("ci", &scene.key.pem()), &kms("ci", &scene.key));
    let asked = asked.replace(&pem("boss", &scene.approval.pem()), &kms("boss", &scene.approval));
    assert_ne!(policy, asked);
    scene.goldseal.write("policy.toml", asked);
    let mut names = names(&scene.account);
    names.push(("IMAGE_KEY".to_owned(), scene.key.id.clone()));
    names.push(("APPROVAL_KEY".to_owned(), scene.approval.id.clone()));
    (scene, names)
}

#[test]
fn each_step_of_a_pipeline_needs_its_document_and_no_more() {
    let (scene, names) = scene();
    let names = borrowed(&names);
    let Gated { account, goldseal, .. } = &scene;
    let old = scene.sealed("old");
    let ami = account.image("golden");

    let caller = Caller::of("describe", account);
    caller.run(goldseal, &format!("describe {ami} --content")).exits(0);
    caller.needs_all_of_its_document(&names, None);

    scene.gate("");
    let caller = Caller::of("approve", account);
    let accepted = scene.accepted(&format!("{ami} --since {old}")).remove(0);
    let line = approve(&format!("{ami} --since {old}"));
    caller.run(goldseal, &format!("{line} --yes --accept-digest {accepted}")).exits(0);
    caller.needs_all_of_its_document(&names, None);

    let caller = Caller::of("sign", account);
    let key = format!("--key awskms:///{}", scene.key.arn);
    caller
        .run(goldseal, &format!("sign {ami} {key} {GATE} --provenance build.json --approval approval.jsonl"))
        .exits(0);
    caller.needs_all_of_its_document(&names, None);

    let caller = Caller::of("verify", account);
    caller.run(goldseal, &format!("verify {ami}")).exits(0);
    caller.needs_all_of_its_document(&names, None);

    let caller = Caller::of("publish", account);
    let wishes = "--share 222222222222 --lock-snapshots 30 --protect --ssm-parameter /golden/base";
    caller.run(goldseal, &format!("publish {ami} {wishes}")).exits(0);
    caller.needs_all_of_its_document(&names, None);
}

#[test]
fn seal_needs_its_document_and_no_more() {
    let (scene, names) = scene();
    let Gated { account, goldseal, .. } = &scene;
    let _images = scene.two_regions("golden");
    scene.gate("--manifest manifest.json");
    scene.approve("");
    let caller = Caller::of("seal", account);
    let line = seal("--approval approval.jsonl --ssm-parameter /golden/base").replace("--without-content ", "");
    caller.run(goldseal, &line).exits(0);
    // What is in both regions is one account's: the document says so for parameters.
    let names: Vec<(String, String)> =
        names.into_iter().chain([(format!(":ssm:{FAR}:"), ":ssm:*:".to_owned())]).collect();
    caller.needs_all_of_its_document(&borrowed(&names), None);
}

#[test]
fn resealing_needs_its_document_and_no_more() {
    let scene = Gated::new();
    let Gated { account, goldseal, .. } = &scene;
    let policy = gated_policy(&scene.key, &scene.approval, "[gate]\nfail_on = \"high\"\n");
    goldseal.write("policy.toml", &policy);
    let ami = scene.sealed("old");
    let new = account.key_called("signing-2027");
    let next = policy.replace(&pem("ci", &scene.key.pem()), &kms("ci", &new));
    goldseal.write("next.toml", next.replace(&pem("boss", &scene.approval.pem()), &kms("boss", &scene.approval)));
    let mut names = names(account);
    names.push(("IMAGE_KEY".to_owned(), new.id.clone()));
    names.push(("APPROVAL_KEY".to_owned(), scene.approval.id.clone()));

    let caller = Caller::of("reseal", account);
    caller.run(goldseal, &format!("reseal {ami} --new-policy next.toml --key awskms:///{}", new.arn)).exits(0);
    caller.needs_all_of_its_document(&borrowed(&names), None);
}
