#!/usr/bin/env bash
# run.sh [--short] [OPTION]…: the boot guard in all three tiers, with the debug build: the executable in a network namespace,
# real systemd and cloud-init in containers, and virtual machines. --short: containers and one virtual machine, as CI does.
# Options go to boot.py. Ends with `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
short=
[ "${1-}" != --short ] || { short=yes; shift; }

python=$(tests/cloud/venv.sh) || exit 1
# With the tests, as the demo: one set of features, so that the AWS SDK is compiled once.
"${CARGO:-cargo}" build --locked -j"${JOBS:-2}" --test it || exit 1
target=$("${CARGO:-cargo}" metadata --locked --no-deps --format-version 1 | "$python" -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
# It is written to the disk of every machine.
strip -o "$work/goldseal" "$target/debug/goldseal" 2>/dev/null || cp "$target/debug/goldseal" "$work/goldseal"

statuses=()
boot() { # NAME OPTION…
    local name=$1
    shift
    PYTHONDONTWRITEBYTECODE=1 "$python" tests/boot/boot.py --guard "$work/goldseal" "$@" 2>&1 | tee "$work/$name"
    statuses+=("${PIPESTATUS[0]}")
}

if [ -z "$short" ]; then
    "${CARGO:-cargo}" test --locked -j"${JOBS:-2}" --test it boot:: -- --show-output 2>&1 | grep -vE '^(successes:|---- .* stdout ----|    [a-z_:0-9]+|)$' | tee "$work/namespace"
    statuses+=("${PIPESTATUS[0]}")
    # One table, and one closing line more.
    grep -hE '^test result:' "$work/namespace" | awk '{ print $4 " passed, " $6 " failed, 0 skipped" }' >"$work/namespace.tally"
    boot machines "$@"
else
    boot containers --tier container "$@"
    boot machine --tier vm --place debian12 --case '^no evidence$' "$@"
fi
exec tests/tally.sh --suites "${statuses[@]}" -- "$work"/*
