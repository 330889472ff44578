"""What must be refused, and with which code. Where it matters, an authority really signed it."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

from . import keys
from .bundle import BUNDLE, DIGEST, IN_TOTO, authority, b64, bundle, compact, hint, pae, reject, statement, subject
from .good import P256_ORDER

CERTIFICATE = {"rawBytes": "MAA="}


def changed(path, value):
    """A bundle with one value changed, added or (None) taken away."""
    made = bundle()
    *way, last = path
    place = made
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return made


ENVELOPE = ("dsseEnvelope",)
SIGNATURE = (*ENVELOPE, "signatures", 0)
MATERIAL = ("verificationMaterial",)


def json_text():
    text = compact(bundle())
    for name, what, lines in [
        ("truncated", "the second line was cut", [text, text[:500]]),
        ("empty-line", "a gap between lines is damage, not space", [text, "", text]),
        ("empty-last-line", "two line ends at the end", [text, ""]),
        ("two-documents", "two bundles on one line", [text, f"{text} {text}"]),
        ("trailing-text", "text after the bundle", [text, f"{text}x"]),
    ]:
        reject(f"malformed-{name}", "json-malformed", what, lines, line=2)
    for name, what, line in [
        ("byte-order-mark", "RFC 8259: no byte order mark", f"\ufeff{text}"),
        ("pretty-printed", "a bundle over several lines is not one line", json.dumps(bundle(), indent=1)),
        ("not-utf-8", "a byte that is not UTF-8", text.encode().replace(b'hint":"', b'hint":"\xff')),
        ("lone-surrogate", "an escape that is no character", text.replace('"hint":"', '"hint":"\\ud800')),
        ("control-character", "a raw control character in a string", text.replace('"hint":"', '"hint":"\x01')),
        ("comment", "JSON has no comments", text.replace("{", "{/* */", 1)),
        ("trailing-comma", "JSON has no trailing commas", f"{text[:-1]},}}"),
        ("cut-in-a-string", "the only line was cut", text[: text.index("payloadType") + 5]),
    ]:
        reject(f"malformed-{name}", "json-malformed", what, [line])
    reject("too-many-lines", "evidence-too-large", "257 lines", ["{}"] * 257, line=0)
    deep = "[" * 10_000
    reject("deep-bundle", "json-too-deep", "10,000 levels", f'{{"mediaType":"{BUNDLE}","x":{deep}')
    reject(
        "deep-in-the-material",
        "json-too-deep",
        "33 levels where 32 are allowed",
        changed((*MATERIAL, "tlogEntries"), json.loads("[" * 31 + "]" * 31)),
    )
    reject(
        "deep-payload",
        "json-too-deep",
        "an authority signed 10,000 levels",
        bundle(statement(predicate="DEEP").replace(b'"DEEP"', b"[" * 10_000 + b"]" * 10_000)),
    )


def duplicates():
    text, payload = compact(bundle()), statement()
    for name, what, line in [
        ("media-type", "at the top", text.replace("{", f'{{"mediaType":"{BUNDLE}",', 1)),
        ("payload", "in the envelope", text.replace('"payload":', '"payload":"","payload":')),
        ("signature", "in the signature", text.replace('"sig":', '"sig":"","sig":')),
        (
            "escaped",
            "one of the two is written with an escape",
            text.replace('"payload":', '"p\\u0061yload":"","payload":'),
        ),
        ("hint", "four levels down", text.replace('"hint":', '"hint":"","hint":')),
    ]:
        reject(f"duplicate-{name}", "json-duplicate-key", what, line)
    for name, what, one, other in [
        ("subject", "an authority signed two lists of subjects", b'"subject":', b'"subject":[],"subject":'),
        ("digest", "an authority signed two digests", b'"sha256":', b'"sha256":"","sha256":'),
        ("predicate", "an authority signed it, deep in the predicate", b'"versionInfo":', b'"name":"x","versionInfo":'),
    ]:
        reject(f"duplicate-signed-{name}", "json-duplicate-key", what, bundle(payload.replace(one, other)))


def content():
    for name, what, made in [
        ("field", "a field that bundles do not have", changed(("extra",), 1)),
        ("case", "names are case-sensitive", compact(bundle()).replace("mediaType", "MediaType")),
        ("snake-case", "ProtoJSON's other names are not read", compact(bundle()).replace("mediaType", "media_type")),
        ("material-field", "one in the material", changed((*MATERIAL, "extra"), {})),
        ("envelope-field", "one in the envelope", changed((*ENVELOPE, "extra"), "")),
        ("signature-field", "one in the signature", changed((*SIGNATURE, "cert"), "")),
        ("keyid-number", "a key id is text", changed((*SIGNATURE, "keyid"), 1)),
        ("payload-array", "a payload is text", changed((*ENVELOPE, "payload"), [1, 2])),
        ("no-payload", "an envelope without payload", changed((*ENVELOPE, "payload"), None)),
        ("no-signature", "a signature without sig", changed((*SIGNATURE, "sig"), None)),
        ("no-material", "a bundle without material", changed(MATERIAL, None)),
        ("no-media-type", "a bundle without media type", changed(("mediaType",), None)),
        ("array", "an array of bundles", [[bundle()]]),
        ("string", "a string", '"bundle"'),
        ("bare-envelope", "an envelope without a bundle around it", bundle()["dsseEnvelope"]),
    ]:
        reject(f"unexpected-{name}", "json-unexpected-content", what, made)
    for name, what, payload in [
        ("field", "a field that statements do not have", statement(extra=1)),
        ("subject-field", "a field that subjects do not have", statement(subject=[subject(extra=1)])),
        ("no-predicate", "a statement without predicate", statement(predicate=None)),
        ("no-predicate-type", "a statement without predicate type", statement(predicateType=None)),
        ("no-type", "a statement without _type", statement(_type=None)),
        ("array", "a payload that is an array", b"[]"),
        ("number-digest", "a digest that is a number", statement(subject=[subject(1)])),
    ]:
        reject(f"unexpected-signed-{name}", "json-unexpected-content", f"an authority signed {what}", bundle(payload))
    for name, payload in [
        ("empty", b""),
        ("binary", bytes(range(256))),
        ("two", statement() * 2),
        ("utf-16", statement().decode().encode("utf-16")),
    ]:
        reject(
            f"malformed-signed-{name}",
            "json-malformed",
            "an authority signed a payload that is not JSON",
            bundle(payload),
        )


def forms():
    old = "application/vnd.dev.sigstore.bundle+json;version="
    for name, text in [
        ("v0.4", BUNDLE.replace("0.3", "0.4")),
        ("v0.9", BUNDLE.replace("0.3", "0.9")),
        ("empty", ""),
        ("v0.2-new", BUNDLE.replace("0.3", "0.2")),
        ("v0.4-old", f"{old}0.4"),
        ("no-version", old[:-9]),
        ("space", f"{BUNDLE} "),
        ("upper-case", BUNDLE.upper()),
        ("json", "application/json"),
    ]:
        reject(f"media-type-{name}", "bundle-media-type", f"{text!r}", changed(("mediaType",), text))
    message = {"signature": b64(keys.sign("p256", b"x"))}
    reject(
        "content-both", "bundle-content", "an envelope and a message signature", changed(("messageSignature",), message)
    )
    reject("content-none", "bundle-content", "neither", changed(ENVELOPE, None))
    reject(
        "content-message",
        "bundle-content",
        "a file is signed, not a statement",
        {k: v for k, v in bundle().items() if k != "dsseEnvelope"} | {"messageSignature": message},
    )
    chain = {"certificates": [CERTIFICATE]}
    for name, material in [
        ("none", {}),
        ("key-and-certificate", {"publicKey": {"hint": ""}, "certificate": CERTIFICATE}),
        ("key-and-chain", {"publicKey": {"hint": ""}, "x509CertificateChain": chain}),
        ("certificate-and-chain", {"certificate": CERTIFICATE, "x509CertificateChain": chain}),
    ]:
        reject(
            f"material-{name}",
            "bundle-material",
            f"the material is {', '.join(material) or 'empty'}",
            changed(MATERIAL, material),
        )
    one = bundle()["dsseEnvelope"]["signatures"]
    other = bundle(key="p256.other")["dsseEnvelope"]["signatures"]
    for name, what, list_ in [
        ("none", "no signature", []),
        ("twice", "the same one twice", one * 2),
        ("two", "a second one by another key", one + other),
        ("junk", "junk before", [{"sig": ""}] + one),
    ]:
        reject(f"signatures-{name}", "envelope-signature-count", what, changed((*ENVELOPE, "signatures"), list_))
    base64_faults()


def base64_faults():
    for size in range(3):
        signed = statement(predicate={"pad": "x" * size, "?": "ÿ?ÿ>"})
        if b64(signed).endswith("=="):
            break
    text = b64(signed)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    trailing = text[:-3] + last[last.index(text[-3]) + 1] + "=="
    assert base64.b64decode(trailing) == signed, "only the bits that stand for nothing may differ"
    for name, what, value in [
        ("trailing-bits", "bits that stand for nothing are set, so the payload has a second spelling", trailing),
        ("mixed-alphabets", "both alphabets in one text", f"-/{text[2:]}"),
        ("space", "white space inside", f"{text[:8]} {text[8:]}"),
        ("newline", "lines, as MIME writes it", f"{text[:76]}\n{text[76:]}"),
        ("too-much-padding", "one sign of padding too many", f"{text}="),
        ("half-padding", "one sign of two", text[:-1]),
        ("padding-inside", "two texts in one", f"{text}{text}"),
        ("one-character-left", "a length that nothing encodes to", f"{text[:-2]}AAA"),
        ("not-ascii", "a letter that looks like one", text.replace("e", "е", 1)),
    ]:
        made = bundle(signed)
        made["dsseEnvelope"]["payload"] = value
        reject(f"base64-{name}", "envelope-base64", f"payload: {what}", made)
    reject(
        "base64-signature",
        "envelope-base64",
        "the signature is hexadecimal with a prefix",
        changed((*SIGNATURE, "sig"), "0x3045"),
    )


def statements():
    for kind in [
        "application/json",
        "application/vnd.in-toto.provenance+json",
        "Application/vnd.in-toto+json",
        "",
        "application/vnd.in-toto+json; charset=utf-8",
        "application/vnd.in-toto+json ",
    ]:
        name = kind.strip().lower().translate(str.maketrans({c: "-" for c in "/.;+= "})) or "empty"
        name += "-upper-case" if kind.startswith("A") else "-space" if kind.endswith(" ") else ""
        reject(
            f"payload-type-{name}",
            "envelope-payload-type",
            f"an authority signed a payload of type {kind!r}",
            bundle(payload_type=kind),
        )
    for name, kind in [
        ("v2", "https://in-toto.io/Statement/v2"),
        ("v0.2", "https://in-toto.io/Statement/v0.2"),
        ("http", "http://in-toto.io/Statement/v1"),
        ("slash", "https://in-toto.io/Statement/v1/"),
        ("link", "https://in-toto.io/Link/v1"),
        ("empty", ""),
    ]:
        reject(f"statement-{name}", "statement-type", f"_type {kind!r}", bundle(statement(_type=kind)))
    for name, what, list_ in [
        ("none", "no subject", []),
        ("twice", "the image twice", [subject()] * 2),
        ("first", "the image and another one", [subject(), subject("0" * 64)]),
        ("second", "another one and the image", [subject("0" * 64), subject()]),
    ]:
        reject(f"subjects-{name}", "statement-subject-count", what, bundle(statement(subject=list_)))
    for name, what, digest in [
        ("upper-case", "upper case", {"sha256": DIGEST.upper()}),
        ("prefix", "with the algorithm in front", {"sha256": f"sha256:{DIGEST}"}),
        ("short", "a character too few", {"sha256": DIGEST[:-1]}),
        ("long", "a byte too many", {"sha256": f"{DIGEST}00"}),
        ("space", "with a space", {"sha256": f" {DIGEST[1:]}"}),
        ("not-hex", "a letter that is no digit", {"sha256": f"g{DIGEST[1:]}"}),
        ("empty", "an empty text", {"sha256": ""}),
        ("sha512-only", "another algorithm", {"sha512": DIGEST * 2}),
        ("name-upper-case", "the algorithm in upper case", {"SHA256": DIGEST}),
        ("no-digests", "no digests in the set", {}),
    ]:
        reject(
            f"digest-{name}",
            "statement-subject-digest",
            what,
            bundle(statement(subject=[{"name": "x", "digest": digest}])),
        )
    reject("digest-absent", "statement-subject-digest", "no set of digests", bundle(statement(subject=[{"name": "x"}])))
    reject(
        "other-image",
        "subject-mismatch",
        "a statement about another image",
        bundle(statement(subject=[subject("0" * 64)])),
    )
    reject(
        "other-image-same-name",
        "subject-mismatch",
        "the name is the image's, the digest is not",
        bundle(statement(subject=[subject(("0" if DIGEST[0] != "0" else "1") + DIGEST[1:])])),
    )


def signatures():
    stranger = bundle(key="p256.other")
    reject("stranger", "signer-unknown", "signed by nobody the policy names", stranger)
    reject(
        "certificate",
        "signer-unknown",
        "a certificate: keyless signing",
        changed(MATERIAL, {"certificate": CERTIFICATE}),
    )
    reject(
        "certificate-chain",
        "signer-unknown",
        "a chain of certificates",
        changed(MATERIAL, {"x509CertificateChain": {"certificates": [CERTIFICATE]}}),
    )
    for name, material in [("empty", {"hint": ""}), ("absent", {})]:
        reject(
            f"stranger-hint-{name}",
            "signer-unknown",
            "nobody's signature, and no hint",
            stranger | {"verificationMaterial": {"publicKey": material}},
        )
    reject(
        "hint-unknown",
        "signer-unknown",
        "an authority signed, but the hint names no key of the policy",
        changed((*MATERIAL, "publicKey", "hint"), hint("p256.other")),
    )
    reject(
        "hint-url-safe",
        "signer-unknown",
        "a hint is compared as it is, not decoded",
        changed((*MATERIAL, "publicKey", "hint"), hint("p256").rstrip("=")),
    )

    def invalid(name, what, made, authorities=None):
        reject(f"signature-{name}", "signature-invalid", what, made, authorities)

    invalid(
        "of-a-stranger",
        "the hint names an authority, the signature is another key's",
        stranger | {"verificationMaterial": {"publicKey": {"hint": hint("p256")}}},
    )
    invalid(
        "of-the-other-authority",
        "two authorities: the hint names one, the signature is the other's",
        stranger | {"verificationMaterial": {"publicKey": {"hint": hint("p256")}}},
        [authority(), authority("p256.other", "other")],
    )
    invalid(
        "payload-swapped",
        "the payload of another statement",
        changed((*ENVELOPE, "payload"), b64(statement(predicate={"swapped": True}))),
    )
    invalid("payload-empty", "the payload was taken out", changed((*ENVELOPE, "payload"), ""))
    invalid(
        "payload-type-changed",
        "the payload type is signed too",
        changed((*ENVELOPE, "payloadType"), "application/vnd.example+json"),
    )
    der = keys.sign("p256", pae(IN_TOTO, statement()))
    r, s = utils.decode_dss_signature(der)
    digest = ec.ECDSA(hashes.SHA384(), deterministic_signing=True)
    for name, what, signature in [
        ("empty", "no bytes", b""),
        ("cut", "a byte short", der[:-1]),
        ("trailing-byte", "a byte after it", der + b"\0"),
        ("one-bit", "one bit flipped", der[:-1] + bytes([der[-1] ^ 1])),
        ("raw", "r and s without DER (IEEE P1363)", r.to_bytes(32) + s.to_bytes(32)),
        ("long-length", "DER with a length in two bytes", der[:1] + b"\x81" + der[1:]),
        ("zeros", "r and s are 0", utils.encode_dss_signature(0, 0)),
        ("zero-r", "r is 0", utils.encode_dss_signature(0, s)),
        ("order-added", "s is larger than the order", utils.encode_dss_signature(r, s + P256_ORDER)),
        ("sha384", "the right key, with SHA-384", keys.key("p256").sign(pae(IN_TOTO, statement()), digest)),
        ("no-pae", "over the payload alone", keys.sign("p256", statement())),
        (
            "pae-of-base64",
            "over the encoding of the base64",
            keys.sign("p256", pae(IN_TOTO, b64(statement()).encode())),
        ),
        (
            "pae-digest",
            "over a digest of the encoding, hashed once more",
            keys.sign("p256", hashlib.sha256(pae(IN_TOTO, statement())).digest()),
        ),
    ]:
        invalid(name, what, bundle(signature=signature))
    message = pae(IN_TOTO, statement())
    pss = keys.sign("rsa-2048", message, "rsa-pss-sha256")
    short = keys.key("rsa-2048").sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 20), hashes.SHA256())
    mgf1 = keys.key("rsa-2048").sign(message, padding.PSS(padding.MGF1(hashes.SHA1()), 32), hashes.SHA256())
    sha1 = keys.key("rsa-2048").sign(message, padding.PKCS1v15(), hashes.SHA1())
    sha512 = keys.sign("rsa-2048", message, "rsa-pkcs1-sha512")
    for name, what, key, scheme, signature in [
        ("rsa-pss-for-pkcs1", "PSS where the authority says PKCS #1", "rsa-2048", None, pss),
        (
            "rsa-pkcs1-for-pss",
            "PKCS #1 where the authority says PSS",
            "rsa-2048",
            "rsa-pss-sha256",
            keys.sign("rsa-2048", message),
        ),
        ("rsa-pss-short-salt", "PSS with a salt of 20 bytes", "rsa-2048", "rsa-pss-sha256", short),
        ("rsa-pss-mgf1-sha1", "PSS with MGF1 over SHA-1", "rsa-2048", "rsa-pss-sha256", mgf1),
        ("rsa-sha1", "PKCS #1 with SHA-1", "rsa-2048", None, sha1),
        ("rsa-other-hash", "PKCS #1 with SHA-512 where the authority says SHA-256", "rsa-2048", None, sha512),
        (
            "ed25519-prehashed",
            "over a digest instead of the message",
            "ed25519",
            None,
            keys.sign("ed25519", hashlib.sha512(message).digest()),
        ),
        ("ml-dsa-context", "ML-DSA with a context", "ml-dsa-65", None, keys.key("ml-dsa-65").sign(message, b"context")),
        (
            "p384-sha256",
            "a P-384 key with SHA-256, as old versions of cosign sign",
            "p384",
            None,
            keys.key("p384").sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)),
        ),
    ]:
        more = {"scheme": scheme} if scheme else {}
        invalid(name, what, bundle(key=key, signature=signature), [authority(key, **more)])


def make():
    json_text()
    duplicates()
    content()
    forms()
    statements()
    signatures()
