"""The container tier: real systemd and real cloud-init, as PID 1 of namespaces of their own (namespaces.sh)."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from layer import Layer
from outcome import Outcome
from probes import END

HERE = Path(__file__).resolve().parent
ENDS = {130: "poweroff", -signal.SIGINT: "poweroff", 129: "reboot", -signal.SIGHUP: "reboot", 255: "frozen"}
# An overlay, a cgroup of one's own, a link and a console: what a machine is made of.
TRY = """set -e
mount -t tmpfs none /mnt
mkdir /mnt/a /mnt/u /mnt/w /mnt/o
mount -t overlay overlay -o lowerdir=/mnt/a,upperdir=/mnt/u,workdir=/mnt/w /mnt/o
findmnt -n -t cgroup2 >/dev/null || { echo 'no cgroup2 here' >&2; exit 1; }
ip link add here type veth peer name there"""
CONTROL = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-_])")


def cannot() -> str:
    """Why there can be no machine here, if there cannot."""
    if os.geteuid():
        return "namespaces for a whole machine need root"
    for tool in ("unshare", "ip", "findmnt", "pivot_root"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    tried = subprocess.run(["unshare", "-n", "-m", "-p", "-f", "-u", "-i", "-C", "sh", "-c", TRY], capture_output=True,
                           text=True, check=False)
    return tried.stderr.strip().splitlines()[-1] if tried.returncode else ""


class Container:
    """One machine: its disk lasts as long as it does, over any number of boots."""

    def __init__(self, root: Path, layer: Layer, keys: Path):
        self.folder = Path(tempfile.mkdtemp(prefix="goldseal-boot-", dir="/dev/shm"))
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir()
        self.root, self.keys = root, keys
        layer.write(self.folder / "upper")

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def put(self, path: str, content: str) -> None:
        disk = Layer()
        disk.file(path, content)
        disk.write(self.folder / "upper")

    def boot(self, world: dict, user_data: str, limit: float, network: str, dhcp_after: float, imds: str,
             store: str) -> Outcome:
        (self.folder / "user-data").write_text(user_data)
        (self.folder / "world.json").write_text(json.dumps({"user_data": str(self.folder / "user-data")} | world))
        (self.folder / "marks").write_bytes(b"")
        (self.folder / "imds").unlink(missing_ok=True)
        mine, its = os.openpty()
        env = os.environ | {
            "SCENE": str(self.folder), "ROOT": str(self.root), "TTY": os.ttyname(its), "NETWORK": network,
            "DHCP_AFTER": str(dhcp_after), "IMDS": imds, "PYTHON": sys.executable,
            "KEYS": str(self.keys), "STORE": store}
        out = Outcome()
        with open(self.folder / "scene.log", "wb") as log:
            scene = subprocess.Popen(
                ["unshare", "-n", HERE / "namespaces.sh", "scene", "systemd.show_status=1"], env=env, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.set_blocking(mine, False)
        try:
            while scene.poll() is None and out.seconds() < limit:
                time.sleep(0.02)
                self._look(mine, out)
            out.end = ENDS.get(scene.returncode, f"exit {scene.returncode}") if scene.returncode is not None else "held"
        finally:
            self._kill(scene)
        self._look(mine, out)
        os.close(mine)
        os.close(its)
        out.took = out.seconds()
        out.end = "boots" if out.end == "reboot" and END in out.marks else out.end
        out.scene = (self.folder / "scene.log").read_text(errors="replace")
        return out

    def _look(self, console: int, out: Outcome) -> None:
        try:
            while said := os.read(console, 65536):
                out.hear_console(CONTROL.sub("", said.decode(errors="replace")).replace("\r", ""))
        except BlockingIOError:
            pass
        out.hear_marks((self.folder / "marks").read_text(errors="replace"))

    def _kill(self, scene: subprocess.Popen) -> None:
        """Ends the scene with all that it started, and takes its cgroup away."""
        try:
            os.killpg(scene.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        scene.wait()
        try:
            cgroup = Path((self.folder / "cgroup").read_text().strip())
        except OSError:
            return
        for _ in range(100):
            for folder, _, _ in os.walk(cgroup, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
            if not cgroup.exists():
                return
            time.sleep(0.02)
