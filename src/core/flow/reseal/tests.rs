mod halfway;

use futures_executor::block_on;
use jiff::SignedDuration;

use super::*;
use crate::{
    attestation::Kind,
    image::Tags,
    policy::{Gathered, judge},
    ports::PortErrorKind,
    testing::{
        evidence::{payload, signed},
        gated::{Gated, gated_policy},
        images::{described, descriptor, facts},
        inputs::now,
        keys::LocalKey,
        policies::{authority_table, compiled},
        ports::{FakeCatalog, FakeSigner, FakeStore, FakeTags, Journal},
    },
    verdict::Verdict,
};

/// Everything that a resealing touches, with one journal. Key 1 seals, key 2 approves, key 3 is the new one.
struct Bench {
    old: String,
    new: String,
    from: Option<AuthorityName>,
    replace: bool,
    /// What the store holds at first; signatures are new in every bench.
    before: Vec<u8>,
    catalog: FakeCatalog,
    signer: FakeSigner,
    store: FakeStore,
    tags: FakeTags,
}

impl Bench {
    fn new() -> Self {
        Self::holding(&evidence())
    }

    fn holding(evidence: &[u8]) -> Self {
        let [old, boss, new] = [1, 2, 3].map(LocalKey::p256);
        let (image, journal) = (descriptor().image(), Journal::default());
        Self {
            old: gated_policy(&old, &boss, ""),
            new: gated_policy(&new, &boss, ""),
            from: None,
            replace: false,
            before: evidence.to_vec(),
            catalog: FakeCatalog([(image.clone(), Ok(described()))].into()),
            signer: FakeSigner { journal: journal.clone(), ..FakeSigner::new(3) },
            store: FakeStore { journal: journal.clone(), ..FakeStore::holding(&image, evidence) },
            tags: FakeTags { journal, ..FakeTags::default() },
        }
    }

    fn run(&self) -> Result<ResealReport, ResealError> {
        let [old, new] = [&self.old, &self.new].map(|text| compiled(text));
        let [old_keys, new_keys] = [&old, &new].map(|policy| Keys::new(policy, |_| Err("down".to_owned())));
        let (from, replace, tag, now) = (self.from.as_ref(), self.replace, true, later());
        let resealing = Resealing { old: (&old, &old_keys), new: (&new, &new_keys), from, replace, tag, now };
        let images = [descriptor().image()];
        block_on(reseal(&resealing, &images, &self.signer, &self.catalog, &self.store, &self.tags, &()))
    }

    fn one(&self) -> ResealedImage {
        self.run().unwrap().images.remove(0)
    }

    fn held(&self) -> Vec<u8> {
        self.store.of(&descriptor().image()).unwrap()
    }

    fn untouched(&self) -> bool {
        self.held() == self.before
    }

    fn calls(&self) -> String {
        self.store.journal.calls().join(" ")
    }
}

fn later() -> Timestamp {
    now().saturating_add(SignedDuration::from_mins(1)).unwrap()
}

fn evidence() -> Vec<u8> {
    Gated::at(now()).evidence(&LocalKey::p256(1), &LocalKey::p256(2))
}

fn admits(policy: &str, evidence: &[u8]) -> bool {
    let policy = compiled(policy);
    let keys = Keys::new(&policy, |_| Err(String::new()));
    let dossier = keys.examine(evidence, descriptor().digest());
    matches!(judge(&policy, &keys, &facts(), &Gathered::Found(&dossier), later()).verdict, Verdict::Admit(_))
}

fn codes(image: &ResealedImage) -> Vec<&str> {
    image.causes.iter().map(|cause| cause.code.as_str()).collect()
}

#[test]
fn the_new_key_signs_what_the_old_one_signed_and_stands_beside_it() {
    let bench = Bench::new();
    let report = bench.run().unwrap();
    let one = &report.images[0];
    assert_eq!((one.outcome, one.dropped, report.authority.as_str()), (ResealOutcome::Resealed, 0, "ci"), "{one:?}");
    let kinds: Vec<Kind> = one.statements.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Provenance, Kind::Sbom, Kind::Gate], "and not what somebody else approved");
    assert_eq!(bench.calls(), "read sign sign sign write tag");
    let held = bench.held();
    assert!(held.starts_with(&bench.before) && admits(&bench.old, &held) && admits(&bench.new, &held));
    assert_eq!(one.evidence_sha256, Some(Sha256Digest::of(&held)));
    let names: Vec<&str> = one.tags.iter().map(|tag| tag.name.as_str()).collect();
    assert_eq!(names, [EVIDENCE_TAG, SUBJECT_TAG, crate::image::KEY_TAG]);
}

#[test]
fn what_was_moved_is_told_and_signed_no_more() {
    let bench = Bench::new();
    bench.one();
    let held = bench.held();
    let again = Bench::holding(&held);
    let one = again.one();
    // The fake catalogue does not know the tags, so they are written once more: they would be after an interruption.
    assert_eq!((one.outcome, again.calls().as_str()), (ResealOutcome::Already, "read tag"));
    assert_eq!(again.held(), held);
}

#[test]
fn the_old_signatures_are_dropped_at_once_or_later() {
    let at_once = Bench { replace: true, ..Bench::new() };
    let one = at_once.one();
    assert_eq!((one.outcome, one.dropped, one.statements.len()), (ResealOutcome::Resealed, 3, 3));
    let held = at_once.held();
    assert!(!admits(&at_once.old, &held) && admits(&at_once.new, &held));

    let beside = Bench::new();
    beside.one();
    let later = Bench { replace: true, ..Bench::holding(&beside.held()) };
    let one = later.one();
    assert_eq!((one.outcome, one.dropped, one.statements.len()), (ResealOutcome::Resealed, 3, 0));
    assert_eq!(later.calls(), "read write tag", "nothing had to be signed");
    let held = later.held();
    assert!(!admits(&later.old, &held) && admits(&later.new, &held));
}

#[test]
fn what_is_not_admitted_is_not_moved() {
    let stranger = Gated::at(now()).evidence(&LocalKey::p256(4), &LocalKey::p256(2));
    let unapproved = Gated { approved: None, ..Gated::at(now()) }.evidence(&LocalKey::p256(1), &LocalKey::p256(2));
    for (evidence, code) in
        [(stranger, "signer-unknown"), (unapproved, "attestation-missing"), (b"x".to_vec(), "json-malformed")]
    {
        let bench = Bench::holding(&evidence);
        let one = bench.one();
        assert_eq!(one.outcome, ResealOutcome::Refused);
        assert!(codes(&one).contains(&code), "{:?}", codes(&one));
        assert!(bench.untouched());
        assert_eq!(bench.calls(), "read");
    }
    let empty = Bench { store: FakeStore::default(), ..Bench::new() };
    assert_eq!((empty.one().outcome, codes(&empty.one())), (ResealOutcome::Refused, vec!["evidence-absent"]));
    let gone = Bench { catalog: FakeCatalog::default(), ..Bench::new() };
    assert_eq!((gone.one().outcome, codes(&gone.one())), (ResealOutcome::Refused, vec!["image-not-found"]));
}

#[test]
fn what_the_new_key_alone_is_not_enough_for_is_not_stored() {
    let stricter = Bench::new();
    for new in [
        format!("{}[gate]\nfail_on = \"low\"\n", stricter.new),
        gated_policy(&LocalKey::p256(3), &LocalKey::p256(4), ""),
        // Old and new together are two; the new one alone is not.
        format!("{}{}", stricter.new, authority_table("old", &LocalKey::p256(1))).replacen(
            "authorities = [\"ci\"]\nthreshold = 1",
            "authorities = [\"ci\", \"old\"]\nthreshold = 2",
            1,
        ),
    ] {
        let bench = Bench { new, ..Bench::new() };
        let one = bench.one();
        assert_eq!((one.outcome, bench.calls().as_str()), (ResealOutcome::Refused, "read sign sign sign"), "{one:?}");
        assert!(!one.causes.is_empty());
        assert!(bench.untouched());
    }
}

#[test]
fn one_of_two_signers_is_moved_when_it_is_named() {
    let [old, other, boss, new] = [1, 4, 2, 3].map(LocalKey::p256);
    let two = |first: &LocalKey| {
        let policy = gated_policy(first, &boss, &authority_table("other", &other));
        policy.replace("authorities = [\"ci\"]\nthreshold = 1", "authorities = [\"ci\", \"other\"]\nthreshold = 2")
    };
    let gated = Gated::at(now()).clean();
    let lines = [Kind::Provenance, Kind::Sbom].map(payload);
    let named: Vec<Sha256Digest> = lines.iter().map(|one| Sha256Digest::of(one)).collect();
    let lines: Vec<Vec<u8>> = lines.into_iter().chain([gated.payload(&named)]).collect();
    let both: Vec<_> = lines.iter().flat_map(|one| [(&old, one.clone()), (&other, one.clone())]).collect();
    let bench = |from: Option<&str>| Bench {
        old: two(&old),
        new: two(&new),
        from: from.map(|from| from.parse().unwrap()),
        replace: true,
        ..Bench::holding(&signed(&both))
    };
    let all = bench(None);
    assert_eq!(all.one().outcome, ResealOutcome::Refused, "without the other there is one signature of two");
    let named = bench(Some("ci"));
    let one = named.one();
    assert_eq!((one.outcome, one.dropped), (ResealOutcome::Resealed, 3));
    assert!(admits(&named.new, &named.held()));
    assert_eq!(bench(Some("nobody")).run().unwrap_err(), ResealError::NoSuchAuthority("nobody".parse().unwrap()));
}

#[test]
fn approvals_are_moved_by_an_approver_and_by_nobody_else() {
    let [ci, new] = [1, 3].map(LocalKey::p256);
    let (policy, from) = (gated_policy(&ci, &new, ""), Some("boss".parse().unwrap()));
    let moving = Bench { new: policy.clone(), from, ..Bench::new() };
    let one = moving.one();
    assert_eq!(
        (one.outcome, one.statements.len(), one.statements[0].kind),
        (ResealOutcome::Resealed, 1, Kind::Approval)
    );
    let sealing = Bench { new: policy, ..Bench::new() };
    assert!(matches!(sealing.run(), Err(ResealError::ApproverSeals(_))));
}

#[test]
fn a_key_that_nobody_would_believe_or_that_is_the_old_one_moves_nothing() {
    let unknown = Bench { signer: FakeSigner::new(5), ..Bench::new() };
    assert!(matches!(unknown.run(), Err(ResealError::KeyUnknown { .. })));
    let old = Bench::new().old;
    let same = Bench { new: old, signer: FakeSigner::new(1), ..Bench::new() };
    assert!(matches!(same.run(), Err(ResealError::SameKey(_))));
    assert_eq!(same.calls(), "");
}

#[test]
fn a_key_file_does_not_take_over_what_kms_signed() {
    let mut bench = Bench::new();
    bench.signer.key.dangerous_local = true;
    let one = bench.one();
    assert_eq!((one.outcome, bench.calls().as_str()), (ResealOutcome::Refused, "read"));
    assert!(one.problem.unwrap().contains("give a key in KMS"));
}

#[test]
fn what_fails_is_told_and_nothing_is_half_done() {
    let conflict = Bench::new();
    *conflict.store.meanwhile.lock().unwrap() = Some(b"other".to_vec());
    let one = conflict.one();
    assert_eq!((one.outcome, conflict.held()), (ResealOutcome::Failed, b"other".to_vec()));
    assert!(one.problem.unwrap().contains("changed meanwhile"));

    let fault = Some(PortErrorKind::Unavailable);
    let mut unsigned = Bench::new();
    unsigned.signer.fault = fault;
    let one = unsigned.one();
    assert_eq!((one.outcome, unsigned.untouched()), (ResealOutcome::Failed, true));
    assert!(one.problem.unwrap().contains("signing with key/3"));

    let mut wrong = Bench::new();
    wrong.signer.local = LocalKey::p256(5);
    assert_eq!((wrong.one().outcome, wrong.untouched()), (ResealOutcome::Failed, true));

    let mut untagged = Bench::new();
    untagged.tags.fault = fault;
    let one = untagged.one();
    assert_eq!(one.outcome, ResealOutcome::Failed);
    assert!(one.problem.unwrap().contains("its evidence is stored"));
    let again = Bench { tags: FakeTags::default(), ..untagged };
    assert_eq!((again.one().outcome, again.tags.written.lock().unwrap().len()), (ResealOutcome::Already, 3));
}

#[test]
fn tags_that_point_to_what_was_there_before_an_interruption_are_set_right() {
    let bench = Bench::new();
    bench.one();
    let mut image = described();
    let before = format!("sha256:{}", Sha256Digest::of(&evidence()));
    image.tags = Some(vec![crate::image::DescribedTag { key: Some(EVIDENCE_TAG.into()), value: Some(before) }]);
    let held = bench.held();
    let catalog = FakeCatalog([(descriptor().image(), Ok(image))].into());
    let again = Bench { catalog, ..Bench::holding(&held) };
    assert_eq!(again.one().outcome, ResealOutcome::Already);
    let written = Tags::from_iter(again.tags.written.lock().unwrap().clone());
    let pointers: Vec<_> = written.values(EVIDENCE_TAG).map(pointer_digest).collect();
    assert_eq!(pointers, [Some(Sha256Digest::of(&held))]);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    /// Whatever lines are missing: what is stored in the end is admitted by the new key alone, or nothing was stored.
    #[test]
    fn what_is_stored_is_admitted_without_the_old_key(left_out in 0..5usize, replace in proptest::bool::ANY) {
        let all = evidence();
        let lines: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').enumerate()
            .filter(|(number, _)| *number != left_out).map(|(_, line)| line).collect();
        let before = lines.concat();
        let bench = Bench { replace, ..Bench::holding(&before) };
        let outcome = bench.one().outcome;
        let held = bench.held();
        if outcome == ResealOutcome::Resealed {
            let old = LocalKey::p256(1).public().hint();
            let rest: Vec<u8> = held.split_inclusive(|byte| *byte == b'\n')
                .filter(|line| !String::from_utf8_lossy(line).contains(&old)).flatten().copied().collect();
            proptest::prop_assert!(admits(&bench.new, &rest));
        } else {
            proptest::prop_assert_eq!(held, before);
        }
    }
}
