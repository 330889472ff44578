use std::collections::BTreeSet;

use goldseal_core::{
    attestation::predicate::{Grant, GrantScope, Revocation, Revocations, Revoked},
    ids::ImageRef,
    image::{DescribedImage, Descriptor},
    ports::{Expected, Listing, PortError, PortErrorKind, Stored, Written},
    testing::{
        evidence::sealed,
        images::{described, facts},
        keys::LocalKey,
        launches::FakeState,
        lists::{grant, granters, listed_policy, revoker, signed_grant, signed_list},
        policies::{compiled, minimal},
        ports::{FakeKeys, FakeStore},
    },
};

use super::*;

/// EC2 that takes its time, so that launches meet.
struct SlowCatalog;

impl ImageCatalog for SlowCatalog {
    async fn describe(&self, _: &ImageRef) -> Result<Option<DescribedImage>, PortError> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(Some(described()))
    }
}

/// A store that fails when it is told to.
struct Flaky {
    inner: FakeStore,
    out: std::sync::atomic::AtomicBool,
}

impl EvidenceStore for Flaky {
    async fn read(&self, image: &ImageRef) -> Result<Option<Stored>, PortError> {
        if self.out.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(PortError::new(PortErrorKind::Unavailable, "s3:GetObject", image));
        }
        self.inner.read(image).await
    }

    async fn write(&self, image: &Descriptor, evidence: &[u8], expected: Expected) -> Result<Written, PortError> {
        self.inner.write(image, evidence, expected).await
    }

    fn locate(&self, image: &ImageRef) -> String {
        self.inner.locate(image)
    }
}

impl ListStore for Flaky {
    async fn read_list(&self, listing: &Listing) -> Result<Option<Stored>, PortError> {
        self.inner.read_list(listing).await
    }

    async fn write_list(&self, listing: &Listing, bytes: &[u8], expected: Expected) -> Result<Written, PortError> {
        self.inner.write_list(listing, bytes, expected).await
    }

    fn locate_list(&self, listing: &Listing) -> String {
        self.inner.locate_list(listing)
    }
}

type Tested = OpenCases<SlowCatalog, Flaky, FakeKeys, FakeState>;

fn image() -> ImageRef {
    facts().descriptor.image()
}

fn cases(more: &str, out: bool, state: FakeState) -> Arc<Tested> {
    let store = FakeStore::holding(&image(), &sealed(&LocalKey::p256(1)));
    cases_of(&(minimal(&LocalKey::p256(1)) + more), Flaky { inner: store, out: out.into() }, state)
}

fn cases_of(policy: &str, store: Flaky, state: FakeState) -> Arc<Tested> {
    let sources =
        Sources { catalog: SlowCatalog, store, keys: FakeKeys::default(), state, carrying: Carrying::default() };
    let policy = compiled(policy);
    Arc::new(OpenCases::new(Arc::new(policy), Arc::new(sources), Arc::new(Metrics::default())))
}

fn verdict(cases: &Tested, case: &Case) -> String {
    let judgement = case.judge(&cases.policy, Timestamp::now());
    match judgement.verdict {
        Verdict::Admit(_) => "admit".to_owned(),
        Verdict::Reject(reasons) => reasons.as_slice()[0].code().to_owned(),
        Verdict::Undetermined(faults) => faults.as_slice()[0].code().to_owned(),
    }
}

fn count(cases: &Tested, metric: &str) -> String {
    let text = cases.metrics.text(Timestamp::now());
    text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' ')).unwrap_or("absent").to_owned()
}

async fn ask(cases: &Arc<Tested>, times: usize) -> Vec<Arc<Case>> {
    let image = image();
    futures::future::join_all((0..times).map(|_| cases.case(&image))).await
}

#[tokio::test]
async fn a_thousand_launches_share_one_verification_and_each_has_a_verdict() {
    let cases = cases("", false, FakeState::default());
    let first = ask(&cases, 500).await;
    let later = ask(&cases, 500).await;
    assert!(first.iter().chain(&later).all(|case| verdict(&cases, case) == "admit"));
    assert_eq!(cases.sources.store.inner.journal.calls().len(), 1);
    assert_eq!(count(&cases, "goldseal_hook_verifications_total"), "1");
}

#[tokio::test]
async fn the_same_evidence_is_not_verified_again_when_the_case_is_stale() {
    let cases = cases("", false, FakeState::default());
    ask(&cases, 1).await;
    cases.open.invalidate_all();
    assert_eq!(verdict(&cases, &ask(&cases, 1).await[0]), "admit");
    assert_eq!(count(&cases, "goldseal_hook_verifications_total"), "1");
    // Other evidence is.
    cases.sources.store.inner.held.lock().unwrap().insert(image(), sealed(&LocalKey::p256(2)));
    cases.open.invalidate_all();
    assert_eq!(verdict(&cases, &ask(&cases, 1).await[0]), "signer-unknown");
    assert_eq!(count(&cases, "goldseal_hook_verifications_total"), "2");
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_wait_and_by_nobody_after_them() {
    let cases = cases("", true, FakeState::default());
    assert!(ask(&cases, 10).await.iter().all(|case| verdict(&cases, case) == "evidence-unavailable"));
    cases.sources.store.out.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(verdict(&cases, &ask(&cases, 1).await[0]), "admit");
}

#[tokio::test]
async fn only_what_admits_is_kept_and_it_stands_in_only_where_the_policy_says_so() {
    let lasting = "[launch]\non_unreachable = \"last-known-good\"\nlast_known_good = \"1h\"\n";
    let good = cases(lasting, false, FakeState::default());
    ask(&good, 1).await;
    let held = good.sources.state.held.lock().unwrap().clone();
    assert_eq!(held.len(), 1);

    let keeping = || FakeState { held: Mutex::new(held.clone()), ..FakeState::default() };
    let standing = cases(lasting, true, keeping());
    let case = ask(&standing, 1).await.remove(0);
    assert_eq!(verdict(&standing, &case), "admit");
    let report = case.report(&standing.policy, case.judge(&standing.policy, Timestamp::now()), &Default::default());
    assert!(report.notes.iter().any(|note| note.code == "last-known-good"), "{:?}", report.notes);
    assert_eq!(count(&standing, "goldseal_hook_stand_ins_total"), "1");

    let denying = cases("", true, keeping());
    assert_eq!(verdict(&denying, &ask(&denying, 1).await[0]), "evidence-unavailable");

    let refused = cases(lasting, false, FakeState::default());
    refused.sources.store.inner.held.lock().unwrap().insert(image(), sealed(&LocalKey::p256(2)));
    ask(&refused, 1).await;
    assert!(refused.sources.state.held.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nothing_is_kept_of_an_image_that_an_override_lets_pass() {
    let now = Timestamp::now();
    let until = now.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let entry = Revocation {
        number: 0,
        at: now,
        by: "alice@example.com".into(),
        reason: "poisoned".into(),
        revokes: Revoked::Image { image: image(), content: Vec::new() },
    };
    let grant = grant(GrantScope::Image(image()), &["image-revoked"]);
    let grant = Grant { granted_at: now, from: now, until, revocations: BTreeSet::from([1]), ..grant };
    let named = Listing::Revocations("default".to_owned().try_into().unwrap());
    let lasting = listed_policy() + "[launch]\non_unreachable = \"last-known-good\"\nlast_known_good = \"1h\"\n";
    for (entries, kept) in [(vec![entry], false), (Vec::new(), true)] {
        let list = signed_list(&Revocations::new("default").next(entries, now), &revoker());
        let inner = FakeStore::holding(&image(), &sealed(&LocalKey::p256(1)));
        let lists = BTreeMap::from([(named.clone(), list), (Listing::Overrides, signed_grant(&grant, &granters()))]);
        *inner.lists.lock().unwrap() = lists;
        let cases = cases_of(&lasting, Flaky { inner, out: false.into() }, FakeState::default());
        let case = ask(&cases, 1).await.remove(0);
        let mut judgement = case.judge(&cases.policy, Timestamp::now());
        case.let_pass(&mut judgement, &cases.policy, &Default::default(), Timestamp::now());
        assert!(matches!(judgement.verdict, Verdict::Admit(_)));
        assert_eq!(judgement.verdict.overridden().is_none(), kept);
        let held = cases.sources.state.held.lock().unwrap();
        assert_eq!(held.keys().any(|name| name.as_str().starts_with("v1/last-known-good/")), kept, "{held:?}");
    }
}
