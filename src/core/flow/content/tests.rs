use std::{
    collections::BTreeMap,
    error::Error as _,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use futures_executor::block_on;

use super::*;
use crate::{
    digest::Sha256Digest,
    image::{Identity, blocks_of},
    testing::{
        blocks::{Counter, FakeBlocks, block_digest},
        images::descriptor,
    },
};

const ROOT: &str = "snap-0123456789abcdef0";
const DATA: &str = "snap-0123456789abcdef1";

fn blocks(root: &[&[u64]], data: &[&[u64]]) -> FakeBlocks {
    let pages = |pages: &[&[u64]]| pages.iter().map(|page| page.to_vec()).collect();
    let pages = [(ROOT.parse().unwrap(), pages(root)), (DATA.parse().unwrap(), pages(data))];
    FakeBlocks { pages: BTreeMap::from(pages), ..FakeBlocks::default() }
}

/// The digest of a volume, told block by block.
fn expected(snapshot: &str, gib: u32, listed: &[u64]) -> Sha256Digest {
    let snapshot = snapshot.parse().unwrap();
    let zeros = Sha256Digest::of(&vec![0; 512 << 10]);
    let digest = |index| if listed.contains(&index) { block_digest(&snapshot, index) } else { zeros };
    let all: Vec<u8> = (0..blocks_of(gib)).flat_map(|index| *digest(index).as_bytes()).collect();
    Sha256Digest::of(&all)
}

fn contents(blocks: &FakeBlocks, width: usize) -> Result<Vec<DeviceContent>, ContentError> {
    block_on(device_contents(&descriptor(), blocks, width, &()))
}

#[test]
fn every_ebs_device_has_its_digest_in_the_order_of_the_descriptor() {
    let found = contents(&blocks(&[&[0, 5, 2047]], &[&[1]]), 4).unwrap();
    let found: Vec<_> = found.iter().map(|one| (one.device_name.as_str(), one.volume_size, one.sha256)).collect();
    assert_eq!(
        found,
        [("/dev/xvda", 1, expected(ROOT, 1, &[0, 5, 2047])), ("/dev/xvdb", 2, expected(DATA, 2, &[1]))],
        "the ephemeral device has no content of its own"
    );
}

#[test]
fn pages_are_joined_whether_empty_or_not() {
    let whole = contents(&blocks(&[&[1, 2, 3, 9]], &[]), 3).unwrap();
    for pages in
        [&[&[1][..], &[2, 3], &[9]][..], &[&[], &[1, 2, 3, 9]], &[&[1, 2, 3, 9], &[]], &[&[1, 2], &[], &[], &[3, 9]]]
    {
        assert_eq!(contents(&blocks(pages, &[]), 3).unwrap(), whole, "{pages:?}");
    }
    assert_eq!(
        contents(&blocks(&[], &[]), 3).unwrap()[0].sha256,
        expected(ROOT, 1, &[]),
        "nothing listed is all zeros"
    );
}

#[test]
fn no_more_blocks_are_in_flight_than_the_width_and_order_does_not_matter() {
    let all: Vec<u64> = (0..64).collect();
    let digest = expected(ROOT, 1, &all);
    for (width, most) in [(0, 1), (1, 1), (2, 2), (7, 7), (64, 64), (1000, 64)] {
        let blocks = blocks(&[&all[..10], &all[10..11], &all[11..]], &[]);
        assert_eq!(contents(&blocks, width).unwrap()[0].sha256, digest, "{width}");
        assert_eq!(blocks.most.load(SeqCst), most, "width {width}");
    }
}

#[test]
fn progress_counts_every_block_once() {
    let counter = Counter::default();
    let blocks = blocks(&[&[1, 2], &[3]], &[&[4]]);
    block_on(device_contents(&descriptor(), &blocks, 2, &counter)).unwrap();
    assert_eq!((counter.expected.load(SeqCst), counter.done.load(SeqCst)), (4, 4));
}

#[test]
fn one_block_that_cannot_be_read_is_enough() {
    let blocks = FakeBlocks { broken: Some(3), ..blocks(&[&[0, 1, 2, 3, 4]], &[]) };
    let error = contents(&blocks, 2).unwrap_err();
    assert!(matches!(&error, ContentError::Read { device, .. } if device == "/dev/xvda"), "{error:?}");
    assert!(error.source().unwrap().to_string().contains("ebs:GetSnapshotBlock"));
}

#[test]
fn a_page_that_cannot_be_listed_is_enough() {
    for page in [0, 1] {
        let blocks = FakeBlocks { broken_page: Some(page), ..blocks(&[&[0, 1], &[2]], &[]) };
        assert!(matches!(contents(&blocks, 2), Err(ContentError::Read { .. })), "{page}");
    }
}

#[test]
fn blocks_beyond_the_end_twice_or_out_of_order_are_refused() {
    for (root, data) in [
        (&[&[2048][..]][..], &[][..]),
        (&[&[u64::MAX]], &[]),
        (&[&[0, 1, 1]], &[]),
        (&[&[5, 4]], &[]),
        (&[&[5], &[5]], &[]),
        (&[&[0]], &[&[4096][..]][..]),
    ] {
        assert!(matches!(contents(&blocks(root, data), 3), Err(ContentError::Order { .. })), "{root:?} {data:?}");
    }
    assert!(contents(&blocks(&[&[2047]], &[&[4095]]), 3).is_ok());
}

#[test]
fn a_device_of_which_something_is_known_must_be_readable() {
    let with = |change: fn(&mut Identity)| {
        let mut identity = descriptor().identity().clone();
        change(&mut identity);
        let image = Descriptor::new(identity).unwrap();
        block_on(device_contents(&image, &blocks(&[], &[]), 1, &()))
    };
    let refused: [fn(&mut Identity); 5] = [
        |i| i.block_devices[1].snapshot_id = None,
        |i| i.block_devices[1].volume_size = None,
        |i| (i.block_devices[1].volume_size, i.block_devices[1].encrypted) = (None, None),
        |i| (i.block_devices[1].snapshot_id, i.block_devices[1].encrypted) = (None, None),
        |i| (i.block_devices[1].snapshot_id, i.block_devices[1].volume_size) = (None, None),
    ];
    for change in refused {
        assert!(matches!(with(change), Err(ContentError::NoSnapshot { device }) if device == "/dev/xvda"));
    }
    assert_eq!(with(|i| i.block_devices[1].encrypted = None).unwrap().len(), 2);
    assert_eq!(with(|i| i.block_devices.truncate(1)).unwrap(), []);
}

/// Progress that nobody looks at must not be needed either.
#[test]
fn blocks_are_not_read_before_there_is_room_for_them() {
    struct Watch<'b>(&'b FakeBlocks, AtomicUsize);
    impl Progress for Watch<'_> {
        fn expect(&self, _: u64) {}
        fn advance(&self) {
            self.1.fetch_max(self.0.flying.load(SeqCst), SeqCst);
        }
    }
    let all: Vec<u64> = (0..40).collect();
    let blocks = blocks(&[&all], &[]);
    let watch = Watch(&blocks, AtomicUsize::new(0));
    block_on(device_contents(&descriptor(), &blocks, 5, &watch)).unwrap();
    assert!(watch.1.load(SeqCst) < 5);
}
