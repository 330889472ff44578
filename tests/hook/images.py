"""Images on the local AWS: sealed ones, and every kind of those that must not go into service."""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
REGION = "us-east-1"
BUCKET = "golden-evidence"

sys.path.insert(0, str(ROOT / "tests" / "cloud"))
import harness  # noqa: E402

# Both kinds, so that an SBOM is read whenever its image is verified.
POLICY = '''version = 1
no_match = "enforce"
dangerous_without_gate = true

[[authority]]
name = "seal"
key_file = "seal.pub"

[[require]]
attestation = "provenance"
authorities = ["seal"]

[[require]]
attestation = "sbom"
authorities = ["seal"]
'''
# What a policy says more where there is a revocation list, and how lists are signed.
REVOCATION = '''
[[authority]]
name = "revoker"
key_file = "revoker.pub"

[revocation]
authorities = ["revoker"]
max_age = "24h"
'''
SIGN = ("--dangerous-local-key", "revoker.key", "--policy", "policy.toml")


class Forge:
    """Makes images, seals them with keys on disk, and spoils them. What it writes is in a folder of its own."""

    def __init__(self, goldseal: str, folder: Path):
        self.goldseal, self.folder = goldseal, folder
        self.env = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "AWS_ENDPOINT_URL": harness.endpoint(), "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true",
            "GOLDSEAL_STORE": f"s3://{BUCKET}"}
        self.s3 = harness.client("s3", REGION)
        self.s3.create_bucket(Bucket=BUCKET)
        for name in ("seal", "stranger"):
            self.key(name)
        self.number = 0

    def policy(self, more: str = "") -> Path:
        path = self.folder / "policy.toml"
        path.write_text(f"{POLICY}\n{more}")
        return path

    # --- good ---------------------------------------------------------------

    def sealed(self, count: int = 1, sboms: tuple[Path, ...] = (FIXTURES / "golden.spdx.json",)) -> list[str]:
        """So many sealed images, with these SBOMs in turn."""
        made = [self._image() for _ in range(count)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self._seal, made, ["seal"] * count, [sboms[i % len(sboms)] for i in range(count)]))
        return made

    # --- bad ----------------------------------------------------------------

    def unsealed(self) -> str:
        return self._image()

    def tampered(self) -> str:
        """One byte of a payload is another."""
        image = self.sealed()[0]
        evidence = self._evidence(image)
        place = evidence.index(b'"payload":"') + 400
        other = b"A" if evidence[place:place + 1] != b"A" else b"B"
        self._store(image, evidence[:place] + other + evidence[place + 1:])
        return image

    def strangers(self) -> str:
        """Sealed with a key that the policy does not know."""
        image = self._image()
        self._seal(image, "stranger", FIXTURES / "golden.spdx.json")
        return image

    def borrowed(self) -> str:
        """With the good evidence of another image."""
        image = self._image()
        self._store(image, self._evidence(self.sealed()[0]))
        return image

    def bad(self, count: int) -> dict[str, str]:
        """So many bad images, of each kind in turn; kind and number by image."""
        kinds = (self.unsealed, self.tampered, self.strangers, self.borrowed)
        return {kinds[i % len(kinds)](): f"{kinds[i % len(kinds)].__name__}-{i // len(kinds)}" for i in range(count)}

    # --- how ----------------------------------------------------------------

    def run(self, *arguments: object, expect: int = 0) -> str:
        done = subprocess.run([self.goldseal, *map(str, arguments)], cwd=self.folder, env=self.env, check=False,
                              capture_output=True, text=True)
        if done.returncode != expect:
            sys.exit(f"goldseal {' '.join(map(str, arguments))}: {done.returncode}, not {expect}\n{done.stdout}{done.stderr}")
        return done.stdout

    def _image(self) -> str:
        self.number += 1
        name = f"image-{self.number}"
        return harness.register(harness.snapshot({0: name.encode()}, ebs=harness.client("ebs", REGION)), name,
                                harness.client("ec2", REGION))

    def _seal(self, image: str, key: str, sbom: Path) -> None:
        self.run("sign", image, "--dangerous-local-key", f"{key}.key", "--sbom", sbom,
                 "--scan", FIXTURES / "golden.grype.json", "--provenance", FIXTURES / "build.json",
                 "--policy", FIXTURES / "ungated.toml", "--without-content")

    def key(self, name: str) -> None:
        private = ec.generate_private_key(ec.SECP256R1())
        pem, spki = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        file = self.folder / f"{name}.key"
        file.touch(mode=0o600)
        file.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        (self.folder / f"{name}.pub").write_bytes(private.public_key().public_bytes(pem, spki))

    @staticmethod
    def _place(image: str) -> dict:
        return {"Bucket": BUCKET, "Key": f"v1/aws/{REGION}/{image}.jsonl"}

    def _evidence(self, image: str) -> bytes:
        return self.s3.get_object(**self._place(image))["Body"].read()

    def _store(self, image: str, evidence: bytes) -> None:
        self.s3.put_object(**self._place(image), Body=evidence)
