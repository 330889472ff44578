"""What must not run before the verdict: units of every kind, and user data for every stage of cloud-init.

A probe says its name on a second serial port (in the container tier a file stands there), and nothing else.
"""
PORT = "/dev/ttyS1"
UNITS = "/etc/systemd/system"
END = "END"
# The guard has succeeded. With a + this is outside the guard's sandbox, but not outside its control group.
ADMITTED = "ADMITTED"


def say(name: str) -> str:
    return f"/bin/sh -c 'echo {name} >> {PORT}'"


def service(name: str, unit: str = "") -> str:
    return (f"[Unit]\nDescription=probe {name}\n{unit}\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
            f"ExecStart={say(name)}\n")


# By unit: what it is, and which target wants it.
SERVICES = {
    "workload.service": (service("multi-user"), "multi-user.target"),
    "early.service": (service("basic"), "basic.target"),
    "beside.service": (service("default-target"), "default.target"),
    "tick.service": (service("timer"), None),
    "tick.timer": ("[Timer]\nOnStartupSec=0\nAccuracySec=1ms\n", "timers.target"),
    "door.socket": (f"[Socket]\nListenStream=/run/door\nAccept=yes\nExecStartPost={say('socket')}\n", "sockets.target"),
    "door@.service": ("[Service]\nExecStart=/bin/true\n", None),
    "end.service": (
        "[Unit]\nAfter=multi-user.target cloud-final.service cloud-init.target workload.service beside.service ssh.service\n"
        f"[Service]\nType=oneshot\nExecStart={say(END)}\nExecStart=systemctl reboot --force --force\n", "multi-user.target"),
}
# The image's own unit that asks for no ordering and hangs on sysinit.target. Nothing but another transaction (the recipe
# default-target) keeps such a unit back.
BARE = "no-dependencies"
BARE_UNIT = {"bare.service": (service(BARE, "DefaultDependencies=no\nAfter=local-fs.target\n"), "sysinit.target")}

OF_UNITS = {"multi-user", "basic", "default-target", "timer", "socket", "sshd"}
OF_USER_DATA = {"boothook", "bootcmd", "write-files", "runcmd", "script"}
# What cloud-init does once an instance, and not at its later boots.
ONCE = {"write-files", "runcmd", "script"}
ALL = OF_UNITS | OF_USER_DATA

CLOUD = """datasource_list: [Ec2]
datasource:
  Ec2:
    metadata_urls: ["http://169.254.169.254"]
    strict_id: false
    timeout: 5
    max_wait: 20
    apply_full_imds_network_config: false
locale: false
manage_etc_hosts: false
package_update: false
package_upgrade: false
ssh_genkeytypes: [ed25519]
"""
# What an image carries too, but says nothing about the guard and takes its time.
NOISE = """apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
systemd-pstore.service console-getty.service getty@tty1.service modprobe@configfs.service modprobe@dm_mod.service
modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service modprobe@loop.service""".split()

USER_DATA = """Content-Type: multipart/mixed; boundary="B"
MIME-Version: 1.0

--B
Content-Type: text/cloud-boothook; charset="us-ascii"

#!/bin/sh
echo boothook >> {port}
{boothook}
--B
Content-Type: text/cloud-config; charset="us-ascii"

#cloud-config
bootcmd:
 - [ sh, -c, "echo bootcmd >> {port}" ]
write_files:
 - path: /run/written
   content: x
runcmd:
 - [ sh, -c, "test -e /run/written && echo write-files >> {port}; echo runcmd >> {port}" ]

--B
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/sh
echo script >> {port}
--B--
"""


def user_data(boothook: str = ":") -> str:
    """For every stage; what else a launch tries, it tries in the earliest."""
    return USER_DATA.format(port=PORT, boothook=boothook)


def files() -> tuple[dict[str, str], dict[str, str]]:
    """Files and links of the probes."""
    units = SERVICES | BARE_UNIT
    made = {f"{UNITS}/{name}": text for name, (text, _) in units.items()}
    made[f"{UNITS}/ssh.service.d/probe.conf"] = f"[Service]\nExecStartPost={say('sshd')}\n"
    made[f"{UNITS}/goldseal-boot.service.d/90-probe.conf"] = f"[Service]\nDeviceAllow={PORT} w\nExecStartPost=+{say(ADMITTED)}\n"
    made["/etc/cloud/cloud.cfg.d/90-probe.cfg"] = CLOUD
    links = {f"{UNITS}/{target}.wants/{name}": f"../{name}" for name, (_, target) in units.items() if target}
    return made, links | {f"{UNITS}/{name}": "/dev/null" for name in NOISE}
