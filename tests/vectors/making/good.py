"""What must be accepted: every scheme, and every way to write what the specifications let be written."""

import base64
import json

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from . import keys, witness
from .bundle import (
    DIGEST,
    IN_TOTO,
    accept,
    authority,
    b64,
    bundle,
    compact,
    hint,
    pae,
    statement,
    subject,
)

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
OLD = "application/vnd.dev.sigstore.bundle+json;version="


def schemes():
    for key in ["p256", "p384", "ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"]:
        scheme = keys.natural(key)
        accept(
            f"scheme-{scheme}", f"{scheme}, the scheme that its key has by itself", bundle(key=key), [authority(key)]
        )
    for bits in ["2048", "3072", "4096"]:
        for scheme in ["pkcs1-sha256", "pkcs1-sha384", "pkcs1-sha512", "pss-sha256", "pss-sha384", "pss-sha512"]:
            key, scheme = f"rsa-{bits}", f"rsa-{scheme}"
            if bits == "4096" and scheme != "rsa-pss-sha512":
                continue
            made = bundle(key=key, scheme=scheme)
            accept(f"scheme-{scheme}-{bits}", f"{scheme}, a key of {bits} bits", made, [authority(key, scheme=scheme)])
    accept(
        "scheme-rsa-by-itself",
        "RSA without a scheme is PKCS #1 with SHA-256",
        bundle(key="rsa-2048"),
        [authority("rsa-2048")],
    )


def spellings():
    whole = bundle()
    for version in ["0.1", "0.2", "0.3"]:
        accept(
            f"media-type-{version}-old",
            "the older spelling of the media type",
            whole | {"mediaType": f"{OLD}{version}"},
        )
    text = compact(whole)
    accept("no-final-newline", "the last line end may be absent", text.encode())
    accept("carriage-return", "a carriage return is white space to JSON", text.encode() + b"\r\n")
    accept(
        "white-space-and-order",
        "ProtoJSON writers shuffle fields and spaces",
        json.dumps(dict(reversed(whole.items())), separators=(" ,\t", "  : ")),
    )
    accept(
        "escapes",
        "characters as escapes, in keys and values",
        text.replace("mediaType", "\\u006dediaType").replace("application/vnd", "application\\/\\u0076nd"),
    )
    for name, keyid in [
        ("junk", "'; DROP TABLE keys; --"),
        ("empty", ""),
        ("null", None),
        ("other", hint("p256.other")),
    ]:
        made = bundle()
        made["dsseEnvelope"]["signatures"][0]["keyid"] = keyid
        accept(f"keyid-{name}", "a key id is a hint that nothing follows", made)
    made = bundle() | {"messageSignature": None}
    made["verificationMaterial"] |= {
        "certificate": None,
        "x509CertificateChain": None,
        "tlogEntries": None,
        "timestampVerificationData": None,
    }
    accept("nulls", "ProtoJSON: null is absence", made)
    made = bundle()
    made["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": None}
    accept("null-timestamps", "ProtoJSON: null is absence, one level down", made)
    for name, material in [("empty", {"hint": ""}), ("absent", {}), ("null", {"hint": None})]:
        accept(
            f"hint-{name}",
            "without a hint every authority is tried",
            bundle() | {"verificationMaterial": {"publicKey": material}},
            [authority("p256.other", "other"), authority()],
        )


def base64_forms():
    """Signatures are chosen so that both alphabets differ and padding is there to be left out."""
    for number in range(1000):
        payload = statement(predicate={"n": number, "text": "ÿ?ÿ>ÿ~"})
        made = bundle(payload)
        signature = made["dsseEnvelope"]["signatures"][0]["sig"]
        if "+" in signature and "/" in signature and signature.endswith("=") and len(payload) % 3:
            break

    def rewritten(change):
        copy = json.loads(compact(made))
        copy["dsseEnvelope"]["payload"] = change(copy["dsseEnvelope"]["payload"])
        copy["dsseEnvelope"]["signatures"][0]["sig"] = change(copy["dsseEnvelope"]["signatures"][0]["sig"])
        return copy

    url_safe = str.maketrans("+/", "-_")
    accept("base64-url-safe", "DSSE: both alphabets must be accepted", rewritten(lambda text: text.translate(url_safe)))
    accept("base64-unpadded", "ProtoJSON: padding may be left out", rewritten(lambda text: text.rstrip("=")))
    accept("base64-url-safe-unpadded", "both", rewritten(lambda text: text.translate(url_safe).rstrip("=")))


def statements():
    for name, what, payload in [
        ("v0.1", "the older type that cosign still writes", statement(_type="https://in-toto.io/Statement/v0.1")),
        (
            "more-digests",
            "digests of other algorithms are not looked at",
            statement(
                subject=[subject() | {"digest": {"arn": "arn:aws:ec2:x", "gitCommit": "0" * 40, "sha256": DIGEST}}]
            ),
        ),
        (
            "resource-fields",
            "every field that a subject may have",
            statement(
                subject=[
                    subject(
                        uri="arn:aws:ec2:eu-west-1:123456789012:image/ami-0123456789abcdef0",
                        content="",
                        downloadLocation="https://x.example/",
                        mediaType="application/json",
                        annotations={"a": [1, {"b": None}]},
                    )
                ]
            ),
        ),
        ("nameless-subject", "only the digest names the subject", statement(subject=[{"digest": {"sha256": DIGEST}}])),
        (
            "unknown-predicate-type",
            "it counts as verified, as no kind that goldseal knows",
            statement(predicateType="https://example.com/unknown/v1"),
        ),
        (
            "text-and-numbers",
            "a predicate is not interpreted",
            statement(predicate={"é€😀\u2028": [1e300, -0.0, 1.5e-7, 2**63, "\u0000\u001f\ud7ff"], "": None}),
        ),
        (
            "deep-predicate",
            "60 levels are not too deep",
            statement(predicate=json.loads('{"a":' * 60 + "1" + "}" * 60)),
        ),
        (
            "white-space",
            "the payload is bytes, however they are laid out",
            json.dumps(json.loads(statement()), indent=2).encode() + b"\n",
        ),
        ("predicate-is-no-object", "in-toto asks for an object; nothing depends on it", statement(predicate=[])),
    ]:
        accept(f"statement-{name}", what, bundle(payload))
    large = statement(predicate={"packages": [{"name": f"package-{i}", "versionInfo": str(i)} for i in range(5000)]})
    accept("statement-5000-packages", "a payload of some hundred kilobytes", bundle(large))


def signers():
    r, s = decode_dss_signature(keys.sign("p256", pae(IN_TOTO, statement())))
    for name, value in [("low-s", min(s, P256_ORDER - s)), ("high-s", max(s, P256_ORDER - s))]:
        accept(
            f"ecdsa-{name}",
            "ECDSA signatures have two forms, so none is ever an identity",
            bundle(signature=encode_dss_signature(r, value)),
        )
    both = [authority(), authority("ed25519", "second")]
    accept(
        "two-authorities", "a line for each signer", [bundle(), bundle(key="ed25519")], both, by=["release", "second"]
    )
    accept(
        "strangers-beside",
        "lines of strangers and about other images harm nobody",
        [bundle(key="p256.other"), bundle(), bundle(statement(subject=[subject("0" * 64)]))],
        verified=[2],
        discounted=["signer-unknown", "subject-mismatch"],
    )
    accept(
        "stranger-with-nonsense",
        "what a stranger signed is not looked at",
        [bundle(b"\xff not a statement", key="p256.other"), bundle()],
        verified=[2],
        discounted=["signer-unknown"],
    )
    window = {"from": "2025-06-01T00:00:00Z", "until": "2025-07-01T00:00:00Z"}
    accept(
        "window-first-instant",
        "a window holds its first instant",
        bundle(),
        [authority(**window)],
        now="2025-06-01T00:00:00Z",
    )
    accept(
        "window-last-instant",
        "and the one before its end",
        bundle(),
        [authority(**window)],
        now="2025-06-30T23:59:59.999999999Z",
    )


def witnessed(testimony, **window):
    return [authority(witness={"trustedRoot": witness.TRUSTED_ROOT, "testimony": testimony}, **window)]


def seen(log=(), timestamps=(), payload=None):
    """A bundle with witnesses; each is a function of payload and signature."""
    payload = statement() if payload is None else payload
    made = bundle(payload)
    signature = base64.b64decode(made["dsseEnvelope"]["signatures"][0]["sig"])
    made["verificationMaterial"]["tlogEntries"] = [one(payload, signature) for one in log]
    if timestamps:
        tokens = [one(payload, signature) for one in timestamps]
        made["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": tokens}
    return made


def entry(payload, signature):
    return witness.log_entry(payload, signature)


def token(_, signature):
    return witness.timestamp(signature)


def witnesses():
    witness.trusted_root()
    past = {"from": "2025-06-01T00:00:00Z", "until": "2025-06-03T00:00:00Z"}
    accept(
        "witness-timestamp",
        "an RFC 3161 timestamp; the window is judged at its time, not now",
        seen(timestamps=[token]),
        witnessed(["timestamp"], **past),
    )
    accept(
        "witness-log",
        "a log entry with proof and promise; the window is judged at its time, not now",
        seen(log=[entry]),
        witnessed(["log"], **past),
    )
    accept("witness-both", "both", seen([entry], [token]), witnessed(["log", "timestamp"], **past))
    without = seen(log=[entry])
    del without["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]
    accept(
        "witness-log-without-promise",
        "a proof alone proves presence, not time: now is judged",
        without,
        witnessed(["log"], **{"from": "2025-06-30T00:00:00Z", "until": "2025-07-02T00:00:00Z"}),
    )
    accept(
        "witness-not-asked",
        "nobody asked for a witness, so nobody looks at it",
        seen(timestamps=[lambda *_: {"signedTimestamp": b64(b"junk")}]),
    )


def make():
    schemes()
    spellings()
    base64_forms()
    statements()
    signers()
    witnesses()
