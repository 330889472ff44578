//! The queue: long polls, visibility that is extended while a message is worked on, deletions in batches.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;

use super::inbox::Disposition;
use crate::adapters::aws::{NotDone, Queue, Received};

/// For how long a message that is worked on is hidden from others; and when that is extended.
pub const VISIBLE_AFTER: u32 = 60;
const EXTEND_EVERY: Duration = Duration::from_secs(20);
/// When somebody should see again what could not be ended: a moment later, because what is out seldom comes back at once.
const AGAIN_AFTER: u32 = 30;
/// When the queue should see again what nobody can read, to put it aside in the end.
const UNREADABLE_AFTER: u32 = 5;
/// How long deletions are collected.
const TOGETHER: Duration = Duration::from_millis(100);
/// What one call takes.
pub const BATCH: u8 = 10;
/// How long the queue is asked for messages when there are none; a stop waits for as long.
pub const LONG_POLL: u8 = 10;

/// Messages that are worked on.
#[derive(Debug)]
pub struct Held {
    queue: Queue,
    receipts: Mutex<BTreeMap<u64, String>>,
    next: AtomicU64,
    done: mpsc::UnboundedSender<(String, Disposition)>,
}

/// Messages that are done with, on their way back to the queue.
pub type Done = mpsc::UnboundedReceiver<(String, Disposition)>;

impl Held {
    /// Starts without any.
    pub fn new(queue: Queue) -> (Self, Done) {
        let (done, returned) = mpsc::unbounded_channel();
        (Self { queue, receipts: Mutex::default(), next: AtomicU64::default(), done }, returned)
    }

    /// Takes a message: until it is put down, it stays hidden.
    pub fn hold(&self, message: &Received) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.receipts().insert(number, message.receipt.clone());
        number
    }

    /// Puts a message down.
    pub fn put_down(&self, number: u64, disposition: Disposition) {
        if let Some(receipt) = self.receipts().remove(&number) {
            // The other end lives as long as this one.
            let _gone = self.done.send((receipt, disposition));
        }
    }

    /// Gives everything back that is still held: somebody else should see it now.
    pub fn release_all(&self) {
        for receipt in std::mem::take(&mut *self.receipts()).into_values() {
            let _gone = self.done.send((receipt, Disposition::Return));
        }
    }

    /// Keeps what is held hidden, for ever.
    pub async fn extend(&self) {
        loop {
            tokio::time::sleep(EXTEND_EVERY).await;
            let held: Vec<String> = self.receipts().values().cloned().collect();
            for batch in held.chunks(usize::from(BATCH)) {
                visibility(&self.queue, batch, VISIBLE_AFTER).await;
            }
        }
    }

    fn receipts(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, String>> {
        // Every change is one insertion or removal, so a poisoned map is as good as any.
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes and gives back what was put down, until nobody holds anything any more.
pub async fn give_back(queue: &Queue, mut done: Done) {
    while let Some(first) = done.recv().await {
        let mut together = vec![first];
        let full = async {
            while together.len() < usize::from(BATCH) {
                match done.recv().await {
                    Some(next) => together.push(next),
                    None => return,
                }
            }
        };
        // What was collected when time is up goes as it is.
        let _full = tokio::time::timeout(TOGETHER, full).await;
        let of = |wanted: Disposition| {
            let chosen = together.iter().filter(move |(_, disposition)| *disposition == wanted);
            chosen.map(|(receipt, _)| receipt.clone()).collect::<Vec<String>>()
        };
        delete(queue, &of(Disposition::Delete)).await;
        visibility(queue, &of(Disposition::Return), 0).await;
        visibility(queue, &of(Disposition::Release), AGAIN_AFTER).await;
        visibility(queue, &of(Disposition::Leave), UNREADABLE_AFTER).await;
    }
}

async fn delete(queue: &Queue, receipts: &[String]) {
    if receipts.is_empty() {
        return;
    }
    for NotDone { error, .. } in queue.delete(receipts).await {
        let error = error.chain();
        tracing::warn!(event = "call-failed", error, "a message could not be deleted and will come again");
    }
}

async fn visibility(queue: &Queue, receipts: &[String], seconds: u32) {
    if receipts.is_empty() {
        return;
    }
    for NotDone { error, .. } in queue.extend(receipts, seconds).await {
        tracing::warn!(event = "call-failed", error = error.chain(), "changing the visibility of a message failed");
    }
}
