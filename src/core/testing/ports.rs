//! Fakes of the ports: what they hold is set up front, what was done to them is in a journal.

#![expect(clippy::unwrap_used, reason = "a lock that was poisoned should stop the test")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;

use super::keys::LocalKey;
use crate::{
    attestation::{Pae, predicate::Ancestor},
    digest::Sha256Digest,
    ids::ImageRef,
    image::{DescribedImage, Descriptor},
    ports::{
        EvidenceStore, Expected, ImageCatalog, ImageLineage, ImageTags, KeyCatalog, ListStore, Listing, Listings,
        PortError, PortErrorKind, Post, Postings, Revision, Signer, SigningKey, Stored, Written, evidence_path,
    },
    trust::KeyAnswer,
};

/// What was asked of the fakes that share it, in order.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    /// Returns the calls so far.
    pub fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(super) fn note(&self, call: &str, fault: Option<PortErrorKind>) -> Result<(), PortError> {
        self.0.lock().unwrap().push(call.to_owned());
        fault.map_or(Ok(()), |kind| Err(PortError::new(kind, "fake", call)))
    }
}

/// EC2: the images that it shows, and what it fails with for others. What is not in it is not there.
#[derive(Debug, Clone, Default)]
pub struct FakeCatalog(pub BTreeMap<ImageRef, Result<DescribedImage, PortErrorKind>>);

impl ImageCatalog for FakeCatalog {
    async fn describe(&self, image: &ImageRef) -> Result<Option<DescribedImage>, PortError> {
        let found = self.0.get(image).cloned().transpose();
        found.map_err(|kind| PortError::new(kind, "ec2:DescribeImages", image))
    }
}

/// EC2's lineage: what it tells, and what it fails with. An image that is not in it is not there.
#[derive(Debug, Default)]
pub struct FakeLineage(pub BTreeMap<ImageRef, Result<Vec<Ancestor>, PortErrorKind>>);

impl ImageLineage for FakeLineage {
    async fn ancestry(&self, image: &ImageRef) -> Result<Vec<Ancestor>, PortError> {
        let told = self.0.get(image).cloned().unwrap_or(Err(PortErrorKind::NotFound));
        told.map_err(|kind| PortError::new(kind, "ec2:GetImageAncestry", image))
    }
}

/// A store in memory.
#[derive(Debug, Default)]
pub struct FakeStore {
    /// What it holds.
    pub held: Mutex<BTreeMap<ImageRef, Vec<u8>>>,
    /// The lists that it holds.
    pub lists: Mutex<BTreeMap<Listing, Vec<u8>>>,
    /// What reading fails with.
    pub read_fault: Option<PortErrorKind>,
    /// What writing fails with.
    pub write_fault: Option<PortErrorKind>,
    /// What somebody else writes just before the next write.
    pub meanwhile: Mutex<Option<Vec<u8>>>,
    /// See [`Journal`].
    pub journal: Journal,
}

impl FakeStore {
    /// Returns a store that holds evidence of one image.
    pub fn holding(image: &ImageRef, evidence: &[u8]) -> Self {
        Self { held: Mutex::new(BTreeMap::from([(image.clone(), evidence.to_vec())])), ..Self::default() }
    }

    /// Returns what it holds of an image.
    pub fn of(&self, image: &ImageRef) -> Option<Vec<u8>> {
        self.held.lock().unwrap().get(image).cloned()
    }
}

impl EvidenceStore for FakeStore {
    async fn read(&self, image: &ImageRef) -> Result<Option<Stored>, PortError> {
        self.journal.note("read", self.read_fault)?;
        Ok(self.of(image).map(|bytes| Stored { revision: revision(&bytes), bytes }))
    }

    async fn write(&self, image: &Descriptor, evidence: &[u8], expected: Expected) -> Result<Written, PortError> {
        self.journal.note("write", self.write_fault)?;
        let mut held = self.held.lock().unwrap();
        if let Some(other) = self.meanwhile.lock().unwrap().take() {
            held.insert(image.image(), other);
        }
        let now = held.get(&image.image()).map(|bytes| Expected::Unchanged(revision(bytes)));
        if now.unwrap_or(Expected::Absent) != expected {
            return Ok(Written::Conflict);
        }
        held.insert(image.image(), evidence.to_vec());
        Ok(Written::Stored)
    }

    fn locate(&self, image: &ImageRef) -> String {
        format!("fake://{}", evidence_path(image))
    }
}

impl ListStore for FakeStore {
    async fn read_list(&self, listing: &Listing) -> Result<Option<Stored>, PortError> {
        self.journal.note(&format!("read {}", listing.path()), self.read_fault)?;
        let found = self.lists.lock().unwrap().get(listing).cloned();
        Ok(found.map(|bytes| Stored { revision: revision(&bytes), bytes }))
    }

    async fn write_list(&self, listing: &Listing, bytes: &[u8], expected: Expected) -> Result<Written, PortError> {
        self.journal.note(&format!("write {}", listing.path()), self.write_fault)?;
        let mut lists = self.lists.lock().unwrap();
        if let Some(other) = self.meanwhile.lock().unwrap().take() {
            lists.insert(listing.clone(), other);
        }
        let now = lists.get(listing).map(|bytes| Expected::Unchanged(revision(bytes)));
        if now.unwrap_or(Expected::Absent) != expected {
            return Ok(Written::Conflict);
        }
        lists.insert(listing.clone(), bytes.to_vec());
        Ok(Written::Stored)
    }

    fn locate_list(&self, listing: &Listing) -> String {
        format!("fake://{}", listing.path())
    }
}

pub(super) fn revision(bytes: &[u8]) -> Revision {
    Revision(Sha256Digest::of(bytes).to_string())
}

/// The tags that were written.
#[derive(Debug, Default)]
pub struct FakeTags {
    /// What was written last.
    pub written: Mutex<Vec<(String, String)>>,
    /// What writing fails with.
    pub fault: Option<PortErrorKind>,
    /// See [`Journal`].
    pub journal: Journal,
}

impl ImageTags for FakeTags {
    async fn tag(&self, _: &ImageRef, tags: &[(String, String)]) -> Result<(), PortError> {
        self.journal.note("tag", self.fault)?;
        *self.written.lock().unwrap() = tags.to_vec();
        Ok(())
    }
}

/// A signer: it says that it is one key, and signs with another when a test wants that.
#[derive(Debug)]
pub struct FakeSigner {
    /// What it says that it is.
    pub key: SigningKey,
    /// What it signs with.
    pub local: LocalKey,
    /// What signing fails with.
    pub fault: Option<PortErrorKind>,
    /// See [`Journal`].
    pub journal: Journal,
}

impl FakeSigner {
    /// Returns a signer with key 1, 2 or 3.
    pub fn new(number: usize) -> Self {
        let local = LocalKey::p256(number);
        let key = SigningKey { public: local.public(), name: format!("key/{number}"), dangerous_local: false };
        Self { key, local, fault: None, journal: Journal::default() }
    }
}

impl Signer for FakeSigner {
    fn key(&self) -> &SigningKey {
        &self.key
    }

    async fn sign(&self, pae: Pae<'_>) -> Result<Vec<u8>, PortError> {
        self.journal.note("sign", self.fault)?;
        Ok(self.local.sign(&pae.to_vec()))
    }
}

/// KMS: its answers by URI. What is not in it is not there.
#[derive(Debug, Default)]
pub struct FakeKeys(pub BTreeMap<String, Result<KeyAnswer, PortErrorKind>>);

impl KeyCatalog for FakeKeys {
    async fn public_key(&self, uri: &str) -> Result<KeyAnswer, PortError> {
        let answer = self.0.get(uri).cloned().unwrap_or(Err(PortErrorKind::NotFound));
        answer.map_err(|kind| PortError::new(kind, "kms:GetPublicKey", uri))
    }
}

/// Nobody lists anything: for policies that ask for no lists.
impl Listings for FakeKeys {
    async fn posted(&self, _: &Listing) -> Postings {
        Postings { at: Timestamp::UNIX_EPOCH, posts: Vec::new() }
    }

    async fn keep(&self, _: &Listing, _: &[u8]) -> Result<(), PortError> {
        Ok(())
    }
}

/// Whoever lists something: the store has these lists, as of an instant.
#[derive(Debug, Default)]
pub struct FakeLists(pub Vec<(Listing, Vec<u8>)>, pub Timestamp);

impl KeyCatalog for FakeLists {
    async fn public_key(&self, uri: &str) -> Result<KeyAnswer, PortError> {
        Err(PortError::new(PortErrorKind::NotFound, "kms:GetPublicKey", uri))
    }
}

impl Listings for FakeLists {
    async fn posted(&self, listing: &Listing) -> Postings {
        let found = self.0.iter().filter(|(of, _)| of == listing);
        let stored = |bytes: &Vec<u8>| Ok(Some(Stored { bytes: bytes.clone(), revision: revision(bytes) }));
        let posts = found.map(|(_, bytes)| Post { place: "fake".into(), answer: stored(bytes), kept: false });
        Postings { at: self.1, posts: posts.collect() }
    }

    async fn keep(&self, _: &Listing, _: &[u8]) -> Result<(), PortError> {
        Ok(())
    }
}
