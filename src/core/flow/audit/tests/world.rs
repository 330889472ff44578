//! Accounts and regions with images of every kind.

use super::*;

/// Accounts and regions with images of every kind, and what class their instances must come to be in.
#[derive(Default)]
pub(in crate::flow) struct World {
    pub(in crate::flow) places: BTreeMap<Place, Running>,
    pub(in crate::flow) store: BTreeMap<ImageRef, Vec<u8>>,
    pub(in crate::flow) images: u64,
    pub(in crate::flow) machines: u64,
}

/// What is wrong with an image, or with what runs it.
#[derive(Debug, Clone, Copy)]
pub(in crate::flow) enum Kind {
    Sealed,
    Ending,
    Ended,
    Unsealed,
    Tampered,
    Borrowed,
    Replaced,
    Gone,
    Deregistered,
    Sold,
    EndedTampered,
}

pub(in crate::flow) const KINDS: [(Kind, Class); 11] = [
    (Kind::Sealed, Class::Admitted),
    (Kind::Ending, Class::Expiring),
    (Kind::Ended, Class::Expired),
    (Kind::Unsealed, Class::Unsealed),
    (Kind::Tampered, Class::Refused),
    (Kind::Borrowed, Class::Refused),
    (Kind::Replaced, Class::RootReplaced),
    (Kind::Gone, Class::Unsealed),
    (Kind::Deregistered, Class::Admitted),
    (Kind::Sold, Class::Refused),
    // One of its statements does not verify, and its exception has ended.
    (Kind::EndedTampered, Class::Refused),
];

impl World {
    /// Makes an image of a kind in a region, and lets so many instances of it run in a place there.
    pub(in crate::flow) fn run(&mut self, place: &Place, kind: Kind, instances: u64) {
        self.images += 1;
        let number = self.images;
        let (described, descriptor) = image(&place.region, number);
        let (ci, boss) = (LocalKey::p256(1), LocalKey::p256(2));
        let exception = match kind {
            Kind::Ended | Kind::EndedTampered => now(),
            Kind::Ending => now().saturating_add(DAY).unwrap(),
            Kind::Sealed
            | Kind::Unsealed
            | Kind::Tampered
            | Kind::Borrowed
            | Kind::Replaced
            | Kind::Gone
            | Kind::Deregistered
            | Kind::Sold => now().saturating_add(60 * DAY).unwrap(),
        };
        let gate = Gated::at(now().saturating_sub(2 * DAY).unwrap()).excepting(exception);
        let evidence = || gate.clone().of(descriptor.clone()).evidence(&ci, &boss);
        let held = match kind {
            Kind::Unsealed | Kind::Gone => None,
            Kind::Borrowed => Some(gate.clone().evidence(&ci, &boss)),
            Kind::Tampered | Kind::EndedTampered => Some(changed(&evidence(), "\"payload\":\"e", "\"payload\":\"f")),
            Kind::Sealed | Kind::Ending | Kind::Ended | Kind::Replaced | Kind::Deregistered | Kind::Sold => {
                Some(evidence())
            }
        };
        self.store.extend(held.map(|held| (descriptor.image(), held)));
        let running = self.places.entry(place.clone()).or_default();
        if !matches!(kind, Kind::Gone | Kind::Deregistered | Kind::Sold) {
            running.images.0.insert(descriptor.image(), Ok(described));
        }
        let ami: AmiId = descriptor.image().id;
        for _ in 0..instances {
            self.machines += 1;
            running.launch(self.machines, &ami, if matches!(kind, Kind::Replaced) { 0 } else { number });
            let owner =
                if matches!(kind, Kind::Sold) { "999999999999".parse().unwrap() } else { descriptor.owner().clone() };
            running.listed.last_mut().unwrap().seen.owner = Some(owner);
        }
    }

    pub(super) fn audited(self) -> (AuditReport, BTreeMap<Place, FakeView>) {
        let views: BTreeMap<Place, FakeView> =
            self.places.into_iter().map(|(place, running)| (place, FakeView(running.into()))).collect();
        let fleet = FakeFleet {
            views: views.iter().map(|(place, view)| (place.clone(), Ok(view.clone()))).collect(),
            ..FakeFleet::default()
        };
        let store = FakeStore { held: self.store.into(), ..FakeStore::default() };
        (report_of(&fleet, &store), views)
    }
}
