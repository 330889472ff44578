"""DSSE envelopes: the one that the specification publishes, and some with the keys of RFC 8032, 7.1.

The first is the example of protocol.md of secure-systems-lab/dsse, Apache-2.0; its signature is r and s, not DER.
"""

import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from .bundle import HERE, IN_TOTO, b64, pae

PUBLISHED = {
    "payload": "aGVsbG8gd29ybGQ=",
    "payloadType": "http://example.com/HelloWorld",
    "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}],
}
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
RFC_8032 = ed25519.Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)


def spki(public):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return b64(public.public_bytes(serialization.Encoding.DER, form))


def make():
    key = ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1()).public_key()
    signed = pae(PUBLISHED["payloadType"], b"hello world").hex()
    vectors = [
        {"id": "protocol.md", "envelope": PUBLISHED, "spki": spki(key), "pae": signed, "signed": True, "raw": True}
    ]
    url_safe = str.maketrans("+/", "-_")
    for name, kind, claimed, payload, alphabet in [
        ("plain", IN_TOTO, IN_TOTO, b'{"_type":"https://in-toto.io/Statement/v1"}', {}),
        ("url-safe", IN_TOTO, IN_TOTO, b"\xfb\xff\xbf>?", url_safe),
        (
            "type-swapped",
            IN_TOTO,
            "application/vnd.example.other+json",
            b'{"_type":"https://in-toto.io/Statement/v1"}',
            {},
        ),
        ("type-not-ascii", "application/vnd.exämple+json", "application/vnd.exämple+json", b"{}", {}),
        ("type-empty", "", "", b"{}", {}),
        ("payload-empty", IN_TOTO, IN_TOTO, b"", {}),
        ("payload-like-an-encoding", IN_TOTO, IN_TOTO, pae(IN_TOTO, b"{}"), {}),
    ]:
        message = pae(kind, payload)
        envelope = {
            "payload": b64(payload).translate(alphabet),
            "payloadType": claimed,
            "signatures": [{"sig": b64(RFC_8032.sign(message)).translate(alphabet), "keyid": "A"}],
        }
        public = spki(RFC_8032.public_key())
        vectors.append(
            {"id": name, "envelope": envelope, "spki": public, "pae": message.hex(), "signed": kind == claimed}
        )
    path = HERE / "dsse" / "vectors.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")
