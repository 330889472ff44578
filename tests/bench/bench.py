"""Measures goldseal against cosign, the bare cryptography and /bin/true; README.md says what each row is."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import audit
import boot
import hook
from subject import FIXTURES, Subject
from table import Table

MEBIBYTES = 256


class Probe:
    """The example `bench` of the core."""

    def __init__(self, binary: str, folder: Path, env: dict):
        self.binary, self.folder, self.env = binary, folder, env

    def ask(self, *arguments: object):
        done = subprocess.run([self.binary, *map(str, arguments)], cwd=self.folder, env=self.env, check=False,
                              capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return json.loads(done.stdout)

    def in_turn(self, rounds: int, *programs: tuple[int, list[str]]) -> list["Runs"]:
        """Runs programs in turn, each so many times a round: a machine that is busy for a while is so for all."""
        runs = [Runs() for _ in programs]
        for _ in range(rounds):
            for found, (times, command) in zip(runs, programs, strict=True):
                found.add(self.ask("process", times, *command))
        return runs


class Runs:
    """What the runs of one program took: milliseconds and mebibytes."""

    def __init__(self):
        self.walls, self.cpus, self.peak = [], [], 0.0

    def add(self, found: dict) -> None:
        self.walls += found["wall"]
        self.cpus += found["cpu"]
        self.peak = max(self.peak, found["peak_kib"] / 1024)

    @property
    def wall(self) -> float:
        return statistics.median(self.walls)

    @property
    def cpu(self) -> float:
        return statistics.mean(self.cpus)


def cold(table: Table, probe: Probe, subject: Subject, cosign: str) -> None:
    for kind, name, rounds, wall, cpu, memory in (
            ("provenance", "verify, small evidence", 40, 15, 20, 5),
            ("sbom", "verify, SBOM of 5 MB", 20, 40, 40, 6)):
        if not cosign:
            table.skip(name, "cosign is not built, Go is missing")
            continue
        ours, anchor = probe.in_turn(rounds, (5, subject.verify(kind)), (1, subject.verify_with(cosign, kind)))
        table.add(f"{name}: wall", ours.wall, anchor.wall, "ms", f"anchor/ours >= {wall}")
        table.add(f"{name}: CPU", ours.cpu, anchor.cpu, "ms", f"anchor/ours >= {cpu}")
        table.add(f"{name}: peak memory", ours.peak, anchor.peak, "MiB", f"anchor/ours >= {memory}")


def warm(table: Table, probe: Probe) -> None:
    sboms = FIXTURES / "golden.spdx.json", "large.spdx.json"
    found = probe.ask("warm", FIXTURES / "build.json", FIXTURES / "golden.grype.json", *sboms)
    for name, one in zip(("smallest statements", "SBOM of 0.07 MB", "SBOM of 5 MB"), found, strict=True):
        name = f"warm verdict, {one['signatures']} signatures, {name}"
        table.add(name, one["ours"] * 1000, one["anchor"] * 1000, "µs", "ours/anchor <= 1.5")


def revoked(table: Table, probe: Probe) -> None:
    for one in probe.ask("revoked", 10, 1_000, 10_000):
        name = f"revocation list of {one['entries']:,} entries"
        table.add(f"{name}: warm verdict, against an empty list", one["ours"] * 1000, one["anchor"] * 1000, "µs",
                  "ours/anchor <= 1.5")
        # Every 10 s, as a launch hook asks.
        table.add(f"{name}: read again unchanged, a minute, against anew", one["again"] * 6, one["first"] * 6, "ms",
                  "ours <= 50")


def content(table: Table, probe: Probe, subject: Subject) -> None:
    found = probe.ask("content", 512)
    mebibytes = found["bytes"] / 2**20 * 1000
    table.add(f"content digest in memory, {found['cores']} cores", mebibytes / found["ours"],
              mebibytes / found["anchor"], "MiB/s", "ours/anchor >= 0.9")
    (ours,) = probe.in_turn(5, (1, subject.describe()))
    anchor = probe.ask("hash", MEBIBYTES)["cpu"]
    table.add("content digest: CPU", ours.cpu, anchor, "ms", "ours/anchor <= 3")


def gate(table: Table, probe: Probe, subject: Subject) -> None:
    files = subject.inputs(60, 25)
    name = "gate, SBOM of 60 MB and scan of 25 MB"
    ours, anchor = probe.in_turn(5, (1, subject.gate(files)), (1, [probe.binary, "ignore", *files]))
    table.add(f"{name}: CPU", ours.cpu, anchor.cpu, "ms", "ours/anchor <= 2.5")
    table.add(f"{name}: peak memory", ours.peak, anchor.peak, "MiB", "ours <= 64")
    jq = shutil.which("jq")
    if not jq:
        table.skip(f"{name}: wall, against jq", "jq is not installed")
        return
    ours, anchor = probe.in_turn(3, (1, subject.gate(files)), (1, [jq, "-n", "[inputs | length]", *files]))
    table.add(f"{name}: wall, against jq", ours.wall, anchor.wall, "ms", "ours/anchor <= 1")


def program(table: Table, probe: Probe, subject: Subject, cosign: str) -> None:
    ours, anchor = probe.in_turn(20, (10, [subject.goldseal, "--version"]), (10, ["/bin/true"]))
    table.add("goldseal --version: wall", ours.wall, anchor.wall, "ms", "ours <= 3")
    anchor = os.path.getsize(cosign) / 1e6 if cosign else None
    table.add("size of the binary", os.path.getsize(subject.goldseal) / 1e6, anchor, "MB", "ours <= 25")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--goldseal", required=True)
    parser.add_argument("--probe", required=True)
    parser.add_argument("--cosign", default="")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("rows", nargs="*", help="cold, warm, revoked, content, gate, program, boot, audit, hook; all when none is named")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="goldseal-bench-") as name:
        subject = Subject(chosen.goldseal, Path(name), MEBIBYTES)
        probe = Probe(chosen.probe, Path(name), subject.env)
        table = Table()
        rows = {"cold": lambda: cold(table, probe, subject, chosen.cosign), "warm": lambda: warm(table, probe),
                "revoked": lambda: revoked(table, probe),
                "content": lambda: content(table, probe, subject), "gate": lambda: gate(table, probe, subject),
                "program": lambda: program(table, probe, subject, chosen.cosign),
                "boot": lambda: boot.measure(table, chosen.goldseal, chosen.probe),
                # The last: each begins with an account of its own.
                "audit": lambda: audit.measure(table, chosen.goldseal, chosen.probe),
                "hook": lambda: hook.measure(table, chosen.goldseal)}
        for row, measure in rows.items():
            if not chosen.rows or row in chosen.rows:
                measure()
    table.write(chosen.json)


main()
