"""Makes the image of a case for a place, and boots it in a tier."""
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import container
import probes
from cases import SETTINGS_OF_GUARD, Boot, Case
from container import Container
from evidence import Evidence
from identity import Keys
from layer import Layer, image
from machine import Machine
from outcome import Outcome
from places import BY_NAME, PLACES

HERE = Path(__file__).resolve().parent
TIERS = ("container", "vm")
# Seconds: a boot that must end, and one that must not.
LIMIT, PATIENCE = {"container": 60, "vm": 300}, {"container": 8, "vm": 120}
NO_GUARD = "only the guard itself can tell; --guard names it"


class Bench:
    """What all boots share."""

    def __init__(self, folder: Path, guard: Path | None):
        self.folder, self.guard = folder, guard
        self.stand_in = (HERE / "stand_in.sh").read_bytes()
        self.keys = folder / "keys"
        Keys(self.keys)
        self._made: dict[tuple[str, ...], list[str] | str] = {}
        self._evidence: Evidence | None = None
        self._lock = threading.Lock()

    def why_not(self, case: Case, tier: str, place: str) -> str:
        """Why a case cannot be run, if it cannot."""
        if case.needs_guard() and not self.guard:
            return NO_GUARD
        if tier == "container" and (why := container.cannot()):
            return why
        made = self._make(tier, PLACES[place].suite)
        return made if isinstance(made, str) else ""

    def run(self, case: Case, tier: str, place: str) -> Iterator[tuple[Boot, Outcome]]:
        """Boots, one after the other, on the same disk where there are several."""
        made = self._make(tier, PLACES[place].suite)
        layer = self._image(case, tier, place)
        if tier == "vm":
            (boot,) = case.boots
            layer.file("/etc/goldseal/stand-in", boot.stand_in or "")
            qemu, kernel, disk = made
            with Machine(disk, kernel, qemu, layer, self.keys) as machine:
                yield boot, machine.boot(self._world(case, boot), probes.user_data(case.attack), self._limit(tier, boot),
                                         boot.network, boot.imds, boot.clock, self._store(boot))
            return
        with Container(Path(made[0]), layer, self.keys) as machine:
            for boot in case.boots:
                machine.put("/etc/goldseal/stand-in", boot.stand_in or "")
                # Without DMI cloud-init does not know that this is EC2, and asks for no token.
                world = self._world(case, boot) | {"v1_agents": ["Cloud-Init", "python-requests"]}
                yield boot, machine.boot(world, probes.user_data(case.attack), self._limit(tier, boot), boot.network,
                                         boot.dhcp_after, boot.imds, self._store(boot))

    def evidence(self) -> Evidence | None:
        """A store with images of every kind, once the guard is there to seal them."""
        with self._lock:
            if self.guard and not self._evidence:
                self._evidence = Evidence(self.guard, self.folder)
            return self._evidence

    def _image(self, case: Case, tier: str, place: str) -> Layer:
        binary = self.stand_in if case.behaviour or not self.guard else self.guard.read_bytes()
        made = image(PLACES[place], None if case.absent else binary)
        if evidence := self.evidence():
            for path, content in evidence.settings().items():
                made.file(path, content)
            made.file(SETTINGS_OF_GUARD["certificates"], (self.keys / "aws.pem").read_bytes())
        if tier == "vm":
            for path in BY_NAME:
                if PLACES[place].files is BY_NAME:
                    made.without(path)
        for path, content in case.files.items():
            if content is None:
                made.without(path)
            else:
                made.file(path, content, 0o755 if path.startswith("/usr/bin/") else 0o644)
        for path, target in case.links.items():
            made.link(path, target)
        return made

    def _world(self, case: Case, boot: Boot) -> dict:
        if case.behaviour or not (evidence := self.evidence()):
            return boot.world
        document = {"imageId": evidence.image(boot.evidence)} | boot.world.get("document", {})
        return {"credentials": {}} | boot.world | {"document": document}

    def _store(self, boot: Boot) -> str:
        evidence = self.evidence()
        return str(evidence.socket) if evidence and boot.evidence != "out" else ""

    @staticmethod
    def _limit(tier: str, boot: Boot) -> float:
        return PATIENCE[tier] if boot.expect == "held" else LIMIT[tier]

    def _make(self, tier: str, suite: str) -> list[str] | str:
        """The root of a suite, or QEMU, kernel and disk; or why there is none."""
        command = ("roots.sh", suite) if tier == "container" else ("vm.sh", suite)
        if command not in self._made:
            made = subprocess.run([HERE / command[0], suite], stdout=subprocess.PIPE, text=True, check=False)
            if made.returncode not in (0, 3):
                sys.exit(f"boot: {command[0]} {suite} failed")
            self._made[command] = f"{command[0]} cannot work on this machine, see above" if made.returncode else made.stdout.split()
        return self._made[command]
