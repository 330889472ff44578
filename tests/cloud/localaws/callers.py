"""Whose call it is."""
import re

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import BaseResponse

ACCOUNT_ID = re.compile(r"[0-9]{12}")
# The accounts of keys that a test has made.
KNOWN: dict[str, str] = {}
CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/[0-9]+/([^/]+)/([^/]+)/aws4_request")


def account_of(access_key: str | None, header: str | None = None) -> str:
    """The account of an access key.

    A key that is itself a 12-digit number is that account: a test gets a second
    account by setting AWS_ACCESS_KEY_ID, without a role to assume.
    """
    from moto.iam.models import get_account_id_from

    if header:
        return header
    if access_key in KNOWN:
        return KNOWN[access_key]
    if access_key and ACCOUNT_ID.fullmatch(access_key):
        return access_key
    return get_account_id_from(access_key) if access_key else DEFAULT_ACCOUNT_ID


def arn(account: str, partition: str) -> str:
    """The caller behind a key that is an account's number or unknown."""
    return f"arn:{partition}:iam::{account}:user/moto"


def scope(authorization: str) -> tuple[str | None, str | None, str | None]:
    """Access key, region and service of a SigV4 header."""
    match = CREDENTIAL.search(authorization)
    return match.groups() if match else (None, None, None)


def install() -> None:
    def get_current_account(self):
        key, _, _ = scope(self.headers.get("Authorization", ""))
        return account_of(key or self.get_access_key(), self.headers.get("x-moto-account-id"))

    BaseResponse.get_current_account = get_current_account
