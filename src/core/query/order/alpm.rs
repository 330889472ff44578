//! Versions of Arch Linux, as vercmp(8) and PKGBUILD(5) say: `[epoch:]version[-release]`, compared run by run.

use std::cmp::Ordering;

use super::number::{Number, run};

/// A version of a package of Arch Linux.
#[derive(Debug, Clone)]
pub(super) struct Alpm {
    epoch: Option<Number>,
    version: Vec<Part>,
    release: Option<Vec<Part>>,
}

/// A run of letters or digits; the last part is the end. Where two versions go on differently, the kinds stand in this order:
/// letters that follow at once (`1.0rc`) are earlier than the end, everything else is later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Attached(String),
    End,
    /// Behind so many signs that are neither.
    Further(usize, Run),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    Letters(String),
    Number(Number),
}

impl Alpm {
    /// Reads a version; none if it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (Some(Number::of(epoch)?), rest),
            None => (None, text),
        };
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(parts(release)?)),
            None => (rest, None),
        };
        Some(Self { epoch, version: parts(version)?, release })
    }

    /// Compares two versions. Without an epoch it is 0; vercmp leaves releases out unless both have one, which is no order, so
    /// that here none is earlier than any.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        fn key(one: &Alpm) -> (Option<&Number>, &[Part], Option<&[Part]>) {
            (one.epoch.as_ref().filter(|epoch| !epoch.is_zero()), &one.version, one.release.as_deref())
        }
        key(self).cmp(&key(other))
    }

    /// Leaves out epoch and release where a bound has none.
    pub(super) fn shorten(&mut self, bound: &Self) {
        self.epoch = self.epoch.take().filter(|_| bound.epoch.is_some());
        self.release = self.release.take().filter(|_| bound.release.is_some());
    }
}

/// Cuts a text into its runs. Signs at its end are no version here: where vercmp puts them is no order.
fn parts(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (signs, behind) = run(rest, |b| b"._+".contains(b));
        let digits = behind.starts_with(|c: char| c.is_ascii_digit());
        let (found, behind) = run(behind, |b| if digits { b.is_ascii_digit() } else { b.is_ascii_alphabetic() });
        if found.is_empty() || (parts.is_empty() && !signs.is_empty()) {
            return None;
        }
        parts.push(match Number::of(found) {
            Some(number) => Part::Further(signs.len(), Run::Number(number)),
            None if signs.is_empty() => Part::Attached(found.to_owned()),
            None => Part::Further(signs.len(), Run::Letters(found.to_owned())),
        });
        rest = behind;
        if rest.is_empty() {
            parts.push(Part::End);
            return Some(parts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Order, Reach},
        *,
    };

    /// The cases of pacman's own test of vercmp (test/util/vercmptest.sh), but for releases on one side.
    #[test]
    fn versions_of_arch_are_ordered_as_vercmp_does() {
        let cases = [
            ("1.5.0", "1.5.0", 0),
            ("1.5.1", "1.5.0", 1),
            ("1.5.1", "1.5", 1),
            ("1.5.0-1", "1.5.0-2", -1),
            ("1.5.0-1", "1.5.1-1", -1),
            ("1.5.0-2", "1.5.1-1", -1),
            ("1.5-1", "1.5.1-1", -1),
            ("1.5-2", "1.5.1-2", -1),
            ("1.0-1", "1.1", -1),
            ("1.1-1", "1.0", 1),
            ("1.5b-1", "1.5-1", -1),
            ("1.5b", "1.5", -1),
            ("1.5b-1", "1.5", -1),
            ("1.5b", "1.5.1", -1),
            ("1.0a", "1.0alpha", -1),
            ("1.0alpha", "1.0b", -1),
            ("1.0b", "1.0beta", -1),
            ("1.0beta", "1.0rc", -1),
            ("1.0rc", "1.0", -1),
            ("1.5.a", "1.5", 1),
            ("1.5.b", "1.5.a", 1),
            ("1.5.1", "1.5.b", 1),
            ("1.5-1", "1.5.b", -1),
            ("2.0", "2_0", 0),
            ("2.0_a", "2_0.a", 0),
            ("2.0a", "2.0.a", -1),
            ("2___a", "2_a", 1),
            ("0:1.0", "0:1.1", -1),
            ("1:1.0", "0:1.1", 1),
            ("1:1.0", "2:1.1", -1),
            ("1:1.0", "0:1.0-1", 1),
            ("1:1.0-1", "0:1.1-1", 1),
            ("0:1.0", "1.0", 0),
            ("0:1.0", "1.1", -1),
            ("1:1.0", "1.1", 1),
        ];
        for (one, other, expected) in cases {
            let found = Order::Alpm.compare(one, other).map(|found| found as i32);
            assert_eq!(found, Some(expected), "{one} {other}");
            assert_eq!(Order::Alpm.compare(other, one).map(|found| found as i32), Some(-expected), "{other} {one}");
        }
    }

    #[test]
    fn a_release_on_one_side_only_is_left_out_as_far_as_the_question_goes() {
        for version in ["1.5-1", "1.5.b-1", "1:1.1-1", "1.1-1.1"] {
            let bound = version.rsplit_once('-').unwrap().0;
            assert!(Order::Alpm.compared(version, bound, Reach::OfBound).unwrap().is_eq(), "{version}");
            assert!(Order::Alpm.compare(version, bound).unwrap().is_gt(), "{version}");
        }
        assert!(
            Order::Alpm.compared("1:1.0-1", "1.1", Reach::OfBound).unwrap().is_lt(),
            "nor does an epoch hide anything"
        );
    }

    #[test]
    fn what_is_no_version_of_arch_is_none() {
        for text in ["", ":1", "x:1", "1.", ".1", "1-", "-1", "1 0", "1/0", "1-1-", "1:", "1~2", "1:2:3"] {
            assert!(Alpm::read(text).is_none(), "{text}");
        }
    }
}
