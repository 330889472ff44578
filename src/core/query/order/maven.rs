//! Versions of Maven, as its "Version Order Specification" says, in the reading of `ComparableVersion` of Maven 4.
//!
//! A version is a list: a dot goes on in it, a hyphen and every change between letters and digits begin a list inside, which
//! ends it. So a list holds at most one other, as its last item.

use std::cmp::Ordering;

use super::number::Number;

/// A version of an artifact of Maven. Any text is one.
#[derive(Debug, Clone)]
pub(super) struct Maven(Vec<Item>);

#[derive(Debug, Clone)]
enum Item {
    Number(Number),
    Word(Word),
    /// A word with a number behind it: `rc1`, `rc-1`.
    Counted(Word, Number),
    Inner(Vec<Self>),
}

/// What is not a number; words that nobody knows come behind all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Alpha,
    Beta,
    Milestone,
    Candidate,
    Snapshot,
    Release,
    ServicePack,
    Other(String),
}

impl Word {
    fn of(text: &str, counted: bool) -> Self {
        match text {
            "alpha" => Self::Alpha,
            "beta" => Self::Beta,
            "milestone" => Self::Milestone,
            "a" if counted => Self::Alpha,
            "b" if counted => Self::Beta,
            "m" if counted => Self::Milestone,
            "rc" | "cr" => Self::Candidate,
            "snapshot" => Self::Snapshot,
            "" | "ga" | "final" | "release" => Self::Release,
            "sp" => Self::ServicePack,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Maven {
    /// Reads a version; none of an empty text.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let text = text.to_ascii_lowercase();
        let mut reader = Reader { lists: vec![Vec::new()], token: String::new() };
        let mut rest = text.chars().peekable();
        while let Some(sign) = rest.next() {
            let number_follows = rest.peek().is_some_and(char::is_ascii_digit);
            reader.take(sign, number_follows);
        }
        Some(Self(reader.ended()))
    }

    /// Compares two versions.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        lists(&self.0, &other.0)
    }
}

/// The lists that are open, the innermost last, and what was read of the next item.
struct Reader {
    lists: Vec<Vec<Item>>,
    token: String,
}

impl Reader {
    fn take(&mut self, sign: char, number_follows: bool) {
        let in_number = self.token.ends_with(|c: char| c.is_ascii_digit());
        match sign {
            '.' => self.item(),
            // A hyphen between a word and a number is part of both.
            '-' if number_follows && !in_number && !self.token.is_empty() => self.token.push('-'),
            '-' => {
                self.item();
                self.inside();
            }
            '0'..='9' => {
                if !in_number && !self.token.is_empty() {
                    self.inside();
                }
                self.token.push(sign);
            }
            other => {
                if in_number {
                    self.item();
                    self.inside();
                }
                self.token.push(other);
            }
        }
    }

    /// Puts what was read into the innermost list; nothing is zero.
    fn item(&mut self) {
        let token = std::mem::take(&mut self.token);
        let item = match token.find(|c: char| c.is_ascii_digit()) {
            _ if token.is_empty() => Number::of("0").map(Item::Number),
            Some(at) => {
                let (word, digits) = token.split_at(at);
                let word = (!word.is_empty()).then(|| Word::of(word.trim_end_matches('-'), true));
                Number::of(digits).map(|number| match word {
                    Some(word) => Item::Counted(word, number),
                    None => Item::Number(number),
                })
            }
            None => Some(Item::Word(Word::of(&token, false))),
        };
        if let Some(list) = self.lists.last_mut() {
            list.extend(item);
        }
    }

    /// Begins a list in the innermost one, unless that has just begun.
    fn inside(&mut self) {
        if self.lists.last().is_some_and(|list| !list.is_empty()) {
            self.lists.push(Vec::new());
        }
    }

    fn ended(mut self) -> Vec<Item> {
        if !self.token.is_empty() {
            // A word at the end is the same behind a dot and behind a hyphen.
            if !self.token.ends_with(|c: char| c.is_ascii_digit()) {
                self.inside();
            }
            self.item();
        }
        let inner = |inner: Vec<Item>, mut outer: Vec<Item>| {
            outer.push(Item::Inner(inner));
            trimmed(outer)
        };
        let mut lists = self.lists.into_iter().rev();
        let innermost = lists.next().map(trimmed).unwrap_or_default();
        lists.fold(innermost, inner)
    }
}

/// Takes out what is nothing: at the end of a list, and before words.
fn trimmed(mut list: Vec<Item>) -> Vec<Item> {
    for at in (0..list.len()).rev() {
        let nothing = list.get(at).is_some_and(|item| match item {
            Item::Number(number) => number.is_zero(),
            Item::Inner(inner) => inner.is_empty(),
            Item::Word(_) | Item::Counted(..) => false,
        });
        let before_nothing_or_words = match list.get(at + 1) {
            None | Some(Item::Word(_)) => true,
            Some(Item::Inner(inner)) => matches!(inner.first(), Some(Item::Word(_) | Item::Counted(..))),
            Some(Item::Number(_) | Item::Counted(..)) => false,
        };
        if nothing && before_nothing_or_words {
            list.remove(at);
        }
    }
    match list.as_mut_slice() {
        [Item::Inner(only)] => std::mem::take(only),
        _ => list,
    }
}

/// Compares two lists item by item; the shorter one goes on with nothing.
fn lists(one: &[Item], other: &[Item]) -> Ordering {
    let length = one.len().max(other.len());
    (0..length).map(|at| items(one.get(at), other.get(at))).find(|found| found.is_ne()).unwrap_or(Ordering::Equal)
}

fn items(one: Option<&Item>, other: Option<&Item>) -> Ordering {
    match (one, other) {
        (None, None) => Ordering::Equal,
        (Some(item), None) => beside_nothing(item),
        (None, Some(item)) => beside_nothing(item).reverse(),
        (Some(Item::Number(one)), Some(Item::Number(other))) => one.cmp(other),
        (Some(Item::Number(_)), Some(_)) => Ordering::Greater,
        (Some(_), Some(Item::Number(_))) => Ordering::Less,
        (Some(Item::Inner(one)), Some(Item::Inner(other))) => lists(one, other),
        // A word is a list of itself.
        (Some(Item::Inner(one)), Some(word)) => lists(one, std::slice::from_ref(word)),
        (Some(word), Some(Item::Inner(other))) => lists(std::slice::from_ref(word), other),
        (Some(Item::Word(one)), Some(Item::Word(other))) => one.cmp(other),
        (Some(Item::Counted(one, count)), Some(Item::Counted(other, other_count))) => {
            one.cmp(other).then_with(|| count.cmp(other_count))
        }
        (Some(Item::Counted(one, count)), Some(Item::Word(other))) => one.cmp(other).then_with(|| counted(one, count)),
        (Some(Item::Word(one)), Some(Item::Counted(other, count))) => {
            one.cmp(other).then_with(|| counted(other, count).reverse())
        }
    }
}

/// Compares an item with the end.
fn beside_nothing(item: &Item) -> Ordering {
    match item {
        Item::Number(number) if number.is_zero() => Ordering::Equal,
        Item::Number(_) => Ordering::Greater,
        Item::Word(word) => word.cmp(&Word::Release),
        Item::Counted(word, count) => word.cmp(&Word::Release).then_with(|| counted(word, count)),
        Item::Inner(list) => lists(list, &[]),
    }
}

/// Compares a word that is counted with the same word that is not.
fn counted(word: &Word, count: &Number) -> Ordering {
    if *word == Word::Release && count.is_zero() { Ordering::Equal } else { Ordering::Greater }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering::{Equal, Less};

    use super::*;

    fn compare(one: &str, other: &str) -> Ordering {
        let read = |text| Maven::read(text).unwrap();
        let found = read(one).compare(&read(other));
        assert_eq!(read(other).compare(&read(one)), found.reverse(), "{one} {other}");
        found
    }

    fn ascend(list: &[&str]) {
        for (place, one) in list.iter().enumerate() {
            for (other_place, other) in list.iter().enumerate() {
                assert_eq!(compare(one, other), place.cmp(&other_place), "{one} {other}");
            }
        }
    }

    /// The lists of Maven's own ComparableVersionTest.
    #[test]
    fn qualifiers_and_numbers_are_ordered_as_maven_does() {
        ascend(&[
            "1-alpha2snapshot",
            "1-alpha2",
            "1-alpha-123",
            "1-beta-2",
            "1-beta123",
            "1-m2",
            "1-m11",
            "1-rc",
            "1-cr2",
            "1-rc123",
            "1-SNAPSHOT",
            "1",
            "1-sp",
            "1-sp2",
            "1-sp123",
            "1-abc",
            "1-def",
            "1-pom-1",
            "1-1-snapshot",
            "1-1",
            "1-2",
            "1-123",
        ]);
        ascend(&[
            "2.0", "2.0.a", "2-1", "2.0.2", "2.0.123", "2.1.0", "2.1-a", "2.1b", "2.1-c", "2.1-1", "2.1.0.1", "2.2",
            "2.123", "11.a2", "11.a11", "11.b2", "11.b11", "11.m2", "11.m11", "11", "11.a", "11b", "11c", "11m",
        ]);
    }

    #[test]
    fn what_maven_takes_for_the_same_is_the_same() {
        for (one, other) in [
            ("1", "1.0.0"),
            ("1", "1-0"),
            ("1.0", "1.0-0"),
            ("1a", "1-a"),
            ("1a", "1.0.0-a"),
            ("1.0a", "1-a"),
            ("1x", "1.0-x"),
            ("1.0.0x", "1-x"),
            ("1ga", "1"),
            ("1RELEASE", "1"),
            ("1Final", "1"),
            ("1cr", "1rc"),
            ("1a1", "1-alpha-1"),
            ("1b2", "1-beta-2"),
            ("1m3", "1MileStone3"),
            ("1X", "1x"),
            ("0.x", "0-x"),
            ("0001", "1"),
            ("2-rc", "2.0.rc"),
            ("2.0.0.m", "2-m"),
            ("1.", "1"),
            ("1-", "1"),
            ("1..2", "1.0.2"),
            ("1-ga0", "1"),
        ] {
            assert_eq!(compare(one, other), Equal, "{one} {other}");
        }
    }

    #[test]
    fn the_cases_that_maven_got_wrong_once_are_right() {
        for (one, other) in [
            ("1.0-alpha-1-SNAPSHOT", "1.0-alpha-1"),
            ("1.0-beta-1", "1.0-SNAPSHOT"),
            ("1.0.0", "1.0-1"),
            ("2.0-1", "2.0.1"),
            ("2.0.1-klm", "2.0.1-lmn"),
            ("2.0.1-xyz", "2.0.1-123"),
            ("0.7", "2"),
            ("0.2", "1.0.7"),
            ("6.1.0rc3", "6.1.0"),
            ("6.1.0rc3", "6.1H.5-beta"),
            ("6.1.0", "6.1H.5-beta"),
            ("20190126.230843", "1234567890.12345"),
            ("1234567890.12345", "123456789012345.1H.5-beta"),
            ("123456789012345.1H.5-beta", "12345678901234567890.1H.5-beta"),
            ("1-0.alpha", "1"),
            ("1-0.alpha", "1-0.beta"),
            ("1.0.0.RC1", "1.0.0-RC2"),
            ("1.0.0.abc1", "1.0.0-abc2"),
            ("1.0.final-redhat", "1.0-sp1-redhat"),
            ("1.0.final-redhat", "1.0-sp-1-redhat"),
            ("1.0.final-redhat", "1.0-sp.1-redhat"),
            ("J", "7"),
            ("aardvark", "zebra"),
            ("1", "1-ga1"),
            ("1-ga1", "1-ga2"),
            ("1-rc", "1-rc0"),
        ] {
            assert_eq!(compare(one, other), Less, "{one} {other}");
        }
    }

    #[test]
    fn versions_that_people_ship_are_ordered() {
        ascend(&[
            "4.1.99.Final",
            "4.1.100.Final",
            "4.1.100.Final-redhat-1",
            "4.2.0.Alpha1",
            "4.2.0.CR1",
            "4.2.0.Final",
        ]);
        ascend(&["2.0-beta9", "2.0-rc1", "2.0", "2.3.1", "2.14.1", "2.15.0", "2.17.1", "3.0.0-alpha1", "3.0.0"]);
        ascend(&["31.0-android", "31.0-jre", "31.0.1-android", "31.1-jre", "32.0.0-android"]);
    }
}
