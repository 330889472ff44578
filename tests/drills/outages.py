"""KMS is out, the store is out, the clock is wrong: nobody knows, so nothing is let in that was not known before."""
import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

from images import FIXTURES, POLICY, REGION, harness
from timeline import BUCKET, Drill, out

KMS_AUTHORITY = 'kms = "awskms:///{arn}"\nspki_sha256 = "{pin}"\nscheme = "ecdsa-p256-sha256"'


def kms_out(drill: Drill) -> None:
    """Authorities by KMS need KMS. The way on is a policy that holds the same key as PEM."""
    key = KmsKey(drill)
    drill.policy(POLICY.replace('key_file = "seal.pub"', KMS_AUTHORITY.format(arn=key.arn, pin=key.pin)))
    image = key.sealed()
    drill.group("web", image)
    drill.hook()
    drill.scale("web", 1)
    drill.until(lambda: drill.serves("web", 1), 30)

    drill.begins("KMS does not answer")
    drill.faults(out("kms"))
    # A hook trusts what KMS said for some seconds; a new one has to ask.
    drill.restarts()
    drill.scale("web", 2)
    drill.stays("a launch waits: whether its key still counts, nobody knows", lambda: drill.waits("web"), 4)
    drill.policy(POLICY.replace("seal.pub", "image-key.pub"))
    drill.says("the policy with the same key as PEM is pushed and read")
    drill.holds("the launch that waited is in service", lambda: drill.serves("web", 2))
    drill.checks.that(set(drill.results("web")) == {"CONTINUE"}, "nothing sealed was lost", drill.results("web"))
    bad = drill.group("bad", drill.forge.unsealed())
    drill.scale(bad, 1)
    drill.holds("what nobody sealed is abandoned, KMS or not", lambda: drill.results(bad)["ABANDON"])
    drill.scale(bad, 0)


def store_out(drill: Drill) -> None:
    """With last-known-good, what was admitted lately is judged again on the same evidence; nothing else is."""
    drill.policy(f'{POLICY}\n[launch]\non_unreachable = "last-known-good"\nlast_known_good = "1h"\n')
    known, unknown = drill.forge.sealed(2)
    drill.group("web", known)
    drill.group("new", unknown)
    drill.hook()
    drill.scale("web", 1)
    drill.until(lambda: drill.serves("web", 1), 30)

    drill.begins("the store does not answer")
    drill.faults(out("s3", resource=BUCKET))
    drill.restarts()
    drill.scale("web", 2)
    drill.holds("evidence from before stands in: the image that runs launches again", lambda: drill.serves("web", 2))
    drill.checks.that(drill.figure("goldseal_hook_stand_ins_total") >= 1, "and the figures say so")
    drill.scale("new", 1)
    drill.stays("an image that never launched here waits", lambda: drill.waits("new"), 4)
    drill.faults()
    drill.says("the store answers again")
    drill.holds("what waited is in service", lambda: drill.serves("new", 1), 60)
    drill.checks.that("ABANDON" not in drill.results("new") + drill.results("web"), "nothing sealed was lost")


def clock_wrong(drill: Drill) -> None:
    """A clock that is behind sees signatures of the future. It is told apart from a bad image, and mended by time."""
    behind = 12
    ahead = datetime.now(UTC) + timedelta(seconds=behind)
    facts = json.loads((FIXTURES / "build.json").read_text())
    facts["finishedOn"] = ahead.strftime("%Y-%m-%dT%H:%M:%SZ")
    (drill.folder / "ahead.json").write_text(json.dumps(facts))
    image = drill.forge._image()
    drill.forge.run("sign", image, "--dangerous-local-key", "seal.key", "--sbom", FIXTURES / "golden.spdx.json",
                    "--scan", FIXTURES / "golden.grype.json", "--provenance", "ahead.json", "--policy",
                    FIXTURES / "ungated.toml", "--without-content")
    drill.group("web", image)
    drill.hook()

    drill.begins(f"an image launches where the clock is {behind} s behind the one of its build")
    drill.scale("web", 1)
    told = json.loads(drill.forge.run("verify", image, "--policy", "policy.toml", "--output", "json", expect=3))
    faults = [one["code"] for one in told["images"][0]["faults"]]
    drill.checks.that(faults == ["clock-before-signed-time"], "goldseal verify says why", told)
    drill.stays("it waits: clock-before-signed-time, undetermined", lambda: drill.waits("web"), 4)
    drill.holds("the clock has caught up: it is in service", lambda: drill.serves("web", 1), 60)
    drill.checks.that(set(drill.results("web")) == {"CONTINUE"}, "and it was not abandoned", drill.results("web"))


class KmsKey:
    """A key in KMS, and the forge sealing by it."""

    def __init__(self, drill: Drill):
        self.forge, kms = drill.forge, harness.client("kms", REGION)
        self.arn = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        spki = kms.get_public_key(KeyId=self.arn)["PublicKey"]
        self.pin = hashlib.sha256(spki).hexdigest()
        text = base64.b64encode(spki).decode()
        lines = "\n".join(text[at:at + 64] for at in range(0, len(text), 64))
        (drill.folder / "image-key.pub").write_text(f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n")

    def sealed(self) -> str:
        image = self.forge._image()
        self.forge.run("sign", image, "--key", f"awskms:///{self.arn}", "--sbom", FIXTURES / "golden.spdx.json",
                       "--scan", FIXTURES / "golden.grype.json", "--provenance", FIXTURES / "build.json",
                       "--policy", FIXTURES / "ungated.toml", "--without-content")
        return image
