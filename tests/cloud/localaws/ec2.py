"""EC2: puts the corrected parts together in moto's place."""
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2 import models, responses, urls
from moto.ec2.exceptions import EC2ClientError

from . import errors, images, instances, snapshots, tags
from .allowed_images import AllowedImages, AllowedImagesActions
from .image_actions import ImageActions
from .images import ImageBackend
from .instance_actions import InstanceActions
from .instances import InstanceBackend
from .locks import LockActions
from .metadata import MetadataActions
from .regions import RegionActions
from .root_tasks import RootVolumeActions, RootVolumeBackend, Task
from .snapshots import SnapshotActions, SnapshotBackend


class Backend(ImageBackend, InstanceBackend, RootVolumeBackend, SnapshotBackend, tags.TagBackend, models.EC2Backend):
    __module__ = models.__name__  # moto finds a backend's URLs by this name

    def __init__(self, region_name: str, account_id: str):
        self.allowed_images = AllowedImages()
        self.gone_images: dict[str, images.Image] = {}  # deregistered
        self.known_instances: dict[str, instances.Instance] = {}
        self.root_tasks: list[Task] = []
        self.root_tokens: dict[str, Task] = {}
        self.managed_visibility = "visible"
        super().__init__(region_name, account_id)


class Response(AllowedImagesActions, ImageActions, InstanceActions, LockActions, MetadataActions, RegionActions,
               RootVolumeActions, SnapshotActions, responses.EC2Response):
    def call_action(self):
        try:
            tags.check_request(getattr(self, "params", {}))
        except EC2ClientError as e:
            return self.serialized(ActionResult(e))
        return super().call_action()

    def create_tags(self):
        given = {tag["Key"]: tag.get("Value") or "" for tag in self._get_param("Tags", [])}
        for resource in self._get_param("Resources", []):
            # Anyone who sees an image may tag it, privately; shared tags are the owner's.
            if resource.startswith("ami-") and any(key.startswith(tags.SHARED) for key in given):
                self.ec2_backend.own_image(resource)
            elif any(key.startswith(tags.SHARED) for key in given):
                raise errors.ec2("InvalidParameterValue", f"{tags.SHARED} tags are for images only")
        models.validate_resource_ids(self._get_param("Resources", []))
        self.ec2_backend.do_resources_exist(self._get_param("Resources", []))
        self.error_on_dryrun()
        self.ec2_backend.create_tags(self._get_param("Resources", []), given)
        return EmptyResult()


def install() -> None:
    snapshots.install()
    instances.install()
    models.ec2_backends.backend = Backend
    urls.url_paths = {path: Response.dispatch for path in urls.url_paths}
