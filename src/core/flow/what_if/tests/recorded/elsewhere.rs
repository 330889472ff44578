//! Launches of accounts that nobody looked at: a session is opened for those, and for no others.

use super::{super::super::wanted, *};

/// An image in each of two accounts; nobody tells the regions of the first, though a session can be opened there.
fn half_closed() -> Hosted {
    let (mut fleet, store) = hosted(world(&[(1, 0, 0, 0), (2, 0, 0, 0)]));
    fleet.closed.insert(place(1, "eu-west-1").account, PortErrorKind::Denied);
    (fleet, store)
}

#[test]
fn a_launch_of_an_account_that_was_not_looked_at_is_judged_again_all_the_same() {
    let (policies, hosted) = (policies(), half_closed());
    let recorded = launch(&policies[0], &hosted);
    let (decisions, _) = again(&hosted, &policies[0], &policies[1], &[recorded.clone(), recorded]);
    let told: Vec<_> = decisions.compared.changes.iter().map(|one| (one.effect, one.instances.len())).collect();
    assert_eq!((told, decisions.unjudged.len()), (vec![(Effect::Refused, 2)], 0));
}

#[test]
fn where_somebody_looked_no_other_session_is_opened() {
    let (policies, hosted) = (policies(), half_closed());
    let unseen = launch(&policies[0], &hosted);
    let seen = LaunchReport { account: Some(place(2, "eu-west-1").account), ..unseen.clone() };
    let nowhere = LaunchReport { account: None, ..unseen.clone() };
    let asked = asked(&policies[0], &policies[1]);
    let (looked, _) = block_on(wanted::look(&asked, &hosted.0, &())).unwrap();
    let opened = block_on(wanted::elsewhere(&hosted.0, &looked, &[seen, nowhere, unseen]));
    assert_eq!(opened.into_keys().collect::<Vec<_>>(), [place(1, "eu-west-1")]);
}
