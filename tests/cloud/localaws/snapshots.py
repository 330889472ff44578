"""EBS snapshots that hold real blocks, and the EC2 actions on them."""
import copy

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import ec2_backends, elastic_block_store
from moto.ec2.utils import generic_filter, random_snapshot_id

from . import errors, locks, paging

BLOCK_SIZE = 524288
# EC2 names this volume where a snapshot was not taken from one.
NO_VOLUME = "vol-ffffffff"


class Snapshot(elastic_block_store.Snapshot):
    """A snapshot with the blocks of the volume it was taken from."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.blocks: dict[int, bytes] = dict(getattr(self.volume, "blocks", {}))
        self.parent_id: str | None = None

    @property
    def full_snapshot_size_in_bytes(self) -> int:
        return len(self.blocks) * BLOCK_SIZE

    def readable_by(self, account: str) -> bool:
        return (
            account == self.owner_id
            or account in self.create_volume_permission_userids
            or "all" in self.create_volume_permission_groups
        )


def new_snapshot(backend, size: int, description: str, blocks: dict, encrypted=False, kms_key_id=None) -> Snapshot:
    volume = elastic_block_store.Volume(backend, NO_VOLUME, size, None)
    snapshot = Snapshot(backend, random_snapshot_id(), volume, description, encrypted=encrypted, kms_key_id=kms_key_id)
    snapshot.blocks = dict(blocks)
    backend.snapshots[snapshot.id] = snapshot
    return snapshot


def find(snapshot_id: str | None, account: str, region: str) -> Snapshot | None:
    """The snapshot, if the account owns it or may create volumes from it."""
    for regions in list(ec2_backends.values()):
        # dict.get: the indexing of moto's class would build a whole backend.
        backend = dict.get(regions, region)
        snapshot = backend.snapshots.get(snapshot_id) if backend else None
        if snapshot and snapshot.readable_by(account):
            return snapshot
    return None


def required(snapshot_id: str, account: str, region: str) -> Snapshot:
    snapshot = find(snapshot_id, account, region)
    if snapshot is None:
        raise errors.ec2("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.")
    return snapshot


class SnapshotBackend:
    """Overrides for moto's EC2 backend."""

    def create_volume(self, *args, **kwargs):
        snapshot_id = kwargs.get("snapshot_id")
        volume = super().create_volume(*args, **kwargs)
        volume.blocks = dict(self.snapshots[snapshot_id].blocks) if snapshot_id else {}
        return volume

    def copy_snapshot(self, source_snapshot_id, source_region, description, kms_key_id=None):
        source = required(source_snapshot_id, self.account_id, source_region)
        return new_snapshot(self, source.volume_size, description, source.blocks, source.encrypted or bool(kms_key_id),
                            kms_key_id)

    def delete_snapshot(self, snapshot_id):
        locks.check_deletion(self.snapshots.get(snapshot_id))
        for image in self.amis.values():
            if snapshot_id in image.snapshot_ids:
                raise errors.ec2("InvalidSnapshot.InUse",
                                 f"The snapshot {snapshot_id} is currently in use by {image.id}")
        return super().delete_snapshot(snapshot_id)

    def describe_snapshots(self, snapshot_ids=None, filters=None, owners=()):
        if snapshot_ids:
            matches = [required(one, self.account_id, self.region_name) for one in snapshot_ids]
        else:
            backends = [dict.get(regions, self.region_name) for regions in list(ec2_backends.values())]
            matches = [snapshot for backend in backends if backend for snapshot in list(backend.snapshots.values())
                       if snapshot.readable_by(self.account_id)]
        if owners:
            owners = {self.account_id if owner == "self" else owner for owner in owners}
            matches = [snapshot for snapshot in matches if snapshot.owner_id in owners]
        return generic_filter(filters, matches) if filters else matches


class SnapshotActions:
    """Overrides for moto's EC2 responses."""

    def copy_snapshot(self):
        self.error_on_dryrun()
        backend = self.ec2_backend
        snapshot = backend.copy_snapshot(
            self._get_param("SourceSnapshotId"), self._get_param("SourceRegion"),
            self._get_param("Description") or "", self._get_param("KmsKeyId"))
        if self._get_param("Encrypted"):
            snapshot.encrypted = True
        tags = self._parse_tag_specification().get("snapshot", {})
        snapshot.add_tags(tags)
        return ActionResult({"SnapshotId": snapshot.id, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]})

    def describe_snapshots(self):
        snapshots = self.ec2_backend.describe_snapshots(
            self._get_param("SnapshotIds", []), self._filters_from_querystring(), self._get_param("OwnerIds", []))
        page, token = paging.page(snapshots, self._get_param("NextToken"), self._get_param("MaxResults"))
        return ActionResult({"Snapshots": [self._seen(one) for one in page], "NextToken": token})

    def _seen(self, snapshot: Snapshot) -> Snapshot:
        if snapshot.owner_id == self.current_account:
            return snapshot
        # Tags of a snapshot are private to its owner's account.
        mine = copy.copy(snapshot)
        mine.ec2_backend = self.ec2_backend
        return mine

    def reset_snapshot_attribute(self):
        self.error_on_dryrun()
        snapshot = self.ec2_backend.get_snapshot(self._get_param("SnapshotId"))
        snapshot.create_volume_permission_userids.clear()
        snapshot.create_volume_permission_groups.clear()
        return EmptyResult()


def install() -> None:
    # moto's create_snapshot looks the class up by this name.
    elastic_block_store.Snapshot = Snapshot
