"""Instances that come into a group, leave it or rest in it by a caller's word, past every lifecycle hook."""
from moto.autoscaling import models
from moto.autoscaling.exceptions import ValidationError

from .controls import LEDGER, LOCK
from .groups import Group, Member

MOST = 20


class AttachingBackend:
    """Overrides for moto's Auto Scaling backend."""

    def attach_instances(self, group_name: str, instance_ids: list[str]) -> None:
        group = self.autoscaling_groups[group_name]
        _check_number(instance_ids)
        for instance_id in instance_ids:
            self._check_attachable(group, instance_id)
        with LOCK:
            wanted = (group.desired_capacity or 0) + len(instance_ids)
            if wanted > group.max_size:
                raise ValidationError(f"AutoScalingGroup {group_name} would be larger than its maximum {group.max_size}")
            group.desired_capacity = wanted
            for instance_id in instance_ids:
                instance = self.ec2_backend.get_instance(instance_id)
                instance.autoscaling_group = group
                self.ec2_backend.create_tags([instance_id], {models.ASG_NAME_TAG: group.name})
                member = Member(instance, "InService", autoscaling_group=group,
                                protected_from_scale_in=group.new_instances_protected_from_scale_in)
                member.attached = True
                group.instance_states = [*group.instance_states, member]
        group.settle()

    def detach_instances(self, group_name: str, instance_ids: list[str], should_decrement: bool):
        group, leaving = self._members(group_name, instance_ids)
        self._decrement(group, len(leaving), should_decrement)
        activities = [models.DetachInstanceActivity(one.instance) for one in leaving]
        for member in leaving:
            group.leave(member)
            self.ec2_backend.delete_tags([member.instance_id], {models.ASG_NAME_TAG: group.name})
            del member.instance.autoscaling_group  # so that another group can take it
        group.settle()
        return activities

    def enter_standby_instances(self, group_name: str, instance_ids: list[str], should_decrement: bool):
        group, resting = self._members(group_name, instance_ids)
        _check_state(resting, "InService")
        before = group.desired_capacity
        self._decrement(group, len(resting), should_decrement)
        for member in resting:
            LEDGER.leave(member)
            member.lifecycle_state = "Standby"
        group.settle()
        return [models.EnterStandbyActivity(one.instance, before) for one in resting]

    def exit_standby_instances(self, group_name: str, instance_ids: list[str]):
        group, coming = self._members(group_name, instance_ids)
        _check_state(coming, "Standby")
        before = group.desired_capacity or 0
        if before + len(coming) > group.max_size:
            raise ValidationError(f"AutoScalingGroup {group_name} would be larger than its maximum {group.max_size}")
        with LOCK:
            group.desired_capacity = before + len(coming)
            for member in coming:
                member.lifecycle_state = "InService"
        group.settle()
        return [models.ExitStandbyActivity(one.instance, before) for one in coming]

    def _check_attachable(self, group: Group, instance_id: str) -> None:
        instance = self.ec2_backend.get_instance_by_id(instance_id)
        if instance is None:
            raise ValidationError(f"Invalid Instance ID(s): [{instance_id}] specified for attach")
        if instance.state != "running":
            raise ValidationError(f"Invalid Instance ID(s): [{instance_id}] are not in the running state")
        for other in list(self.autoscaling_groups.values()):
            if any(one.instance_id == instance_id for one in other.members):
                raise ValidationError(f"Instance {instance_id} is already part of AutoScalingGroup:{other.name}")
        if instance.availability_zone not in group.availability_zones:
            raise ValidationError(f"Instance {instance_id} is in {instance.availability_zone}, which is not a zone of "
                                  f"AutoScalingGroup:{group.name}")

    def _members(self, group_name: str, instance_ids: list[str]) -> tuple[Group, list[Member]]:
        group = self.autoscaling_groups[group_name]
        _check_number(instance_ids)
        known = {one.instance_id: one for one in group.members}
        if missing := [one for one in instance_ids if one not in known]:
            raise ValidationError(f"The instance {missing[0]} is not part of Auto Scaling group {group_name}.")
        return group, [known[one] for one in instance_ids]

    def _decrement(self, group: Group, count: int, wanted: bool) -> None:
        if not wanted:
            return
        if (group.desired_capacity or 0) - count < group.min_size:
            raise ValidationError(f"AutoScalingGroup {group.name} would be smaller than its minimum {group.min_size}")
        group.desired_capacity -= count


def _check_number(instance_ids: list[str]) -> None:
    if len(instance_ids) > MOST:
        raise ValidationError(f"At most {MOST} instances can be named at a time")


def _check_state(members: list[Member], state: str) -> None:
    for one in members:
        if one.lifecycle_state != state:
            raise ValidationError(f"The instance {one.instance_id} is not in {state}.")
