"""Measures an audit: fleets of 1,000, 10,000 and 100,000 instances of ten sealed images with real SBOMs.

Alone, without the rest of the bench: audit.py --binary PATH --probe PATH [--sizes 1000,10000] (README.md says what the
probe is)
"""
import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from sboms import sboms
from table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "hook"))
from images import REGION, Forge, harness  # noqa: E402

IMAGES = 10
# Of instances, and how often each is looked at.
SIZES = {1000: 3, 10_000: 2, 100_000: 1}
# What goes with an instance everywhere.
TAGS = {"Name": "web", "aws:autoscaling:groupName": "web", "aws:ec2launchtemplate:version": "1", "team": "payments"}
# Milliseconds: of 10,000 instances, and of an image.
CPU, CPU_IMAGE = 1000, 30


@dataclasses.dataclass
class Look:
    """An audit: CPU and wall in milliseconds, means; the peak in MB; and its calls."""

    cpu: float
    wall: float
    peak: float
    calls: Counter


class Fleet:
    """Instances on a local AWS that starts from nothing, and audits of them."""

    def __init__(self, goldseal: str, probe: str, folder: Path):
        harness.http("POST", "/moto-api/reset", {})
        self.probe, self.folder = probe, folder
        self.forge = Forge(goldseal, folder)
        self.forge.policy()
        self.images = self.forge.sealed(IMAGES, tuple(sboms(folder)))
        self.size = 0
        self.audit = [goldseal, "audit", "--regions", REGION, "--policy", "policy.toml"]

    def launch(self, image: str, count: int) -> None:
        if count:
            harness.http("POST", "/localaws/fleet", {"image": image, "count": count, "region": REGION, "tags": TAGS})
        self.size += count

    def grow(self, size: int) -> None:
        """Launches until there are so many, of all images."""
        each, more = divmod(size - self.size, len(self.images))
        for number, image in enumerate(self.images):
            self.launch(image, each + (number < more))

    def look(self, times: int, *more: str) -> Look:
        """Audits so often; everything must run, and be admitted."""
        harness.http("DELETE", "/localaws/calls")
        done = subprocess.run([self.probe, "process", str(times), *self.audit, *more], cwd=self.folder, env=self.forge.env,
                              check=False, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{done.stderr}{self.forge.run(*self.audit[1:], *more)}")
        calls = Counter(one["action"] for one in harness.http("GET", "/localaws/calls"))
        found = json.loads(done.stdout)
        return Look(sum(found["cpu"]) / times, sum(found["wall"]) / times, found["peak_kib"] * 1024 / 1e6,
                    Counter({name: count // times for name, count in calls.items()}))

    def saved(self) -> dict:
        """An audit as JSON."""
        self.forge.run(*self.audit[1:], "--write", "json=audit.json")
        return json.loads((self.folder / "audit.json").read_text())

    def page(self) -> int:
        """The bytes of the page of the audit that was saved."""
        self.forge.run("audit", "render", "audit.json", "--write", "html=audit.html")
        return (self.folder / "audit.html").stat().st_size


def measure(table: Table, goldseal: str, probe: str, sizes: dict[int, int] | None = None) -> None:
    goldseal, probe = (str(Path(one).resolve()) for one in (goldseal, probe))
    with tempfile.TemporaryDirectory(prefix="goldseal-bench-audit-") as name:
        rows(table, Fleet(goldseal, probe, Path(name)), sizes or SIZES)


def rows(table: Table, fleet: Fleet, sizes: dict[int, int]) -> None:
    least = min(sizes)
    fleet.launch(fleet.images[0], least - IMAGES + 1)
    one = fleet.look(sizes[least])
    for image in fleet.images[1:]:
        fleet.launch(image, 1)
    looks: dict[int, Look] = {}
    for size, times in sorted(sizes.items()):
        fleet.grow(size)
        look = looks[size] = fleet.look(times)
        name = f"audit, {size:,} instances of {IMAGES}"
        goal = CPU * size / 10_000 + CPU_IMAGE * IMAGES
        table.add(f"{name}: CPU", look.cpu, None, "ms", f"ours <= {goal:.0f}")
        if size == least:
            table.add("audit: CPU an image", (look.cpu - one.cpu) / (IMAGES - 1), None, "ms", f"ours <= {CPU_IMAGE}")
        if size <= 10_000:
            table.add(f"{name}: peak memory", look.peak, None, "MB", "ours <= 100")
        else:
            table.note(f"{name}: peak memory", look.peak, "MB")
        table.note(f"{name}: wall", look.wall / 1000, "s")
        describes = sum(count for call, count in look.calls.items() if call.startswith("Describe"))
        table.note(f"{name}: describe calls", describes, "")
        if size == 10_000:
            whole(fleet.saved(), size)
            table.note(f"{name}: HTML", fleet.page() / 1e6, "MB")
    linear(table, looks)


def whole(report: dict, size: int) -> None:
    """What is measured is an audit that saw and admitted everything."""
    assert report["classes"] == {"admitted": size}, report["classes"]
    assert len(report["images"]) == IMAGES and not any(place["faults"] for place in report["places"]), report["places"]


def linear(table: Table, looks: dict[int, Look]) -> None:
    """What another instance costs, and whether it costs more among many."""
    def each(few: int, many: int) -> float:
        return (looks[many].cpu - looks[few].cpu) / (many - few) * 1000

    sizes = sorted(looks)
    for few, some, many in zip(sizes, sizes[1:], sizes[2:], strict=False):
        table.add(f"audit: CPU another instance, {some:,} to {many:,}", each(some, many), each(few, some), "µs",
                  "ours/anchor <= 1.25")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--probe", required=True, help="target/…/examples/bench")
    parser.add_argument("--sizes", help="of fleets; with commas")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    sizes = {int(size): SIZES.get(int(size), 3) for size in chosen.sizes.split(",")} if chosen.sizes else None
    table = Table()
    measure(table, chosen.binary, chosen.probe, sizes)
    if chosen.json:
        table.write(chosen.json)


if __name__ == "__main__":
    main()
