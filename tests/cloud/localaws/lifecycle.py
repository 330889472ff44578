"""Lifecycle hooks and actions: who waits on what, until when, and how it ended. Knows nothing of moto."""
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
RESULTS = ("CONTINUE", "ABANDON")
LONGEST_HEARTBEAT = 7200
# How an action can stand. Only the first is open; an instance that leaves takes its open actions with it.
WAITING, COMPLETED, EXPIRED, GONE = "waiting", "completed", "expired", "gone"


@dataclass
class Hook:
    """A hook. The names are those that moto's serializer looks for."""

    lifecycle_hook_name: str
    auto_scaling_group_name: str
    lifecycle_transition: str
    heartbeat_timeout: int = 3600
    default_result: str = "ABANDON"
    notification_target_arn: str | None = None
    role_arn: str | None = None
    notification_metadata: str | None = None

    @property
    def name(self) -> str:  # as moto's own hooks are called
        return self.lifecycle_hook_name

    @property
    def global_timeout(self) -> int:
        return min(172800, 100 * self.heartbeat_timeout)

    @classmethod
    def read(cls, group: str, given: dict, shortest: float) -> "Hook":
        """A hook as the API gives it; a ValueError says what is wrong."""
        hook = cls(given.get("LifecycleHookName") or "", group, given.get("LifecycleTransition") or "")
        hook._take(given, shortest)
        return hook

    def changed(self, given: dict, shortest: float) -> "Hook":
        """The hook after another PutLifecycleHook: what that does not give stays."""
        hook = replace(self)
        hook._take(given, shortest)
        return hook

    def _take(self, given: dict, shortest: float) -> None:
        if (timeout := given.get("HeartbeatTimeout")) is not None:
            if not shortest <= int(timeout) <= LONGEST_HEARTBEAT:
                raise ValueError(f"HeartbeatTimeout must be between {shortest:g} and {LONGEST_HEARTBEAT}")
            self.heartbeat_timeout = int(timeout)
        if transition := given.get("LifecycleTransition"):
            self.lifecycle_transition = transition
        if self.lifecycle_transition not in (LAUNCHING, TERMINATING):
            raise ValueError(f"The lifecycle transition '{self.lifecycle_transition}' is not valid")
        if result := given.get("DefaultResult"):
            if result not in RESULTS:
                raise ValueError(f"The default result '{result}' is not valid")
            self.default_result = result
        for name, key in (("notification_target_arn", "NotificationTargetARN"), ("role_arn", "RoleARN"),
                          ("notification_metadata", "NotificationMetadata")):
            if key in given:  # an empty one takes it away
                setattr(self, name, given[key] or None)


@dataclass
class Action:
    """One instance waiting on one hook."""

    hook: Hook
    member: object  # whose instance it is; the ledger only hands it back
    account: str
    instance: str
    image: str
    origin: str
    destination: str
    special: str | None  # "ReplaceRootVolume" or nothing
    started: float
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    deadline: float = 0.0
    state: str = WAITING
    result: str | None = None
    ended: float | None = None
    heartbeats: int = 0
    completions: int = 0
    refused: int = 0
    contradicted: int = 0  # of those, completions that asked for another result than it had
    notices: int = 0  # how often it was announced on each channel

    def beat(self, now: float) -> None:
        self.deadline = min(now + self.hook.heartbeat_timeout, self.started + self.hook.global_timeout)

    def shown(self) -> dict:
        return {"token": self.token, "account": self.account, "group": self.hook.auto_scaling_group_name,
                "hook": self.hook.name, "instance": self.instance, "image": self.image, "origin": self.origin,
                "destination": self.destination, "action": self.special, "state": self.state,
                "result": self.result, "started": round(self.started, 3),
                "ended": None if self.ended is None else round(self.ended, 3), "heartbeats": self.heartbeats,
                "completions": self.completions, "refused": self.refused, "contradicted": self.contradicted,
                "notices": self.notices}


class NoAction(Exception):
    """No open action by that token or instance."""


class Ledger:
    """Every action since the last reset. Times are seconds since the ledger was made."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._origin = clock, clock()
        self._lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        with self._lock:
            self._by_token: dict[str, Action] = {}
            self._by_instance: dict[tuple[str, str, str, str], Action] = {}
            self._waiting: dict[int, list[Action]] = {}  # by member
            self.refused_unknown = 0  # completions and heartbeats that met no action, open or ended

    def now(self) -> float:
        return self._clock() - self._origin

    def open(self, hook: Hook, member: object, **facts) -> Action:
        now = self.now()
        action = Action(hook, member, started=now, **facts)
        action.beat(now)
        with self._lock:
            self._by_token[action.token] = action
            self._by_instance[action.account, hook.auto_scaling_group_name, hook.name, action.instance] = action
            self._waiting.setdefault(id(member), []).append(action)
        return action

    def waiting_of(self, member: object) -> list[Action]:
        with self._lock:
            return list(self._waiting.get(id(member), ()))

    def _find(self, account: str, group: str, hook: str, instance: str | None, token: str | None,
              result: str | None = None) -> Action:
        action = self._by_token.get(token) if token else self._by_instance.get((account, group, hook, instance or ""))
        if action and ((action.account, action.hook.auto_scaling_group_name, action.hook.name) != (account, group, hook)
                       or instance and action.instance != instance):
            action = None
        if action is None or action.state != WAITING:
            if action:
                action.refused += 1
                action.contradicted += bool(result and action.result and result != action.result)
            else:
                self.refused_unknown += 1
            what = f"token {token}" if token else f"instance ID {instance}"
            raise NoAction(f"No active Lifecycle Action found with {what}")
        return action

    def heartbeat(self, *key) -> Action:
        with self._lock:
            action = self._find(*key)
            action.heartbeats += 1
            action.beat(self.now())
            return action

    def complete(self, result: str, *key) -> Action:
        """Ends an open action; of two callers only one gets it."""
        with self._lock:
            action = self._find(*key, result)
            action.completions += 1
            self._end(action, COMPLETED, result)
            return action

    def expire(self, action: Action) -> float | None:
        """Ends an action whose time is over; else how long to wait before asking again."""
        with self._lock:
            if action.state != WAITING or self._by_token.get(action.token) is not action:
                return None
            if (left := action.deadline - self.now()) > 0:
                return left
            self._end(action, EXPIRED, action.hook.default_result)
            return None

    def abandon(self, account: str, group: str, hook: str) -> list[Action]:
        """A hook is going: what waits on it is abandoned."""
        with self._lock:
            ended = [one for one in self._by_token.values() if one.state == WAITING and (
                one.account, one.hook.auto_scaling_group_name, one.hook.name) == (account, group, hook)]
            for action in ended:
                self._end(action, COMPLETED, "ABANDON")
            return ended

    def leave(self, member: object) -> None:
        """The instance is going: nothing of it is open any more."""
        for action in self.waiting_of(member):
            with self._lock:
                if action.state == WAITING:
                    self._end(action, GONE, None)

    def _end(self, action: Action, state: str, result: str | None) -> None:
        action.state, action.result, action.ended = state, result, self.now()
        left = self._waiting.get(id(action.member), [])
        if action in left:
            left.remove(action)
        if not left:
            self._waiting.pop(id(action.member), None)

    def shown(self, ended_only: bool = False) -> dict:
        with self._lock:
            actions = [one.shown() for one in self._by_token.values() if not (ended_only and one.state == WAITING)]
            return {"actions": actions, "now": round(self.now(), 3), "refused_unknown": self.refused_unknown}

    def forget_ended(self) -> dict:
        """Forgets them and gives what was known of them: between looking and forgetting, others could end."""
        with self._lock:
            ended = self.shown(ended_only=True)
            self._by_token = {key: one for key, one in self._by_token.items() if one.state == WAITING}
            self._by_instance = {key: one for key, one in self._by_instance.items() if one.state == WAITING}
            self.refused_unknown = 0
            return ended
