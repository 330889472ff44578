#!/usr/bin/env bash
# root.sh COMMAND…: runs a command in a Debian 12 that has Python 3 with venv, make, gcc, git, CA certificates and this
# machine's Rust, and nothing else. The tree, Cargo's home and the cache are there at their own paths, so that what is built
# inside serves outside too. What the command leaves anywhere else is gone with it, and so are its processes and mounts.
# Exit: the command's, or 3 with the reason where such a root cannot be made (`root.sh true` tells).
set -euo pipefail

# enter ROOT COUNT PATH… -- COMMAND…, in namespaces of its own. The first COUNT paths may be written to.
enter() {
    local root=$1 writable=$2 tree=$PWD room=$1/mnt new=$1/mnt/new path
    shift 2
    # The root stays as it is: what is written goes into memory, in front of it.
    mount -t tmpfs tmpfs "$room" || refused 'mount -t tmpfs'
    mkdir "$room/upper" "$room/work" "$new"
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$room/upper,workdir=$room/work" "$new" || refused 'mount -t overlay'
    mount -t tmpfs -o mode=1777 tmpfs "$new/tmp"
    mount -t proc proc "$new/proc"
    mount --rbind /dev "$new/dev"
    mount --rbind /sys "$new/sys"
    for path; do
        shift
        [ "$path" != -- ] || break
        if [ -d "$path" ]; then mkdir -p "$new$path"; else mkdir -p "$(dirname "$new$path")"; fi
        [ -e "$new$path" ] || touch "$new$path"
        mount --bind "$path" "$new$path"
        [ $((writable--)) -gt 0 ] || mount -o remount,bind,ro "$new$path"
    done
    # Not by chroot: nobody in one may make a user namespace, and some tests do.
    cd "$new"
    pivot_root . .
    umount -l .
    cd "$tree"
    # This shell stays, as the first process of its namespace.
    "$@" || exit
}
refused() { echo "root: $1 is not permitted here" >&2; exit 3; }
if [ "${1-}" = --enter ]; then shift; enter "$@"; exit; fi

cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { echo 'usage: tests/root.sh COMMAND…' >&2; exit 2; }
# gcc alone comes without the headers that make it a C compiler.
root=$(packaging/roots.sh bookworm python3,python3-venv,make,gcc,libc6-dev,git,ca-certificates) || exit
# Debian's own Rust is older than what goldseal needs. Not rustup's launchers, which look for the rest of rustup.
rust=$(rustc --print sysroot)

# Written to: what one build leaves for the next. Cargo's home also says where crates come from.
shared=("$PWD" "${XDG_CACHE_HOME:-$HOME/.cache}/goldseal" "${CARGO_HOME:-$HOME/.cargo}")
[ -z "${CARGO_TARGET_DIR-}" ] || shared+=("$CARGO_TARGET_DIR")
# The repository of a linked worktree is elsewhere.
if git=$(git rev-parse --path-format=absolute --git-common-dir 2>/dev/null); then shared+=("$git"); fi
mkdir -p "${shared[@]}"
# Read only: the compiler, files of others beside the tree, and how this machine finds names and package registries: whom it
# trusts, where pip looks.
lent=("$rust" "$(realpath -m ../shared/corpus)" /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt
    /etc/pip.conf "${XDG_CONFIG_HOME:-$HOME/.config}/pip")
kept=(HOME="$HOME" PATH="$rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
while IFS='=' read -r -d '' name value; do
    case $name in
        CI | JOBS | LANG | XDG_CACHE_HOME | XDG_CONFIG_HOME | CARGO_*) ;;
        PIP_* | GOLDSEAL_CORPUS | *_CA_BUNDLE | SSL_CERT_* | *_proxy | *_PROXY) [[ $value != /* ]] || lent+=("$value") ;;
        *) continue ;;
    esac
    kept+=("$name=$value")
done < <(env -0)
there=()
for path in "${lent[@]}"; do [ ! -e "$path" ] || there+=("$path"); done
unshare --mount --pid --fork true 2>/dev/null || refused 'unshare --mount --pid'
exec env -i "${kept[@]}" unshare --mount --pid --fork --kill-child --propagation private \
    bash tests/root.sh --enter "$root" "${#shared[@]}" "${shared[@]}" "${there[@]}" -- "$@"
