//! What every store does alike, asked of each against a real server: a directory, the local AWS, two registries in
//! this process, and a web server behind TLS that serves a directory.

mod dir;
mod https;
mod lists;
mod oci;
#[path = "../../../../tests/it/registry.rs"]
mod registry;
mod s3;
mod tls;

use futures::future::join_all;
use goldseal_core::{
    attestation::{EVIDENCE_LIMITS, STATEMENT_TYPE, join},
    digest::Sha256Digest,
    ids::ImageRef,
    image::{Descriptor, Identity},
    ports::{
        EvidenceStore, Expected, PortError, PortErrorKind, Stored as Document,
        Written::{self, Conflict, Stored},
    },
    testing::{images, keys::LocalKey},
};
use serde_json::json;

/// Returns the descriptor of an image that only this number has.
fn image(number: u64) -> Descriptor {
    let identity = images::descriptor().identity().clone();
    Descriptor::new(Identity { image_id: format!("ami-{number:017x}"), ..identity }).unwrap()
}

/// Returns evidence of that many bundles, each about that large, that differs by `mark`.
fn evidence(image: &Descriptor, mark: &str, lines: usize, size: usize) -> Vec<u8> {
    let key = LocalKey::p256(1);
    // Base64 makes four bytes of three.
    let padding = "x".repeat(size * 3 / 4);
    let bundle = |line: usize| {
        let statement = json!({
            "_type": STATEMENT_TYPE,
            "subject": [{"name": image.image().id.as_str(), "digest": {"sha256": image.digest()}}],
            "predicateType": "https://spdx.dev/Document",
            "predicate": {"mark": mark, "line": line, "padding": padding},
        });
        key.bundle(serde_json::to_vec(&statement).unwrap())
    };
    let bundles: Vec<Vec<u8>> = (1..=lines).map(bundle).collect();
    join(bundles.iter().map(Vec::as_slice))
}

/// A store to read from, and the one to write to: another only where the first is read only.
struct Stores<'s, R, W> {
    reader: &'s R,
    writer: &'s W,
}

impl<'s, S> Stores<'s, S, S> {
    fn of(store: &'s S) -> Self {
        Self { reader: store, writer: store }
    }
}

impl<R: EvidenceStore, W: EvidenceStore> Stores<'_, R, W> {
    async fn read(&self, image: &Descriptor) -> Option<Document> {
        let found = self.reader.read(&image.image()).await.unwrap();
        assert_eq!(found, self.reader.read(&image.image()).await.unwrap(), "a second look shows the same");
        found
    }

    async fn holds(&self, image: &Descriptor, evidence: &[u8]) -> Document {
        let found = self.read(image).await.expect("there is evidence");
        assert_eq!(Sha256Digest::of(&found.bytes), Sha256Digest::of(evidence), "exact bytes");
        found
    }

    async fn write(&self, image: &Descriptor, evidence: &[u8], expected: Expected) -> Written {
        self.writer.write(image, evidence, expected).await.unwrap()
    }

    /// Runs what holds for every store, with images of numbers from `first`.
    async fn keep_the_contract(&self, first: u64) {
        let (other, image) = (image(first + 1), image(first));
        let one = evidence(&image, "one", 1, 100);
        let seven = evidence(&image, "seven", 7, 300);

        assert_eq!(self.read(&image).await, None);
        let nothing = Expected::Unchanged(goldseal_core::ports::Revision("\"0\"".to_owned()));
        assert_eq!(self.write(&image, &one, nothing).await, Conflict, "there is nothing to replace");
        assert_eq!(self.read(&image).await, None);

        assert_eq!(self.write(&image, &one, Expected::Absent).await, Stored);
        let first_state = self.holds(&image, &one).await;
        assert_eq!(self.write(&image, &seven, Expected::Absent).await, Conflict);
        assert_eq!(self.holds(&image, &one).await, first_state);

        let replace_first = || Expected::Unchanged(first_state.revision.clone());
        assert_eq!(self.write(&image, &seven, replace_first()).await, Stored);
        let second_state = self.holds(&image, &seven).await;
        assert_ne!(second_state.revision, first_state.revision);
        assert_eq!(self.write(&image, &evidence(&image, "late", 2, 100), replace_first()).await, Conflict);
        assert_eq!(self.holds(&image, &seven).await, second_state);

        self.refuses_what_it_could_not_give_back(&image, &second_state).await;

        assert_eq!(self.read(&other).await, None);
        let others = evidence(&other, "other", 2, 100);
        assert_eq!(self.write(&other, &others, Expected::Absent).await, Stored);
        assert_eq!(self.holds(&image, &seven).await, second_state);

        let back = Expected::Unchanged(second_state.revision.clone());
        assert_eq!(self.write(&image, &one, back).await, Stored, "fewer lines, and a state that was there before");
        let third_state = self.holds(&image, &one).await;
        let large = evidence(&image, "large", 2, 5 << 19);
        assert_eq!(self.write(&image, &large, Expected::Unchanged(third_state.revision)).await, Stored);
        self.holds(&image, &large).await;
        self.holds(&other, &others).await;
    }

    async fn refuses_what_it_could_not_give_back(&self, image: &Descriptor, state: &Document) {
        let mut unended = state.bytes.clone();
        unended.pop();
        let gap = [&state.bytes[..], b"\n"].concat();
        let many = b"{}\n".repeat(EVIDENCE_LIMITS.lines + 1);
        for unwritable in [&b""[..], b"\n", &unended, &gap, &many] {
            let expected = Expected::Unchanged(state.revision.clone());
            let error = self.writer.write(image, unwritable, expected).await.unwrap_err();
            assert_eq!(error.kind, PortErrorKind::Refused, "{}", error.chain());
        }
        assert_eq!(self.holds(image, &state.bytes).await, *state);
    }
}

/// Lets writers race, on a new image and then on one that is there, and returns how many won each time. Whoever is
/// told that it stored must be what is there.
async fn race(store: &impl EvidenceStore, first: u64, writers: usize) -> [usize; 2] {
    let image = image(first);
    let round = async |round: &str, expected: Expected| {
        let sets: Vec<_> = (0..writers).map(|n| evidence(&image, &format!("{round} {n}"), 1 + n % 3, 200)).collect();
        let outcomes = join_all(sets.iter().map(|set| store.write(&image, set, expected.clone()))).await;
        let stored = sets.iter().zip(outcomes).filter(|(_, outcome)| matches!(outcome, Ok(Stored)));
        let winners: Vec<_> = stored.map(|(set, _)| set.clone()).collect();
        if let [winner] = winners.as_slice() {
            assert_eq!(store.read(&image.image()).await.unwrap().unwrap().bytes, *winner);
        }
        winners.len()
    };
    let created = round("create", Expected::Absent).await;
    let found = store.read(&image.image()).await.unwrap();
    let expected = found.map_or(Expected::Absent, |found| Expected::Unchanged(found.revision));
    [created, round("replace", expected).await]
}

/// Reads and expects a failure of that kind; returns its text.
async fn read_fails(store: &impl EvidenceStore, image: &ImageRef, kind: PortErrorKind) -> String {
    fails(store.read(image).await, kind)
}

fn fails<T>(outcome: Result<T, PortError>, kind: PortErrorKind) -> String {
    let Err(error) = outcome else { panic!("it should have failed: {kind}") };
    assert_eq!(error.kind, kind, "{}", error.chain());
    error.chain()
}
