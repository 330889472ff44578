//! Block digests in index order → the content digest of an EBS device.
//!
//! The digest is SHA-256 over the SHA-256 of every 512 KiB block in index order; a block that the snapshot does not
//! list counts as a block of zeros. So it is the same for a copy, a re-encrypted copy and another account's copy,
//! whichever all-zero blocks each of them happens to store. The blocks themselves never come here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sigstore_crypto::Sha256Hasher;

use crate::digest::Sha256Digest;

/// Bytes of one EBS block; volumes are whole GiB, so the last one is full too.
pub const BLOCK_BYTES: usize = 512 << 10;

const BLOCKS_PER_GIB: u64 = (1 << 30) / BLOCK_BYTES as u64;

/// SHA-256 of a block of zeros.
const ZERO_BLOCK: Sha256Digest = Sha256Digest::from_bytes([
    0x07, 0x85, 0x4d, 0x2f, 0xef, 0x29, 0x7a, 0x06, 0xba, 0x81, 0x68, 0x5e, 0x66, 0x0c, 0x33, 0x2d, 0xe3, 0x6d, 0x5d,
    0x18, 0xd5, 0x46, 0x92, 0x7d, 0x30, 0xda, 0xad, 0x6d, 0x7f, 0xda, 0x15, 0x41,
]);

/// What is on one EBS device of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceContent {
    /// The device, as in the descriptor.
    pub device_name: String,
    /// Its size in GiB.
    pub volume_size: u32,
    /// Its content digest.
    pub sha256: Sha256Digest,
}

/// Returns how many blocks a volume has.
pub fn blocks_of(volume_gib: u32) -> u64 {
    u64::from(volume_gib) * BLOCKS_PER_GIB
}

/// A block came out of order, twice, or from beyond the volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("block {index} where {expected} or later, and before {end}, was expected")]
pub struct BlockOrder {
    index: u64,
    expected: u64,
    end: u64,
}

/// Folds block digests into the content digest.
pub struct ContentDigest {
    hasher: Sha256Hasher,
    next: u64,
    end: u64,
}

impl std::fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentDigest").field("next", &self.next).field("end", &self.end).finish_non_exhaustive()
    }
}

impl ContentDigest {
    /// Starts a volume of so many GiB.
    pub fn new(volume_gib: u32) -> Self {
        Self { hasher: Sha256Hasher::new(), next: 0, end: blocks_of(volume_gib) }
    }

    /// Adds the digest of a listed block; unlisted blocks before it count as zeros.
    ///
    /// # Errors
    /// [`BlockOrder`] unless indexes rise and stay inside the volume.
    pub fn push(&mut self, index: u64, block: Sha256Digest) -> Result<(), BlockOrder> {
        if index < self.next || index >= self.end {
            return Err(BlockOrder { index, expected: self.next, end: self.end });
        }
        self.fill(index);
        self.hasher.update(block.as_bytes());
        self.next = index + 1;
        Ok(())
    }

    /// Ends the volume: what was not listed up to its end counts as zeros.
    pub fn finish(mut self) -> Sha256Digest {
        self.fill(self.end);
        Sha256Digest::from_bytes(*self.hasher.finalize().as_bytes())
    }

    fn fill(&mut self, until: u64) {
        for _ in self.next..until {
            self.hasher.update(ZERO_BLOCK.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zero_block_is_what_it_says() {
        assert_eq!(ZERO_BLOCK, Sha256Digest::of(&vec![0; BLOCK_BYTES]));
    }

    #[test]
    fn an_unlisted_block_is_a_zero_block() {
        let block = Sha256Digest::of(b"block");
        let mut sparse = ContentDigest::new(1);
        sparse.push(3, block).unwrap();
        let mut full = ContentDigest::new(1);
        for index in 0..blocks_of(1) {
            full.push(index, if index == 3 { block } else { ZERO_BLOCK }).unwrap();
        }
        let by_hand: Vec<u8> =
            (0..blocks_of(1)).flat_map(|i| *if i == 3 { block } else { ZERO_BLOCK }.as_bytes()).collect();
        let expected = Sha256Digest::of(&by_hand);
        assert_eq!((sparse.finish(), full.finish()), (expected, expected));
        assert_ne!(ContentDigest::new(1).finish(), ContentDigest::new(2).finish());
    }

    #[test]
    fn blocks_out_of_order_are_refused() {
        let block = Sha256Digest::of(b"block");
        let mut content = ContentDigest::new(1);
        content.push(5, block).unwrap();
        assert!(content.push(5, block).is_err());
        assert!(content.push(4, block).is_err());
        assert!(content.push(blocks_of(1), block).is_err());
        content.push(blocks_of(1) - 1, block).unwrap();
    }

    proptest::proptest! {
        #[test]
        fn which_zero_blocks_are_listed_does_not_matter(
            written in proptest::collection::btree_map(0..2048u64, proptest::prelude::any::<u8>(), 0..40),
            zeros in proptest::collection::btree_set(0..2048u64, 0..200),
        ) {
            let digest = |listed: &[(u64, Sha256Digest)]| {
                let mut content = ContentDigest::new(1);
                listed.iter().for_each(|(index, block)| content.push(*index, *block).unwrap());
                content.finish()
            };
            let written: Vec<_> = written.iter().map(|(index, byte)| (*index, Sha256Digest::of(&[*byte]))).collect();
            let mut more = written.clone();
            more.extend(zeros.iter().map(|index| (*index, ZERO_BLOCK)));
            more.sort_by_key(|(index, _)| *index);
            more.dedup_by(|b, a| a.0 == b.0 && (b.1 == ZERO_BLOCK || { a.1 = b.1; true }));
            proptest::prop_assert_eq!(digest(&written), digest(&more));
        }
    }
}
