"""A wrong policy is pushed, and a breaker opens: what the people on call can take back, they take back."""
import json

from images import FIXTURES, POLICY
from timeline import Drill


def wrong_policy(drill: Drill) -> None:
    """One that does not compile is refused; one that names the wrong key stops everything, until it is taken back."""
    (image,) = drill.forge.sealed()
    drill.group("web", image)
    drill.hook()
    drill.scale("web", 1)
    drill.until(lambda: drill.serves("web", 1), 30)

    drill.begins("a policy that does not compile is pushed")
    drill.policy(POLICY.replace("authorities", "authorites", 1))
    drill.holds("the hook refuses it, says so, and keeps the old one",
                lambda: drill.figure("goldseal_hook_policy_reloads_total", result="refused") == 1)
    checked = drill.forge.run("policy", "check", "policy.toml", expect=2)
    drill.checks.that("authorites" in checked, "goldseal policy check names the key", checked)
    drill.scale("web", 2)
    drill.holds("launches go on by the old one", lambda: drill.serves("web", 2))

    # What runs is wanted twice over, so that replacements do not hide the breaker of the next drill.
    drill.policy(POLICY.replace("seal.pub", "stranger.pub"))
    drill.holds("a policy that compiles and trusts the wrong key is read",
                lambda: drill.figure("goldseal_hook_policy_reloads_total", result="loaded") == 1)
    drill.scale("web", 3)
    drill.holds("what is sealed is abandoned: signer-unknown", lambda: drill.results("web")["ABANDON"])
    drill.checks.that("signer-unknown" in drill.log(), "the log names the reason", drill.log())
    drill.policy(POLICY)
    drill.says("the policy before is pushed again")
    drill.holds("the group is whole", lambda: drill.serves("web", 3), 60)


def breaker_open(drill: Drill) -> None:
    """A group that launches nothing but bad images stops launching. Somebody mends the image and resets the breaker."""
    drill.policy(f'{POLICY}\n[breaker]\ninstances = 2\nwithin = "1h"\nsuspend_launch = true\n')
    image = drill.forge.unsealed()
    drill.group("web", image)
    drill.hook()

    drill.begins("a group wants two instances of an image that nobody sealed")
    drill.scale("web", 2)
    drill.holds("the breaker is open, and the group's launches are suspended", lambda: drill.suspended("web"), 60)
    told = json.loads(drill.forge.run("hook", "breaker", "--state", drill.state, "--output", "json", expect=1))
    opened = [one["group"] for one in told["breakers"] if one["openSince"]]
    drill.checks.that(opened == ["web"], "goldseal hook breaker names the group", told)
    drill.scale("web", 0)
    drill.holds("nothing of the group waits any more", lambda: not drill.states("web") and not drill.waits("web"))
    drill.forge._seal(image, "seal", FIXTURES / "golden.spdx.json")
    drill.says("the image is sealed")
    drill.forge.run("hook", "breaker", "reset", "--group", "web", "--resume-launch", "--state", drill.state)
    drill.says("the breaker is reset")
    drill.checks.that(not drill.suspended("web"), "the group may launch again")
    # What was abandoned last is counted now. And for so long the hook believes that there is no evidence.
    drill.stays("it stays closed", lambda: not drill.suspended("web"), 6)
    drill.scale("web", 2)
    drill.holds("both are in service", lambda: drill.serves("web", 2), 90)
    drill.forge.run("hook", "breaker", "--state", drill.state, expect=0)
