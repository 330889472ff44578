#!/usr/bin/env bash
# Builds the release binary and puts it into a zip as `bootstrap`, which is what Lambda's provided.al2023 runtime starts.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --locked -j"${JOBS:-2}" --release --bin goldseal
target=$(cargo metadata --locked --no-deps --format-version 1 | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
mkdir -p target/lambda
python3 - "$target/release/goldseal" target/lambda/goldseal-lambda.zip <<'PYTHON'
import sys
import zipfile

binary, archive = sys.argv[1:]
entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
entry.external_attr = 0o100755 << 16
entry.compress_type = zipfile.ZIP_DEFLATED
with zipfile.ZipFile(archive, "w") as zipped, open(binary, "rb") as file:
    zipped.writestr(entry, file.read())
print(archive)
PYTHON
