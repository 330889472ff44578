//! What a store holds, and who signs → the list that follows, or why there is none.

mod told;

use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::*;
use crate::{
    attestation::{Kind, predicate::RevocationsFault},
    flow::SignError,
    ids::ImageRef,
    policy::{ListName, Lists},
    ports::PortErrorKind,
    report::Falls,
    testing::{
        evidence::{payload, provenance_of, signed},
        keys::LocalKey,
        lists::{image, listed_policy, now, revocations, revoker, signed_list},
        policies::{authority_table, compiled},
        ports::{FakeSigner, FakeStore},
    },
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn run<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("fakes answer at once")
}

fn listing() -> Listing {
    Listing::Revocations(ListName::default())
}

fn holding(bytes: &[u8]) -> FakeStore {
    let store = FakeStore::default();
    store.lists.lock().unwrap().insert(listing(), bytes.to_vec());
    store
}

fn held(store: &FakeStore) -> Option<Vec<u8>> {
    store.lists.lock().unwrap().get(&listing()).cloned()
}

fn of_image() -> Revoked {
    Revoked::Image { image: image(), content: Vec::new() }
}

fn other(mark: u8) -> Revoked {
    Revoked::Evidence { sha256: Sha256Digest::of(&[mark]) }
}

fn adding(revokes: &[Revoked]) -> Change {
    Change::Add { by: "alice@example.com".into(), reason: "poisoned".into(), revokes: revokes.to_vec() }
}

/// A policy, and what whoever keeps its list brings along.
struct Keeper {
    policy: Policy,
    keys: Keys,
    kept: Option<Vec<u8>>,
    chosen: Option<Vec<u8>>,
    first: bool,
    clock: fn() -> Timestamp,
}

impl Keeper {
    fn of(policy: &str) -> Self {
        let policy = compiled(policy);
        let keys = Keys::new(&policy, |_| Err(String::new()));
        Self { policy, keys, kept: None, chosen: None, first: false, clock: now }
    }

    fn new() -> Self {
        Self::of(&listed_policy())
    }

    fn keeping(&self) -> Keeping<'_> {
        fn source<'s>(bytes: &'s Option<Vec<u8>>, place: &str, kept: bool) -> Option<Source<'s>> {
            let bytes = bytes.as_deref()?;
            Some(Source { place: place.to_owned(), answer: Ok(Some(bytes)), kept })
        }
        Keeping {
            policy: &self.policy,
            keys: &self.keys,
            clock: self.clock,
            kept: source(&self.kept, "kept", true),
            chosen: source(&self.chosen, "chosen", false),
            first: self.first,
        }
    }

    fn change(&self, change: &Change, signer: usize, store: &FakeStore) -> Result<RevokeReport, RevokeError> {
        run(self.keeping().change(change, &FakeSigner::new(signer), store))
    }

    fn countersign(&self, signer: usize, store: &FakeStore) -> Result<RevokeReport, RevokeError> {
        let keeping = self.keeping();
        let (_, _, seen) = run(keeping.waiting(store))?;
        run(keeping.countersign(seen, &FakeSigner::new(signer), store))
    }

    /// What readers find: the list that counts, and whether they know everything.
    fn read(&self, store: &FakeStore) -> (u64, usize, bool) {
        let bytes = held(store);
        let answer = Ok(bytes.as_deref());
        let sources = [Source { place: "store".into(), answer, kept: false }];
        let lists = Lists::default().revoking(&self.policy, &self.keys, &sources, now());
        let newest = lists.newest().map(|newest| (newest.serial, newest.entries)).unwrap_or_default();
        (newest.0, newest.1, lists.problems(&self.policy).is_empty())
    }
}

/// Two authorities, who both have to sign: keys 2 and 5.
fn two_of_two() -> Keeper {
    let policy = listed_policy() + &authority_table("second", &LocalKey::p256(5));
    Keeper::of(&policy.replace("authorities = [\"revoker\"]", "authorities = [\"revoker\", \"second\"]\nthreshold = 2"))
}

#[test]
fn the_first_list_is_begun_only_by_who_says_that_there_is_none() {
    let (keeper, store) = (Keeper::new(), FakeStore::default());
    let error = keeper.change(&Change::Renew, 2, &store).unwrap_err();
    assert!(matches!(error, RevokeError::Absent { .. }), "{error}");
    let first = Keeper { first: true, ..Keeper::new() };
    let report = first.change(&Change::Renew, 2, &store).unwrap();
    assert_eq!((report.serial, report.total, report.action), (1, 0, RevokeAction::Signed));
    assert_eq!(report.until, now() + HOUR);
    assert_eq!(keeper.read(&store), (1, 0, true));
    let error = first.change(&Change::Renew, 2, &store).unwrap_err();
    assert!(matches!(error, RevokeError::Exists { serial: 1, .. }), "{error}");
}

#[test]
fn an_entry_is_added_lifted_and_never_taken_out() {
    let (keeper, store) = (Keeper::new(), holding(&signed_list(&revocations(7, &[other(1)]), &revoker())));
    let report = keeper.change(&adding(&[of_image()]), 2, &store).unwrap();
    assert_eq!((report.serial, report.total), (8, 2));
    assert_eq!(report.entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [2]);
    assert_eq!(report.signed_by.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["revoker"]);
    let report = keeper.change(&adding(&[Revoked::Lift { entry: 2 }]), 2, &store).unwrap();
    assert_eq!((report.serial, report.total), (9, 3));
    let shown = run(keeper.keeping().show(None, &store)).unwrap();
    assert_eq!(shown.entries.iter().map(|entry| entry.lifted_by).collect::<Vec<_>>(), [None, Some(3), None]);
    assert_eq!(run(keeper.keeping().show(Some(2), &store)).unwrap().entries.len(), 1);
    let error = run(keeper.keeping().show(Some(4), &store)).unwrap_err();
    assert!(matches!(error, RevokeError::NoEntry { number: 4, .. }), "{error}");
    let error = keeper.change(&adding(&[Revoked::Lift { entry: 3 }]), 2, &store).unwrap_err();
    assert!(matches!(error, RevokeError::Entry(RevocationsFault::Lift { .. })), "{error}");
}

#[test]
fn what_the_list_says_already_is_not_signed_again() {
    let (keeper, store) = (Keeper::new(), holding(&signed_list(&revocations(7, &[of_image()]), &revoker())));
    let report = keeper.change(&adding(&[of_image()]), 2, &store).unwrap();
    assert_eq!((report.action, report.serial), (RevokeAction::Already, 7));
    assert_eq!(report.entries.len(), 1);
    assert!(!store.journal.calls().iter().any(|call| call.starts_with("write")));
    // What was lifted can be revoked again.
    keeper.change(&adding(&[Revoked::Lift { entry: 1 }]), 2, &store).unwrap();
    assert_eq!(keeper.change(&adding(&[of_image()]), 2, &store).unwrap().action, RevokeAction::Signed);
}

#[test]
fn only_a_revocation_authority_signs() {
    let (keeper, store) = (Keeper::new(), holding(&signed_list(&revocations(1, &[]), &revoker())));
    for stranger in [1, 3, 6] {
        let error = keeper.change(&adding(&[of_image()]), stranger, &store).unwrap_err();
        assert!(matches!(error, RevokeError::NotAnAuthority { .. }), "{error}");
    }
    let mut liar = FakeSigner::new(2);
    liar.local = LocalKey::p256(3);
    let error = run(keeper.keeping().change(&adding(&[of_image()]), &liar, &store)).unwrap_err();
    assert!(matches!(&error, RevokeError::Sign(source) if matches!(**source, SignError::SelfCheck { .. })), "{error}");
    assert_eq!(keeper.read(&store), (1, 0, true));
}

#[test]
fn nothing_is_built_on_a_list_that_does_not_count() {
    let stranger = signed_list(&revocations(1, &[]), &LocalKey::p256(3));
    let mut gap = revocations(1, &[of_image(), other(1)]);
    gap.entries.remove(0);
    let good = signed_list(&revocations(3, &[of_image()]), &revoker());
    for (bytes, foreign) in
        [(stranger, true), (b"x\n".to_vec(), false), (Vec::new(), true), (signed_list(&gap, &revoker()), false)]
    {
        let store = holding(&bytes);
        let error = Keeper::new().change(&Change::Renew, 2, &store).unwrap_err();
        let RevokeError::Unfit { why, .. } = &error else { panic!("{error}") };
        assert!(matches!((why, foreign), (Unfit::Foreign(_), true) | (Unfit::Disputed(_), false)), "{error}");
        assert_eq!(held(&store).as_ref(), Some(&bytes));
        // Whoever has a copy goes on from that.
        let keeper = Keeper { chosen: Some(good.clone()), ..Keeper::new() };
        assert_eq!(keeper.change(&Change::Renew, 2, &store).unwrap().serial, 4);
        assert_eq!(keeper.read(&store), (4, 1, true));
    }
    let bad_copy = Keeper { chosen: Some(signed_list(&revocations(9, &[]), &LocalKey::p256(3))), ..Keeper::new() };
    let error = bad_copy.change(&Change::Renew, 2, &holding(&good)).unwrap_err();
    assert!(matches!(error, RevokeError::Unfit { .. }), "{error}");
}

#[test]
fn a_list_that_was_put_back_or_taken_away_is_found_out_by_what_was_kept() {
    let newer = signed_list(&revocations(5, &[of_image()]), &revoker());
    let older = signed_list(&revocations(4, &[]), &revoker());
    for store in [holding(&older), FakeStore::default()] {
        let keeper = Keeper { kept: Some(newer.clone()), ..Keeper::new() };
        let error = keeper.change(&Change::Renew, 2, &store).unwrap_err();
        assert!(matches!(error, RevokeError::Unfit { why: Unfit::RolledBack { seen: 5, .. }, .. }), "{error}");
        let keeper = Keeper { chosen: Some(newer.clone()), ..keeper };
        assert_eq!(keeper.change(&Change::Renew, 2, &store).unwrap().serial, 6);
        assert_eq!(keeper.read(&store), (6, 1, true));
    }
    // Two lists of one serial: no copy says which of them is right.
    let fork = signed_list(&revocations(5, &[other(1)]), &revoker());
    let keeper = Keeper { chosen: Some(newer), ..Keeper::new() };
    let error = keeper.change(&Change::Renew, 2, &holding(&fork)).unwrap_err();
    assert!(matches!(error, RevokeError::Unfit { why: Unfit::Disputed(_), .. }), "{error}");
}

#[test]
fn a_store_that_fails_is_told_and_nothing_is_signed() {
    let store = FakeStore { read_fault: Some(PortErrorKind::Throttled), ..FakeStore::default() };
    let keeper = Keeper { first: true, ..Keeper::new() };
    assert!(matches!(keeper.change(&Change::Renew, 2, &store).unwrap_err(), RevokeError::Store(_)));
    let store = FakeStore { write_fault: Some(PortErrorKind::Denied), ..FakeStore::default() };
    assert!(matches!(keeper.change(&Change::Renew, 2, &store).unwrap_err(), RevokeError::Store(_)));
}

#[test]
fn of_two_revocations_at_the_same_moment_none_is_lost() {
    let (keeper, store) = (Keeper::new(), holding(&signed_list(&revocations(1, &[]), &revoker())));
    let theirs = signed_list(&revocations(2, &[other(1)]), &revoker());
    *store.meanwhile.lock().unwrap() = Some(theirs);
    let report = keeper.change(&adding(&[of_image()]), 2, &store).unwrap();
    assert_eq!((report.serial, report.total), (3, 2));
    assert_eq!(keeper.read(&store), (3, 2, true));
}

#[test]
fn clocks_may_be_a_minute_apart() {
    fn behind() -> Timestamp {
        now() - SignedDuration::from_secs(60)
    }
    fn far_behind() -> Timestamp {
        now() - SignedDuration::from_secs(61)
    }
    let store = holding(&signed_list(&revocations(1, &[]), &revoker()));
    let error = Keeper { clock: far_behind, ..Keeper::new() }.change(&Change::Renew, 2, &store).unwrap_err();
    assert!(matches!(error, RevokeError::Clock { .. }), "{error}");
    let report = Keeper { clock: behind, ..Keeper::new() }.change(&adding(&[other(1)]), 2, &store).unwrap();
    assert_eq!((report.serial, report.issued), (2, now()));
}

#[test]
fn a_list_of_two_waits_behind_the_one_that_counts() {
    let (keeper, store) = (two_of_two(), FakeStore::default());
    let first = Keeper { first: true, ..two_of_two() };
    assert_eq!(first.change(&Change::Renew, 2, &store).unwrap().action, RevokeAction::Waiting);
    assert_eq!(keeper.read(&store), (0, 0, false), "one signature is none");
    let report = keeper.countersign(5, &store).unwrap();
    assert_eq!((report.action, report.serial, report.signed_by.len()), (RevokeAction::Signed, 1, 2));
    assert_eq!(keeper.read(&store), (1, 0, true));

    keeper.change(&adding(&[of_image()]), 5, &store).unwrap();
    assert_eq!(keeper.read(&store), (1, 0, true), "the one before still counts");
    let shown = run(keeper.keeping().show(None, &store)).unwrap();
    assert_eq!(shown.notes.iter().map(|note| note.code.as_ref()).collect::<Vec<_>>(), ["revocations-waiting"]);
    let error = keeper.countersign(5, &store).unwrap_err();
    assert!(matches!(error, RevokeError::AlreadySigned { .. }), "{error}");
    // Another revocation takes what waits along.
    keeper.change(&adding(&[other(1)]), 5, &store).unwrap();
    let report = keeper.countersign(2, &store).unwrap();
    assert_eq!(report.entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(keeper.read(&store), (3, 2, true));
    let error = keeper.countersign(2, &store).unwrap_err();
    assert!(matches!(error, RevokeError::NothingWaits { .. }), "{error}");
}

#[test]
fn only_what_was_looked_at_is_countersigned() {
    let (keeper, store) = (two_of_two(), FakeStore::default());
    let first = Keeper { first: true, ..two_of_two() };
    first.change(&Change::Renew, 2, &store).unwrap();
    let seen = run(keeper.keeping().waiting(&store)).unwrap().2;
    keeper.change(&adding(&[of_image()]), 2, &store).unwrap();
    let error = run(keeper.keeping().countersign(seen, &FakeSigner::new(5), &store)).unwrap_err();
    assert!(matches!(error, RevokeError::Conflict { .. }), "{error}");
    let mut local = FakeSigner::new(5);
    local.key.dangerous_local = true;
    let seen = run(keeper.keeping().waiting(&store)).unwrap().2;
    let error = run(keeper.keeping().countersign(seen, &local, &store)).unwrap_err();
    assert!(matches!(error, RevokeError::OtherKeys { local: false, .. }), "{error}");
    fn late() -> Timestamp {
        now() + HOUR
    }
    let error = Keeper { clock: late, ..two_of_two() }.countersign(5, &store).unwrap_err();
    assert!(matches!(error, RevokeError::TooOld { .. }), "{error}");
}

fn fallen(revoked: Revoked, images: &[ImageRef]) -> Falls {
    let keeper = Keeper::new();
    let ci = LocalKey::p256(1);
    let lines = [provenance_of(r#"{"builder":"c"}"#), payload(Kind::Sbom), payload(Kind::Scan)];
    let store = FakeStore::holding(&image(), &signed(&lines.map(|line| (&ci, line))));
    let (before, after) = (Revocations::new("default").next(Vec::new(), now()), revocations(2, &[revoked]));
    run(falls(&keeper.policy, keeper.keys, (&before, &after), images, &store, now(), &())).unwrap()
}

#[test]
fn images_that_fall_are_told_before_anything_is_signed() {
    let spki_sha256 = LocalKey::p256(1).public().digest();
    let missing = ImageRef { id: "ami-0fedcba9876543210".parse().unwrap(), ..image() };
    let told = fallen(Revoked::Key { spki_sha256, since: None }, &[image(), missing.clone()]);
    assert_eq!((told.looked_at, told.not_admitted, told.unknown.len()), (2, 1, 0));
    let mut codes: Vec<&str> =
        told.images.iter().flat_map(|fall| &fall.reasons).map(|cause| cause.code.as_str()).collect();
    codes.dedup();
    assert_eq!(codes, ["key-revoked", "attestation-missing"]);
    assert_eq!(fallen(of_image(), &[image()]).images.len(), 1);
    assert_eq!(fallen(other(1), &[image()]).images, []);
    assert_eq!(fallen(Revoked::Image { image: missing, content: Vec::new() }, &[image()]).images, []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However people revoke, renew and lift, one after the other or at once: every list continues the one before, readers
    /// take it, and whatever was revoked and not lifted stands.
    #[test]
    fn a_list_only_grows(steps in prop::collection::vec((0_u8..6, any::<bool>()), 1..8)) {
        let (keeper, store) = (Keeper::new(), holding(&signed_list(&revocations(1, &[]), &revoker())));
        let mut before = revocations(1, &[]);
        let mut standing = std::collections::BTreeSet::new();
        for (mark, meanwhile) in steps {
            if meanwhile {
                let entry = Revocation {
                    number: 0, at: before.issued_at, by: "bob".into(), reason: "x".into(), revokes: other(mark + 100),
                };
                let theirs = before.next(vec![entry], before.issued_at);
                *store.meanwhile.lock().unwrap() = Some(signed_list(&theirs, &revoker()));
            }
            let change = if mark == 0 { Change::Renew } else { adding(&[other(mark)]) };
            if mark != 0 {
                standing.insert(mark);
            }
            keeper.change(&change, 2, &store).unwrap();
            if meanwhile && store.meanwhile.lock().unwrap().take().is_none() {
                standing.insert(mark + 100);
            }
            let (_, after) = run(keeper.keeping().plan(&Change::Renew, &store)).unwrap();
            prop_assert!(before.is_continued_by(&after));
            let (serial, entries, whole) = keeper.read(&store);
            prop_assert!(whole && serial >= before.serial && entries == after.entries.len());
            let stands: Vec<&Revoked> = after.standing().map(|entry| &entry.revokes).collect();
            for mark in &standing {
                prop_assert!(stands.contains(&&other(*mark)));
            }
            before = Revocations { serial: after.serial - 1, ..after };
        }
    }
}
