#!/usr/bin/env bash
# vm.sh SUITE: prints three paths, made once: QEMU, a kernel of Debian's for clouds, and a disk of the suite's root.
# QEMU and the kernel are taken out of Debian's packages and not installed; what is installed already is used.
# Exit: 0 there they are, 1 they could not be made, 3 this machine cannot make them (count it as skipped).
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

suite=${1-}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/goldseal
key=$(cat "$here/vm.sh" "$here/vm-init.sh" "$here/roots.sh" | sha256sum | cut -c1-16)
tools=$cache/boot-vm-$key
disk=$cache/boot-disk-$suite-$key.ext4
# Of a Nitro instance: NVMe, ext4 and the serial ports are in the kernel.
modules='virtio virtio_ring virtio_pci virtio_pci_modern_dev virtio_pci_legacy_dev net_failover failover virtio_net
    autofs4 configfs efivarfs'

say() { printf 'boot vm: %s\n' "$*" >&2; }

# Downloads a package and all that it needs and this machine does not have.
unpack() {
    local names into=$1
    shift
    names=$(apt-get install -s --no-install-recommends "$@" | awk '/^Inst/ { print $2 }') && [ -n "$names" ] || return 1
    # shellcheck disable=SC2086 # a list
    (cd "$into/debs" && apt-get download -q $names) || return 1
    for deb in "$into"/debs/*.deb; do dpkg-deb -x "$deb" "$into" && rm "$deb" || return 1; done
}

make_tools() {
    local temp kernel
    temp=$(mktemp -d "$cache/.boot-vm.tmp.XXXXXX") && mkdir "$temp/debs" && chmod 777 "$temp" "$temp/debs" || return 1
    apt-cache show qemu-system-x86 >/dev/null 2>&1 || apt-get update -q || return 1
    if ! command -v qemu-system-x86_64 >"$temp/qemu"; then
        unpack "$temp" qemu-system-x86 || return 1
        cat >"$temp/qemu" <<'QEMU'
#!/bin/sh
d=$(dirname "$0")
export LD_LIBRARY_PATH="$d/usr/lib/x86_64-linux-gnu:$d/lib/x86_64-linux-gnu"
exec "$d/usr/bin/qemu-system-x86_64" -L "$d/usr/share/qemu" -L "$d/usr/share/seabios" "$@"
QEMU
    else
        printf '#!/bin/sh\nexec qemu-system-x86_64 "$@"\n' >"$temp/qemu"
    fi
    kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2 }') && [ -n "$kernel" ] || return 1
    (cd "$temp/debs" && apt-get download -q "$kernel") && dpkg-deb -x "$temp"/debs/linux-image-*.deb "$temp" || return 1
    rm -rf "$temp/debs" && mv "$temp"/boot/vmlinuz-* "$temp/kernel" && chmod 755 "$temp" "$temp/qemu" || return 1
    "$temp/qemu" -accel help | grep -q tcg && mv -T "$temp" "$tools"
}

# The root, the modules and the first program are merged by an overlay; mke2fs reads them from there.
make_disk() {
    local root temp version module found
    root=$("$here/roots.sh" "$suite") || return
    temp=$(mktemp -d "$cache/.boot-disk.tmp.XXXXXX") && mkdir -p "$temp/over/sbin" "$temp/work" "$temp/root" || return 1
    version=$(basename "$tools"/lib/modules/*)
    mkdir -p "$temp/over/usr/lib/modules/$version"
    cp "$tools/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$temp/over/usr/lib/modules/$version/" || return 1
    for module in $modules; do
        found=$(find "$tools/lib/modules/$version" -name "$module.ko*") && [ -n "$found" ] || continue
        install -D "$found" "$temp/over/usr/lib/modules/$version/${found#"$tools/lib/modules/$version/"}" || return 1
    done
    rmdir "$temp/over/sbin"
    install -D -m 755 "$here/vm-init.sh" "$temp/over/usr/sbin/vm-init"
    truncate -s 1500M "$temp/disk"
    # shellcheck disable=SC2016 # for the shell inside
    root=$root temp=$temp version=$version unshare -m --propagation private sh -euc '
        mount -t tmpfs none "$temp/work"
        mkdir "$temp/work/upper" "$temp/work/work"
        mount -t overlay overlay -o "lowerdir=$temp/over:$root,upperdir=$temp/work/upper,workdir=$temp/work/work" "$temp/root"
        chroot "$temp/root" depmod "$version"
        mke2fs -q -t ext4 -O ^has_journal -L root -d "$temp/root" "$temp/disk"' && mv "$temp/disk" "$disk" && rm -rf "$temp"
}

make() {
    local start=$SECONDS tool old
    ((EUID == 0)) || { say 'skipped, making a disk needs root'; return 3; }
    [ "$(uname -m)" = x86_64 ] || { say "skipped, the kernel is for x86_64"; return 3; }
    for tool in apt-get dpkg-deb mke2fs unshare; do
        command -v "$tool" >/dev/null || { say "skipped, '$tool' is not installed"; return 3; }
    done
    rm -rf --one-file-system "$cache"/.boot-vm.tmp.* "$cache"/.boot-disk.tmp.*
    if [ ! -d "$tools" ]; then
        say 'taking QEMU and a kernel …'
        make_tools >"$cache/boot-vm.log" 2>&1 || { tail -n 20 "$cache/boot-vm.log" >&2; say 'QEMU or a kernel could not be had'; return 1; }
    fi
    if [ ! -e "$disk" ]; then
        make_disk >"$cache/boot-vm.log" 2>&1 || { tail -n 20 "$cache/boot-vm.log" >&2; say 'no disk could be made'; return 1; }
    fi
    rm -f "$cache/boot-vm.log"
    say "ready after $((SECONDS - start)) s"
    for old in "$cache"/boot-vm-* "$cache"/boot-disk-*; do [[ $old == *"$key"* ]] || rm -rf --one-file-system "$old"; done
}

mkdir -p "$cache" || exit 1
(
    flock 9 || exit 1
    [[ -d $tools && -e $disk ]] || make
) 9>"$cache/.boot-vm.lock" || exit
printf '%s\n' "$tools/qemu" "$tools/kernel" "$disk"
