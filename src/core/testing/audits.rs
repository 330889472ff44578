//! An audit of a fleet of any size, made up, and the same for the same size: every class, places that were not seen,
//! exceptions that run out, doors. And one whose every text is hostile.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "fixtures that do not parse should stop the test")]

mod compared;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    attestation::predicate::BootGuard,
    digest::Sha256Digest,
    gate::Shortfall,
    ids::{AccountId, ImageRef, Region},
    policy::Mode,
    report::{
        AUDIT_SCHEMA, AuditReport, AuditedImage, AuditedInstance, BootSeen, Cause, Class, Door, ExceptionEnd,
        ImageReport, ImageSeen, Launcher, Note, Outcome, OverriddenInstance, OverrideReport, PlaceReport, Severity,
    },
    verdict::{Fault, Reason},
};

const ACCOUNTS: [(&str, &str); 6] = [
    ("111122223333", "payments-prod"),
    ("222233334444", "payments-staging"),
    ("333344445555", "web-prod"),
    ("444455556666", "web-dev"),
    ("555566667777", "data-platform"),
    ("666677778888", "sandbox"),
];
const REGIONS: [&str; 4] = ["eu-west-1", "eu-central-1", "us-east-1", "ap-southeast-2"];
const FAMILIES: [&str; 6] = ["base", "web", "api", "batch", "postgres", "bastion"];

/// How many of a hundred images are of a class; the rest are admitted. A replaced root is no matter of the image.
const SHARES: [(Class, u64); 6] = [
    (Class::Refused, 2),
    (Class::Unsealed, 2),
    (Class::Expired, 3),
    (Class::Undetermined, 1),
    (Class::Overridden, 1),
    (Class::Expiring, 5),
];

pub use compared::compared;

/// Returns the instant of the audits in here.
pub fn at() -> Timestamp {
    "2026-11-24T05:00:00Z".parse().unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// Numbers that look like chance, and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }
}

/// Returns an audit of so many instances: one image for every twenty.
pub fn fleet(instances: usize) -> AuditReport {
    let mut dice = Dice(instances as u64);
    let images: Vec<(Class, AuditedImage)> =
        (0..instances.div_ceil(20).max(SHARES.len() + 2)).map(|number| image(number, &mut dice)).collect();
    let found = (0..instances).map(|number| {
        let image = if number < images.len() { number } else { rank(&mut dice, images.len()) };
        instance(number, image, &images[image], &mut dice)
    });
    assemble(images.iter().map(|(_, image)| image.clone()).collect(), found.collect())
}

/// Few images have most of the instances.
fn rank(dice: &mut Dice, images: usize) -> usize {
    let images = images as u64;
    usize::try_from(dice.below(images).min(dice.below(images))).unwrap()
}

fn image(number: usize, dice: &mut Dice) -> (Class, AuditedImage) {
    // The first of each class are there whatever the size.
    let class = match SHARES.get(number.wrapping_sub(1)) {
        Some((class, _)) => *class,
        None => {
            let mut left = dice.below(100);
            let drawn = SHARES.iter().find(|(_, share)| left.checked_sub(*share).map(|rest| left = rest).is_none());
            drawn.map_or(Class::Admitted, |(class, _)| *class)
        }
    };
    let region = REGIONS[number % REGIONS.len()];
    let age = i64::try_from(1 + dice.below(20) * dice.below(20)).unwrap();
    let created = at() - days(age);
    let id = format!("ami-{:017x}", 0x0a1b_2c3d_0000_0000_u64 + number as u64 * 7919);
    let expires = at() + days(i64::try_from(1 + dice.below(80)).unwrap()) + SignedDuration::from_hours(7);
    let (reasons, faults) = causes(class, &id, region, expires, dice);
    let verdict = match (reasons.is_empty(), faults.is_empty()) {
        (false, _) => Outcome::Reject,
        (true, false) => Outcome::Undetermined,
        (true, true) => Outcome::Admit,
    };
    let exceptions = if matches!(class, Class::Expiring | Class::Admitted)
        && (class == Class::Expiring || number.is_multiple_of(3))
    {
        let end =
            if class == Class::Expiring { at() + days(1 + i64::try_from(dice.below(13)).unwrap()) } else { expires };
        vec![exception(dice, end)]
    } else {
        Vec::new()
    };
    let name = format!("golden-{}-{}.{}", dice.of(&FAMILIES), created.strftime("%Y%m%d"), number);
    let report = ImageReport {
        image: ImageRef { region: region.parse().unwrap(), id: id.parse().unwrap() },
        subject: Some(Sha256Digest::of(id.as_bytes())),
        owner: Some("999988887777".parse().unwrap()),
        verdict,
        mode: Mode::Enforce,
        until: (verdict == Outcome::Admit).then(|| exceptions.first().map_or(expires, |one| one.expires)),
        evidence: format!("s3://evidence/v1/aws/{region}/{id}.jsonl"),
        evidence_sha256: (class != Class::Unsealed).then(|| Sha256Digest::of(name.as_bytes())),
        reasons,
        faults,
        overridden: None,
        basis: crate::report::Basis::default(),
        checked: Vec::new(),
        discounted: Vec::new(),
        notes: Vec::new(),
    };
    let seen = ImageSeen {
        name: Some(name),
        owner: report.owner.clone(),
        state: Some(if age > 200 { "deregistered" } else { "available" }.to_owned()),
        created: Some(created),
        deprecated: None,
        allowed: Some(true),
        public: Some(false),
    };
    let guard = number.is_multiple_of(2).then(|| BootGuard {
        recipe: "sysinit".into(),
        version: "0.1.0".into(),
        executable: Sha256Digest::of(b"goldseal"),
        report_only: false,
        records: true,
        findings: Vec::new(),
    });
    (class, AuditedImage { report, seen: Some(seen), classes: BTreeMap::new(), exceptions, guard })
}

fn causes(class: Class, id: &str, region: &str, at: Timestamp, dice: &mut Dice) -> (Vec<Cause>, Vec<Cause>) {
    let reason = |reason: Reason| (vec![Cause::reason(&reason)], Vec::new());
    match class {
        Class::Refused => match dice.below(3) {
            0 => reason(Reason::DescriptorMismatch {
                sealed: Sha256Digest::of(b"sealed"),
                image: Sha256Digest::of(id.as_bytes()),
            }),
            1 => reason(Reason::OwnerNotAccepted { owner: "123456789012".parse().unwrap() }),
            _ => reason(Reason::RepositoryNotAccepted { repository: Some("https://github.com/fork/images".into()) }),
        },
        Class::Unsealed => {
            reason(Reason::EvidenceAbsent { place: format!("s3://evidence/v1/aws/{region}/{id}.jsonl") })
        }
        Class::Expired | Class::Overridden => {
            let expires = at - days(90);
            let ExceptionEnd { id, package, owner, .. } = exception(dice, expires);
            let shortfall = Shortfall::ExceptionExpired { id, package, owner, expires };
            reason(Reason::GateShort { shortfall })
        }
        Class::Undetermined => {
            let problem = "s3:GetObject on evidence was throttled (SlowDown)".to_owned();
            (Vec::new(), vec![Cause::fault(&Fault::EvidenceUnavailable { problem })])
        }
        Class::RootReplaced | Class::Expiring | Class::Admitted => (Vec::new(), Vec::new()),
    }
}

fn exception(dice: &mut Dice, expires: Timestamp) -> ExceptionEnd {
    ExceptionEnd {
        id: format!("CVE-2026-{}", 10_000 + dice.below(40)),
        package: dice.of(&["openssl", "linux-image-cloud-amd64", "curl", "python3.11", "libxml2"]).to_owned(),
        owner: dice.of(&["platform@example.com", "payments@example.com", "data@example.com"]).to_owned(),
        expires,
    }
}

fn instance(number: usize, image: usize, (class, of): &(Class, AuditedImage), dice: &mut Dice) -> AuditedInstance {
    let id: crate::ids::InstanceId =
        format!("i-{:017x}", 0x0f00_0000_0000_u64 + number as u64 * 104_729).parse().unwrap();
    let replaced = *class == Class::Admitted && (number == 7 || dice.below(300) == 0);
    let reasons = if replaced {
        let volume = format!("vol-{:017x}", number + 1).parse().unwrap();
        let origin = "snap-0aaaaaaaaaaaaaaaa".to_owned();
        vec![Cause::reason(&Reason::RootVolumeForeign { instance: id.clone(), volume, origin })]
    } else {
        Vec::new()
    };
    let family = dice.of(&FAMILIES);
    let launched = at() - SignedDuration::from_mins(i64::try_from(30 + dice.below(60 * 24 * 60)).unwrap());
    let launcher = match dice.below(10) {
        0 => Launcher::Direct,
        1 => Launcher::Karpenter { pool: "general".into() },
        2 => Launcher::Service { principal: "eks.amazonaws.com".into() },
        3 => Launcher::Fleet { id: format!("fleet-{:08x}", dice.below(8)) },
        _ => Launcher::Group { group: format!("{family}-blue").parse().unwrap() },
    };
    AuditedInstance {
        account: ACCOUNTS[usize::try_from(dice.below(5)).unwrap()].0.parse().unwrap(),
        region: of.report.image.region.clone(),
        name: (dice.below(12) != 0).then(|| format!("{family}-{:03}", number % 400)),
        class: if replaced { Class::RootReplaced } else { *class },
        verdict: if replaced { Outcome::Reject } else { of.report.verdict },
        mode: if dice.below(4) == 0 { Mode::Warn } else { Mode::Enforce },
        ami: of.report.image.id.clone(),
        image,
        state: if dice.below(25) == 0 { "stopped" } else { "running" }.to_owned(),
        launched: Some(launched),
        launcher,
        reasons,
        faults: Vec::new(),
        overridden: (*class == Class::Overridden).then(|| Box::new(overridden(of))),
        boot: (dice.below(3) == 0).then(|| BootSeen {
            at: launched + SignedDuration::from_secs(20),
            verdict: "admit".into(),
            action: "none".into(),
        }),
        instance: id,
    }
}

/// An override that held when the instance was launched.
fn overridden(of: &AuditedImage) -> OverriddenInstance {
    let ImageRef { region, id } = &of.report.image;
    let told = OverrideReport {
        statement: Sha256Digest::of(b"override"),
        by: ["one", "two"].map(|name| name.parse().unwrap()).into(),
        dangerous_local: false,
        scope: format!("image:{region}:{id}"),
        reason: "KMS is out".into(),
        ticket: "INC-4711".into(),
        granted_by: "alice@example.com".into(),
        granted_at: at() - days(2),
        from: at() - days(2),
        until: at() - days(1),
        reasons: of.report.reasons.clone(),
        faults: Vec::new(),
    };
    OverriddenInstance { told, ended: Some(at() - days(1)), ended_by: None }
}

fn assemble(mut images: Vec<AuditedImage>, mut instances: Vec<AuditedInstance>) -> AuditReport {
    let mut classes = BTreeMap::new();
    let mut seen: BTreeMap<(AccountId, Region), u64> = BTreeMap::new();
    for one in &instances {
        *classes.entry(one.class).or_default() += 1;
        *images[one.image].classes.entry(one.class).or_default() += 1;
        *seen.entry((one.account.clone(), one.region.clone())).or_default() += 1;
    }
    instances.sort_by(|a, b| {
        (a.class, &a.account, &a.region, &a.instance).cmp(&(b.class, &b.account, &b.region, &b.instance))
    });
    let mut places: Vec<PlaceReport> = Vec::new();
    for (account, name) in &ACCOUNTS[..5] {
        for region in REGIONS {
            let (account, region): (AccountId, Region) = (account.parse().unwrap(), region.parse().unwrap());
            let instances = seen.get(&(account.clone(), region.clone())).copied().unwrap_or(0);
            places.push(PlaceReport {
                account,
                name: Some((*name).into()),
                region: Some(region),
                instances,
                faults: vec![],
                seen: None,
            });
        }
    }
    let denied = |operation: &str| {
        vec![Cause::fault(&Fault::InstanceUnavailable {
            problem: format!("{operation} was denied (UnauthorizedOperation)"),
        })]
    };
    places[6].faults = denied("ec2:DescribeReplaceRootVolumeTasks");
    places.push(PlaceReport {
        account: ACCOUNTS[5].0.parse().unwrap(),
        name: Some(ACCOUNTS[5].1.into()),
        region: None,
        instances: 0,
        faults: denied("sts:AssumeRole on arn:aws:iam::666677778888:role/goldseal-audit"),
        seen: None,
    });
    AuditReport {
        schema: AUDIT_SCHEMA.into(),
        at: at(),
        started: at(),
        finished: at() + SignedDuration::from_secs(41),
        policy: Sha256Digest::of(b"policy"),
        classes,
        places,
        images,
        instances,
        doors: Some(doors()),
        changes: None,
        boot_records: Some("s3://boot-records/prod".into()),
        notes: vec![Note::new(
            "dangerous-without-gate",
            "the policy asks for no gate result: nobody judged the findings",
        )],
    }
}

fn doors() -> Vec<Door> {
    let door =
        |severity, code, (account, region): (usize, usize), place: &str, message: &str, commands: &[&str]| Door {
            severity,
            code: std::borrow::Cow::Borrowed(code),
            account: ACCOUNTS[account].0.parse().unwrap(),
            region: REGIONS[region].parse().unwrap(),
            place: place.into(),
            message: message.into(),
            commands: commands.iter().map(|one| (*one).to_owned()).collect(),
        };
    let hook = "aws autoscaling put-lifecycle-hook --region eu-west-1 --auto-scaling-group-name batch-blue \
                --lifecycle-hook-name goldseal --lifecycle-transition autoscaling:EC2_INSTANCE_LAUNCHING --default-result ABANDON";
    vec![
        door(
            Severity::Problem,
            "group-unguarded",
            (0, 0),
            "batch-blue",
            "the group has no launch hook: whatever it launches goes into service",
            &[hook],
        ),
        door(
            Severity::Problem,
            "hook-continues",
            (2, 2),
            "web-blue",
            "without an answer its hook lets the instance into service",
            &[
                "aws autoscaling put-lifecycle-hook --region us-east-1 --auto-scaling-group-name web-blue --lifecycle-hook-name goldseal --default-result ABANDON",
            ],
        ),
        door(
            Severity::Problem,
            "template-refused",
            (4, 1),
            "lt-0123456789abcdef0 (worker)",
            "its default version names an image that would be refused",
            &["goldseal verify --region eu-central-1 ami-0a1b2c3d00000000f"],
        ),
        door(
            Severity::Unknown,
            "not-asked",
            (1, 2),
            "ssm:GetParameter /golden/web",
            "what the parameter names could not be looked at: denied",
            &[],
        ),
        door(
            Severity::Warning,
            "instances-outside",
            (3, 3),
            "14 instances",
            "they were started by hand, and no hook guards that",
            &["goldseal audit --output csv"],
        ),
        door(
            Severity::Warning,
            "allowed-images-off",
            (3, 0),
            "eu-west-1",
            "images of anybody may be launched here",
            &["aws ec2 enable-allowed-images-settings --region eu-west-1 --allowed-images-settings-state audit-mode"],
        ),
        door(
            Severity::Warning,
            "allowed-images-off",
            (3, 1),
            "eu-central-1",
            "images of anybody may be launched here",
            &[
                "aws ec2 enable-allowed-images-settings --region eu-central-1 --allowed-images-settings-state audit-mode",
            ],
        ),
        door(
            Severity::Note,
            "karpenter",
            (4, 0),
            "node pool general",
            "Karpenter launches without a group; its nodes are judged when they run",
            &[],
        ),
    ]
}

/// Texts that would do something where they are not taken for text.
pub const HOSTILE: &str = "=HYPERLINK(\"http://x\")</script><script>document.title='owned'</script>\n\u{202e}' \"<img src=x>]]>&amp;\u{7}\u{2028}";

/// Returns an audit of few instances, every text of which is [`HOSTILE`].
pub fn hostile() -> AuditReport {
    let mut report = compared(40);
    let text = || HOSTILE.to_owned();
    let spoil = |causes: &mut Vec<Cause>| causes.iter_mut().for_each(|cause| cause.message = text());
    for image in &mut report.images {
        (image.report.evidence, image.seen.as_mut().unwrap().name) = (text(), Some(text()));
        spoil(&mut image.report.reasons);
        spoil(&mut image.report.faults);
        for one in &mut image.exceptions {
            (one.id, one.package, one.owner) = (text(), text(), text());
        }
    }
    for one in &mut report.instances {
        (one.name, one.state) = (Some(text()), text());
        spoil(&mut one.reasons);
        if let Launcher::Karpenter { pool: name } | Launcher::Fleet { id: name } = &mut one.launcher {
            *name = text();
        }
    }
    for place in &mut report.places {
        place.name = Some(text());
        spoil(&mut place.faults);
    }
    for door in report.doors.iter_mut().flatten() {
        (door.place, door.message, door.commands) = (text(), text(), vec![text()]);
    }
    for door in report.changes.iter_mut().flat_map(|changes| &mut changes.doors) {
        door.place = text();
    }
    report.notes[0].message = text();
    report
}
