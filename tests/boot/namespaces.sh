#!/usr/bin/env bash
# namespaces.sh scene INIT-ARGUMENT…: boots what stands in $SCENE as PID 1 of namespaces of its own, with util-linux alone.
#
#   scene   a network namespace that is EC2 to the machine: gateway, DHCP, IMDS at its real address
#   inside  the machine: every other namespace, one link to the scene, an overlay over the root, real systemd
#
# $SCENE is a folder on a tmpfs with `upper` and `work`; $ROOT the root below, $TTY the console, $NETWORK one of `dhcp` and
# `none`, $DHCP_AFTER seconds, $IMDS one of `on`, `refused` (nobody listens) and `silent` (nobody answers), $PYTHON and
# $KEYS for imds.py, $STORE a socket of the host that the store is behind, or empty.
# Exit: 130 when the machine powers off, 129 when it reboots (PID 1 dies of SIGINT or SIGHUP), 255 when PID 1 gave up.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

scene() {
    local cgroup inside
    ip link set lo up
    [ "$IMDS" = silent ] || ip address add 169.254.169.254/32 dev lo
    if [ "$IMDS" = on ]; then
        "$PYTHON" "$here/imds.py" --world "$SCENE/world.json" --keys "$KEYS" --listen 169.254.169.254:80 \
            --log "$SCENE/imds.log" >"$SCENE/imds" &
    fi
    cgroup=$(findmnt -n -t cgroup2 -o TARGET | head -n1)/goldseal-boot.$$
    mkdir "$cgroup"
    echo "$cgroup" >"$SCENE/cgroup"
    rm -f "$SCENE/go"
    # In its cgroup first, so that its cgroup namespace starts there.
    (echo "$BASHPID" >"$cgroup/cgroup.procs" && exec unshare -n -m -p -f --kill-child -u -i -C --propagation private \
        "${BASH_SOURCE[0]}" inside "$@") &
    inside=$!
    until [ "$(readlink /proc/$inside/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    if [ "$NETWORK" = dhcp ]; then
        ip link add eth0 address 02:00:00:00:00:15 type veth peer name ec2
        ip link set eth0 netns "$inside"
        ip address add 10.0.2.2/24 dev ec2
        ip link set ec2 up
        "$PYTHON" "$here/dhcp.py" ec2 "$DHCP_AFTER" &
        [ -z "$STORE" ] || "$PYTHON" "$here/relay.py" tcp:10.0.2.2:5566 "unix:$STORE" &
    fi
    if [ "$IMDS" = on ]; then until [ -s "$SCENE/imds" ]; do sleep 0.01; done; fi
    touch "$SCENE/go"
    wait "$inside"
}

inside() {
    local node
    until [ -e "$SCENE/go" ]; do sleep 0.01; done
    ip link set lo up
    mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$SCENE/upper,workdir=$SCENE/work" "$SCENE/root"
    cd "$SCENE/root"
    mount -t proc proc proc
    # Read only, or udev would set up the host's devices again.
    mount -t sysfs -o ro sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs run
    mount -t tmpfs -o mode=1777 tmpfs tmp
    mount -t tmpfs -o mode=755 tmpfs dev
    mkdir dev/pts dev/shm dev/mqueue
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    for node in fd:/proc/self/fd stdin:/proc/self/fd/0 stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do
        ln -s "${node#*:}" "dev/${node%%:*}"
    done
    for node in null zero full random urandom tty; do touch "dev/$node" && mount --bind "/dev/$node" "dev/$node"; done
    touch dev/console dev/ttyS1
    mount --bind "$TTY" dev/console
    mount --bind "$SCENE/marks" dev/ttyS1
    mount --bind proc/sys proc/sys
    mount -o remount,ro,bind proc/sys
    mkdir -p .old
    pivot_root . .old
    umount -l /.old
    exec env -i container=oci PATH=/usr/sbin:/usr/bin:/sbin:/bin /sbin/init "$@" </dev/null >/dev/console 2>&1
}

part=$1
shift
"$part" "$@"
