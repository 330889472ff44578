use jiff::SignedDuration;

use super::*;
use crate::testing::lists::{image, now, revocations};

fn of_image() -> Revoked {
    Revoked::Image { image: image(), content: Vec::new() }
}

fn lift(entry: u64) -> Revoked {
    Revoked::Lift { entry }
}

fn checked(list: &Revocations) -> Result<(), RevocationsFault> {
    list.check("default")
}

/// A list of entries that each are changed.
fn changed(count: usize, change: impl Fn(&mut Revocation)) -> Revocations {
    let mut list = revocations(1, &vec![of_image(); count]);
    list.entries.iter_mut().for_each(change);
    list
}

#[test]
fn a_list_has_its_name_and_a_serial_and_a_bounded_number_of_entries() {
    assert_eq!(checked(&revocations(1, &[])), Ok(()));
    assert_eq!(checked(&revocations(0, &[])), Err(RevocationsFault::NoSerial));
    assert_eq!(Revocations::subject("default"), "goldseal:revocations:default");
    let (found, expected) = ("default".to_owned(), "other".to_owned());
    assert_eq!(revocations(1, &[]).check("other"), Err(RevocationsFault::OtherList { found, expected }));
    let mut many = changed(MOST_REVOCATIONS, |_| {});
    assert_eq!(checked(&many), Ok(()));
    many = many.next(many.entries[..1].to_vec(), now());
    assert_eq!(checked(&many), Err(RevocationsFault::TooMany { found: MOST_REVOCATIONS + 1 }));
}

#[test]
fn entries_are_numbered_without_a_gap_and_stand_in_the_order_of_time() {
    let mut gap = changed(3, |_| {});
    gap.entries.remove(1);
    assert_eq!(checked(&gap), Err(RevocationsFault::Gap { expected: 2, found: 3 }));
    let moment = SignedDuration::from_nanos(1);
    assert_eq!(checked(&changed(2, |entry| entry.at = now())), Ok(()), "all at once, as the list was issued");
    let late = changed(1, |entry| entry.at = now() + moment);
    assert!(matches!(checked(&late), Err(RevocationsFault::AfterIssue { number: 1, .. })));
    let mut backwards = changed(2, |_| {});
    backwards.entries[1].at -= moment;
    assert!(matches!(checked(&backwards), Err(RevocationsFault::OutOfOrder { number: 2, .. })));
}

#[test]
fn texts_are_one_visible_line_of_500_characters_at_most() {
    let checked = |of: usize, text: &str| {
        checked(&changed(1, |entry| match of {
            0 => entry.by = text.to_owned(),
            1 => entry.reason = text.to_owned(),
            _ => entry.revokes = Revoked::Builder { builder: text.to_owned(), since: None },
        }))
    };
    for of in 0..3 {
        assert_eq!(checked(of, &"é".repeat(500)), Ok(()), "characters are counted, not bytes");
        for bad in [&*"x".repeat(501), "", " x", "x ", "a\nb", "a\u{1b}b"] {
            let fault = checked(of, bad);
            assert!(matches!(fault, Err(RevocationsFault::Text { number: 1, most: 500, .. })), "{bad:?}");
        }
    }
}

#[test]
fn only_an_earlier_entry_is_lifted_and_no_lift_is() {
    assert_eq!(checked(&revocations(1, &[of_image(), lift(1)])), Ok(()));
    for (entries, number, lifts) in [
        (vec![lift(1)], 1, 1),
        (vec![of_image(), lift(0)], 2, 0),
        (vec![of_image(), lift(2)], 2, 2),
        (vec![of_image(), lift(3), of_image()], 2, 3),
        (vec![of_image(), lift(1), lift(2)], 3, 2),
        (vec![of_image(), lift(u64::MAX)], 2, u64::MAX),
    ] {
        assert_eq!(checked(&revocations(1, &entries)), Err(RevocationsFault::Lift { number, lifts }), "{entries:?}");
    }
}

#[test]
fn what_stands_is_neither_lifted_nor_lifts() {
    let list = revocations(1, &[of_image(), of_image(), lift(1), of_image()]);
    assert_eq!(list.standing().map(|entry| entry.number).collect::<Vec<_>>(), [2, 4]);
}

#[test]
fn the_next_list_goes_on_with_numbers_and_serial() {
    let first = revocations(7, &[of_image(), of_image()]);
    let next = first.next(vec![first.entries[0].clone()], now());
    let numbers: Vec<u64> = next.entries.iter().map(|entry| entry.number).collect();
    assert_eq!((next.serial, next.issued_at, numbers.as_slice()), (8, now(), [1, 2, 3].as_slice()));
    assert!(first.is_continued_by(&next) && !next.is_continued_by(&first));
    assert_eq!(first.contradicted_by(&next), None);
}

#[test]
fn lists_contradict_each_other_by_one_serial_or_by_what_one_lacks() {
    let list = |serial, entries: &[Revoked]| revocations(serial, entries);
    let older = list(1, &[of_image()]);
    let other = Revoked::Evidence { sha256: Sha256Digest::of(b"x") };
    for (newer, contradicts) in [
        (list(2, &[of_image()]), false),
        (list(2, &[of_image(), other.clone()]), false),
        (list(1, &[of_image(), other.clone()]), true),
        (list(2, &[]), true),
        (list(2, &[other.clone(), of_image()]), true),
    ] {
        assert_eq!(older.contradicted_by(&newer).is_some(), contradicts, "{newer:?}");
    }
}
