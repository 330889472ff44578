#!/usr/bin/env python3
"""Boots machines with goldseal's boot guard in front of everything, and looks at what ran before its verdict."""
import argparse
import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
from bench import TIERS, Bench  # noqa: E402
from cases import CASES, Boot, Case  # noqa: E402
from outcome import Outcome  # noqa: E402
from places import PLACES  # noqa: E402
from probes import BARE, ONCE  # noqa: E402


def problem(case: Case, boot: Boot, out: Outcome) -> str:
    """What is wrong with a boot, if anything is."""
    expected = (boot.expect,) if isinstance(boot.expect, str) else boot.expect
    if out.end not in expected:
        return f"{out.end}, not {' or '.join(expected)}"
    early = [probe for probe in out.early() if probe not in case.image_runs]
    if early and not case.limit:
        return f"before the verdict ran: {' '.join(early)}"
    missing = out.missing() - (ONCE if boot.again else set())
    if out.end == "boots" and boot.whole and missing:
        return f"did not run: {' '.join(sorted(missing))}"
    if boot.says and boot.says not in out.console:
        return f"the console does not say {boot.says!r}"
    return ""


def run(bench: Bench, case: Case, tier: str, place: str) -> list[tuple[str, Outcome]]:
    """Every boot with what is wrong with it; after the first that is not as it should be there is no other."""
    done = []
    for boot, out in bench.run(case, tier, place):
        done.append((problem(case, boot, out), out))
        if done[-1][0]:
            break
    return done


def show(case: Case, tier: str, place: str, done: list[tuple[str, Outcome]], folder: Path) -> bool:
    """Prints a line for each boot; what is needed to see why one failed goes to a file."""
    for number, (wrong, out) in enumerate(done, 1):
        name = case.name + (f" ({number})" if len(case.boots) > 1 else "")
        verdict = "FAILED" if wrong else "limit" if case.limit and number > 1 else "ok"
        early = [probe for probe in out.early() if probe != BARE]
        print(f"{verdict:7} {name:42} {tier:10} {place:9} {out.end:9} {out.took:6.1f} s {len(early):3} {len(out.probes()):3}"
              f"{'  ' + wrong if wrong else ''}", flush=True)
        if wrong:
            folder.mkdir(exist_ok=True)
            file = folder / f"{name} {tier} {place}".replace(" ", "-").replace("/", "-")
            file.write_text(f"{wrong}\n\n{out.marks}\n\n{out.console}\n\n{out.scene}")
            print(*[f"        {line}" for line in [f"all of it is in {file}", *out.console.splitlines()[-12:]]], sep="\n")
    return not any(wrong for wrong, _ in done)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guard", type=Path, help="the goldseal executable; without it a stand-in plays its part")
    parser.add_argument("--tier", choices=TIERS, action="append", help="only this")
    parser.add_argument("--place", choices=PLACES, action="append", help="only there")
    parser.add_argument("--case", default="", help="only cases whose name this regular expression finds")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="containers at a time; half as many VMs")
    given = parser.parse_args()
    wanted = [(case, tier, place) for tier in given.tier or TIERS for case in CASES for place in case.places_of(tier)
              if re.search(given.case, case.name) and place in (given.place or PLACES)]
    results, skipped = [], set()
    with tempfile.TemporaryDirectory(prefix="goldseal-boot-") as folder:
        bench, failed = Bench(Path(folder), given.guard), Path(f"{folder}-failed")
        print(f"        {'case':42} {'tier':10} {'place':9} {'ended':9}          early ran", flush=True)
        for tier in TIERS:
            runs = []
            for case, its, place in wanted:
                if its == tier:
                    why = bench.why_not(case, tier, place)
                    skipped |= {f"skipped: boot: {case.name}: {why}"} if why else set()
                    runs += [] if why else [(case, tier, place)]
            with ThreadPoolExecutor(given.jobs if tier == "container" else max(1, given.jobs // 2)) as pool:
                jobs = [pool.submit(run, bench, *one) for one in runs]
                results += [show(*one, job.result(), failed) for one, job in zip(runs, jobs)]
    print("".join(f"{line}\n" for line in sorted(skipped)), end="")
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, {len(skipped)} skipped")
    sys.exit(not all(results) or not (results or skipped))


if __name__ == "__main__":
    main()
