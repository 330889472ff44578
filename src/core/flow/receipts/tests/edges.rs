//! How much is looked at, what is passed over, and what is not done twice.

use super::*;
use crate::{
    ports::{
        Expected, PortError, PortErrorKind, ReceiptStore, StateStore, Stored, Written, evidence_folder, receipts_folder,
    },
    testing::audits::fleet,
};

/// A place that does not read what begins so.
struct Failing<'p, P> {
    place: &'p P,
    begins: &'p str,
    kind: PortErrorKind,
}

impl<'p, P> Failing<'p, P> {
    /// One document in it is too large to be read as one.
    fn damaged(place: &'p P, name: &'p str) -> Self {
        Self { place, begins: name, kind: PortErrorKind::Malformed }
    }

    fn check(&self, name: &str) -> Result<(), PortError> {
        match name.starts_with(self.begins) {
            true => Err(PortError::new(self.kind, "fake", name)),
            false => Ok(()),
        }
    }
}

impl StateStore for Failing<'_, FakeState> {
    async fn read(&self, name: &StateName) -> Result<Option<Stored>, PortError> {
        self.check(name.as_str())?;
        self.place.read(name).await
    }
    async fn write(&self, name: &StateName, bytes: &[u8], expected: Expected) -> Result<Written, PortError> {
        self.place.write(name, bytes, expected).await
    }
    async fn list(&self, prefix: &StateName, most: usize) -> Result<Vec<StateName>, PortError> {
        self.place.list(prefix, most).await
    }
    async fn remove(&self, name: &StateName) -> Result<(), PortError> {
        self.place.remove(name).await
    }
}

impl ReceiptStore for Failing<'_, FakeReceipts> {
    async fn add(&self, path: &str, bytes: &[u8]) -> Result<Written, PortError> {
        self.place.add(path, bytes).await
    }
    async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, PortError> {
        self.check(path)?;
        self.place.read(path).await
    }
    async fn list(&self, folder: &str, after: Option<&str>, most: usize) -> Result<Vec<String>, PortError> {
        self.place.list(folder, after, most).await
    }
    fn locate(&self) -> String {
        self.place.locate()
    }
}

fn image_folder() -> String {
    let image = descriptor().image();
    receipts_folder(&image.region, Some(&image))
}

/// Puts a receipt of an instant under a path of its own, in a folder.
fn put(
    place: &FakeReceipts,
    folder: &str,
    said: crate::attestation::predicate::Said,
    named: Option<Timestamp>,
) -> String {
    let path = receipt_path(folder, named.unwrap_or(said.instant.at), receipt(said.clone()).name(), true);
    place.held.lock().unwrap().insert(path.clone(), signed_receipt(said, &receiver()));
    path
}

fn oldest(place: &impl ReceiptStore) -> Vec<String> {
    let wanted = WantedReceipts { older: true, newest: None };
    let found = block_on(find_receipts(place, &descriptor().image(), None, wanted, later(1))).unwrap();
    found.into_iter().map(|one| one.place).collect()
}

#[test]
fn of_sixteen_evidences_the_oldest_receipts_are_looked_at_and_of_no_more() {
    let place = FakeReceipts::default();
    for number in 0..17_u8 {
        put(&place, &evidence_folder(&image_folder(), Some(Sha256Digest::of(&[number]))), said_at(later(-60)), None);
    }
    assert_eq!(oldest(&place).len(), 16);
}

#[test]
fn before_a_receipt_fifteen_may_stand_under_names_that_are_not_theirs() {
    let folder = evidence_folder(&image_folder(), Some(Sha256Digest::of(evidence())));
    for (foreign, found) in [(15, 1), (16, 0)] {
        let place = FakeReceipts::default();
        for number in 0..foreign {
            put(&place, &folder, said_at(later(-60)), Some(later(-200 + number)));
        }
        let own = put(&place, &folder, said_at(later(-60)), None);
        let told = oldest(&place);
        assert_eq!(told.len(), found, "{foreign}");
        assert!(told.iter().all(|one| one.ends_with(&own)));
    }
}

#[test]
fn a_receipt_that_is_too_large_is_passed_over_and_a_place_that_is_out_is_not() {
    let folder = evidence_folder(&image_folder(), Some(Sha256Digest::of(evidence())));
    let place = FakeReceipts::default();
    let (large, good) =
        (put(&place, &folder, said_at(later(-90)), None), put(&place, &folder, said_at(later(-60)), None));
    let told = oldest(&Failing::damaged(&place, &large));
    assert!(told.len() == 1 && told[0].ends_with(&good), "{told:?}");
    // The list is answered, and nothing after it.
    *place.left.lock().unwrap() = Some(1);
    let wanted = WantedReceipts { older: true, newest: None };
    let out = block_on(find_receipts(&place, &descriptor().image(), None, wanted, later(1)));
    assert_eq!(out.unwrap_err().kind, PortErrorKind::Unavailable);
}

#[test]
fn a_document_that_is_too_large_is_named_and_the_others_have_their_receipts() {
    let (state, receipts) = (FakeState::default(), FakeReceipts::default());
    let launches: Vec<LaunchReport> = (0..4).map(|number| launch(number, Outcome::Admit)).collect();
    recorded(&state, &launches);
    let first = state.held.lock().unwrap().keys().next().unwrap().to_string();
    let damaged = Failing::damaged(&state, &first);
    let receipting = Receipting { state: &damaged, receipts: &receipts, signer: None::<&FakeSigner> };
    let wrote = block_on(receipting.write(&mut BTreeSet::new(), false, later(1))).unwrap();
    assert_eq!((wrote.decisions, wrote.unreadable, wrote.problems.len()), (1, 1, 1));
    assert!(wrote.problems[0].starts_with(&first), "{:?}", wrote.problems);

    // A state that is out is no decision that is none: nothing is remembered as done.
    let (state, receipts) = (FakeState::default(), FakeReceipts::default());
    recorded(&state, &launches);
    let out = Failing { place: &state, begins: "v1/decisions/", kind: PortErrorKind::Unavailable };
    let receipting = Receipting { state: &out, receipts: &receipts, signer: None::<&FakeSigner> };
    assert!(block_on(receipting.write(&mut BTreeSet::new(), false, later(1))).is_err());
    assert_eq!(write(&state, &receipts, None, later(2)).unwrap().decisions, 4);
}

#[test]
fn whoever_asks_for_all_reads_what_is_older_than_a_day_behind_a_hundred_thousand_others() {
    let (state, receipts) = (FakeState::default(), FakeReceipts::default());
    recorded(&state, &[launch(0, Outcome::Admit)]);
    // Not of an hour, and before the others.
    let others = (0..100_100).map(|number| StateName::new(format!("v1/decisions/0/{number:06}")).unwrap());
    state.held.lock().unwrap().extend(others.map(|name| (name, Vec::new())));
    let after = later(60 * 24 * 3);
    assert_eq!(write(&state, &receipts, None, after).unwrap(), Wrote::default());
    let receipting = Receipting { state: &state, receipts: &receipts, signer: None::<&FakeSigner> };
    let wrote = block_on(receipting.write(&mut BTreeSet::new(), true, after)).unwrap();
    assert_eq!((wrote.receipts, wrote.decisions), (1, 1));
}

#[test]
fn what_is_signed_already_is_not_signed_again_and_needs_no_unsigned_one() {
    let receipts = FakeReceipts::default();
    let signer = FakeSigner::new(3);
    let add = |signer: Option<&FakeSigner>| {
        let receipting = Receipting { state: &(), receipts: &receipts, signer };
        let wrote = block_on(receipting.add(vec![launch(0, Outcome::Admit).into()], later(1))).unwrap();
        (wrote.receipts, wrote.already, wrote.decisions)
    };
    assert_eq!(add(Some(&signer)), (1, 0, 1));
    assert_eq!((add(Some(&signer)), signer.journal.calls().len()), ((0, 1, 1), 1));
    assert_eq!((add(None), receipts.held.lock().unwrap().len()), ((0, 1, 1), 1));
}

#[test]
fn problems_are_counted_and_a_hundred_of_them_named() {
    let mut wrote = Wrote::default();
    (0..101).for_each(|number| wrote.problem(number.to_string()));
    assert_eq!((wrote.unreadable, wrote.problems.len(), wrote.problems[99].as_str()), (101, 100, "99"));
}

#[test]
fn an_audit_has_a_receipt_for_each_instance_and_says_of_no_image_what_stands_against_an_instance() {
    let report = fleet(60);
    let decided = of_audit(&report);
    assert_eq!(decided.len(), report.instances.len());
    let (mut own, mut of_image) = (0, 0);
    for (one, decided) in report.instances.iter().zip(&decided) {
        assert_eq!(decided.covered.instance, one.instance.to_string());
        assert_eq!((decided.judged.verdict, decided.judged.mode), (one.verdict, one.mode));
        let subject = report.image_of(one).unwrap().report.subject;
        let apart = !(one.reasons.is_empty() && one.faults.is_empty());
        assert_eq!(decided.judged.subject, subject.filter(|_| !apart), "{}", one.instance);
        own += usize::from(apart && subject.is_some());
        of_image += usize::from(!apart && subject.is_some());
        let causes = decided.judged.reasons.len() + decided.judged.faults.len();
        assert!(causes >= one.reasons.len() + one.faults.len());
    }
    assert!(own > 0 && of_image > 0, "the fleet has both");
    let receipts = FakeReceipts::default();
    let receipting = Receipting { state: &(), receipts: &receipts, signer: None::<&FakeSigner> };
    assert_eq!(block_on(receipting.add(decided, now())).unwrap().decisions, report.instances.len());
    assert_eq!(covered(&receipts).len(), report.instances.len());
}
