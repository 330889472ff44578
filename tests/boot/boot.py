#!/usr/bin/env python3
"""Boots machines with goldseal's boot guard in front of everything, and looks at what ran before its verdict: README.md."""
import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
import probes  # noqa: E402
from cases import CASES, Boot, Case  # noqa: E402
from container import Container, cannot  # noqa: E402
from layer import Layer, image  # noqa: E402
from outcome import Outcome  # noqa: E402
from places import PLACES  # noqa: E402

HERE = Path(__file__).resolve().parent
LIMIT, PATIENCE = 60, 8  # seconds: for a boot that must end, and for one that must not
ONCE = {"write-files", "runcmd", "script"}  # what cloud-init does once an instance
BARE = "no-dependencies"
NO_GUARD = "only the guard itself can tell; --guard names it"


class Bench:
    """What all boots share."""

    def __init__(self, folder: Path, guard: Path | None):
        self.folder, self.guard = folder, guard
        self.stand_in = (HERE / "stand_in.sh").read_bytes()
        self.roots: dict[str, Path | str] = {}

    def root(self, suite: str) -> Path | str:
        """The root of a suite, or why there is none."""
        if suite not in self.roots:
            made = subprocess.run([HERE / "roots.sh", suite], stdout=subprocess.PIPE, text=True, check=False)
            if made.returncode not in (0, 3):
                sys.exit(f"boot: no root of {suite}")
            why = f"this machine cannot make {suite}, see above"
            self.roots[suite] = why if made.returncode else Path(made.stdout.strip())
        return self.roots[suite]

    def image(self, case: Case, place: str) -> Layer:
        binary = self.stand_in if case.behaviour or not self.guard else self.guard.read_bytes()
        made = image(PLACES[place], None if case.absent else binary)
        for path, content in case.files.items():
            if content is None:
                made.without(path)
            else:
                made.file(path, content, 0o755 if path.startswith("/usr/bin/") else 0o644)
        for path, target in case.links.items():
            made.link(path, target)
        made.file("/etc/goldseal/user-data", probes.user_data(case.attack))
        return made


def in_container(bench: Bench, case: Case, place: str, root: Path) -> list[tuple[Boot, Outcome]]:
    done = []
    with Container(root, bench.image(case, place), bench.folder / "keys") as machine:
        for boot in case.boots:
            machine.put("/etc/goldseal/stand-in", boot.stand_in or "")
            world = {"user_data": machine.path("/etc/goldseal/user-data"), "v1_agents": ["Cloud-Init", "python-requests"]}
            limit = PATIENCE if boot.expect == "held" else LIMIT
            done.append((boot, machine.boot(world | boot.world, limit, boot.network, boot.dhcp_after, boot.imds)))
            if problem(case, *done[-1]):
                break
    return done


def problem(case: Case, boot: Boot, out: Outcome) -> str:
    """What is wrong with a boot, if anything is."""
    expected = (boot.expect,) if isinstance(boot.expect, str) else boot.expect
    if out.end not in expected:
        return f"{out.end}, not {' or '.join(expected)}"
    early = [mark for mark in out.early() if mark != BARE]
    if BARE in out.early() and case.name.startswith("nothing wanted"):
        early.append(BARE)
    if early and not case.limit:
        return f"before the verdict ran: {' '.join(early)}"
    missing = out.missing() - (ONCE if boot.again else set())
    if out.end == "boots" and boot.whole and missing:
        return f"did not run: {' '.join(sorted(missing))}"
    if boot.says and boot.says not in out.console:
        return f"the console does not say {boot.says!r}"
    return ""


def why_not(bench: Bench, case: Case, place: str) -> str:
    """Why a case cannot be run, if it cannot."""
    if not bench.guard and any(boot.stand_in is None for boot in case.boots) and not case.absent and not case.behaviour:
        return NO_GUARD
    root = bench.root(PLACES[place].suite)
    return root if isinstance(root, str) else ""


def show(case: Case, place: str, done: list[tuple[Boot, Outcome]], failed: Path) -> bool:
    """Prints a line for each boot; what is needed to see why one failed goes to a file."""
    good = True
    for number, (boot, out) in enumerate(done):
        wrong = problem(case, boot, out)
        good = good and not wrong
        ran = f"{len(out.probes())} probes, {len([one for one in out.early() if one != BARE])} early"
        name = case.name + (f" ({number + 1})" if len(case.boots) > 1 else "")
        verdict = "FAILED" if wrong else "limit" if case.limit and number else "ok"
        print(f"{verdict:7} {name:44} {place:9} {out.end:9} {out.took:5.1f} s  {ran}{': ' + wrong if wrong else ''}", flush=True)
        if wrong:
            file = failed / f"{name} {place}".replace(" ", "-").replace("/", "-")
            file.write_text(f"{wrong}\n\n{out.marks}\n\n{out.console}\n\n{out.scene}")
            print(f"        the console is in {file}\n        " + "\n        ".join(out.console.splitlines()[-12:]), flush=True)
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guard", type=Path, help="the goldseal executable; without it a stand-in plays its part")
    parser.add_argument("--case", default="", help="only cases with this in their name")
    parser.add_argument("--place", choices=PLACES, action="append", help="only there")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    given = parser.parse_args()
    if why := cannot():
        print(f"skipped: boot: {why}\n0 passed, 0 failed, 1 skipped")
        return
    folder = Path(tempfile.mkdtemp(prefix="goldseal-boot-failed-"))
    bench = Bench(Path(tempfile.mkdtemp(prefix="goldseal-boot-")), given.guard)
    wanted = [(case, place) for case in CASES for place in case.places
              if given.case in case.name and place in (given.place or PLACES)]
    skips = {f"skipped: boot: {case.name}: {why}" for case, place in wanted if (why := why_not(bench, case, place))}
    runs = [(case, place) for case, place in wanted if not why_not(bench, case, place)]
    with ThreadPoolExecutor(given.jobs) as pool:
        jobs = [(case, place, pool.submit(in_container, bench, case, place, bench.root(PLACES[place].suite)))
                for case, place in runs]
        results = [show(case, place, job.result(), folder) for case, place, job in jobs]
    print(*sorted(skips), sep="\n")
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, {len(skips)} skipped")
    sys.exit(not all(results) or not results)


if __name__ == "__main__":
    main()
