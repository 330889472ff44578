"""Starts one local AWS for all tests and makes clients for it."""
import atexit
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

HERE = Path(__file__).parent
BLOCK = 524288
OWNER, OTHER = "123456789012", "222222222222"
_running: dict = {}


def start(*options: str, **popen) -> tuple[subprocess.Popen, str]:
    """A server process and its endpoint, once it answers."""
    folder = tempfile.mkdtemp(prefix="localaws-")
    ready = Path(folder, "ready")
    process = subprocess.Popen(
        [sys.executable, "-m", "localaws", "--port", "0", "--ready-file", ready, "--exit-with-parent", *options],
        cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        **popen)
    for _ in range(600):
        if ready.exists():
            break
        if process.poll() is not None:
            raise RuntimeError(f"localaws ended with {process.returncode}")
        time.sleep(0.05)
    endpoint = ready.read_text()
    ready.unlink()
    os.rmdir(folder)
    return process, endpoint


def endpoint() -> str:
    if not _running:
        _running["process"], _running["url"] = start()
        atexit.register(_running["process"].kill)
    return _running["url"]


def client(service: str, region: str = "us-east-1", account: str = OWNER, url: str | None = None, **config):
    return boto3.client(
        service, endpoint_url=url or endpoint(), region_name=region, aws_access_key_id=account,
        aws_secret_access_key="testing", config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, **config))


def http(method: str, path: str, body: object = None):
    request = urllib.request.Request(endpoint() + path, method=method,
                                     data=None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


def enforce_iam(after: str) -> None:
    """From that many calls on, "0" or "inf"; the server's own state, which no reset takes back."""
    request = urllib.request.Request(endpoint() + "/moto-api/reset-auth", after.encode(),
                                     {"Content-Type": "text/plain"}, method="POST")
    urllib.request.urlopen(request).close()


class Case(unittest.TestCase):
    """A test on a fresh account."""

    def setUp(self) -> None:
        http("POST", "/moto-api/reset", {})
        self.ec2, self.ebs = client("ec2"), client("ebs")
        self.kms, self.s3 = client("kms"), client("s3")

    def until(self, said, seconds: float = 10):
        """Asks until the answer is true, and gives it."""
        end = time.monotonic() + seconds
        while not (answer := said()):
            self.assertLess(time.monotonic(), end, "it never came")
            time.sleep(0.02)
        return answer

    def refused(self, code: str, call, status: int | None = None, **arguments) -> dict:
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        if status:
            self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], status)
        return caught.exception.response


def checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def snapshot(blocks: dict[int, bytes], size: int = 1, ebs=None) -> str:
    """A completed snapshot; each block is a short pattern, repeated."""
    ebs = ebs or client("ebs")
    snapshot_id = ebs.start_snapshot(VolumeSize=size)["SnapshotId"]
    for index, pattern in blocks.items():
        put(ebs, snapshot_id, index, pattern)
    ebs.complete_snapshot(SnapshotId=snapshot_id, ChangedBlocksCount=len(blocks))
    return snapshot_id


def block(pattern: bytes) -> bytes:
    return (pattern * BLOCK)[:BLOCK]


def put(ebs, snapshot_id: str, index: int, pattern: bytes):
    data = block(pattern)
    return ebs.put_snapshot_block(SnapshotId=snapshot_id, BlockIndex=index, BlockData=data, DataLength=BLOCK,
                                  Checksum=checksum(data), ChecksumAlgorithm="SHA256")


def content(snapshot_id: str, ebs=None) -> dict[int, bytes]:
    ebs = ebs or client("ebs")
    listed = ebs.list_snapshot_blocks(SnapshotId=snapshot_id)["Blocks"]
    return {one["BlockIndex"]: ebs.get_snapshot_block(SnapshotId=snapshot_id, **one)["BlockData"].read()
            for one in listed}


def register(snapshot_id: str | None = None, name: str = "image", ec2=None, **more) -> str:
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot_id or snapshot({0: b"a"})}}
    given = {"Name": name, "Architecture": "x86_64", "RootDeviceName": "/dev/xvda", "VirtualizationType": "hvm",
             "BlockDeviceMappings": [disk]}
    return (ec2 or client("ec2")).register_image(**given | more)["ImageId"]


def image(image_id: str, ec2=None) -> dict:
    return (ec2 or client("ec2")).describe_images(ImageIds=[image_id])["Images"][0]


def share(image_id: str, account: str = OTHER) -> None:
    client("ec2").modify_image_attribute(ImageId=image_id, LaunchPermission={"Add": [{"UserId": account}]})


def tags(described: dict) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in described.get("Tags", [])}
