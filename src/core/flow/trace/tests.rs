mod bases;
mod scoped;
mod told;

use futures_executor::block_on;
use jiff::SignedDuration;

use super::*;
use crate::{
    attestation::predicate::{SPDX_TYPE, image_arn},
    digest::Sha256Digest,
    fleet::Place,
    image::{Descriptor, ImageFacts},
    ports::PortErrorKind,
    report::{BaseStanding, Class, FactsFrom, Outcome, SeenBy},
    testing::{
        audits,
        evidence::{carrying, signed, statement},
        fleet::{FakeFleet, FakeView, Running, image},
        gated::{Gated, gated_policy},
        inputs::SPDX,
        keys::LocalKey,
        policies::compiled,
        ports::{FakeCatalog, FakeKeys, FakeStore},
    },
};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const OWN: &str = "000000000001";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn days(days: i32) -> Timestamp {
    now().checked_add(days * DAY).unwrap()
}

fn policy() -> Policy {
    compiled(&gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), ""))
}

fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

fn instance(number: u64) -> InstanceId {
    format!("i-{number:017x}").parse().unwrap()
}

/// Build facts of an image that was built from another one.
fn facts(base: Option<&str>) -> String {
    let base = base.map(|base| format!(r#""baseImage":{base},"#)).unwrap_or_default();
    format!(
        r#"{{"builder":"https://ci.example","invocation":"run/7",{base}
            "source":{{"repository":"https://git.example/images","commit":"0a1b2c"}},
            "tools":{{"packer":"1.14.2","grype":"0.1"}},"startedOn":"2026-11-01T09:00:00Z","finishedOn":"2026-11-01T10:00:00Z"}}"#
    )
}

/// What provenance says of a base image.
fn base(of: &Descriptor) -> String {
    let (arn, digest) = (image_arn(&of.image(), Some(of.owner())), of.digest());
    format!(r#"{{"arn":"{arn}","descriptor":"{digest}","created":"2026-10-01T00:00:00Z"}}"#)
}

fn sbom(of: &Descriptor) -> Vec<u8> {
    statement(of.digest(), SPDX_TYPE, SPDX)
}

/// Approval, provenance, SBOM, and the gate result that names them: which key signs which of them.
fn evidence_by(keys: [&LocalKey; 4], gate: &Gated, facts: &str, sbom: Vec<u8>) -> Vec<u8> {
    let [boss, builds, lists, gates] = keys;
    let mut lines = vec![(builds, carrying(&gate.image, facts)), (lists, sbom)];
    lines.extend(gate.approval().map(|payload| (boss, payload)));
    let named: Vec<Sha256Digest> = lines.iter().map(|(_, payload)| Sha256Digest::of(payload)).collect();
    lines.push((gates, gate.payload(&named)));
    signed(&lines)
}

fn evidence(gate: &Gated, facts: &str) -> Vec<u8> {
    let (ci, boss) = (LocalKey::p256(1), LocalKey::p256(2));
    evidence_by([&boss, &ci, &ci, &ci], gate, facts, sbom(&gate.image))
}

/// An account in which things run, a store, and what EC2 describes.
#[derive(Default)]
struct World {
    running: Running,
    fault: Option<PortErrorKind>,
    store: FakeStore,
    catalog: FakeCatalog,
}

impl World {
    /// Registers image number `number`, with evidence.
    fn seal(&mut self, number: u64, evidence: impl FnOnce(Gated) -> Vec<u8>) -> Descriptor {
        let (described, descriptor) = image(&region(), number);
        self.catalog.0.insert(descriptor.image(), Ok(described));
        let held = evidence(Gated::at(days(-2)).of(descriptor.clone()));
        self.store.held.lock().unwrap().insert(descriptor.image(), held);
        descriptor
    }

    /// The same, built from an image of which nothing is known.
    fn sealed(&mut self, number: u64) -> Descriptor {
        self.seal(number, |gate| evidence(&gate, &facts(None)))
    }

    fn trace(self, traced: &Traced, at: Timestamp, audit: Option<&AuditReport>) -> Result<TraceReport, TraceError> {
        self.by(&policy(), traced, at, audit)
    }

    fn by(
        self,
        policy: &Policy,
        traced: &Traced,
        at: Timestamp,
        audit: Option<&AuditReport>,
    ) -> Result<TraceReport, TraceError> {
        let here = Place { account: OWN.parse().unwrap(), region: region() };
        let view = FakeView(self.running.into());
        let fleet = FakeFleet { views: [(here, Ok(view))].into(), fault: self.fault, ..FakeFleet::default() };
        let tracing = Tracing { policy, at, audit };
        block_on(trace(&tracing, traced, &fleet, &self.catalog, &self.store, &FakeKeys::default(), &()))
    }

    fn of_image(self, of: &Descriptor) -> TraceReport {
        self.trace(&Traced::Image(of.image()), now(), None).unwrap()
    }

    fn of_instance(self, number: u64) -> TraceReport {
        self.trace(&an_instance(number), now(), None).unwrap()
    }
}

fn an_instance(number: u64) -> Traced {
    Traced::Instance { id: instance(number), region: region() }
}

fn codes(causes: &[crate::report::Cause]) -> Vec<&str> {
    causes.iter().map(|cause| cause.code.as_str()).collect()
}

#[test]
fn an_instance_leads_to_everything_that_was_signed_about_its_image() {
    let mut world = World::default();
    let descriptor = world.sealed(1);
    world.running.launch(1, &descriptor.image().id, 1);
    let report = world.of_instance(1);
    assert_eq!((report.image.verdict, report.outcome()), (Outcome::Admit, Outcome::Admit));
    assert_eq!(report.image.image, descriptor.image());

    let build = report.build.as_ref().unwrap();
    assert_eq!((build.commit.as_deref(), build.dirty), (Some("0a1b2c"), false));
    assert_eq!((build.builder.as_str(), build.packer.as_deref()), ("https://ci.example", Some("1.14.2")));
    assert_eq!(build.repository.as_deref(), Some("https://git.example/images"));
    let sbom = report.sbom.as_ref().unwrap();
    assert_eq!((sbom.packages, sbom.format, sbom.problem.as_deref()), (Some(3), Some("SPDX"), None));
    assert_eq!(sbom.sha256, Some(Sha256Digest::of(b"input")), "as the gate says");
    let gate = report.gate.as_ref().unwrap();
    assert_eq!((gate.at, gate.findings.len()), (days(-2), 1));
    let approvals: Vec<_> = report.approvals.iter().map(|one| (one.approver.as_str(), one.at, one.counts)).collect();
    assert_eq!(approvals, [("boss@example.com", days(-2), true)]);
    let keys: Vec<_> = report.signatures.iter().map(|one| (one.by.to_string(), one.key.unwrap())).collect();
    let (ci, boss) = (LocalKey::p256(1).public().digest(), LocalKey::p256(2).public().digest());
    let named = |name: &str, key| (name.to_owned(), key);
    assert_eq!(keys, [named("ci", ci), named("ci", ci), named("boss", boss), named("ci", ci)]);
    let then = report.then.as_ref().unwrap();
    assert_eq!((then.at, then.verdict), (days(-2), Outcome::Admit));

    let asked = report.asked().unwrap();
    assert_eq!((asked.class, asked.from, asked.account.as_str()), (Class::Admitted, SeenBy::Ec2, OWN));
}

#[test]
fn without_evidence_there_is_no_story_and_a_store_that_is_out_is_no_answer() {
    for (fault, verdict, code) in [
        (None, Outcome::Reject, "evidence-absent"),
        (Some(PortErrorKind::Unavailable), Outcome::Undetermined, "evidence-unavailable"),
    ] {
        let mut world = World::default();
        let descriptor = world.sealed(1);
        world.store = FakeStore { read_fault: fault, ..FakeStore::default() };
        let report = world.of_image(&descriptor);
        assert_eq!(report.outcome(), verdict);
        let causes = [report.image.reasons, report.image.faults].concat();
        assert_eq!(codes(&causes), [code]);
        assert!(report.build.is_none() && report.sbom.is_none() && report.gate.is_none() && report.then.is_none());
        assert!(report.bases.is_empty() && report.approvals.is_empty() && report.signatures.is_empty());
    }
    let (_, nowhere) = image(&region(), 9);
    let report = World::default().of_image(&nowhere);
    assert_eq!(codes(&report.image.reasons), ["image-not-found", "evidence-absent"]);
    assert_eq!((report.facts_from, report.image.notes.as_slice()), (None, [].as_slice()));
}

#[test]
fn an_image_that_was_deregistered_has_a_story_and_only_what_runs_is_admitted() {
    for (runs, verdict) in [(true, Outcome::Admit), (false, Outcome::Reject)] {
        let mut world = World::default();
        let descriptor = world.sealed(1);
        world.catalog.0.clear();
        if runs {
            world.running.launch(1, &descriptor.image().id, 1);
        }
        let report = world.of_image(&descriptor);
        assert_eq!((report.outcome(), report.facts_from), (verdict, Some(FactsFrom::Provenance)));
        assert!(report.image.notes.iter().any(|note| note.code == "facts-from-provenance"));
        assert!(report.build.is_some());
        let expected: &[&str] = if runs { &[] } else { &["image-not-found"] };
        assert_eq!(codes(&report.image.reasons), expected);
    }
}

#[test]
fn an_instance_whose_image_is_of_another_owner_than_ec2_says_is_refused_then_and_now() {
    let mut world = World::default();
    let descriptor = world.sealed(1);
    world.running.launch(1, &descriptor.image().id, 1);
    world.running.listed[0].seen.owner = Some("999999999999".parse().unwrap());
    let report = world.of_instance(1);
    assert_eq!(codes(&report.image.reasons), ["identity-mismatch"]);
    assert_eq!(report.then.unwrap().verdict, Outcome::Reject);
}

#[test]
fn instances_of_the_image_are_told_and_a_replaced_root_is_the_instances_own() {
    let mut world = World::default();
    let (descriptor, other) = (world.sealed(1), world.sealed(2));
    for (number, of, snapshot) in [(1, &descriptor, 1), (2, &descriptor, 7), (3, &other, 2), (4, &descriptor, 1)] {
        world.running.launch(number, &of.image().id, snapshot);
    }
    world.running.listed[3].state = "terminated".into();
    let running = std::mem::take(&mut world.running);
    let again = |number| {
        let mut world = World::default();
        let descriptor = world.sealed(1);
        for (number, snapshot) in [(1, 1), (2, 7), (4, 1)] {
            world.running.launch(number, &descriptor.image().id, snapshot);
        }
        world.running.listed[2].state = "terminated".into();
        world.of_instance(number)
    };
    world.running = running;
    let report = world.of_image(&descriptor);
    let told: Vec<_> = report.running.instances.iter().map(|one| (one.instance.clone(), one.class)).collect();
    assert_eq!(told, [(instance(2), Class::RootReplaced), (instance(1), Class::Admitted)], "those that have not ended");
    assert_eq!((report.running.places[0].instances, report.outcome()), (2, Outcome::Admit));
    for (number, count, outcome) in [(1, 2, Outcome::Admit), (2, 2, Outcome::Reject), (4, 3, Outcome::Admit)] {
        let report = again(number);
        assert_eq!((report.running.instances.len(), report.outcome()), (count, outcome), "instance {number}");
        assert_eq!(report.image.verdict, Outcome::Admit);
    }
}

#[test]
fn what_cannot_be_listed_is_said_and_an_instance_needs_somebody_who_tells_of_it() {
    let denied = |call: Option<&'static str>| {
        let mut world = World::default();
        let descriptor = world.sealed(1);
        world.running.launch(1, &descriptor.image().id, 1);
        match call {
            Some(call) => drop(world.running.faults.insert(call, PortErrorKind::Denied)),
            None => world.fault = Some(PortErrorKind::Denied),
        }
        (world, descriptor)
    };
    for call in [Some("listed"), Some("described"), Some("volumes"), None] {
        let (world, descriptor) = denied(call);
        let report = world.of_image(&descriptor);
        assert_eq!(report.outcome(), Outcome::Admit);
        let of_places = report.running.places.iter().flat_map(|place| &place.faults);
        let faults: Vec<&str> = of_places.chain(&report.running.faults).map(|fault| fault.code.as_str()).collect();
        assert_eq!(faults, ["place-unavailable"], "{call:?}");
        let (world, _) = denied(call);
        match (call, world.trace(&an_instance(1), now(), None)) {
            (Some("described" | "volumes"), Ok(report)) => assert_eq!(report.outcome(), Outcome::Undetermined),
            (_, Err(TraceError::NotAsked { source, .. })) => assert_eq!(source.kind, PortErrorKind::Denied),
            (_, other) => panic!("{call:?}: {other:?}"),
        }
    }
    let nobody = World::default().trace(&an_instance(1), now(), None);
    assert!(matches!(nobody, Err(TraceError::NotSeen { .. })), "{nobody:?}");
}

/// An audit that saw these instances of an image, in these accounts.
fn audit(of: &Descriptor, seen: &[(u64, &str, bool)]) -> AuditReport {
    let mut audit = audits::fleet(400);
    let model = audit.instances.iter().find(|one| one.reasons.is_empty()).unwrap().clone();
    let replaced = audit.instances.iter().find(|one| !one.reasons.is_empty()).unwrap().reasons.clone();
    let seen = seen.iter().map(|(number, account, is_replaced)| AuditedInstance {
        instance: instance(*number),
        account: account.parse().unwrap(),
        region: region(),
        ami: of.image().id,
        reasons: if *is_replaced { replaced.clone() } else { Vec::new() },
        ..model.clone()
    });
    audit.instances.extend(seen);
    audit
}

#[test]
fn a_saved_audit_tells_of_other_accounts_and_of_what_ran_and_admits_nothing() {
    let mut world = World::default();
    let descriptor = world.sealed(1);
    world.running.launch(1, &descriptor.image().id, 1);
    // Seen now; ended since; elsewhere; elsewhere with a replaced root.
    let other = "000000000002";
    let saved = audit(&descriptor, &[(1, OWN, false), (2, OWN, false), (3, other, false), (4, other, true)]);
    let report = world.trace(&Traced::Image(descriptor.image()), now(), Some(&saved)).unwrap();
    let told: Vec<_> = report.running.instances.iter().map(|one| (one.instance.clone(), one.class, one.from)).collect();
    let expected = [
        (instance(4), Class::RootReplaced, SeenBy::Audit),
        (instance(1), Class::Admitted, SeenBy::Ec2),
        (instance(3), Class::Admitted, SeenBy::Audit),
    ];
    assert_eq!(told, expected);
    let read = report.running.audit.map(|read| (read.places, read.missed));
    assert_eq!(read, Some((saved.places.len() as u64, 2)), "two of them were not wholly seen");

    for (number, sealed, outcome) in
        [(2, true, Outcome::Admit), (4, true, Outcome::Reject), (3, false, Outcome::Reject)]
    {
        let mut world = World::default();
        let descriptor = if sealed { world.sealed(1) } else { world.seal(1, |_| b"junk\n".to_vec()) };
        let report = world.trace(&an_instance(number), now(), Some(&saved)).unwrap();
        assert_eq!(report.image.image, descriptor.image());
        assert_eq!((report.asked().unwrap().from, report.outcome()), (SeenBy::Audit, outcome), "instance {number}");
    }
}

#[test]
fn files_tell_the_same_story_and_no_base_image_is_asked_for() {
    let mut world = World::default();
    let below = world.sealed(2);
    let descriptor = world.seal(1, |gate| evidence(&gate, &facts(Some(&base(&below)))));
    let (described, _) = image(&region(), 1);
    let image_facts = ImageFacts::in_region(&region(), described).unwrap();
    let bytes = world.store.of(&descriptor.image()).unwrap();
    let (policy, saved) = (policy(), audit(&descriptor, &[(3, OWN, false)]));
    let tracing = Tracing { policy: &policy, at: now(), audit: Some(&saved) };
    let offline = Offline { facts: &image_facts, evidence: &bytes, place: "evidence.jsonl" };
    let report = block_on(trace_offline(&tracing, &offline, Some(instance(3)), &FakeKeys::default()));
    assert_eq!((report.outcome(), report.sbom.unwrap().packages), (Outcome::Admit, Some(3)));
    assert_eq!(report.running.instances.len(), 1);
    assert_eq!(report.bases.iter().map(|one| one.standing).collect::<Vec<_>>(), [BaseStanding::NotAsked]);
    let unknown = block_on(trace_offline(&tracing, &offline, Some(instance(5)), &FakeKeys::default()));
    assert_eq!(unknown.outcome(), Outcome::Undetermined, "an instance of which nobody tells is not admitted");
}
