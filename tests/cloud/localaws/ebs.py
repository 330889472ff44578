"""EBS direct APIs: the blocks of snapshots.

moto keeps blocks apart from EC2's snapshots; here they are one thing, so what
EBS direct wrote can be registered as an image, and what CopyImage made can be
listed.
"""
import base64
import hashlib
import hmac
import json
import os
from datetime import timedelta

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ebs import responses, urls

from . import errors, snapshots, tags
from .snapshots import BLOCK_SIZE

# One page looks at this many block indexes at most, so a sparse snapshot gives
# empty pages in the middle, as the API documents.
WINDOW = 10_000
BLOCKS_PER_GIB = 2**30 // BLOCK_SIZE
TOKEN_KEY = os.urandom(32)


class Ebs(responses.EBSResponse):
    def start_snapshot(self):
        parent_id = self._get_param("ParentSnapshotId")
        size, key = self._get_param("VolumeSize"), self._get_param("KmsKeyArn")
        given = self._get_param("Tags") or []
        if problem := tags.problem(given):
            raise _invalid(problem, "INVALID_TAG")
        if parent_id and self._get_param("Encrypted") is not None:
            raise _invalid("ParentSnapshotId and Encrypted cannot be given together.", "INVALID_PARAMETER_VALUE")
        parent = self._snapshot("ParentSnapshotId") if parent_id else None
        if parent and size < parent.volume_size:
            raise _invalid("The volume is smaller than the parent snapshot's.", "INVALID_VOLUME_SIZE")
        encrypted = parent.encrypted if parent else bool(self._get_param("Encrypted"))
        snapshot = snapshots.new_snapshot(
            self.ebs_backend.ec2_backend, size, self._get_param("Description") or "",
            parent.blocks if parent else {}, encrypted, key)
        snapshot.status = "pending"
        snapshot.parent_id = parent_id
        snapshot.written = {}
        snapshot.add_tags({tag["Key"]: tag["Value"] for tag in given})
        return ActionResult({
            "SnapshotId": snapshot.id, "OwnerId": snapshot.owner_id, "Status": "pending",
            "StartTime": snapshot.start_time, "VolumeSize": size, "BlockSize": BLOCK_SIZE, "Tags": given,
            "Description": snapshot.description, "ParentSnapshotId": parent_id, "KmsKeyArn": key,
        })

    def put_snapshot_block(self):
        snapshot, index = self._pending(), int(self._get_param("BlockIndex"))
        data, checksum = self._get_param("BlockData") or b"", self._get_param("Checksum")
        if self._get_param("ChecksumAlgorithm") != "SHA256":
            raise _invalid("The checksum algorithm must be SHA256.", "INVALID_PARAMETER_VALUE")
        if len(data) != BLOCK_SIZE or int(self._get_param("DataLength")) != BLOCK_SIZE:
            raise _invalid(f"A block has {BLOCK_SIZE} bytes, not {len(data)}.", "INVALID_BLOCK")
        if not 0 <= index < snapshot.volume_size * BLOCKS_PER_GIB:
            raise _invalid("The block is beyond the end of the volume.", "INVALID_BLOCK")
        if _sha256(data) != checksum:
            raise _invalid("The checksum does not match the block data.", "INVALID_BLOCK")
        snapshot.blocks[index] = data
        snapshot.written[index] = checksum
        return ActionResult({"Checksum": checksum, "ChecksumAlgorithm": "SHA256"})

    def complete_snapshot(self):
        snapshot = self._pending()
        if int(self._get_param("ChangedBlocksCount")) != len(snapshot.written):
            raise _invalid(f"{len(snapshot.written)} blocks were written.", "INVALID_PARAMETER_VALUE")
        if checksum := self._get_param("Checksum"):
            parts = (base64.b64decode(snapshot.written[index]) for index in sorted(snapshot.written))
            if _sha256(b"".join(parts)) != checksum:
                raise _invalid("The aggregated checksum does not match.", "INVALID_PARAMETER_VALUE")
        snapshot.status = "completed"
        return ActionResult({"Status": "completed"})

    def get_snapshot_block(self):
        snapshot, index = self._completed("SnapshotId"), int(self._get_param("BlockIndex"))
        block = snapshot.blocks.get(index)
        if block is None or not hmac.compare_digest(self._get_param("BlockToken"), _block_token(snapshot.id, index)):
            raise _invalid("The block token is not valid.", "INVALID_BLOCK_TOKEN")
        return ActionResult({"DataLength": BLOCK_SIZE, "BlockData": block, "Checksum": _sha256(block),
                             "ChecksumAlgorithm": "SHA256"})

    def list_snapshot_blocks(self):
        snapshot = self._completed("SnapshotId")
        indexes, token = self._page(snapshot.id, sorted(snapshot.blocks))
        return ActionResult({
            "Blocks": [{"BlockIndex": i, "BlockToken": _block_token(snapshot.id, i)} for i in indexes],
            **self._listing(snapshot, token)})

    def list_changed_blocks(self):
        second = self._completed("SecondSnapshotId")
        first = self._completed("FirstSnapshotId") if self._get_param("FirstSnapshotId") else None
        old, new = first.blocks if first else {}, second.blocks
        changed = sorted(i for i in {*old, *new} if old.get(i) != new.get(i))
        indexes, token = self._page(second.id, changed)
        return ActionResult({
            "ChangedBlocks": [{
                "BlockIndex": i,
                "FirstBlockToken": _block_token(first.id, i) if i in old else None,
                "SecondBlockToken": _block_token(second.id, i) if i in new else None,
            } for i in indexes],
            **self._listing(second, token)})

    def _snapshot(self, parameter: str) -> snapshots.Snapshot:
        wanted = self._get_param(parameter)
        snapshot = snapshots.find(wanted, self.current_account, self.region)
        if snapshot is None:
            message = f"The snapshot '{wanted}' does not exist."
            raise errors.ebs("ResourceNotFoundException", message, "SNAPSHOT_NOT_FOUND")
        return snapshot

    def _pending(self) -> snapshots.Snapshot:
        snapshot = self._snapshot("SnapshotId")
        if snapshot.status != "pending" or snapshot.owner_id != self.current_account:
            raise _invalid("The snapshot is not pending.", "INVALID_SNAPSHOT_ID")
        return snapshot

    def _completed(self, parameter: str) -> snapshots.Snapshot:
        snapshot = self._snapshot(parameter)
        if snapshot.status != "completed":
            raise _invalid("The snapshot is not completed.", "INVALID_SNAPSHOT_ID")
        return snapshot

    def _page(self, snapshot_id: str, indexes: list[int]) -> tuple[list[int], str | None]:
        size = int(self._get_param("MaxResults") or WINDOW)
        if not 100 <= size <= 10_000:
            raise _invalid("MaxResults must be from 100 to 10000.", "INVALID_PARAMETER_VALUE")
        start = int(self._get_param("StartingBlockIndex") or 0)
        if token := self._get_param("NextToken"):
            start = _read_page_token(token, snapshot_id)
        ahead = [i for i in indexes if i >= start]
        seen = [i for i in ahead if i < start + WINDOW][:size]
        if len(seen) == len(ahead):
            return seen, None
        resume = seen[-1] + 1 if len(seen) == size else start + WINDOW
        return seen, _page_token(snapshot_id, resume)

    def _listing(self, snapshot: snapshots.Snapshot, token: str | None) -> dict:
        return {"VolumeSize": snapshot.volume_size, "BlockSize": BLOCK_SIZE, "NextToken": token,
                "ExpiryTime": utcnow() + timedelta(days=7)}


def _invalid(message: str, reason: str) -> Exception:
    return errors.ebs("ValidationException", message, reason)


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _seal(*parts: object) -> str:
    return base64.urlsafe_b64encode(hmac.digest(TOKEN_KEY, json.dumps(parts).encode(), "sha256")).decode()


def _block_token(snapshot_id: str, index: int) -> str:
    return _seal("block", snapshot_id, index)


def _page_token(snapshot_id: str, start: int) -> str:
    return f"{start}.{_seal('page', snapshot_id, start)}"


def _read_page_token(token: str, snapshot_id: str) -> int:
    start = token.split(".")[0]
    if not start.isdigit() or not hmac.compare_digest(token, _page_token(snapshot_id, int(start))):
        raise _invalid("The page token is not valid.", "INVALID_PAGE_TOKEN")
    return int(start)


def install() -> None:
    urls.url_paths = {path: Ebs.dispatch for path in urls.url_paths}
