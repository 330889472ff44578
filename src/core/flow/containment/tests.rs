use std::{collections::BTreeSet, sync::Mutex};

use futures_executor::block_on;

use super::*;
use crate::{
    fleet::quarantine::{ActOn, Held, Interface, Means, Shown},
    ids::InstanceId,
    ports::{PortError, PortErrorKind},
    testing::{
        audits,
        keys::LocalKey,
        policies::{compiled, minimal},
    },
};

/// EC2: everything is in the group `sg-1`, and consents or does not.
#[derive(Default)]
struct Ec2 {
    consents: bool,
    out: BTreeSet<Place>,
    stubborn: bool,
    done: Mutex<Vec<Action>>,
}

impl Containment for Ec2 {
    async fn shown(&self, place: &Place, instances: &[InstanceId], _: &Means) -> Result<Shown, PortError> {
        if self.out.contains(place) {
            return Err(PortError::new(PortErrorKind::Denied, "ec2:DescribeInstances", &place.account));
        }
        let interface =
            Interface { id: "eni-1".into(), vpc: "vpc-1".into(), groups: vec!["sg-1".into(), "sg-2".into()] };
        let held = Held { consents: self.consents, ended: false, interfaces: vec![interface] };
        let instances = instances.iter().map(|id| (id.clone(), held.clone())).collect();
        Ok(Shown { instances, groups: [("vpc-1".to_owned(), "sg-q".to_owned())].into() })
    }

    async fn act(&self, action: &Action) -> Result<(), PortError> {
        if self.stubborn {
            return Err(PortError::new(PortErrorKind::Refused, "ec2:TerminateInstances", &action.instance));
        }
        self.done.lock().unwrap().push(action.clone());
        Ok(())
    }
}

fn contained(ec2: &Ec2, limit: usize, resolve: Resolve) -> (Vec<&'static str>, bool) {
    let (report, policy) = (audits::fleet(60), compiled(&minimal(&LocalKey::p256(1))));
    let acting = Acting { on: [ActOn::Unsealed].into(), means: Means::Isolate("quarantine".into()), limit };
    let Contained { notes, whole } = block_on(contain(ec2, &report, &policy, &acting, resolve));
    let code = |note: Note| match note.code {
        std::borrow::Cow::Borrowed(code) => code,
        std::borrow::Cow::Owned(_) => panic!("codes are constants"),
    };
    (notes.into_iter().map(code).collect(), whole)
}

#[test]
fn what_consents_is_acted_on_and_said() {
    let ec2 = Ec2 { consents: true, ..Ec2::default() };
    let (codes, whole) = contained(&ec2, 100, Resolve::Say);
    assert!(whole && !codes.is_empty() && codes.iter().all(|code| *code == "would-act"), "{codes:?}");
    assert!(ec2.done.lock().unwrap().is_empty());
    let (acted, whole) = contained(&ec2, 100, Resolve::Act);
    assert!(whole && acted.len() == codes.len() && acted.iter().all(|code| *code == "acted"));
    let done = ec2.done.lock().unwrap();
    assert_eq!(done.len(), acted.len());
    let Action { place: Place { account, region }, instance, .. } = &done[0];
    let expected = format!("{instance} in {account} {region}: eni-1 out of sg-1 sg-2 into sg-q");
    assert_eq!(said(&done[0]), expected);
}

#[test]
fn nothing_is_done_without_consent_or_above_the_limit() {
    let ec2 = Ec2::default();
    assert_eq!(contained(&ec2, 100, Resolve::Act), (vec!["none-acted"], true));
    let ec2 = Ec2 { consents: true, ..Ec2::default() };
    assert_eq!(contained(&ec2, 0, Resolve::Act), (vec!["act-limit"], false));
    assert!(ec2.done.lock().unwrap().is_empty());
}

#[test]
fn what_cannot_be_asked_or_done_is_said() {
    let ec2 = Ec2 { consents: true, stubborn: true, ..Ec2::default() };
    let (codes, whole) = contained(&ec2, 100, Resolve::Act);
    assert!(!whole && !codes.is_empty() && codes.iter().all(|code| *code == "not-acted"), "{codes:?}");
    let places = audits::fleet(60).places.into_iter();
    let out = places.filter_map(|place| Some(Place { account: place.account, region: place.region? })).collect();
    let ec2 = Ec2 { consents: true, out, ..Ec2::default() };
    let (codes, whole) = contained(&ec2, 100, Resolve::Act);
    assert!(!whole && codes.iter().all(|code| *code == "not-acted"), "{codes:?}");
}
