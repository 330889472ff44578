#!/usr/bin/env bash
# Everything that needs no optional tools: Rust tests of both packages, and the tests of the local AWS itself.
# Prints what was skipped and why last, then `N passed, N failed, N skipped`.
# run.sh --skipped: only the Rust tests that the last run skipped: where there is more than there was, they run.
set -uo pipefail
shopt -s nullglob
cd "$(dirname "$0")/.."
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
skipped=${CARGO_TARGET_DIR:-target}/skipped-tests
which=(--skip e2e::)
if [ "${1-}" = --skipped ]; then
    mapfile -t which <"$skipped" || exit 1
    [ ${#which[@]} -gt 0 ] || { echo 'nothing was skipped'; exit 0; }
    which+=(--exact)
fi

tests/cloud/venv.sh >"$log/venv" || { echo 'the environment of the local AWS could not be made, see above' >&2; exit 1; }
# Tests of the executable wait most of their time.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) + 1))}
cargo test --locked -j"${JOBS:-2}" --workspace --no-fail-fast -- --show-output "${which[@]}" 2>&1 | tee "$log/cargo" |
    grep -vE '^(test .* \.\.\. ok|successes:|---- .* stdout ----|    [a-z_:0-9]+|)$'
statuses=("${PIPESTATUS[0]}")
if [ "${1-}" != --skipped ]; then
    awk '/^---- .* stdout ----$/ { name = $2 } /^skipped: / { print name }' "$log/cargo" | sort -u >"$skipped"
    tests/cloud/check.sh 2>&1 | tee "$log/cloud"
    statuses+=("${PIPESTATUS[0]}")
fi

exec tests/tally.sh "${statuses[@]}" -- "$log"/cargo "$log"/cloud*
