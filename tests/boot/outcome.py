"""What one boot did, as far as it can be seen from outside."""
import time

from probes import ADMITTED, ALL, END


class Outcome:
    """How it ended, when which probe ran, and what stood on the console."""

    def __init__(self) -> None:
        self.start, self.took = time.monotonic(), 0.0
        # poweroff, boots (to its end), reboot (before it), frozen (PID 1 gave up), held (nothing more happened), exit N
        self.end = ""
        self.marks: dict[str, float] = {}
        self.order: list[str] = []
        self.console = ""
        self.scene = ""

    def seconds(self) -> float:
        return time.monotonic() - self.start

    def hear_console(self, said: str) -> None:
        self.console += said

    def hear_marks(self, text: str) -> None:
        """Takes the whole text of the second port as it is now."""
        whole = text[:text.rfind("\n") + 1].split()
        for mark in whole[len(self.order):]:
            self.marks.setdefault(mark, self.seconds())
        self.order = whole

    def probes(self) -> list[str]:
        """Which ran, in their order."""
        return [mark for mark in self.order if mark not in (ADMITTED, END)]

    def early(self) -> list[str]:
        """Which ran before the verdict, or without one."""
        end = self.order.index(ADMITTED) if ADMITTED in self.order else len(self.order)
        return [mark for mark in self.order[:end] if mark != END]

    def missing(self) -> set[str]:
        return ALL - set(self.order)
