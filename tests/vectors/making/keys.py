"""Keys from fixed seeds, and signatures by the schemes that goldseal knows.

The keys are no secret: everybody can derive them from this file. None of them signs anything but vectors.
"""

import hashlib
import random
from functools import cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa

HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


def seed(name):
    return hashlib.sha512(b"goldseal vectors, no secret: " + name.encode()).digest()


def prime(source, bits):
    """A prime of exactly `bits` bits with its two top bits set, by 32 rounds of Miller-Rabin."""
    small = [p for p in range(3, 2000) if all(p % q for q in range(2, int(p**0.5) + 1))]
    while True:
        n = source.getrandbits(bits) | 3 << bits - 2 | 1
        if any(n % p == 0 for p in small):
            continue
        odd, twos = n - 1, 0
        while odd % 2 == 0:
            odd, twos = odd // 2, twos + 1
        for _ in range(32):
            x = pow(source.randrange(2, n - 1), odd, n)
            if x in (1, n - 1):
                continue
            for _ in range(twos - 1):
                x = x * x % n
                if x == n - 1:
                    break
            else:
                break
        else:
            return n


def rsa_key(bits, name):
    source, e = random.Random(seed(name)), 65537
    while True:
        p, q = prime(source, bits // 2), prime(source, bits // 2)
        if p != q and (p - 1) * (q - 1) % e:
            break
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    crt = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *crt, public).private_key()


@cache
def key(name):
    """`p256`, `p384`, `rsa-2048`, `ed25519`, `ml-dsa-44` …; a suffix such as `p256.other` makes another one."""
    kind = name.split(".")[0]
    match kind:
        case "p256" | "p384":
            curve = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind]
            return ec.derive_private_key(int.from_bytes(seed(name)[: 31 if kind == "p256" else 47]), curve)
        case "ed25519":
            return ed25519.Ed25519PrivateKey.from_private_bytes(seed(name)[:32])
        case "ml-dsa-44":
            return mldsa.MLDSA44PrivateKey.from_seed_bytes(seed(name)[:32])
        case "ml-dsa-65":
            return mldsa.MLDSA65PrivateKey.from_seed_bytes(seed(name)[:32])
        case "ml-dsa-87":
            return mldsa.MLDSA87PrivateKey.from_seed_bytes(seed(name)[:32])
    return rsa_key(int(kind.removeprefix("rsa-")), name)


def spki(name):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key(name).public_key().public_bytes(serialization.Encoding.DER, form)


def pem(name):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key(name).public_key().public_bytes(serialization.Encoding.PEM, form)


def private_pem(name):
    return key(name).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def natural(name):
    """The scheme that a key has when nothing else is said."""
    kind = name.split(".")[0]
    natural = {"p256": "ecdsa-p256-sha256", "p384": "ecdsa-p384-sha384"}
    return natural.get(kind, "rsa-pkcs1-sha256" if kind.startswith("rsa") else kind)


def sign(name, message, scheme=None):
    scheme = scheme or natural(name)
    if scheme.startswith(("ed25519", "ml-dsa")):
        return key(name).sign(message)
    digest = HASHES[scheme[-3:]]()
    if scheme.startswith("ecdsa"):
        return key(name).sign(message, ec.ECDSA(digest, deterministic_signing=True))
    if scheme.startswith("rsa-pkcs1"):
        return key(name).sign(message, padding.PKCS1v15(), digest)
    return key(name).sign(message, padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH), digest)
