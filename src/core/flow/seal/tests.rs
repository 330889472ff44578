use futures_executor::block_on;

use super::*;
use crate::{
    digest::Sha256Digest,
    flow::{Existing, Gating, Passed},
    image::ImageFacts,
    policy::{Keys, Policy},
    ports::PortErrorKind,
    publication::Wishes,
    report::PublishOutcome,
    testing::{
        images::{described, facts, other_facts},
        inputs::now,
        ports::{FakeCatalog, FakeKeys, FakeSigner, FakeStore, FakeTags},
        publication::FakePublication,
        sealing::{Files, approval, gated},
    },
};

/// Two images of one build, in one region for want of another fixture, and the world that they are sealed in.
struct World {
    images: [Files; 2],
    approvals: Vec<u8>,
    policy: Policy,
    keys: Keys,
    signer: FakeSigner,
    catalog: FakeCatalog,
    store: FakeStore,
    tags: FakeTags,
    publication: FakePublication,
}

impl World {
    fn new() -> Self {
        let (policy, keys) = gated();
        let of = |image: ImageFacts| Files { image, ..Files::accepting() };
        let images = [of(facts()), of(other_facts())];
        let named: Vec<_> = images.iter().map(|files| files.image.descriptor.image()).collect();
        let shown = |id: &str| crate::image::DescribedImage { image_id: Some(id.to_owned()), ..described() };
        let catalog = named.iter().map(|image| (image.clone(), Ok(shown(image.id.as_str())))).collect();
        let approve = |files: &Files| {
            let image = &files.image.descriptor;
            approval(2, image, files.passed(&policy).accepted_risks(image).unwrap())
        };
        Self {
            approvals: images.iter().flat_map(approve).collect(),
            publication: FakePublication::of(&named),
            images,
            policy,
            keys,
            signer: FakeSigner::new(1),
            catalog: FakeCatalog(catalog),
            store: FakeStore::default(),
            tags: FakeTags::default(),
        }
    }

    fn seal(&self) -> Result<SealReport, Stopped> {
        let passed: Passed = self.images[0].passed(&self.policy);
        let gate = Gating { policy: &self.policy, keys: &self.keys, passed: &passed, approvals: &self.approvals };
        let signing = |files| signing(files, gate);
        let signings = [signing(&self.images[0]), signing(&self.images[1])];
        let images = signings.iter().map(|one| one.facts.descriptor.image().into()).collect::<Vec<_>>();
        let wishes = Wishes { protect: true, ..Wishes::default() };
        let publishing =
            Publishing { policy: &self.policy, images: &images, wishes: &wishes, dry_run: false, now: now() };
        let ports = Ports {
            catalog: &self.catalog,
            store: &self.store,
            keys: &FakeKeys::default(),
            tags: &self.tags,
            publication: &self.publication,
        };
        let sealing = Sealing { signings: &signings, publishing: &publishing };
        block_on(seal(&sealing, &self.signer, &ports, &()))
    }

    fn held(&self) -> [Option<Vec<u8>>; 2] {
        [0, 1].map(|index| self.store.of(&self.images[index].image.descriptor.image()))
    }
}

fn signing<'a>(files: &'a Files, gate: Gating<'a>) -> Signing<'a> {
    let (facts, inputs) = (&files.image, files.inputs());
    Signing { facts, inputs, gate: Some(gate), existing: Existing::Resume, tag: true, now: now() }
}

fn signatures(report: &SealReport) -> [StepOutcome; 2] {
    [0, 1].map(|index| report.images[index].signature)
}

#[test]
fn a_build_is_sealed_whole_and_a_second_run_changes_nothing() {
    let world = World::new();
    let report = world.seal().unwrap();
    assert_eq!(signatures(&report), [StepOutcome::Done; 2]);
    assert_eq!(report.publish.unwrap().outcome, PublishOutcome::Published);
    let (held, steps) = (world.held(), world.publication.take_tried());
    assert!(!steps.is_empty());

    let again = world.seal().unwrap();
    assert_eq!(signatures(&again), [StepOutcome::Already; 2]);
    assert_eq!((world.held(), world.publication.take_tried()), (held, Vec::new()), "nothing signed or published twice");
}

#[test]
fn nothing_is_signed_before_all_is_approved() {
    let mut world = World::new();
    let first = world.images[0].image.descriptor.clone();
    let accepted = world.images[0].passed(&world.policy).accepted_risks(&first).unwrap();
    world.approvals = approval(2, &first, accepted);
    let stopped = world.seal().unwrap_err();
    assert!(matches!(*stopped.source, SealFault::Sign(SignError::NotApproved { .. })));
    let approved = [0, 1].map(|index| stopped.report.images[index].approval);
    assert_eq!(approved, [StepOutcome::Done, StepOutcome::Failed]);
    assert_eq!(signatures(&stopped.report), [StepOutcome::NotDone; 2]);
    assert_eq!((world.held(), stopped.report.publish.is_none()), ([None, None], true));
    assert!(stopped.to_string().contains("nothing was published"), "{stopped}");
}

#[test]
fn nothing_is_published_before_all_is_signed_and_the_next_run_goes_on() {
    let mut world = World::new();
    let second = world.images[1].image.descriptor.image();
    world.store.held.lock().unwrap().insert(second.clone(), b"x\n".to_vec());
    let stopped = world.seal().unwrap_err();
    assert!(matches!(*stopped.source, SealFault::Sign(SignError::Exists { .. })));
    assert_eq!(signatures(&stopped.report), [StepOutcome::Done, StepOutcome::Failed]);
    assert!(world.publication.take_tried().is_empty());
    let [first, _] = world.held();

    world.store.held.lock().unwrap().remove(&second);
    let report = world.seal().unwrap();
    assert_eq!(signatures(&report), [StepOutcome::Already, StepOutcome::Done]);
    assert_eq!(world.held()[0], first);
    assert!(!world.publication.take_tried().is_empty());
    world.tags.fault = Some(PortErrorKind::Denied);
    assert!(matches!(*world.seal().unwrap_err().source, SealFault::Sign(SignError::Tag { .. })));
}

#[test]
fn a_step_of_the_publication_that_fails_is_taken_by_the_next_run() {
    let world = World::new();
    *world.publication.fault.lock().unwrap() = Some((1, PortErrorKind::Throttled));
    let stopped = world.seal().unwrap_err();
    assert!(matches!(*stopped.source, SealFault::Publish(PublishError::Stopped { .. })));
    assert_eq!(signatures(&stopped.report), [StepOutcome::Done; 2]);
    let published = stopped.report.publish.as_ref().unwrap();
    assert!(published.count(StepOutcome::NotDone) > 0 && published.count(StepOutcome::Done) == 1);
    let tried = world.publication.take_tried();
    *world.publication.fault.lock().unwrap() = None;
    let report = world.seal().unwrap();
    assert_eq!(report.publish.unwrap().count(StepOutcome::Already), 1);
    assert!(!world.publication.take_tried().contains(&tried[0]), "what was done is not done again");
}

#[test]
fn evidence_that_was_put_back_is_not_published() {
    let world = World::new();
    let other = Sha256Digest::of(b"other");
    let image = world.images[0].image.descriptor.clone();
    world.store.held.lock().unwrap().insert(image.image(), approval(2, &image, other));
    assert!(world.seal().is_err());
    assert!(world.publication.take_tried().is_empty());
}
