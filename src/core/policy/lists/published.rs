//! What places have of a revocation list → the list that whoever keeps it goes on from.
//!
//! A reader makes the best of what it finds; who signs the next list must not. On a list that was rolled back, or that
//! nobody knows, nothing is built.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use jiff::Timestamp;

use super::Source;
use crate::{
    attestation::{
        Statement, lines, named,
        predicate::{REVOCATIONS_TYPE, Revocations},
    },
    digest::Sha256Digest,
    policy::{keys::Keys, rule::RevocationRule},
    trust::{AuthorityName, Proven, RevokedKeys, Verified},
};

/// A revocation list that authorities signed, be they enough or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedList {
    /// The list.
    pub list: Revocations,
    /// The SHA-256 of its payload.
    pub statement: Sha256Digest,
    /// Who signed it.
    pub by: BTreeSet<AuthorityName>,
    /// A signer recorded that its key is a file on disk.
    pub dangerous_local_key: bool,
    /// Its bundles.
    pub bundles: Vec<Vec<u8>>,
}

/// What there is of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The list that counts; none when there is none yet.
    pub current: Option<SignedList>,
    /// The list that follows it once more authorities have signed.
    pub waiting: Option<SignedList>,
}

/// Why nobody may go on from what there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is none.
    #[error("there is no list")]
    Absent,
    /// The place could not be asked.
    #[error("{0}")]
    Unasked(String),
    /// No authority of the policy signed it.
    #[error("{0}: signed by none of the policy's authorities")]
    Foreign(String),
    /// It does not count, or lists contradict each other.
    #[error("{}", .0.join("; "))]
    Disputed(Vec<String>),
    /// It is older than one that was seen.
    #[error("{}; list {seen} was seen before", .found.map_or("no list there counts".to_owned(), |found| format!("it is list {found}")))]
    RolledBack {
        /// The serial of the list that is there.
        found: Option<u64>,
        /// The highest that was seen.
        seen: u64,
    },
}

impl Published {
    /// Reads what a store has, what was kept of earlier answers, and a list that somebody chose to go on from.
    ///
    /// # Errors
    /// See [`Unfit`]. A chosen list helps against everything but a contradiction.
    pub fn read(
        rule: &RevocationRule,
        keys: &Keys,
        store: &Source<'_>,
        (kept, chosen): (Option<&Source<'_>>, Option<&Source<'_>>),
        at: Timestamp,
    ) -> Result<Self, Unfit> {
        let of_store = match &store.answer {
            Err(problem) => return Err(Unfit::Unasked(format!("{}: {problem}", store.place))),
            Ok(_) => signed(rule, keys, store, at),
        };
        let (of_store, mut problems) = match of_store {
            Ok(found) => found,
            Err(problem) => (Vec::new(), vec![problem]),
        };
        let told = |source: Option<&Source<'_>>| match source {
            Some(source) => signed(rule, keys, source, at).map_err(|problem| Unfit::Disputed(vec![problem])),
            None => Ok(Default::default()),
        };
        let ((of_kept, _), (of_chosen, chosen_problems)) = (told(kept)?, told(chosen)?);
        if let (Some(chosen), false) = (chosen, of_chosen.iter().any(|one| one.by.len() >= rule.threshold)) {
            let none = format!("{}: no list in it counts", chosen.place);
            return Err(Unfit::Disputed(std::iter::once(none).chain(chosen_problems).collect()));
        }
        if chosen.is_some() {
            problems.clear();
        }

        let counts = |one: &&SignedList| one.by.len() >= rule.threshold;
        let highest = |found: &[SignedList]| found.iter().filter(counts).map(|one| one.list.serial).max();
        let counted: Vec<&SignedList> = of_store.iter().chain(&of_kept).chain(&of_chosen).filter(counts).collect();
        problems.extend(contradictions(&counted));
        if !problems.is_empty() {
            return Err(Unfit::Disputed(problems));
        }
        let current = counted.iter().max_by_key(|one| one.list.serial).map(|one| (*one).clone());
        let (found, seen) = (highest(&of_store), highest(&of_kept));
        if let (Some(seen), None) = (seen.filter(|seen| found.is_none_or(|found| found < *seen)), chosen) {
            return Err(Unfit::RolledBack { found, seen });
        }
        let follows = |one: &&SignedList| match &current {
            Some(current) => one.list.serial > current.list.serial && current.list.is_continued_by(&one.list),
            None => true,
        };
        let waiting = of_store.iter().filter(|one| !counts(one)).filter(follows);
        let waiting = waiting.max_by_key(|one| one.list.serial).cloned();
        match (&current, &waiting, &store.answer) {
            (None, None, Ok(None)) => Err(Unfit::Absent),
            (None, None, _) => Err(Unfit::Foreign(store.place.clone())),
            (Some(_), ..) | (_, Some(_), _) => Ok(Self { current, waiting }),
        }
    }

    /// Returns the list that the next one follows.
    pub fn last(&self) -> Option<&SignedList> {
        self.waiting.as_ref().or(self.current.as_ref())
    }
}

/// What an authority signed, and what of it is no list.
type Signed = (Vec<SignedList>, Vec<String>);

fn signed(rule: &RevocationRule, keys: &Keys, source: &Source<'_>, at: Timestamp) -> Result<Signed, String> {
    let Source { place, answer, .. } = source;
    let Some(bytes) = answer.as_ref().map_err(|problem| format!("{place}: {problem}"))? else {
        return Ok(Default::default());
    };
    let subject = named(&Revocations::subject(rule.list.as_str()));
    let read = keys.examine(*bytes, subject).read(&RevokedKeys::new(), &Proven::new(), at);
    let believed = read.map_err(|(line, defect)| format!("{place}: line {line}: {defect}"))?.believed;
    let lines: BTreeMap<usize, &[u8]> = lines(bytes).unwrap_or_default().into_iter().collect();
    let (mut found, mut problems): (BTreeMap<Sha256Digest, SignedList>, Vec<String>) = Default::default();
    for one in &believed.verified {
        if one.value().predicate_type() != REVOCATIONS_TYPE || !rule.authorities.contains(one.by()) {
            continue;
        }
        let list = match found.entry(one.digest()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place_of) => match read_list(one, rule) {
                Ok(list) => place_of.insert(list),
                Err(problem) => {
                    problems.push(format!("{place}: line {}: {problem}", one.line()));
                    continue;
                }
            },
        };
        if list.by.insert(one.by().clone()) {
            list.bundles.extend(lines.get(&one.line()).map(|line| line.to_vec()));
        }
    }
    Ok((found.into_values().collect(), problems))
}

fn read_list(one: &Verified<Statement>, rule: &RevocationRule) -> Result<SignedList, String> {
    let list: Revocations = one.value().predicate().map_err(|fault| fault.to_string())?;
    list.check(rule.list.as_str()).map_err(|fault| fault.to_string())?;
    Ok(SignedList {
        list,
        statement: one.digest(),
        by: BTreeSet::new(),
        dangerous_local_key: one.value().by_dangerous_local_key(),
        bundles: Vec::new(),
    })
}

/// Holds every two lists against each other.
fn contradictions(counted: &[&SignedList]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (at, one) in counted.iter().enumerate() {
        for other in counted.iter().skip(at + 1).filter(|other| other.statement != one.statement) {
            let (older, newer) = match one.list.serial <= other.list.serial {
                true => (&one.list, &other.list),
                false => (&other.list, &one.list),
            };
            found.extend(older.contradicted_by(newer));
        }
    }
    found.into_iter().collect()
}
