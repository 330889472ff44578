#!/usr/bin/env bash
# roots.sh bookworm|trixie: prints the path of a Debian's root file system as a machine image has it, made once: systemd,
# cloud-init, sshd, and a network that DHCP configures (ifupdown and dhclient there, netplan, networkd and resolved here).
# Exit: 0 there it is, 1 it could not be made, 3 this machine cannot make it (count it as skipped).
set -uo pipefail

suite=${1-}
packages=systemd,systemd-sysv,udev,dbus,kmod,iproute2,cloud-init,openssh-server,curl,ca-certificates,netbase,procps,python3
case $suite in
    # debootstrap does not see that python3-cryptography needs the backend, which has another name there.
    bookworm) packages+=,ifupdown,isc-dhcp-client,python3-cffi-backend ;;
    trixie) packages+=,netplan.io,systemd-resolved ;;
    *) echo 'usage: roots.sh bookworm|trixie' >&2; exit 2 ;;
esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal
root=$cache/boot-$suite-$(sha256sum <"${BASH_SOURCE[0]}" | cut -c1-16)

say() { printf 'boot roots: %s\n' "$*" >&2; }

make() {
    local start=$SECONDS temp old log=$cache/boot-$suite.log
    ((EUID == 0)) || { say "skipped, making a Debian needs root"; return 3; }
    command -v debootstrap >/dev/null || { say "skipped, 'debootstrap' is not installed"; return 3; }
    # Only what a build that was cut off left: the caller holds the lock.
    rm -rf --one-file-system "$cache/.boot-$suite.tmp".*
    temp=$(mktemp -d "$cache/.boot-$suite.tmp.XXXXXX") && chmod 755 "$temp" || return 1
    say "building $suite …"
    if ! debootstrap --variant=minbase --include="$packages" "$suite" "$temp" >"$log" 2>&1 || ! settle "$temp" >>"$log" 2>&1 ||
        ! mv -T "$temp" "$root"; then
        tail -n 20 "$log" >&2
        rm -rf --one-file-system "$temp"
        say "$suite failed after $((SECONDS - start)) s"
        return 1
    fi
    rm -f "$log"
    say "$suite built in $((SECONDS - start)) s, $(du -sh "$root" | cut -f1)"
    for old in "$cache/boot-$suite"-*; do
        [[ $old == "$root" ]] || rm -rf --one-file-system "$old"
    done
}

# An image that was never booted: no identity of its own, nothing that only takes room.
settle() {
    : >"$1/etc/machine-id"
    rm -f "$1/var/lib/dbus/machine-id"
    # debootstrap left the name servers of this machine.
    [ -L "$1/etc/resolv.conf" ] || : >"$1/etc/resolv.conf"
    echo golden >"$1/etc/hostname"
    rm -f "$1"/var/cache/apt/archives/*.deb "$1"/etc/ssh/ssh_host_*
    rm -rf "$1"/usr/share/{doc,man,locale,info}/* "$1"/var/lib/apt/lists/*
}

mkdir -p "$cache" || exit 1
(
    flock 9 || exit 1
    [[ -d $root ]] || make
) 9>"$cache/.boot-$suite.lock" || exit
printf '%s\n' "$root"
