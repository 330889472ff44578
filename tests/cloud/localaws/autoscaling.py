"""Auto Scaling: the backend, and what is put in moto's place."""
from collections import OrderedDict

from moto.autoscaling import models, urls
from moto.autoscaling.exceptions import AutoscalingClientError, ValidationError

from . import launching, notifications
from .attaching import AttachingBackend
from .autoscaling_actions import GIVEN_HOOKS, AutoScaling
from .controls import AGENDA, CONTROL, LEDGER, LOCK
from .groups import Group, Member
from .lifecycle import LAUNCHING, Hook, NoAction

PROCESSES = ("Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck",
             "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions")


class Groups(OrderedDict):
    def __missing__(self, name: str):
        # moto indexes, and a KeyError would not be an answer of AWS.
        raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")


class Backend(AttachingBackend, models.AutoScalingBackend):
    __module__ = models.__name__  # moto finds a backend's URLs by this name

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.autoscaling_groups = Groups()

    # --- groups -------------------------------------------------------------

    def create_auto_scaling_group(self, name, **given):
        if name in self.autoscaling_groups:
            raise AutoscalingClientError("AlreadyExists", f"AutoScalingGroup by this name already exists - {name}")
        launching.check_size(int(given["min_size"]), int(given["max_size"]),
                             models.make_int(given.get("desired_capacity")))
        read = [self.read_hook(name, hook) for hook in GIVEN_HOOKS.get()]
        if len({(one.notification_target_arn, one.role_arn) for one in read}) > 1:
            raise ValidationError("All lifecycle hooks of one request must have the same target and role")
        # Nothing is launched yet: an event names the group's ARN, so the group must be there first.
        group = super().create_auto_scaling_group(name=name, **given)
        try:
            if group.desired_capacity:
                launching.check(group)
            for hook in read:
                self.keep_hook(hook)
        except ValidationError:
            self.autoscaling_groups.pop(name, None)
            for hook in read:
                super().delete_lifecycle_hook(name, hook.name)
            raise
        group.settle()
        return group

    def delete_auto_scaling_group(self, group_name: str) -> None:
        group = self.autoscaling_groups[group_name]
        group.empty_pool()
        for member in group.members:
            member.protected_from_scale_in = False
        super().delete_auto_scaling_group(group_name)
        for hook in self.describe_lifecycle_hooks(group_name):
            self.delete_lifecycle_hook(group_name, hook.name)

    def member(self, instance_id: str) -> Member:
        for group in list(self.autoscaling_groups.values()):
            for member in group.members:
                if member.instance_id == instance_id:
                    return member
        raise ValidationError(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")

    def describe_auto_scaling_instances(self, instance_ids: list[str]) -> list[Member]:
        wanted = set(instance_ids)
        return [member for group in list(self.autoscaling_groups.values()) for member in group.members
                if not wanted or member.instance_id in wanted]

    def delete_warm_pool(self, group_name: str) -> None:
        self.autoscaling_groups[group_name].empty_pool()

    # --- instances that go --------------------------------------------------

    def notify_terminate_instances(self, instance_ids: list[str]) -> None:
        """Someone ended instances by way of EC2."""
        gone = set(instance_ids)
        for group in list(self.autoscaling_groups.values()):
            leaving = [one for one in group.members if one.instance_id in gone]
            for member in leaving:
                group.leave(member)
            if leaving:
                group.settle()

    def terminate_instance(self, instance_id: str, should_decrement: bool):
        member = self.member(instance_id)
        group = member.auto_scaling_group
        before = group.desired_capacity
        if should_decrement:
            group.desired_capacity -= 1
        group.end(member)
        group.settle()
        return models.TerminateInstanceActivity(member.instance, before)

    # --- processes ----------------------------------------------------------

    def suspend_processes(self, group_name: str, scaling_processes: list[str]) -> None:
        group = self.autoscaling_groups[group_name]
        _check_processes(scaling_processes)
        with LOCK:
            group.suspended_processes = sorted({*group._suspended_processes, *(scaling_processes or PROCESSES)})

    def resume_processes(self, group_name: str, scaling_processes: list[str]) -> None:
        group = self.autoscaling_groups[group_name]
        _check_processes(scaling_processes)
        with LOCK:
            group.suspended_processes = sorted({*group._suspended_processes} - {*(scaling_processes or PROCESSES)})
        group.settle()

    # --- hooks --------------------------------------------------------------

    def launch_hooks(self, group: str) -> list[Hook]:
        return [one for one in self.describe_lifecycle_hooks(group) if one.lifecycle_transition == LAUNCHING]

    def read_hook(self, group: str, given: dict) -> Hook:
        target = given.get("NotificationTargetARN")
        service = target.split(":")[2] if target and target.count(":") > 1 else ""
        if target and (target.count(":") != notifications.COLONS.get(service) or target.endswith(".fifo")):
            raise ValidationError(f"Unable to publish test message to notification target {target}")
        known = self.lifecycle_hooks.get(f"{group}_{given['LifecycleHookName']}")
        try:
            shortest = CONTROL.orders.shortest_heartbeat
            return known.changed(given, shortest) if known else Hook.read(group, given, shortest)
        except ValueError as e:
            raise ValidationError(str(e)) from None

    def keep_hook(self, hook: Hook) -> None:
        if not notifications.test(self.autoscaling_groups[hook.auto_scaling_group_name], hook):
            raise ValidationError(f"Unable to publish test message to notification target {hook.notification_target_arn}")
        self.lifecycle_hooks[f"{hook.auto_scaling_group_name}_{hook.name}"] = hook

    def delete_lifecycle_hook(self, as_name: str, name: str) -> None:
        super().delete_lifecycle_hook(as_name, name)
        for action in LEDGER.abandon(self.account_id, as_name, name):
            action.member.auto_scaling_group.decided(action)

    def complete(self, group: str, result: str, *key) -> None:
        self.autoscaling_groups[group]
        try:
            action = LEDGER.complete(result, self.account_id, group, *key)
        except NoAction as e:
            raise ValidationError(str(e)) from None
        action.member.auto_scaling_group.decided(action)

    def heartbeat(self, group: str, *key) -> None:
        self.autoscaling_groups[group]
        try:
            LEDGER.heartbeat(self.account_id, group, *key)
        except NoAction as e:
            raise ValidationError(str(e)) from None


def _check_processes(given: list[str]) -> None:
    if wrong := [one for one in given if one not in PROCESSES]:
        raise ValidationError(f"1 or more of the specified process types are not valid: {', '.join(wrong)}. "
                              f"Valid process types are: {', '.join(PROCESSES)}.")


def install() -> None:
    models.FakeAutoScalingGroup = Group
    models.InstanceState = Member
    models.autoscaling_backends.backend = Backend
    urls.url_paths = {path: AutoScaling.dispatch for path in urls.url_paths}
    AGENDA.start()
