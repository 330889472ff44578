#!/usr/bin/env bash
# build-portable.sh x86_64|aarch64: the release executable for any Linux with glibc 2.26 or later: Amazon Linux 2 and 2023,
# Debian 11, Ubuntu 20.04, RHEL 8. Prints its path. The same commit makes the same bytes in any folder.
# Exit: 0 there it is, 1 it failed, 2 usage, 3 a tool is missing (count it as skipped).
set -euo pipefail
cd "$(dirname "$0")/.."
floor=2.26 limit=$((25 * 1024 * 1024))
arch=${1-}
case $arch in x86_64 | aarch64) ;; *) echo 'usage: build-portable.sh x86_64|aarch64' >&2; exit 2 ;; esac
target=$arch-unknown-linux-gnu
rustc=${RUSTC:-rustc}

missing() { printf 'build-portable: %s\n' "$@" >&2; exit 3; }
command -v cargo-zigbuild >/dev/null || missing "cargo-zigbuild is not installed: pip install -r packaging/requirements.txt, in an environment that is on PATH"
command -v zig >/dev/null || "${PYTHON:-python3}" -m ziglang version >/dev/null 2>&1 || missing "zig is not installed: pip install -r packaging/requirements.txt"
command -v readelf >/dev/null || missing "readelf is not installed (binutils)"
sysroot=$("$rustc" --print sysroot)
# Where there is no rustup, Debian's rustc-web has a standard library for arm64: libstd-rust-web-dev:arm64.
[ -d "$sysroot/lib/rustlib/$target/lib" ] || missing "$rustc has no standard library for $target:" \
    "rustup target add $target, or RUSTC=… of a compiler that has one"

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH CARGO_INCREMENTAL=0
home=${CARGO_HOME:-$HOME/.cargo}
built=${CARGO_TARGET_DIR:-$PWD/target}/portable
separator=$(printf '\037')
CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$PWD=/goldseal${separator}--remap-path-prefix=$home=/cargo${separator}--remap-path-prefix=$sysroot=/rust"
# C that is compiled along (aws-lc) names files too. Its AES-GCM for AVX-512 would be 0.7 MB.
flags="-ffile-prefix-map=$built=/target -ffile-prefix-map=$PWD=/goldseal -ffile-prefix-map=$home=/cargo"
export CARGO_ENCODED_RUSTFLAGS "CFLAGS_${target//-/_}=$flags -DMY_ASSEMBLER_IS_TOO_OLD_FOR_512AVX"
linker=CARGO_TARGET_$(tr a-z- A-Z_ <<<"$target")_LINKER
export ZIG_TARGET=$arch-linux-gnu.$floor "$linker=$PWD/packaging/folding-cc.sh"
CARGO_TARGET_DIR=$built "${CARGO:-cargo}" zigbuild --locked -j"${JOBS:-2}" --release --bin goldseal --target "$target.$floor" >&2

executable=$built/$target/release/goldseal
"${PYTHON:-python3}" packaging/executable.py check "$executable" "$floor" "$limit" >&2
for path in "$PWD" "$home"; do
    if grep -qaF "$path/" "$executable"; then
        echo "build-portable: $executable names $path, and another folder would make other bytes" >&2
        exit 1
    fi
done
printf '%s\n' "$executable"
