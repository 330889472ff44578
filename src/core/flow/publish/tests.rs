use futures_executor::block_on;

use super::{tags::signers, *};
use crate::{
    attestation::Kind,
    digest::Sha256Digest,
    image::{DescribedTag, ImageFacts, images_from_json},
    policy::Mode,
    ports::PortErrorKind,
    publication::{IMAGE_DATA_TYPE, Parameter},
    report::CheckedReport,
    testing::{
        evidence::{BARE_PROVENANCE, predicate_type, sealed, signed, statement},
        images::{DESCRIBED, described, descriptor, facts},
        keys::LocalKey,
        policies::{compiled, document, minimal},
        ports::{FakeCatalog, FakeKeys, FakeStore},
        publication::FakePublication,
    },
};

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn image() -> ImageRef {
    facts().descriptor.image()
}

fn everything() -> Wishes {
    Wishes {
        lock: Some("30".parse().unwrap()),
        protect: true,
        share: ["222222222222".parse().unwrap()].into(),
        parameters: ["/golden".parse().unwrap()].into(),
    }
}

/// The calls of a whole publication of the image, without their details.
const CALLS: [&str; 6] = [
    "ec2:LockSnapshot eu-west-1 snap-0123456789abcdef0",
    "ec2:LockSnapshot eu-west-1 snap-0123456789abcdef1",
    "ec2:EnableImageDeregistrationProtection eu-west-1 ami-0123456789abcdef0",
    "ec2:CreateTags eu-west-1 ami-0123456789abcdef0",
    "ec2:ModifyImageAttribute eu-west-1 ami-0123456789abcdef0",
    "ssm:PutParameter eu-west-1 /golden",
];

/// The world that images are published in.
struct World {
    policy: String,
    images: Vec<Candidate>,
    wishes: Wishes,
    dry_run: bool,
    catalog: FakeCatalog,
    store: FakeStore,
    publication: FakePublication,
}

impl World {
    /// One image, sealed, and every wish.
    fn good() -> Self {
        Self {
            policy: minimal(&LocalKey::p256(1)),
            images: vec![image().into()],
            wishes: everything(),
            dry_run: false,
            catalog: FakeCatalog([(image(), Ok(described()))].into()),
            store: FakeStore::holding(&image(), &sealed(&LocalKey::p256(1))),
            publication: FakePublication::of(&[image()]),
        }
    }

    fn publish(&self) -> Result<PublishReport, PublishError> {
        let policy = compiled(&self.policy);
        let publishing = Publishing {
            policy: &policy,
            images: &self.images,
            wishes: &self.wishes,
            dry_run: self.dry_run,
            now: now(),
        };
        block_on(publish(&publishing, &self.catalog, &self.store, &FakeKeys::default(), &self.publication, &()))
    }

    /// What was tried, without details.
    fn tried(&self) -> Vec<String> {
        self.publication.take_tried().iter().map(|step| shortened(step)).collect()
    }

    #[track_caller]
    fn untouched(&self) {
        assert_eq!(self.publication.take_tried(), [] as [String; 0]);
    }
}

fn shortened(step: &str) -> String {
    step.splitn(4, ' ').take(3).collect::<Vec<_>>().join(" ")
}

fn outcomes(report: &PublishReport) -> Vec<StepOutcome> {
    report.images.iter().flat_map(|image| &image.steps).map(|step| step.outcome).collect()
}

#[test]
fn an_admitted_image_is_published_in_the_safe_order() {
    let world = World::good();
    let report = world.publish().unwrap();
    assert_eq!(report.outcome, PublishOutcome::Published);
    assert_eq!(world.tried(), CALLS, "each call stands behind the one that it must not go before");
    assert_eq!(outcomes(&report), [StepOutcome::Done; 6]);
    assert_eq!((report.at, report.images[0].verified.evidence_sha256.is_some()), (now(), true));
}

#[test]
fn the_shared_tags_say_what_was_verified_and_not_what_tags_say() {
    let mut world = World::good();
    let tags = world.catalog.0.get_mut(&image()).unwrap().as_mut().unwrap().tags.as_mut().unwrap();
    for (key, value) in [("goldseal:key", "somebody"), ("ec2:SharedTag/goldseal:key", "else")] {
        tags.push(DescribedTag { key: Some(key.into()), value: Some(value.into()) });
    }
    let report = world.publish().unwrap();
    let evidence = Sha256Digest::of(&world.store.of(&image()).unwrap());
    assert_eq!(report.images[0].verified.evidence_sha256, Some(evidence));
    let tags = world.publication.states.lock().unwrap()[&image()].tags.clone();
    let expected = [
        ("ec2:SharedTag/goldseal:evidence", format!("sha256:{evidence} fake://v1/aws/eu-west-1/{}.jsonl", image().id)),
        ("ec2:SharedTag/goldseal:key", format!("sha256:{} ci", LocalKey::p256(1).public().digest())),
        ("ec2:SharedTag/goldseal:subject", format!("sha256:{}", descriptor().digest())),
    ];
    assert_eq!(tags, expected.map(|(name, value)| (name.to_owned(), value)).into());
}

#[test]
fn the_key_tag_names_the_signers_that_counted_as_far_as_they_fit() {
    let [one, two] = [1, 2].map(LocalKey::p256);
    let mut verified = World::good().publish().unwrap().images.remove(0).verified;
    let checked = verified.checked.remove(0);
    let mut signed_by = |names: [&str; 2], counted: [bool; 2]| {
        let policy = compiled(&document(&[(names[0], &one), (names[1], &two)], &[("sbom", &names, 1)], ""));
        let by = |index: usize| CheckedReport {
            by: names[index].parse().unwrap(),
            required: counted[index],
            ..checked.clone()
        };
        verified.checked = vec![by(0), by(1), by(1)];
        signers(&policy, &verified)
    };
    let [first, second] = [&one, &two].map(|key| format!("sha256:{}", key.public().digest()));
    assert_eq!(signed_by(["ci", "risk"], [true, true]), format!("{first} ci, {second} risk"));
    assert_eq!(signed_by(["ci", "risk"], [false, true]), format!("{second} risk"));
    let [long, longer] = ["l".repeat(64), "m".repeat(64)];
    assert_eq!(signed_by([&long, &longer], [true, true]), format!("{first} {long}"));
}

#[test]
fn an_image_that_is_not_admitted_causes_no_call_whatever_the_mode() {
    let warn = "[[scope]]\nmode = \"warn\"\nregions = [\"eu-west-1\"]\n";
    let denied = FakeStore { read_fault: Some(PortErrorKind::Denied), ..FakeStore::default() };
    for (what, world, expected) in [
        ("no evidence", World { store: FakeStore::default(), ..World::good() }, PublishOutcome::Refused),
        ("unknown", World { store: denied, ..World::good() }, PublishOutcome::Undetermined),
        ("no image", World { catalog: FakeCatalog::default(), ..World::good() }, PublishOutcome::Refused),
        ("another key", World { policy: minimal(&LocalKey::p256(2)), ..World::good() }, PublishOutcome::Refused),
        (
            "warn",
            World { policy: minimal(&LocalKey::p256(1)) + warn, store: FakeStore::default(), ..World::good() },
            PublishOutcome::Refused,
        ),
        ("none", World { images: Vec::new(), ..World::good() }, PublishOutcome::Undetermined),
    ] {
        let report = world.publish().unwrap();
        assert_eq!(report.outcome, expected, "{what}");
        assert!(report.images.iter().all(|image| image.steps.is_empty()), "{what}");
        if what == "warn" {
            assert_eq!(report.images[0].verified.mode, Mode::Warn);
        }
        world.untouched();
        assert!(world.publication.read.lock().unwrap().is_empty(), "{what}: nobody asks what is there");
    }
}

/// Several images of several regions; only the first one is sealed.
fn several(regions: &[&str]) -> (Vec<ImageRef>, World) {
    let mut world = World::good();
    let mut images = vec![image()];
    for (index, region) in regions.iter().enumerate() {
        let id = format!("ami-0000000000000000{index}");
        let other = ImageRef { region: region.parse().unwrap(), id: id.parse().unwrap() };
        let text = DESCRIBED.replace("ami-0123456789abcdef0", &id);
        world.catalog.0.insert(other.clone(), Ok(images_from_json(text.as_bytes()).unwrap().remove(0)));
        images.push(other);
    }
    world.images = images.iter().cloned().map(Candidate::from).collect();
    world.publication = FakePublication::of(&images);
    (images, world)
}

/// Evidence of an image in any region.
fn evidence_of(image: &ImageRef) -> Vec<u8> {
    let text = DESCRIBED.replace("ami-0123456789abcdef0", image.id.as_str());
    let found = images_from_json(text.as_bytes()).unwrap().remove(0);
    let subject = ImageFacts::in_region(&image.region, found).unwrap().descriptor.digest();
    let key = LocalKey::p256(1);
    signed(&[Kind::Provenance, Kind::Sbom, Kind::Scan].map(|kind| {
        let predicate = if kind == Kind::Provenance { BARE_PROVENANCE } else { "{}" };
        (&key, statement(subject, predicate_type(kind), predicate))
    }))
}

#[test]
fn all_images_are_admitted_before_the_first_one_is_changed() {
    let (_, world) = several(&["us-east-1"]);
    let report = world.publish().unwrap();
    assert_eq!(report.outcome, PublishOutcome::Refused);
    let verdicts: Vec<Outcome> = report.images.iter().map(|image| image.verified.verdict).collect();
    assert_eq!(verdicts, [Outcome::Admit, Outcome::Reject]);
    world.untouched();
}

#[test]
fn images_of_several_regions_are_published_one_after_the_other() {
    let (images, world) = several(&["us-east-1", "eu-central-1"]);
    for other in &images {
        world.store.held.lock().unwrap().insert(other.clone(), evidence_of(other));
    }
    let report = world.publish().unwrap();
    assert_eq!((report.outcome, outcomes(&report)), (PublishOutcome::Published, vec![StepOutcome::Done; 18]));
    let tried = world.tried();
    let place = |name: &str| tried.iter().position(|step| step == name).unwrap();
    assert!(place("ssm:PutParameter eu-west-1 /golden") < place("ec2:LockSnapshot us-east-1 snap-0123456789abcdef0"));
    assert!(place("ssm:PutParameter us-east-1 /golden") < place("ssm:PutParameter eu-central-1 /golden"));
    for other in &images {
        assert_eq!(world.publication.states.lock().unwrap()[other].parameters.len(), 1, "{other}");
    }
    // The second one stops: the first one is published, the third one is not begun, and each is named.
    let (_, again) = several(&["us-east-1", "eu-central-1"]);
    again.store.held.lock().unwrap().extend(images.iter().map(|other| (other.clone(), evidence_of(other))));
    *again.publication.fault.lock().unwrap() = Some((8, PortErrorKind::Denied));
    let PublishError::Stopped { report, done, not_done, source } = again.publish().unwrap_err() else { panic!() };
    assert_eq!((done, not_done, source.kind), (8, 9, PortErrorKind::Denied));
    assert_eq!(source.to_string(), "ec2:EnableImageDeregistrationProtection ami-00000000000000000: access denied");
    let steps = |image: usize| report.images[image].steps.iter().map(|step| step.outcome).collect::<Vec<_>>();
    assert_eq!(steps(0), [StepOutcome::Done; 6]);
    assert_eq!(steps(1)[2], StepOutcome::Failed);
    assert_eq!(steps(2), [StepOutcome::NotDone; 6]);
}

#[test]
fn a_failure_at_any_step_leaves_nothing_later_done_and_the_next_run_completes() {
    for place in 0..CALLS.len() {
        let world = World::good();
        *world.publication.fault.lock().unwrap() = Some((place, PortErrorKind::Throttled));
        let stopped = world.publish().unwrap_err();
        let PublishError::Stopped { done, not_done, report, source } = stopped else { panic!("{stopped}") };
        assert_eq!((done, not_done), (place, CALLS.len() - place - 1));
        assert_eq!(source.kind, PortErrorKind::Throttled);
        assert_eq!(world.tried(), CALLS[..=place], "nothing was tried behind it");
        assert_eq!(report.outcome, PublishOutcome::Stopped);
        let expected: Vec<StepOutcome> = (0..CALLS.len())
            .map(|step| match step.cmp(&place) {
                std::cmp::Ordering::Less => StepOutcome::Done,
                std::cmp::Ordering::Equal => StepOutcome::Failed,
                std::cmp::Ordering::Greater => StepOutcome::NotDone,
            })
            .collect();
        assert_eq!(outcomes(&report), expected);

        *world.publication.fault.lock().unwrap() = None;
        let report = world.publish().unwrap();
        assert_eq!(world.tried(), CALLS[place..], "only what was missing");
        assert_eq!(report.count(StepOutcome::Already), place);
        assert_eq!(world.publish().unwrap().count(StepOutcome::Already), CALLS.len());
        world.untouched();
    }
}

#[test]
fn a_dry_run_lists_the_calls_and_makes_none() {
    let world = World { dry_run: true, ..World::good() };
    world.publication.change(&image(), |state| state.protected = true);
    let report = world.publish().unwrap();
    assert_eq!(report.outcome, PublishOutcome::Planned);
    let steps = &report.images[0].steps;
    let listed: Vec<String> =
        steps.iter().map(|step| format!("{} {} {}", step.call, step.region, step.resource)).collect();
    assert_eq!(listed, CALLS);
    let would = |step: &StepReport| step.outcome == StepOutcome::Would;
    assert!(steps.iter().all(|step| would(step) != step.call.contains("Deregistration")), "{steps:?}");
    world.untouched();
    let refused = World { dry_run: true, store: FakeStore::default(), ..World::good() };
    assert_eq!(refused.publish().unwrap().outcome, PublishOutcome::Refused);
}

#[test]
fn a_parameter_that_held_another_image_is_overwritten_and_the_report_says_what_it_was() {
    let world = World::good();
    let old = Parameter { value: "ami-0fedcba9876543210".to_owned(), data_type: IMAGE_DATA_TYPE.to_owned() };
    world.publication.change(&image(), |state| {
        state.parameters.insert("/golden".parse().unwrap(), old);
    });
    let report = world.publish().unwrap();
    let last = report.images[0].steps.last().unwrap();
    assert_eq!(last.detail, "=ami-0123456789abcdef0 (was ami-0fedcba9876543210)");
}

#[test]
fn what_stands_in_the_way_of_any_image_changes_none() {
    let (images, world) = several(&["us-east-1"]);
    let last = images.last().unwrap();
    world.store.held.lock().unwrap().insert(last.clone(), evidence_of(last));
    world.publication.change(last, |state| state.state = "disabled".to_owned());
    let error = world.publish().unwrap_err();
    assert!(matches!(&error, PublishError::Obstacle { image, .. } if image == last), "{error}");
    world.untouched();

    let unreadable = FakePublication { state_fault: Some(PortErrorKind::Denied), ..FakePublication::of(&[image()]) };
    let world = World { publication: unreadable, ..World::good() };
    assert!(matches!(world.publish(), Err(PublishError::State { .. })));
    world.untouched();
}

#[test]
fn what_cannot_be_asked_for_is_refused_before_anybody_is_asked() {
    let (_, two_of_one_region) = several(&["eu-west-1"]);
    let error = two_of_one_region.publish().unwrap_err().to_string();
    assert_eq!(error, "/golden in eu-west-1 cannot name both ami-0123456789abcdef0 and ami-00000000000000000");
    two_of_one_region.untouched();

    let mut elsewhere = World::good();
    let chinese = "arn:aws-cn:organizations::123456789012:organization/o-a1b2c3d4e5";
    elsewhere.wishes.share = [chinese.parse().unwrap()].into();
    let error = elsewhere.publish().unwrap_err().to_string();
    assert!(error.contains(chinese) && error.contains("partition"), "{error}");
    elsewhere.untouched();
}

#[test]
fn an_image_that_was_named_twice_is_published_once_and_its_owner_counts() {
    let named = |owner: &str| Candidate { image: image(), owner: Some(owner.parse().unwrap()) };
    let world = World { images: vec![image().into(), named("123456789012")], ..World::good() };
    let report = world.publish().unwrap();
    assert_eq!((report.images.len(), world.tried().len()), (1, CALLS.len()));
    let world = World { images: vec![image().into(), named("222222222222")], ..World::good() };
    let error = world.publish().unwrap_err().to_string();
    assert_eq!(
        error,
        "ami-0123456789abcdef0 in eu-west-1 belongs to 123456789012, not to 222222222222 as its ARN says"
    );
    world.untouched();
}

#[test]
fn what_a_reader_should_know_beside_it_is_noted() {
    let world = World::good();
    world.publication.change(&image(), |state| {
        state.public = true;
        state.snapshots.clear();
    });
    let codes =
        |report: &PublishReport| report.images[0].notes.iter().map(|note| note.code.clone()).collect::<Vec<_>>();
    assert_eq!(codes(&world.publish().unwrap()), ["image-is-public", "no-snapshot"]);
    assert_eq!(codes(&World::good().publish().unwrap()), [] as [&str; 0]);

    // Tags of an earlier publication are judged too, since consumers judge them.
    let mut world = World::good();
    let tag = DescribedTag {
        key: Some("ec2:SharedTag/goldseal:evidence".into()),
        value: Some(format!("sha256:{}", Sha256Digest::of(b"old"))),
    };
    world.catalog.0.get_mut(&image()).unwrap().as_mut().unwrap().tags.as_mut().unwrap().push(tag);
    let report = world.publish().unwrap();
    assert_eq!((report.outcome, codes(&report)), (PublishOutcome::Refused, vec!["published-before".into()]));
    world.untouched();
    // Of other tags it is not to be told to delete these.
    let mut refused = report.images[0].verified.clone();
    for (code, tag, told) in [
        ("tag-mismatch", EVIDENCE_TAG, 1),
        ("tag-mismatch", SUBJECT_TAG, 1),
        ("tag-mismatch", "Commit", 0),
        ("tag-not-sealed", EVIDENCE_TAG, 0),
    ] {
        refused.reasons.truncate(1);
        refused.reasons[0].code = code.to_owned();
        refused.reasons[0].detail = serde_json::json!({ "tag": tag });
        assert_eq!(unpublished(refused.clone()).notes.len(), told, "{code} {tag}");
    }
}
