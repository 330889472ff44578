"""Errors that a test orders in advance."""
import random
import threading
import time
from dataclasses import asdict, dataclass, fields

from .calls import Call


@dataclass
class Fault:
    """One order. Empty fields match any call; `times` 0 means until it is deleted."""

    service: str = ""
    action: str = ""
    account: str = ""
    region: str = ""
    resource: str = ""  # a part of the call's resource
    after: int = 0  # let this many matching calls through first
    share: float = 1.0  # of those calls, by chance
    seed: int = 0  # of that chance
    times: int = 1
    status: int = 0
    code: str = ""
    message: str = "ordered by a test"
    delay: float = 0.0  # seconds to wait, with or without an error
    corrupt: bool = False  # flip one bit of the true answer's body
    lost: bool = False  # do what is asked, then end the connection without an answer
    hits: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def matches(self, call: Call) -> bool:
        return (
            all(getattr(self, name) in ("", getattr(call, name)) for name in ("service", "action", "account", "region"))
            and self.resource in call.resource
        )

    def drawn(self) -> bool:
        return self._random.random() < self.share


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, given: object) -> list[dict]:
        """Adds one or several faults; a ValueError says what is wrong with them."""
        orders = [_parse(one) for one in (given if isinstance(given, list) else [given])]
        with self._lock:
            self._faults.extend(orders)
        return self.list()

    def clear(self, account: str = "") -> None:
        """Forgets them, or those of an account."""
        with self._lock:
            self._faults = [fault for fault in self._faults if account and fault.account != account]

    def list(self) -> list[dict]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, call: Call) -> Fault | None:
        """The first order that this call meets, counted."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(call):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if not fault.drawn():
                    continue
                fault.hits += 1
                if fault.times and fault.hits >= fault.times:
                    self._faults.remove(fault)
                break
            else:
                return None
        time.sleep(fault.delay)
        return fault


def _parse(given: object) -> Fault:
    known = {field.name for field in fields(Fault)} - {"hits"}
    if not isinstance(given, dict) or set(given) - known:
        raise ValueError(f"a fault has only the fields {', '.join(sorted(known))}")
    fault = Fault(**given)
    for field in fields(Fault):
        value = getattr(fault, field.name)
        if not isinstance(value, (int, float) if field.type == "float" or field.type is float else field.type):
            raise ValueError(f"{field.name} must be a {field.type.__name__}")
    if not 0 < fault.share <= 1:
        raise ValueError("share is above 0 and at most 1")
    if bool(fault.status) != bool(fault.code):
        raise ValueError("status and code go together")
    if not (fault.code or fault.delay or fault.corrupt or fault.lost):
        raise ValueError("a fault needs status and code, delay, corrupt or lost")
    return fault
