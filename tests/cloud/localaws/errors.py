"""AWS errors as exceptions that moto knows how to serialize."""
from moto.core.exceptions import JsonRESTError, ServiceException
from moto.ec2.exceptions import EC2ClientError
from moto.s3.exceptions import S3ClientError


class EbsError(ServiceException):
    # moto finds the service model, and with it the HTTP status, by this name.
    __module__ = "moto.ebs.exceptions"

    def __init__(self, code: str, message: str, reason: str | None = None):
        super().__init__(code, message)
        self.reason = reason


def ec2(code: str, message: str) -> Exception:
    return EC2ClientError(code, message)


def ebs(code: str, message: str, reason: str | None = None) -> Exception:
    return EbsError(code, message, reason)


def kms(code: str, message: str = "") -> Exception:
    return JsonRESTError(code, message)


def s3(code: str, message: str) -> Exception:
    return S3ClientError(code, message)
