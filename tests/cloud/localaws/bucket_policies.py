"""S3: conditions in the policies of buckets, which moto takes for never met, so that such a statement denies all."""
import json
from typing import Any

from flask import has_request_context, request
from moto.iam.access_control import IAMPolicy
from moto.s3.models import FakeBucket

from . import callers, trust


def meeting(policy: str, context: dict[str, str | None]) -> dict[str, Any]:
    """The policy with those statements only whose conditions hold, and without conditions."""
    document = json.loads(policy)
    statements = document["Statement"]
    statements = statements if isinstance(statements, list) else [statements]
    document["Statement"] = [
        {key: value for key, value in one.items() if key != "Condition"} for one in statements
        if trust.holds(one.get("Condition") or {}, context, one["Effect"] == "Deny")]
    return document


def context() -> dict[str, str | None]:
    """What S3 knows of the present request. The loopback address counts as encrypted."""
    headers = request.headers if has_request_context() else {}
    key, _, _ = callers.scope(headers.get("Authorization", ""))
    account = callers.account_of(key)
    return {"aws:SecureTransport": "true", "aws:PrincipalAccount": account, "aws:PrincipalOrgID": None,
            "aws:PrincipalArn": _principal(key, account), "s3:if-match": headers.get("If-Match"),
            "s3:if-none-match": headers.get("If-None-Match"), "s3:ObjectCreationOperation": "true"}


def _principal(key: str | None, account: str) -> str:
    """A session is known by its role."""
    from moto.sts.models import sts_backends

    role = sts_backends[account]["aws"].get_assumed_role_from_access_key(key) if key else None
    return role.role_arn if role else callers.arn(account, "aws")


def install() -> None:
    def get_permission(self, action: str, resource: str):
        from moto.iam.access_control import PermissionResult

        if self.policy is None:
            return PermissionResult.NEUTRAL
        document = meeting(self.policy.decode(), context())
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission
