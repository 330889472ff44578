use futures_executor::block_on;

use super::*;
use crate::{
    attestation::Kind,
    image::{DeviceContent, Tags},
    ports::PortErrorKind,
    testing::{
        evidence::{changed, sealed},
        images::descriptor,
        inputs::now,
        keys::{LocalKey, authority},
        ports::{FakeSigner, FakeStore, FakeTags, Journal},
        sealing::Files,
    },
    trust::{TrustRoot, believe},
};

mod gated;

/// Everything that a sealing touches, with one journal.
struct Bench {
    files: Files,
    signer: FakeSigner,
    store: FakeStore,
    tags: FakeTags,
    existing: Existing,
    tag: bool,
}

impl Bench {
    fn new() -> Self {
        let journal = Journal::default();
        Self {
            files: Files::clean(),
            signer: FakeSigner { journal: journal.clone(), ..FakeSigner::new(1) },
            store: FakeStore { journal: journal.clone(), ..FakeStore::default() },
            tags: FakeTags { journal, ..FakeTags::default() },
            existing: Existing::Refuse,
            tag: true,
        }
    }

    fn holding(self, evidence: &[u8]) -> Self {
        let journal = self.store.journal.clone();
        Self { store: FakeStore { journal, ..FakeStore::holding(&descriptor().image(), evidence) }, ..self }
    }

    fn sign(&self) -> Result<SignReport, SignError> {
        self.sign_gated(None)
    }

    fn sign_gated(&self, gate: Option<Gating<'_>>) -> Result<SignReport, SignError> {
        let (facts, inputs) = (&self.files.image, self.files.inputs());
        let signing = Signing { facts, inputs, gate, existing: self.existing, tag: self.tag, now: now() };
        block_on(sign(&signing, &self.signer, &self.store, &self.tags))
    }

    fn held(&self) -> Option<Vec<u8>> {
        self.store.of(&descriptor().image())
    }

    fn calls(&self) -> String {
        self.store.journal.calls().join(" ")
    }
}

/// Evidence of the statements that a bench signs, by another key.
fn theirs(seed: usize) -> Vec<u8> {
    let bench = Bench { signer: FakeSigner::new(seed), ..Bench::new() };
    bench.sign().unwrap();
    bench.held().unwrap()
}

/// How many statements each of two keys counts for.
fn believed(evidence: &[u8]) -> [usize; 2] {
    let root = TrustRoot::new(vec![authority("a", &LocalKey::p256(1)), authority("b", &LocalKey::p256(2))]).unwrap();
    let believed = believe(&root, evidence, descriptor().digest(), now()).unwrap();
    ["a", "b"].map(|name| believed.verified.iter().filter(|one| one.by().as_str() == name).count())
}

#[test]
fn an_image_is_signed_then_stored_then_tagged() {
    let bench = Bench::new();
    let report = bench.sign().unwrap();
    assert_eq!(bench.calls(), "read sign sign sign write tag");
    let evidence = bench.held().unwrap();
    assert_eq!(believed(&evidence), [3, 0]);
    assert_eq!(report.evidence_sha256, Sha256Digest::of(&evidence));
    assert_eq!((report.bundles, report.subject), (3, descriptor().digest()));
    let kinds: Vec<Kind> = report.statements.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Provenance, Kind::Sbom, Kind::Scan]);
    let tags = bench.tags.written.lock().unwrap();
    let expected = [
        ("Commit", "0a1b".to_owned()),
        (EVIDENCE_TAG, format!("sha256:{} {}", Sha256Digest::of(&evidence), report.evidence)),
        (SUBJECT_TAG, format!("sha256:{}", descriptor().digest())),
        (KEY_TAG, "key/1".to_owned()),
    ];
    assert_eq!(*tags, expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(report.tags.len(), 4);
}

#[test]
fn the_report_says_what_was_left_out() {
    let codes = |report: SignReport| report.notes.iter().map(|note| note.code.clone()).collect::<Vec<_>>();
    assert_eq!(codes(Bench::new().sign().unwrap()), ["dangerous-without-gate", "no-content-digest"]);
    let untagged = Bench { tag: false, ..Bench::new() };
    let report = untagged.sign().unwrap();
    assert_eq!((untagged.calls().as_str(), report.tags.len()), ("read sign sign sign write", 0));
    assert_eq!(codes(report), ["dangerous-without-gate", "no-content-digest", "not-tagged"]);
    let mut whole = Bench::new();
    whole.files.content =
        vec![DeviceContent { device_name: "/dev/xvda".into(), volume_size: 1, sha256: Sha256Digest::of(b"") }];
    assert_eq!(codes(whole.sign().unwrap()), ["dangerous-without-gate"]);
    let mut local = Bench::new();
    local.signer.key.dangerous_local = true;
    let report = local.sign().unwrap();
    assert!(report.key.dangerous_local);
    assert_eq!(codes(report), ["dangerous-without-gate", "dangerous-local-key", "no-content-digest"]);
    let evidence = String::from_utf8(local.held().unwrap()).unwrap();
    assert!(!evidence.contains("dangerous"), "it stands in the signed provenance, not beside it");
}

#[test]
fn what_is_there_stays_unless_somebody_says_otherwise() {
    let old = sealed(&LocalKey::p256(2));
    let refusing = Bench::new().holding(&old);
    assert!(matches!(refusing.sign(), Err(SignError::Exists { .. })));
    assert_eq!((refusing.calls().as_str(), refusing.held()), ("read", Some(old.clone())), "and no key was used");

    let replacing = Bench { existing: Existing::Replace, ..Bench::new() }.holding(&old);
    assert_eq!(replacing.sign().unwrap().bundles, 3);
    assert_eq!(believed(&replacing.held().unwrap()), [3, 0]);

    let old = theirs(2);
    let adding = Bench { existing: Existing::Add, ..Bench::new() }.holding(&old);
    assert_eq!(adding.sign().unwrap().bundles, 6);
    let held = adding.held().unwrap();
    assert_eq!((believed(&held), held.starts_with(&old)), ([3, 3], true));

    for existing in [Existing::Refuse, Existing::Replace, Existing::Add] {
        let bench = Bench { existing, ..Bench::new() };
        assert_eq!(bench.sign().unwrap().bundles, 3, "{existing:?} of nothing");
    }
}

#[test]
fn two_authorities_that_add_reach_two_of_two() {
    let first = Bench::new();
    let one = first.sign().unwrap();
    let second = Bench { existing: Existing::Add, ..Bench::new() }.holding(&first.held().unwrap());
    let second = Bench { signer: FakeSigner::new(2), ..second };
    let two = second.sign().unwrap();
    let statements = |report: &SignReport| report.statements.iter().map(|one| one.statement).collect::<Vec<_>>();
    assert_eq!(statements(&one), statements(&two), "the same bytes");
    assert_eq!((believed(&second.held().unwrap()), two.bundles), ([3, 3], 6));
}

#[test]
fn beside_other_statements_or_the_own_signature_nothing_is_added() {
    let others = Bench { existing: Existing::Add, ..Bench::new() }.holding(&sealed(&LocalKey::p256(2)));
    assert!(matches!(others.sign(), Err(SignError::OtherInputs { kind: Kind::Provenance, .. })));
    let own = Bench { existing: Existing::Add, ..Bench::new() }.holding(&theirs(1));
    assert!(matches!(own.sign(), Err(SignError::AlreadySigned { .. })));
    assert_eq!((others.calls().as_str(), own.calls().as_str()), ("read", "read"));
}

#[test]
fn a_tag_that_says_something_else_is_not_overwritten() {
    for (name, value, signs) in [
        ("Commit", "0a1b", true),
        ("Commit", "ffff", false),
        ("ec2:SharedTag/Commit", "ffff", false),
        ("Other", "ffff", true),
    ] {
        let mut bench = Bench::new();
        bench.files.image.tags = Tags::from_iter([(name.to_owned(), value.to_owned())]);
        let signed = bench.sign();
        assert_eq!(signed.is_ok(), signs, "{name}={value}");
        assert!(signs || matches!(signed, Err(SignError::TagConflict { .. })));
    }
}

#[test]
fn shared_pointers_that_are_there_are_written_too() {
    let mut bench = Bench::new();
    let shared = format!("{SHARED_TAG_PREFIX}{EVIDENCE_TAG}");
    bench.files.image.tags = Tags::from_iter([(shared.clone(), "old".to_owned())]);
    bench.sign().unwrap();
    let tags = bench.tags.written.lock().unwrap();
    let value = |name: &str| tags.iter().find(|(tag, _)| tag == name).map(|(_, value)| value.clone());
    assert_eq!(value(&shared), value(EVIDENCE_TAG));
    assert_eq!(value(&format!("{SHARED_TAG_PREFIX}{SUBJECT_TAG}")), None, "what is not there was not published");
}

#[test]
fn evidence_without_a_last_line_end_can_be_added_to() {
    let mut old = theirs(2);
    old.pop();
    let bench = Bench { existing: Existing::Add, ..Bench::new() }.holding(&old);
    assert_eq!(bench.sign().unwrap().bundles, 6);
    assert_eq!(believed(&bench.held().unwrap()), [3, 3]);
    let empty = Bench { existing: Existing::Add, ..Bench::new() }.holding(b"");
    assert!(matches!(empty.sign(), Err(SignError::OtherInputs { .. })), "nothing to sign beside");
}

#[test]
fn unreadable_evidence_is_not_added_to_but_can_be_replaced() {
    let good = sealed(&LocalKey::p256(2));
    let file =
        br#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{}},
        "messageSignature":{"signature":"AQID"}}"#;
    let file: Vec<u8> = file.iter().copied().filter(|byte| *byte != b'\n').collect();
    for bad in [b"x".to_vec(), b"\n".to_vec(), [good.as_slice(), b"\n"].concat(), changed(&good, "v0.3", "v0.9"), file]
    {
        let bench = Bench { existing: Existing::Add, ..Bench::new() }.holding(&bad);
        let Err(SignError::Store { source, .. }) = bench.sign() else { panic!("{}", String::from_utf8_lossy(&bad)) };
        assert_eq!(source.kind, PortErrorKind::Malformed);
        assert_eq!((bench.calls().as_str(), bench.held()), ("read", Some(bad.clone())));
        let bench = Bench { existing: Existing::Replace, ..Bench::new() }.holding(&bad);
        assert_eq!(bench.sign().unwrap().bundles, 3);
    }
    let full = theirs(2).repeat(85);
    let bench = Bench { existing: Existing::Add, ..Bench::new() }.holding(&full);
    let Err(SignError::Store { source, .. }) = bench.sign() else { panic!("255 lines and three more") };
    assert!(source.chain().contains("more than 256 lines"), "{}", source.chain());
    assert_eq!(bench.held(), Some(full));
}

#[test]
fn nobody_else_is_overwritten() {
    let (old, other) = (theirs(2), sealed(&LocalKey::p256(3)));
    for (existing, before) in [
        (Existing::Refuse, None),
        (Existing::Replace, None),
        (Existing::Replace, Some(&old)),
        (Existing::Add, Some(&old)),
    ] {
        let bench = Bench { existing, ..Bench::new() };
        let bench = before.map_or_else(|| Bench { existing, ..Bench::new() }, |old| bench.holding(old));
        *bench.store.meanwhile.lock().unwrap() = Some(other.clone());
        let error = bench.sign().unwrap_err();
        assert!(matches!(error, SignError::Conflict { .. }), "{existing:?}: {error:?}");
        assert_eq!(bench.held(), Some(other.clone()));
        assert!(!bench.calls().contains("tag"));
    }
}

#[test]
fn a_failure_before_the_store_leaves_nothing_behind() {
    let fault = Some(PortErrorKind::Denied);
    let reading = Bench { store: FakeStore { read_fault: fault, ..FakeStore::default() }, ..Bench::new() };
    assert!(matches!(reading.sign(), Err(SignError::Store { .. })));
    assert_eq!(reading.calls(), "read");

    let mut signing = Bench::new();
    signing.signer.fault = fault;
    let Err(SignError::Sign { key, .. }) = signing.sign() else { panic!("signing") };
    assert_eq!((key.as_str(), signing.calls().as_str(), signing.held()), ("key/1", "read sign", None));

    let mut input = Bench::new();
    input.files.sbom.push(' ');
    assert!(matches!(input.sign(), Err(SignError::Input(InputFault::SbomChanged))));
    assert_eq!((input.calls().as_str(), input.held()), ("read", None));

    let journal = Journal::default();
    let store = FakeStore { write_fault: fault, journal: journal.clone(), ..FakeStore::default() };
    let writing = Bench { store, ..Bench::new() };
    let writing = Bench { tags: FakeTags { journal, ..FakeTags::default() }, ..writing };
    assert!(matches!(writing.sign(), Err(SignError::Store { .. })));
    assert_eq!((writing.calls().as_str(), writing.held()), ("read write", None));
}

#[test]
fn a_signature_that_does_not_verify_is_never_stored() {
    let mut bench = Bench::new();
    bench.signer.local = LocalKey::p256(2);
    let Err(SignError::SelfCheck { key, problem }) = bench.sign() else { panic!("not its key") };
    assert_eq!((key.as_str(), bench.calls().as_str(), bench.held()), ("key/1", "read sign sign sign", None));
    assert!(problem.contains("signer"), "{problem}");
    let mut bench = Bench { existing: Existing::Add, ..Bench::new() }.holding(&theirs(3));
    bench.signer.local = LocalKey::p256(2);
    assert!(matches!(bench.sign(), Err(SignError::SelfCheck { .. })), "what was there cannot stand in for it");
}

#[test]
fn a_tag_that_fails_says_that_the_evidence_is_stored() {
    let mut bench = Bench::new();
    bench.tags.fault = Some(PortErrorKind::Throttled);
    let error = bench.sign().unwrap_err();
    assert!(matches!(&error, SignError::Tag { .. }));
    assert!(error.to_string().contains("its evidence is stored"), "{error}");
    assert_eq!(bench.calls(), "read sign sign sign write tag");
    assert_eq!(believed(&bench.held().unwrap()), [3, 0]);
}
