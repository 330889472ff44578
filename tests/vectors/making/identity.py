"""Instance identity documents as IMDS gives them, signed by OpenSSL (`openssl cms`) with keys of this folder.

What OpenSSL would not write is put together with asn1crypto: attributes that say the wrong thing under a good signature,
and the very layout that EC2 writes (indefinite lengths, the content in an OCTET STRING of pieces, no certificates).
"""

import base64
import datetime
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

from asn1crypto import algos, cms, x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.x509.oid import NameOID

from . import keys
from .bundle import HERE

FOLDER = HERE / "identity"
SERIAL = 0xB64BDE5AD0092401
DOCUMENT = {
    "accountId": "123456789012",
    "architecture": "x86_64",
    "availabilityZone": "eu-west-1a",
    "billingProducts": None,
    "devpayProductCodes": None,
    "marketplaceProductCodes": None,
    "imageId": "ami-0123456789abcdef0",
    "instanceId": "i-0123456789abcdef0",
    "instanceType": "m7i.large",
    "kernelId": None,
    "pendingTime": "2026-11-20T09:00:00Z",
    "privateIp": "10.0.0.209",
    "ramdiskId": None,
    "region": "eu-west-1",
    "version": "2017-09-30",
}
# In the order in which they are read.
READ = "accountId region imageId instanceId pendingTime availabilityZone architecture instanceType".split()


def write_document(**changes):
    """The document in the spacing that EC2 writes."""
    return json.dumps({**DOCUMENT, **changes}, indent=2, separators=(",", " : ")).encode()


def certificate(key, serial=SERIAL, name="goldseal vectors"):
    """Self-signed, and like those of EC2 valid for long."""
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), serial)
    builder = builder.not_valid_before(datetime.datetime(2020, 1, 1)).not_valid_after(datetime.datetime(2199, 1, 1))
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return builder.sign(key, hashes.SHA256())


def pem(made):
    return made.public_bytes(serialization.Encoding.PEM)


def put(name, der, armour=False):
    text = base64.encodebytes(der).decode().rstrip("\n")
    if armour:
        text = f"-----BEGIN PKCS7-----\n{text}\n-----END PKCS7-----\n"
    (FOLDER / f"{name}.p7").write_text(text)


def signer_info(key, content, attributes):
    """A SignerInfo over the attributes as they are given, or over the content when there are none."""
    info = cms.SignerInfo(
        {
            "version": "v1",
            "sid": {"issuer_and_serial_number": cms.IssuerAndSerialNumber(
                {"issuer": asn1.Name.build({"organization_name": "goldseal vectors"}), "serial_number": SERIAL}
            )},
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_rsa"}),
            "signature": b"",
        }
    )
    # The name as the certificate has it: asn1crypto would choose another kind of string.
    signer = asn1.Certificate.load(certificate(key).public_bytes(serialization.Encoding.DER))
    info["sid"].chosen["issuer"] = signer.issuer
    message = content
    if attributes is not None:
        info["signed_attrs"] = attributes
        message = b"\x31" + info["signed_attrs"].dump()[1:]
    name = "rsa-2048.identity"
    info["signature"] = keys.sign(name, message)
    return info.dump(force=True)


def attribute(kind, *values):
    return cms.CMSAttribute({"type": kind, "values": list(values)})


def attributes(content, *, kind="data", without=(), more=(), digests=()):
    made = [
        ("content_type", attribute("content_type", kind)),
        ("signing_time", attribute("signing_time", cms.Time({"utc_time": datetime.datetime(
            2026, 11, 20, 9, 0, 3, tzinfo=datetime.timezone.utc)}))),
        ("message_digest", attribute("message_digest", hashlib.sha256(content).digest(), *digests)),
    ]
    kept = [one for name, one in made if name not in without] + list(more)
    return cms.CMSAttributes(sorted(kept, key=lambda one: one.dump()))


def length(content):
    size = len(content)
    if size < 128:
        return bytes([size])
    return bytes([0x81, size]) if size < 256 else bytes([0x82]) + size.to_bytes(2, "big")


def definite(tag, content):
    return bytes([tag]) + length(content) + content


def open_ended(tag, content):
    return bytes([tag, 0x80]) + content + b"\0\0"


def as_ec2(content, info, pieces=1):
    """SignedData in the layout of EC2."""
    step = -(-len(content) // pieces)
    parts = [content[start : start + step] for start in range(0, len(content), step)]
    text = open_ended(0x24, b"".join(definite(0x04, part) for part in parts))
    sha256 = bytes.fromhex("300d06096086480165030402010500")
    data = bytes.fromhex("06092a864886f70d010701")
    body = b"\x02\x01\x01" + definite(0x31, sha256) + open_ended(0x30, data + open_ended(0xA0, text))
    body += definite(0x31, info)
    return open_ended(0x30, bytes.fromhex("06092a864886f70d010702") + open_ended(0xA0, open_ended(0x30, body)))


def make(openssl):
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*"):
        old.unlink()
    key, other = keys.key("rsa-2048.identity"), keys.key("rsa-2048.imposter")
    good = certificate(key)
    weak = keys.key("rsa-1024.identity")
    old = dsa.generate_private_key(1024)
    signers = {
        "good": (good, key),
        "imposter": (certificate(other), other),
        "stranger": (certificate(other, SERIAL + 1), other),
        "namesake": (certificate(other, SERIAL, "somebody else"), other),
        "weak": (certificate(weak, SERIAL + 2), weak),
        "dsa": (certificate(old, SERIAL + 3), old),
    }
    for name in signers:
        (FOLDER / f"{name}.pem").write_bytes(pem(signers[name][0]))
    (FOLDER / "strong.pem").write_bytes(pem(certificate(keys.key("rsa-3072.identity"), SERIAL + 4)))
    (FOLDER / "p256.pem").write_bytes(pem(certificate(keys.key("p256.identity"), SERIAL + 5)))
    content = write_document()
    (FOLDER / "document.json").write_bytes(content)

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for name, (made, private) in signers.items():
            (home / f"{name}.pem").write_bytes(pem(made))
            form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            (home / f"{name}.key").write_bytes(private.private_bytes(serialization.Encoding.PEM, *form))

        def signed(signer, *options, text=content, ends=("-nodetach", "-nocerts"), md="sha256", verb="-sign"):
            (home / "document.json").write_bytes(text)
            command = [openssl, "cms", verb, "-binary", "-in", "document.json", "-outform", "DER", "-out", "made"]
            if verb == "-sign":
                command += ["-nosmimecap", "-md", md, "-signer", f"{signer}.pem", "-inkey", f"{signer}.key", *ends]
            subprocess.run([*command, *options], cwd=home, check=True, capture_output=True)
            return (home / "made").read_bytes()

        # What is taken.
        put("attributes", signed("good"))
        put("plain", signed("good", "-noattr"))
        put("armoured", signed("good"), armour=True)
        put("stream", signed("good", "-stream"))
        put("stream-plain", signed("good", "-stream", "-noattr"))
        put("certificate-inside", signed("good", ends=("-nodetach",)))

        # What is not.
        put("imposter", signed("imposter"))
        put("imposter-inside", signed("imposter", ends=("-nodetach",)))
        put("stranger", signed("stranger"))
        put("stranger-inside", signed("stranger", ends=("-nodetach",)))
        put("two-signers", signed("good", "-signer", "stranger.pem", "-inkey", "stranger.key"))
        put("sha1", signed("good", md="sha1"))
        put("sha512", signed("good", md="sha512"))
        put("namesake", signed("namesake"))
        put("weak", signed("weak"))
        put("pss", signed("good", "-keyopt", "rsa_padding_mode:pss"))
        put("dsa", signed("dsa", md="sha1"))
        put("detached", signed("good", ends=("-nocerts",)))
        put("key-id", signed("good", "-keyid"))
        put("other-content-type", signed("good", "-econtent_type", "pkcs7-digestData"))
        put("digested", signed("", verb="-digest_create"))
        (home / "bare").write_bytes(pem(good))
        command = [openssl, "crl2pkcs7", "-nocrl", "-certfile", "bare", "-outform", "DER", "-out", "made"]
        subprocess.run(command, cwd=home, check=True, capture_output=True)
        put("no-signer", (home / "made").read_bytes())

        # Signed well, but not what EC2 writes.
        for name, text in {
            "document-not-json": content.replace(b",\n", b"\n"),
            "document-twice-a-key": content.replace(b"{\n", b'{\n  "imageId" : "ami-0fedcba9876543210",\n', 1),
            "document-not-an-object": json.dumps([DOCUMENT[field] for field in READ]).encode(),
            "document-without-image": json.dumps({k: v for k, v in DOCUMENT.items() if k != "imageId"}).encode(),
            "document-image-null": write_document(imageId=None),
            "document-bad-account": write_document(accountId="12345678901"),
            "document-bad-time": write_document(pendingTime="2026-11-20 09:00"),
            "document-escape-in-type": write_document(instanceType="m7i.large\x1b[2J"),
            "document-empty-type": write_document(instanceType=""),
            "document-long-type": write_document(instanceType="m" * 65),
            "document-large": write_document(marketplaceProductCodes=["0" * 20_000]),
            "document-deep": write_document(marketplaceProductCodes=json.loads("[" * 8 + "]" * 8)),
        }.items():
            put(name, signed("good", text=text))
        put("document-unknown-field", signed("good", text=write_document(newField={"a": [1]})))
        put("document-other-image", signed("good", text=write_document(imageId="ami-0fedcba9876543210")))

    put("ec2", as_ec2(content, signer_info(key, content, attributes(content))))
    put("ec2-pieces", as_ec2(content, signer_info(key, content, attributes(content)), pieces=3))
    another = hashlib.sha256(b"another").digest()
    for name, wrong in {
        "attribute-digest-absent": attributes(content, without=["message_digest"]),
        "attribute-digest-twice": attributes(content, more=[attribute("message_digest", another)]),
        "attribute-digest-of-two-values": attributes(content, digests=[another]),
        "attribute-digest-of-another": attributes(b"another"),
        "attribute-type-absent": attributes(content, without=["content_type"]),
        "attribute-type-other": attributes(content, kind="signed_data"),
        "attribute-type-twice": attributes(content, more=[attribute("content_type", "signed_data")]),
        "attributes-empty": cms.CMSAttributes([]),
    }.items():
        put(name, as_ec2(content, signer_info(key, content, wrong)))
