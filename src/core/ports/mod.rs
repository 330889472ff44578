//! What the flows ask of the world, by role. Adapters outside implement it; fakes in `testing` stand in for them.

mod containment;
mod doctor;
mod findings;
mod fleet;
mod launches;
mod listings;
mod metadata;
mod receipts;
mod records;

use std::{error::Error, fmt, future::Future};

pub use self::{
    containment::Containment,
    doctor::{Asker, LaunchQueue, Templates},
    findings::{Finding, Findings, Untaken},
    fleet::{Account, Fleets, Grouped, View},
    launches::{Enrols, Groups, Instances, STATE_LIMIT, StateName, StateStore, Waits},
    listings::{Inventory, ListStore, Listing, Listings, Post, Postings},
    metadata::InstanceMetadata,
    receipts::{
        LARGEST_RECEIPT, RECEIPTS_FOLDER, ReceiptStore, UNSIGNED_RECEIPTS_FOLDER, evidence_folder, is_signed_path,
        receipt_path, receipts_folder, receipts_from, unsigned_folder,
    },
    records::{
        BootRecords, MOST_RECORDS, RECORDS_FOLDER, is_record, record_path, recorded_by, records_folder, records_from,
    },
};

use crate::{
    attestation::{Pae, predicate::Ancestor},
    digest::Sha256Digest,
    ids::{AmiId, ImageRef, Region, SnapshotId},
    image::{DescribedImage, Descriptor},
    policy::{FoundReceipt, WantedReceipts},
    publication::{State, Step, Wishes},
    report::KeyReport,
    trust::{KeyAnswer, PublicKey},
};

/// How a port failed: all that a flow looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortErrorKind {
    /// What was named is not there. Only for things that must exist; absence that is an answer is `None`.
    NotFound,
    /// The caller may not.
    Denied,
    /// Too many requests, after retries.
    Throttled,
    /// No answer, or an answer that says "later", after retries.
    Unavailable,
    /// An answer that is not one: wrong form, too large, or failing its own checksum.
    Malformed,
    /// The other side understood and refuses: wrong key state, wrong argument.
    Refused,
}

impl fmt::Display for PortErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "not found",
            Self::Denied => "access denied",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Malformed => "malformed answer",
            Self::Refused => "refused",
        })
    }
}

/// A port's failure: which kind, doing what, to what, and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {resource}: {kind}")]
pub struct PortError {
    /// The kind.
    pub kind: PortErrorKind,
    /// What was done, such as `ec2:DescribeImages`.
    pub operation: &'static str,
    /// On what.
    pub resource: String,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl PortError {
    /// Makes a failure without a cause of its own.
    pub fn new(kind: PortErrorKind, operation: &'static str, resource: impl fmt::Display) -> Self {
        Self { kind, operation, resource: resource.to_string(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// Returns the whole chain in one line, each cause once.
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// Returns an error and its causes in one line, each once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// Where images are described: EC2, or a saved answer.
pub trait ImageCatalog {
    /// Returns the image, or none when the catalogue answers that there is none to see.
    fn describe(&self, image: &ImageRef) -> impl Future<Output = Result<Option<DescribedImage>, PortError>> + Send;
}

/// Where the lineage of images is told: EC2.
pub trait ImageLineage {
    /// Returns the images that one comes from, the nearest first: as far as the catalogue tells, and none where it was
    /// made of a snapshot.
    ///
    /// It is told and proves nothing: an image that was made of a tampered instance has the same ancestors.
    fn ancestry(&self, image: &ImageRef) -> impl Future<Output = Result<Vec<Ancestor>, PortError>> + Send;
}

/// Where an image's tags are written.
pub trait ImageTags {
    /// Sets tags, leaving others alone.
    fn tag(&self, image: &ImageRef, tags: &[(String, String)]) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Where images are published: EC2 and Parameter Store.
pub trait Publication {
    /// Returns what is there of an image, as far as the wishes are about it.
    fn state(&self, image: &ImageRef, wishes: &Wishes) -> impl Future<Output = Result<State, PortError>> + Send;

    /// Takes one step, and returns once it holds.
    fn apply(&self, step: &Step) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Where the evidence of images is kept.
pub trait EvidenceStore {
    /// Returns the evidence of an image, or none when the store answers that there is none.
    ///
    /// Reading stops with [`PortErrorKind::Malformed`] when there is more than the limit.
    fn read(&self, image: &ImageRef) -> impl Future<Output = Result<Option<Stored>, PortError>> + Send;

    /// Writes the whole evidence of an image if the store is as expected; else changes nothing and says so.
    fn write(
        &self,
        image: &Descriptor,
        evidence: &[u8],
        expected: Expected,
    ) -> impl Future<Output = Result<Written, PortError>> + Send;

    /// Returns where the evidence of an image is, for people and tags.
    fn locate(&self, image: &ImageRef) -> String;

    /// Returns receipts about an image, as far as receipts are looked for; `evidence` is what it has now. Where there is no
    /// place for them there are none, which helps nobody.
    fn receipts(
        &self,
        _image: &ImageRef,
        _evidence: Option<Sha256Digest>,
        _wanted: WantedReceipts,
    ) -> impl Future<Output = Result<Vec<FoundReceipt>, PortError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }
}

/// A document as a store holds it: of evidence, JSON Lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The whole of it.
    pub bytes: Vec<u8>,
    /// Which state of the store this was.
    pub revision: Revision,
}

/// A state of a store, in the store's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision(pub String);

/// What a writer believes the store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Absent,
    /// What was read.
    Unchanged(Revision),
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a conflict means that nothing was written"]
pub enum Written {
    /// Stored.
    Stored,
    /// Not stored: somebody else wrote in between.
    Conflict,
}

/// What signs: a KMS key, or a key file under a dangerous name.
pub trait Signer {
    /// Returns the key that [`Self::sign`] signs with.
    fn key(&self) -> &SigningKey;

    /// Signs an envelope's encoding with the scheme of the key.
    fn sign(&self, pae: Pae<'_>) -> impl Future<Output = Result<Vec<u8>, PortError>> + Send;
}

/// A key that signs.
#[derive(Debug)]
pub struct SigningKey {
    /// Its public half, with the scheme it signs with.
    pub public: PublicKey,
    /// What names it for people: a key ARN, or a path.
    pub name: String,
    /// It is a file on disk.
    pub dangerous_local: bool,
}

impl From<&SigningKey> for KeyReport {
    fn from(key: &SigningKey) -> Self {
        Self {
            name: key.name.clone(),
            spki_sha256: key.public.digest(),
            scheme: key.public.scheme(),
            dangerous_local: key.dangerous_local,
        }
    }
}

/// Where the public keys of KMS authorities are asked for.
pub trait KeyCatalog {
    /// Returns the public half of a key, or that KMS would not sign with it.
    fn public_key(&self, uri: &str) -> impl Future<Output = Result<KeyAnswer, PortError>> + Send;
}

/// Where the blocks of a snapshot are read.
pub trait SnapshotBlocks {
    /// Returns a page of the blocks that the snapshot lists, by rising index; the first page without a token.
    fn list(
        &self,
        region: &Region,
        snapshot: &SnapshotId,
        page: Option<String>,
    ) -> impl Future<Output = Result<BlockPage, PortError>> + Send;

    /// Reads one block, checks it against its own checksum, and returns its SHA-256.
    fn digest(
        &self,
        region: &Region,
        snapshot: &SnapshotId,
        block: &ListedBlock,
    ) -> impl Future<Output = Result<Sha256Digest, PortError>> + Send;
}

/// Some of the blocks that a snapshot lists; a page may be empty and not the last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockPage {
    /// The blocks.
    pub blocks: Vec<ListedBlock>,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
}

/// A block that a snapshot lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBlock {
    /// Its index.
    pub index: u64,
    /// What EBS wants to see before it hands it out.
    pub token: String,
}

/// Something long that goes on: for a progress bar, or for nobody.
pub trait Progress: Sync {
    /// So many more units are known to be ahead.
    fn expect(&self, units: u64);
    /// One more unit is done.
    fn advance(&self);
}

impl Progress for () {
    fn expect(&self, _: u64) {}
    fn advance(&self) {}
}

/// The path of an image's evidence in directory, S3 and https stores: `v1/PARTITION/REGION/AMI-ID.jsonl`.
pub fn evidence_path(image: &ImageRef) -> String {
    let ImageRef { region, id } = image;
    let id: &AmiId = id;
    format!("v1/{}/{region}/{id}.jsonl", region.partition())
}

/// Returns the image whose evidence is at a path, if it is a path of evidence.
pub fn evidence_image(path: &str) -> Option<ImageRef> {
    let (folder, file) = path.rsplit_once('/')?;
    let (_, region) = folder.rsplit_once('/')?;
    let image = ImageRef { region: region.parse().ok()?, id: file.strip_suffix(".jsonl")?.parse().ok()? };
    (evidence_path(&image) == path).then_some(image)
}
