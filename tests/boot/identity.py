"""Instance identity documents, signed as EC2 signs them, with keys made for a test.

What EC2 writes is CMS (RFC 5652) as a streaming signer leaves it: lengths that stay open, the content in an OCTET STRING
of pieces, no certificate in it, and contentType, signingTime, CMSAlgorithmProtection and messageDigest as signed
attributes. No library writes it so, which is why the few bytes of ASN.1 are put together here.
"""
import base64
import datetime
import hashlib
import json
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

DOCUMENT = {
    "accountId": "123456789012",
    "architecture": "x86_64",
    "availabilityZone": "us-east-1a",
    "billingProducts": None,
    "devpayProductCodes": None,
    "marketplaceProductCodes": None,
    "imageId": "ami-0123456789abcdef0",
    "instanceId": "i-0123456789abcdef0",
    "instanceType": "t3.micro",
    "kernelId": None,
    "pendingTime": "",
    "privateIp": "10.0.2.15",
    "ramdiskId": None,
    "region": "us-east-1",
    "version": "2017-09-30",
}
# One name and one serial for all three: only the key tells a forger's signature from a genuine one.
SERIAL = 0xB64BDE5AD0092401
SIGNERS = ("aws", "forger")

DATA = bytes.fromhex("06092a864886f70d010701")
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
SIGNING_TIME = bytes.fromhex("06092a864886f70d010905")
PROTECTION = bytes.fromhex("06092a864886f70d010934")
SHA256 = bytes.fromhex("06096086480165030402010500")
SHA256_RSA = bytes.fromhex("06092a864886f70d01010b0500")


def write(document: dict) -> bytes:
    """The document in the spacing of EC2."""
    return json.dumps(document, indent=2, separators=(",", " : ")).encode()


class Keys:
    """Those who sign: `aws`, whose certificate is DIR/aws.pem, and `forger`, who takes its name. Made on first use."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._keys = {}
        for name in SIGNERS:
            file = folder / f"{name}.key"
            if not (folder / f"{name}.pem").exists():
                self._make(folder, name)
            self._keys[name] = serialization.load_pem_private_key(file.read_bytes(), None)
        self._issuer = x509.load_pem_x509_certificate((folder / "aws.pem").read_bytes()).issuer.public_bytes()

    def sign(self, signer: str, content: bytes, at: datetime.datetime) -> str:
        """What IMDS serves as rsa2048: base64 in lines, without armour."""
        attributes = b"".join(sorted((
            _definite(0x30, CONTENT_TYPE + _definite(0x31, DATA)),
            _definite(0x30, SIGNING_TIME + _definite(0x31, _definite(0x17, f"{at:%y%m%d%H%M%SZ}".encode()))),
            _definite(0x30, PROTECTION + _definite(0x31, _definite(
                0x30, _definite(0x30, SHA256) + _definite(0xA1, SHA256_RSA)))),
            _definite(0x30, MESSAGE_DIGEST + _definite(0x31, _definite(0x04, hashlib.sha256(content).digest()))))))
        signature = self._keys[signer].sign(_definite(0x31, attributes), padding.PKCS1v15(), hashes.SHA256())
        number = SERIAL.to_bytes(9)
        info = _definite(0x30, b"".join((
            b"\x02\x01\x01", _definite(0x30, self._issuer + _definite(0x02, number)), _definite(0x30, SHA256),
            _definite(0xA0, attributes), _definite(0x30, SHA256_RSA), _definite(0x04, signature))))
        inner = _open(0x30, DATA + _open(0xA0, _open(0x24, _definite(0x04, content))))
        body = b"\x02\x01\x01" + _definite(0x31, _definite(0x30, SHA256)) + inner + _definite(0x31, info)
        return base64.encodebytes(_open(0x30, SIGNED_DATA + _open(0xA0, _open(0x30, body)))).decode().rstrip("\n")

    @staticmethod
    def _make(folder: Path, name: str) -> None:
        key = rsa.generate_private_key(65537, 2048)
        who = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
                         x509.NameAttribute(NameOID.ORGANIZATION_NAME, "goldseal tests")])
        certificate = x509.CertificateBuilder(
            who, who, key.public_key(), SERIAL, datetime.datetime(2015, 1, 1), datetime.datetime(2195, 1, 1)
        ).sign(key, hashes.SHA256())
        (folder / f"{name}.key").write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _definite(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x81, size]) if size < 256 else b"\x82" + size.to_bytes(2)
    return bytes([tag]) + length + content


def _open(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x80]) + content + b"\0\0"
