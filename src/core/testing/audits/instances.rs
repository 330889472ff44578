//! Instances, launched in every way.

use jiff::SignedDuration;

use super::{ACCOUNTS, Dice, FAMILIES, at, days};
use crate::{
    digest::Sha256Digest,
    ids::ImageRef,
    policy::Mode,
    report::{
        AuditedImage, AuditedInstance, BootSeen, Cause, Class, Launcher, Outcome, OverriddenInstance, OverrideReport,
    },
    verdict::Reason,
};

pub(super) fn instance(
    number: usize,
    image: usize,
    (class, of): &(Class, AuditedImage),
    dice: &mut Dice,
) -> AuditedInstance {
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
