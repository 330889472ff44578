"""Root volumes that are replaced on a running instance, or exchanged by hand on a stopped one."""
import secrets
from dataclasses import dataclass, field
from functools import partial

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from . import errors, paging, snapshots
from .controls import AGENDA

SECONDS_PER_STATE = 0.1
MOST = 50
# One of these says from what; none means the launch state.
SOURCES = ("ImageId", "SnapshotId", "VolumeId")


@dataclass
class Task:
    """A replacement. The names are those that moto's serializer looks for."""

    instance_id: str
    image_id: str | None = None
    snapshot_id: str | None = None
    volume_id: str | None = None
    delete_replaced_root_volume: bool = False
    tags: list[dict] = field(default_factory=list)
    task_state: str = "pending"
    complete_time: str | None = None
    start_time: str = field(default_factory=lambda: _now())
    replace_root_volume_task_id: str = field(default_factory=lambda: "replacevol-0" + secrets.token_hex(8))

    @property
    def open(self) -> bool:
        return self.task_state in ("pending", "in-progress")

    def end(self, state: str) -> None:
        self.task_state, self.complete_time = state, _now()


def _now() -> str:
    return utcnow().strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_attachable(volume, instance) -> None:
    if volume.attachment:
        raise errors.ec2("VolumeInUse", f"{volume.id} is already attached to an instance")
    if volume.availability_zone != instance.availability_zone:
        raise errors.ec2("InvalidVolume.ZoneMismatch", f"The volume '{volume.id}' is not in the same availability zone "
                                                       f"as instance '{instance.id}'")


class RootVolumeBackend:
    """Overrides for moto's EC2 backend."""

    def replace_root_volume(self, instance_id: str, image_id: str) -> None:
        """Gives an instance the root volume of an image, and that image's id, at once."""
        task = Task(instance_id, image_id=self.image(self.resolved(image_id)).id, delete_replaced_root_volume=True)
        self.root_tasks.append(task)
        self._replace(task)
        task.end("succeeded")

    def start_root_task(self, task: Task) -> Task:
        """Checks a replacement and sets it going."""
        instance = self.get_instance(task.instance_id)
        if instance.state != "running":
            raise errors.ec2("IncorrectInstanceState", f"The instance '{instance.id}' is not in the state 'running'")
        if any(one.open and one.instance_id == instance.id for one in self.root_tasks):
            raise errors.ec2("IncorrectState", f"The root volume of '{instance.id}' is already being replaced")
        if task.image_id:
            self._check_image(instance, self.image(task.image_id))
        elif task.snapshot_id:
            self._check_snapshot(instance, task.snapshot_id)
        elif task.volume_id:
            self._check_volume(instance, self.get_volume(task.volume_id))
        elif instance.root_mapping is None:
            raise errors.ec2("InvalidParameterValue", f"The launch state of '{instance.id}' is not known")
        self.root_tasks.append(task)
        AGENDA.after(SECONDS_PER_STATE, partial(self._go_on, task))
        return task

    def _go_on(self, task: Task) -> None:
        if task not in self.root_tasks:  # a reset
            return
        if task.task_state == "pending":
            task.task_state = "in-progress"
            AGENDA.after(SECONDS_PER_STATE, partial(self._go_on, task))
        elif self.get_instance(task.instance_id).state != "running":
            task.end("failed")
        else:
            try:
                self._replace(task)
                task.end("succeeded")
            except ServiceException:  # what it was to come from went away meanwhile
                task.end("failed")

    def _replace(self, task: Task) -> None:
        instance = self.get_instance(task.instance_id)
        device = instance.root_device_name
        image = self.image(task.image_id) if task.image_id else None
        disk = instance.block_device_mapping[device]
        old = self.volumes[disk.volume_id]
        if image:
            instance.root_mapping = next(one for one in image.mappings if one["DeviceName"] == image.root_device_name)
        mapping = instance.root_mapping if not task.snapshot_id else {"DeviceName": device, "Ebs": {
            "SnapshotId": task.snapshot_id, "VolumeSize": old.size, "VolumeType": old.volume_type,
            "Encrypted": old.encrypted, "DeleteOnTermination": disk.delete_on_termination}}
        self.detach_volume(old.id, instance.id, device)
        if task.delete_replaced_root_volume:
            self.delete_volume(old.id)
        if task.volume_id:
            self.attach_volume(task.volume_id, instance.id, device, disk.delete_on_termination)
            return
        if image:
            # Only now: a snapshot, the launch state and a volume leave the image's id as it was.
            instance.image_id, instance.root_device_name = image.id, image.root_device_name
        self._attach(instance, mapping, {})
        instance.root_volumes = {*instance.root_volumes, self._root_id(instance)}

    def _root_id(self, instance) -> str | None:
        disk = instance.block_device_mapping.get(instance.root_device_name)
        return disk.volume_id if disk else None

    def _check_image(self, instance, image) -> None:
        same = (image.architecture, image.virtualization_type) == (instance.architecture, instance.virtualization_type)
        if not same or image.state != "available":
            raise errors.ec2("InvalidParameterValue", f"The image '{image.id}' does not fit the instance '{instance.id}'")

    def _check_snapshot(self, instance, snapshot_id: str) -> None:
        snapshot = snapshots.required(snapshot_id, self.account_id, self.region_name)
        if snapshot.status != "completed":
            raise errors.ec2("IncorrectState", f"Snapshot {snapshot_id} is not in the 'completed' state")
        if snapshot.volume_id not in {*instance.root_volumes, self._root_id(instance)}:
            raise errors.ec2("InvalidParameterValue",
                             f"The snapshot '{snapshot_id}' was not taken from a root volume of '{instance.id}'")

    def _check_volume(self, instance, volume) -> None:
        _check_attachable(volume, instance)
        if self.volumes[self._root_id(instance)].encrypted and not volume.encrypted:
            raise errors.ec2("InvalidParameterValue", f"The volume '{volume.id}' must be encrypted")

    def start_instances(self, instance_ids):
        for instance in self.get_multi_instances_by_id(instance_ids):
            if self._root_id(instance) is None:
                raise errors.ec2("IncorrectState", f"Invalid value '{instance.id}' for instanceId. Instance does not have "
                                                   f"a volume attached at root ({instance.root_device_name})")
        return super().start_instances(instance_ids)


class RootVolumeActions:
    def create_replace_root_volume_task(self):
        self.error_on_dryrun()
        given = {name: self._get_param(name) for name in SOURCES}
        if sum(one is not None for one in given.values()) > 1:
            raise errors.ec2("InvalidParameterCombination", f"Only one of {', '.join(SOURCES)} can be given")
        backend, token = self.ec2_backend, self._get_param("ClientToken")
        if token and token in backend.root_tokens:
            return ActionResult({"ReplaceRootVolumeTask": backend.root_tokens[token]})
        tags = self._parse_tag_specification().get("replace-root-volume-task", {})
        task = backend.start_root_task(Task(
            self._get_param("InstanceId"), given["ImageId"], given["SnapshotId"], given["VolumeId"],
            bool(self._get_param("DeleteReplacedRootVolume")),
            [{"Key": key, "Value": value} for key, value in tags.items()]))
        backend.root_tokens[token] = task
        return ActionResult({"ReplaceRootVolumeTask": task})

    def describe_replace_root_volume_tasks(self):
        self.error_on_dryrun()
        wanted, filters = self._get_param("ReplaceRootVolumeTaskIds", []), self._filters_from_querystring()
        size = paging.size(self._get_param("MaxResults"), 1, MOST)
        tasks = list(self.ec2_backend.root_tasks)
        if missing := set(wanted) - {one.replace_root_volume_task_id for one in tasks}:
            raise errors.ec2("InvalidReplaceRootVolumeTaskId.NotFound", f"There is no {', '.join(sorted(missing))}")
        if unknown := set(filters) - {"instance-id"}:
            raise errors.ec2("InvalidParameterValue", f"The filter '{unknown.pop()}' is invalid")
        found = [one for one in tasks if not wanted or one.replace_root_volume_task_id in wanted]
        found = [one for one in found if one.instance_id in filters.get("instance-id", [one.instance_id])]
        page, token = paging.page(found, self._get_param("NextToken"), size)
        return ActionResult({"ReplaceRootVolumeTasks": page, "NextToken": token})

    def detach_volume(self):
        volume = self.ec2_backend.get_volume(self._get_param("VolumeId"))
        if volume.attachment is None:
            raise errors.ec2("IncorrectState", f"Volume '{volume.id}' is in the 'available' state.")
        instance = volume.attachment.instance
        if instance.state == "running" and volume.attachment.device == instance.root_device_name:
            raise errors.ec2("OperationNotPermitted",
                             f"Unable to detach root volume '{volume.id}' from instance '{instance.id}'")
        self.params["InstanceId"] = self._get_param("InstanceId") or instance.id
        return super().detach_volume()

    def attach_volume(self):
        backend, device = self.ec2_backend, self._get_param("Device")
        volume = backend.get_volume(self._get_param("VolumeId"))
        instance = backend.get_instance(self._get_param("InstanceId"))
        _check_attachable(volume, instance)
        if device in instance.block_device_mapping:
            raise errors.ec2("InvalidParameterValue", f"Invalid value '{device}' for unixDevice. Attachment point {device} "
                                                      "is already in use")
        return super().attach_volume()
