//! What is there, by two policies → what is to be signed and kept, as data.

use std::collections::BTreeSet;

use super::{ResealError, Resealing};
use crate::{
    attestation::{Bundle, Content, Defect, Envelope, Kind, Material, Statement, join, lines},
    digest::Sha256Digest,
    flow::sign::ended,
    ids::ImageRef,
    image::ImageFacts,
    policy::{Dossier, Gathered, Judgement, Keys, Policy, judge},
    ports::SigningKey,
    report::StatementReport,
    trust::{AuthorityName, PublicKey, hint},
    verdict::{Fault, Reason, Verdict},
};

/// Why an image stays as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The verdict is against it.
    Refused(Vec<Reason>),
    /// There is no verdict.
    Undetermined(Vec<Fault>),
    /// It is admitted, and cannot be moved like this.
    Unfit(String),
    /// Something failed.
    Failed(String),
}

/// What is to be done with the evidence of an image.
#[derive(Debug)]
pub(super) enum Course {
    /// Nothing.
    Already,
    /// To put signatures behind what is kept.
    Write {
        /// The lines that stay.
        kept: Vec<u8>,
        /// What the new key signs.
        signed: Vec<Moved>,
        /// How many lines do not stay.
        dropped: usize,
    },
}

/// A statement that the new key signs.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) payload: Vec<u8>,
    pub(super) report: StatementReport,
}

/// From which keys, to which.
pub(super) struct Mover<'a> {
    resealing: Resealing<'a>,
    key: &'a SigningKey,
    /// What the new policy calls the key.
    pub(super) authority: AuthorityName,
    /// The authorities of the old policy whose signatures are moved.
    from: BTreeSet<AuthorityName>,
    /// Their keys' hints, and that of the new key.
    hints: BTreeSet<String>,
}

impl<'a> Mover<'a> {
    pub(super) fn new(resealing: &Resealing<'a>, key: &'a SigningKey) -> Result<Self, ResealError> {
        let (spki, name) = (key.public.digest(), || key.name.clone());
        let (old, new) = (resealing.old.0, resealing.new.0);
        let authority = new.signatories().iter().find(|one| one.key.digest() == spki).map(|one| one.name.clone());
        let authority = authority.ok_or_else(|| ResealError::KeyUnknown { key: name(), spki })?;
        let root = if old.dangerous_without_gate() { Kind::Provenance } else { Kind::Gate };
        let sealers = old.requirement(root).map(|one| &one.authorities);
        let from = old.signatories().iter().filter(|one| match resealing.from {
            Some(from) => one.name == *from,
            None => sealers.is_some_and(|sealers| sealers.contains(&one.name)) && one.key.digest() != spki,
        });
        let from: Vec<_> = from.collect();
        if let Some(asked) = resealing.from.filter(|_| from.is_empty()) {
            return Err(ResealError::NoSuchAuthority(asked.clone()));
        }
        if from.is_empty() || from.iter().any(|one| one.key.digest() == spki) {
            return Err(ResealError::SameKey(name()));
        }
        let approves = |policy: &Policy, spki| policy.approving_keys().contains(&spki);
        if approves(new, spki) && !from.iter().all(|one| approves(old, one.key.digest())) {
            return Err(ResealError::ApproverSeals(name()));
        }
        let hints = from.iter().map(|one| hint(one.key.digest())).collect();
        let from = from.iter().map(|one| one.name.clone()).collect();
        Ok(Self { resealing: *resealing, key, authority, from, hints })
    }

    /// Decides what to do with the evidence of an image.
    pub(super) fn course(&self, facts: &ImageFacts, evidence: &[u8]) -> Result<Course, Stop> {
        let Resealing { old, new, replace, .. } = self.resealing;
        let all = self.read(evidence)?;
        let others: Vec<&Line<'_>> = all.iter().filter(|one| !self.hints.contains(&one.hint)).collect();
        let rest = join(others.iter().map(|one| one.bytes));
        let dropped = all.len() - others.len();
        // Whoever was stopped before the tags were written left those of the evidence before.
        let alone = self.judged(new, facts, &rest);
        if matches!(alone.verdict, Verdict::Admit(_))
            && alone.checked.iter().any(|one| one.by == self.authority && one.required)
        {
            return Ok(match replace && dropped > 0 {
                true => Course::Write { kept: rest, signed: Vec::new(), dropped },
                false => Course::Already,
            });
        }
        let judgement =
            judge(old.0, old.1, facts, &Gathered::Found(&examined(old.1, facts, evidence)), self.resealing.now);
        match judgement.verdict {
            Verdict::Admit(_) => {}
            Verdict::Reject(reasons) => return Err(Stop::Refused(reasons.as_slice().to_vec())),
            Verdict::Undetermined(faults) => return Err(Stop::Undetermined(faults.as_slice().to_vec())),
        }
        let signed = self.moved(&judgement, &all)?;
        let (kept, dropped) = if replace { (rest, dropped) } else { (ended(evidence.to_vec()), 0) };
        Ok(Course::Write { kept, signed, dropped })
    }

    /// Checks that the new policy admits what is to be stored without any signature of the old keys.
    pub(super) fn admitted(&self, facts: &ImageFacts, evidence: &[u8]) -> Result<(), Stop> {
        let all = self.read(evidence)?;
        let rest = join(all.iter().filter(|one| !self.hints.contains(&one.hint)).map(|one| one.bytes));
        match self.judged(self.resealing.new, facts, &rest).verdict {
            Verdict::Admit(_) => Ok(()),
            Verdict::Reject(reasons) => Err(Stop::Refused(reasons.as_slice().to_vec())),
            Verdict::Undetermined(faults) => Err(Stop::Undetermined(faults.as_slice().to_vec())),
        }
    }

    /// Judges what is written as whoever sees no pointers: they are written later.
    fn judged(&self, (policy, keys): (&Policy, &Keys), facts: &ImageFacts, evidence: &[u8]) -> Judgement {
        let facts = ImageFacts { tags: facts.tags.without_pointers(), ..facts.clone() };
        judge(policy, keys, &facts, &Gathered::Found(&examined(keys, &facts, evidence)), self.resealing.now)
    }

    /// Finds the payloads that the old keys signed and that count: the gate result, what it names, what is required.
    fn moved(&self, judgement: &Judgement, all: &[Line<'_>]) -> Result<Vec<Moved>, Stop> {
        let own = hint(self.key.public.digest());
        let mut moved: Vec<Moved> = Vec::new();
        for one in judgement.checked.iter().filter(|one| self.from.contains(&one.by)) {
            let named = judgement.gate.as_ref().is_some_and(|gate| gate.names(one.statement));
            let Some(kind) = one.kind.filter(|_| one.required || named) else { continue };
            let signers = all.iter().filter(|line| line.statement == one.statement);
            if signers.clone().any(|line| line.hint == own)
                || moved.iter().any(|other| other.report.statement == one.statement)
            {
                continue;
            }
            let payload = signers.clone().find(|line| line.number == one.line).map(|line| line.payload.clone());
            let payload = payload.ok_or_else(|| Stop::Failed("a verified statement is not where it was".to_owned()))?;
            let statement = Statement::parse(payload.clone()).map_err(|defect| Stop::Failed(defect.to_string()))?;
            if self.key.dangerous_local && !statement.by_dangerous_local_key() {
                let problem = format!(
                    "its {kind} statement does not say that a key file on disk signs it, and it would: give a key in KMS"
                );
                return Err(Stop::Unfit(problem));
            }
            let report = StatementReport { kind, predicate_type: one.predicate_type.clone(), statement: one.statement };
            moved.push(Moved { payload, report });
        }
        if moved.is_empty() {
            let problem = "it is admitted without a signature of the keys that are to be moved away from";
            return Err(Stop::Unfit(problem.to_owned()));
        }
        Ok(moved)
    }

    fn read<'e>(&self, evidence: &'e [u8]) -> Result<Vec<Line<'e>>, Stop> {
        let told = |line: usize, defect| Stop::Refused(vec![Reason::defect(line, &defect)]);
        let mut all = Vec::new();
        for (number, bytes) in lines(evidence).map_err(|(line, defect)| told(line, defect))? {
            let bundle = Bundle::parse(bytes).map_err(|defect| told(number, defect))?;
            let Content::Envelope(envelope) = bundle.content else {
                return Err(told(number, Defect::NotAnEnvelope));
            };
            let hint = match bundle.material {
                Material::PublicKey { hint } if hint.is_empty() => self.unhinted(&envelope),
                Material::PublicKey { hint } => hint,
                _ => String::new(),
            };
            let statement = Sha256Digest::of(&envelope.payload);
            all.push(Line { number, bytes, hint, statement, payload: envelope.payload });
        }
        Ok(all)
    }

    /// Finds who signed a bundle that does not say it: what is left of an old key must not be taken for another's.
    fn unhinted(&self, envelope: &Envelope) -> String {
        let policies = [self.resealing.old, self.resealing.new];
        let keys = policies.iter().flat_map(|(_, keys)| keys.at_hand());
        let signed = |key: &&PublicKey| key.signed(&envelope.pae(), &envelope.signature);
        keys.map(|one| &*one.key).find(signed).map(PublicKey::hint).unwrap_or_default()
    }
}

fn examined(keys: &Keys, facts: &ImageFacts, evidence: &[u8]) -> Dossier {
    keys.examine(evidence, facts.descriptor.digest())
}

/// A line of evidence.
#[derive(Debug)]
struct Line<'e> {
    number: usize,
    bytes: &'e [u8],
    hint: String,
    statement: Sha256Digest,
    payload: Vec<u8>,
}

impl Stop {
    pub(super) fn absent(place: &str) -> Self {
        Self::Refused(vec![Reason::EvidenceAbsent { place: place.to_owned() }])
    }

    pub(super) fn no_such(image: &ImageRef) -> Self {
        Self::Refused(vec![Reason::ImageNotFound { image: image.clone() }])
    }
}
