"""Key material of the kinds that KMS signs with, and what each may sign."""
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, utils
from moto.kms.utils import KeySpec, generate_private_key

from . import errors

ML_DSA = {"ML_DSA_44": mldsa.MLDSA44PrivateKey, "ML_DSA_65": mldsa.MLDSA65PrivateKey,
          "ML_DSA_87": mldsa.MLDSA87PrivateKey}
ED25519 = "ECC_NIST_EDWARDS25519"
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
RAW_LIMIT = 4096
MU_LENGTH = 64

EXTRA_SPECS = (*ML_DSA, ED25519)
EXTRA_ALGORITHMS = {**dict.fromkeys(ML_DSA, ["ML_DSA_SHAKE_256"]), ED25519: ["ED25519_SHA_512"]}


class ExtraKey:
    """A key that moto does not know; the shape that moto expects."""

    def __init__(self, private_key):
        self.private_key = private_key

    def public_key(self) -> bytes:
        return self.private_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def generate(spec: str):
    """Replaces moto's function of the same job."""
    if spec in ML_DSA:
        return ExtraKey(ML_DSA[spec].generate())
    if spec == ED25519:
        return ExtraKey(ed25519.Ed25519PrivateKey.generate())
    return generate_private_key(spec)


def is_asymmetric(spec: str) -> bool:
    return spec in EXTRA_SPECS or spec in (*KeySpec.rsa_key_specs(), *KeySpec.ecc_key_specs(), "SM2")


def check_message(algorithm: str, kind: str, message: bytes) -> None:
    """The length and MessageType rules of Sign and Verify."""
    if kind == "RAW":
        if len(message) > RAW_LIMIT:
            raise errors.kms("ValidationException", "1 validation error detected: Value at 'message' failed to satisfy "
                             f"constraint: Member must have length less than or equal to {RAW_LIMIT}")
    elif kind == "EXTERNAL_MU":
        if algorithm != "ML_DSA_SHAKE_256":
            raise errors.kms("ValidationException", f"MessageType EXTERNAL_MU is invalid for algorithm {algorithm}.")
        if len(message) != MU_LENGTH:
            raise errors.kms("ValidationException", f"External mu must have {MU_LENGTH} bytes.")
    elif kind == "DIGEST":
        digest = HASHES.get(algorithm[-3:]) if algorithm.startswith(("ECDSA", "RSASSA")) else None
        if digest is None:
            raise errors.kms("ValidationException", f"MessageType DIGEST is invalid for algorithm {algorithm}.")
        if len(message) != digest.digest_size:
            raise errors.kms("ValidationException", f"Digest is invalid length for algorithm {algorithm}.")
    else:
        raise errors.kms("ValidationException", f"Unknown MessageType {kind}")


def sign(private_key, algorithm: str, kind: str, message: bytes) -> bytes:
    if kind == "EXTERNAL_MU":
        return private_key.sign_mu(message)
    return private_key.sign(message, *_scheme(algorithm, kind))


def verifies(private_key, algorithm: str, kind: str, message: bytes, signature: bytes) -> bool:
    public_key = private_key.public_key()
    try:
        if kind == "EXTERNAL_MU":
            public_key.verify_mu(signature, message)
        else:
            public_key.verify(signature, message, *_scheme(algorithm, kind))
    except InvalidSignature:
        return False
    return True


def _scheme(algorithm: str, kind: str) -> tuple:
    if not algorithm.startswith(("ECDSA", "RSASSA")):  # Ed25519 and ML-DSA take the message alone
        return ()
    digest = HASHES[algorithm[-3:]]()
    hashing = utils.Prehashed(digest) if kind == "DIGEST" else digest
    if algorithm.startswith("ECDSA"):
        return (ec.ECDSA(hashing),)
    if "_PSS_" in algorithm:
        # KMS uses a salt as long as the digest; moto the longest possible.
        return (padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH), hashing)
    return (padding.PKCS1v15(), hashing)
