"""Verifies a file by a bundle and a key, as `cosign verify-blob-attestation` does: the envelope is signed by the key, the
statement is of the type, and one of its subjects is the file."""
import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

verb, *words = sys.argv[1:]
assert verb == "verify-blob-attestation", verb
words.remove("--insecure-ignore-tlog")
*flags, file = words
given = dict(zip(flags[::2], flags[1::2], strict=True))
assert set(given) == {"--key", "--type", "--bundle"}, given

envelope = json.loads(Path(given["--bundle"]).read_bytes())["dsseEnvelope"]
payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
key = serialization.load_pem_public_key(Path(given["--key"]).read_bytes())
key.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed, ECDSA(hashes.SHA256()))

statement, digest = json.loads(payload), hashlib.sha256(Path(file).read_bytes()).hexdigest()
wanted = {"spdxjson": "https://spdx.dev/Document"}.get(given["--type"], given["--type"])
assert statement["predicateType"] == wanted, statement["predicateType"]
assert digest in [one["digest"].get("sha256") for one in statement["subject"]], f"{file} is no subject"
print("Verified OK")
