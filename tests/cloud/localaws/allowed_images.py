"""Allowed AMIs: the account's settings, and the actions on them."""
from datetime import timedelta

from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from . import callers, errors
from .controls import read
from .images import like

STATES = ("enabled", "audit-mode", "disabled")
MANAGERS = ("account", "declarative-policy")


class AllowedImages:
    """One account's settings in one region."""

    def __init__(self) -> None:
        self.state = "disabled"
        self.criteria: list[dict] = []
        self.managed_by = "account"

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
        state, settings = self._get_param("AllowedImagesSettingsState"), self._settings()
        if state not in ("enabled", "audit-mode"):
            raise errors.ec2("InvalidParameterValue", f"Invalid state: {state}")
        settings.state = state
        return ActionResult({"AllowedImagesSettingsState": state})

    def disable_allowed_images_settings(self):
        self.error_on_dryrun()
        self._settings().state = "disabled"
        return ActionResult({"AllowedImagesSettingsState": "disabled"})

    def replace_image_criteria_in_allowed_images_settings(self):
        self.error_on_dryrun()
        criteria, settings = self._get_param("ImageCriteria") or [], self._settings()
        if len(criteria) > 10:
            raise errors.ec2("InvalidParameterValue", "At most 10 image criteria can be given")
        settings.criteria = criteria
        return ActionResult({"ReturnValue": True})

    def get_allowed_images_settings(self):
        self.error_on_dryrun()
        settings = self.ec2_backend.allowed_images
        return ActionResult({"State": settings.state, "ImageCriteria": settings.criteria,
                             "ManagedBy": settings.managed_by})

    def _settings(self) -> AllowedImages:
        """Those that the account may change."""
        settings = self.ec2_backend.allowed_images
        if settings.managed_by != "account":
            raise errors.ec2("DeclarativePolicyViolation", "This functionality has been disabled by a declarative policy")
        return settings


def declare(given: object) -> dict:
    """What a declarative policy of the organization says: POST /localaws/allowed-images."""
    from moto.ec2.models import ec2_backends

    given = read(given, {"account": str, "region": str, "state": str}, {"criteria": list, "managed_by": str})
    managed_by = given.get("managed_by", "declarative-policy")
    if not callers.ACCOUNT_ID.fullmatch(given["account"]) or given["region"] not in ec2_backends[given["account"]]:
        raise ValueError("there is no such account or region")
    if given["state"] not in STATES or managed_by not in MANAGERS:
        raise ValueError(f"state is one of {', '.join(STATES)}, managed_by of {', '.join(MANAGERS)}")
    settings = ec2_backends[given["account"]][given["region"]].allowed_images
    settings.state, settings.criteria, settings.managed_by = given["state"], given.get("criteria", []), managed_by
    return {"state": settings.state, "managed_by": managed_by}
