//! An audit of a fleet of any size, made up, and the same for the same size: every class, places that were not seen,
//! exceptions that run out, doors. And one whose every text is hostile.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "fixtures that do not parse should stop the test")]

mod compared;
mod doors;
mod hostile;
mod images;
mod instances;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

pub use self::{
    compared::compared,
    hostile::{HOSTILE, hostile},
};
use self::{doors::doors, images::image, instances::instance};
use crate::{
    digest::Sha256Digest,
    ids::{AccountId, Region},
    report::{AUDIT_SCHEMA, AuditReport, AuditedImage, AuditedInstance, Cause, Class, Note, PlaceReport},
    verdict::Fault,
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
