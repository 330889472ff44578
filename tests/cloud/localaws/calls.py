"""Which AWS call an HTTP request is, and the log of them."""
import io
import json
import re
import threading
from collections import deque
from dataclasses import asdict, dataclass
from urllib.parse import parse_qs

from moto.core.request import Request
from moto.core.routing import get_service_router

from . import callers, wire

# Parameters that name what a call is about, most telling first.
NAMES = ("ImageId", "SourceImageId", "KeyId", "TargetKeyId", "SnapshotId", "SourceSnapshotId", "InstanceId",
         "QueueUrl", "TopicArn", "LifecycleHookName", "AutoScalingGroupName", "RoleArn", "AliasName", "StackName",
         "Name", "Names", "QueueName", "ResourceIds", "ResourceId", "ImageIds", "InstanceIds", "SnapshotIds", "Resources")
KEPT = 100_000
# What AWS_SDK_UA_APP_ID says: whose call it is, whatever its account.
APP = re.compile(r"\bapp/(\S+)")


@dataclass
class Call:
    service: str | None = None
    action: str | None = None
    account: str = ""
    caller: str | None = None  # the access key
    region: str | None = None
    resource: str = ""
    status: int = 0
    fault: bool = False
    app: str = ""


def identify(environ: dict) -> Call:
    """Reads a request's call without using up its body."""
    key, region, service = callers.scope(environ.get("HTTP_AUTHORIZATION", ""))
    if service is None:  # a presigned URL
        credential = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])[0]
        key, region, service = callers.scope(f"Credential={credential}")
    call = Call(service, None, callers.account_of(key, environ.get("HTTP_X_MOTO_ACCOUNT_ID")), key, region)
    if app := APP.search(environ.get("HTTP_USER_AGENT", "")):
        call.app = app.group(1)
    model = wire.model_of(service)
    if model is None:
        return call
    body = _small_body(environ)
    try:
        operation, path = get_service_router(model.service_name).match(Request(environ))
        call.action = operation.name
    except Exception:  # no such route: what was asked for, if it can be told
        path = {}
        target = environ.get("HTTP_X_AMZ_TARGET", "").split(".")[-1]
        call.action = target or parse_qs(body.decode("latin-1")).get("Action", [None])[0]
    finally:
        if body:
            environ["wsgi.input"] = io.BytesIO(body)
    call.resource = _resource(environ, body, path)
    return call


def _small_body(environ: dict) -> bytes:
    # Forms and JSON only: an object's or a block's bytes must reach moto unread.
    kind, length = environ.get("CONTENT_TYPE", ""), environ.get("CONTENT_LENGTH") or "0"
    if not kind.startswith(("application/x-www-form-urlencoded", "application/x-amz-json")):
        return b""
    body = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _resource(environ: dict, body: bytes, path: dict) -> str:
    if path:
        return "/".join(str(value) for value in path.values())
    if environ.get("HTTP_X_AMZ_TARGET"):
        try:
            given = json.loads(body)
        except ValueError:
            given = {}
    else:
        given = {name: value[0] for name, value in parse_qs(body.decode("latin-1")).items()}
    for name in NAMES:
        for spelling in (name, name + ".1", name.removesuffix("s") + ".1", name + ".member.1"):
            if value := given.get(spelling):
                return ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return ""


class Log:
    """The calls seen since the last clear, oldest first."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()

    def matching(self, wanted: dict[str, str]) -> list[dict]:
        with self._lock:
            calls = [asdict(call) for call in self._calls]
        return [call for call in calls if all(str(call.get(name)) == value for name, value in wanted.items())]
