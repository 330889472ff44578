use std::sync::Mutex;

use goldseal_core::{
    report::Outcome,
    testing::{
        evidence::sealed,
        identity::{FakeMetadata, SIGNED, certificates},
        images::described,
        keys::LocalKey,
        launches::{FakeState, Script},
        policies::{compiled, minimal},
        ports::{FakeCatalog, FakeStore},
    },
};

use super::*;

/// A store that is out for so many questions.
struct Late(FakeStore, Mutex<usize>);

impl EvidenceStore for Late {
    async fn read(&self, image: &ImageRef) -> Result<Option<Stored>, PortError> {
        let left = {
            let mut left = self.1.lock().unwrap();
            let before = *left;
            *left = before.saturating_sub(1);
            before
        };
        match left {
            0 => self.0.read(image).await,
            99.. => {
                // Longer than any test waits.
                sleep(Duration::from_secs(60)).await;
                out()
            }
            _ => out(),
        }
    }

    async fn write(&self, _: &Descriptor, _: &[u8], _: Expected) -> Result<Written, PortError> {
        panic!("a guard writes no evidence")
    }

    fn locate(&self, image: &ImageRef) -> String {
        self.0.locate(image)
    }
}

impl ListStore for Late {
    async fn read_list(&self, listing: &Listing) -> Result<Option<Stored>, PortError> {
        self.0.read_list(listing).await
    }

    async fn write_list(&self, _: &Listing, _: &[u8], _: Expected) -> Result<Written, PortError> {
        panic!("a guard writes no lists")
    }

    fn locate_list(&self, listing: &Listing) -> String {
        self.0.locate_list(listing)
    }
}

fn out<T>() -> Result<T, PortError> {
    Err(PortError::new(PortErrorKind::Unavailable, "store:read", "it"))
}

fn a_minute_after_launch() -> Timestamp {
    "2026-11-20T09:01:00Z".parse().unwrap()
}

/// Boots, with a store that is out for so many questions and IMDS for so many others; returns what was decided and when.
async fn boots(imds_out: usize, store_out: usize, deadline: Duration, state: &FakeState) -> (Judged, Duration) {
    let ci = LocalKey::p256(1);
    let policy = compiled(&minimal(&ci));
    let start = Instant::now();
    let (certificates, deadline) = (certificates(), start + deadline);
    let guard = Guard { policy, certificates, deadline, clock: a_minute_after_launch };
    let silent = std::iter::repeat_n(Err(PortErrorKind::Unavailable), imds_out);
    let imds = FakeMetadata(Script::of(silent.chain([Ok(SIGNED.as_bytes().to_vec())])));
    let open = |identity: InstanceIdentity| async move {
        let image = identity.image().clone();
        let store = FakeStore::holding(&image, &sealed(&ci));
        let ec2 = FakeCatalog([(image, Ok(described()))].into());
        Ok(Sources { ec2: Some(ec2), store: Late(store, Mutex::new(store_out)), carrying: Carrying::default() })
    };
    let mut judged = guard.judge(&imds, state, open).await.unwrap();
    judged.remember(&guard.policy, state).await;
    (judged, start.elapsed())
}

#[tokio::test]
async fn what_is_not_there_yet_is_asked_for_again() {
    let state = FakeState::default();
    for (imds, store) in [(0, 0), (2, 0), (0, 2), (1, 1)] {
        let (judged, took) = boots(imds, store, Duration::from_secs(20), &state).await;
        assert_eq!(judged.decision.step, BootStep::GoOn, "{:?}", judged.decision.report);
        assert_eq!(judged.decision.report.judged.verdict, Outcome::Admit);
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    assert!(state.journal.calls().contains(&"write v1/admitted.json".to_owned()));
}

#[tokio::test]
async fn at_the_deadline_not_knowing_ends_the_boot() {
    for (imds, store) in [(90, 0), (0, 90), (0, 99)] {
        let state = FakeState::default();
        let (judged, took) = boots(imds, store, Duration::from_millis(700), &state).await;
        assert!(matches!(judged.decision.step, BootStep::End(_)), "{:?}", judged.decision.report);
        assert_eq!(judged.decision.report.judged.verdict, Outcome::Undetermined);
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert!(!state.journal.calls().iter().any(|call| call.starts_with("write")));
    }
}
