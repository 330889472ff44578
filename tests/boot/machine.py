"""The VM tier: the same images under QEMU, with a real kernel, DHCP, and a cloud-init that sees an instance of EC2.

TCG by name: a KVM of this kind or that may be there and not run a kernel of Debian's.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from container import CONTROL
from layer import Layer
from outcome import Outcome
from probes import END

HERE = Path(__file__).resolve().parent
# What the kernel says last.
ENDS = {"reboot: Power down": "poweroff", "reboot: Restarting system": "reboot", "reboot: System halted": "halted"}
COMMAND = """console=ttyS0 root=/dev/nvme0n1 rootfstype=ext4 rw panic=-1 init=/usr/sbin/vm-init quiet loglevel=4 nokaslr
mitigations=off tsc=reliable no_timer_check cryptomgr.notests random.trust_cpu=on rcupdate.rcu_expedited=1 8250.nr_uarts=2
net.ifnames=0 audit=0 apparmor=0 selinux=0 systemd.show_status=1"""
UUID = "ec2a0000-1111-2222-3333-444455556666"
SCENE = """ip link set lo up
[ "$IMDS" = silent ] || ip address add 169.254.169.254/32 dev lo
if [ "$IMDS" = on ]; then
    "$PYTHON" "$HERE/imds.py" --world world.json --keys "$KEYS" --listen 169.254.169.254:80 --log imds.log >imds &
fi
[ -z "$STORE" ] || "$PYTHON" "$HERE/relay.py" tcp:127.0.0.1:5566 "unix:$STORE" &
exec "$@"
"""


class Machine:
    """One virtual machine, for one boot."""

    def __init__(self, disk: str, kernel: str, qemu: str, layer: Layer, keys: Path):
        self._folder = tempfile.TemporaryDirectory(prefix="goldseal-vm-", dir="/dev/shm")
        self.folder = Path(self._folder.name)
        self.disk, self.kernel, self.qemu, self.layer, self.keys = disk, kernel, qemu, layer, keys

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def boot(self, world: dict, user_data: str, limit: float, network: str, imds: str, clock: str, store: str) -> Outcome:
        self._lay()
        (self.folder / "user-data").write_text(user_data)
        (self.folder / "world.json").write_text(json.dumps({"user_data": str(self.folder / "user-data")} | world))
        env = os.environ | {"IMDS": imds, "PYTHON": sys.executable, "HERE": str(HERE), "KEYS": str(self.keys), "STORE": store}
        out = Outcome()
        with open(self.folder / "scene.log", "wb") as log:
            scene = subprocess.Popen(["unshare", "-n", "sh", "-c", SCENE, "scene", *self._command(network, clock)], env=env,
                                     cwd=self.folder, start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while scene.poll() is None and out.seconds() < limit:
                time.sleep(0.1)
                self._look(out)
            ended = scene.returncode is not None
        finally:
            try:
                os.killpg(scene.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            scene.wait()
        self._look(out)
        said = [end for words, end in ENDS.items() if words in out.console]
        out.took = out.seconds()
        out.end = (said[-1] if said else f"exit {scene.returncode}") if ended else "held"
        out.end = "boots" if out.end == "reboot" and END in out.marks else out.end
        out.scene = (self.folder / "scene.log").read_text(errors="replace")
        return out

    def _look(self, out: Outcome) -> None:
        for name, take in (("console", self._console), ("marks", Outcome.hear_marks)):
            file = self.folder / name
            if file.exists():
                take(out, file.read_text(errors="replace").replace("\r", ""))

    @staticmethod
    def _console(out: Outcome, text: str) -> None:
        out.console = CONTROL.sub("", text)

    def _lay(self) -> None:
        """The layer as a disk of its own."""
        with tempfile.TemporaryDirectory(dir="/dev/shm") as tree:
            self.layer.write(Path(tree))
            size = sum(len(content) for content, _ in self.layer.files.values()) // 2**20 + 24
            disk = self.folder / "layer"
            with open(disk, "wb") as file:
                file.truncate(size << 20)
            subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", tree, disk], check=True)

    def _command(self, network: str, clock: str) -> list[str]:
        command = [
            self.qemu, "-machine", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "qemu64", "-smp", "2", "-m", "768",
            "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "file:console", "-serial", "file:marks",
            "-rtc", f"base={clock}", "-kernel", self.kernel, "-append", COMMAND.replace("\n", " "),
            "-smbios", f"type=1,manufacturer=Amazon EC2,product=t3.micro,uuid={UUID},serial={UUID}",
            "-drive", f"if=none,id=root,file={self.disk},format=raw,snapshot=on,cache=unsafe", "-device", "nvme,drive=root,serial=root",
            "-drive", "if=none,id=layer,file=layer,format=raw,readonly=on", "-device", "nvme,drive=layer,serial=layer"]
        if network == "dhcp":
            command += ["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,mac=02:00:00:00:00:15,romfile="]
        return command
