"""Limits on tags that AWS enforces and moto does not."""
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

from . import errors

# Tags with this key prefix are seen by every account an image is shared with.
SHARED = "ec2:SharedTag/"


def problem(tags: list[dict]) -> str | None:
    for tag in tags:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if not key:
            return "Tag key cannot be empty."
        if key.lower().startswith("aws:"):
            return f"Tag keys starting with 'aws:' are reserved for internal use: '{key}'"
        if len(key) > 128:
            return f"Tag key exceeds the maximum length of 128 characters: '{key}'"
        if len(value) > 256:
            return f"Tag value exceeds the maximum length of 256 characters: '{value}'"
    return None


def check_request(params: dict) -> None:
    """Checks every tag of an EC2 request, whatever the action."""
    # Not in the backend: moto itself sets `aws:` tags there.
    specs = params.get("TagSpecifications") or []
    for given in (params.get("Tags"), *(spec.get("Tags") for spec in specs)):
        if not isinstance(given, list):
            continue
        if message := problem(given):
            raise errors.ec2("InvalidParameterValue", message)
        if len(given) > 50:
            raise errors.ec2("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")


class TagBackend:
    """Overrides for moto's EC2 backend."""

    def describe_tags(self, filters=None):
        ids = (filters or {}).get("resource-id")
        if ids is None or len(filters) > 1 or any("*" in one or "?" in one for one in ids):
            return super().describe_tags(filters)
        # moto goes through all tags of all resources, and does so for every resource that is shown.
        return [{"resource_id": one, "key": key, "value": value,
                 "resource_type": EC2_PREFIX_TO_RESOURCE.get(get_prefix(one), "")}
                for one in ids if one in self.tags for key, value in list(self.tags[one].items())]
