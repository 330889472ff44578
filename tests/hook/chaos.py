"""Launches in bad weather: events doubled, lost and out of order, calls throttled, replicas killed, the store out.

Everything must be decided all the same, each wait once, and nothing bad may go into service. Who is killed and scaled
when, which events get lost, and which calls are throttled follow from the seed; how the processes interleave does not.
"""
import argparse
import json
import random
import time
from collections import Counter
from dataclasses import dataclass

from scene import BUCKET, Checks, Scene, percentile

REPLICAS = 3
DEADLINE = "10m"


@dataclass(frozen=True)
class Size:
    """How much of it. Times are seconds."""

    launches: int  # of sealed images, and of those next to bad ones
    groups: int
    breaker: int  # opens after so many
    mixed: int  # instances of the group that launches both kinds; every second is bad, so below `breaker`
    bad: int  # instances that a bad group wants
    launching: float  # launches are spread over so long
    killing: float  # and replicas are killed for so long
    out: tuple[float, float]  # the store, from when and for how long
    suspending: float  # share of SuspendProcesses that is throttled; what fails is tried again a minute later
    settling: float = 150  # then there may be work left for so long: messages of the dead come back, sweeps find the lost


FULL = Size(launches=850, groups=8, breaker=20, mixed=15, bad=20, launching=120, killing=150, out=(40, 60),
            suspending=0.5)
SHORT = Size(launches=90, groups=4, breaker=5, mixed=4, bad=8, launching=15, killing=21, out=(5, 10),
             suspending=0.05)
KILL_EVERY = 5.0
# So many times as many launches as a bad group wants.
ENDLESS = 20

THROTTLED = {"ec2": (503, "RequestLimitExceeded"), "autoscaling": (400, "Throttling"), "sqs": (403, "RequestThrottled"),
             "s3": (503, "SlowDown"), "sts": (400, "Throttling")}


class Storm:
    """One run: what is done when, and what is known of it afterwards."""

    def __init__(self, scene: Scene, size: Size, seed: int):
        self.scene, self.size, self.seed = scene, size, seed
        self.random = random.Random(seed)
        self.kills = 0
        self.exits: list[str] = []
        good = scene.forge.sealed(size.groups)
        self.bad = scene.forge.bad(5)
        # The last bad image is the neighbour of a good one.
        *alone, neighbour = self.bad
        self.wanted = {scene.group(f"web-{i}", image, target=i == 0): 0 for i, image in enumerate(good)}
        self.mixed = scene.group("mixed", good[0], neighbour)
        self.doomed = [scene.group(self.bad[image], image) for image in alone]
        self.good = set(good)

    # --- what happens -------------------------------------------------------

    def plan(self) -> list[tuple[float, object]]:
        """What to do, and how many seconds after the start."""
        size, steps = self.size, []
        left = size.launches - size.mixed
        while left > 0:
            more = min(left, self.random.randint(1, max(1, size.launches // 20)))
            left -= more
            group = self.random.choice(list(self.wanted))
            steps.append((self.random.uniform(0, size.launching), lambda group=group, more=more: self.grow(group, more)))
        for group in self.doomed:
            steps.append((self.random.uniform(0, size.launching / 2), lambda group=group: self.scene.scale(group, size.bad)))
        steps.append((self.random.uniform(0, size.launching / 2), lambda: self.scene.scale(self.mixed, size.mixed)))
        for number in range(int(size.killing / KILL_EVERY)):
            steps.append(((number + 0.5) * KILL_EVERY, self.kill))
        start, long = size.out
        steps += [(start, lambda: self.weather(out=True)), (start + long, lambda: self.weather(out=False))]
        return sorted(steps, key=lambda step: step[0])

    def run(self) -> None:
        scene = self.scene
        scene.order(seed=self.seed, lose=0.1, duplicate=0.3, delay=3.0, invisible_for=2.0)
        self.weather(out=False)
        scene.forget_calls()
        plan, start = self.plan(), time.monotonic()
        for at, do in plan:
            while (left := start + at - time.monotonic()) > 0:
                self.look()
                time.sleep(min(left, 0.5))
            do()
        # The calm after: what is left must come to its end by itself. Calls are throttled still.
        scene.until(lambda: self.look() or self.settled(), self.size.settling, 1)
        self.took = time.monotonic() - start

    def grow(self, group: str, more: int) -> None:
        self.wanted[group] += more
        self.scene.scale(group, self.wanted[group])

    def kill(self) -> None:
        self.look()
        one = self.random.choice(self.scene.replicas)
        one.kill()
        one.start()
        self.kills += 1

    def weather(self, out: bool) -> None:
        store = [{"service": "s3", "resource": BUCKET, "times": 0, "status": 503, "code": "ServiceUnavailable"}]
        throttled = [{"service": service, "share": 0.05, "seed": self.seed + number + 10 * out, "times": 0,
                      "status": status, "code": code, "message": "Rate exceeded"}
                     for number, (service, (status, code)) in enumerate(THROTTLED.items())]
        # Seldom called, so seldom met by the rest: a breaker that opened must suspend launches in the end.
        suspension = {"action": "SuspendProcesses", "share": self.size.suspending, "seed": self.seed, "times": 0, "status": 400,
                      "code": "Throttling", "message": "Rate exceeded"}
        # Done, and nobody hears of it: who asks again learns that there is no such wait.
        lost = {"action": "CompleteLifecycleAction", "share": 0.05, "seed": self.seed + 20, "times": 0, "lost": True}
        self.scene.faults(*(store if out else []), suspension, lost, *throttled)

    def look(self) -> None:
        """Starts again what ended by itself, and remembers it."""
        for one in self.scene.replicas:
            if one.ended():
                self.exits.append(f"{one.name} ended with {one.process.returncode}: {one.said()[-300:]}")
                one.start()

    def settled(self) -> bool:
        actions = self.scene.ledger()
        for group, count in Counter(one["group"] for one in actions).items():
            # Nothing suspends it: a failure, but no reason to launch for ever.
            if group in self.doomed and count >= ENDLESS * self.size.bad:
                self.scene.scale(group, 0)
        waiting = any(one["state"] == "waiting" for one in actions)
        return not waiting and all(map(self.scene.suspended, self.doomed)) and not self.scene.messages(self.scene.queue)

    # --- what is checked ----------------------------------------------------

    def check(self, checks: Checks) -> None:
        scene, actions = self.scene, self.scene.ledger()
        left = scene.messages(scene.queue)
        scene.faults()

        def none(what: str, wrong: list) -> None:
            checks.that(not wrong, what, f"{len(wrong)}: {wrong[:3]}")

        none("nothing is left waiting", [one for one in actions if one["state"] == "waiting"])
        none("everything was decided by us, and not by a timeout",
             [one for one in actions if one["state"] not in ("completed", "waiting")])
        # The local AWS takes one completion; a hook that decided again, and otherwise, would show in what it refused.
        none("nothing was decided twice, or in two ways",
             [one for one in actions if one["completions"] > 1 or one["contradicted"]])
        none("no bad image was continued",
             [one for one in actions if one["image"] in self.bad and one["result"] == "CONTINUE"])
        none("no sealed image was abandoned",
             [one for one in actions if one["image"] in self.good and one["result"] == "ABANDON"])
        for group, size in self.wanted.items():
            states = scene.states(group)
            checks.that(states == {"InService": size}, f"{group}: all {size} are in service", dict(states))
        states = scene.states(self.mixed)
        checks.that(states == {"InService": self.size.mixed}, "mixed: bad ones were replaced by sealed ones", dict(states))
        breakers = json.loads(scene.forge.run("hook", "breaker", "--state", scene.state, "--output", "json", expect=1))
        opened = {one["group"] for one in breakers["breakers"] if one["openSince"]}
        for group in self.doomed:
            states = scene.states(group)
            checks.that(group in opened and scene.suspended(group) and not states,
                        f"{group}: the breaker is open, launches are suspended, none is there",
                        f"open {group in opened}, suspended {scene.suspended(group)}, {dict(states)}")
        said = "".join(one.said() for one in scene.replicas)
        alarms = Counter(line.partition(" in ")[2].partition(" were ")[0]
                         for line in said.splitlines() if 'event="breaker-open"' in line)
        checks.that(set(alarms) <= set(self.doomed) and max(alarms.values(), default=0) == 1,
                    "no breaker raised an alarm twice", dict(alarms))
        checks.that(not left, "the queue is empty", f"{left} messages")
        dead = scene.messages(scene.dead)
        checks.that(not dead, "no message went to the dead-letter queue", f"{dead} did")
        checks.that(not self.exits, "no replica ended by itself", self.exits)
        checks.that("panicked" not in said, "no replica panicked", said[said.find("panicked") - 200:][:500])

    def figures(self) -> None:
        actions = self.scene.ledger()
        decided = [one for one in actions if one["state"] == "completed"]
        told = [one["ended"] - one["started"] for one in decided if one["notices"]]
        lost = [one["ended"] - one["started"] for one in decided if not one["notices"]]
        calls = self.scene.calls()
        print(f"seed {self.seed}: {len(actions)} launches in {self.took:.0f} s, {len(decided)} decided "
              f"({Counter(one['result'] for one in decided)['ABANDON']} abandoned), "
              f"{sum(one['notices'] > 1 for one in actions)} told twice, {len(lost)} swept, {self.kills} kills")
        print(f"decision, of those told: p50 {percentile(told, .5):.1f} s, p99 {percentile(told, .99):.1f} s; "
              f"of those swept: p50 {percentile(lost, .5):.1f} s, p99 {percentile(lost, .99):.1f} s")
        print(f"completions refused: {sum(one['refused'] for one in actions)}; heartbeats: "
              f"{sum(one['heartbeats'] for one in actions)}; calls: {sum(calls.values())}")
        print("  " + ", ".join(f"{name} {count}" for name, count in calls.most_common()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--goldseal", required=True)
    parser.add_argument("--short", action="store_true", help="about 150 launches, in two minutes")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--logs", action="store_true", help="print what the replicas said")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(1, 1_000_000) if chosen.seed is None else chosen.seed
    size = SHORT if chosen.short else FULL
    print(f"chaos: seed {seed} (again with --seed {seed})", flush=True)
    checks = Checks()
    policy = f'[breaker]\ninstances = {size.breaker}\nwithin = "1h"\nsuspend_launch = true\n'
    with Scene(chosen.goldseal, DEADLINE, policy=policy) as scene:
        storm = Storm(scene, size, seed)
        scene.hook(REPLICAS)
        storm.run()
        storm.figures()
        storm.check(checks)
        if chosen.logs or checks.failed:
            for one in scene.replicas:
                print(f"--- {one.name}\n{one.said() if chosen.logs else one.said()[-4000:]}")
    checks.close()


main()
