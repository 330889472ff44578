#!/bin/sh
# Tests the local AWS itself. Quiet when all is well, but for the last line.
set -eu
cd "$(dirname -- "$0")"
python=$(./venv.sh)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if PYTHONDONTWRITEBYTECODE=1 "$python" test_localaws.py "$@" 2>"$log"; then
    exit 0
fi
cat "$log" >&2
exit 1
