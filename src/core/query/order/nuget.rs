//! Versions of NuGet: one to four numbers, and labels of a pre-release as in Semantic Versioning, whatever their case.

use super::number::Number;

/// A version of a package of NuGet. What is built (`+…`) does not matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nuget {
    numbers: [i32; 4],
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Before(Vec<Label>),
    Release,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    /// Numbers that are larger than an integer of NuGet are compared as texts there, and so they are here.
    Number(i32),
    Text(String),
}

impl Nuget {
    /// Reads a version; none if it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (text, built) = text.split_once('+').map_or((text, None), |(text, built)| (text, Some(built)));
        if built.is_some_and(|built| !built.split('.').all(is_label)) {
            return None;
        }
        let (told, stage) = match text.split_once('-') {
            Some((told, labels)) => (told, Stage::Before(labels.split('.').map(label).collect::<Option<_>>()?)),
            None => (text, Stage::Release),
        };
        let mut numbers = [0; 4];
        let mut places = numbers.iter_mut();
        for part in told.split('.') {
            // Digits alone: neither a sign nor a blank.
            Number::of(part)?;
            *places.next()? = part.parse().ok()?;
        }
        Some(Self { numbers, stage })
    }
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn label(text: &str) -> Option<Label> {
    let padded = text.len() > 1 && text.starts_with('0') && Number::of(text).is_some();
    if !is_label(text) || padded {
        return None;
    }
    Some(text.parse().map_or_else(|_| Label::Text(text.to_ascii_lowercase()), Label::Number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Nuget {
        Nuget::read(text).unwrap_or_else(|| panic!("{text}"))
    }

    /// The cases of NuGet's own VersionComparerTests, and what its documentation says of pre-releases and of four numbers.
    #[test]
    fn versions_of_nuget_are_ordered_as_nuget_does() {
        for (one, other) in [
            ("1.0.0", "1.0.0"),
            ("1.0.0-BETA", "1.0.0-beta"),
            ("1.0.0-BETA+AA", "1.0.0-beta+aa"),
            ("1.0.0-BETA.X.y.5.77.0+AA", "1.0.0-beta.x.y.5.77.0+aa"),
            ("1", "1.0.0.0"),
            ("1.0.0+AA", "1.0.0"),
            ("1.01.1", "1.1.1"),
        ] {
            assert_eq!(read(one), read(other), "{one} {other}");
        }
        for (one, other) in [
            ("0.0.0", "1.0.0"),
            ("1.0.0", "1.1.0"),
            ("1.0.0", "1.0.1"),
            ("1.999.9999", "2.1.1"),
            ("1.0.0-BETA", "1.0.0-beta2"),
            ("1.0.0-beta+AA", "1.0.0+aa"),
            ("1.0.0-BETA", "1.0.0-beta.1+AA"),
            ("1.0.0-BETA.X.y.5.77.0+AA", "1.0.0-beta.x.y.5.79.0+aa"),
            ("1.0.0-BETA.X.y.5.79.0+AA", "1.0.0-beta.x.y.5.790.0+abc"),
            ("1.0.1-alpha10", "1.0.1-alpha2"),
            ("1.0.1-alpha.2", "1.0.1-alpha.10"),
            ("1.0.1-alpha", "1.0.1-open"),
            ("1.0.1-open", "1.0.1-rc"),
            ("1.0.1-zzz", "1.0.1"),
            ("1.2.3", "1.2.3.1"),
            ("1.2.3.4-beta", "1.2.3.4"),
            ("1.0.0-99", "1.0.0-a"),
            ("1.0.0-20991231235959", "1.0.0-3000000000"),
        ] {
            assert!(read(one) < read(other), "{one} {other}");
        }
    }

    #[test]
    fn what_nuget_takes_for_no_version_is_none() {
        for text in [
            "",
            "1.",
            ".1",
            "1..2",
            "1.2.3.4.5",
            "1.0-",
            "1.0-a..b",
            "1.0-01",
            "1.0+",
            "1.0+a_b",
            "a",
            "v1.0",
            "1.-2",
            "+1",
            "99999999999.0",
            "1.0 ",
            "1.0-b\u{e9}",
        ] {
            assert_eq!(Nuget::read(text), None, "{text}");
        }
    }
}
