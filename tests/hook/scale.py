"""A group is scaled out from nothing: all of a sealed image go into service, and of a bad one never any."""
import argparse
import threading
import time
from collections import Counter

from scene import Checks, Scene

SIZE = 50
# A bad group launches for ever; it is made empty again after so many.
ENOUGH = 3 * SIZE
# What an instance that was abandoned may be seen in.
ENDED = {"Terminating", "Terminating:Wait", "Terminating:Proceed", "Terminated"}


class Watch(threading.Thread):
    """Asks for the states of groups as fast as answers come, and remembers all that it saw."""

    def __init__(self, scene: Scene, groups: list[str]):
        super().__init__(daemon=True)
        self.scene, self.groups = scene, groups
        self.seen: dict[str, Counter] = {group: Counter() for group in groups}
        self.looks, self.over = 0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self.over.wait(0.05):
            for group in self.groups:
                self.seen[group].update(self.scene.states(group).keys())
            self.looks += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--goldseal", required=True)
    chosen = parser.parse_args()
    checks = Checks()
    with Scene(chosen.goldseal) as scene:
        (sealed,) = scene.forge.sealed()
        bad = scene.forge.bad(4)
        scene.group("web", sealed)
        for image, group in bad.items():
            scene.group(group, image)
        scene.order(invisible_for=1.0)
        (hook,) = scene.hook()
        watch = Watch(scene, ["web", *bad.values()])

        start = time.monotonic()
        scene.scale("web", SIZE)
        good = scene.until(lambda: scene.states("web") == {"InService": SIZE}, 60)
        took = time.monotonic() - start
        checks.that(good, f"a sealed image: 0 to {SIZE}, all in service", dict(scene.states("web")))
        print(f"        {took:.1f} s; {hook.metrics().sum('goldseal_hook_verifications_total'):.0f} verification")

        for image, group in bad.items():
            scene.scale(group, SIZE)
            ended = scene.until(lambda: abandoned(scene, image) >= ENOUGH, 90)
            scene.scale(group, 0)
            checks.that(ended, f"{group}: 0 to {SIZE}, abandoned {abandoned(scene, image)} times",
                        f"{abandoned(scene, image)} times, {dict(scene.states(group))}")
            results = Counter(one["result"] for one in of(scene, image) if one["state"] == "completed")
            checks.that(set(results) == {"ABANDON"}, f"{group}: none was continued", dict(results))
            states = watch.seen[group]
            further = set(states) - {"Pending", "Pending:Wait"} - ENDED
            checks.that(not further, f"{group}: none went further than Pending:Wait", dict(states))
        watch.over.set()
        watch.join(10)
        checks.that(watch.looks >= 20 and "InService" in watch.seen["web"], "somebody was watching",
                    f"{watch.looks} looks, {dict(watch.seen['web'])}")
        checks.that(hook.stop() == 0, "the hook stopped when it was told to")
        if checks.failed:
            print(hook.said()[-4000:])
    checks.close()


def of(scene: Scene, image: str) -> list[dict]:
    return [one for one in scene.ledger() if one["image"] == image]


def abandoned(scene: Scene, image: str) -> int:
    return sum(one["result"] == "ABANDON" for one in of(scene, image))


main()
