#!/bin/sh
# venv.sh [FOLDER]: prints the path of a python that has the requirements.txt of that folder installed (default: this
# one), making the environment on first use. Only that path goes to stdout.
set -eu

here=$(CDPATH= cd -- "${1:-$(dirname -- "$0")}" && pwd)
python=${PYTHON:-python3}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal

version=$("$python" -c 'import sys; print(sys.version, sys.platform, sys.base_prefix)') || {
    echo "venv.sh: no $python here: install Python 3.11 or newer (Debian: apt-get install python3 python3-venv)" >&2
    exit 1
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "venv.sh: $python is older than 3.11: set PYTHON to a newer one" >&2
    exit 1
}
hash=$({ cat "$here/requirements.txt"; echo "$version"; } | sha256sum | cut -c1-16)
venv=$cache/venv-$hash

# The marker is written last, so an interrupted build is never taken for a whole one.
if [ -e "$venv/complete" ]; then
    echo "$venv/bin/python"
    exit 0
fi

mkdir -p "$cache"
exec 9>"$cache/venv-$hash.lock"
flock 9
if [ -e "$venv/complete" ]; then # someone else built it while we waited
    echo "$venv/bin/python"
    exit 0
fi

"$python" -c 'import ensurepip, venv' 2>/dev/null || {
    minor=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "venv.sh: $python cannot make virtual environments: apt-get install python3-venv (or python$minor-venv)" >&2
    exit 1
}

log=$cache/venv-$hash.log
# Built in place, since a venv does not survive being moved; the marker makes it atomic.
rm -rf "$venv"
if "$python" -m venv "$venv" >"$log" 2>&1 9>&- &&
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --require-hashes -r "$here/requirements.txt" >>"$log" 2>&1 9>&-; then
    touch "$venv/complete"
    rm -f "$log"
else
    cat "$log" >&2
    rm -rf "$venv"
    echo "venv.sh: could not build $venv (see above; the package index must be reachable)" >&2
    exit 1
fi
echo "$venv/bin/python"
