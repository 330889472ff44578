"""A key leaked, an image is poisoned: what is withdrawn launches nowhere within a minute; what is good goes on."""
import time

from images import POLICY, REVOCATION, SIGN
from timeline import Drill

# What a hook may still believe of the list, and of an image: docs/revocation.md.
BOUND = 60.0
WHO = ("--reason", "INC-42", "--by", "alice@example.com", "--yes")
NEW = '[[authority]]\nname = "seal-2027"\nkey_file = "new.pub"\n\n[[require]]'


def key_leaked(drill: Drill) -> None:
    """What is good is moved to a new key first; then the old one is revoked, and what others sealed with it falls."""
    drill.forge.key("revoker")
    drill.forge.key("new")
    both = POLICY.replace("[[require]]", NEW, 1).replace('["seal"]', '["seal", "seal-2027"]\nthreshold = 1') + REVOCATION
    (drill.folder / "policy.toml").write_text(both)
    (drill.folder / "next.toml").write_text(POLICY.replace('"seal"', '"seal-2027"').replace("seal.pub", "new.pub"))
    drill.forge.run("revoke", "renew", "--first", *SIGN)
    good, forged = drill.forge.sealed(2)
    drill.group("web", good)
    drill.group("theirs", forged)
    drill.hook()
    drill.scale("web", 1)
    drill.until(lambda: drill.serves("web", 1), 30)

    drill.begins("the image key was seen where it should not be; somebody sealed an image with it")
    drill.forge.run("reseal", good, "--policy", "policy.toml", "--new-policy", "next.toml", "--dangerous-local-key", "new.key")
    drill.says("what we built ourselves is moved to a new key")
    drill.forge.run("revoke", "key", "seal", *WHO, *SIGN)
    drill.says("the old key is revoked")
    drill.holds("what was sealed with it is abandoned: key-revoked", launching(drill, "theirs", 0, "key-revoked"), BOUND)
    drill.scale("theirs", 0)
    drill.scale("web", 2)
    drill.holds("what was moved launches", lambda: drill.serves("web", 2), BOUND)


def image_poisoned(drill: Drill) -> None:
    """No new instance within a minute; those that run are told by the audit, and nobody touches them."""
    drill.forge.key("revoker")
    (drill.folder / "policy.toml").write_text(POLICY + REVOCATION)
    drill.forge.run("revoke", "renew", "--first", *SIGN)
    poisoned, good = drill.forge.sealed(2)
    drill.group("web", poisoned)
    drill.group("other", good)
    drill.hook()
    drill.scale("web", 2)
    drill.until(lambda: drill.serves("web", 2), 30)

    drill.begins("an image turns out to be poisoned")
    drill.forge.run("revoke", "image", poisoned, *WHO, *SIGN)
    drill.says("it is revoked")
    # Whoever launches in these seconds still gets it; how many, the ledger knows.
    drill.holds("it launches no more: image-revoked", launching(drill, "web", 2, "image-revoked"), BOUND)
    size = drill.results("web")["CONTINUE"]
    drill.stays("what runs is not touched", lambda: drill.serves("web", size), 3)
    audit = drill.forge.run("audit", "--policy", "policy.toml", "--output", "json", expect=1)
    drill.checks.that("image-revoked" in audit, "the audit names what runs of it")
    drill.says("the audit lists what runs of it")
    drill.scale("other", 1)
    drill.holds("another image launches", lambda: drill.serves("other", 1))


def launching(drill: Drill, group: str, size: int, reason: str):
    """One instance more every three seconds, until one is abandoned for this reason."""
    began = time.monotonic()

    def said() -> bool:
        if drill.results(group)["ABANDON"] and reason in drill.log():
            return True
        drill.scale(group, size + 1 + int((time.monotonic() - began) / 3))
        return False

    return said
