"""Auto Scaling groups whose instances wait for their lifecycle hooks."""
from collections import deque
from functools import partial

from moto.autoscaling import models
from moto.core.exceptions import ServiceException

from . import launching, notifications
from .controls import AGENDA, CONTROL, LEDGER, LOCK
from .lifecycle import Action
from .root_volumes import RootVolumes
from .warm_pools import WarmPool

BATCH = 20  # launched before a call answers
SMALL_BATCH = 5  # launched at a time by the agenda, so that nothing else on it waits for long
SECONDS_PROCEEDING = 0.05
SECONDS_BETWEEN_FAILURES = 5.0


class Member(models.InstanceState):
    """An instance of a group."""

    image_id: str | None = None  # shown only where the launch template does not tell it
    template: dict | None = None
    attached = False  # launched by someone else, from no template of the group
    origin, destination = "EC2", "AutoScalingGroup"

    @property
    def launch_template(self) -> dict | None:
        return None if self.attached else self.template or super().launch_template

    @property
    def prefix(self) -> str:
        return "Warmed:" if self.destination == "WarmPool" else ""


class Group(WarmPool, RootVolumes, models.FakeAutoScalingGroup):
    def __init__(self, *args, **kwargs) -> None:
        self.launching = self.preparing = self.turn = 0
        self.to_fill = False  # a call of fill() is on the agenda
        self.activities: deque[dict] = deque(maxlen=1000)  # newest first
        self.pool: list[Member] = []
        self.refreshes: list[dict] = []
        super().__init__(*args, **kwargs)

    # --- size ---------------------------------------------------------------

    @property
    def alive(self) -> bool:
        # False while the group is being made, once it is deleted, and after a reset.
        return getattr(self.autoscaling_backend, "autoscaling_groups", {}).get(self.name) is self

    def active_instances(self) -> list[Member]:
        return [one for one in self.instance_states if one.lifecycle_state == "InService"
                or one.lifecycle_state.startswith(("Pending", "ReplacingRootVolume", "RootVolumeReplaced"))]

    @property
    def members(self) -> list[Member]:
        return [*self.instance_states, *self.pool]

    def set_desired_capacity(self, new_capacity: int | None) -> None:
        self.desired_capacity = self.min_size if new_capacity is None else new_capacity
        self.settle()

    def update(self, **given) -> None:
        # moto drops the policy of a group whose update names none.
        policy, new = self.mixed_instances_policy, given["launch_config_name"] or given["launch_template"]
        sizes = {name: given.pop(name) for name in ("min_size", "max_size", "desired_capacity")}
        launching.check_size(*(getattr(self, name) if size is None else size for name, size in sizes.items()),
                             named=sizes["desired_capacity"] is not None)
        super().update(**given, min_size=None, max_size=None, desired_capacity=None)
        if not (new or given.get("mixed_instances_policy")):
            self.mixed_instances_policy = policy
        for name, size in sizes.items():
            if size is not None:
                setattr(self, name, size)
        self.desired_capacity = min(max(self.desired_capacity or 0, self.min_size), self.max_size)
        self.settle()

    def settle(self) -> None:
        """Makes the group as large as it should be: the surplus goes now, the missing come soon."""
        if not self.alive:
            return
        self._shrink()
        self.fill()
        self.autoscaling_backend.update_attached_elbs(self.name)
        self.autoscaling_backend.update_attached_target_groups(self.name)

    def _shrink(self) -> None:
        with LOCK:
            active = self.active_instances()  # those on standby are not counted, and stay
            surplus = len(active) - (self.desired_capacity or 0)
            going = [one for one in active if not one.protected_from_scale_in][:max(0, surplus)]
        for member in going:
            self.end(member)

    def _reserve(self) -> bool:
        """Takes one of the places to be filled."""
        with LOCK:
            wanted = self.alive and "Launch" not in self._suspended_processes and (
                len(self.active_instances()) + self.launching < (self.desired_capacity or 0))
            self.launching += wanted
            return wanted

    def fill(self, most: int = BATCH) -> None:
        """Launches what is missing: some now, the rest by the agenda."""
        for _ in range(most):
            if not self._reserve():
                self._shrink()  # the group may have been made smaller meanwhile
                return self.fill_pool()
            try:
                self._launch()
            except ServiceException as e:
                return self.failed(e, "AutoScalingGroup")
            finally:
                with LOCK:
                    self.launching -= 1
        self._fill_after(0)

    def failed(self, problem: ServiceException, destination: str) -> None:
        self.activities.appendleft(notifications.outcome(self, None, "EC2", destination, problem.message))
        self._fill_after(SECONDS_BETWEEN_FAILURES)

    def _fill_after(self, seconds: float) -> None:
        with LOCK:
            if self.to_fill:
                return
            self.to_fill = True
        AGENDA.after(seconds, self._fill_later)

    def _fill_later(self) -> None:
        self.to_fill = False
        self.fill(SMALL_BATCH)

    def _launch(self) -> None:
        if member := self.take_from_pool():
            return self.enter(member, "WarmPool", "AutoScalingGroup")
        member = self.launched()
        with LOCK:
            self.instance_states = [*self.instance_states, member]
        self.enter(member, "EC2", "AutoScalingGroup")

    def launched(self) -> Member:
        """A new instance that has not entered anything yet."""
        with LOCK:
            self.turn += 1
            turn = self.turn - 1
        choices = launching.choices(self)
        launch = choices[turn % len(choices)]
        subnets = self.vpc_zone_identifier.split(",") if self.vpc_zone_identifier else [None]
        instance = launching.instance(self, launch, self.availability_zones[turn % len(self.availability_zones)],
                                      subnets[turn % len(subnets)])
        member = Member(instance, "Pending", protected_from_scale_in=self.new_instances_protected_from_scale_in)
        member.image_id, member.template = launch.override, launch.template
        return member

    # --- lifecycle ----------------------------------------------------------

    def enter(self, member: Member, origin: str, destination: str, special: str | None = None) -> None:
        """An instance comes in and waits for every launch hook."""
        member.origin, member.destination = origin, destination
        hooks = self.autoscaling_backend.launch_hooks(self.name)
        with LOCK:
            if not self.alive:  # deleted meanwhile
                return self.end(member)
            # All are open before the first is announced: one completed early must not let the instance in.
            member.lifecycle_state = f"{member.prefix}Pending:{'Wait' if hooks else 'Proceed'}"
            opened = [LEDGER.open(hook, member, account=self.account_id, instance=member.instance_id,
                                  image=member.instance.image_id, origin=origin, destination=destination,
                                  special=special) for hook in hooks]
        for action in opened:
            AGENDA.after(action.hook.heartbeat_timeout, partial(self._expire, action))
            CONTROL.announce(action, partial(notifications.announce, self, action))
        if not hooks:
            self._arrive(member)

    def _expire(self, action: Action) -> None:
        left = LEDGER.expire(action)
        if left is not None:
            AGENDA.after(left, partial(self._expire, action))
        elif action.state == "expired":
            self.decided(action)

    def decided(self, action: Action) -> None:
        """An action has ended with a result."""
        member = action.member
        if action.result == "ABANDON":
            why = f"Instance failed to complete user's Lifecycle Action: {action.hook.name}"
            self.activities.appendleft(
                notifications.outcome(self, member.instance, member.origin, member.destination, why))
            self.end(member)
            self.fill()
            return
        with LOCK:
            if LEDGER.waiting_of(member) or member.lifecycle_state != f"{member.prefix}Pending:Wait":
                return
            member.lifecycle_state = f"{member.prefix}Pending:Proceed"
        AGENDA.after(SECONDS_PROCEEDING, partial(self._arrive, member))

    def _arrive(self, member: Member) -> None:
        with LOCK:
            if member.lifecycle_state != f"{member.prefix}Pending:Proceed":
                return
            if not member.prefix:
                member.lifecycle_state = "InService"
        if member.prefix:
            self.rest(member)
        self.activities.appendleft(notifications.outcome(self, member.instance, member.origin, member.destination))

    def leave(self, member: Member) -> None:
        """The instance is no longer the group's; what happens to it is the caller's matter."""
        with LOCK:
            LEDGER.leave(member)
            member.lifecycle_state = "Terminated"
            self.instance_states = [one for one in self.instance_states if one is not member]
            self.pool = [one for one in self.pool if one is not member]

    def end(self, member: Member) -> None:
        self.leave(member)
        self.ec2_backend.terminate_instances([member.instance_id])
