//! Who says what of a build → what all of them say, or which two contradict each other.

use std::{fmt::Display, str::FromStr};

use super::{ci::is_commit, manifest::BuiltImage};
use crate::ids::ImageRef;

/// The file of build facts.
pub(super) const FILE: &str = "the file of build facts";

/// Why there are no facts of a build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactsFault {
    /// Two do not say the same.
    #[error(
        "the {fact}: {one} says {says:?}, {other} says {contradicts:?}; leave out what is not of this build, or mend it"
    )]
    Contradiction {
        /// What it is about.
        fact: &'static str,
        /// Who says it.
        one: String,
        /// What.
        says: String,
        /// Who says otherwise.
        other: String,
        /// What.
        contradicts: String,
    },
    /// Nobody says who built it.
    #[error(
        "nothing says who built the image: seal it in CI, set custom_data.builder in the manifest post-processor, or name \
         the builder in a file of build facts"
    )]
    NoBuilder,
    /// The manifest is of another build.
    #[error("{image} was not built by run {run} of the Packer manifest, which built {built}")]
    NotBuilt {
        /// The image.
        image: ImageRef,
        /// The run.
        run: String,
        /// Its images.
        built: String,
    },
    /// A value of our own keys in the manifest has no legal form.
    #[error("custom_data.{key} of build {build:?} in the Packer manifest: {problem}")]
    CustomData {
        /// The key.
        key: &'static str,
        /// The build's name.
        build: String,
        /// What is wrong.
        problem: String,
    },
    /// The base image of the file is no image.
    #[error("baseImage.arn {0:?} of the file of build facts is not arn:PARTITION:ec2:REGION:[ACCOUNT]:image/ami-ID")]
    BaseArn(String),
}

/// Who says something, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    who: String,
    what: String,
}

/// Says that somebody says something, if it is anything.
pub(super) fn says(who: impl Display, what: Option<impl Display>) -> Option<Said> {
    let what = what?.to_string();
    (!what.trim().is_empty()).then(|| Said { who: who.to_string(), what })
}

/// Returns a value of `custom_data`; a template without one writes the empty string.
pub(super) fn custom<'b>(built: Option<&'b BuiltImage>, key: &str) -> Option<&'b str> {
    Some(built?.data.get(key)?.trim()).filter(|value| !value.is_empty())
}

/// Says what `custom_data` says.
pub(super) fn custom_says(built: Option<&BuiltImage>, key: &str) -> Option<Said> {
    says(format!("custom_data.{key} of the Packer manifest"), custom(built, key))
}

/// Reads a value of `custom_data`.
pub(super) fn custom_parsed<T: FromStr<Err: Display>>(
    built: Option<&BuiltImage>,
    key: &'static str,
) -> Result<Option<T>, FactsFault> {
    let Some((built, value)) = built.zip(custom(built, key)) else { return Ok(None) };
    let fault = |problem: T::Err| {
        let (build, problem) = (built.build.clone(), problem.to_string());
        FactsFault::CustomData { key, build, problem }
    };
    value.parse().map(Some).map_err(fault)
}

/// Returns what all of them say, if anybody says anything.
pub(super) fn agreed<const N: usize>(
    fact: &'static str,
    said: [Option<Said>; N],
) -> Result<Option<String>, FactsFault> {
    agreed_as(fact, said, |one, other| one == other)
}

/// Returns the commit that all of them say.
pub(super) fn agreed_commit<const N: usize>(said: [Option<Said>; N]) -> Result<Option<String>, FactsFault> {
    agreed_as("commit", said, same_commit)
}

/// Of two that are the same, the longer one stays.
fn agreed_as(
    fact: &'static str,
    said: impl IntoIterator<Item = Option<Said>>,
    same: fn(&str, &str) -> bool,
) -> Result<Option<String>, FactsFault> {
    let mut said = said.into_iter().flatten();
    let Some(mut best) = said.next() else { return Ok(None) };
    for other in said {
        if !same(&best.what, &other.what) {
            let (Said { who: one, what: says }, Said { who: other, what: contradicts }) = (best, other);
            return Err(FactsFault::Contradiction { fact, one, says, other, contradicts });
        }
        if other.what.len() > best.what.len() {
            best = other;
        }
    }
    Ok(Some(best.what))
}

/// A short commit is the same as a full one that begins with it, for templates like to write short ones.
fn same_commit(one: &str, other: &str) -> bool {
    const SHORTEST: usize = 7;
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    one == other || (is_commit(long) && short.len() >= SHORTEST && long.starts_with(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_nothing_is_not_heard_and_who_says_the_same_is_heard_once() {
        let said = |what: &'static [&str]| {
            let one = |at: usize| what.get(at).and_then(|what| says(at, Some(what)));
            agreed("x", [one(0), None, one(1), one(2)])
        };
        assert_eq!(said(&[]), Ok(None));
        assert_eq!(said(&["", " ", ""]), Ok(None));
        assert_eq!(said(&["", "a", "a"]), Ok(Some("a".to_owned())));
        assert_eq!(
            said(&["a", "", "b"]).unwrap_err().to_string(),
            "the x: 0 says \"a\", 2 says \"b\"; leave out what is not of this build, or mend it"
        );
        assert_eq!(says("x", None::<&str>), None);
    }

    #[test]
    fn a_short_commit_is_the_same_as_the_full_one_that_it_begins() {
        const HEAD: &str = "5b1f0c9e27d84a36b0e4c7719f2ad8635c0e91d4";
        for (one, other, same) in [
            (HEAD, HEAD, true),
            (HEAD, &HEAD[..7], true),
            (HEAD, &HEAD[..39], true),
            (HEAD, &HEAD[..6], false),
            (HEAD, &HEAD[1..], false),
            (HEAD, "0c9e27d84a36b0e4c7719f2ad8635c0e91d45b1f", false),
            (&HEAD[..8], &HEAD[..7], false),
            ("main", "main", true),
        ] {
            let pair = |a: &str, b: &str| agreed_commit([says("a", Some(a)), says("b", Some(b))]);
            for both in [pair(one, other), pair(other, one)] {
                assert_eq!(both.clone().ok().flatten().as_deref(), same.then_some(one), "{one} {other}: {both:?}");
            }
        }
    }
}
