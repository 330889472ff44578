#!/usr/bin/env bash
# Everything that needs no optional tools: Rust tests of both packages, and the tests of the local AWS itself.
# Prints what was skipped and why last, then `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

tests/cloud/venv.sh >"$log/venv" || { echo 'the environment of the local AWS could not be made, see above' >&2; exit 1; }
cargo test --locked -j"${JOBS:-2}" --workspace --no-fail-fast -- --show-output --skip e2e:: 2>&1 | tee "$log/cargo" |
    grep -vE '^(test .* \.\.\. ok|successes:|---- .* stdout ----|    [a-z_:0-9]+|)$'
cargo_status=${PIPESTATUS[0]}
tests/cloud/check.sh 2>&1 | tee "$log/cloud"
cloud_status=${PIPESTATUS[0]}

exec tests/tally.sh "$cargo_status" "$cloud_status" -- "$log"/cargo "$log"/cloud
