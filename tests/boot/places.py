"""Where the guard stands: Debians as they are, and one that is made to start as Amazon Linux 2023 does."""
from dataclasses import dataclass, field

import probes

# A veth has no permanent address, by which cloud-init would match it.
BY_NAME = {"/etc/cloud/cloud.cfg.d/91-network.cfg": "network: {version: 2, ethernets: {eth0: {dhcp4: true}}}\n"}


@dataclass(frozen=True)
class Place:
    """A root, the folders of systemd/boot that are installed on it, and what stands on the image besides."""

    suite: str
    recipe: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


# What cloud-init's unit templates come to for `amazon`: the first stage has default dependencies, so that it comes after
# sysinit.target, and the second is not held before it. Its network is networkd's, by a file of the image.
STAGE = """[Unit]
Description=cloud-init as on Amazon Linux 2023, {0}
{1}
[Service]
Type=oneshot
ExecStart=/usr/bin/cloud-init {0}
RemainAfterExit=yes
TimeoutSec=0
StandardOutput=journal+console
"""
AMAZON = {
    f"{probes.UNITS}/cloud-init-local.service": STAGE.format("init --local", """Wants=network-pre.target
After=systemd-remount-fs.service
Before=NetworkManager.service
Before=network-pre.target
Before=shutdown.target
RequiresMountsFor=/var/lib/cloud
"""),
    f"{probes.UNITS}/cloud-init.service": STAGE.format("init", """DefaultDependencies=no
Wants=cloud-init-local.service sshd-keygen.service sshd.service
After=cloud-init-local.service systemd-networkd-wait-online.service
Before=network-online.target sshd-keygen.service sshd.service systemd-user-sessions.service
"""),
    "/etc/cloud/cloud.cfg.d/91-network.cfg": "network: {config: disabled}\n",
    "/etc/systemd/network/80-ec2.network": "[Match]\nName=eth0\n[Network]\nDHCP=yes\n",
}
AMAZON_LINKS = {
    f"{probes.UNITS}/multi-user.target.wants/systemd-networkd.service": "/lib/systemd/system/systemd-networkd.service",
    f"{probes.UNITS}/network-online.target.wants/systemd-networkd-wait-online.service":
        "/lib/systemd/system/systemd-networkd-wait-online.service",
    f"{probes.UNITS}/networking.service": "/dev/null",
    f"{probes.UNITS}/ifupdown-pre.service": "/dev/null",
}

PLACES = {
    "debian12": Place("bookworm", ("every", "sysinit"), BY_NAME),
    "debian13": Place("trixie", ("every", "sysinit"), BY_NAME),
    "amazon": Place("bookworm", ("every", "default-target", "networkd"), AMAZON, AMAZON_LINKS),
}
