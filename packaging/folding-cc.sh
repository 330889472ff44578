#!/usr/bin/env bash
# folding-cc.sh ARGUMENT…: links as cargo-zigbuild does for $ZIG_TARGET, and folds functions that came out the same: 0.4 MB. `zig cc`
# has no flag for that, so the command that it gives to its lld is taken, and given to it again with the flag.
set -euo pipefail
# rustc tells by the name that it speaks to a C compiler.
zig=zig
command -v zig >/dev/null || zig="${PYTHON:-python3} -m ziglang"
said=$(ZIG_VERBOSE_LINK=1 cargo-zigbuild zig cc -- -g -fno-sanitize=all -target "$ZIG_TARGET" "$@" 2>&1) ||
    { printf '%s\n' "$said" >&2; exit 1; }
linked=$(grep '^ld\.lld ' <<<"$said" | tail -n 1) || linked=
[ -n "$linked" ] || { printf 'folding-cc: zig does not say how it links:\n%s\n' "$said" >&2; exit 1; }
# Zig prints words without quotes: a path with a space in it fails here, and does no harm.
# shellcheck disable=SC2086
exec $zig ${linked/#ld.lld/ld.lld --icf=all}
