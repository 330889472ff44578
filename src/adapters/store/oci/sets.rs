//! The bundles that hang on a descriptor → the set of them that is the evidence.
//!
//! A registry has no write of several manifests at once. So every bundle says which set it is of (the SHA-256 of the
//! whole evidence), which line of how many, and of which generation; a set counts once all of it is there, and of whole
//! sets the highest generation. A writer that dies halfway leaves parts that do not count, and what was there before.
//! Two whole sets of one generation are two writers at once: neither is believed.

use std::collections::BTreeMap;

use goldseal_core::{attestation::EVIDENCE_LIMITS, digest::Sha256Digest};

use super::layout::{Digest, Entry};

const LINE: &str = "dev.goldseal.evidence.line";
const LINES: &str = "dev.goldseal.evidence.lines";
const SET: &str = "dev.goldseal.evidence.set";
const GENERATION: &str = "dev.goldseal.evidence.generation";

/// Which evidence, and which of the writes that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SetId {
    pub(super) generation: u64,
    pub(super) set: Sha256Digest,
    pub(super) lines: usize,
}

/// Where a bundle stands in the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) of: SetId,
    /// Its line, from 1.
    pub(super) line: usize,
}

/// A bundle that is evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) place: Place,
    /// The manifest that says so.
    pub(super) manifest: Digest,
    /// The bundle.
    pub(super) layer: Entry,
}

/// What the parts that were found amount to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Evidence<'p> {
    /// Nothing.
    Absent,
    /// Parts of a set, and no whole one: somebody is writing the first, or stopped writing it, or removed a part.
    Parts(String),
    /// A whole set, by line.
    Whole(SetId, Vec<&'p Part>),
    /// More than one, with nothing to choose by.
    Collision(String),
}

impl Place {
    /// Whether annotations are ours.
    pub(super) fn is_named_in(annotations: &BTreeMap<String, String>) -> bool {
        annotations.contains_key(LINE)
    }

    /// Reads the annotations of a manifest; none when they are not ours.
    pub(super) fn parse(annotations: &BTreeMap<String, String>) -> Result<Option<Self>, String> {
        if !Self::is_named_in(annotations) {
            return Ok(None);
        }
        let number = |name: &str| {
            let text = annotations.get(name).map(String::as_str).unwrap_or_default();
            // One spelling of a number: no sign, no leading zero.
            let parsed = text.parse::<u64>().ok().filter(|number| *number > 0 && number.to_string() == text);
            parsed.ok_or_else(|| format!("annotation {name} is {text:?}"))
        };
        let small = |name: &str| {
            let found = usize::try_from(number(name)?).unwrap_or(usize::MAX);
            if found > EVIDENCE_LIMITS.lines { Err(format!("annotation {name} is {found}")) } else { Ok(found) }
        };
        let set = annotations.get(SET).map(String::as_str).unwrap_or_default();
        let set = set.parse().map_err(|e| format!("annotation {SET}: {e}"))?;
        let of = SetId { generation: number(GENERATION)?, set, lines: small(LINES)? };
        Ok(Some(Self { of, line: small(LINE)? }))
    }

    /// Writes them.
    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        let Self { of: SetId { generation, set, lines }, line } = self;
        [
            (LINE, line.to_string()),
            (LINES, lines.to_string()),
            (SET, set.to_string()),
            (GENERATION, generation.to_string()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

impl<'p> Evidence<'p> {
    /// Finds the set that counts.
    pub(super) fn of(parts: &'p [Part]) -> Self {
        let mut sets: BTreeMap<SetId, BTreeMap<usize, &'p Part>> = BTreeMap::new();
        let mut doubtful = Vec::new();
        for part in parts {
            let known = sets.entry(part.place.of).or_default().entry(part.place.line).or_insert(part);
            if known.layer.digest != part.layer.digest {
                doubtful.push(part.place.of);
            }
        }
        let whole = |(id, found): &(&SetId, &BTreeMap<usize, &'p Part>)| {
            found.keys().copied().eq(1..=id.lines) && !doubtful.contains(id)
        };
        let highest = sets.iter().filter(whole).map(|(id, _)| id.generation).max();
        let mut first = sets.iter().filter(whole).filter(|(id, _)| Some(id.generation) == highest);
        match (first.next(), first.next()) {
            (Some((id, found)), None) => Self::Whole(*id, found.values().copied().collect()),
            (Some((one, _)), Some((other, _))) => Self::Collision(format!(
                "two writers at once left two sets of evidence, {} and {}: delete the manifests of one",
                one.set, other.set
            )),
            (None, _) => match sets.iter().next_back() {
                None => Self::Absent,
                Some((id, found)) => {
                    let SetId { set, lines, .. } = id;
                    let twice = if doubtful.contains(id) { ", and one of them twice" } else { "" };
                    Self::Parts(format!("{} of the {lines} lines of evidence set {set} are there{twice}", found.len()))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(generation: u64, set: &str, line: usize, lines: usize) -> Part {
        let layer = format!("{set} {line}");
        let layer = Entry {
            media_type: String::new(),
            digest: Digest::of(layer.as_bytes()),
            size: 1,
            artifact_type: None,
            annotations: BTreeMap::new(),
        };
        let of = SetId { generation, set: Sha256Digest::of(set.as_bytes()), lines };
        Part { place: Place { of, line }, manifest: Digest::of(format!("{of:?} {line}").as_bytes()), layer }
    }

    fn set(generation: u64, name: &str, lines: usize) -> Vec<Part> {
        (1..=lines).map(|line| part(generation, name, line, lines)).collect()
    }

    fn outcome(parts: &[Part]) -> String {
        match Evidence::of(parts) {
            Evidence::Absent => "absent".to_owned(),
            Evidence::Parts(_) => "parts".to_owned(),
            Evidence::Collision(_) => "collision".to_owned(),
            Evidence::Whole(id, parts) => {
                assert!(parts.iter().map(|part| part.place.line).eq(1..=id.lines));
                format!("{} {}", id.generation, parts.len())
            }
        }
    }

    #[test]
    fn a_whole_set_of_the_highest_generation_counts() {
        assert_eq!(outcome(&[]), "absent");
        assert_eq!(outcome(&set(1, "a", 1)), "1 1");
        let mut reversed = set(1, "a", 3);
        reversed.reverse();
        assert_eq!(outcome(&reversed), "1 3");
        assert_eq!(outcome(&[set(1, "a", 3), set(2, "b", 2)].concat()), "2 2");
        assert_eq!(outcome(&[set(1, "a", 3), set(2, "b", 2), set(3, "a", 3)].concat()), "3 3");
        assert_eq!(outcome(&[set(1, "a", 3), set(2, "b", 2)[..1].to_vec()].concat()), "1 3");
        assert_eq!(outcome(&[set(1, "a", 1), set(1, "a", 1)].concat()), "1 1", "listed twice");
    }

    #[test]
    fn gaps_and_doubts_make_a_set_not_whole() {
        for missing in 0..3 {
            let mut parts = set(1, "a", 3);
            parts.remove(missing);
            assert_eq!(outcome(&parts), "parts");
        }
        let mut parts = set(1, "a", 3);
        parts.push(Part { layer: part(1, "x", 1, 1).layer, ..part(1, "a", 2, 3) });
        assert_eq!(outcome(&parts), "parts");
        assert_eq!(outcome(&[part(1, "a", 1, 2), part(1, "a", 2, 3)]), "parts");
    }

    #[test]
    fn two_sets_of_one_generation_collide() {
        assert_eq!(outcome(&[set(2, "a", 1), set(2, "b", 2)].concat()), "collision");
        assert_eq!(outcome(&[set(2, "a", 1), set(2, "b", 2), set(3, "c", 1)].concat()), "3 1");
        assert_eq!(outcome(&[set(2, "a", 1), set(2, "b", 2)[1..].to_vec()].concat()), "2 1");
    }

    #[test]
    fn annotations_have_one_spelling() {
        let place = part(7, "a", 2, 3).place;
        assert_eq!(Place::parse(&place.annotations()), Ok(Some(place)));
        assert_eq!(Place::parse(&BTreeMap::new()), Ok(None));
        for name in [LINE, LINES, SET, GENERATION] {
            for bad in ["", "0", "01", "+1", "-1", "x", "99999999999999999999"] {
                let mut annotations = place.annotations();
                annotations.insert(name.to_owned(), bad.to_owned());
                assert!(Place::parse(&annotations).is_err(), "{name} {bad}");
            }
        }
        let mut annotations = place.annotations();
        annotations.insert(LINES.to_owned(), "257".to_owned());
        assert!(Place::parse(&annotations).is_err());
    }
}
