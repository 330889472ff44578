"""Instances whose disks come from their image."""
from moto.ec2.models import instances

from . import errors, images, snapshots


class Instance(instances.Instance):
    def setup_defaults(self) -> None:
        # moto's 8 GB /dev/sda1 only where there is no image to tell better.
        if images.find(self.image_id, self.ec2_backend.account_id, self.ec2_backend.region_name) is None:
            super().setup_defaults()


class InstanceBackend:
    """Overrides for moto's EC2 backend."""

    def run_instances(self, image_id, count, user_data, security_group_names, **kwargs):
        image = images.find(image_id, self.account_id, self.region_name) if image_id else None
        if image and image.state != "available":
            raise errors.ec2("InvalidAMIID.Unavailable",
                             f"The image ID '{image_id}' is in state '{image.state}' and cannot be launched")
        reservation = super().run_instances(image_id, count, user_data, security_group_names, **kwargs)
        if image:
            volume_tags = (kwargs.get("tags") or {}).get("volume", {})
            for instance in reservation.instances:
                for mapping in image.mappings:
                    if "Ebs" in mapping:
                        self._attach(instance, mapping, volume_tags)
        return reservation

    def _attach(self, instance, mapping: dict, volume_tags: dict) -> None:
        device, disk = mapping["DeviceName"], mapping["Ebs"]
        if device not in instance.block_device_mapping:
            # Without the snapshot: launching a shared image needs no right to it.
            instance.add_block_device(disk["VolumeSize"], device, None, False, disk["DeleteOnTermination"], None,
                                      disk["VolumeType"] if disk["VolumeType"] not in ("io1", "io2") else None)
        volume = self.volumes[instance.block_device_mapping[device].volume_id]
        if volume.snapshot_id is None and disk.get("SnapshotId"):
            volume.snapshot_id = disk["SnapshotId"]
            origin = self._origin(disk["SnapshotId"])
            volume.blocks = dict(origin.blocks) if origin else {}
            volume.encrypted = disk.get("Encrypted", False)
        volume.add_tags(volume_tags)

    def _origin(self, snapshot_id: str) -> snapshots.Snapshot | None:
        from moto.ec2.models import ec2_backends

        backends = [dict.get(regions, self.region_name) for regions in list(ec2_backends.values())]
        return next((one.snapshots[snapshot_id] for one in backends if one and snapshot_id in one.snapshots), None)


def install() -> None:
    # moto's run_instances looks the class up by this name.
    instances.Instance = Instance
