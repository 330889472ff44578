"""AWS errors as exceptions that moto knows how to serialize."""
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.ec2.exceptions import EC2ClientError
from moto.organizations.exceptions import OrganizationsClientError
from moto.s3.exceptions import S3ClientError
from moto.securityhub.exceptions import SecurityHubClientError
from moto.sts.exceptions import STSClientError


class EbsError(ServiceException):
    # moto finds the service model, and with it the HTTP status, by this name.
    __module__ = "moto.ebs.exceptions"

    def __init__(self, code: str, message: str, reason: str | None = None):
        super().__init__(code, message)
        self.reason = reason


class Forbidding:
    """Part of a service's responses: denials that are in no model, for which moto would answer 400."""

    def serialized(self, action_result):
        status, headers, body = super().serialized(action_result)
        denied = getattr(action_result.result, "code", None) in ("AccessDenied", "AccessDeniedException")
        return 403 if denied else status, headers, body


def ec2(code: str, message: str) -> Exception:
    return EC2ClientError(code, message)


def ebs(code: str, message: str, reason: str | None = None) -> Exception:
    return EbsError(code, message, reason)


def kms(code: str, message: str = "") -> Exception:
    return JsonRESTError(code, message)


def s3(code: str, message: str) -> Exception:
    return S3ClientError(code, message)


def sts(code: str, message: str) -> Exception:
    return STSClientError(code, message)


def organizations(code: str, message: str) -> Exception:
    return OrganizationsClientError(code, message)


def securityhub(code: str, message: str) -> Exception:
    return SecurityHubClientError(code, message)


def account(code: str, message: str) -> Exception:
    return JsonRESTError(code, message)
