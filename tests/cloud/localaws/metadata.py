"""DescribeInstanceImageMetadata: the image of every instance, also one that the account no longer sees."""
from moto.core.responses import ActionResult

from . import errors, images, paging
from .images import like

MOST = 1000


class MetadataActions:
    def describe_instance_image_metadata(self):
        self.error_on_dryrun()
        backend, wanted = self.ec2_backend, self._get_param("InstanceIds") or []
        if wanted and self._get_param("MaxResults"):
            raise errors.ec2("InvalidParameterCombination", "InstanceIds and MaxResults cannot be given together")
        size = paging.size(self._get_param("MaxResults"), 1, MOST)
        # Managed instances are among them, whatever the account's visibility: there is no parameter to ask for them.
        instances = backend.get_multi_instances_by_id(wanted) if wanted else backend.all_instances()
        filters, seen = self._filters_from_querystring(), {}
        zones = {one.name: one.zone_id for one in backend.describe_availability_zones()}
        if filters:
            instances = [one for one in instances if _matches(self._row(one, seen, zones), filters)]
        # Rows of one page only: there may be a hundred.
        page, token = paging.page(instances, self._get_param("NextToken"), None if wanted else size)
        rows = [self._row(one, seen, zones) for one in page]
        return ActionResult({"InstanceImageMetadata": rows, "NextToken": token})

    def _row(self, instance, seen: dict[str, dict], zones: dict[str, str]) -> dict:
        if instance.image_id not in seen:
            seen[instance.image_id] = self._image(instance.image_id)
        return {
            "InstanceId": instance.id, "InstanceType": instance.instance_type, "LaunchTime": instance.launch_time,
            "AvailabilityZone": instance.availability_zone, "ZoneId": zones.get(instance.availability_zone),
            "OwnerId": self.current_account, "State": {"Code": instance.state_code, "Name": instance.state},
            "Tags": [{"Key": key, "Value": value} for key, value in self.ec2_backend.tags.get(instance.id, {}).items()],
            "Operator": instance.operator, "ImageMetadata": seen[instance.image_id]}

    def _image(self, image_id: str) -> dict:
        # Unlike DescribeImages, also of images that are deregistered, disabled, unshared or not allowed.
        image = images.find(image_id, self.current_account, self.region, gone=True)
        if image is None:
            return {"ImageId": image_id}
        settings = self.ec2_backend.allowed_images
        return {
            "ImageId": image_id, "Name": image.name, "OwnerId": image.owner_id, "ImageOwnerAlias": image.owner_alias,
            "State": image.state, "IsPublic": image.is_public,
            "CreationDate": image.creation_date.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "ImageAllowed": settings.state == "disabled" or settings.allows(image, self.current_account)}


FILTERS = {
    "availability-zone": lambda row: row["AvailabilityZone"],
    "image-allowed": lambda row: row["ImageMetadata"].get("ImageAllowed"),
    "instance-id": lambda row: row["InstanceId"],
    "instance-state-name": lambda row: row["State"]["Name"],
    "instance-type": lambda row: row["InstanceType"],
    "launch-time": lambda row: row["LaunchTime"].strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "owner-alias": lambda row: row["ImageMetadata"].get("ImageOwnerAlias"),
    "owner-id": lambda row: row["ImageMetadata"].get("OwnerId"),
    "zone-id": lambda row: row["ZoneId"],
}


def _matches(row: dict, filters: dict[str, list]) -> bool:
    for name, wanted in filters.items():
        if name == "tag-key":
            have = [tag["Key"] for tag in row["Tags"]]
        elif name.startswith("tag:"):
            have = [tag["Value"] for tag in row["Tags"] if tag["Key"] == name[4:]]
        elif name in FILTERS:
            have = [FILTERS[name](row)]
        else:
            raise errors.ec2("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not any(like(value, one) for value in have for one in wanted):
            return False
    return True
