#!/usr/bin/env python3
"""cost.py OUT COMMAND…: runs a command and ends as it does; OUT gets what it took, as JSON: milliseconds of wall time and
of CPU, with all its threads, and its highest memory in KiB. A program smaller than this one would be told larger: Python
has some 10 MB. Run it with -IS."""
import os
import sys
import time


def main() -> None:
    out, command = sys.argv[1], sys.argv[2:]
    started = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    wall = (time.monotonic() - started) * 1000
    with open(out, "w") as file:
        file.write(f'{{"wall": {wall:.1f}, "cpu": {(usage.ru_utime + usage.ru_stime) * 1000:.1f}, "peak_kib": {usage.ru_maxrss}}}\n')
    sys.exit(os.waitstatus_to_exitcode(status))


main()
