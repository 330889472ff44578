"""The instance refresh that gives running instances a new root volume, and with it a new image."""
import uuid
from functools import partial

from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.core.utils import utcnow

from . import launching
from .controls import AGENDA, LOCK

STRATEGY = "ReplaceRootVolume"
SECONDS_PER_STATE = 0.1


class RootVolumes:
    """A part of Group."""

    def start_refresh(self, strategy: str | None, desired: dict | None) -> str:
        """Puts every instance in service through the replacement, all at once."""
        if strategy != STRATEGY:
            raise ValidationError(f"The local AWS refreshes instances by {STRATEGY} only, not by '{strategy or 'Rolling'}'")
        policy = (desired or {}).get("MixedInstancesPolicy")
        template = (policy or {}).get("LaunchTemplate") or {}
        if not any(one.get("ImageId") for one in template.get("Overrides") or []):
            raise ValidationError(f"{STRATEGY} needs a MixedInstancesPolicy with an override that has an ImageId")
        if str((template.get("LaunchTemplateSpecification") or {}).get("Version") or "$Default").startswith("$"):
            raise ValidationError(f"{STRATEGY} does not take the launch template version $Latest or $Default")
        if self.warm_pool:
            raise ValidationError(f"{STRATEGY} does not work with a warm pool")
        if any(one["Status"] == "InProgress" for one in self.refreshes):
            raise AutoscalingClientError("InstanceRefreshInProgress", "An Instance Refresh is already in progress")
        before = self.mixed_instances_policy
        self._set_launch_configuration("", {}, self._with_policy(policy))
        try:
            launching.check(self)
        except ValidationError:
            self.mixed_instances_policy = before
            raise
        with LOCK:
            members = [one for one in self.instance_states if one.lifecycle_state == "InService"]
            for member in members:
                member.lifecycle_state = "ReplacingRootVolume"
        refresh = {"InstanceRefreshId": str(uuid.uuid4()), "AutoScalingGroupName": self.name, "Status": "InProgress",
                   "StartTime": utcnow(), "Strategy": STRATEGY, "DesiredConfiguration": desired,
                   "waits_for": {one.instance_id for one in members}}
        self.refreshes.insert(0, refresh)
        for member in members:
            AGENDA.after(SECONDS_PER_STATE, partial(self._replace, member))
        self._count_down(refresh)
        return refresh["InstanceRefreshId"]

    def _with_policy(self, policy: dict) -> dict:
        self.mixed_instances_policy = policy
        return policy

    def _replace(self, member) -> None:
        if member.lifecycle_state != "ReplacingRootVolume":
            return
        ways = [one for one in launching.choices(self) if one.override]
        launch = next((one for one in ways if one.type == member.instance_type), ways[0])
        self.ec2_backend.replace_root_volume(member.instance_id, launch.override)
        member.image_id, member.template = launch.override, launch.template
        member.lifecycle_state = "RootVolumeReplaced"
        AGENDA.after(SECONDS_PER_STATE, partial(self._return, member))

    def _return(self, member) -> None:
        if member.lifecycle_state == "RootVolumeReplaced":
            self.enter(member, "AutoScalingGroup", "AutoScalingGroup", STRATEGY)

    def _count_down(self, refresh: dict) -> None:
        """A refresh ends when each of its instances is in service again, or gone."""
        inside = {one.instance_id: one.lifecycle_state for one in self.instance_states}
        left = {one for one in refresh["waits_for"] if inside.get(one, "InService") != "InService"}
        refresh["InstancesToUpdate"] = len(left)
        refresh["PercentageComplete"] = 100 - 100 * len(left) // max(1, len(refresh["waits_for"]))
        if left and self.alive:
            AGENDA.after(SECONDS_PER_STATE, partial(self._count_down, refresh))
        else:
            refresh |= {"Status": "Successful", "EndTime": utcnow()}
