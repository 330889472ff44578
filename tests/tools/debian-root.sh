#!/usr/bin/env bash
# Prints the path of a Debian's root file system, made once: what Syft and Goss look at.
# Exit: 0 there it is, 1 it could not be made, 3 root or debootstrap is missing (count it as skipped).
set -uo pipefail

suite=bookworm
packages=openssl,nginx,openssh-server,python3
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal
root=$cache/debian-root-$(sha256sum <"${BASH_SOURCE[0]}" | cut -c1-16)

say() { printf 'debian-root: %s\n' "$*" >&2; }

make() {
    local start=$SECONDS temp old
    command -v debootstrap >/dev/null || { say "skipped, 'debootstrap' is not installed"; return 3; }
    ((EUID == 0)) || { say 'skipped, debootstrap needs root'; return 3; }
    # Only what a build that was cut off left: the caller holds the lock.
    rm -rf --one-file-system "$cache"/.debian-root.tmp.*
    temp=$(mktemp -d "$cache/.debian-root.tmp.XXXXXX") && chmod 755 "$temp" || return 1
    say 'building …'
    if ! debootstrap --variant=minbase --include="$packages" "$suite" "$temp" >"$cache/debian-root.log" 2>&1 ||
        ! rm -rf "$temp"/var/cache/apt/archives/*.deb || ! mv -T "$temp" "$root"; then
        tail -n 20 "$cache/debian-root.log" >&2
        rm -rf --one-file-system "$temp"
        say "failed after $((SECONDS - start)) s"
        return 1
    fi
    rm -f "$cache/debian-root.log"
    say "built in $((SECONDS - start)) s, $(du -sh "$root" | cut -f1)"
    for old in "$cache"/debian-root-*; do
        [[ $old == "$root" ]] || rm -rf --one-file-system "$old"
    done
}

mkdir -p "$cache" || exit 1
(
    flock 9 || exit 1
    [[ -d $root ]] || make
) 9>"$cache/.debian-root.lock" || exit
printf '%s\n' "$root"
