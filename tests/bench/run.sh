#!/usr/bin/env bash
# Builds the release binary and what measures it, makes the inputs, and prints the figures; README.md says which.
# The table goes to standard output and to target/bench.json. Exit 0: measured, whether the goals hold or not.
set -euo pipefail
cd "$(dirname "$0")/../.."
jobs=${JOBS:-2}

python=$(tests/cloud/venv.sh)
cargo build --locked -j"$jobs" --release --bin goldseal
# A build of its own: the features of the core's tests do not belong into the binary.
cargo build --locked -j"$jobs" --release -p goldseal-core --example bench --features testing
target=$(cargo metadata --locked --no-deps --format-version 1 | "$python" -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
cosign=$(tests/tools/build.sh cosign | sed -n 's/^cosign //p') || cosign=
mkdir -p target
exec "$python" tests/bench/bench.py --goldseal "$target/release/goldseal" --probe "$target/release/examples/bench" \
    --cosign "$cosign" --json target/bench.json "$@"
