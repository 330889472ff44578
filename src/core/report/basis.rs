//! What a verdict stood on: the part of it that a receipt names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    attestation::predicate::{Ages, CountedSignature, KnownRevocations, Summary},
    policy::{Judgement, Keys, Policy},
};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Basis {
    /// The signatures that the policy required and that counted.
    pub signatures: Vec<CountedSignature>,
    /// How old what the gate saw is; none without a gate result.
    pub ages: Option<Ages>,
    /// The revocation list that counts; none where the policy asks for none.
    pub revocations: Option<KnownRevocations>,
}

impl Basis {
    /// Takes it from a judgement.
    pub fn of(policy: &Policy, keys: &Keys, judgement: &Judgement) -> Self {
        let mut signatures: Vec<CountedSignature> = Vec::new();
        for one in judgement.checked.iter().filter(|one| one.required) {
            let Some(signatory) = policy.signatories().iter().find(|signatory| signatory.name == one.by) else {
                continue;
            };
            let (by, key) = (one.by.to_string(), signatory.key.digest());
            signatures.push(CountedSignature { statement: one.statement, kind: one.kind, by, key, seen: one.seen });
        }
        signatures.sort();
        signatures.dedup();
        let known = |newest: crate::policy::Newest| KnownRevocations {
            serial: newest.serial,
            issued_at: newest.issued,
            statement: newest.statement,
        };
        let revocations = policy.revocation().and_then(|_| keys.lists().newest()).map(known);
        Self { signatures, ages: judgement.gate.as_ref().map(ages), revocations }
    }
}

fn ages(gate: &Summary) -> Ages {
    let measured = gate.measurement();
    let mut exceptions: Vec<_> = measured.exceptions.iter().map(|one| one.expires).collect();
    exceptions.sort();
    let database = measured.scanner.database.as_ref().map(|database| database.built);
    Ages { gated: gate.at(), scanned: measured.scanner.finished, database, exceptions }
}
