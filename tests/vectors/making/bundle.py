"""Statements, envelopes, bundles and the files of a case."""

import base64
import hashlib
import json
from pathlib import Path

import rfc8785

from . import keys

HERE = Path(__file__).parent.parent
IN_TOTO = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
STATEMENT = "https://in-toto.io/Statement/v1"
SPDX = "https://spdx.dev/Document"
NOW = "2025-07-01T00:00:00Z"

IMAGE = {
    "partition": "aws",
    "region": "eu-west-1",
    "imageId": "ami-0123456789abcdef0",
    "ownerId": "123456789012",
    "name": "golden-base",
    "creationDate": "2025-06-01T10:00:00.000Z",
    "architecture": "x86_64",
    "bootMode": "uefi",
    "virtualizationType": "hvm",
    "rootDeviceType": "ebs",
    "rootDeviceName": "/dev/xvda",
    "blockDevices": [
        {"deviceName": "/dev/xvda", "snapshotId": "snap-0123456789abcdef0", "volumeSize": 8, "encrypted": True}
    ],
}
DESCRIPTOR = rfc8785.dumps(IMAGE)
DIGEST = hashlib.sha256(DESCRIPTOR).hexdigest()


def b64(data):
    return base64.b64encode(data).decode()


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def pae(payload_type, payload):
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def subject(digest=DIGEST, **more):
    return {"name": IMAGE["imageId"], "digest": {"sha256": digest}} | more


def statement(**changes):
    """The bytes of a statement; a change to None takes the field away."""
    whole = {
        "_type": STATEMENT,
        "subject": [subject()],
        "predicateType": SPDX,
        "predicate": {"spdxVersion": "SPDX-2.3", "packages": [{"name": "openssl", "versionInfo": "3.0.16-1"}]},
    } | changes
    return compact({field: value for field, value in whole.items() if value is not None}).encode()


def hint(name):
    return b64(hashlib.sha256(keys.spki(name)).digest())


def bundle(payload=None, key="p256", scheme=None, payload_type=IN_TOTO, signature=None):
    """A bundle as cosign writes it, as a value that a case may still change."""
    payload = statement() if payload is None else payload
    signature = keys.sign(key, pae(payload_type, payload), scheme) if signature is None else signature
    return {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": hint(key)}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": b64(payload),
            "payloadType": payload_type,
            "signatures": [{"sig": b64(signature)}],
        },
    }


def authority(key="p256", name="release", **more):
    path = HERE / "keys" / f"{key}.pem"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(keys.pem(key))
    return {"name": name, "key": f"keys/{key}.pem"} | more


def evidence(lines):
    """Values become JSON; text and bytes go in as they are."""
    lines = lines if isinstance(lines, list) else [lines]
    raw = [one if isinstance(one, bytes) else (one if isinstance(one, str) else compact(one)).encode() for one in lines]
    return b"".join(one + b"\n" for one in raw)


def write(folder, name, what, lines, authorities, **expected):
    path = HERE / folder / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    case = {"what": what, "now": expected.pop("now", NOW), "authorities": authorities or [authority()]} | expected
    path.write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".jsonl").write_bytes(lines if isinstance(lines, bytes) else evidence(lines))


def accept(name, what, lines, authorities=None, **expected):
    """Every line counts, unless `verified` names the ones that do."""
    write("accept", name, what, lines, authorities, **expected)


def reject(name, reason, what, lines, authorities=None, **expected):
    """Nothing counts, for the reason of this code; `line` says where it is found if that is not line 1."""
    write("reject", name, what, lines, authorities, reason=reason, **expected)
