//! Revocation lists → what is withdrawn at an instant.
//!
//! There may be several: the store's, and what was kept of it. Of those that enough authorities signed the one with the
//! highest serial counts. It must have every entry of the others; if it has not, all of them withdraw, and nothing is
//! admitted until somebody looked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{Newest, Remark, Source};
use crate::{
    attestation::{
        Statement, named,
        predicate::{REVOCATIONS_TYPE, Revocations, Revoked, RevokedBy},
    },
    digest::Sha256Digest,
    ids::ImageRef,
    image::DeviceContent,
    policy::{
        keys::{Dossier, Keys},
        rule::{Policy, RevocationRule},
    },
    trust::{AuthorityName, KeyRevocation, Proven, RevokedKeys, Verified},
    verdict::{Fault, Reason},
};

/// A list, to be looked up in.
#[derive(Debug)]
struct Index {
    list: Revocations,
    images: BTreeMap<ImageRef, RevokedBy>,
    content: BTreeMap<Sha256Digest, RevokedBy>,
    keys: BTreeMap<Sha256Digest, KeyRevocation>,
    builders: BTreeMap<String, KeyRevocation>,
    evidence: BTreeMap<Sha256Digest, RevokedBy>,
}

/// What is withdrawn, and why nobody knows all of it, if so.
#[derive(Debug, Clone, Default)]
pub(in crate::policy) struct Withdrawn {
    lists: Vec<Arc<Index>>,
    pub(in crate::policy) faults: Vec<Fault>,
}

/// Bytes of a source, examined with some keys: whoever asks again and again finds them unchanged.
#[derive(Debug)]
pub(super) struct Known {
    dossier: Dossier,
    indexes: BTreeMap<Sha256Digest, Result<Arc<Index>, String>>,
}

/// A list that enough authorities signed, and the first of the sources that had it.
struct Counted {
    statement: Sha256Digest,
    index: Arc<Index>,
    source: usize,
}

/// What the sources have.
#[derive(Default)]
struct Found {
    known: Vec<Arc<Known>>,
    counted: Vec<Counted>,
    /// Why a source has none, by its place in the list of sources.
    problems: Vec<(usize, String)>,
    /// What an authority signed, and is no list.
    malformed: Vec<String>,
}

/// Reads the lists of all sources, as they count at an instant.
pub(super) fn read(
    rule: &RevocationRule,
    keys: &Keys,
    sources: &[Source<'_>],
    at: Timestamp,
    known: &mut Vec<Arc<Known>>,
    remarks: &mut Vec<Remark>,
) -> (Withdrawn, Option<Newest>) {
    let mut found = Found::default();
    for (number, source) in sources.iter().enumerate() {
        found.look(rule, keys, (number, source), known, at);
    }
    let Found { mut counted, problems, malformed, known: seen } = found;
    *known = seen;
    counted.sort_by_key(|one| std::cmp::Reverse(one.index.list.serial));
    let unavailable = |problem| Fault::RevocationsUnavailable { problem };
    let mut faults: Vec<Fault> = malformed.into_iter().map(unavailable).collect();
    let Some(newest) = counted.first() else {
        if faults.is_empty() {
            let problems: Vec<String> = problems.into_iter().map(|(_, text)| text).collect();
            faults.push(unavailable(if problems.is_empty() {
                "no place was asked".into()
            } else {
                problems.join("; ")
            }));
        }
        return (Withdrawn { lists: Vec::new(), faults }, None);
    };
    let issued = newest.index.list.issued_at;
    if issued > at {
        faults.push(Fault::ClockBeforeSignedTime { now: at, signed: issued });
    }
    if rule.max_age.after(issued) <= at {
        faults.push(Fault::RevocationsStale { issued, max_age: rule.max_age.to_string() });
    }
    let disputed = contradictions(&counted);
    // What an older list says, a newer one repeats or lifts.
    let lists = if disputed.is_empty() { 1 } else { counted.len() };
    faults.extend(disputed.into_iter().map(|problem| Fault::RevocationsInconsistent { problem }));
    remarks.extend(remark(&counted, &problems, sources));
    let newest = Newest {
        serial: newest.index.list.serial,
        issued,
        entries: newest.index.list.entries.len(),
        statement: newest.statement,
        source: newest.source,
    };
    let lists = counted.iter().take(lists).map(|one| Arc::clone(&one.index)).collect();
    (Withdrawn { lists, faults }, Some(newest))
}

impl Found {
    /// Looks for lists in one source.
    fn look(
        &mut self,
        rule: &RevocationRule,
        keys: &Keys,
        (number, source): (usize, &Source<'_>),
        before: &[Arc<Known>],
        at: Timestamp,
    ) {
        let Source { place, answer, .. } = source;
        let bytes = match answer {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return self.problems.push((number, format!("{place}: there is none"))),
            Err(problem) => return self.problems.push((number, format!("{place}: {problem}"))),
        };
        let subject = named(&Revocations::subject(rule.list.as_str()));
        let digest = Sha256Digest::of(bytes);
        let same = |known: &&Arc<Known>| known.dossier.evidence == digest && known.dossier.is_of(keys, subject);
        let known = self.known.iter().chain(before).find(same).cloned();
        let fresh = || Arc::new(Known { dossier: keys.examine(*bytes, subject), indexes: BTreeMap::new() });
        let mut known = known.unwrap_or_else(fresh);
        let believed = match known.dossier.read(&RevokedKeys::new(), &Proven::new(), at) {
            Ok(read) => read.believed,
            Err((line, defect)) => return self.problems.push((number, format!("{place}: line {line}: {defect}"))),
        };
        let mut signed: BTreeMap<Sha256Digest, (&Verified<Statement>, BTreeSet<&AuthorityName>)> = BTreeMap::new();
        for one in &believed.verified {
            if one.value().predicate_type() == REVOCATIONS_TYPE && rule.authorities.contains(one.by()) {
                signed.entry(one.digest()).or_insert_with(|| (one, BTreeSet::new())).1.insert(one.by());
            }
        }
        let most = signed.values().map(|(_, by)| by.len()).max().unwrap_or_default();
        if most < rule.threshold {
            let causes = believed.discounted.iter().map(|one| one.discount.to_string());
            let setbacks = keys.setbacks().filter(|(name, _)| rule.authorities.contains(name));
            let causes = causes.chain(setbacks.map(|(_, setback)| setback.to_string()));
            let signed = format!("{place}: signed by {most} of the {} authorities that it takes", rule.threshold);
            self.problems.push((number, causes.fold(signed, |text, cause| format!("{text}; {cause}"))));
        }
        for (statement, (one, by)) in signed {
            if self.counted.iter().any(|counted| counted.statement == statement) {
                continue;
            }
            let index = known.indexes.get(&statement).cloned();
            let index = index.unwrap_or_else(|| indexed(one.value(), rule));
            // Nobody else has it yet when it is fresh.
            if let Some(known) = Arc::get_mut(&mut known) {
                known.indexes.insert(statement, index.clone());
            }
            match index {
                Err(fault) => self.malformed.push(format!("{place}: {fault}")),
                Ok(index) if by.len() >= rule.threshold => {
                    self.counted.push(Counted { statement, index, source: number });
                }
                Ok(_) => {}
            }
        }
        self.known.push(known);
    }
}

fn indexed(statement: &Statement, rule: &RevocationRule) -> Result<Arc<Index>, String> {
    let list = statement.predicate().map_err(|fault| fault.to_string())?;
    Index::new(list, rule.list.as_str()).map(Arc::new)
}

/// Holds every two lists against each other.
fn contradictions(counted: &[Counted]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, newer) in counted.iter().enumerate() {
        for older in counted.iter().skip(at + 1) {
            found.extend(older.index.list.contradicted_by(&newer.index.list));
        }
    }
    found
}

/// Says so where the list that counts is one that was kept.
fn remark(counted: &[Counted], problems: &[(usize, String)], sources: &[Source<'_>]) -> Option<Remark> {
    let kept = |source: usize| sources.get(source).is_some_and(|source| source.kept);
    let newest = counted.first().filter(|newest| kept(newest.source))?;
    let seen = newest.index.list.serial;
    Some(match counted.iter().find(|one| !kept(one.source)) {
        Some(found) => Remark::RolledBack { found: found.index.list.serial, seen },
        None => {
            let of_store = problems.iter().filter(|(source, _)| !kept(*source));
            let problems: Vec<&str> = of_store.map(|(_, text)| text.as_str()).collect();
            Remark::StandIn { problem: problems.join("; ") }
        }
    })
}

impl Index {
    fn new(list: Revocations, name: &str) -> Result<Self, String> {
        list.check(name).map_err(|fault| fault.to_string())?;
        let mut index = Self {
            images: BTreeMap::new(),
            content: BTreeMap::new(),
            keys: BTreeMap::new(),
            builders: BTreeMap::new(),
            evidence: BTreeMap::new(),
            list: Revocations::new(name),
        };
        for entry in list.standing() {
            let by = RevokedBy::from(entry);
            match &entry.revokes {
                Revoked::Image { image, content } => {
                    index.images.entry(image.clone()).or_insert_with(|| by.clone());
                    for digest in content {
                        index.content.entry(*digest).or_insert_with(|| by.clone());
                    }
                }
                Revoked::Key { spki_sha256, since } => narrow(&mut index.keys, *spki_sha256, *since, by),
                Revoked::Builder { builder, since } => narrow(&mut index.builders, builder.clone(), *since, by),
                Revoked::Evidence { sha256 } => {
                    index.evidence.entry(*sha256).or_insert(by);
                }
                Revoked::Lift { .. } => {}
            }
        }
        Ok(Self { list, ..index })
    }
}

/// Of two entries about one thing the one that leaves less standing counts.
fn narrow<K: Ord>(map: &mut BTreeMap<K, KeyRevocation>, key: K, before: Option<Timestamp>, revoked: RevokedBy) {
    let new = KeyRevocation { before, revoked };
    match map.get(&key) {
        Some(old) if old.before.is_none() || (new.before.is_some() && old.before <= new.before) => {}
        _ => {
            map.insert(key, new);
        }
    }
}

impl Withdrawn {
    /// Nobody knows what is withdrawn.
    pub(super) fn unknown(problem: String) -> Self {
        Self { lists: Vec::new(), faults: vec![Fault::RevocationsUnavailable { problem }] }
    }

    /// What a list would withdraw if it counted.
    pub(super) fn as_if(list: Revocations, name: &str) -> Result<Self, String> {
        Ok(Self { lists: vec![Arc::new(Index::new(list, name)?)], faults: Vec::new() })
    }

    fn find<'s, T: 's>(&'s self, look: impl Fn(&'s Index) -> Option<T> + 's) -> impl Iterator<Item = T> + 's {
        self.lists.iter().filter_map(move |index| look(index))
    }

    /// Returns the reasons against an image.
    pub(in crate::policy) fn image(&self, image: &ImageRef) -> Vec<Reason> {
        self.find(|index| index.images.get(image)).cloned().map(Reason::ImageRevoked).collect()
    }

    /// Returns the reasons against what is on the devices of an image.
    pub(in crate::policy) fn content(&self, devices: &[DeviceContent]) -> Vec<Reason> {
        let found = devices.iter().flat_map(|device| self.find(|index| index.content.get(&device.sha256)));
        found.cloned().map(Reason::ContentRevoked).collect()
    }

    /// Returns the authorities of a policy whose keys are revoked.
    pub(in crate::policy) fn keys(&self, policy: &Policy) -> RevokedKeys {
        let mut revoked = RevokedKeys::new();
        for signatory in policy.signatories() {
            let digest = signatory.key.digest();
            for KeyRevocation { before, revoked: by } in self.find(|index| index.keys.get(&digest)) {
                narrow(&mut revoked, signatory.name.clone(), *before, by.clone());
            }
        }
        revoked
    }

    /// Returns the reasons against a builder, of a provenance that a witness saw at an instant, or nobody did.
    pub(in crate::policy) fn builder(&self, builder: &str, seen: Option<Timestamp>) -> Vec<Reason> {
        let found = self.find(|index| index.builders.get(builder));
        let falls = found.filter(|one| seen.zip(one.before).is_none_or(|(seen, before)| seen >= before));
        falls.map(|one| Reason::BuilderRevoked { builder: builder.to_owned(), revoked: one.revoked.clone() }).collect()
    }

    /// Returns the reasons against evidence, or one statement of it.
    pub(in crate::policy) fn evidence(&self, sha256: Sha256Digest) -> Vec<Reason> {
        let found = self.find(|index| index.evidence.get(&sha256)).cloned();
        found.map(|revoked| Reason::EvidenceRevoked { sha256, revoked }).collect()
    }
}
