#!/bin/sh
# The last provisioner of an image that guards its own boots. Before it, file provisioners put `goldseal`, `goldseal.toml`
# and `policy.toml` into /tmp:
#
#   provisioner "file"  { sources = ["goldseal", "goldseal.toml", "policy.toml"], destination = "/tmp/" }
#   provisioner "shell" { script = "boot-guard.sh", execute_command = "sudo sh '{{ .Path }}'" }
#   provisioner "file"  { direction = "download", source = "/tmp/boot-check.json", destination = "${var.out}/" }
#
# Give what comes back to `goldseal seal --boot-check`: the provenance then says that the image carries the guard.
#
# It fails the build where the guard would end every boot, or something goes around it; and where the role of the instance
# that builds may write evidence or end waits of a launch hook, which the check tries. It needs no such role.
set -eu
install -D -m 755 /tmp/goldseal /usr/bin/goldseal
install -D -m 644 /tmp/goldseal.toml /etc/goldseal/goldseal.toml
install -D -m 644 /tmp/policy.toml /etc/goldseal/policy.toml
rm /tmp/goldseal /tmp/goldseal.toml /tmp/policy.toml
goldseal boot install
# 3 is that something could not be looked at, such as without systemd-analyze.
goldseal boot check || [ $? -eq 3 ]
goldseal boot check --output json >/tmp/boot-check.json || [ $? -eq 3 ]
chmod 644 /tmp/boot-check.json
