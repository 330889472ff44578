#!/usr/bin/env bash
# roots.sh bullseye|bookworm|trixie [PACKAGE,…]: prints the path of a small Debian with these packages, made once: with systemd
# if none are named. Copies of it are installed into; tests/root.sh builds in front of one.
# Exit: 0 there it is, 1 it could not be made, 3 this machine cannot make it (count it as skipped).
set -uo pipefail
suite=${1-}
case $suite in bullseye | bookworm | trixie) ;; *) echo 'usage: roots.sh bullseye|bookworm|trixie [PACKAGE,…]' >&2; exit 2 ;; esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal
packages=${2:-systemd,ca-certificates}
name=package-$suite
[ -z "${2-}" ] || name+=-$(sha256sum <<<"$2" | cut -c1-16)
root=$cache/$name

make() {
    local temp
    ((EUID == 0)) || { echo "roots: making a Debian needs root" >&2; return 3; }
    command -v debootstrap >/dev/null || { echo "roots: debootstrap is not installed" >&2; return 3; }
    # Only what a run that was cut off left: the lock is held.
    rm -rf --one-file-system "$root".tmp.*
    temp=$(mktemp -d "$root.tmp.XXXXXX") && chmod 755 "$temp" || return 1
    if ! debootstrap --variant=minbase --include="$packages" "$suite" "$temp" >"$root.log" 2>&1; then
        tail -n 5 "$root.log" >&2
        rm -rf --one-file-system "$temp"
        # Most likely there is no mirror to be had.
        return 3
    fi
    rm -rf "$root.log" "$temp"/var/cache/apt/archives/*.deb "$temp"/var/lib/apt/lists/*
    mv -T "$temp" "$root"
}

mkdir -p "$cache" || exit 1
(
    flock 9 || exit 1
    [[ -d $root ]] || make
) 9>"$cache/.$name.lock" || exit
printf '%s\n' "$root"
