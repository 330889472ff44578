#!/usr/bin/env bash
# run.sh chaos|scale|revoke|soak [OPTION]…: plays one of them with the debug build; --goldseal PATH at the end takes another.
set -euo pipefail
cd "$(dirname "$0")/../.."
play=$1
shift
python=$(tests/cloud/venv.sh)
# With the tests, as the demo: one set of features, so that the AWS SDK is compiled once.
"${CARGO:-cargo}" build --locked -j"${JOBS:-2}" --test it
target=$("${CARGO:-cargo}" metadata --locked --no-deps --format-version 1 | "$python" -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
exec env PYTHONDONTWRITEBYTECODE=1 "$python" "tests/hook/$play.py" --goldseal "$target/debug/goldseal" "$@"
