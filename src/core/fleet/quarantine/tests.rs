use proptest::prelude::*;

use super::*;
use crate::testing::{
    audits,
    keys::LocalKey,
    policies::{compiled, minimal},
};

const GROUP: &str = "arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:\
                     0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0:autoScalingGroupName/web";

fn policy(no_match: &str, scopes: &str) -> Policy {
    let text = minimal(&LocalKey::p256(1)).replace("no_match = \"enforce\"", &format!("no_match = \"{no_match}\""));
    compiled(&format!("{text}\n{scopes}"))
}

fn acting(means: Means, limit: usize) -> Acting {
    Acting { on: ActOn::ALL.into(), means, limit }
}

fn isolate() -> Means {
    Means::Isolate("quarantine".to_owned())
}

fn interface(number: u64, vpc: u64, groups: &[&str]) -> Interface {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Interface { id: format!("eni-{number}"), vpc: format!("vpc-{vpc}"), groups }
}

/// Everybody consents, and every place has the group.
fn open(candidates: &BTreeMap<Place, Vec<InstanceId>>) -> BTreeMap<Place, Shown> {
    let shown = |(place, ids): (&Place, &Vec<InstanceId>)| {
        let held = |id: &InstanceId| {
            let held = Held { consents: true, ended: false, interfaces: vec![interface(1, 1, &["sg-1", "sg-2"])] };
            (id.clone(), held)
        };
        let groups = [("vpc-1".to_owned(), "sg-q".to_owned())].into();
        (place.clone(), Shown { instances: ids.iter().map(held).collect(), groups })
    };
    candidates.iter().map(shown).collect()
}

#[test]
fn the_groups_of_an_interface_are_swapped_for_one() {
    let (report, policy) = (audits::fleet(40), policy("enforce", ""));
    let acting = Acting { on: [ActOn::Refused].into(), means: isolate(), limit: 100 };
    let candidates = candidates(&report, &policy, &acting);
    let (place, id) = candidates.iter().map(|(place, ids)| (place.clone(), ids[0].clone())).next().unwrap();
    let one = BTreeMap::from([(place.clone(), vec![id.clone()])]);
    let step = |interfaces: Vec<Interface>| {
        let mut shown = open(&one);
        shown.get_mut(&place).unwrap().instances.get_mut(&id).unwrap().interfaces = interfaces;
        plan(&one, &acting, &shown)
    };
    let before = interface(1, 1, &["sg-1", "sg-2"]);
    let moved = Step::Isolate(vec![Move { interface: before.clone(), group: "sg-q".to_owned() }]);
    let action = Action { place: place.clone(), instance: id.clone(), step: moved };
    // What is in the one group already stays there.
    assert_eq!(step(vec![before.clone(), interface(2, 1, &["sg-q"])]).actions, [action]);
    assert_eq!(step(vec![interface(1, 1, &["sg-q"])]), Plan::default());
    // All of an instance, or nothing of it.
    for (interfaces, why) in [(vec![], "no network interface"), (vec![before, interface(2, 9, &["sg-1"])], "in vpc-9")]
    {
        let plan = step(interfaces);
        assert!(plan.actions.is_empty() && plan.left[0].2.contains(why), "{plan:?}");
    }
}

#[test]
fn neither_condition_is_enough() {
    let (report, policy) = (audits::fleet(40), policy("enforce", ""));
    let acting = acting(Means::Terminate, 1000);
    let candidates = candidates(&report, &policy, &acting);
    assert!(!plan(&candidates, &acting, &open(&candidates)).actions.is_empty());
    let mut silent = open(&candidates);
    silent.values_mut().flat_map(|shown| shown.instances.values_mut()).for_each(|held| held.consents = false);
    assert_eq!(plan(&candidates, &acting, &silent), Plan::default());
    assert_eq!(plan(&candidates, &acting, &BTreeMap::new()), Plan::default());
    let nothing = Acting { on: BTreeSet::new(), ..acting.clone() };
    assert!(super::candidates(&report, &policy, &nothing).is_empty());
}

#[test]
fn only_what_is_of_a_class_that_was_named_is_a_candidate() {
    let (report, policy) = (audits::fleet(400), policy("enforce", ""));
    for on in ActOn::ALL {
        let acting = Acting { on: [on].into(), means: Means::Terminate, limit: 1000 };
        let found: BTreeSet<InstanceId> = candidates(&report, &policy, &acting).into_values().flatten().collect();
        let named = report.instances.iter().filter(|one| one.class == on.class());
        let named: BTreeSet<InstanceId> = named.map(|one| one.instance.clone()).collect();
        assert!(!named.is_empty() && found == named, "{on:?}: {found:?}");
    }
}

#[test]
fn as_many_as_the_limit_are_acted_on_and_of_one_more_none() {
    let (report, policy) = (audits::fleet(40), policy("enforce", ""));
    let candidates = candidates(&report, &policy, &acting(Means::Terminate, 0));
    let many: usize = candidates.values().map(Vec::len).sum();
    let plan = |limit| plan(&candidates, &acting(Means::Terminate, limit), &open(&candidates));
    assert_eq!((plan(many).actions.len(), plan(many).over), (many, None));
    assert_eq!((plan(many - 1).actions.len(), plan(many - 1).over), (0, Some(many)));
}

#[test]
fn only_what_is_enforced_whatever_its_group_is_acted_on() {
    let report = audits::fleet(400);
    let everything = acting(Means::Terminate, 1000);
    let named = |mode: &str, what: &str| format!("[[scope]]\nmode = \"{mode}\"\n{what}\n");
    let found = |no_match: &str, scopes: &str| candidates(&report, &policy(no_match, scopes), &everything);
    assert!(!found("enforce", "").is_empty());
    assert!(found("warn", "").is_empty());
    // A group that is enforced says nothing of the others in its account, and one that is not might be anyone's.
    assert!(found("warn", &named("enforce", &format!("groups = [\"{GROUP}\"]"))).is_empty());
    assert!(found("enforce", &named("warn", &format!("groups = [\"{GROUP}\"]"))).is_empty());
    let account = found("warn", &named("enforce", "accounts = [\"111122223333\"]"));
    assert!(!account.is_empty() && account.keys().all(|place| place.account.as_str() == "111122223333"));
}

#[test]
fn what_time_alone_stands_against_and_what_is_not_known_cannot_be_named() {
    for class in Class::ALL {
        let can = ["refused", "root-replaced", "unsealed"].contains(&class.as_str());
        assert_eq!(class.as_str().parse::<ActOn>().is_ok(), can, "{class:?}");
    }
}

proptest! {
    /// For any fleet, any consent and any limit: nothing outside of both conditions, and never more than the limit.
    #[test]
    fn nothing_outside_of_both_conditions_is_ever_planned(
        size in 0_usize..300,
        on in prop::collection::btree_set(prop::sample::select(ActOn::ALL.to_vec()), 0..4),
        enforced in any::<bool>(),
        terminate in any::<bool>(),
        limit in 0_usize..12,
        consents in prop::collection::vec(any::<bool>(), 1..20),
        ended in prop::collection::vec(any::<bool>(), 1..7),
        vpcs in prop::collection::vec(0_u64..3, 1..5),
    ) {
        let (report, policy) = (audits::fleet(size), policy(if enforced { "enforce" } else { "warn" }, ""));
        let acting = Acting { on, means: if terminate { Means::Terminate } else { isolate() }, limit };
        let candidates = candidates(&report, &policy, &acting);
        // EC2 shows all instances, and not those alone that were asked for.
        let mut shown: BTreeMap<Place, Shown> = BTreeMap::new();
        for (number, one) in report.instances.iter().enumerate() {
            let place = Place { account: one.account.clone(), region: one.region.clone() };
            let shown = shown.entry(place).or_default();
            shown.groups = [("vpc-1".to_owned(), "sg-q".to_owned())].into();
            shown.instances.insert(one.instance.clone(), Held {
                consents: consents[number % consents.len()],
                ended: ended[number % ended.len()],
                interfaces: vec![interface(number as u64, vpcs[number % vpcs.len()], &["sg-1"])],
            });
        }
        let plan = plan(&candidates, &acting, &shown);
        prop_assert!(plan.actions.len() <= limit);
        prop_assert!(plan.over.is_none_or(|many| many > limit && plan.actions.is_empty()));
        let known: BTreeMap<&InstanceId, &AuditedInstance> =
            report.instances.iter().map(|one| (&one.instance, one)).collect();
        let mut once = BTreeSet::new();
        for action in &plan.actions {
            let (one, held) = (known[&action.instance], &shown[&action.place].instances[&action.instance]);
            prop_assert!(enforced && acting.on.iter().any(|on| on.class() == one.class));
            prop_assert_eq!(one.verdict, Outcome::Reject);
            prop_assert!(held.consents && !held.ended);
            prop_assert_eq!((&one.account, &one.region), (&action.place.account, &action.place.region));
            prop_assert!(once.insert(&action.instance), "twice");
            prop_assert_eq!(action.step == Step::Terminate, terminate);
        }
    }
}
