"""An image on the local AWS, sealed twice: what goldseal and cosign are measured on."""
import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
REGION = "eu-west-1"
# After the build of the fixtures: the clock of this machine does not matter.
AT = "2026-12-01T00:00:00Z"

sys.path.insert(0, str(ROOT / "tests" / "cloud"))
import harness  # noqa: E402

TYPES = {"provenance": "https://slsa.dev/provenance/v1", "sbom": "https://spdx.dev/Document"}

POLICY = '''version = 1
no_match = "enforce"
dangerous_without_gate = true

[[authority]]
name = "bench"
key_file = "bench.pub"

[[require]]
attestation = "{}"
authorities = ["bench"]
'''


class Subject:
    """Files in a folder: the descriptor, the key, large.spdx.json, and for each kind a bundle and a policy."""

    def __init__(self, goldseal: str, folder: Path, mebibytes: int):
        self.goldseal, self.folder = goldseal, folder
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "AWS_ENDPOINT_URL": harness.endpoint(),
                    "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        self.image = image(mebibytes)
        self.run("describe", self.image, "--descriptor", "image.json")
        self.key()
        with open(folder / "large.spdx.json", "wb") as file:
            subprocess.run([sys.executable, FIXTURES / "large_sbom.py", "5"], stdout=file, check=True)
        # The small bundle is the provenance, the large one the SBOM of 5 MB.
        self.seal(folder / "large.spdx.json")

    def run(self, *arguments: object) -> None:
        done = subprocess.run([self.goldseal, *map(str, arguments)], cwd=self.folder, env=self.env, check=False,
                              capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"goldseal {arguments}: {done.returncode}\n{done.stdout}{done.stderr}")

    def key(self) -> None:
        private = ec.generate_private_key(ec.SECP256R1())
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        file = self.folder / "bench.key"
        file.touch(mode=0o600)
        file.write_bytes(private.private_bytes(pem, pkcs8, serialization.NoEncryption()))
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        (self.folder / "bench.pub").write_bytes(private.public_key().public_bytes(pem, spki))

    def seal(self, sbom: Path) -> None:
        store = self.folder / "store"
        store.mkdir()
        self.run("sign", self.image, "--image", "image.json", "--dangerous-local-key", "bench.key",
                 "--store", f"file://{store}", "--sbom", sbom,
                 "--scan", FIXTURES / "golden.grype.json", "--provenance", FIXTURES / "build.json",
                 "--policy", FIXTURES / "ungated.toml", "--without-content")
        (evidence,) = store.rglob("*.jsonl")
        lines = evidence.read_bytes().splitlines(keepends=True)
        for kind, line in zip(TYPES, lines, strict=False):
            (self.folder / f"{kind}.jsonl").write_bytes(line)
            (self.folder / f"{kind}.toml").write_text(POLICY.format(kind))

    def verify(self, kind: str) -> list[str]:
        return [self.goldseal, "verify", "--image", "image.json", "--evidence", f"{kind}.jsonl",
                "--policy", f"{kind}.toml", "--at", AT]

    def verify_with(self, cosign: str, kind: str) -> list[str]:
        return [cosign, "verify-blob-attestation", "--bundle", f"{kind}.jsonl", "--key", "bench.pub",
                "--insecure-ignore-tlog", "--type", TYPES[kind], "image.json"]

    def inputs(self, sbom: int, scan: int) -> list[str]:
        """Writes an SBOM and a scan of it, of so many megabytes."""
        copies = str(sbom * 13)
        for file, script in (("gate.spdx.json", ["large_sbom.py", str(sbom)]),
                             ("gate.grype.json", ["large_scan.py", str(scan), copies])):
            with open(self.folder / file, "wb") as target:
                subprocess.run([sys.executable, FIXTURES / script[0], *script[1:]], stdout=target, check=True)
        return ["gate.spdx.json", "gate.grype.json"]

    def gate(self, files: list[str]) -> list[str]:
        return [self.goldseal, "gate", "--sbom", files[0], "--scan", files[1], "--fail-on", "critical", "--at", AT]

    def describe(self) -> list[str]:
        return [self.goldseal, "describe", self.image, "--content"]


def image(mebibytes: int) -> str:
    """Registers an image of one disk with so many mebibytes of data that no program can compress."""
    ebs, ec2 = harness.client("ebs", REGION), harness.client("ec2", REGION)
    snapshot = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    blocks = mebibytes * 2**20 // harness.BLOCK
    for index in range(blocks):
        data = os.urandom(harness.BLOCK)
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        ebs.put_snapshot_block(SnapshotId=snapshot, BlockIndex=index, BlockData=data, DataLength=harness.BLOCK,
                               Checksum=digest, ChecksumAlgorithm="SHA256")
    ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=blocks)
    return ec2.register_image(
        Name="bench", Architecture="x86_64", RootDeviceName="/dev/xvda", VirtualizationType="hvm", BootMode="uefi",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot, "VolumeSize": 1}}],
    )["ImageId"]
