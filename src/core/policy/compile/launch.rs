//! `[launch]`, `[breaker]` and `[boot]`: what an enforcement point does beside judging images.

use super::Compiler;
use crate::{
    document::Field,
    gate::Period,
    policy::{
        document::{BootEntry, BreakerEntry, LaunchEntry},
        rule::{BootAction, BootRule, BreakerRule, LaunchRule, OnUnreachable, RootVolume},
    },
};

const INSTANCES: std::ops::RangeInclusive<i64> = 2..=100;

impl Compiler<'_> {
    pub(super) fn launch(&mut self, entry: LaunchEntry) -> Option<LaunchRule> {
        let LaunchEntry { root_volume, on_unreachable, last_known_good } = entry;
        let root_volume = self.optional("launch.root_volume".into(), root_volume).unwrap_or(RootVolume::OfImage);
        let place = on_unreachable.span().or(last_known_good.span()).unwrap_or_default();
        let (written, wrong) =
            (!matches!(last_known_good, Field::Absent), matches!(on_unreachable, Field::Wrong { .. }));
        let on_unreachable = self.optional("launch.on_unreachable".into(), on_unreachable);
        let age = self.optional("launch.last_known_good".into(), last_known_good);
        let last_known_good = match on_unreachable {
            Some(OnUnreachable::LastKnownGood) if !written => {
                let message =
                    "required with on_unreachable = \"last-known-good\": how old the evidence may be, as \"12h\"";
                self.problem(&place, "launch.last_known_good", message);
                return None;
            }
            Some(OnUnreachable::LastKnownGood) => Some(age?),
            Some(OnUnreachable::Deny) | None if written && !wrong => {
                let message = "says nothing without on_unreachable = \"last-known-good\"";
                self.problem(&place, "launch.last_known_good", message);
                return None;
            }
            Some(OnUnreachable::Deny) | None => None,
        };
        Some(LaunchRule { root_volume, last_known_good })
    }

    pub(super) fn breaker(&mut self, entry: BreakerEntry) -> Option<BreakerRule> {
        let BreakerEntry { instances, within, suspend_launch } = entry;
        let place = instances.span().unwrap_or_default();
        let instances = self.optional("breaker.instances".into(), instances).unwrap_or(5);
        let legal = usize::try_from(instances).ok().filter(|_| INSTANCES.contains(&instances));
        if legal.is_none() {
            self.problem(&place, "breaker.instances", "from 2 to 100 instances");
        }
        let within = self.optional("breaker.within".into(), within).unwrap_or(Period::hours(1));
        let suspend_launch = self.optional("breaker.suspend_launch".into(), suspend_launch).unwrap_or_default();
        Some(BreakerRule { instances: legal?, within, suspend_launch })
    }

    pub(super) fn boot(&mut self, entry: BootEntry) -> BootRule {
        let BootEntry { action } = entry;
        BootRule { action: self.optional("boot.action".into(), action).unwrap_or(BootAction::Poweroff) }
    }
}
