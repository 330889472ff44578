#!/bin/sh
# postrm of the deb, %postun of the rpm, which knows no purge: docs/install.md says what it leaves.
set -e
case "$1" in
    remove | 0)
        if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
        ;;
    purge)
        rm -rf /var/lib/goldseal /var/lib/goldseal-audit /var/cache/goldseal-audit
        rm -f /var/lib/systemd/timers/stamp-goldseal-audit.timer
        # All that it could write is gone by now.
        if id goldseal >/dev/null 2>&1; then userdel goldseal; fi
        ;;
esac
