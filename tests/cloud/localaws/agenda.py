"""Things to do later, and the one thread that does them."""
import heapq
import itertools
import threading
import time
import traceback
from collections.abc import Callable


class Agenda:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        with self._changed:
            heapq.heappush(self._entries, (self._clock() + seconds, next(self._order), do))
            self._changed.notify()

    def clear(self) -> None:
        with self._changed:
            self._entries.clear()

    def due(self) -> Callable[[], None] | None:
        """Takes the next entry whose time has come."""
        with self._changed:
            if self._entries and self._entries[0][0] <= self._clock():
                return heapq.heappop(self._entries)[2]
            return None

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="agenda").start()

    def _run(self) -> None:
        while True:
            with self._changed:
                wait = self._entries[0][0] - self._clock() if self._entries else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
            if do := self.due():
                try:
                    do()
                except Exception:  # one bad entry must not end all later ones
                    traceback.print_exc()
