use super::*;
use crate::{
    testing::{
        evidence::{payload, sealed},
        images::descriptor,
        keys::LocalKey,
        policies::{compiled, document, kms_authority},
    },
    trust::Claimed,
};

/// Keys of a policy with one authority by PEM, `ci`, and two in KMS, of which the answers are given.
fn keys(answers: &[Result<KeyAnswer, String>; 2]) -> Keys {
    let names = ["first", "second"];
    let kms = names.iter().zip(2..).map(|(name, number)| kms_authority(name, &LocalKey::p256(number)));
    let require: &[(&str, &[&str], usize)] = &[("sbom", &["ci", "first", "second"], 1)];
    let policy = compiled(&document(&[("ci", &LocalKey::p256(1))], require, &kms.collect::<String>()));
    Keys::new(&policy, |name| {
        let at = names.iter().position(|one| *one == name.as_str()).unwrap();
        answers[at].clone()
    })
}

fn enabled(number: usize) -> Result<KeyAnswer, String> {
    Ok(KeyAnswer::Enabled { spki: LocalKey::p256(number).public().spki().to_vec() })
}

fn withdrawn() -> Result<KeyAnswer, String> {
    Ok(KeyAnswer::Withdrawn { state: "Disabled".into() })
}

fn out() -> Result<KeyAnswer, String> {
    Err("throttled".into())
}

#[test]
fn keys_are_complete_when_every_one_could_be_asked_for_whatever_the_answer_was() {
    for (answers, complete) in [
        ([enabled(2), enabled(3)], true),
        ([withdrawn(), enabled(3)], true),
        ([enabled(3), enabled(2)], true),
        ([enabled(2), out()], false),
        ([out(), withdrawn()], false),
    ] {
        assert_eq!(keys(&answers).is_complete(), complete, "{answers:?}");
    }
}

#[test]
fn evidence_that_is_given_away_is_kept_only_while_a_key_may_still_claim_some_of_it() {
    let evidence = sealed(&LocalKey::p256(1));
    for (answers, kept) in [([enabled(2), enabled(3)], false), ([enabled(2), out()], true)] {
        let keys = keys(&answers);
        let given = keys.survey(evidence.clone());
        assert_eq!(given.evidence, if kept { evidence.as_slice() } else { b"" }, "{answers:?}");
        assert_eq!(keys.survey(evidence.as_slice()).evidence, evidence, "what is lent stays");
    }
}

#[test]
fn what_a_key_may_have_signed_is_claimed_also_of_evidence_that_is_given_away() {
    let line = LocalKey::p256(3).bundle(payload(Kind::Sbom));
    for (answers, expected) in [([enabled(2), out()], 1), ([enabled(2), enabled(3)], 0), ([out(), enabled(3)], 0)] {
        let keys = keys(&answers);
        for dossier in [keys.examine(line.clone(), descriptor().digest()), keys.examine(&line, descriptor().digest())] {
            let (_, claims) = dossier.content.unwrap();
            assert_eq!(claims.len(), expected, "{answers:?}");
        }
    }
}

#[test]
fn what_is_not_known_of_a_claim_is_what_is_not_known_of_its_own_authority() {
    let claim = |name: &str| Claim { by: name.parse().unwrap(), says: Claimed::Defect };
    let fault = |name: &str| Fault::KeyUnavailable { authority: name.parse().unwrap(), problem: "throttled".into() };
    let both = keys(&[out(), out()]);
    for name in ["first", "second"] {
        assert_eq!(both.fault(&claim(name)), Some(fault(name)));
    }
    assert_eq!(both.fault(&claim("ci")), None);
    assert_eq!(keys(&[withdrawn(), out()]).fault(&claim("first")), None);
}
