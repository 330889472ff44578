#!/bin/sh
# The first program of a virtual machine: lays the second disk over the first, once, and becomes systemd.
# What fails here ends in a panic, and so does the machine.
set -e
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
if [ ! -e /laid ]; then
    mkdir /run/layer
    n=0
    until [ -b /dev/nvme1n1 ] || [ $n -ge 100 ]; do sleep 0.1; n=$((n + 1)); done
    mount -t ext4 -o ro /dev/nvme1n1 /run/layer
    (cd /run/layer && tar cf - --exclude=./lost+found .) | (cd / && tar xpf - --keep-directory-symlink)
    umount /run/layer
    : >/laid
fi
umount /run
exec /sbin/init "$@"
