"""Page tokens that mean nothing outside this server, as on AWS."""
import base64
import binascii
import json

from . import errors


def page(items: list, token: str | None, size: int | None) -> tuple[list, str | None]:
    """One page of an EC2 listing and the token of the next."""
    start = _read(token) if token else 0
    end = start + size if size else len(items)
    return items[start:end], _write(end) if end < len(items) else None


def size(given: int | None, least: int, most: int) -> int:
    """The size of a page; the largest if none is asked for."""
    if given is not None and not least <= int(given) <= most:
        raise errors.ec2("InvalidParameterValue", f"Value ( {given} ) for parameter maxResults is invalid. Expecting a "
                                                  f"value between {least} and {most}.")
    return most if given is None else int(given)


def first() -> str:
    """The token of the first page, for one that comes after an empty one."""
    return _write(0)


def _write(start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"start": start}).encode()).decode()


def _read(token: str) -> int:
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["start"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise errors.ec2("InvalidNextToken", f"The token '{token}' is invalid") from None
