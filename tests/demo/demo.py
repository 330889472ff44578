"""The main job, end to end, on a local AWS: an image gated, approved, sealed and admitted; others refused.

What it prints is the transcript in README.md. Digests, times and addresses differ from run to run and are printed as
`…`; everything else is the same every time, and a wrong exit code ends the demo with an error.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
REGION = "eu-west-1"
BUCKET = "golden-evidence"
BLOCK = 512 * 1024


class LocalAws:
    """The local AWS as a process of ours; it ends when this one does."""

    def __init__(self, folder: Path):
        ready = folder / "ready"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "localaws", "--port", "0", "--exit-with-parent", "--ready-file", str(ready)],
            cwd=ROOT / "tests" / "cloud", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        while not ready.exists():
            if self.process.poll() is not None:
                sys.exit("the local AWS did not start")
            time.sleep(0.02)
        self.endpoint = ready.read_text().strip()
        # The same ids in every run.
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/moto-api/seed?a=42", method="POST")).read()

    def client(self, service: str):
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint,
                            aws_access_key_id="testing", aws_secret_access_key="testing")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


class Goldseal:
    """The program, run as a user would, with what it printed made the same for every run."""

    def __init__(self, binary: str, folder: Path, endpoint: str):
        self.binary, self.folder = binary, folder
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": REGION,
                    "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
                    "GOLDSEAL_STORE": f"s3://{BUCKET}", "GOLDSEAL_POLICY": "policy.toml"}

    def run(self, line: str, expect: int, contains: str = "") -> None:
        print(f"$ goldseal {stable(line)}")
        done = self.start(line)
        shown = done.stdout + done.stderr
        if done.returncode != expect or contains not in shown:
            sys.exit(f"{shown}\nexit code {done.returncode}, expected {expect} and {contains!r}")
        print(stable(shown))

    def quiet(self, line: str, expect: int) -> str:
        done = self.start(line)
        if done.returncode != expect:
            sys.exit(f"$ goldseal {line}\n{done.stdout}{done.stderr}\nexit code {done.returncode}, expected {expect}")
        return done.stdout

    def start(self, line: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.binary, *shlex.split(line)], cwd=self.folder, env=self.env,
                              capture_output=True, text=True, check=False)


def stable(text: str) -> str:
    text = re.sub(r"\b[0-9a-f]{64}\b", "…", text)
    text = re.sub(r"\b20\d\d-\d\d-\d\dT[0-9:.]+Z", "…", text)
    return re.sub(r"(key/)[0-9a-f-]{36}", r"\1…", text)


def snapshot(aws: LocalAws, content: bytes) -> str:
    """A snapshot of 1 GiB with two blocks of data, written through the EBS direct API."""
    import base64
    import hashlib
    ebs = aws.client("ebs")
    made = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    for index in (0, 7):
        block = (content * (BLOCK // len(content) + 1))[:BLOCK]
        digest = base64.b64encode(hashlib.sha256(block).digest()).decode()
        ebs.put_snapshot_block(SnapshotId=made, BlockIndex=index, BlockData=block, DataLength=BLOCK,
                               Checksum=digest, ChecksumAlgorithm="SHA256")
    ebs.complete_snapshot(SnapshotId=made, ChangedBlocksCount=2)
    return made


def image(aws: LocalAws, name: str) -> str:
    tags = json.loads((FIXTURES / "build.json").read_text())["tags"]
    return aws.client("ec2").register_image(
        Name=name, Architecture="x86_64", RootDeviceName="/dev/xvda", VirtualizationType="hvm", BootMode="uefi",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda",
                              "Ebs": {"SnapshotId": snapshot(aws, name.encode()), "VolumeSize": 1}}],
        TagSpecifications=[{"ResourceType": "image", "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}],
    )["ImageId"]


def signing_key(aws: LocalAws, alias: str) -> str:
    """Makes a KMS key with an alias; returns its public half as PEM."""
    import base64
    kms = aws.client("kms")
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{alias}", TargetKeyId=key)
    der = base64.encodebytes(kms.get_public_key(KeyId=key)["PublicKey"]).decode().replace("\n", "")
    lines = "\n".join(der[i:i + 64] for i in range(0, len(der), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"


POLICY = '''version = 1
no_match = "enforce"

[[authority]]
name = "image-signing"
key_file = "image-signing.pub"

[[authority]]
name = "image-approval"
key_file = "image-approval.pub"

[[require]]
attestation = "gate"
authorities = ["image-signing"]

[[require]]
attestation = "provenance"
authorities = ["image-signing"]

[[require]]
attestation = "sbom"
authorities = ["image-signing"]

[[require]]
attestation = "scan"
authorities = ["image-signing"]

[[require]]
attestation = "approval"
authorities = ["image-approval"]

[gate]
fail_on = "high"
max_scan_age = "7d"

[identity]
owners = ["123456789012"]
'''


def fresh(folder: Path) -> None:
    """The fixtures as if the build had been an hour ago: a gate judges the age of what it is given."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    ago = {hours: (now - timedelta(hours=hours)).isoformat().replace("+00:00", "Z") for hours in (1, 2, 3)}
    sbom = json.loads((FIXTURES / "golden.spdx.json").read_text())
    sbom["creationInfo"]["created"] = ago[2]
    (folder / "sbom.spdx.json").write_text(json.dumps(sbom))
    for name, file in (("golden.grype.json", "grype.json"), ("critical.grype.json", "critical.json")):
        scan = json.loads((FIXTURES / name).read_text())
        scan["descriptor"]["timestamp"] = ago[1]
        scan["descriptor"]["db"]["status"]["built"] = ago[3]
        scan["descriptor"]["db"]["providers"]["debian"]["captured"] = ago[3]
        (folder / file).write_text(json.dumps(scan))
    ends = (now + timedelta(days=60)).date().isoformat()
    exceptions = (FIXTURES / "exceptions.toml").read_text()
    (folder / "exceptions.toml").write_text(re.sub(r"expires = \S+", f"expires = {ends}", exceptions))
    (folder / "build.json").write_bytes((FIXTURES / "build.json").read_bytes())


def main() -> None:
    binary = sys.argv[1]
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="goldseal-demo-") as name:
        folder = Path(name)
        fresh(folder)
        aws = LocalAws(folder)
        try:
            play(aws, Goldseal(binary, folder, aws.endpoint), folder)
        finally:
            aws.stop()
    print("Sealed 1, admitted 1, refused 6.", flush=True)
    print(f"({time.monotonic() - started:.0f} s)", file=sys.stderr)


def play(aws: LocalAws, goldseal: Goldseal, folder: Path) -> None:
    s3, ec2 = aws.client("s3"), aws.client("ec2")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("image-signing", "image-approval"):
        (folder / f"{key}.pub").write_text(signing_key(aws, key))
    (folder / "somebody-else.pub").write_text(signing_key(aws, "somebody-else"))
    (folder / "policy.toml").write_text(POLICY)
    golden, bare, foreign, swapped = (image(aws, n) for n in ("golden-1", "golden-2", "golden-3", "golden-4"))
    inputs = "--sbom sbom.spdx.json --scan grype.json --exceptions exceptions.toml"

    print("# Refused by the gate: a scan with critical findings.\n")
    goldseal.run("gate --sbom sbom.spdx.json --scan critical.json --exceptions exceptions.toml", 1, "FAIL")

    print("# The scan of the image that is to be sealed: one high finding, and its owner's exception.\n")
    goldseal.run(f"gate {inputs} --write json=gate.json", 0, "PASS")

    print("# Somebody who owns the risk looks at it and approves, with a key of their own.\n")
    approve = f"approve gate.json {golden} --key awskms:///alias/image-approval --approver alice@example.com"
    seen = goldseal.quiet(f"{approve} --out approval.jsonl --output json", 1)
    digest = json.loads(seen)["images"][0]["acceptedRisks"]
    goldseal.run(f"{approve} --out approval.jsonl --yes --accept-digest {digest}", 0, "APPROVED")

    print("# Seal it: the gate runs again, then the KMS key signs.\n")
    seal = f"{inputs} --provenance build.json"
    goldseal.run(f"sign {golden} --key awskms:///alias/image-signing {seal} --approval approval.jsonl", 0, "SIGNED")
    print("# Whoever launches it asks first.\n")
    goldseal.run(f"verify {golden}", 0, "ADMIT")

    print("# Refused: an image without evidence.\n")
    goldseal.run(f"verify {bare}", 1, "evidence-absent")

    print("# Refused: an image that another key signed.\n")
    (folder / "theirs.toml").write_text(POLICY.replace("image-signing.pub", "somebody-else.pub"))
    theirs = "--policy theirs.toml --without-content --key awskms:///alias/somebody-else"
    gate = goldseal.quiet(f"gate {inputs} --policy theirs.toml --output json", 0)
    (folder / "theirs.json").write_text(gate)
    approve = (f"approve theirs.json {foreign} --policy theirs.toml --key awskms:///alias/image-approval "
               "--approver mallory@example.com --out theirs.jsonl")
    digest = json.loads(goldseal.quiet(f"{approve} --output json", 1))["images"][0]["acceptedRisks"]
    goldseal.quiet(f"{approve} --yes --accept-digest {digest}", 0)
    goldseal.quiet(f"sign {foreign} {seal} {theirs} --approval theirs.jsonl", 0)
    goldseal.run(f"verify {foreign}", 1, "signer-unknown")

    print("# Refused: an image with another image's evidence.\n")
    evidence = s3.get_object(Bucket=BUCKET, Key=f"v1/aws/{REGION}/{golden}.jsonl")["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=f"v1/aws/{REGION}/{swapped}.jsonl", Body=evidence)
    goldseal.run(f"verify {swapped}", 1, "subject-mismatch")

    print("# Refused: a tag was changed after sealing.\n")
    commit = json.loads((folder / "build.json").read_text())["tags"]["GitCommit"]
    ec2.create_tags(Resources=[golden], Tags=[{"Key": "GitCommit", "Value": "0000000"}])
    goldseal.run(f"verify {golden}", 1, "tag-mismatch")
    ec2.create_tags(Resources=[golden], Tags=[{"Key": "GitCommit", "Value": commit}])

    print("# Refused: one byte of the evidence was changed.\n")
    place = evidence.index(b'"payload":"') + 400
    changed = evidence[:place] + (b"A" if evidence[place:place + 1] != b"A" else b"B") + evidence[place + 1:]
    s3.put_object(Bucket=BUCKET, Key=f"v1/aws/{REGION}/{golden}.jsonl", Body=changed)
    goldseal.run(f"verify {golden}", 1, "signature-invalid")


if __name__ == "__main__":
    main()
