#!/bin/sh
# prerm of the deb, %preun of the rpm.
set -e
case "$1" in
    remove | 0) ;;
    *) exit 0 ;;
esac
# What holds the boot stays in /etc, and would hold it forever.
if [ -e /etc/goldseal/boot-installed.json ]; then
    echo 'goldseal: the boot guard is installed here: without its executable this machine never boots again.' >&2
    echo 'goldseal: take it out first: goldseal boot uninstall' >&2
    exit 1
fi
command -v systemctl >/dev/null || exit 0
units='goldseal-hook.service goldseal-audit.timer goldseal-audit-age.timer'
if [ -d /run/systemd/system ]; then
    # shellcheck disable=SC2086
    systemctl stop $units goldseal-audit.service goldseal-audit-age.service
fi
# shellcheck disable=SC2086
systemctl disable $units
