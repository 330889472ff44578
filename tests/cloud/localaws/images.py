"""Images that keep what they were given, and who sees which."""
import fnmatch
import re

from moto.core.utils import utcnow
from moto.ec2.models import amis, ec2_backends
from moto.ec2.utils import random_ami_id

from . import errors, tags

IMAGE_ID = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
ORGANIZATION = re.compile(r"arn:aws[a-z-]*:organizations::[0-9]{12}:organization/o-[a-z0-9]{10,32}")
UNIT = re.compile(r"arn:aws[a-z-]*:organizations::[0-9]{12}:ou/o-[a-z0-9]{10,32}/ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}")


class Image(amis.Ami):
    """An image. `facts` are its unchanging fields, named as in the API."""

    # moto's initializer is not called: it would invent a 15 GB snapshot.
    def __init__(self, backend, facts: dict, mappings: list[dict]):
        self.id = random_ami_id()
        self.ec2_backend = backend
        self.owner_id = backend.account_id
        self.owner_alias = None
        self.facts = {name: value for name, value in facts.items() if value is not None}
        self.mappings = mappings
        self.description = facts.get("Description") or ""
        self.imds_support = facts.get("ImdsSupport")
        self.state = "available"
        self.creation_date = utcnow()
        self.launch_permissions: list[dict] = []
        self.protection = "disabled"
        # What moto's instances read.
        self.name = facts["Name"]
        self.platform = facts.get("Platform")
        self.architecture = facts["Architecture"]
        self.virtualization_type = facts["VirtualizationType"]
        self.root_device_name = facts.get("RootDeviceName")
        self.kernel_id = facts.get("KernelId")
        self.boot_mode = facts.get("BootMode")
        backend.amis[self.id] = self

    @property
    def block_device_mappings(self) -> list[dict]:
        return self.mappings

    @property
    def snapshot_ids(self) -> list[str]:
        return [one["Ebs"]["SnapshotId"] for one in self.mappings if one.get("Ebs", {}).get("SnapshotId")]

    @property
    def location(self) -> str:
        return self.facts.get("ImageLocation") or f"{self.owner_id}/{self.name}"

    def launchable_by(self, account: str) -> bool:
        return account == self.owner_id or self.is_public or {"UserId": account} in self.launch_permissions

    def tags_seen_by(self, backend) -> dict[str, str]:
        """The viewer's own tags, and of the owner's only the shared ones."""
        own = dict(backend.tags.get(self.id, {}))
        if backend.account_id == self.owner_id:
            return own
        owners = self.ec2_backend.tags.get(self.id, {})
        return own | {key: value for key, value in owners.items() if key.startswith(tags.SHARED)}

    def seen_by(self, backend) -> dict:
        """The image as DescribeImages shows it to a backend's account."""
        shown = {
            "ImageType": "machine", "Hypervisor": "xen", "PlatformDetails": "Linux/UNIX",
            "UsageOperation": "RunInstances", "ProductCodes": [],
            **self.facts,
            "ImageId": self.id, "OwnerId": self.owner_id, "ImageLocation": self.location, "State": self.state,
            "DeregistrationProtection": self.protection,
            "Description": self.description, "ImdsSupport": self.imds_support, "Public": self.is_public,
            "CreationDate": self.creation_date, "BlockDeviceMappings": self.mappings,
            "ImageAllowed": backend.allowed_images.shown(self, backend.account_id),
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags_seen_by(backend).items()],
        }
        return {name: value for name, value in shown.items() if value is not None}


def find(image_id: str, account: str, region: str, gone: bool = False) -> Image | None:
    """The image, if the account may launch it; also a deregistered one with `gone`."""
    for regions in list(ec2_backends.values()):
        # dict.get: the indexing of moto's class would build a whole backend.
        backend = dict.get(regions, region)
        if backend is None:
            continue
        image = backend.amis.get(image_id)
        if image and image.launchable_by(account):
            return image
        if gone and (image := image or backend.gone_images.get(image_id)):
            return image
    return None


def not_found(image_ids: list[str]) -> Exception:
    text = ", ".join(image_ids)
    subject, verb = ("id", "does") if len(image_ids) == 1 else ("ids", "do")
    return errors.ec2("InvalidAMIID.NotFound", f"The image {subject} '[{text}]' {verb} not exist")


def check_form(image_ids: list[str]) -> None:
    for image_id in image_ids:
        if not IMAGE_ID.fullmatch(image_id):
            raise errors.ec2("InvalidAMIID.Malformed", f'Invalid id: "{image_id}"')


class ImageBackend:
    """Overrides for moto's EC2 backend: what is launched, tagged or described must be visible."""

    def image(self, image_id: str) -> Image:
        """A visible image, allowed by the account's settings."""
        check_form([image_id])
        image = find(image_id, self.account_id, self.region_name)
        if image is None or not self.allowed_images.visible(image, self.account_id):
            raise not_found([image_id])
        return image

    def own_image(self, image_id: str) -> Image:
        check_form([image_id])
        if image := self.amis.get(image_id):
            return image
        if image_id in self.gone_images:
            raise errors.ec2("InvalidAMIID.Unavailable", f"The image ID '{image_id}' is no longer available")
        if find(image_id, self.account_id, self.region_name):
            raise errors.ec2("AuthFailure", f"Not authorized for image:{image_id}")
        raise not_found([image_id])

    def validate_permission_targets(self, permissions):
        super().validate_permission_targets(permissions)
        for permission in permissions:
            for name, form in (("OrganizationArn", ORGANIZATION), ("OrganizationalUnitArn", UNIT)):
                if name in permission and not form.fullmatch(permission[name]):
                    raise errors.ec2("InvalidAMIAttributeItemValue",
                                     f'Invalid attribute item value "{permission[name]}" for {name} item type.')

    def visible_images(self) -> list[Image]:
        backends = [dict.get(regions, self.region_name) for regions in list(ec2_backends.values())]
        images = [image for backend in backends if backend for image in list(backend.amis.values())]
        return [image for image in images if image.launchable_by(self.account_id)
                and self.allowed_images.visible(image, self.account_id)]

    def describe_images(self, ami_ids=None, filters=None, exec_users=None, owners=None):
        """moto's own callers: launches and tagging."""
        if filters and set(filters) == {"image-id"}:
            wanted = filters["image-id"]
            wanted = [wanted] if isinstance(wanted, str) else wanted
            found = (find(one, self.account_id, self.region_name) for one in wanted if one)
            return [image for image in found if image]
        if ami_ids:
            return [self.image(one) for one in ami_ids]
        return self.visible_images()


# --- filters ----------------------------------------------------------------

PLAIN = {
    "architecture": "Architecture", "boot-mode": "BootMode", "description": "Description",
    "ena-support": "EnaSupport", "hypervisor": "Hypervisor", "image-allowed": "ImageAllowed", "image-id": "ImageId",
    "image-type": "ImageType", "imds-support": "ImdsSupport", "is-public": "Public", "kernel-id": "KernelId",
    "manifest-location": "ImageLocation", "name": "Name", "owner-alias": "ImageOwnerAlias", "owner-id": "OwnerId",
    "platform": "Platform", "ramdisk-id": "RamdiskId", "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType", "source-image-id": "SourceImageId",
    "source-image-region": "SourceImageRegion", "source-instance-id": "SourceInstanceId", "state": "State",
    "sriov-net-support": "SriovNetSupport", "tpm-support": "TpmSupport", "virtualization-type": "VirtualizationType",
}
MAPPING = {
    "delete-on-termination": "DeleteOnTermination", "encrypted": "Encrypted", "snapshot-id": "SnapshotId",
    "volume-size": "VolumeSize", "volume-type": "VolumeType",
}


def matches(shown: dict, filters: dict[str, list]) -> bool:
    return all(any(like(have, want) for have in _values(shown, name) for want in wanted)
               for name, wanted in filters.items())


def like(have: object, wanted: object) -> bool:
    text = str(have).lower() if isinstance(have, bool) else str(have)
    return fnmatch.fnmatchcase(text, str(wanted).replace("[", "[[]"))


def _values(shown: dict, name: str) -> list:
    if name in PLAIN:
        return [shown[PLAIN[name]]] if PLAIN[name] in shown else []
    if name == "creation-date":
        return [shown["CreationDate"].strftime("%Y-%m-%dT%H:%M:%S.000Z")]
    if name == "block-device-mapping.device-name":
        return [one["DeviceName"] for one in shown["BlockDeviceMappings"]]
    if field := MAPPING.get(name.removeprefix("block-device-mapping.")):
        return [one["Ebs"][field] for one in shown["BlockDeviceMappings"] if field in one.get("Ebs", {})]
    if name == "tag-key":
        return [tag["Key"] for tag in shown["Tags"]]
    if name.startswith("tag:"):
        return [tag["Value"] for tag in shown["Tags"] if tag["Key"] == name[4:]]
    raise errors.ec2("InvalidParameterValue", f"The filter '{name}' is invalid")
