//! Lists → verdicts: what is revoked is never admitted, and nothing but a whole override lets pass.

mod held;
mod overriding;
mod published;
mod revoking;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    attestation::{
        Kind,
        predicate::{Grant, GrantScope, Revocations, Revoked},
    },
    policy::{Gathered, Judgement, judge},
    testing::{
        evidence::{payload, sealed},
        images::facts,
        keys::LocalKey,
        lists::{grant, granters, image, listed_policy, now, revocations, revoker, signed_grant, signed_list},
        policies::compiled,
    },
    verdict::Reason,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A case: the sources of lists, and when they were asked.
struct Asked {
    policy: String,
    evidence: Vec<u8>,
    store: Result<Option<Vec<u8>>, String>,
    kept: Option<Vec<u8>>,
    overrides: Vec<u8>,
    asked: Timestamp,
    context: Context,
    now: Timestamp,
}

impl Asked {
    /// An empty list, and evidence that meets the policy.
    fn admitted() -> Self {
        Self::of(&revocations(1, &[]))
    }

    fn of(list: &Revocations) -> Self {
        Self {
            policy: listed_policy(),
            evidence: sealed(&LocalKey::p256(1)),
            store: Ok(Some(signed_list(list, &revoker()))),
            kept: None,
            overrides: Vec::new(),
            asked: now(),
            context: Context::default(),
            now: now(),
        }
    }

    fn revoking(revoked: &[Revoked]) -> Self {
        Self::of(&revocations(1, revoked))
    }

    fn judge(&self) -> (Judgement, Vec<Remark>) {
        let policy = compiled(&self.policy);
        let keys = Keys::new(&policy, |_| Err(String::new()));
        let answer = self.store.as_ref().map(Option::as_deref).map_err(Clone::clone);
        let mut sources = vec![Source { place: "store".into(), answer, kept: false }];
        let kept =
            self.kept.as_deref().map(|bytes| Source { place: "kept".into(), answer: Ok(Some(bytes)), kept: true });
        sources.extend(kept);
        let overrides = Source { place: "store".into(), answer: Ok(Some(&self.overrides)), kept: false };
        let lists = Lists::default().revoking(&policy, &keys, &sources, self.asked);
        let lists = lists.overriding(&policy, &keys, &[overrides]);
        let remarks = lists.remarks().to_vec();
        let keys = keys.with(lists);
        let dossier = keys.examine(&self.evidence, facts().descriptor.digest());
        let mut judgement = judge(&policy, &keys, &facts(), &Gathered::Found(&dossier), self.now);
        judgement.let_pass(&policy, &keys, &image(), &self.context, self.now);
        (judgement, remarks)
    }

    fn outcome(&self) -> String {
        let (word, mut codes) = match self.judge().0.verdict {
            Verdict::Admit(grounds) if grounds.overridden().is_some() => ("overridden", Vec::new()),
            Verdict::Admit(_) => ("admit", Vec::new()),
            Verdict::Reject(reasons) => ("reject", reasons.as_slice().iter().map(|one| one.code()).collect()),
            Verdict::Undetermined(faults) => ("undetermined", faults.as_slice().iter().map(|one| one.code()).collect()),
        };
        codes.dedup();
        std::iter::once(word).chain(codes).collect::<Vec<_>>().join(" ")
    }

    fn remarks(&self) -> Vec<&'static str> {
        self.judge().1.iter().map(Remark::code).collect()
    }
}

fn ci() -> Sha256Digest {
    LocalKey::p256(1).public().digest()
}

fn of_image() -> Revoked {
    Revoked::Image { image: image(), content: Vec::new() }
}

fn matching() -> [(Revoked, &'static str); 5] {
    let evidence = |kind| Revoked::Evidence { sha256: Sha256Digest::of(&payload(kind)) };
    [
        (of_image(), "reject image-revoked"),
        (Revoked::Key { spki_sha256: ci(), since: None }, "reject key-revoked attestation-missing"),
        (Revoked::Builder { builder: "c".into(), since: None }, "reject builder-revoked"),
        (evidence(Kind::Sbom), "reject evidence-revoked"),
        (evidence(Kind::Provenance), "reject evidence-revoked"),
    ]
}

fn unsealed() -> Asked {
    Asked { evidence: Vec::new(), ..Asked::admitted() }
}

fn for_image(causes: &[&str]) -> Grant {
    grant(GrantScope::Image(image()), causes)
}

fn letting_pass(asked: Asked, grant: &Grant) -> Asked {
    Asked { overrides: signed_grant(grant, &granters()), ..asked }
}
