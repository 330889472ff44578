"""KMS: digests, key states, ARNs, policies across accounts, and ML-DSA keys."""
import base64
import fnmatch
import json
import re
import uuid
from copy import deepcopy

from moto.kms import models, responses, urls

from . import errors, kms_keys

KEY_ID = re.compile(r"mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
ARN = re.compile(r"arn:[^:]+:kms:([^:]+):([0-9]{12}):(key|alias)/(.+)")


class Key(models.Key):
    @property
    def signing_algorithms(self):
        if self.key_usage != "SIGN_VERIFY":
            return None
        return kms_keys.EXTRA_ALGORITHMS.get(self.key_spec) or super().signing_algorithms

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        # moto makes a symmetric key whatever the template says.
        given = cloudformation_json["Properties"]
        key = models.kms_backends[account_id][region_name].create_key(
            policy=json.dumps(given["KeyPolicy"]) if given.get("KeyPolicy") else None,
            key_usage=given.get("KeyUsage"), key_spec=given.get("KeySpec"), description=given.get("Description", ""),
            tags=[{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in given.get("Tags", [])],
            multi_region=given.get("MultiRegion", False))
        if not given.get("Enabled", True):
            key.enabled, key.key_state = False, "Disabled"
        return key


class Backend(models.KmsBackend):
    __module__ = models.__name__  # moto finds a backend's URLs by this name

    def create_key(self, policy, key_usage, key_spec, *args, **kwargs):
        key_spec = key_spec or "SYMMETRIC_DEFAULT"
        if not key_usage and kms_keys.is_asymmetric(key_spec):
            raise errors.kms("ValidationException", "You must specify a KeyUsage value for an asymmetric KMS key.")
        if key_spec in kms_keys.EXTRA_SPECS and key_usage != "SIGN_VERIFY":
            raise errors.kms("ValidationException", f"KeyUsage {key_usage} is not compatible with KeySpec {key_spec}")
        return super().create_key(policy, key_usage or "ENCRYPT_DECRYPT", key_spec, *args, **kwargs)

    # The name that Python gives moto's private method.
    def _KmsBackend__ensure_valid_key_spec(self, key_spec):
        if key_spec not in kms_keys.EXTRA_SPECS:
            return self._KmsBackend__check_spec(key_spec)

    def replicate_key(self, key_id, replica_region):
        primary = self.keys[self.get_key_id(key_id)]
        if not primary.multi_region:
            raise errors.kms("UnsupportedOperationException", f"{primary.arn} is not a multi-Region primary key.")
        replica = super().replicate_key(primary.id, replica_region)
        # moto lets both share one record, in which each overwrites the other's type.
        replica.multi_region_configuration = deepcopy(primary.multi_region_configuration)
        replica.aliases = {}
        return replica


Backend._KmsBackend__check_spec = models.KmsBackend._KmsBackend__ensure_valid_key_spec


class Kms(responses.KmsResponse):
    @property
    def kms_backend(self):
        """The backend of the key's account, when the key is named by ARN."""
        match = ARN.fullmatch(self._get_param("KeyId") or "")
        if not match:
            return super().kms_backend
        region, account = match.group(1), match.group(2)
        if region != self.region:
            raise errors.kms("NotFoundException", f"Invalid arn {region}")
        return models.kms_backends[account][region]

    def _validate_cmk_id(self, key_id):
        key_part = key_id.split(":key/")[-1]
        if not KEY_ID.fullmatch(key_part):
            raise errors.kms("NotFoundException", f"Invalid keyId '{key_id}'")
        if key_part not in self.kms_backend.keys:
            raise errors.kms("NotFoundException", f"Key '{self._display_arn(key_id)}' does not exist")

    def _key(self) -> Key:
        """The key of the request, whichever way it is named; the caller may use it."""
        name = self._get_param("KeyId")
        self._validate_key_id(name)
        key = self.kms_backend.describe_key(name)
        action = f"kms:{self._get_action()}"
        if key.account_id != self.current_account and not _opened(key.policy, self.current_account, action):
            raise errors.kms("AccessDeniedException", f"User: arn:aws:iam::{self.current_account}:root is not "
                             f"authorized to perform: {action} on resource: {key.arn}")
        return key

    def _usable_key(self) -> Key:
        key = self._key()
        if key.key_state == "PendingDeletion":
            raise errors.kms("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        if not key.enabled:
            raise errors.kms("DisabledException", f"{key.arn} is disabled.")
        return key

    def describe_key(self):
        self._key()
        return super().describe_key()

    def get_public_key(self):
        key = self._usable_key()
        if not kms_keys.is_asymmetric(key.key_spec):
            raise errors.kms("UnsupportedOperationException", f"{key.arn} is not an asymmetric key.")
        return json.dumps({
            "KeyId": key.arn, "KeySpec": key.key_spec, "CustomerMasterKeySpec": key.key_spec,
            "KeyUsage": key.key_usage, "PublicKey": base64.b64encode(key.private_key.public_key()).decode(),
            "SigningAlgorithms": key.signing_algorithms, "EncryptionAlgorithms": key.encryption_algorithms})

    def sign(self):
        key, algorithm, kind, message = self._signing()
        signature = kms_keys.sign(key.private_key.private_key, algorithm, kind, message)
        return json.dumps({"KeyId": key.arn, "SigningAlgorithm": algorithm,
                           "Signature": base64.b64encode(signature).decode()})

    def verify(self):
        key, algorithm, kind, message = self._signing()
        signature = base64.b64decode(self._get_param("Signature") or "")
        if not kms_keys.verifies(key.private_key.private_key, algorithm, kind, message, signature):
            raise errors.kms("KMSInvalidSignatureException")
        return json.dumps({"KeyId": key.arn, "SigningAlgorithm": algorithm, "SignatureValid": True})

    def _signing(self) -> tuple[Key, str, str, bytes]:
        key, algorithm = self._usable_key(), self._get_param("SigningAlgorithm")
        if key.key_usage != "SIGN_VERIFY":
            raise errors.kms("InvalidKeyUsageException", f"{key.arn} key usage is {key.key_usage} which is not valid "
                             f"for {self._get_action()}.")
        if algorithm not in key.signing_algorithms:
            raise errors.kms("InvalidKeyUsageException",
                             f"Algorithm {algorithm} is incompatible with key spec {key.key_spec}.")
        kind, message = self._get_param("MessageType") or "RAW", self._get_param("Message")
        if not message:
            raise errors.kms("ValidationException", "1 validation error detected: Value at 'message' failed to "
                             "satisfy constraint: Member must have length greater than or equal to 1")
        kms_keys.check_message(algorithm, kind, message)
        if self._get_param("DryRun"):
            raise errors.kms("DryRunOperationException",
                             "The request would have succeeded, but the DryRun option is set.")
        return key, algorithm, kind, message

    def update_alias(self):
        name, target = self._get_param("AliasName"), self._get_param("TargetKeyId")
        backend = self.kms_backend
        old, new = backend.get_key_id_from_alias(name), backend.keys.get(backend.get_key_id(target))
        if old and new:
            old = backend.keys[old]
            if old.key_usage != new.key_usage or (
                    kms_keys.is_asymmetric(old.key_spec) != kms_keys.is_asymmetric(new.key_spec)):
                raise errors.kms("ValidationException", f"Alias {name} cannot move to a key of another type or usage.")
        return super().update_alias()

    def disable_key(self):
        # moto looks an ARN up as if it were an id.
        self._not_pending_deletion()
        self.kms_backend.disable_key(self._key().id)
        return json.dumps(None)

    def enable_key(self):
        self._not_pending_deletion()
        self.kms_backend.enable_key(self._key().id)
        return json.dumps(None)

    def schedule_key_deletion(self):
        self._not_pending_deletion()
        key = self._key()
        answer = json.loads(super().schedule_key_deletion())
        return json.dumps(answer | {"KeyId": key.arn, "KeyState": key.key_state})

    def _not_pending_deletion(self) -> None:
        key = self._key()
        if key.key_state == "PendingDeletion":
            raise errors.kms("KMSInvalidStateException", f"{key.arn} is pending deletion.")


def _opened(policy: str, account: str, action: str) -> bool:
    """Whether a key policy lets another account in. Conditions are not looked at."""
    statements = json.loads(policy).get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal, actions = statement.get("Principal"), statement.get("Action", [])
        named = principal.get("AWS", []) if isinstance(principal, dict) else principal
        named = named if isinstance(named, list) else [named]
        actions = actions if isinstance(actions, list) else [actions]
        if (statement.get("Effect") == "Allow" and any(one == "*" or account in str(one) for one in named)
                and any(fnmatch.fnmatch(action.lower(), one.lower()) for one in actions)):
            return True
    return False


def _key_id(multi_region: bool = False) -> str:
    return f"mrk-{uuid.uuid4().hex}" if multi_region else str(uuid.uuid4())


def install() -> None:
    # CloudFormation knows moto's own class only.
    models.Key.create_from_cloudformation_json = Key.__dict__["create_from_cloudformation_json"]
    models.Key = Key
    models.generate_private_key = kms_keys.generate
    models.generate_key_id = _key_id  # moto's multi-Region ids have dashes, AWS's have none
    models.kms_backends.backend = Backend
    urls.url_paths = {path: Kms.dispatch for path in urls.url_paths}
