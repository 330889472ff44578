#!/bin/sh
# Prints the path of a python that has requirements.txt installed, as tests/cloud/venv.sh does for its own.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal
venv=$cache/venv-$({ cat "$here/requirements.txt"; python3 --version; } | sha256sum | cut -c1-16)
if [ ! -e "$venv/complete" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --no-deps -r "$here/requirements.txt" >&2
    touch "$venv/complete"
fi
echo "$venv/bin/python"
