//! What the image is: by EC2, or by its signed provenance, and held against who the instance is.

use super::*;

#[test]
fn without_ec2_the_signed_provenance_says_what_the_image_is_and_the_report_says_so() {
    for ec2 in [None, Some(Err(PortErrorKind::Denied)), Some(Err(PortErrorKind::Unavailable))] {
        let decision = World::with(|world| world.ec2 = ec2).boot();
        assert_eq!((decision.step, decision.report.judged.verdict), (BootStep::GoOn, Outcome::Admit), "{decision:#?}");
        assert_eq!(decision.report.facts_from, Some(FactsFrom::Provenance));
        assert_eq!(decision.report.judged.subject, Some(descriptor().digest()));
        assert!(noted(&decision, "facts-from-provenance"));
    }
}

#[test]
fn an_image_that_ec2_no_longer_shows_is_judged_by_its_provenance() {
    let policy = compiled(&minimal(&ci()));
    let keys = Arc::new(Keys::new(&policy, |_| Err(String::new())));
    let identity = crate::testing::identity::identity();
    let store = FakeStore::holding(identity.image(), &sealed(&facts(), &ci()));
    let sight = block_on(look(&identity, Some(&FakeCatalog::default()), &store, &policy, &keys));
    let decision = decide(Ok((&identity, &sight)), &Memory::default(), &policy, Patience::Over, now());
    assert_eq!(decision.report.judged.verdict, Outcome::Admit);
    assert!(decision.report.judged.notes.iter().any(|note| note.message.contains("deregistered")));
}

#[test]
fn evidence_of_another_image_region_or_architecture_is_none() {
    let elsewhere = ImageFacts::in_region(&"us-east-1".parse().unwrap(), described()).unwrap();
    let other_machine = facts_of(changed(|image| image.architecture = Some("arm64".to_owned())));
    for (of, what) in [(other_facts(), "image"), (elsewhere, "region"), (other_machine.clone(), "architecture")] {
        let decision = World::with(|world| {
            world.ec2 = None;
            world.evidence = Some(sealed(&of, &ci()));
        })
        .boot();
        ended(&decision, Outcome::Reject, &["identity-mismatch"]);
        let cause = decision.report.judged.reasons.first().unwrap();
        assert_eq!(cause.detail["what"], what);
    }
    // What EC2 says is held against the identity document as well.
    let decision = World::with(|world| {
        world.ec2 = Some(Ok(changed(|image| image.architecture = Some("arm64".to_owned()))));
        world.evidence = Some(sealed(&other_machine, &ci()));
    })
    .boot();
    ended(&decision, Outcome::Reject, &["identity-mismatch"]);
}

#[test]
fn with_ec2_the_evidence_must_be_of_what_it_says() {
    let decision = World::with(|world| world.evidence = Some(sealed(&other_facts(), &ci()))).boot();
    assert!(codes(&decision).contains(&"subject-mismatch"), "{:?}", codes(&decision));
    assert_eq!(decision.step, BootStep::End(BootEnd::Poweroff));
}

#[test]
fn only_what_an_authority_signed_says_what_the_image_is() {
    let stranger = LocalKey::p256(2);
    let decision = World::with(|world| {
        world.ec2 = None;
        world.evidence = Some(sealed(&facts(), &stranger));
    })
    .boot();
    let unknown = "signer-unknown";
    ended(&decision, Outcome::Reject, &[unknown, unknown, unknown, "attestation-missing"]);
    // A provenance that carries no descriptor says nothing.
    let decision = World::with(|world| {
        world.ec2 = None;
        world.evidence = Some(crate::testing::evidence::sealed(&ci()));
    })
    .boot();
    ended(&decision, Outcome::Reject, &["attestation-missing"]);
}

#[test]
fn two_signed_descriptors_of_one_image_say_nothing() {
    let renamed = facts_of(changed(|image| image.name = Some("other".to_owned())));
    let both = [sealed(&facts(), &ci()), sealed(&renamed, &ci())].concat();
    let decision = World::with(|world| (world.ec2, world.evidence) = (None, Some(both))).boot();
    ended(&decision, Outcome::Reject, &["attestation-ambiguous"]);
}

#[test]
fn a_policy_without_provenance_needs_ec2() {
    let ci = ci();
    let policy = crate::testing::policies::document(&[("ci", &ci)], &[("sbom", &["ci"], 1)], "");
    assert_eq!(World::with(|world| world.policy = policy.clone()).boot().step, BootStep::GoOn);
    let decision = World::with(|world| (world.policy, world.ec2) = (policy, None)).boot();
    ended(&decision, Outcome::Undetermined, &["image-unavailable"]);
}
