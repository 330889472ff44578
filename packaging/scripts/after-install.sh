#!/bin/sh
# postinst of the deb, %post of the rpm. Enables and starts nothing; an upgrade starts what runs anew.
set -e
case "$1" in
    configure | 1 | 2) ;;
    *) exit 0 ;;
esac
# Without systemd there are no services, and no need of a user.
if command -v systemd-sysusers >/dev/null; then systemd-sysusers goldseal.conf; fi
if command -v systemd-tmpfiles >/dev/null; then systemd-tmpfiles --create goldseal.conf; fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # It finishes what it holds first, and one that does not start is tried again: neither is a reason to fail here.
    systemctl --no-block try-restart goldseal-hook.service
fi
