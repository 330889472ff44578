"""S3: conditional writes without races, and who may learn that a key is missing."""
import json
import threading
from xml.sax.saxutils import escape

from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3 import responses
from moto.s3.exceptions import MissingKey
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from . import access, bucket_policies, callers, errors

# moto checks a condition and then writes, with nothing in between to stop a second writer.
WRITING = threading.Lock()


class S3(responses.S3Response):
    @property
    def backend(self):
        """The owner's backend, when a bucket of another account is open to the caller."""
        mine = super().backend
        owner = self._foreign_owner()
        if owner and self._policy_result(f"s3:{self._verb()}", self._object_arn()) == PermissionResult.PERMITTED:
            return s3_backends[owner][get_partition(self.region)]
        return mine

    def key_response(self, request, full_url, headers):
        status, headers, body = super().key_response(request, full_url, headers)
        if status == 403 and not body and request.method != "HEAD":  # moto's denial by policy has no code
            headers, body = {"Content-Type": "application/xml"}, _error("AccessDenied", "Access Denied")
        return status, headers, body

    def put_object(self):
        if self.headers.get("If-None-Match") not in (None, "*"):
            return 501, {}, _error("NotImplemented", "If-None-Match takes only '*' here.")
        with WRITING:
            return super().put_object()

    def _key_response_get(self, query, key_name):
        if "retention" in query:
            self._set_action("KEY", "GET", query)
            return self._retention(key_name)
        return super()._key_response_get(query, key_name)

    def get_object(self):
        try:
            return super().get_object()
        except MissingKey:
            self._refuse_unless_listing_is_allowed()
            raise

    def head_object(self, bucket_name, query, key_name, headers):
        answer = super().head_object(bucket_name, query, key_name, headers)
        if answer[0] == 404:
            self._refuse_unless_listing_is_allowed()
        return answer

    def _refuse_unless_listing_is_allowed(self) -> None:
        # Without s3:ListBucket, AWS does not say whether the object exists.
        key, _, _ = callers.scope(self.headers.get("Authorization", ""))
        if not access.allows(key, "s3:ListBucket", f"arn:aws:s3:::{self.bucket_name}"):
            raise errors.s3("AccessDenied", "Access Denied")
        result = self._policy_result("s3:ListBucket", f"arn:aws:s3:::{self.bucket_name}")
        if result == PermissionResult.DENIED or (self._foreign_owner() and result != PermissionResult.PERMITTED):
            raise errors.s3("AccessDenied", "Access Denied")
        if ActionAuthenticatorMixin.request_count >= settings.INITIAL_NO_AUTH_ACTION_COUNT:
            action = self.data.get("Action")
            self.data["Action"] = "ListBucket"
            try:
                self._authenticate_and_authorize_s3_action(bucket_name=self.bucket_name)
            except Exception:  # an error of moto's IAM, in one of several classes
                raise errors.s3("AccessDenied", "Access Denied") from None
            finally:
                self.data["Action"] = action

    def _foreign_owner(self) -> str | None:
        _, owner = s3_backends.bucket_accounts.get(getattr(self, "bucket_name", None), (None, None))
        return owner if owner != self.current_account else None

    def _policy_result(self, action: str, arn: str) -> PermissionResult:
        """What the bucket's policy says about the caller's account."""
        partition, owner = s3_backends.bucket_accounts.get(self.bucket_name, (None, None))
        bucket = s3_backends[owner][partition].buckets.get(self.bucket_name) if owner else None
        if bucket is None or bucket.policy is None:
            return PermissionResult.NEUTRAL
        document = bucket_policies.meeting(bucket.policy.decode(), bucket_policies.context())
        policy = IAMPolicy(json.dumps(document))
        statements = document["Statement"]
        # moto takes any principal object for everyone.
        policy._policy_json["Statement"] = [
            one for one in statements if _names(one.get("Principal"), self.current_account)]
        return policy.is_action_permitted(action, arn)

    def _verb(self) -> str:
        if not self.parse_key_name():
            return {"GET": "ListBucket", "HEAD": "ListBucket"}.get(self.method, "PutBucket")
        return {"GET": "GetObject", "HEAD": "GetObject", "DELETE": "DeleteObject"}.get(self.method, "PutObject")

    def _object_arn(self) -> str:
        key = self.parse_key_name()
        return f"arn:aws:s3:::{self.bucket_name}" + (f"/{key}" if key else "")

    def _retention(self, key_name: str):
        self._authenticate_and_authorize_s3_action(bucket_name=self.bucket_name, key_name=key_name)
        version = self.querystring.get("versionId", [None])[0]
        key = self.backend.get_object(self.bucket_name, key_name, version_id=version)
        if key is None:
            raise MissingKey(key=key_name)
        if not key.lock_mode:
            return 404, {}, _error("NoSuchObjectLockConfiguration",
                                   "The specified object does not have a ObjectLock configuration")
        return 200, {}, (f"<Retention><Mode>{escape(key.lock_mode)}</Mode>"
                         f"<RetainUntilDate>{escape(key.lock_until)}</RetainUntilDate></Retention>")


def _names(principal: object, account: str) -> bool:
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    return any(one == "*" or account in str(one) for one in (named if isinstance(named, list) else [named]))


def _error(code: str, message: str) -> str:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"


def install() -> None:
    # moto reloads S3's URLs each time, and then takes the class from this name.
    responses.S3Response = S3
    bucket_policies.install()
