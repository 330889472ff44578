"""Instances whose disks come from their image."""
import time

from moto.ec2.exceptions import InvalidInstanceIdError
from moto.ec2.models import instances
from moto.ec2.utils import filter_reservations, generic_filter

from . import errors, images, snapshots
from .controls import CONTROL

# Set by AWS alone, by what the id of the fleet begins with.
FLEET_TAGS = {"fleet": "aws:ec2:fleet-id", "sfr": "aws:ec2spot:fleet-request-id"}
FROM_PARAMETER = "resolve:ssm:"


class Instance(instances.Instance):
    principal: str | None = None  # of the service that manages it
    root_mapping: dict | None = None  # its image's, which gives the launch state
    root_volumes: frozenset | set = frozenset()  # that replaced each other

    def __init__(self, ec2_backend, *args, **kwargs):
        super().__init__(ec2_backend, *args, **kwargs)
        self.visible_from = time.monotonic() + CONTROL.orders.invisible_for
        ec2_backend.known_instances[self.id] = self

    @property
    def operator(self) -> dict:
        if self.principal is None:
            return {"Managed": False}
        hidden = self.ec2_backend.managed_visibility == "hidden"
        return {"Managed": True, "Principal": self.principal, "HiddenByDefault": hidden}

    def setup_defaults(self) -> None:
        # moto's 8 GB /dev/sda1 only where there is no image to tell better.
        if images.find(self.image_id, self.ec2_backend.account_id, self.ec2_backend.region_name) is None:
            super().setup_defaults()


class InstanceBackend:
    """Overrides for moto's EC2 backend."""

    def run_instances(self, image_id, count, user_data, security_group_names, **kwargs):
        template = kwargs.get("launch_template")
        image_id = self.resolved(image_id or (self._get_template_from_args(template).image_id if template else None))
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
                        if mapping["DeviceName"] == instance.root_device_name:
                            instance.root_mapping = mapping
        for instance in reservation.instances:
            instance.root_volumes = {self._root_id(instance)}
            if fleet := kwargs.get("fleet_id") or kwargs.get("spot_fleet_id"):
                instance.add_tags({FLEET_TAGS[fleet.split("-")[0]]: fleet})
        return reservation

    def resolved(self, image_id: str | None) -> str | None:
        """The image that a launch template's parameter names at this moment."""
        if not (image_id or "").startswith(FROM_PARAMETER):
            return image_id
        from moto.ssm.models import ssm_backends

        name = image_id.removeprefix(FROM_PARAMETER)
        backend = ssm_backends[self.account_id][self.region_name]
        backend.settle(name.split(":")[0])  # an image put before has long been checked
        parameter = backend.get_parameter(name)
        if parameter is None:
            raise errors.ec2("InvalidParameterValue", f"Cannot resolve the parameter '{name}'")
        return parameter.value

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

    # --- looked up often: moto goes through all reservations each time --------

    def get_instance(self, instance_id):
        if instance_id not in self.known_instances:
            raise InvalidInstanceIdError(instance_id)
        return self.known_instances[instance_id]

    def get_instance_by_id(self, instance_id):
        return self.known_instances.get(instance_id)

    def get_multi_instances_by_id(self, instance_ids, filters=None):
        if missing := [one for one in instance_ids if one not in self.known_instances]:
            raise InvalidInstanceIdError(missing)
        found = (self.known_instances[one] for one in instance_ids)
        return [one for one in found if one.applies(filters)]

    # --- described ----------------------------------------------------------

    def all_reservations(self, filters=None):
        reservations, now = super().all_reservations(), time.monotonic()
        if CONTROL.orders.invisible_for:
            for one in reservations:
                one.instances = [instance for instance in one.instances if instance.visible_from <= now]
            reservations = [one for one in reservations if one.instances]
        return reservations if filters is None else filtered(reservations, filters)

    def get_reservations_by_instance_ids(self, instance_ids, filters=None):
        wanted, found = set(instance_ids), []
        for reservation in self.all_reservations():
            reservation.instances = [one for one in reservation.instances if one.id in wanted]
            wanted.difference_update(one.id for one in reservation.instances)
            if reservation.instances:
                found.append(reservation)
        if wanted:
            raise InvalidInstanceIdError(sorted(wanted))
        return found if filters is None else filtered(found, filters)

    def describe_volumes(self, volume_ids=None, filters=None):
        # moto matches each volume with each of up to 200 values as a pattern.
        others = dict(filters or {})
        exact = {name: set(others.pop(name)) for name in ("volume-id", "attachment.instance-id")
                 if name in others and not any("*" in one or "?" in one for one in others[name])}
        if volume_ids or "volume-id" not in exact:
            found = super().describe_volumes(volume_ids, others)
        else:
            found = generic_filter(others, [self.volumes[one] for one in exact["volume-id"] if one in self.volumes])

        def meets(one):
            told = {"volume-id": one.id, "attachment.instance-id": one.attachment and one.attachment.instance.id}
            return all(told[name] in wanted for name, wanted in exact.items())

        return [one for one in found if meets(one)]


# What an audit asks for and moto does not know.
MORE_FILTERS = {
    "instance-lifecycle": lambda one: one.lifecycle or "",
    "launch-time": lambda one: one.launch_time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "operator.managed": lambda one: one.operator["Managed"],
    "operator.principal": lambda one: one.principal or "",
    "root-device-name": lambda one: one.root_device_name,
}


def filtered(reservations: list, filters: dict[str, list]) -> list:
    more = {name: filters[name] for name in filters if name in MORE_FILTERS}
    if more:
        for one in reservations:
            one.instances = [instance for instance in one.instances if all(
                any(images.like(MORE_FILTERS[name](instance), value) for value in wanted)
                for name, wanted in more.items())]
        reservations = [one for one in reservations if one.instances]
    return filter_reservations(reservations, {name: filters[name] for name in filters if name not in more})


class AnyType:
    """moto compares a launch's type with all types of all zones, to do nothing about it."""

    def matches_filters(self, *_: object) -> bool:
        return True


def install() -> None:
    # moto's run_instances looks the classes up by these names.
    instances.Instance, instances.InstanceTypeOfferingBackend = Instance, AnyType
