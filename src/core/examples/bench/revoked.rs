//! What a revocation list adds to a warm verdict, and what reading it costs: the first time, and again when nothing changed.

use std::hint::black_box;

use goldseal_core::{
    attestation::predicate::Revoked,
    digest::Sha256Digest,
    policy::{Gathered, Keys, Lists, Policy, Source, judge},
    testing::{evidence, images, keys::LocalKey, lists, policies},
    verdict::Verdict,
};
use serde_json::{Value, json};

use super::{Outcome, compare, process};

/// Measures lists of so many entries, none of which is about the image.
pub(super) fn measure(sizes: &[&str]) -> Outcome<Value> {
    let mut answers = Vec::new();
    for size in sizes {
        answers.push(one(size.parse()?)?);
    }
    Ok(Value::Array(answers))
}

fn one(entries: usize) -> Outcome<Value> {
    let policy = policies::compiled(&lists::listed_policy());
    let other = |number: usize| Revoked::Evidence { sha256: Sha256Digest::of(&number.to_be_bytes()) };
    let revoked: Vec<Revoked> = (0..entries).map(other).collect();
    let bytes = lists::signed_list(&lists::revocations(1, &revoked), &lists::revoker());
    let none = lists::signed_list(&lists::revocations(1, &[]), &lists::revoker());
    let with = |bytes: &[u8]| {
        let keys = keys(&policy);
        let read = read(Lists::default(), &policy, &keys, bytes);
        keys.with(read)
    };
    let (listed, empty) = (with(&bytes), with(&none));
    let evidence = evidence::sealed(&LocalKey::p256(1));
    let facts = images::facts();
    let dossier = listed.examine(&evidence, facts.descriptor.digest());
    let admitted = |keys: &Keys| {
        let verdict = judge(&policy, keys, &facts, &Gathered::Found(&dossier), lists::now()).verdict;
        matches!(verdict, Verdict::Admit(_))
    };
    if !admitted(&listed) || !admitted(&empty) {
        return Err("the evidence is not admitted".into());
    }
    let cpu = || process::cpu(process::SELF).unwrap_or(f64::NAN);
    let (ours, anchor) =
        compare(&cpu, 20.0, 31, || assert!(black_box(admitted(&listed))), || assert!(black_box(admitted(&empty))));
    let plain = keys(&policy);
    let (first, again) = compare(
        &cpu,
        20.0,
        9,
        || drop(black_box(read(Lists::default(), &policy, &plain, black_box(&bytes)))),
        || drop(black_box(read(Lists::after(listed.lists()), &policy, &plain, black_box(&bytes)))),
    );
    Ok(json!({
        "entries": entries, "bytes": bytes.len(), "ours": ours, "anchor": anchor, "first": first, "again": again,
    }))
}

fn keys(policy: &Policy) -> Keys {
    Keys::new(policy, |_| Err("no authority is in KMS".to_owned()))
}

fn read(lists: Lists, policy: &Policy, keys: &Keys, bytes: &[u8]) -> Lists {
    let source = Source { place: "store".to_owned(), answer: Ok(Some(bytes)), kept: false };
    let kept = Source { kept: true, ..source.clone() };
    lists.revoking(policy, keys, &[source, kept], lists::now())
}
