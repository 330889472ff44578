//! A verdict on evidence in memory, as a launch hook gives one a launch, against the signature checks in it.

use std::{fs, hint::black_box};

use goldseal_core::{
    attestation::{Bundle, Content, Envelope, lines},
    flow::{Inputs, Material, SbomPlace, parse_facts, statements},
    image::ImageFacts,
    policy::{Gathered, Keys, Policy, judge},
    report::GateFiles,
    scan::{self, sbom},
    testing::{evidence, images, keys::LocalKey, policies},
    trust::PublicKey,
    verdict::Verdict,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Outcome, compare, process};

/// Measures the smallest provenance, SBOM and scan, and those of each SBOM: three signatures of one P-256 key.
pub(super) fn measure(facts: &str, scan: &str, sboms: &[&str]) -> Outcome<Value> {
    let key = LocalKey::p256(1);
    let mut facts: Value = serde_json::from_slice(&fs::read(facts)?)?;
    // The image of the testing module does not have these tags.
    facts.as_object_mut().ok_or("the facts are an object")?.remove("tags");
    let (facts, scan) = (parse_facts(&serde_json::to_vec(&facts)?)?, fs::read(scan)?);
    let mut answers = vec![one(&key, &evidence::sealed(&key))?];
    for sbom in sboms {
        let bytes = fs::read(sbom)?;
        let material = Material {
            sbom: sbom::read(bytes.as_slice())?,
            scan: scan::read(scan.as_slice())?,
            database: None,
            exceptions: None,
            manifest: None,
            files: GateFiles::default(),
        };
        let (sbom, facts) = (SbomPlace::Inline(&bytes), &facts);
        let inputs = Inputs { material: &material, sbom, facts, tests: None, guard: None, packer: None, content: &[] };
        let unsigned = statements(&images::descriptor(), &inputs, None, false)?;
        let lines: Vec<(&LocalKey, Vec<u8>)> = unsigned.into_iter().map(|one| (&key, one.payload)).collect();
        answers.push(one(&key, &evidence::signed(&lines))?);
    }
    Ok(Value::Array(answers))
}

fn one(key: &LocalKey, evidence: &[u8]) -> Outcome<Value> {
    let policy = policies::compiled(&policies::minimal(key));
    let keys = Keys::new(&policy, |_| Err("no authority is in KMS".to_owned()));
    let (facts, now) = (images::facts(), Timestamp::now());
    if !matches!(verdict(&policy, &keys, &facts, evidence, now), Verdict::Admit(_)) {
        return Err("the evidence is not admitted".into());
    }
    let public = key.public();
    let mut envelopes = Vec::new();
    for (_, line) in lines(evidence).map_err(|(_, defect)| defect)? {
        match Bundle::parse(line)?.content {
            Content::Envelope(envelope) => envelopes.push(envelope),
            Content::Message { .. } => return Err("a bundle without an envelope".into()),
        }
    }
    let (ours, anchor) = compare(
        // One thread, so its CPU is its time on a machine that has nothing else to do.
        &|| process::cpu(process::SELF).unwrap_or(f64::NAN),
        20.0,
        51,
        || drop(black_box(verdict(&policy, &keys, &facts, black_box(evidence), now))),
        || assert!(black_box(&envelopes).iter().all(|envelope| signed(&public, envelope))),
    );
    let payload: usize = envelopes.iter().map(|envelope| envelope.payload.len()).sum();
    Ok(json!({ "payload": payload, "signatures": envelopes.len(), "ours": ours, "anchor": anchor }))
}

/// From the bytes of a store's answer to the verdict.
fn verdict(policy: &Policy, keys: &Keys, facts: &ImageFacts, evidence: &[u8], now: Timestamp) -> Verdict {
    let dossier = keys.examine(evidence, facts.descriptor.digest());
    judge(policy, keys, facts, &Gathered::Found(&dossier), now).verdict
}

fn signed(key: &PublicKey, envelope: &Envelope) -> bool {
    key.signed(&envelope.pae(), &envelope.signature)
}
