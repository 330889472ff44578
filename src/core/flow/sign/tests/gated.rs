//! Sealing under a policy with a gate.

use super::*;
use crate::{
    attestation::predicate::{Revocation, Revocations, Revoked},
    policy::{Gathered, Lists, Source, judge},
    testing::{
        gated::gated_policy,
        inputs::{excepted, found},
        lists::signed_list,
        policies::{authority_table, compiled, kms_authority},
        sealing::{approval, gated},
    },
};

/// A bench under a policy with a gate, and the approvals that are at hand.
struct Scene {
    bench: Bench,
    policy: Policy,
    keys: Keys,
    approvals: Vec<u8>,
}

impl Scene {
    fn of(files: Files) -> Self {
        let (policy, keys) = gated();
        Self { bench: Bench { files, ..Bench::new() }, policy, keys, approvals: Vec::new() }
    }

    /// What `boss` would sign for these files.
    fn approval(&self, seed: usize) -> Vec<u8> {
        let passed = self.bench.files.passed(&self.policy);
        let accepted = passed.accepted_risks(&descriptor()).unwrap();
        approval(seed, &descriptor(), accepted)
    }

    fn approved(self) -> Self {
        Self { approvals: self.approval(2), ..self }
    }

    fn sign(&self) -> Result<SignReport, SignError> {
        let passed = self.bench.files.passed(&self.policy);
        let (policy, keys, approvals) = (&self.policy, &self.keys, self.approvals.as_slice());
        self.bench.sign_gated(Some(Gating { policy, keys, passed: &passed, approvals }))
    }

    fn admitted(&self) -> bool {
        let evidence = self.bench.held().unwrap();
        let facts = &self.bench.files.image;
        let dossier = self.keys.examine(&evidence, facts.descriptor.digest());
        let judged = judge(&self.policy, &self.keys, facts, &Gathered::Found(&dossier), now());
        matches!(judged.verdict, Verdict::Admit(_))
    }
}

#[test]
fn what_is_stored_is_admitted_by_the_same_policy_at_the_same_instant() {
    let clean = Scene::of(Files::clean());
    let report = clean.sign().unwrap();
    assert_eq!((report.bundles, report.approvals.len()), (4, 0));
    assert!(clean.admitted());
    let kinds: Vec<Kind> = report.statements.iter().map(|one| one.kind).collect();
    assert_eq!(
        kinds,
        [Kind::Provenance, Kind::Sbom, Kind::Scan, Kind::Gate],
        "the gate names all others, so it is last"
    );

    let accepting = Scene::of(Files::accepting()).approved();
    let report = accepting.sign().unwrap();
    assert_eq!((report.bundles, report.approvals.len()), (5, 1));
    assert!(accepting.admitted());
}

#[test]
fn accepted_risks_without_an_approval_are_not_signed() {
    let bare = Scene::of(Files::accepting());
    let other =
        Scene { approvals: approval(2, &descriptor(), Sha256Digest::of(b"other")), ..Scene::of(Files::accepting()) };
    let stranger = Scene { approvals: Scene::of(Files::accepting()).approval(3), ..Scene::of(Files::accepting()) };
    let own = Scene { approvals: Scene::of(Files::accepting()).approval(1), ..Scene::of(Files::accepting()) };
    let broken = Scene { approvals: b"x".to_vec(), ..Scene::of(Files::accepting()) };
    for (scene, code) in [
        (bare, "attestation-missing"),
        (other, "approval-mismatch"),
        (stranger, "attestation-missing"),
        (own, "attestation-missing"),
        (broken, "json-malformed"),
    ] {
        let Err(SignError::NotApproved { verdict: Verdict::Reject(reasons), .. }) = scene.sign() else {
            panic!("{code}")
        };
        assert!(reasons.as_slice().iter().any(|reason| reason.code() == code), "{code}: {reasons:?}");
        assert_eq!((scene.bench.calls().as_str(), scene.bench.held()), ("read", None), "no key was used");
    }
}

#[test]
fn a_change_of_any_input_voids_the_approval() {
    let approved = Scene::of(Files::accepting()).approved().approvals;
    let finding = found("CVE-1", "tar", "1.34", "Low");
    let more = [finding.clone(), found("CVE-2", "bash", "5.2", "Low")];
    let exception = excepted("CVE-9", "bash", "2026-11-30");
    for files in [
        Files::of(&more, None),
        Files::of(&[found("CVE-1", "tar", "1.34", "Medium")], None),
        Files::of(std::slice::from_ref(&finding), Some(&exception)),
        Files::reading(
            &crate::testing::inputs::SPDX.replace("2026-11-01T10:00:00Z", "2026-11-01T10:00:01Z"),
            &crate::testing::inputs::grype(std::slice::from_ref(&finding)),
            None,
        ),
    ] {
        let scene = Scene { approvals: approved.clone(), ..Scene::of(files) };
        assert!(matches!(scene.sign(), Err(SignError::NotApproved { .. })));
    }
    let scene = Scene { approvals: approved, ..Scene::of(Files::accepting()) };
    assert!(scene.sign().is_ok());
}

#[test]
fn the_approver_does_not_seal() {
    let mut scene = Scene::of(Files::clean());
    scene.bench.signer = FakeSigner::new(2);
    assert!(matches!(scene.sign(), Err(SignError::ApproverSeals { .. })));
}

#[test]
fn a_key_that_no_consumer_accepts_stores_nothing() {
    let mut scene = Scene::of(Files::clean());
    scene.bench.signer = FakeSigner::new(3);
    let Err(SignError::NotAdmitted { reasons, .. }) = scene.sign() else { panic!("stored") };
    assert!(reasons.iter().any(|reason| reason.code() == "signer-unknown"), "{reasons:?}");
    assert_eq!(scene.bench.held(), None);
}

#[test]
fn the_first_of_two_signers_stores_and_says_who_is_missing_and_the_second_completes() {
    let [ci, boss, second] = [1, 2, 4].map(LocalKey::p256);
    let text = gated_policy(&ci, &boss, &authority_table("second", &second))
        .replace("authorities = [\"ci\"]\nthreshold = 1", "authorities = [\"ci\", \"second\"]\nthreshold = 2");
    let policy = compiled(&text);
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let mut scene = Scene { policy, keys, ..Scene::of(Files::accepting()) }.approved();
    let report = scene.sign().unwrap();
    assert!(report.notes.iter().any(|note| note.code == "not-admitted-yet"));
    assert!(!scene.admitted());
    scene.bench.signer = FakeSigner::new(4);
    scene.bench.existing = Existing::Add;
    scene.approvals = Vec::new();
    let report = scene.sign().unwrap();
    assert_eq!(report.bundles, 9, "the approval, and four statements twice");
    assert!(scene.admitted());
}

#[test]
fn a_second_signer_of_other_inputs_is_refused() {
    let first = Scene::of(Files::clean());
    first.sign().unwrap();
    let evidence = first.bench.held().unwrap();
    let mut scene = Scene::of(Files::reading(
        crate::testing::inputs::SPDX,
        &crate::testing::inputs::grype(&[]).replace("0.121.2", "0.121.3"),
        None,
    ));
    scene.bench = Bench { existing: Existing::Add, ..scene.bench }.holding(&evidence);
    scene.bench.signer = FakeSigner::new(4);
    assert!(matches!(scene.sign(), Err(SignError::OtherInputs { .. })));
}

#[test]
fn what_an_earlier_run_stored_is_taken_and_only_tagged() {
    let first = Scene::of(Files::accepting()).approved();
    first.sign().unwrap();
    let evidence = first.bench.held().unwrap();
    let mut again = Scene::of(Files::accepting());
    again.approvals = first.approvals.clone();
    again.bench = Bench { existing: Existing::Resume, ..again.bench }.holding(&evidence);
    let report = again.sign().unwrap();
    assert!(report.already);
    assert_eq!((again.bench.calls().as_str(), again.bench.held()), ("read tag", Some(evidence.clone())));

    let mut other = Scene::of(Files::clean());
    other.bench = Bench { existing: Existing::Resume, ..other.bench }.holding(&evidence);
    assert!(matches!(other.sign(), Err(SignError::Exists { .. })), "of other inputs");
    assert_eq!(other.bench.calls(), "read");

    // Another job goes on with it: what it knows of the build is not what was sealed, and not what is tagged.
    let mut job = Scene::of(Files::accepting()).approved();
    job.bench.files.facts.tags.insert("Commit".to_owned(), "ffff".to_owned());
    job.bench = Bench { existing: Existing::Resume, ..job.bench }.holding(&evidence);
    let went_on = job.sign().unwrap();
    assert!(went_on.tags.iter().any(|tag| tag.name == "Commit" && tag.value == "0a1b"), "{:?}", went_on.tags);
    let digests = |report: &SignReport| report.statements.iter().map(|one| one.statement).collect::<Vec<_>>();
    assert_eq!(digests(&went_on), digests(&report), "what is there is what is told");

    let mut torn = Scene::of(Files::accepting()).approved();
    torn.bench = Bench { existing: Existing::Resume, ..torn.bench }.holding(&evidence[..evidence.len() / 2]);
    assert!(matches!(torn.sign(), Err(SignError::Exists { .. })), "half of it is none of it");
}

#[test]
fn what_was_stored_is_gone_on_with_by_whoever_has_the_same_statements_and_whatever_the_tags_point_to() {
    let first = Scene::of(Files::clean());
    first.sign().unwrap();
    let evidence = first.bench.held().unwrap();
    let elsewhere = crate::flow::SbomPlace::At("s3://bucket/sbom.json");
    for (sbom, goes_on) in [(None, true), (Some(elsewhere), false)] {
        let mut again = Scene::of(Files::clean());
        let stale = (EVIDENCE_TAG.to_owned(), format!("sha256:{}", Sha256Digest::of(b"before")));
        again.bench.files.image.tags = Tags::from_iter([stale]);
        let Scene { policy, keys, approvals, .. } = &again;
        let bench = Bench { files: Files::clean(), existing: Existing::Resume, ..Bench::new() }.holding(&evidence);
        let given = bench.files.inputs();
        let inputs = Inputs { sbom: sbom.unwrap_or(given.sbom), ..given };
        let passed = bench.files.passed(policy);
        let gate = Some(Gating { policy, keys, passed: &passed, approvals });
        let facts = &again.bench.files.image;
        let signing = Signing { facts, inputs, gate, existing: Existing::Resume, tag: true, now: now() };
        let signed = block_on(sign(&signing, &bench.signer, &bench.store, &bench.tags));
        assert_eq!(signed.is_ok(), goes_on, "{signed:?}");
        assert!(goes_on || matches!(signed, Err(SignError::OtherInputs { kind: Kind::Sbom, .. })), "{signed:?}");
    }
}

/// A bench under a policy with a revocation list, of which a place gives an answer.
fn listed(answer: Result<Option<&[u8]>, String>) -> Scene {
    let [ci, boss, revoker] = [1, 2, 5].map(LocalKey::p256);
    let more = authority_table("revoker", &revoker) + "[revocation]\nauthorities = [\"revoker\"]\nmax_age = \"1h\"\n";
    let policy = compiled(&gated_policy(&ci, &boss, &more));
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let source = Source { place: "store".into(), answer, kept: false };
    let lists = Lists::default().revoking(&policy, &keys, &[source], now());
    Scene { keys: keys.with(lists), policy, ..Scene::of(Files::clean()) }
}

/// A list of an instant that revokes something, or nothing.
fn list(revokes: Option<Revoked>, at: Timestamp) -> Vec<u8> {
    let (by, reason) = ("alice@example.com".to_owned(), "poisoned".to_owned());
    let entry = revokes.map(|revokes| Revocation { number: 0, at, by, reason, revokes });
    let list = Revocations::new("default").next(entry.into_iter().collect(), at);
    signed_list(&list, &LocalKey::p256(5))
}

#[test]
fn while_the_revocation_list_cannot_be_had_sealing_begins_and_goes_on_and_says_that_nobody_admits_it_yet() {
    let waits = |report: &SignReport| report.notes.iter().any(|note| note.code == "not-admitted-yet");
    let fresh = list(None, now());
    let stale = list(None, now().saturating_sub(jiff::SignedDuration::from_hours(2)).unwrap());
    let out = || Err("timed out".to_owned());
    let first = listed(out());
    assert!(waits(&first.sign().unwrap()));
    let evidence = first.bench.held().unwrap();

    for (answer, waiting) in
        [(out(), true), (Ok(None), true), (Ok(Some(&stale[..])), true), (Ok(Some(&fresh[..])), false)]
    {
        for existing in [Existing::Resume, Existing::Renew] {
            let mut again = listed(answer.clone());
            again.bench = Bench { existing, ..again.bench }.holding(&evidence);
            let report = again.sign().unwrap();
            assert_eq!((report.already, waits(&report)), (true, waiting), "{answer:?}");
            assert_eq!((again.bench.calls().as_str(), again.bench.held()), ("read tag", Some(evidence.clone())));
            assert_eq!(again.admitted(), !waiting);
        }
    }

    let mut other = listed(out());
    other.bench.files = Files::accepting();
    other = other.approved();
    other.bench = Bench { existing: Existing::Resume, ..other.bench }.holding(&evidence);
    assert!(matches!(other.sign(), Err(SignError::Exists { .. })), "of other inputs");
}

#[test]
fn what_a_list_revokes_is_not_gone_on_with_be_the_list_stale_or_not() {
    let first = listed(Err("timed out".to_owned()));
    first.sign().unwrap();
    let evidence = first.bench.held().unwrap();
    for age in [0, 2] {
        let at = now().saturating_sub(jiff::SignedDuration::from_hours(age)).unwrap();
        let revoking = list(Some(Revoked::Image { image: descriptor().image(), content: Vec::new() }), at);
        let mut again = listed(Ok(Some(&revoking)));
        again.bench = Bench { existing: Existing::Resume, ..again.bench }.holding(&evidence);
        assert!(matches!(again.sign(), Err(SignError::Exists { .. })), "{age} h");
        assert_eq!(again.bench.calls(), "read");
        again.bench.existing = Existing::Renew;
        assert!(matches!(again.sign(), Err(SignError::NotAdmitted { .. })), "{age} h");
        assert_eq!(again.bench.held(), Some(evidence.clone()), "nothing is stored");
    }
}

#[test]
fn what_nobody_could_verify_is_not_gone_on_with() {
    let first = Scene::of(Files::clean());
    first.sign().unwrap();
    let ci = LocalKey::p256(1);
    let text = gated_policy(&ci, &LocalKey::p256(2), "");
    let policy = compiled(&text.replacen(&authority_table("ci", &ci), &kms_authority("ci", &ci), 1));
    let keys = Keys::new(&policy, |_| Err("timed out".to_owned()));
    let mut again = Scene { policy, keys, ..Scene::of(Files::clean()) };
    again.bench = Bench { existing: Existing::Resume, ..again.bench }.holding(&first.bench.held().unwrap());
    assert!(matches!(again.sign(), Err(SignError::Exists { .. })));
}
