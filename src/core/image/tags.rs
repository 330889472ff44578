//! The tags of an image, and the three that point to its evidence.
//!
//! Tags are hints: anyone with `ec2:CreateTags` can write them. They are compared where they are visible, prove
//! nothing, and never say where to look.

use std::collections::BTreeMap;

use crate::digest::Sha256Digest;

/// Tags with this prefix are shown to every account that an image is shared with; others only to their owner.
pub const SHARED_TAG_PREFIX: &str = "ec2:SharedTag/";
/// Where the evidence is, and its digest.
pub const EVIDENCE_TAG: &str = "goldseal:evidence";
/// The subject digest.
pub const SUBJECT_TAG: &str = "goldseal:subject";
/// The key that signed, for people.
pub const KEY_TAG: &str = "goldseal:key";

/// EC2 takes 256 characters; one is kept in reserve.
const LONGEST_VALUE: usize = 255;

/// The tags of an image that the caller may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// Returns every visible value of a tag: its own, and the one shared across accounts.
    pub fn values<'t>(&'t self, name: &str) -> impl Iterator<Item = &'t str> + use<'t> {
        let shared = self.0.get(&format!("{SHARED_TAG_PREFIX}{name}"));
        self.0.get(name).into_iter().chain(shared).map(String::as_str)
    }

    /// Returns them without those that point to evidence: as whoever sees no pointers sees the image.
    #[must_use]
    pub fn without_pointers(&self) -> Self {
        let pointer = |name: &String| {
            let own = name.strip_prefix(SHARED_TAG_PREFIX).unwrap_or(name);
            [EVIDENCE_TAG, SUBJECT_TAG, KEY_TAG].contains(&own)
        };
        Self(
            self.0
                .iter()
                .filter(|(name, _)| !pointer(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    /// Says whether there is a tag of exactly this name.
    pub fn bears(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl FromIterator<(String, String)> for Tags {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(tags: I) -> Self {
        Self(tags.into_iter().collect())
    }
}

/// Returns the value of [`EVIDENCE_TAG`]: `sha256:HEX PLACE`, without the place where it does not fit.
pub fn evidence_pointer(place: &str, evidence: Sha256Digest) -> String {
    let digest = format!("sha256:{evidence}");
    let whole = format!("{digest} {place}");
    if fits_tag(&whole) { whole } else { digest }
}

/// Says whether EC2 takes a text as the value of a tag.
pub fn fits_tag(value: &str) -> bool {
    value.chars().count() <= LONGEST_VALUE
}

/// Returns the digest that the value of a pointer tag names.
pub fn pointer_digest(value: &str) -> Option<Sha256Digest> {
    value.strip_prefix("sha256:")?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_tags_count_beside_own_ones() {
        let tags = [("a", "1"), ("ec2:SharedTag/a", "2"), ("b", "3")];
        let tags: Tags = tags.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        assert_eq!(tags.values("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(tags.values("b").collect::<Vec<_>>(), ["3"]);
        assert_eq!(tags.values("c").count(), 0);
    }

    #[test]
    fn whoever_sees_no_pointers_sees_all_other_tags() {
        let tags = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect::<Tags>();
        let others = ["Name", "goldseal:evidences", "ec2:SharedTag/Name", "ec2:SharedTag/ec2:SharedTag/goldseal:key"];
        let pointers = [EVIDENCE_TAG, SUBJECT_TAG, KEY_TAG];
        let shared = pointers.map(|name| format!("{SHARED_TAG_PREFIX}{name}"));
        let all: Vec<&str> = others.into_iter().chain(pointers).chain(shared.iter().map(String::as_str)).collect();
        assert_eq!(tags(&all).without_pointers(), tags(&others));
    }

    #[test]
    fn a_pointer_fits_a_tag_and_keeps_its_digest() {
        let digest = Sha256Digest::of(b"");
        for place in ["s3://bucket/v1/aws/eu-west-1/ami-0123abcd.jsonl".to_owned(), "x".repeat(300), String::new()] {
            let value = evidence_pointer(&place, digest);
            assert!(value.len() < 256);
            assert_eq!(pointer_digest(&value), Some(digest));
        }
        for bad in ["", "sha256:", "sha256:00 x", "s3://bucket"] {
            assert_eq!(pointer_digest(bad), None, "{bad}");
        }
    }
}
