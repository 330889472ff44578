"""One `goldseal hook` process: started, killed, stopped, and asked for its figures."""
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


class Replica:
    """A process that can be started again, with its own address and one log for all its lives."""

    def __init__(self, command: list[str], env: dict, folder: Path, name: str):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{taken.getsockname()[1]}"
        self.command, self.env, self.folder = [*command, "--listen", self.address], env, folder
        self.name, self.log = name, folder / f"{name}.log"
        self.process: subprocess.Popen | None = None
        self.lives = 0

    def start(self) -> None:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log)
        self.lives += 1

    def ready(self, seconds: float = 30) -> "Replica":
        """Waits until it answers."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.ended():
                break
            try:
                self._get("healthz")
                return self
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"{self.name} did not start:\n{self.said()[-2000:]}")

    def ended(self) -> bool:
        """Whether it is gone though nobody stopped it."""
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self, seconds: float = 75) -> int:
        """Asks it to end and gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        finally:
            self.kill()

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # --- figures ------------------------------------------------------------

    def metrics(self) -> "Metrics":
        return Metrics(self._get("metrics"))

    def cpu(self) -> float:
        """User and system time so far, in milliseconds."""
        # The name of the program stands in parentheses and may hold anything.
        after = self._proc("stat").rpartition(")")[2].split()
        return (int(after[11]) + int(after[12])) * 1000 / TICK

    def resident(self) -> float:
        """Mebibytes."""
        return int(re.search(r"^VmRSS:\s+(\d+) kB", self._proc("status"), re.M)[1]) / 1024

    def threads(self) -> int:
        return int(re.search(r"^Threads:\s+(\d+)", self._proc("status"), re.M)[1])

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.process.pid}/{name}").read_text()

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.address}/{path}", timeout=5) as answer:
            return answer.read().decode()


class Metrics:
    """Samples of the OpenMetrics text."""

    LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
    LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text: str):
        self.samples = [(found[1], dict(self.LABEL.findall(found[2] or "")), float(found[3]))
                        for found in map(self.LINE.match, text.splitlines()) if found]

    def sum(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples whose labels are these; a value may be the beginning and `*`."""
        def meets(label: str | None, wanted: str) -> bool:
            return label is not None and (label.startswith(wanted[:-1]) if wanted.endswith("*") else label == wanted)

        return sum(value for found, given, value in self.samples
                   if found == name and all(meets(given.get(key), wanted) for key, wanted in labels.items()))

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        return {tuple(given.get(label, "") for label in labels): value
                for found, given, value in self.samples if found == name}

    def quantile(self, name: str, share: float) -> float:
        """Below which bound of a histogram's so many of all are; infinite where that is above the last."""
        buckets = sorted((float(given["le"].replace("+Inf", "inf")), value)
                         for found, given, value in self.samples if found == f"{name}_bucket")
        wanted = share * buckets[-1][1]
        return next(bound for bound, value in buckets if value >= wanted)
