//! EBS direct APIs: a snapshot → its list of blocks, and each block → its SHA-256.
//!
//! The signature of an answer does not cover the block in it, so a block counts only if it has the checksum that came
//! beside it. Faults that pass are waited out here: hours of reading should not end with one throttled call.

use std::time::Duration;

use aws_sdk_ebs::{operation::get_snapshot_block::GetSnapshotBlockOutput, types::ChecksumAlgorithm};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use goldseal_core::{
    digest::Sha256Digest,
    ids::{Region, SnapshotId},
    image::BLOCK_BYTES,
    ports::{BlockPage, ListedBlock, PortError, PortErrorKind, SnapshotBlocks},
};

use super::{AwsConfig, fault};

const LIST: &str = "ebs:ListSnapshotBlocks";
const GET: &str = "ebs:GetSnapshotBlock";

/// The longest that one block may take to arrive once its answer has begun.
const BODY_TIMEOUT: Duration = Duration::from_mins(1);

/// The blocks of EBS snapshots.
#[derive(Debug, Clone)]
pub struct Ebs {
    aws: AwsConfig,
    page: i32,
}

impl Ebs {
    /// The most that EBS lists in one answer.
    pub const LARGEST_PAGE: u16 = 10_000;

    /// Asks EBS with these settings, in the region of each snapshot.
    pub fn new(aws: &AwsConfig) -> Self {
        Self { aws: aws.clone(), page: Self::LARGEST_PAGE.into() }
    }

    /// Asks for so many blocks in one answer; EBS takes 100 to 10,000.
    #[must_use]
    #[cfg(test)]
    pub fn with_page(self, blocks: u16) -> Self {
        Self { page: blocks.into(), ..self }
    }

    async fn read(
        &self,
        region: &Region,
        snapshot: &SnapshotId,
        block: &ListedBlock,
    ) -> Result<Sha256Digest, PortError> {
        let resource = || format!("{snapshot} block {}", block.index);
        let malformed = |why: String| PortError::new(PortErrorKind::Malformed, GET, resource()).because(why);
        let index = i32::try_from(block.index).map_err(|error| malformed(error.to_string()))?;
        let request = self.aws.ebs(region).get_snapshot_block().snapshot_id(snapshot.as_str());
        let answer = request.block_index(index).block_token(&block.token).send().await;
        let answer = answer.map_err(|error| fault::port_error(&error, GET, resource()))?;
        let expected = checksum(&answer).map_err(malformed)?;
        let bytes = match tokio::time::timeout(BODY_TIMEOUT, body(answer)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(BodyFault::BrokeOff(why))) => {
                return Err(PortError::new(PortErrorKind::Unavailable, GET, resource()).because(why));
            }
            Ok(Err(BodyFault::TooLong)) => return Err(malformed(format!("more than {BLOCK_BYTES} bytes"))),
            Err(late) => return Err(PortError::new(PortErrorKind::Unavailable, GET, resource()).because(late)),
        };
        if bytes.len() != BLOCK_BYTES {
            return Err(malformed(format!("{} bytes and not {BLOCK_BYTES}", bytes.len())));
        }
        // Half a millisecond of hashing: many blocks at once should use many cores, and not hold up the network.
        let digest = tokio::task::spawn_blocking(move || Sha256Digest::of(&bytes)).await;
        let digest = digest.map_err(|error| malformed(error.to_string()))?;
        if digest.as_bytes().as_slice() == expected {
            Ok(digest)
        } else {
            Err(malformed(format!("the block has the SHA-256 {digest}, and not the one that came beside it")))
        }
    }
}

impl SnapshotBlocks for Ebs {
    async fn list(&self, region: &Region, snapshot: &SnapshotId, page: Option<String>) -> Result<BlockPage, PortError> {
        let malformed = |why: String| PortError::new(PortErrorKind::Malformed, LIST, snapshot).because(why);
        let request = self.aws.ebs(region).list_snapshot_blocks().snapshot_id(snapshot.as_str());
        let request = request.max_results(self.page).set_next_token(page.clone());
        let send = || async { request.clone().send().await.map_err(|error| fault::port_error(&error, LIST, snapshot)) };
        let answer = patiently(send).await?;
        if answer.block_size.map(usize::try_from) != Some(Ok(BLOCK_BYTES)) {
            return Err(malformed(format!("blocks of {:?} bytes and not {BLOCK_BYTES}", answer.block_size)));
        }
        let mut blocks: Vec<ListedBlock> = Vec::new();
        for block in answer.blocks.unwrap_or_default() {
            let index = block.block_index.and_then(|index| u64::try_from(index).ok());
            let (Some(index), Some(token)) = (index, block.block_token) else {
                return Err(malformed("a block without an index or a token".to_owned()));
            };
            if blocks.last().is_some_and(|last| last.index >= index) {
                return Err(malformed(format!("block {index} is out of order")));
            }
            blocks.push(ListedBlock { index, token });
        }
        // A page may be empty and not the last: EBS looks at so many blocks for each, written or not.
        if answer.next_token.is_some() && answer.next_token == page {
            return Err(malformed("a page that names itself as the next".to_owned()));
        }
        Ok(BlockPage { blocks, next: answer.next_token })
    }

    async fn digest(
        &self,
        region: &Region,
        snapshot: &SnapshotId,
        block: &ListedBlock,
    ) -> Result<Sha256Digest, PortError> {
        patiently(|| self.read(region, snapshot, block)).await
    }
}

/// Returns the SHA-256 that came beside a block.
fn checksum(answer: &GetSnapshotBlockOutput) -> Result<Vec<u8>, String> {
    match answer.checksum_algorithm() {
        Some(ChecksumAlgorithm::ChecksumAlgorithmSha256) => {}
        other => return Err(format!("a checksum of the kind {other:?} and not SHA256")),
    }
    let text = answer.checksum().ok_or("no checksum")?;
    STANDARD.decode(text).map_err(|error| format!("the checksum is not base64: {error}"))
}

enum BodyFault {
    BrokeOff(aws_sdk_ebs::primitives::ByteStreamError),
    TooLong,
}

async fn body(answer: GetSnapshotBlockOutput) -> Result<Vec<u8>, BodyFault> {
    let mut stream = answer.block_data;
    let mut bytes = Vec::with_capacity(BLOCK_BYTES);
    while let Some(part) = stream.try_next().await.map_err(BodyFault::BrokeOff)? {
        if bytes.len() + part.len() > BLOCK_BYTES {
            return Err(BodyFault::TooLong);
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// Tries again after faults that pass. The SDK tries three times too, but gives up for all calls at once when many
/// fail, and knows nothing of a bad block.
async fn patiently<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, PortError>
where
    F: Future<Output = Result<T, PortError>>,
{
    let mut made = 0;
    loop {
        made += 1;
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let limit = match error.kind {
            PortErrorKind::Throttled => 8,
            PortErrorKind::Unavailable | PortErrorKind::Malformed => 3,
            PortErrorKind::NotFound | PortErrorKind::Denied | PortErrorKind::Refused => 1,
        };
        if made >= limit {
            return Err(error);
        }
        tokio::time::sleep(pause(made)).await;
    }
}

/// Doubles from a quarter of a second to 16 seconds, then takes a random part of that, so that many workers that were
/// throttled together do not come back together.
fn pause(made: u32) -> Duration {
    let longest = Duration::from_millis(250) * 2_u32.pow(made.min(7) - 1);
    let mut random = [0];
    // Without randomness the pause is the longest one.
    let [part] = aws_lc_rs::rand::fill(&mut random).map_or([u8::MAX], |()| random);
    longest * (u32::from(part) + 1) / 256
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::cloud::cloud;

    async fn aws() -> AwsConfig {
        AwsConfig::local(&cloud().endpoint, "123456789012").await
    }

    fn region() -> Region {
        "us-east-1".parse().unwrap()
    }

    /// A snapshot with blocks that are full of one byte each.
    async fn snapshot(aws: &AwsConfig, size: i64, blocks: &[(i32, u8)]) -> SnapshotId {
        let ebs = aws.ebs(&region());
        let id = ebs.start_snapshot().volume_size(size).send().await.unwrap().snapshot_id.unwrap();
        for (index, byte) in blocks {
            let data = vec![*byte; BLOCK_BYTES];
            let checksum = STANDARD.encode(Sha256Digest::of(&data).as_bytes());
            let request = ebs.put_snapshot_block().snapshot_id(&id).block_index(*index).block_data(data.into());
            let request = request.data_length(524_288).checksum(checksum);
            request.checksum_algorithm(ChecksumAlgorithm::ChecksumAlgorithmSha256).send().await.unwrap();
        }
        let count = i32::try_from(blocks.len()).unwrap();
        ebs.complete_snapshot().snapshot_id(&id).changed_blocks_count(count).send().await.unwrap();
        id.parse().unwrap()
    }

    async fn first(ebs: &Ebs, snapshot: &SnapshotId) -> ListedBlock {
        ebs.list(&region(), snapshot, None).await.unwrap().blocks.remove(0)
    }

    fn order(snapshot: &SnapshotId, rest: &str) {
        cloud()
            .order_fault(&format!(r#"{{"service":"ebs","action":"GetSnapshotBlock","resource":"{snapshot}",{rest}}}"#));
    }

    #[tokio::test]
    async fn every_page_is_read_the_empty_ones_too() {
        let aws = aws().await;
        let ebs = Ebs::new(&aws);
        let snapshot = snapshot(&aws, 16, &[(0, 1), (3, 2), (25_000, 3)]).await;
        let (mut pages, mut digests, mut token) = (Vec::new(), Vec::new(), None);
        loop {
            let page = ebs.list(&region(), &snapshot, token).await.unwrap();
            pages.push(page.blocks.iter().map(|block| block.index).collect::<Vec<_>>());
            for block in &page.blocks {
                digests.push(ebs.digest(&region(), &snapshot, block).await.unwrap());
            }
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(pages, [vec![0, 3], vec![], vec![25_000]]);
        assert_eq!(digests, [1, 2, 3].map(|byte| Sha256Digest::of(&vec![byte; BLOCK_BYTES])));
    }

    #[tokio::test]
    async fn a_page_has_no_more_blocks_than_asked_for() {
        let aws = aws().await;
        let blocks: Vec<(i32, u8)> = (0..101).map(|index| (index, 7)).collect();
        let snapshot = snapshot(&aws, 1, &blocks).await;
        let page = Ebs::new(&aws).with_page(100).list(&region(), &snapshot, None).await.unwrap();
        assert_eq!(page.blocks.len(), 100);
        assert!(page.next.is_some());
    }

    #[tokio::test]
    async fn a_block_that_was_garbled_on_its_way_is_read_again() {
        let aws = aws().await;
        let (ebs, snapshot) = (Ebs::new(&aws), snapshot(&aws, 1, &[(5, 9)]).await);
        let block = first(&ebs, &snapshot).await;
        order(&snapshot, r#""corrupt":true,"times":2"#);
        let digest = ebs.digest(&region(), &snapshot, &block).await.unwrap();
        assert_eq!(digest, Sha256Digest::of(&vec![9; BLOCK_BYTES]));
    }

    #[tokio::test]
    async fn a_block_that_stays_garbled_is_an_error_that_names_it() {
        let aws = aws().await;
        let (ebs, snapshot) = (Ebs::new(&aws), snapshot(&aws, 1, &[(5, 9)]).await);
        let block = first(&ebs, &snapshot).await;
        order(&snapshot, r#""corrupt":true,"times":0"#);
        let error = ebs.digest(&region(), &snapshot, &block).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed);
        assert!(error.chain().contains(&format!("{snapshot} block 5")), "{}", error.chain());
        let calls = cloud().calls(&format!("service=ebs&action=GetSnapshotBlock&resource={snapshot}/5"));
        assert_eq!(calls.matches("GetSnapshotBlock").count(), 3, "{calls}");
    }

    #[tokio::test]
    async fn throttling_is_waited_out_for_longer_than_the_sdk_does() {
        let aws = aws().await;
        let (ebs, snapshot) = (Ebs::new(&aws), snapshot(&aws, 1, &[(0, 1)]).await);
        let block = first(&ebs, &snapshot).await;
        order(&snapshot, r#""status":400,"code":"RequestThrottledException","times":4"#);
        assert!(ebs.digest(&region(), &snapshot, &block).await.is_ok());
    }

    #[tokio::test]
    async fn refusals_are_not_tried_again() {
        let aws = aws().await;
        let (ebs, snapshot) = (Ebs::new(&aws), snapshot(&aws, 1, &[(0, 1)]).await);
        let block = first(&ebs, &snapshot).await;
        order(&snapshot, r#""status":403,"code":"AccessDeniedException","times":1"#);
        let error = ebs.digest(&region(), &snapshot, &block).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Denied);
        let wrong = ListedBlock { token: "wrong".to_owned(), ..block };
        assert_eq!(ebs.digest(&region(), &snapshot, &wrong).await.unwrap_err().kind, PortErrorKind::Refused);
        let missing = "snap-00000000000000001".parse().unwrap();
        assert_eq!(ebs.list(&region(), &missing, None).await.unwrap_err().kind, PortErrorKind::NotFound);
    }

    #[test]
    fn pauses_grow_to_sixteen_seconds() {
        for made in 1..10_u32 {
            let longest = Duration::from_millis(250 << made.min(7).saturating_sub(1));
            assert!(pause(made) > Duration::ZERO && pause(made) <= longest, "{made}");
        }
    }
}
