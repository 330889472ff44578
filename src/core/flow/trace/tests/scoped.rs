//! What a policy says of one account.

use super::*;
use crate::{
    attestation::predicate::GrantScope,
    policy::Mode,
    ports::Listing,
    testing::{
        lists::{grant, granters, listed_policy, revocations, revoker, signed_grant, signed_list},
        ports::FakeLists,
    },
};

#[test]
fn the_mode_is_that_of_the_account_that_was_asked() {
    let text = gated_policy(&LocalKey::p256(1), &LocalKey::p256(2), "");
    for (account, mode) in [(OWN, Mode::Warn), ("000000000002", Mode::Enforce)] {
        let policy = compiled(&format!("{text}[[scope]]\nmode = \"warn\"\naccounts = [\"{account}\"]\n"));
        let mut world = World::default();
        let descriptor = world.sealed(1);
        let report = world.by(&policy, &Traced::Image(descriptor.image()), now(), None).unwrap();
        assert_eq!(report.image.mode, mode, "{account}");
    }
}

#[test]
fn an_override_of_an_account_lets_pass_what_runs_there_and_nowhere_else() {
    let policy = compiled(&listed_policy());
    let (described, descriptor) = image(&region(), 1);
    for (account, class, outcome) in
        [(OWN, Class::Overridden, Outcome::Admit), ("000000000002", Class::Unsealed, Outcome::Reject)]
    {
        let granted = grant(GrantScope::Account(account.parse().unwrap()), &["evidence-absent"]);
        let lists = FakeLists(
            vec![
                (Listing::Overrides, signed_grant(&granted, &granters())),
                (Listing::Revocations(Default::default()), signed_list(&revocations(1, &[]), &revoker())),
            ],
            now(),
        );
        let mut running = Running::default();
        running.launch(1, &descriptor.image().id, 1);
        let here = Place { account: OWN.parse().unwrap(), region: region() };
        let fleet = FakeFleet { views: [(here, Ok(FakeView(running.into())))].into(), ..FakeFleet::default() };
        let catalog = FakeCatalog([(descriptor.image(), Ok(described.clone()))].into());
        let tracing = Tracing { policy: &policy, at: now(), audit: None };
        let store = FakeStore::default();
        let report = block_on(trace(&tracing, &an_instance(1), &fleet, &catalog, &store, &lists, &())).unwrap();
        assert_eq!((report.asked().unwrap().class, report.asked().unwrap().verdict), (class, outcome), "{account}");
        assert_eq!((report.image.verdict, report.image.overridden.is_some()), (outcome, outcome == Outcome::Admit));
    }
}
