#!/usr/bin/env bash
# reproduce.sh x86_64|aarch64: builds the committed tree in two folders of different names, and compares the bytes. Two whole
# release builds.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 1 ] || { echo 'usage: reproduce.sh x86_64|aarch64' >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CARGO_TARGET_DIR
for folder in one another/and-deeper; do
    git clone --quiet . "$work/$folder"
    executable=$("$work/$folder/packaging/build-portable.sh" "$1")
    sha256sum <"$executable"
    mv "$executable" "$work/${folder%%/*}.bin"
    rm -rf "$work/${folder:?}/target"
done
cmp "$work/one.bin" "$work/another.bin" && echo 'the same bytes'
