//! The content digest of every EBS device of an image: pages of blocks → block digests, many at once → one digest.
//!
//! Memory is bounded by one page of block tokens and the blocks in flight, whatever the size of the volume.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    ids::{Region, SnapshotId},
    image::{BlockOrder, ContentDigest, Descriptor, Device, DeviceContent},
    ports::{PortError, Progress, SnapshotBlocks},
};

/// Why the content of an image has no digest.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A block or a list of blocks could not be read.
    #[error("reading the content of {device} ({snapshot})")]
    Read {
        /// The device.
        device: String,
        /// Its snapshot.
        snapshot: SnapshotId,
        /// The cause.
        #[source]
        source: PortError,
    },
    /// EBS listed the blocks in an order that is none.
    #[error("reading the content of {device} ({snapshot})")]
    Order {
        /// The device.
        device: String,
        /// Its snapshot.
        snapshot: SnapshotId,
        /// The cause.
        #[source]
        source: BlockOrder,
    },
    /// A device without a size or snapshot: nothing says what is on it.
    #[error("{device} has no snapshot or no size in its block device mapping")]
    NoSnapshot {
        /// The device.
        device: String,
    },
}

/// Reads every EBS device of an image, with up to `width` blocks in flight.
///
/// # Errors
/// See [`ContentError`]: one block that cannot be read is enough.
pub async fn device_contents<B: SnapshotBlocks + Sync>(
    image: &Descriptor,
    blocks: &B,
    width: usize,
    progress: &(impl Progress + ?Sized),
) -> Result<Vec<DeviceContent>, ContentError> {
    let mappings = image.identity().block_devices.iter();
    let unreadable = mappings.filter(|Device { snapshot_id, volume_size, encrypted, .. }| {
        let ebs = snapshot_id.is_some() || volume_size.is_some() || encrypted.is_some();
        ebs && (snapshot_id.is_none() || volume_size.is_none())
    });
    if let Some(device) = unreadable.map(|device| device.device_name.clone()).next() {
        return Err(ContentError::NoSnapshot { device });
    }
    let region = image.image().region;
    let mut contents = Vec::new();
    for (device, snapshot, size) in image.ebs_devices() {
        let device = device.to_owned();
        let source = Source { blocks, region: &region, snapshot: &snapshot, name: &device };
        let sha256 = source.digest(size, width, progress).await?;
        contents.push(DeviceContent { device_name: device, volume_size: size, sha256 });
    }
    Ok(contents)
}

struct Source<'a, B> {
    blocks: &'a B,
    region: &'a Region,
    snapshot: &'a SnapshotId,
    name: &'a str,
}

enum Page {
    First,
    Next(String),
    End,
}

impl<B: SnapshotBlocks + Sync> Source<'_, B> {
    async fn digest(
        &self,
        size: u32,
        width: usize,
        progress: &(impl Progress + ?Sized),
    ) -> Result<crate::digest::Sha256Digest, ContentError> {
        let read =
            |source| ContentError::Read { device: self.name.to_owned(), snapshot: self.snapshot.clone(), source };
        let pages = stream::try_unfold(Page::First, |page| async move {
            let token = match page {
                Page::First => None,
                Page::Next(token) => Some(token),
                Page::End => return Ok::<_, PortError>(None),
            };
            let page = self.blocks.list(self.region, self.snapshot, token).await?;
            progress.expect(page.blocks.len() as u64);
            Ok(Some((page.blocks, page.next.map_or(Page::End, Page::Next))))
        });
        let listed = pages.map_ok(|blocks| stream::iter(blocks.into_iter().map(Ok))).try_flatten();
        let digests = listed.map_ok(|block| async move {
            let digest = self.blocks.digest(self.region, self.snapshot, &block).await?;
            progress.advance();
            Ok((block.index, digest))
        });
        // In order, whatever finishes first: the digest is over the blocks by index.
        let mut digests = std::pin::pin!(digests.try_buffered(width.max(1)));
        let mut content = ContentDigest::new(size);
        while let Some(block) = digests.next().await {
            let (index, digest) = block.map_err(read)?;
            content.push(index, digest).map_err(|source| ContentError::Order {
                device: self.name.to_owned(),
                snapshot: self.snapshot.clone(),
                source,
            })?;
        }
        Ok(content.finish())
    }
}

#[cfg(test)]
mod tests;
