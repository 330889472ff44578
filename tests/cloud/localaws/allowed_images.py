"""Allowed AMIs: the account's settings, and the actions on them."""
from datetime import timedelta

from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from . import errors, images, paging
from .images import like


class AllowedImages:
    """One account's settings in one region."""

    def __init__(self) -> None:
        self.state = "disabled"
        self.criteria: list[dict] = []

    def allows(self, image, account: str) -> bool:
        """Whether the criteria hold. An account's own images are never restricted."""
        if image.owner_id == account or not self.criteria:
            return True
        return any(_meets(image, criterion) for criterion in self.criteria)

    def visible(self, image, account: str) -> bool:
        return self.state != "enabled" or self.allows(image, account)

    def shown(self, image, account: str) -> bool | None:
        return None if self.state == "disabled" else self.allows(image, account)


def _meets(image, criterion: dict) -> bool:
    providers, names = criterion.get("ImageProviders"), criterion.get("ImageNames")
    if providers and image.owner_id not in providers and (image.owner_alias or "-") not in providers:
        return False
    if names and not any(like(image.name, name) for name in names):
        return False
    if criterion.get("MarketplaceProductCodes"):  # no image here has one
        return False
    days = (criterion.get("CreationDateCondition") or {}).get("MaximumDaysSinceCreated")
    return days is None or utcnow() - image.creation_date <= timedelta(days=days)


class AllowedImagesActions:
    def enable_allowed_images_settings(self):
        self.error_on_dryrun()
        state = self._get_param("AllowedImagesSettingsState")
        if state not in ("enabled", "audit-mode"):
            raise errors.ec2("InvalidParameterValue", f"Invalid state: {state}")
        self.ec2_backend.allowed_images.state = state
        return ActionResult({"AllowedImagesSettingsState": state})

    def disable_allowed_images_settings(self):
        self.error_on_dryrun()
        self.ec2_backend.allowed_images.state = "disabled"
        return ActionResult({"AllowedImagesSettingsState": "disabled"})

    def replace_image_criteria_in_allowed_images_settings(self):
        self.error_on_dryrun()
        criteria = self._get_param("ImageCriteria") or []
        if len(criteria) > 10:
            raise errors.ec2("InvalidParameterValue", "At most 10 image criteria can be given")
        self.ec2_backend.allowed_images.criteria = criteria
        return ActionResult({"ReturnValue": True})

    def get_allowed_images_settings(self):
        self.error_on_dryrun()
        settings = self.ec2_backend.allowed_images
        return ActionResult({"State": settings.state, "ImageCriteria": settings.criteria, "ManagedBy": "account"})

    def describe_instance_image_metadata(self):
        self.error_on_dryrun()
        backend, wanted = self.ec2_backend, self._get_param("InstanceIds") or []
        if wanted and self._get_param("MaxResults"):
            raise errors.ec2("InvalidParameterCombination", "InstanceIds and MaxResults cannot be given together")
        instances = backend.get_multi_instances_by_id(wanted) if wanted else backend.all_instances()
        filters = self._filters_from_querystring()
        rows = [row for row in map(self._metadata, instances) if _row_matches(row, filters)]
        page, token = paging.page(rows, self._get_param("NextToken"), self._get_param("MaxResults"))
        return ActionResult({"InstanceImageMetadata": page, "NextToken": token})

    def _metadata(self, instance) -> dict:
        # Unlike DescribeImages, also of images that are deregistered, unshared or not allowed.
        backend = self.ec2_backend
        image = images.find(instance.image_id, self.current_account, self.region, gone=True)
        about = {"ImageId": instance.image_id}
        if image:
            about |= {
                "Name": image.name, "OwnerId": image.owner_id, "State": image.state, "IsPublic": image.is_public,
                "CreationDate": image.creation_date.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "ImageAllowed": backend.allowed_images.allows(image, self.current_account)
                if backend.allowed_images.state != "disabled" else True}
        return {
            "InstanceId": instance.id, "InstanceType": instance.instance_type, "LaunchTime": instance.launch_time,
            "AvailabilityZone": instance.availability_zone, "OwnerId": self.current_account,
            "State": {"Code": instance.state_code, "Name": instance.state},
            "Tags": [{"Key": key, "Value": value} for key, value in backend.tags.get(instance.id, {}).items()],
            "ImageMetadata": about}


ROW_FILTERS = {
    "availability-zone": lambda row: row["AvailabilityZone"], "instance-id": lambda row: row["InstanceId"],
    "instance-state-name": lambda row: row["State"]["Name"], "instance-type": lambda row: row["InstanceType"],
    "image-allowed": lambda row: row["ImageMetadata"].get("ImageAllowed"),
    "owner-id": lambda row: row["ImageMetadata"].get("OwnerId"),
}


def _row_matches(row: dict, filters: dict[str, list]) -> bool:
    for name, wanted in filters.items():
        if name == "tag-key":
            have = [tag["Key"] for tag in row["Tags"]]
        elif name.startswith("tag:"):
            have = [tag["Value"] for tag in row["Tags"] if tag["Key"] == name[4:]]
        elif name in ROW_FILTERS:
            have = [ROW_FILTERS[name](row)]
        else:
            raise errors.ec2("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not any(like(value, want) for value in have for want in wanted):
            return False
    return True
