"""Launches for an hour, as steadily as they come in quiet times: what the process holds must not grow.

Of samples taken all along, the median of the last quarter is compared with that of the second; the first warms up.
"""
import argparse
import itertools
import statistics
import time

from scene import Checks, Scene, percentile

IMAGES = 10
# A group is made empty when it has so many, so that the local AWS stays quick.
LARGEST = 40
SAMPLE_EVERY = 5.0
# So often the local AWS forgets what has ended.
FORGET_EVERY = 60.0


class Soak:
    """Steady launches of sealed images, and of a bad one now and then."""

    def __init__(self, scene: Scene, rate: float):
        self.scene, self.rate = scene, rate
        good = scene.forge.sealed(IMAGES)
        self.groups = {scene.group(f"web-{i}", image): 0 for i, image in enumerate(good)}
        self.bad = {scene.group(kind, image): image for image, kind in scene.forge.bad(4).items()}
        self.good = set(good)
        self.launched, self.seconds, self.wrong = 0, [], []
        (self.hook,) = scene.hook()

    def run(self, seconds: float) -> list[tuple[float, int, int]]:
        samples, turn, doomed = [], itertools.cycle(self.groups), itertools.cycle(self.bad)
        start = now = time.monotonic()
        launch = sample = forget = now
        while now < start + seconds:
            if now >= launch:
                launch += 1 / self.rate
                self.grow(next(turn))
                # One in twenty is bad. Its replacement is suspended before it comes: the breaker would be a second test.
                if self.launched % 20 == 0:
                    self.spoil(next(doomed))
            if now >= sample:
                sample += SAMPLE_EVERY
                samples.append((self.hook.resident(), self.hook.descriptors(), self.hook.threads()))
            if now >= forget:
                forget += FORGET_EVERY
                self.forget()
            time.sleep(max(0.0, min(launch, sample, forget) - time.monotonic()))
            now = time.monotonic()
        self.scene.until(lambda: not self.waiting(), 90, 1)
        self.left = self.waiting()
        self.forget()
        return samples

    def grow(self, group: str) -> None:
        if self.groups[group] >= LARGEST:
            # What waits still would be gone, and not be ours to decide.
            if any(one["group"] == group for one in self.waiting()):
                return
            self.groups[group] = 0
            self.scene.scale(group, 0)
        self.groups[group] += 1
        self.launched += 1
        self.scene.scale(group, self.groups[group])

    def spoil(self, group: str) -> None:
        resume, suspend = self.scene.autoscaling.resume_processes, self.scene.autoscaling.suspend_processes
        resume(AutoScalingGroupName=group, ScalingProcesses=["Launch"])
        self.scene.scale(group, 1)
        suspend(AutoScalingGroupName=group, ScalingProcesses=["Launch"])
        self.launched += 1

    def waiting(self) -> list[dict]:
        return [one for one in self.scene.ledger() if one["state"] == "waiting"]

    def forget(self) -> None:
        """Judges what has ended, and lets the local AWS forget it."""
        ended = self.scene.forget_ended()
        for one in ended:
            if (one["state"], one["result"]) != ("completed", "CONTINUE" if one["image"] in self.good else "ABANDON"):
                self.wrong.append(one)
        self.seconds += [one["ended"] - one["started"] for one in ended]
        self.scene.forget_calls()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--goldseal", required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=2, help="launches a second")
    chosen = parser.parse_args()
    checks = Checks()
    with Scene(chosen.goldseal, policy="[breaker]\ninstances = 100\n") as scene:
        soak = Soak(scene, chosen.rate)
        idle = soak.hook.resident()
        before, start = soak.hook.cpu(), time.monotonic()
        samples = soak.run(chosen.minutes * 60)
        took, cpu = time.monotonic() - start, soak.hook.cpu() - before
        quarter = len(samples) // 4
        print(f"{soak.launched} launches in {took / 60:.1f} min; decision p50 {percentile(soak.seconds, .5):.2f} s, "
              f"p99 {percentile(soak.seconds, .99):.2f} s; CPU {cpu / soak.launched:.2f} ms a launch")
        for name, index, unit, allowed in (("resident memory", 0, "MiB", lambda second: 0.1 * second),
                                           ("descriptors", 1, "", lambda _: 2), ("threads", 2, "", lambda _: 2)):
            figures = [one[index] for one in samples]
            second, last = (statistics.median(part) for part in (figures[quarter:2 * quarter], figures[-quarter:]))
            first = f"idle {idle:.1f}, " if index == 0 else ""
            print(f"{name}: {first}second quarter {second:.1f}, last {last:.1f}, highest {max(figures):.1f} {unit}")
            checks.that(last - second <= allowed(second), f"{name}: flat", f"{second:.1f} became {last:.1f} {unit}")
        checks.that(len(samples) >= 16, "there are samples enough", len(samples))
        checks.that(not soak.left, "nothing is left waiting", len(soak.left))
        checks.that(not soak.wrong, "each was decided by us, and rightly", soak.wrong[:3])
        checks.that(len(soak.seconds) == soak.launched, "all launches are accounted for",
                    f"{len(soak.seconds)} of {soak.launched}")
        checks.that(not soak.hook.ended() and soak.hook.stop() == 0, "the hook ran all along and stopped when told to")
        if checks.failed:
            print(soak.hook.said()[-4000:])
    checks.close()


main()
