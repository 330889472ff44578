#!/usr/bin/env bash
# test.sh EXECUTABLE [OPTION OF package.py]…: packs it twice, installs the packages into fresh Debians, and removes them again.
# Needs root and debootstrap; rpm where it is. Ends with `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { echo 'usage: packaging/test.sh EXECUTABLE [OPTION OF package.py]…' >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
log=$work/log
passed=0 failed=0

skip() { printf 'skipped: %s\n' "$1" | tee -a "$log"; }
check() { # NAME COMMAND…
    local name=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $name"
    else
        failed=$((failed + 1))
        echo "FAIL  $name"
        sed 's/^/      /' "$work/said"
    fi
}

# A command in a root, with a /proc of its own.
inside() { # ROOT COMMAND…
    # shellcheck disable=SC2016
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        unshare -mpf --propagation private sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$@"
}

# Everything in a root with mode, owner and target, and who its users are; without what no reboot outlives, the package
# manager's own books, and the backups that tools for users leave.
inventory() { # ROOT
    (
        cd "$1" || exit 1
        home=$(awk -F: '$3 == 0 { print $6; exit }' etc/passwd)
        find . -xdev \( -path ./var/lib/dpkg -o -path ./var/lib/rpm -o -path ".$home/.rpmdb" -o -path ./var/log -o -path ./proc -o -path ./run -o -path ./tmp \) -prune \
            -o ! -path './etc/*-' ! -name .pwd.lock ! -path . -printf '%p %y %m %u %g %l\n' | sort
        sort etc/passwd etc/group
    )
}
nothing_left() { diff "$1.before" <(inventory "$1"); } # ROOT

fresh() { # SUITE NAME: a copy in $root
    local made status
    made=$(packaging/roots.sh "$1" 2>"$work/why")
    status=$?
    case $status in
        0) ;;
        3) skip "$2: $(tail -n 1 "$work/why")"; return 1 ;;
        *) cat "$work/why" >&2; check "$2: there is a Debian to install into" false; return 1 ;;
    esac
    root=$work/$2
    cp -a --reflink=auto "$made" "$root"
    inventory "$root" >"$root.before"
}

# What systemd says of our units, without what only a newer one knows: tests/it/units.rs has the same list.
units_are_taken() { # ROOT
    local said
    said=$(inside "$1" systemd-analyze verify --man=no goldseal-hook.service goldseal-audit.timer goldseal-audit-age.timer 2>&1 |
        grep goldseal- | grep -vE "Unknown .*'(PrivateIPC|RestartSteps|RestartMaxDelaySec)'")
    [ -z "$said" ] || { echo "$said"; return 1; }
}

enabled() { find "$1/etc/systemd/system" -name 'goldseal-*' | sed "s|.*/||" | sort; } # ROOT
none_enabled() { [ -z "$(enabled "$1")" ]; }                                         # ROOT
three_enabled() { [ "$(enabled "$1" | wc -l)" -eq 3 ]; }                              # ROOT

presets_enable_nothing() { # ROOT
    inside "$1" systemctl preset goldseal-hook.service goldseal-audit.timer goldseal-audit-age.timer && none_enabled "$1"
}

doctor_runs() { # ROOT: without settings it says which it needs
    inside "$1" goldseal doctor >"$work/doctor" 2>&1
    [ $? -eq 2 ] && grep -q 'no store is set' "$work/doctor" || { cat "$work/doctor"; return 1; }
}

works() { # NAME ROOT
    check "$1: the executable runs" inside "$2" goldseal --version
    check "$1: it checks a policy that came with it" inside "$2" goldseal policy check /usr/share/doc/goldseal/examples/policies/launch.toml
    check "$1: doctor runs, and says which settings it needs" doctor_runs "$2"
    check "$1: systemd takes the units" units_are_taken "$2"
    check "$1: nothing is enabled" none_enabled "$2"
    check "$1: presets enable nothing" presets_enable_nothing "$2"
    check "$1: the user is there" inside "$2" id goldseal
    check "$1: bash takes the completions" inside "$2" bash -n /usr/share/bash-completion/completions/goldseal
    check "$1: there are manual pages" test -s "$2/usr/share/man/man1/goldseal-verify.1.gz"
}

changed_settings_stay() { # ROOT COMMAND…: an upgrade
    echo '#changed' >>"$1/etc/goldseal/goldseal.toml"
    inside "$@" && grep -qx '#changed' "$1/etc/goldseal/goldseal.toml" && three_enabled "$1"
}

refuses_while_the_guard_is_there() { # ROOT COMMAND…
    touch "$1/etc/goldseal/boot-installed.json"
    ! inside "$@" && [ -x "$1/usr/bin/goldseal" ]
    local held=$?
    rm "$1/etc/goldseal/boot-installed.json"
    return $held
}

# What services leave behind them.
used() { # ROOT
    mkdir -p "$1/var/lib/goldseal/v1" "$1/var/lib/goldseal-audit" "$1/var/lib/systemd/timers"
    touch "$1/var/lib/goldseal/v1/decision.json" "$1/var/cache/goldseal-audit/goldseal-audit.prom" "$1/var/lib/systemd/timers/stamp-goldseal-audit.timer"
}

# Enabling makes folders of systemd's own; they are there before.
prepare() { # ROOT
    mkdir -p "$1/etc/systemd/system/multi-user.target.wants" "$1/etc/systemd/system/timers.target.wants" "$1/var/lib/systemd/timers"
    inventory "$1" >"$1.before"
}

same_bytes() {
    (umask 077 && TZ=Asia/Tokyo packaging/package.py "$@" --out "$work/second") &&
        diff -r "$work/first" "$work/second"
}

packaging/package.py "$@" --out "$work/first" | tee -a "$log"
[ "${PIPESTATUS[0]}" -eq 0 ] || exit 1
check 'two packagings are the same bytes' same_bytes "$@"
deb=$(echo "$work"/first/*.deb) rpm=$(echo "$work"/first/*.rpm)
needs=$(dpkg-deb --field "$deb" Depends | sed 's/.*libc6 (>= \([0-9.]*\)).*/\1/')

units='goldseal-hook.service goldseal-audit.timer goldseal-audit-age.timer'
for place in bullseye:debian11 bookworm:debian12 trixie:debian13; do
    name=${place#*:}
    fresh "${place%:*}" "$name" || continue
    has=$(dpkg --root="$root" --admindir="$root/var/lib/dpkg" -s libc6 | sed -n 's/^Version: //p')
    if dpkg --compare-versions "$has" lt "$needs"; then
        skip "$name: this executable needs glibc $needs, and there is $has"
        continue
    fi
    prepare "$root"
    cp "$deb" "$root/tmp/goldseal.deb"
    check "$name: the deb installs" inside "$root" dpkg -i /tmp/goldseal.deb
    works "$name" "$root"
    check "$name: every file is as it was packed" inside "$root" dpkg --verify goldseal
    # shellcheck disable=SC2086
    check "$name: the services can be enabled" inside "$root" systemctl enable $units
    check "$name: an upgrade keeps settings and what is enabled" changed_settings_stay "$root" dpkg --force-confold -i /tmp/goldseal.deb
    used "$root"
    check "$name: it is not removed from under the boot guard" refuses_while_the_guard_is_there "$root" dpkg -r goldseal
    check "$name: it is removed" inside "$root" dpkg -r goldseal
    check "$name: settings and state are kept" test -e "$root/etc/goldseal/goldseal.toml" -a -e "$root/var/lib/goldseal/v1/decision.json"
    check "$name: nothing is enabled any more" none_enabled "$root"
    check "$name: it is purged" inside "$root" dpkg -P goldseal
    check "$name: nothing is left" nothing_left "$root"
    rm -rf --one-file-system "$root"
done

inside_rpm() { rpm --root "$root" --nodeps "$@"; }
rpm_removal_waits_for_the_guard() {
    touch "$root/etc/goldseal/boot-installed.json"
    ! inside_rpm -e goldseal && [ -x "$root/usr/bin/goldseal" ]
    local held=$?
    rm "$root/etc/goldseal/boot-installed.json"
    return $held
}
# The user and what it owns stay, which is the custom there.
only_the_user_is_left() {
    inside "$root" userdel goldseal && rm -rf "$root"/var/cache/goldseal-audit && nothing_left "$root"
}
if [ ! -e "$rpm" ]; then
    skip 'rpm: rpmbuild is not installed'
elif fresh bookworm rpm; then
    prepare "$root"
    check 'rpm: it installs' inside_rpm -i "$rpm"
    works rpm "$root"
    check 'rpm: every file is as it was packed' inside_rpm -V goldseal
    # shellcheck disable=SC2086
    check 'rpm: the services can be enabled' inside "$root" systemctl enable $units
    check 'rpm: an upgrade keeps what is enabled' inside_rpm -U --force "$rpm"
    check 'rpm: they still are' three_enabled "$root"
    check 'rpm: it is not removed from under the boot guard' rpm_removal_waits_for_the_guard
    check 'rpm: it is removed' inside_rpm -e goldseal
    check 'rpm: nothing is left but the user' only_the_user_is_left
fi

echo "$passed passed, $failed failed" >>"$log"
exec tests/tally.sh 0 -- "$log"
