"""Many running instances at once: POST /localaws/fleet. Also what only AWS may say of an instance."""
import copy
from datetime import timedelta

from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.models.block_device import BlockDeviceMapping
from moto.ec2.models.elastic_block_store import VolumeAttachment
from moto.ec2.models.instances import InstanceState, Reservation
from moto.ec2.utils import (
    random_eni_attach_id,
    random_eni_id,
    random_instance_id,
    random_mac_address,
    random_reservation_id,
    random_volume_id,
)

from . import callers
from .controls import read

STATES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
MOST = 100_000
# Of one instance or of all that are launched together.
SAID = {"tags": dict, "operator": str, "state": str}


def launch(given: object) -> dict:
    """Launches as ordered; the ids in the order of the entries."""
    entries = given if isinstance(given, list) else [given]
    read_entries = [read(one, {"image": str, "count": int}, {
        "account": str, "region": str, "type": str, "zone": str, "age": int, **SAID}) for one in entries]
    for one in read_entries:
        _check(one)
        if not 1 <= one["count"] <= MOST:
            raise ValueError(f"count must be between 1 and {MOST}")
    return {"instances": [_launched(one) for one in read_entries]}


def say(given: object) -> dict:
    """Changes what AWS says of instances: POST /localaws/instances."""
    given = read(given, {"instances": list}, {"account": str, "region": str, **SAID})
    _check(given)
    backend = _backend(given)
    for instance in backend.get_multi_instances_by_id(given["instances"]):
        _say(instance, given)
    return {"instances": given["instances"]}


def _check(given: dict) -> None:
    if not callers.ACCOUNT_ID.fullmatch(given.get("account", "0" * 12)):
        raise ValueError("account must be 12 digits")
    if given.get("state", "running") not in STATES:
        raise ValueError(f"state must be one of {', '.join(STATES)}")
    if not all(isinstance(one, str) for pair in given.get("tags", {}).items() for one in pair):
        raise ValueError("tags must be names and their values")


def _backend(given: dict):
    from moto.core import DEFAULT_ACCOUNT_ID

    region = given.get("region", "us-east-1")
    backends = ec2_backends[given.get("account", DEFAULT_ACCOUNT_ID)]
    if region not in backends:
        raise ValueError(f"there is no region {region}")
    return backends[region]


def _say(instance, given: dict) -> None:
    """As AWS itself, so that tags may begin with `aws:`."""
    instance.add_tags(given.get("tags", {}))
    if "operator" in given:
        instance.principal = given["operator"] or None
    if name := given.get("state"):
        instance._state = InstanceState(name, STATES[name])


def _launched(given: dict) -> list[str]:
    backend = _backend(given)
    # One by moto's way, which takes care of images, disks and networks, and copies of it.
    reservation = backend.run_instances(
        given["image"], 1, None, [], instance_type=given.get("type", "t3.micro"), is_instance_type_default=False,
        placement=given.get("zone"), region_name=backend.region_name, tags={})
    first = reservation.instances[0]
    for nic in first.nics.values():
        nic.public_ip, nic.public_ip_auto_assign = None, False
    made = [first, *(_copy(backend, first, number) for number in range(1, given["count"]))]
    for instance in made:
        instance.launch_time = utcnow() - timedelta(seconds=given.get("age", 0))
        _say(instance, given)
    return [one.id for one in made]


def _copy(backend, first, number: int):
    instance = copy.copy(first)
    instance.id, instance._state, instance._private_ips = random_instance_id(), copy.copy(first._state), set()
    instance.nics = {index: _nic(backend, nic, instance, number) for index, nic in first.nics.items()}
    instance.block_device_mapping = BlockDeviceMapping()
    for device, disk in first.block_device_mapping.items():
        volume = copy.copy(backend.volumes[disk.volume_id])
        volume.id, volume.modifications = random_volume_id(), []
        volume.attachment = VolumeAttachment(volume, instance, device, "attached")
        backend.volumes[volume.id] = volume
        instance.block_device_mapping[device] = copy.copy(disk)
        instance.block_device_mapping[device].volume_id = volume.id
    reservation = Reservation(random_reservation_id(), owner_id=backend.account_id)
    reservation.instances.append(instance)
    backend.reservations[reservation.id] = reservation
    backend.known_instances[instance.id] = instance
    return instance


def _nic(backend, first, instance, number: int):
    nic = copy.copy(first)
    nic.id, nic.mac_address, nic.attachment_id = random_eni_id(), random_mac_address(), random_eni_attach_id()
    # Not taken from the subnet: it would be used up by a large fleet.
    nic.private_ip_address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    nic.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": nic.private_ip_address}]
    nic.instance = instance
    backend.enis[nic.id] = nic
    return nic
