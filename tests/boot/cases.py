"""The matrix: what the world looks like for a boot, and how that boot must end."""
from dataclasses import dataclass, field

from probes import BARE, UNITS

GUARD = f"{UNITS}/goldseal-boot.service"
STAND_IN = "/etc/goldseal/stand-in"
CLOSED = ("poweroff", "frozen", "held")
VM_PLACES = ("debian12", "amazon")
# Not one file more.
FULL_DISK = "[Mount]\nWhat=tmpfs\nWhere={}\nType=tmpfs\nOptions=size=4k,nr_inodes=1\n"
FULL = {f"{UNITS}/var-lib-goldseal.mount": FULL_DISK.format("/var/lib/goldseal")}
TIMES = {f"{GUARD}.d/80-times.conf": "[Service]\nTimeoutStartSec=3s\n"}


@dataclass(frozen=True)
class Boot:
    """One boot. Whatever it is, no probe may run before the verdict, and none at all without one."""

    # boots, poweroff, held (nothing more happens), or CLOSED: any but boots.
    expect: str | tuple[str, ...]
    # What the stand-in does where it stands for the guard. None: only the guard itself can tell this world from a good one.
    stand_in: str | None = None
    # What is in the store: sealed, none, tampered, strangers, borrowed, expired, ending and the same ended, out (nobody
    # answers there).
    evidence: str = "sealed"
    # Of the fake IMDS: fields of its world, and whether it is on, refused or silent.
    world: dict = field(default_factory=dict)
    imds: str = "on"
    network: str = "dhcp"
    dhcp_after: float = 0
    # Of the machine, which only the VM tier has: `utc`, or an instant.
    clock: str = "utc"
    # Must stand on the console.
    says: str = ""
    # The instance has booted before: what cloud-init does once an instance is not done again.
    again: bool = False
    # Where it boots, every probe must run.
    whole: bool = True


@dataclass(frozen=True)
class Case:
    name: str
    boots: tuple[Boot, ...]
    # Put on the image; None takes the path out.
    files: dict[str, str | None] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    # What a launch tries, in cloud-init's earliest stage.
    attack: str = ":"
    # Not about a verdict: the stand-in stands for the guard even when that is there. `absent`: nothing stands there.
    behaviour: bool = False
    absent: bool = False
    places: tuple[str, ...] = ("debian12", "debian13", "amazon")
    tiers: tuple[str, ...] = ("container",)
    # What the image itself starts without asking for an order, which systemd/boot/README.md names.
    image_runs: tuple[str, ...] = (BARE,)
    # What the guard cannot prevent, and systemd/boot/README.md says so.
    limit: bool = False

    def places_of(self, tier: str) -> tuple[str, ...]:
        if tier not in self.tiers:
            return ()
        return self.places if tier == "container" else tuple(place for place in self.places if place in VM_PLACES)

    def needs_guard(self) -> bool:
        """Whether a stand-in would only play what is to be found out."""
        return not (self.behaviour or self.absent) and any(boot.stand_in is None for boot in self.boots)


def one(name: str, expect: str | tuple[str, ...], stand_in: str | None = None, **more) -> Case:
    """A case of one boot; what is a field of Boot goes there."""
    of_boot = {key: more.pop(key) for key in list(more) if key in Boot.__dataclass_fields__}
    return Case(name, (Boot(expect, stand_in, **of_boot),), **more)


FIRST = ("debian12",)
BOTH = ("container", "vm")
# Where the settings of the guard are, and what they name.
SETTINGS_OF_GUARD = {"settings": "/etc/goldseal/goldseal.toml", "policy": "/etc/goldseal/policy.toml",
                     "certificates": "/etc/goldseal/aws-identity.pem", "environment": "/etc/goldseal/boot.env"}
SETTINGS, POLICY, CERTIFICATES = (SETTINGS_OF_GUARD[name] for name in ("settings", "policy", "certificates"))

VERDICTS = (
    one("admitted", "boots", "admit", says="admitted", tiers=BOTH),
    one("no evidence", "poweroff", "refuse", evidence="none", says="refused", tiers=BOTH),
    one("tampered evidence", "poweroff", evidence="tampered", places=FIRST),
    one("evidence of a stranger", "poweroff", evidence="strangers", places=FIRST),
    one("evidence of another image", "poweroff", evidence="borrowed", places=FIRST),
    one("expired exception, first boot", "poweroff", evidence="expired", places=FIRST),
    Case("expired exception, later boot", (Boot("boots", evidence="ending"), Boot("boots", evidence="ended", again=True)),
         places=FIRST),
    one("store out", "poweroff", evidence="out", places=FIRST),
    one("no policy", "poweroff", files={POLICY: None}, places=FIRST),
    one("broken policy", "poweroff", files={POLICY: "version = 1\nno_match = \n"}, places=FIRST),
    one("no settings", "poweroff", files={SETTINGS: None}, places=FIRST),
    one("no certificates", "poweroff", files={CERTIFICATES: ""}, places=FIRST),
    one("clock behind the launch", "poweroff", world={"pending": "+3650d"}, places=FIRST),
    # systemd sets a clock that is before its own making to that.
    one("clock at 1970", "poweroff", clock="1970-01-01T00:00:00", tiers=("vm",), places=FIRST),
    one("forged identity document", "poweroff", world={"signer": "forger"}, places=FIRST),
    one("document that is not the signed one", "poweroff", places=FIRST,
        world={"signed": {"imageId": "ami-0ffffffffffffffff"}}),
    one("region without a certificate", "poweroff", world={"document": {"region": "mars-north-1"}}, places=FIRST),
)

IMDS = (
    one("IMDS off, refused", "poweroff", "admit", imds="refused", says="undetermined"),
    one("IMDS off, silent", "poweroff", "admit", imds="silent", says="undetermined", places=FIRST),
    one("IMDS disabled, 403", "poweroff", "admit", world={"faults": [{"status": 403}]}, places=FIRST),
    one("IMDSv1 only", "poweroff", "admit", world={"tokens": "never"}, places=FIRST),
    one("no identity document", "poweroff", "admit", places=FIRST,
        world={"faults": [{"path": "/latest/dynamic", "status": 404}]}),
    one("IMDS throttles", "boots", "admit", places=FIRST,
        world={"faults": [{"path": "/latest/api", "status": 503, "times": 3},
                          {"path": "/latest/dynamic", "status": 503, "times": 3}]}),
    one("IMDS slow", "boots", "admit", world={"faults": [{"path": "/latest/api", "delay": 1.5, "times": 1}]}, places=FIRST),
    one("slow DHCP", "boots", "admit", dhcp_after=4),
    one("no network", "poweroff", "admit", network="none", tiers=BOTH, places=("debian12",)),
    # By itself it waits for two minutes.
    one("no network, by networkd", "poweroff", "admit", network="none", places=("amazon",), files={
        f"{UNITS}/systemd-networkd-wait-online.service.d/time.conf":
            "[Service]\nExecStart=\nExecStart=/lib/systemd/systemd-networkd-wait-online --timeout=3\n"}),
)

BEHAVIOUR = (
    one("missing binary", "poweroff", absent=True, behaviour=True, tiers=BOTH),
    one("binary that is none", "poweroff", behaviour=True, files={"/usr/bin/goldseal": "not a program"}, places=FIRST),
    one("crash", "poweroff", "crash", behaviour=True),
    one("hang", "poweroff", "hang", behaviour=True, files=TIMES, tiers=BOTH),
    one("ignores SIGTERM", "poweroff", "deaf", behaviour=True, files=TIMES),
    one("slow verdict, refused", "poweroff", "slow-refuse", behaviour=True, places=("debian12", "amazon")),
    one("slow verdict, admitted", "boots", "slow", behaviour=True, places=("debian12", "amazon")),
    one("record beside a boot that goes on", "boots", "beside", behaviour=True, says="recorded beside the boot"),
    one("network that never comes up", "poweroff", "admit", behaviour=True, places=FIRST, files={
        f"{UNITS}/networking.service.d/hang.conf": "[Service]\nExecStartPre=/bin/sleep infinity\n",
        f"{GUARD}.d/80-times.conf": "[Unit]\nJobTimeoutSec=4s\n"}),
    # What an admitted boot would remember cannot be kept, and the guard says so.
    one("disk full, admitted", "boots", says="could be remembered", places=("debian12", "amazon"), files=FULL),
    one("disk full, refused", "poweroff", "refuse", evidence="none", places=FIRST, files=FULL),
    # systemd cannot make the folder, and starts no guard.
    one("disk full, no folder for the state", "poweroff", "admit", places=FIRST, files={
        f"{UNITS}/var-lib.mount": FULL_DISK.format("/var/lib")}),
    one("powers off by itself", "poweroff", "acts", behaviour=True, says="powers off"),
    one("keeps the machine for a person", "held", "emergency", behaviour=True, says="Emergency Shell"),
    one("reports only", "boots", "report", behaviour=True, says="reports", places=FIRST),
)

# systemd then takes this for the first boot of all, and enables what presets say.
NEW = {"/etc/machine-id": "uninitialized\n"}

IMAGE = (
    one("unit masked by a link", CLOSED, "admit", behaviour=True, links={GUARD: "/dev/null"}),
    one("unit file gone", CLOSED, "admit", behaviour=True, files={GUARD: None}),
    # On Debian 12, presets start a wait for networkd, which has no interface there.
    one("first boot presets, refused", "poweroff", "refuse", behaviour=True, places=("debian13", "amazon"), files=NEW),
    one("first boot presets, admitted", "boots", "admit", behaviour=True, places=("debian13", "amazon"), files=NEW),
    one("cycle: the guard after what it holds", CLOSED, "refuse", behaviour=True,
        files={f"{GUARD}.d/cycle.conf": "[Unit]\nAfter=sysinit.target\n"}),
    one("cycle: cloud-init's first stage after sysinit", CLOSED, "refuse", behaviour=True, places=("debian12", "debian13"),
        files={f"{UNITS}/cloud-init-local.service.d/cycle.conf": "[Unit]\nAfter=sysinit.target\n"}),
    one("nothing wanted beside the guard", "poweroff", "refuse", behaviour=True, places=("amazon",),
        files={f"{UNITS}/default.target.wants": None}, image_runs=()),
)


def attacked(name: str, attack: str, then: str | tuple[str, ...] = "poweroff", says: str = "", whole: bool = True,
             **more) -> Case:
    """The first boot is admitted, and what came with the launch turns on the guard; the next must not be let through."""
    boots = (Boot("boots", "admit", says=says, whole=whole), Boot(then, "refuse", evidence="none", again=True))
    return Case(f"user data: {name}", boots, attack=attack, **more)


EVERYTHING = ("systemctl mask --now goldseal-boot.service; systemctl stop goldseal-boot.service; systemctl kill -s KILL "
              "goldseal-boot.service; cp /bin/true /usr/bin/goldseal; find /etc/systemd -name '*goldseal*' -delete; "
              "systemctl daemon-reload")
LATER = (
    Case("second boot, admitted", (Boot("boots", "admit"), Boot("boots", "admit", again=True))),
    Case("second boot, refused", (Boot("boots", "admit"), Boot("poweroff", "refuse", evidence="none", again=True))),
    one("user data: all of it, refused", "poweroff", "refuse", evidence="none", attack=EVERYTHING),
    attacked("mask", "for how in --now --force --runtime; do systemctl mask $how goldseal-boot.service; done "
             ">/dev/console 2>&1", says="already exists"),
    attacked("disable", "systemctl disable --now goldseal-boot.service", places=FIRST),
    attacked("stop", "systemctl stop goldseal-boot.service", places=FIRST),
    attacked("kill", "systemctl kill -s KILL goldseal-boot.service; killall -9 goldseal", places=FIRST),
    attacked("mark that it is held", "mkdir -p /run/goldseal; touch /run/goldseal/held", places=FIRST),
    attacked("remove the unit", f"rm {GUARD}; systemctl daemon-reload", CLOSED, places=FIRST, whole=False),
    attacked("replace the binary", "cp /bin/true /usr/bin/goldseal", "boots", places=FIRST, limit=True),
    attacked("remove everything", "find /etc/systemd -path '*goldseal-boot*' -delete; systemctl daemon-reload", "boots",
             places=FIRST, limit=True),
)

CASES = VERDICTS + IMDS + BEHAVIOUR + IMAGE + LATER
