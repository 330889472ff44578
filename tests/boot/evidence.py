"""Images on a local AWS with evidence of every kind, and the settings of a guard that fetches it there.

Only with the guard's own executable, which seals them: the way of the product, with a gate and keys on disk.
"""
import atexit
import datetime
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from cases import SETTINGS_OF_GUARD
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
REGION, BUCKET = "us-east-1", "golden-evidence"
STORE = "http://10.0.2.2:5566"

sys.path.insert(0, str(ROOT / "tests" / "cloud"))
import harness  # noqa: E402

SETTINGS = f"""store = "s3://{BUCKET}"
policy = "{SETTINGS_OF_GUARD['policy']}"

[boot]
certificates = "{SETTINGS_OF_GUARD['certificates']}"
# What stays unknown is asked again until then.
deadline = "10s"
"""
AUTHORITY = "\n[[authority]]\nname = \"{name}\"\nkey = '''\n{key}'''\n"
REQUIRE = '\n[[require]]\nattestation = "{kind}"\nauthorities = ["{name}"]\n'
INPUTS = ("--sbom", "sbom.json", "--scan", "scan.json", "--exceptions", "exceptions.toml")
EXCEPTION = """[[exception]]
id = "CVE-2026-90005"
package = "tar"
owner = "platform-security@example.com"
justification = "The image unpacks only archives whose checksum was verified before."
expires = {until:%Y-%m-%dT%H:%M:%SZ}
"""
# For how long the exception of an image lasts whose exception runs out, and of one that is booted once before.
SOON, LATER = 20, 60


class Evidence:
    """One local AWS for all boots of a run; an image of a kind is made when it is first asked for."""

    def __init__(self, goldseal: Path, folder: Path):
        self.goldseal, self.folder, self.socket = goldseal.resolve(), folder / "evidence", folder / "store"
        self.folder.mkdir()
        self._lock, self._images, self._numbers = threading.Lock(), {}, itertools.count()
        self._endpoint = harness.endpoint()
        self._s3 = harness.client("s3", REGION)
        self._s3.create_bucket(Bucket=BUCKET)
        for name in ("seal", "stranger", "boss"):
            self._key(name)
        for name in ("seal", "stranger"):
            (self.folder / f"{name}.toml").write_text(self._policy(name))
        self._inputs()
        relay = subprocess.Popen([sys.executable, Path(__file__).with_name("relay.py"), f"unix:{self.socket}",
                                  f"tcp:{self._endpoint.removeprefix('http://')}"])
        atexit.register(relay.kill)

    def settings(self) -> dict[str, str]:
        """Files of the image: settings, policy, and where its AWS is."""
        return {SETTINGS_OF_GUARD["settings"]: SETTINGS,
                SETTINGS_OF_GUARD["policy"]: self._policy("seal"),
                SETTINGS_OF_GUARD["environment"]: f"AWS_ENDPOINT_URL={STORE}\n"}

    def image(self, kind: str) -> str:
        """The id of an image whose evidence is of this kind."""
        with self._lock:
            if kind not in self._images:
                self._images[kind] = getattr(self, f"_{kind}")()
            return self._images[kind]

    def _none(self) -> str:
        number = next(self._numbers)
        return harness.register(harness.snapshot({0: b"%d" % number}, ebs=harness.client("ebs", REGION)), f"image-{number}",
                                harness.client("ec2", REGION))

    def _sealed(self, key: str = "seal", lasts: int = 86400) -> str:
        """Through the gate, approved, and signed."""
        image, start = self._none(), time.monotonic()
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=lasts)
        (self.folder / "exceptions.toml").write_text(EXCEPTION.format(until=until))
        policy = ("--policy", f"{key}.toml")
        self._run("gate", *INPUTS, *policy, "--write", "json=gate.json")
        approve = ("approve", "gate.json", image, "--dangerous-local-key", "boss.key", "--approver", "alice@example.com",
                   *policy, "--out", "approval.jsonl", "--output", "json")
        accepted = json.loads(self._run(*approve, expect=1))["images"][0]["acceptedRisks"]
        self._run(*approve, "--yes", "--accept-digest", accepted)
        self._run("sign", image, "--dangerous-local-key", f"{key}.key", *INPUTS, *policy, "--provenance", "build.json",
                  "--approval", "approval.jsonl", "--without-content")
        if lasts == SOON:
            time.sleep(max(0.0, start + lasts + 1 - time.monotonic()))
        return image

    # Nobody answers there: which image it is does not matter.
    _out = _sealed

    def _strangers(self) -> str:
        return self._sealed("stranger")

    def _expired(self) -> str:
        return self._sealed(lasts=SOON)

    def _ending(self) -> str:
        self._ends = time.monotonic() + LATER + 1
        return self._sealed(lasts=LATER)

    def _ended(self) -> str:
        """The same image, later."""
        time.sleep(max(0.0, self._ends - time.monotonic()))
        return self._images["ending"]

    def _borrowed(self) -> str:
        image = self._none()
        self._put(image, self._get(self._sealed()))
        return image

    def _tampered(self) -> str:
        """One byte of a payload is another."""
        image = self._sealed()
        evidence = self._get(image)
        place = evidence.index(b'"payload":"') + 400
        other = b"A" if evidence[place:place + 1] != b"A" else b"B"
        self._put(image, evidence[:place] + other + evidence[place + 1:])
        return image

    def _get(self, image: str) -> bytes:
        return self._s3.get_object(Bucket=BUCKET, Key=f"v1/aws/{REGION}/{image}.jsonl")["Body"].read()

    def _put(self, image: str, evidence: bytes) -> None:
        self._s3.put_object(Bucket=BUCKET, Key=f"v1/aws/{REGION}/{image}.jsonl", Body=evidence)

    def _inputs(self) -> None:
        """The fixtures, as if the build had been an hour ago: a gate judges the age of what it is given."""
        now = datetime.datetime.now(datetime.timezone.utc)
        ago = {hours: f"{now - datetime.timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (1, 2, 3)}
        sbom, scan, build = (json.loads((FIXTURES / name).read_text())
                             for name in ("golden.spdx.json", "golden.grype.json", "build.json"))
        sbom["creationInfo"]["created"] = ago[2]
        scan["descriptor"]["timestamp"] = ago[1]
        scan["descriptor"]["db"]["status"]["built"] = ago[3]
        scan["descriptor"]["db"]["providers"]["debian"]["captured"] = ago[3]
        build.pop("finishedOn", None)
        for name, what in (("sbom", sbom), ("scan", scan), ("build", build)):
            (self.folder / f"{name}.json").write_text(json.dumps(what))

    def _policy(self, seal: str) -> str:
        text = 'version = 1\nno_match = "enforce"\n'
        for name in (seal, "boss"):
            text += AUTHORITY.format(name=name, key=(self.folder / f"{name}.pub").read_text())
        for kind in ("gate", "provenance", "sbom", "scan"):
            text += REQUIRE.format(kind=kind, name=seal)
        return text + REQUIRE.format(kind="approval", name="boss")

    def _run(self, *arguments: str, expect: int = 0) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "AWS_ENDPOINT_URL": self._endpoint, "AWS_REGION": REGION,
               "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true",
               "GOLDSEAL_STORE": f"s3://{BUCKET}"}
        done = subprocess.run([self.goldseal, *arguments], cwd=self.folder, env=env, check=False, capture_output=True, text=True)
        if done.returncode != expect:
            raise RuntimeError(f"goldseal {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def _key(self, name: str) -> None:
        private = ec.generate_private_key(ec.SECP256R1())
        pem, spki = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        file = self.folder / f"{name}.key"
        file.touch(mode=0o600)
        file.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        (self.folder / f"{name}.pub").write_bytes(private.public_key().public_bytes(pem, spki))
