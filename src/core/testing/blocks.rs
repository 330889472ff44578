//! A fake of the EBS direct API: pages of blocks, blocks that finish in any order, and a count of what is in flight.

#![expect(clippy::unwrap_used, reason = "a page token that is none should stop the test")]

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    task::{Context, Poll},
};

use crate::{
    digest::Sha256Digest,
    ids::{Region, SnapshotId},
    ports::{BlockPage, ListedBlock, PortError, PortErrorKind, Progress, SnapshotBlocks},
};

/// Snapshots by id, each a list of pages of block indexes. The content of a block is its token.
#[derive(Debug, Default)]
pub struct FakeBlocks {
    /// The pages.
    pub pages: BTreeMap<SnapshotId, Vec<Vec<u64>>>,
    /// A block index that cannot be read.
    pub broken: Option<u64>,
    /// A page that cannot be listed, from 0.
    pub broken_page: Option<usize>,
    /// Blocks in flight.
    pub flying: AtomicUsize,
    /// The most of them at any time.
    pub most: AtomicUsize,
}

/// Returns the digest of a block as [`FakeBlocks`] has it.
pub fn block_digest(snapshot: &SnapshotId, index: u64) -> Sha256Digest {
    Sha256Digest::of(format!("{snapshot}/{index}").as_bytes())
}

impl SnapshotBlocks for FakeBlocks {
    async fn list(&self, _: &Region, snapshot: &SnapshotId, page: Option<String>) -> Result<BlockPage, PortError> {
        let number: usize = page.map_or(0, |token| token.parse().unwrap());
        if self.broken_page == Some(number) {
            return Err(PortError::new(PortErrorKind::Throttled, "ebs:ListSnapshotBlocks", snapshot));
        }
        let pages = self.pages.get(snapshot).map(Vec::as_slice).unwrap_or_default();
        let indexes = pages.get(number).map(Vec::as_slice).unwrap_or_default();
        let token = |index| format!("{snapshot}/{index}");
        let blocks = indexes.iter().map(|&index| ListedBlock { index, token: token(index) }).collect();
        Ok(BlockPage { blocks, next: (number + 1 < pages.len()).then(|| (number + 1).to_string()) })
    }

    async fn digest(&self, _: &Region, snapshot: &SnapshotId, block: &ListedBlock) -> Result<Sha256Digest, PortError> {
        let flying = self.flying.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(flying, SeqCst);
        // Later blocks are ready sooner.
        Turns(8 - block.index % 8).await;
        self.flying.fetch_sub(1, SeqCst);
        if self.broken == Some(block.index) {
            return Err(PortError::new(PortErrorKind::Malformed, "ebs:GetSnapshotBlock", snapshot));
        }
        Ok(Sha256Digest::of(block.token.as_bytes()))
    }
}

/// Lets others run for so many turns.
struct Turns(u64);

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Counts what a progress bar would show.
#[derive(Debug, Default)]
pub struct Counter {
    /// Units that were announced.
    pub expected: AtomicU64,
    /// Units that are done.
    pub done: AtomicU64,
}

impl Progress for Counter {
    fn expect(&self, units: u64) {
        self.expected.fetch_add(units, SeqCst);
    }

    fn advance(&self) {
        self.done.fetch_add(1, SeqCst);
    }
}
