#!/usr/bin/env bash
# Runs the demo with the Python of the local AWS on the binary that was just built.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$(tests/cloud/venv.sh)
target=$(cargo metadata --locked --no-deps --format-version 1 | "$python" -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
exec "$python" tests/demo/demo.py "$target/debug/goldseal"
