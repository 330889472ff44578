#!/usr/bin/env bash
# reproduce.sh x86_64|aarch64 [EXECUTABLE]: builds the committed tree in two folders of different names, and compares the bytes.
# With an executable that was built of this commit elsewhere, it builds once and compares with that. A build takes 25 minutes of CPU.
set -euo pipefail
usage() { echo 'usage: reproduce.sh x86_64|aarch64 [EXECUTABLE]' >&2; exit 2; }
case ${1-} in x86_64 | aarch64) ;; *) usage ;; esac
case $# in 1) ;; 2) [ -f "$2" ] || { echo "reproduce: there is no $2" >&2; usage; }; set -- "$1" "$(realpath "$2")" ;; *) usage ;; esac
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CARGO_TARGET_DIR
folders=(one another/and-deeper)
if [ $# -eq 2 ]; then
    cp "$2" "$work/one.bin"
    sha256sum <"$2"
    folders=(another/and-deeper)
fi
for folder in "${folders[@]}"; do
    git clone --quiet . "$work/$folder"
    executable=$("$work/$folder/packaging/build-portable.sh" "$1")
    sha256sum <"$executable"
    mv "$executable" "$work/${folder%%/*}.bin"
    rm -rf "$work/${folder:?}/target"
done
cmp "$work/one.bin" "$work/another.bin" && echo 'the same bytes'
