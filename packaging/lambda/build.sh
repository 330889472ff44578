#!/usr/bin/env bash
# Builds the release binary for this machine and puts it into a zip. The runtime provided.al2023 has glibc 2.34 and takes 250 MB.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --locked -j"${JOBS:-2}" --release --bin goldseal
target=$(cargo metadata --locked --no-deps --format-version 1 | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
python3 packaging/executable.py check "$target/release/goldseal" 2.34 $((250 * 1024 * 1024))
mkdir -p target/lambda
packaging/lambda/zip.py "$target/release/goldseal" target/lambda/goldseal-lambda.zip
