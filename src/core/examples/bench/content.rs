//! The content digest over blocks in memory, hashed on as many threads as there are cores, as the EBS adapter does.

use std::{
    future::poll_fn,
    hint::black_box,
    sync::{Arc, Mutex, PoisonError, mpsc},
    task::{Poll, Waker},
    thread,
    time::Instant,
};

use goldseal_core::{
    digest::Sha256Digest,
    flow::device_contents,
    ids::{Region, SnapshotId},
    image::{BLOCK_BYTES, ImageFacts, images_from_json},
    ports::{BlockPage, ListedBlock, PortError, PortErrorKind, SnapshotBlocks},
};
use serde_json::{Value, json};

use super::{Outcome, compare, process};

const IMAGE: &str = r#"{"Images":[{
    "Name":"memory","ImageId":"ami-0123456789abcdef0","OwnerId":"123456789012","State":"available","Public":false,
    "CreationDate":"2026-11-01T10:00:00.000Z","Architecture":"x86_64","RootDeviceType":"ebs",
    "RootDeviceName":"/dev/xvda","BlockDeviceMappings":[{"DeviceName":"/dev/xvda",
      "Ebs":{"Encrypted":false,"SnapshotId":"snap-0123456789abcdef0","VolumeSize":1}}]}]}"#;

/// Blocks in flight: what `goldseal` reads at once by default.
const WIDTH: usize = 64;

/// Measures the content digest of a volume with so many mebibytes of data against SHA-256 of the same bytes.
pub(super) fn measure(mebibytes: &str) -> Outcome<Value> {
    let bytes: Arc<[u8]> = data(mebibytes)?.into();
    let cores = thread::available_parallelism()?.get();
    let image = images_from_json(IMAGE.as_bytes())?.remove(0);
    let image = ImageFacts::in_region(&"eu-west-1".parse()?, image)?.descriptor;
    let memory = Memory::new(&bytes, cores);
    let digest = || futures_executor::block_on(device_contents(&image, &memory, WIDTH, &()));
    digest()?;
    let started = Instant::now();
    let (ours, anchor) = compare(
        &|| started.elapsed().as_secs_f64() * 1000.0,
        1.0,
        9,
        || drop(black_box(digest())),
        || {
            thread::scope(|scope| {
                for part in bytes.chunks(bytes.len().div_ceil(cores)) {
                    scope.spawn(|| black_box(Sha256Digest::of(part)));
                }
            });
        },
    );
    Ok(json!({ "cores": cores, "bytes": bytes.len(), "ours": ours, "anchor": anchor }))
}

/// Measures the CPU of SHA-256 over so many mebibytes, on one thread.
pub(super) fn plain(mebibytes: &str) -> Outcome<Value> {
    let bytes = data(mebibytes)?;
    let mut times = Vec::new();
    for _ in 0..9 {
        let before = process::cpu(process::SELF)?;
        black_box(Sha256Digest::of(black_box(&bytes)));
        times.push(process::cpu(process::SELF)? - before);
    }
    Ok(json!({ "cpu": super::median(times) }))
}

fn data(mebibytes: &str) -> Outcome<Vec<u8>> {
    let size: usize = mebibytes.parse::<usize>()? << 20;
    // Any bytes that are not all the same; SHA-256 takes as long for all of them.
    Ok((0..size).map(|at| (at.wrapping_mul(0x9e37_79b9) >> 13).to_le_bytes().first().copied().unwrap_or(0)).collect())
}

/// A snapshot in memory, and the threads that hash its blocks.
struct Memory {
    blocks: u64,
    orders: mpsc::Sender<Order>,
}

struct Order {
    index: u64,
    answer: Answer,
}

type Answer = Arc<Mutex<(Option<Sha256Digest>, Option<Waker>)>>;

impl Memory {
    fn new(bytes: &Arc<[u8]>, threads: usize) -> Self {
        let (orders, taken) = mpsc::channel::<Order>();
        let taken = Arc::new(Mutex::new(taken));
        for _ in 0..threads {
            let (bytes, taken) = (Arc::clone(bytes), Arc::clone(&taken));
            thread::spawn(move || {
                let next = || taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
                while let Ok(Order { index, answer }) = next() {
                    let block = usize::try_from(index).ok().and_then(|index| bytes.chunks(BLOCK_BYTES).nth(index));
                    let digest = Sha256Digest::of(block.unwrap_or_default());
                    let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
                    answer.0 = Some(digest);
                    if let Some(waker) = answer.1.take() {
                        waker.wake();
                    }
                }
            });
        }
        Self { blocks: bytes.len().div_ceil(BLOCK_BYTES) as u64, orders }
    }
}

impl SnapshotBlocks for Memory {
    async fn list(&self, _: &Region, _: &SnapshotId, _: Option<String>) -> Result<BlockPage, PortError> {
        let blocks = (0..self.blocks).map(|index| ListedBlock { index, token: index.to_string() }).collect();
        Ok(BlockPage { blocks, next: None })
    }

    async fn digest(&self, _: &Region, snapshot: &SnapshotId, block: &ListedBlock) -> Result<Sha256Digest, PortError> {
        let answer = Answer::default();
        let order = Order { index: block.index, answer: Arc::clone(&answer) };
        self.orders.send(order).map_err(|_closed| PortError::new(PortErrorKind::Unavailable, "memory", snapshot))?;
        Ok(poll_fn(|context| {
            let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
            match answer.0.take() {
                Some(digest) => Poll::Ready(digest),
                None => {
                    answer.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await)
    }
}
