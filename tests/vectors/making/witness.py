"""A timestamp authority and a transparency log that exist for the vectors only: RFC 3161 tokens and Rekor v1 entries.

Certificates are valid for a century and every time is in the past, so that no vector depends on today's date.
"""

import hashlib
import json
from datetime import UTC, datetime

import rfc8785
from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import keys
from .bundle import HERE, b64, pae

START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2125, 1, 1, tzinfo=UTC)
SEEN = datetime(2025, 6, 2, 12, tzinfo=UTC)
LOG = "log.vectors.example"
TRUSTED_ROOT = "witness/trusted_root.json"
USAGES = [
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
]


def certificate(subject, issuer, serial, authority):
    def name(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    usage = dict.fromkeys(USAGES, False)
    usage["key_cert_sign" if authority else "digital_signature"] = True
    made = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(keys.key(f"p256.{subject}").public_key())
        .serial_number(serial)
        .not_valid_before(START)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
    )
    if not authority:
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    signed = made.sign(keys.key(f"p256.{issuer}"), hashes.SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(serialization.Encoding.DER)


def trusted_root():
    """Writes the trusted root of both witnesses."""
    log, window = keys.spki("p256.log"), {"start": START.strftime("%Y-%m-%dT%H:%M:%SZ")}
    chain = [certificate("tsa", "tsa-root", 2, False), certificate("tsa-root", "tsa-root", 1, True)]
    root = {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [
            {
                "baseUrl": f"https://{LOG}",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {"rawBytes": b64(log), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": window},
                "logId": {"keyId": b64(hashlib.sha256(log).digest())},
            }
        ],
        "certificateAuthorities": [],
        "ctlogs": [],
        "timestampAuthorities": [
            {
                "subject": {"organization": "vectors", "commonName": "tsa"},
                "uri": "https://tsa.vectors.example",
                "certChain": {"certificates": [{"rawBytes": b64(one)} for one in chain]},
                "validFor": window,
            }
        ],
    }
    path = HERE / TRUSTED_ROOT
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(root, indent=1) + "\n")


def timestamp(signature, at=SEEN, signer="p256.tsa"):
    """An RFC 3161 response over a signature."""
    sha256 = algos.DigestAlgorithm({"algorithm": "sha256"})
    imprint = {"hash_algorithm": sha256, "hashed_message": hashlib.sha256(signature).digest()}
    info = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": "1.3.6.1.4.1.57264.2",
            "message_imprint": imprint,
            "serial_number": 7,
            "gen_time": at,
        }
    )
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "message_digest", "values": [hashlib.sha256(info.dump()).digest()]},
        ]
    )
    issuer = asn1_x509.Certificate.load(certificate("tsa", "tsa-root", 2, False)).issuer
    signed = {
        "version": "v3",
        "digest_algorithms": [sha256],
        "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(info.dump())},
        "signer_infos": [
            {
                "version": "v1",
                "sid": cms.SignerIdentifier({"issuer_and_serial_number": {"issuer": issuer, "serial_number": 2}}),
                "digest_algorithm": sha256,
                "signed_attrs": attributes,
                "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                "signature": keys.sign(signer, attributes.dump()),
            }
        ],
    }
    token = {"content_type": "signed_data", "content": cms.SignedData(signed)}
    response = tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token})
    return {"signedTimestamp": b64(response.dump())}


def log_entry(payload, signature, key="p256", at=SEEN, signer="p256.log"):
    """A Rekor `dsse` 0.0.1 entry: the first of two leaves, with its proof, checkpoint and promise."""
    envelope = hashlib.sha256(pae("any", payload)).hexdigest()  # nobody can compute it again, so nobody checks it
    body = rfc8785.dumps(
        {
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": {"algorithm": "sha256", "value": envelope},
                "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
                "signatures": [{"signature": b64(signature), "verifier": b64(keys.pem(key))}],
            },
        }
    )
    log_id = hashlib.sha256(keys.spki("p256.log")).digest()
    neighbour = hashlib.sha256(b"\x00another entry").digest()
    root = hashlib.sha256(b"\x01" + hashlib.sha256(b"\x00" + body).digest() + neighbour).digest()
    note = f"{LOG}\n2\n{b64(root)}\n"
    checkpoint = f"{note}\n— {LOG} {b64(log_id[:4] + keys.sign(signer, note.encode()))}\n"
    seconds = int(at.timestamp())
    promise = rfc8785.dumps({"body": b64(body), "integratedTime": seconds, "logID": log_id.hex(), "logIndex": 0})
    return {
        "logIndex": "0",
        "logId": {"keyId": b64(log_id)},
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": str(seconds),
        "inclusionPromise": {"signedEntryTimestamp": b64(keys.sign(signer, promise))},
        "inclusionProof": {
            "logIndex": "0",
            "rootHash": b64(root),
            "treeSize": "2",
            "hashes": [b64(neighbour)],
            "checkpoint": {"envelope": checkpoint},
        },
        "canonicalizedBody": b64(body),
    }
