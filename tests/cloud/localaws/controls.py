"""What a test may order of the lifecycle: /localaws/lifecycle. Also holds the state behind it."""
import random
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of

from .agenda import Agenda
from .lifecycle import Action, Ledger

LEDGER = Ledger()
AGENDA = Agenda()
# Of the groups' bookkeeping. Never held while an instance is launched or ended.
LOCK = threading.RLock()


def read(given: object, required: dict[str, type], optional: dict[str, type]) -> dict:
    """The body of a control request; a ValueError says what is wrong with it."""
    fields = required | optional
    if not isinstance(given, dict) or set(given) - set(fields) or set(required) - set(given):
        raise ValueError(f"the fields are {', '.join(fields)}; needed: {', '.join(required) or 'none'}")
    for name, value in given.items():
        if not isinstance(value, fields[name]) or isinstance(value, bool) and fields[name] is not bool:
            raise ValueError(f"{name} must be a {fields[name].__name__}")
    return given


@dataclass
class Orders:
    shortest_heartbeat: float = 30.0  # HeartbeatTimeout below this is refused
    invisible_for: float = 0.0  # seconds that DescribeInstances does not know a new instance
    seed: int = 0
    lose: float = 0.0  # share of launches that are never announced
    duplicate: float = 0.0  # share that is announced twice
    delay: float = 0.0  # each notice comes up to so many seconds late


class Control:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with LOCK:
            AGENDA.clear()
            LEDGER.clear()
            self.orders = Orders()
            self._random = random.Random(0)

    def order(self, given: object) -> dict:
        """Changes what is given; a ValueError says what is wrong with it."""
        known = {one.name: one.type for one in fields_of(Orders)}
        if not isinstance(given, dict) or set(given) - set(known):
            raise ValueError(f"the fields are {', '.join(known)}")
        for name, value in given.items():
            if isinstance(value, bool) or not isinstance(value, int if name == "seed" else (int, float)) or value < 0:
                raise ValueError(f"{name} must be a number, not negative")
            if name in ("lose", "duplicate") and value > 1:
                raise ValueError(f"{name} is a share, at most 1")
        with self._lock:
            self.orders = Orders(**asdict(self.orders) | given)
            if "seed" in given:
                self._random = random.Random(self.orders.seed)
            return asdict(self.orders)

    def announce(self, action: Action, send: Callable[[], None]) -> None:
        """Sends a launch's notice never, once or twice, now or later, as ordered."""
        with self._lock:
            orders, draw = self.orders, self._random.random
            # Always the same draws, so that one order does not shift the others.
            lost, twice, delays = draw() < orders.lose, draw() < orders.duplicate, (draw(), draw())
        action.notices = 0 if lost else 2 if twice else 1
        for delay in delays[:action.notices]:
            if orders.delay:
                AGENDA.after(delay * orders.delay, send)
            else:
                send()


CONTROL = Control()
