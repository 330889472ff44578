"""Auto Scaling's actions that moto lacks or answers wrongly."""
from contextvars import ContextVar

from moto.autoscaling import responses
from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError
from moto.core.responses import ActionResult, EmptyResult

from . import paging
from .lifecycle import RESULTS

# Hooks on their way from a request to the backend, past moto, which has no parameter for them.
GIVEN_HOOKS: ContextVar[list[dict]] = ContextVar("given_hooks", default=[])


class AutoScaling(responses.AutoScalingResponse):
    @property
    def group(self):
        return self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]

    # --- groups -------------------------------------------------------------

    def create_auto_scaling_group(self):
        token = GIVEN_HOOKS.set(self._get_param("LifecycleHookSpecificationList", []))
        try:
            return super().create_auto_scaling_group()
        finally:
            GIVEN_HOOKS.reset(token)

    def set_desired_capacity(self):
        wanted, group = self._get_int_param("DesiredCapacity"), self.group
        for wrong, side in ((wanted > group.max_size, f"above max value {group.max_size}"),
                            (wanted < group.min_size, f"below min value {group.min_size}")):
            if wrong:
                raise ValidationError(f"New SetDesiredCapacity value {wanted} is {side} for the AutoScalingGroup.")
        group.set_desired_capacity(wanted)
        return EmptyResult()

    def describe_auto_scaling_groups(self):
        chosen = self.autoscaling_backend.describe_auto_scaling_groups(
            self._get_param("AutoScalingGroupNames", []), filters=self._get_param("Filters", []))
        page, token = self._page(chosen, 50, 100)
        if self._get_param("IncludeInstances") is False:
            page = [_WithoutInstances(one) for one in page]
        return ActionResult({"AutoScalingGroups": page, "NextToken": token})

    def describe_auto_scaling_instances(self):
        ids = self._get_param("InstanceIds", [])
        if len(ids) > 50:
            raise ValidationError("1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: "
                                  "Member must have length less than or equal to 50")
        page, token = self._page(self.autoscaling_backend.describe_auto_scaling_instances(ids), 50, 50)
        return ActionResult({"AutoScalingInstances": page, "NextToken": token})

    def describe_scaling_activities(self):
        name = self._get_param("AutoScalingGroupName")
        groups = [self.group] if name else list(self.autoscaling_backend.autoscaling_groups.values())
        page, token = self._page([one for group in groups for one in list(group.activities)], 100, 100)
        return ActionResult({"Activities": page, "NextToken": token})

    def _page(self, items: list, usual: int, most: int) -> tuple[list, str | None]:
        size = self._get_int_param("MaxRecords", usual)
        if not 1 <= size <= most:
            raise ValidationError(f"MaxRecords must be between 1 and {most}")
        try:
            return paging.page(items, self._get_param("NextToken"), size)
        except Exception as e:
            raise AutoscalingClientError("InvalidNextToken", str(e)) from None

    # --- hooks --------------------------------------------------------------

    def put_lifecycle_hook(self):
        group = self.group
        known = self.autoscaling_backend.describe_lifecycle_hooks(group.name)
        if len(known) >= 50 and self._get_param("LifecycleHookName") not in [one.name for one in known]:
            raise AutoscalingClientError("LimitExceeded", "A group has at most 50 lifecycle hooks")
        self.autoscaling_backend.keep_hook(self.autoscaling_backend.read_hook(group.name, self._get_params()))
        return EmptyResult()

    def describe_lifecycle_hooks(self):
        self.group
        return super().describe_lifecycle_hooks()

    def delete_lifecycle_hook(self):
        self.group
        return super().delete_lifecycle_hook()

    def complete_lifecycle_action(self):
        result = self._get_param("LifecycleActionResult")
        if result not in RESULTS:
            raise ValidationError(f"The lifecycle action result '{result}' is not valid: CONTINUE or ABANDON")
        self.autoscaling_backend.complete(self._get_param("AutoScalingGroupName"), result, *self._key())
        return ActionResult({})

    def record_lifecycle_action_heartbeat(self):
        self.autoscaling_backend.heartbeat(self._get_param("AutoScalingGroupName"), *self._key())
        return ActionResult({})

    def _key(self) -> tuple[str, str | None, str | None]:
        instance, token = self._get_param("InstanceId"), self._get_param("LifecycleActionToken")
        if not (instance or token):
            raise ValidationError("Either LifecycleActionToken or InstanceId is required")
        if token and len(token) != 36:
            raise ValidationError("LifecycleActionToken must have a length of 36")
        return self._get_param("LifecycleHookName"), instance, token

    # --- warm pools and refreshes -------------------------------------------

    def put_warm_pool(self):
        self.group
        return super().put_warm_pool()

    def describe_warm_pool(self):
        group = self.group
        page, token = self._page(group.pool, 50, 50)
        return ActionResult({"WarmPoolConfiguration": group.warm_pool, "Instances": page, "NextToken": token})

    def start_instance_refresh(self):
        started = self.group.start_refresh(self._get_param("Strategy"), self._get_param("DesiredConfiguration"))
        return ActionResult({"InstanceRefreshId": started})

    def describe_instance_refreshes(self):
        wanted = self._get_param("InstanceRefreshIds", [])
        chosen = [one for one in self.group.refreshes if not wanted or one["InstanceRefreshId"] in wanted]
        page, token = self._page(chosen, 50, 100)
        return ActionResult({"InstanceRefreshes": page, "NextToken": token})


class _WithoutInstances:
    """A group as DescribeAutoScalingGroups shows it with IncludeInstances=false."""

    instances = ()

    def __init__(self, group) -> None:
        self._group = group

    def __getattr__(self, name: str):
        return getattr(self._group, name)
