//! Alpine's versions, as apk-package(5) says: `number{.number}…{letter}{_suffix{number}}…{~hash}{-rNUMBER}`.

use super::number::{Number, run};

/// A version of a package of Alpine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Apk(Vec<Part>);

/// A part of a version; the last one is the end. Where two versions go on differently, the kinds stand in this order: what
/// leads to a release is earlier than the end, and everything else is later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// A suffix of what comes before the release, by its place in [`BEFORE`].
    Before(usize),
    End,
    /// Of the package, not of what is in it.
    Revision(Number),
    Hash(String),
    /// Behind a suffix.
    Count(Number),
    /// A suffix of what comes behind the release, by its place in [`AFTER`].
    After(usize),
    Letter(u8),
    /// A number behind a dot that begins with a zero: with such, texts are compared.
    Padded(String),
    Number(Number),
}

const BEFORE: [&str; 4] = ["alpha", "beta", "pre", "rc"];
const AFTER: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];

impl Apk {
    /// Reads a version; none if it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (first, mut rest) = run(text, u8::is_ascii_digit);
        let mut parts = vec![Part::Number(Number::of(first)?)];
        while let Some(behind) = rest.strip_prefix('.') {
            let (digits, behind) = run(behind, u8::is_ascii_digit);
            let number = Number::of(digits)?;
            let padded = digits.starts_with('0');
            parts.push(if padded { Part::Padded(digits.to_owned()) } else { Part::Number(number) });
            rest = behind;
        }
        if let Some(letter) = rest.bytes().next().filter(u8::is_ascii_lowercase) {
            parts.push(Part::Letter(letter));
            rest = rest.get(1..)?;
        }
        while let Some(behind) = rest.strip_prefix('_') {
            let (word, behind) = run(behind, u8::is_ascii_lowercase);
            let place = |list: &[&str]| list.iter().position(|known| *known == word);
            parts.push(place(&BEFORE).map(Part::Before).or_else(|| place(&AFTER).map(Part::After))?);
            let (count, behind) = run(behind, u8::is_ascii_digit);
            parts.extend(Number::of(count).map(Part::Count));
            rest = behind;
        }
        if let Some(behind) = rest.strip_prefix('~') {
            let (hash, behind) = run(behind, |b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
            parts.push(Some(hash).filter(|hash| !hash.is_empty()).map(|hash| Part::Hash(hash.to_owned()))?);
            rest = behind;
        }
        if let Some(behind) = rest.strip_prefix("-r") {
            let (digits, behind) = run(behind, u8::is_ascii_digit);
            parts.push(Part::Revision(Number::of(digits)?));
            rest = behind;
        }
        parts.push(Part::End);
        rest.is_empty().then_some(Self(parts))
    }

    /// Leaves out revision and hash where a bound has none.
    pub(super) fn shorten(&mut self, bound: &Self) {
        let revision = |part: &Part| matches!(part, Part::Revision(_));
        let hash = |part: &Part| matches!(part, Part::Hash(_));
        let (revised, hashed) = (bound.0.iter().any(revision), bound.0.iter().any(hash));
        self.0.retain(|part| (revised || !revision(part)) && (hashed || !hash(part)));
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Order, Reach},
        *,
    };

    /// The cases of apk-tools' own test (test/version.data) that tell rules apart.
    const ASCENDING: [&[&str]; 14] = [
        &["0.1.0_alpha_pre2", "0.1.0_alpha", "0.1.0_alpha2", "0.1.3_alpha"],
        &["1.0.4-r3", "1.0.4-r4", "1.6"],
        &["1.1_alpha1", "1.1", "1.2", "1.2.1", "1.3_alpha", "1.3_alpha2", "1.3_alpha3"],
        &["2.3.0", "2.3.0b-r1", "2.3.0b-r2", "2.3.0b-r4"],
        &["0.12", "0.12.1", "0.12.3", "0.13_beta1", "0.13_beta5"],
        &["1.06-r6", "006", "021109-r3", "20060512"],
        &["3.1_p16", "3.1_p17", "4.2.52_p2-r1", "4.2.52_p4-r2", "4.5_p1", "4.5_p1-r1"],
        &["1.0_p9-r0", "1.0_p10-r0", "1.02.07", "1.02.10-r1"],
        &["2.5.1-r8", "2.5.1a-r1", "2.6"],
        &["1.3.5-r8", "1.3.5-r9", "1.3.5-r10"],
        &["2.01.01_alpha10", "2.01.01", "3.9_pre20060124", "3.9"],
        &["1.0.0_pre20191002222144-r0", "1.0.0_pre20210530193627-r0", "1.0.0"],
        &["0.9.28", "0.9.28-r1", "0.9.28-r2", "0.9.28.1", "087-r1", "103", "104-r9", "104-r11"],
        &["8.2.0015", "8.2.002", "8.2.1", "8.2.10", "1000000000000000000000"],
    ];

    #[test]
    fn versions_of_alpine_are_ordered_as_apk_does() {
        for list in ASCENDING {
            let read: Vec<Apk> = list.iter().map(|text| Apk::read(text).unwrap_or_else(|| panic!("{text}"))).collect();
            assert!(read.is_sorted_by(|one, next| one < next), "{list:?}");
        }
    }

    #[test]
    fn what_leads_to_a_release_is_earlier_and_what_goes_on_later() {
        let list =
            ["1_alpha", "1_beta", "1_pre", "1_rc", "1", "1-r1", "1~ab", "1_cvs", "1_svn", "1_git", "1_hg", "1_p"];
        let read = list.iter().chain(&["1a", "1.0", "1.00", "1.01", "1.1"]).map(|text| Apk::read(text).unwrap());
        assert!(read.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn what_apk_takes_for_no_version_is_none() {
        for text in [
            "",
            "a",
            "1.",
            ".1",
            "1..2",
            "1.0bc",
            "1.0B",
            "23_foo",
            "1_",
            "1_alphabet",
            "1-1",
            "1-r",
            "1-r1-r2",
            "1~",
            "1~XY",
            "1-r1_p1",
            "1a1",
            "1_p.1",
            "1 ",
            "v1",
        ] {
            assert_eq!(Apk::read(text), None, "{text}");
        }
    }

    #[test]
    fn revision_and_hash_are_left_out_where_a_bound_has_none() {
        for (version, bound) in [("3.1.4-r5", "3.1.4"), ("3.1.4~ab-r5", "3.1.4"), ("3.1.4~ab-r5", "3.1.4~ab")] {
            assert!(Order::Apk.compared(version, bound, Reach::OfBound).unwrap().is_eq(), "{version} {bound}");
            assert!(Order::Apk.compare(version, bound).unwrap().is_gt(), "{version} {bound}");
        }
        assert!(Order::Apk.compared("3.1.4-r5", "3.1.4-r6", Reach::OfBound).unwrap().is_lt());
    }
}
