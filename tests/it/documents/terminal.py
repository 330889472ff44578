"""Runs a command line on a terminal of its own, and ends as it does. What it asks for is typed, or ANSWER in its place."""
import os
import pty
import re
import sys

child, master = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown, answered = b"", 0
while True:
    try:
        read = os.read(master, 65536)
    except OSError:
        break
    if not read:
        break
    shown += read
    asked = re.findall(rb"Type `(\w+)`[^:]*: ", shown)
    for word in asked[answered:]:
        os.write(master, os.environb.get(b"ANSWER", word) + b"\n")
    answered = len(asked)
sys.stdout.write(shown.decode().replace("\r\n", "\n"))
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
