//! Boots under a revocation list: none, one that says nothing against the image, one that revokes it, and an older one again.

use goldseal_core::{
    attestation::predicate::Revocations,
    testing::lists::{revoker, signed_list},
};

use super::{
    admitted, ended,
    instance::{Instance, possible},
};
use crate::{
    offline::AMI,
    run::notes,
    withdrawn::{LIST, image, lists, revocation},
};

/// An instance whose policy asks for a list.
fn listed() -> Instance {
    let instance = Instance::new();
    instance.policy(&revocation());
    instance
}

fn put(instance: &Instance, list: &Revocations) {
    instance.goldseal.write(&format!("store/{LIST}"), signed_list(list, &revoker()));
}

#[test]
fn an_image_that_is_revoked_boots_no_more_and_an_older_list_does_not_help_it() {
    if !possible() {
        return;
    }
    let instance = listed();
    let [begun, revoking] = lists(image(AMI));
    put(&instance, &begun);
    admitted(&instance, instance.boots());
    put(&instance, &revoking);
    let report = ended(&instance, instance.boots(), 1, &["image-revoked"]);
    assert!(report["reasons"][0]["message"].as_str().unwrap().contains("alice@example.com: poisoned"), "{report:#}");

    // Whoever may write to the store puts back the list before.
    put(&instance, &begun);
    std::fs::remove_file(instance.goldseal.path("systemctl.log")).unwrap();
    let report = ended(&instance, instance.boots(), 1, &["image-revoked"]);
    assert!(notes(&report).contains(&"revocations-rolled-back"), "{report:#}");
}

#[test]
fn without_a_list_nobody_knows_and_nothing_boots() {
    if !possible() {
        return;
    }
    let instance = listed();
    let url = format!("https://{}", instance.web.host);
    instance.settings(&format!("store = \"{url}\""), "deadline = \"3s\"");
    ended(&instance, instance.boots(), 3, &["revocations-unavailable"]);
}
