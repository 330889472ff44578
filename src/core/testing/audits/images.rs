//! Images of every class.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Dice, FAMILIES, REGIONS, SHARES, at, days};
use crate::{
    attestation::predicate::BootGuard,
    digest::Sha256Digest,
    gate::Shortfall,
    ids::ImageRef,
    policy::Mode,
    report::{AuditedImage, Cause, Class, ExceptionEnd, ImageReport, ImageSeen, Outcome},
    verdict::{Fault, Reason},
};

pub(super) fn image(number: usize, dice: &mut Dice) -> (Class, AuditedImage) {
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
