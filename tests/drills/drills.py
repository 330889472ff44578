"""Plays the bad days of docs/operations.md against the local AWS. Each tells its time line, and checks itself."""
import argparse
import subprocess

from outages import clock_wrong, kms_out, store_out
from policies import breaker_open, wrong_policy
from timeline import Checks, Drill
from withdrawn import image_poisoned, key_leaked

DRILLS = {"kms-out": kms_out, "store-out": store_out, "clock-wrong": clock_wrong, "wrong-policy": wrong_policy,
          "breaker-open": breaker_open, "key-leaked": key_leaked, "image-poisoned": image_poisoned}
# In CI: those that no other tier plays.
SHORT = ("kms-out", "clock-wrong", "wrong-policy", "key-leaked")
REVOKING = ("key-leaked", "image-poisoned")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--goldseal", required=True)
    parser.add_argument("--short", action="store_true", help=f"only {', '.join(SHORT)}")
    parser.add_argument("--only", choices=DRILLS, help="only this one")
    chosen = parser.parse_args()
    names = [chosen.only] if chosen.only else SHORT if chosen.short else list(DRILLS)
    checks, skipped = Checks(), 0
    for name in names:
        if name in REVOKING and subprocess.run([chosen.goldseal, "revoke", "--help"], capture_output=True).returncode:
            print(f"skipped: {name}: this build has no `goldseal revoke`", flush=True)
            skipped += 1
            continue
        with Drill(chosen.goldseal, checks, name) as drill:
            DRILLS[name](drill)
    checks.close(skipped)


main()
