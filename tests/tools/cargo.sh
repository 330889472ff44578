#!/usr/bin/env bash
# Builds pinned subcommands of cargo once and prints "TOOL PATH" for each.
# Usage: cargo.sh TOOL…
# Exit: 0 all there, 1 a build failed, 2 no such tool.
set -uo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal/tools
declare -A pins=([cargo-deny]=0.20.2 [cargo-fuzz]=0.13.2 [cargo-mutants]=27.1.0)

for tool; do
    version=${pins[$tool]-}
    [ -n "$version" ] || { echo "$tool: no such tool" >&2; exit 2; }
    dir=$cache/$tool-$version
    mkdir -p "$cache" || exit 1
    (
        flock 9 || exit 1
        [ -x "$dir/bin/$tool" ] && exit 0
        start=$SECONDS
        echo "$tool: building …" >&2
        # One directory for all: they share much of what they are made of.
        CARGO_TARGET_DIR=$cache/cargo-target cargo install --quiet --locked --root "$dir" --version "=$version" "$tool" >&2 || exit 1
        rm -rf "$cache/cargo-target"
        echo "$tool: built in $((SECONDS - start)) s" >&2
    ) 9>"$cache/.cargo-tools.lock" || exit 1
    echo "$tool $dir/bin/$tool"
done
