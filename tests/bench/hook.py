"""Measures the launch hook: a thousand launches of one image and of fifty, live and from a full queue.

Alone, without the rest of the bench: hook.py --binary PATH [--launches N]
"""
import argparse
import mmap
import sys
import tempfile
import time
from pathlib import Path

from sboms import sboms
from table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hook"))
from replica import Metrics, Replica  # noqa: E402
from scene import Scene, percentile  # noqa: E402

LAUNCHES, MANY = 1000, 50
PATIENCE = 600


class Load:
    """Groups of some images, scaled out to so many launches together."""

    def __init__(self, scene: Scene, images: list[str], launches: int):
        self.scene, self.images, self.launches, self.rounds = scene, images, launches, 0

    def live(self) -> tuple[Replica, float, float]:
        """Launches while a hook runs; gives it, what it held idle, and the CPU of the launches."""
        (hook,) = self.scene.hook()
        self.scene.until(lambda: hook.metrics().sum("goldseal_aws_calls_total", operation="ReceiveMessage"), 15)
        # Whatever it does once at the start is done by then.
        time.sleep(2)
        idle, before = hook.resident(), hook.cpu()
        groups = self._groups()
        self._out(groups)
        self._decided()
        return hook, idle, hook.cpu() - before

    def queued(self) -> tuple[Replica, float]:
        """Launches first, then starts a hook on the full queue; gives it and all its CPU."""
        self._out(self._groups())
        full = self.scene.until(lambda: self.scene.messages(self.scene.queue) >= self.launches, PATIENCE)
        assert full, "the queue did not fill"
        (hook,) = self.scene.hook()
        self._decided()
        return hook, hook.cpu()

    def end(self, hook: Replica) -> None:
        hook.stop()
        for number in range(len(self.images)):
            self.scene.scale(f"{self.rounds}-{number}", 0)
        self.scene.forget_ended()
        self.rounds += 1

    def _groups(self) -> dict[str, int]:
        each, more = divmod(self.launches, len(self.images))
        return {self.scene.group(f"{self.rounds}-{number}", image): each + (number < more)
                for number, image in enumerate(self.images)}

    def _out(self, groups: dict[str, int]) -> None:
        for group, size in groups.items():
            self.scene.scale(group, size)

    def _decided(self) -> None:
        def over() -> bool:
            results = [one["result"] for one in self.scene.ledger()]
            return len(results) == self.launches and set(results) == {"CONTINUE"}

        # Seldom asked: the local AWS has the other core, and little of it.
        decided = self.scene.until(over, PATIENCE, 1)
        assert decided, "not all went into service"


def describes(metrics: Metrics) -> float:
    return metrics.sum("goldseal_aws_calls_total", operation="Describe*")


def measure(table: Table, goldseal: str, launches: int = LAUNCHES) -> None:
    with tempfile.TemporaryDirectory(prefix="goldseal-hook-") as name:
        files = sboms(Path(name))
        for count, cpu_goal in ((1, 1), (MANY, 3)):
            with Scene(goldseal) as scene:
                load = Load(scene, scene.forge.sealed(count, tuple(files)), launches)
                rows(table, load, f"hook, {launches} launches of {count}", count, cpu_goal)


def rows(table: Table, load: Load, what: str, images: int, cpu_goal: int) -> None:
    def add(how: str, hook: Replica, cpu: float) -> Metrics:
        metrics = hook.metrics()
        table.add(f"{what}, {how}: verifications", metrics.sum("goldseal_hook_verifications_total"), None, "",
                  f"ours <= {images}")
        if images == 1:
            table.add(f"{what}, {how}: describe calls", describes(metrics), None, "", "ours <= 35")
        else:
            table.note(f"{what}, {how}: describe calls", describes(metrics), "")
        table.add(f"{what}, {how}: CPU a launch", cpu / load.launches, None, "ms", f"ours <= {cpu_goal}")
        return metrics

    hook, idle, cpu = load.live()
    add("live", hook, cpu)
    took = [one["ended"] - one["started"] for one in load.scene.ledger()]
    table.note(f"{what}, live: from launch, p50", percentile(took, 0.5), "s")
    table.note(f"{what}, live: from launch, p99", percentile(took, 0.99), "s")
    # As ps shows it, in millions of bytes.
    table.add(f"{what}: resident, idle", idle * 1.048576, None, "MB", "ours <= 30")
    table.note(f"{what}: resident, after", hook.resident() * 1.048576, "MB")
    load.end(hook)

    hook, cpu = load.queued()
    metrics = add("queued", hook, cpu)
    # Bounds of the histogram: the waits began long before the hook did.
    for share in (0.5, 0.99):
        bound = metrics.quantile("goldseal_hook_decision_seconds", share)
        table.note(f"{what}, queued: p{share * 100:.0f}, at most", bound, "s")
    load.end(hook)


def build(binary: str) -> str:
    # Release builds are stripped.
    with open(binary, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        debug = content.rfind(b"\0.debug_info\0") >= 0
    return "a debug build, whose CPU and memory say nothing" if debug else "a release build"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--launches", type=int, default=LAUNCHES)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    print(f"{chosen.binary}: {build(chosen.binary)}")
    table = Table()
    measure(table, chosen.binary, chosen.launches)
    if chosen.json:
        table.write(chosen.json)


if __name__ == "__main__":
    main()
