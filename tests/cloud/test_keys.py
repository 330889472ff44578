"""KMS."""
import hashlib
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, utils

from harness import OTHER, OWNER, Case, client

MESSAGE = b"goldseal"
CURVES = {"ECC_NIST_P256": "256", "ECC_NIST_P384": "384", "ECC_NIST_P521": "512"}
ML_DSA = {"ML_DSA_44": (17, 1312, 2420), "ML_DSA_65": (18, 1952, 3309), "ML_DSA_87": (19, 2592, 4627)}


class Keys(Case):
    def key(self, spec: str = "ECC_NIST_P256", **more) -> str:
        return self.kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY", **more)["KeyMetadata"]["KeyId"]

    def public(self, key: str):
        return serialization.load_der_public_key(self.kms.get_public_key(KeyId=key)["PublicKey"])

    def sign(self, key: str, algorithm: str, message: bytes = MESSAGE, kind: str = "RAW") -> bytes:
        return self.kms.sign(KeyId=key, SigningAlgorithm=algorithm, Message=message, MessageType=kind)["Signature"]

    def test_ecdsa_digest_and_raw_verify_offline(self):
        for spec, bits in CURVES.items():
            key, algorithm = self.key(spec), f"ECDSA_SHA_{bits}"
            digest = getattr(hashlib, f"sha{bits}")(MESSAGE).digest()
            scheme = ec.ECDSA(getattr(hashes, f"SHA{bits}")())
            for signature in (self.sign(key, algorithm, digest, "DIGEST"), self.sign(key, algorithm)):
                self.public(key).verify(signature, MESSAGE, scheme)
                answer = self.kms.verify(KeyId=key, SigningAlgorithm=algorithm, Message=digest, MessageType="DIGEST",
                                         Signature=signature)
                self.assertTrue(answer["SignatureValid"])

    def test_rsa_digest_verifies_offline(self):
        key = self.key("RSA_2048")
        for bits in ("256", "384", "512"):
            digest, algorithm = getattr(hashlib, f"sha{bits}")(MESSAGE).digest(), getattr(hashes, f"SHA{bits}")()
            pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
            for name, pad in (("PSS", pss), ("PKCS1_V1_5", padding.PKCS1v15())):
                signature = self.sign(key, f"RSASSA_{name}_SHA_{bits}", digest, "DIGEST")
                self.public(key).verify(signature, MESSAGE, pad, algorithm)
                self.public(key).verify(signature, digest, pad, utils.Prehashed(algorithm))

    def test_message_lengths(self):
        key = self.key()
        for length in (31, 33, 48):
            self.refused("ValidationException", self.sign, key=key, algorithm="ECDSA_SHA_256", message=b"x" * length,
                         kind="DIGEST")
        self.sign(key, "ECDSA_SHA_256", b"x" * 4096)
        loose = client("kms", parameter_validation=False)
        self.refused("ValidationException", loose.sign, KeyId=key, SigningAlgorithm="ECDSA_SHA_256", Message=b"x" * 4097)

    def test_algorithm_and_usage_must_fit_the_key(self):
        self.refused("InvalidKeyUsageException", self.sign, key=self.key(), algorithm="ECDSA_SHA_384")
        symmetric = self.kms.create_key()["KeyMetadata"]
        self.assertEqual((symmetric["KeyUsage"], symmetric["KeySpec"]), ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"))
        self.refused("InvalidKeyUsageException", self.sign, key=symmetric["KeyId"], algorithm="ECDSA_SHA_256")
        self.refused("UnsupportedOperationException", self.kms.get_public_key, KeyId=symmetric["KeyId"])
        self.refused("ValidationException", self.kms.create_key, KeySpec="ECC_NIST_P256")
        self.refused("DryRunOperationException", self.kms.sign, KeyId=self.key(), Message=b"m", DryRun=True,
                     SigningAlgorithm="ECDSA_SHA_256")

    def test_disabled_key(self):
        key = self.key()
        self.kms.disable_key(KeyId=key)
        self.assertEqual(self.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "Disabled")
        self.refused("DisabledException", self.sign, key=key, algorithm="ECDSA_SHA_256")
        self.refused("DisabledException", self.kms.get_public_key, KeyId=key)
        self.kms.enable_key(KeyId=self.kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"])
        self.sign(key, "ECDSA_SHA_256")

    def test_key_pending_deletion(self):
        key = self.key()
        self.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.assertEqual(self.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"], "PendingDeletion")
        self.refused("KMSInvalidStateException", self.sign, key=key, algorithm="ECDSA_SHA_256")
        self.refused("KMSInvalidStateException", self.kms.get_public_key, KeyId=key)
        self.refused("KMSInvalidStateException", self.kms.enable_key, KeyId=key)

    def test_every_name_of_a_key_resolves_and_answers_give_its_arn(self):
        key = self.key()
        self.kms.create_alias(AliasName="alias/signer", TargetKeyId=key)
        arn = f"arn:aws:kms:us-east-1:{OWNER}:key/{key}"
        for name in (key, arn, "alias/signer", f"arn:aws:kms:us-east-1:{OWNER}:alias/signer"):
            signed = self.kms.sign(KeyId=name, SigningAlgorithm="ECDSA_SHA_256", Message=MESSAGE)
            verified = self.kms.verify(KeyId=name, SigningAlgorithm="ECDSA_SHA_256", Message=MESSAGE,
                                       Signature=signed["Signature"])
            described = self.kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"]
            public = self.kms.get_public_key(KeyId=name)["KeyId"]
            self.assertEqual({signed["KeyId"], verified["KeyId"], described, public}, {arn}, name)
        for unknown in ("alias/none", "00000000-0000-0000-0000-000000000000", "nonsense", arn.replace("us-east-1", "us-west-2")):
            self.refused("NotFoundException", self.kms.get_public_key, KeyId=unknown)

    def test_alias_moves_to_a_like_key_only(self):
        first, second = self.key(), self.key()
        self.kms.create_alias(AliasName="alias/signer", TargetKeyId=first)
        self.kms.update_alias(AliasName="alias/signer", TargetKeyId=second)
        self.assertTrue(self.kms.get_public_key(KeyId="alias/signer")["KeyId"].endswith(second))
        self.refused("ValidationException", self.kms.update_alias, AliasName="alias/signer",
                     TargetKeyId=self.kms.create_key()["KeyMetadata"]["KeyId"])
        self.refused("NotFoundException", self.kms.update_alias, AliasName="alias/none", TargetKeyId=first)

    def test_describe_key(self):
        seen = self.kms.describe_key(KeyId=self.key("ECC_NIST_P384"))["KeyMetadata"]
        self.assertEqual((seen["KeyState"], seen["KeySpec"], seen["KeyUsage"], seen["SigningAlgorithms"]),
                         ("Enabled", "ECC_NIST_P384", "SIGN_VERIFY", ["ECDSA_SHA_384"]))

    def test_multi_region_key(self):
        key = self.key(MultiRegion=True)
        self.assertRegex(key, "^mrk-[0-9a-f]{32}$")
        self.kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
        west = client("kms", "eu-west-1")
        self.assertEqual(west.get_public_key(KeyId=key)["PublicKey"], self.kms.get_public_key(KeyId=key)["PublicKey"])
        self.assertEqual(west.get_public_key(KeyId=key)["KeyId"], f"arn:aws:kms:eu-west-1:{OWNER}:key/{key}")
        kinds = [one.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]["MultiRegionKeyType"]
                 for one in (west, self.kms)]
        self.assertEqual(kinds, ["REPLICA", "PRIMARY"])

    def test_bad_signature_is_an_error(self):
        key = self.key()
        signature = self.sign(key, "ECDSA_SHA_256")
        for message, given in ((b"other", signature), (MESSAGE, b"garbage")):
            self.refused("KMSInvalidSignatureException", self.kms.verify, 400, KeyId=key, Message=message, Signature=given,
                         SigningAlgorithm="ECDSA_SHA_256")

    def test_ml_dsa_raw_and_external_mu_verify_offline(self):
        for spec, (_, _, length) in ML_DSA.items():
            key = self.key(spec)
            public = self.public(key)
            signature = self.sign(key, "ML_DSA_SHAKE_256")
            self.assertEqual(len(signature), length)
            public.verify(signature, MESSAGE)
            # FIPS 204: mu = SHAKE256(SHAKE256(pk, 64) || 0 || len(context) || message, 64)
            raw = public.public_bytes_raw()
            mu = hashlib.shake_256(hashlib.shake_256(raw).digest(64) + b"\0\0" + MESSAGE).digest(64)
            signature = self.sign(key, "ML_DSA_SHAKE_256", mu, "EXTERNAL_MU")
            public.verify(signature, MESSAGE)
            for kind, message in (("RAW", MESSAGE), ("EXTERNAL_MU", mu)):
                self.kms.verify(KeyId=key, SigningAlgorithm="ML_DSA_SHAKE_256", Message=message, MessageType=kind,
                                Signature=signature)
            with self.assertRaises(InvalidSignature):
                public.verify(signature, b"other")
            self.refused("KMSInvalidSignatureException", self.kms.verify, KeyId=key, Message=b"other",
                         SigningAlgorithm="ML_DSA_SHAKE_256", Signature=signature)
            for kind, message in (("EXTERNAL_MU", mu[:63]), ("DIGEST", mu)):
                self.refused("ValidationException", self.sign, key=key, algorithm="ML_DSA_SHAKE_256", message=message,
                             kind=kind)
        self.refused("ValidationException", self.sign, key=self.key(), algorithm="ECDSA_SHA_256", message=mu,
                     kind="EXTERNAL_MU")

    def test_ml_dsa_public_key_is_a_plain_spki(self):
        for spec, (oid, length, _) in ML_DSA.items():
            answer = self.kms.get_public_key(KeyId=self.key(spec))
            der = answer["PublicKey"]
            self.assertEqual((answer["KeySpec"], answer["SigningAlgorithms"]), (spec, ["ML_DSA_SHAKE_256"]))
            # SEQUENCE { SEQUENCE { OID 2.16.840.1.101.3.4.3.n }, BIT STRING { raw key } }: no parameters.
            algorithm = bytes.fromhex("300b06096086480165030403") + bytes([oid])
            bits = b"\x03\x82" + (length + 1).to_bytes(2) + b"\0"
            self.assertEqual(der[:4], b"\x30\x82" + (len(der) - 4).to_bytes(2))
            self.assertEqual(der[4:-length], algorithm + bits)
            self.assertIsInstance(serialization.load_der_public_key(der), {
                17: mldsa.MLDSA44PublicKey, 18: mldsa.MLDSA65PublicKey, 19: mldsa.MLDSA87PublicKey}[oid])

    def test_ed25519(self):
        key = self.key("ECC_NIST_EDWARDS25519")
        self.public(key).verify(self.sign(key, "ED25519_SHA_512"), MESSAGE)
        self.refused("ValidationException", self.sign, key=key, algorithm="ED25519_SHA_512", message=b"x" * 64, kind="DIGEST")

    def test_other_account_needs_the_key_policy(self):
        key, other = self.key(), client("kms", account=OTHER)
        arn = f"arn:aws:kms:us-east-1:{OWNER}:key/{key}"
        self.refused("AccessDeniedException", other.get_public_key, KeyId=arn)
        self.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({"Statement": [{
            "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "kms:GetPublicKey",
            "Resource": "*"}]}))
        self.assertEqual(other.get_public_key(KeyId=arn)["KeyId"], arn)
        self.refused("AccessDeniedException", other.sign, KeyId=arn, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")

    def test_key_of_a_template(self):
        template = {"Resources": {"Key": {"Type": "AWS::KMS::Key", "Properties": {
            "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY", "KeyPolicy": {"Statement": []}}}}}
        client("cloudformation").create_stack(StackName="stack", TemplateBody=json.dumps(template))
        key = self.kms.list_keys()["Keys"][0]["KeyId"]
        self.assertEqual(self.kms.describe_key(KeyId=key)["KeyMetadata"]["KeySpec"], "ECC_NIST_P256")
