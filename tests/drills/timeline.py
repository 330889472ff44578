"""A drill: a scene, what is done in it and when, and what has to hold."""
import signal
import time
from collections import Counter

from scene import BUCKET, Checks, Scene


class Drill(Scene):
    """One bad day, told line by line: how many seconds after it began, and what happened."""

    def __init__(self, goldseal: str, checks: Checks, name: str, **scene: str):
        super().__init__(goldseal, **scene)
        self.checks, self.start = checks, time.monotonic()
        print(f"\n{name}", flush=True)

    def begins(self, what: str) -> None:
        """The clock of the drill starts here; what was before is everyday."""
        self.start = time.monotonic()
        self.says(what)

    def says(self, what: str) -> None:
        print(f"  t+{time.monotonic() - self.start:.1f} s  {what}", flush=True)

    def holds(self, what: str, said, seconds: float = 30) -> None:
        """Waits until something holds, tells when it did, and counts it."""
        answer = self.until(said, seconds)
        if answer:
            self.says(what)
        self.checks.that(answer, what, f"not within {seconds:.0f} s; {dict(self.states())}\n{self.log()}")

    def stays(self, what: str, said, seconds: float) -> None:
        """Insists that something holds all the time."""
        end = time.monotonic() + seconds
        while (answer := said()) and time.monotonic() < end:
            time.sleep(0.25)
        if answer:
            self.says(what)
        self.checks.that(answer, what, f"{dict(self.states())}\n{self.log()}")

    # --- what hooks and groups do ---------------------------------------------

    def serves(self, group: str, size: int) -> bool:
        return self.states(group).get("InService", 0) == size

    def results(self, group: str) -> Counter:
        return Counter(one["result"] for one in self.ledger() if one["group"] == group and one["state"] == "completed")

    def waits(self, group: str) -> bool:
        return any(one["group"] == group and one["state"] == "waiting" for one in self.ledger())

    def figure(self, name: str, **labels: str) -> float:
        return sum(one.metrics().sum(name, **labels) for one in self.replicas)

    def policy(self, text: str) -> None:
        """Pushes a policy to where the hooks read it, and has them read it."""
        (self.folder / "policy.toml").write_text(text)
        for one in self.replicas:
            one.process.send_signal(signal.SIGHUP)

    def restarts(self) -> None:
        """What a hook holds in memory is gone, as after a deployment."""
        for one in self.replicas:
            # Told to stop, so that no message is given to one who is gone.
            one.stop()
            one.start()
            one.ready()

    def log(self) -> str:
        return "\n".join(one.said()[-1500:] for one in self.replicas)


def out(service: str, status: int = 503, code: str = "ServiceUnavailable", **more: str) -> dict:
    """A service that answers nothing else."""
    return {"service": service, "times": 0, "status": status, "code": code, **more}


__all__ = ["BUCKET", "Checks", "Drill", "out"]
