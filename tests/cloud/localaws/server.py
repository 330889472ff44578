"""The HTTP server: moto's dispatcher behind our controls."""
import io
import json
import sys
import threading
import traceback
import warnings
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import parse_qs

from botocore.model import OperationNotFoundError
from moto.core.exceptions import ServiceException
from moto.ec2.exceptions import FilterNotImplementedError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from . import (
    access,
    allowed_images,
    answers,
    autoscaling,
    callers,
    ebs,
    ec2,
    events,
    fleet,
    kms,
    organizations,
    regions,
    s3,
    securityhub,
    sqs,
    ssm,
    sts,
    templates,
    wire,
)
from .calls import Call, Log, identify
from .controls import CONTROL, LEDGER
from .faults import Faults


# What a test says of the world that no call of AWS could bring about, or only slowly.
DECLARED = {"access": access.declare, "allowed-images": allowed_images.declare, "fleet": fleet.launch,
            "instances": fleet.say, "organization": organizations.declare, "roles": sts.declare}


class Lost(Exception):
    """The call was done, and its answer is not to arrive."""


class Handler(MotoRequestHandler):
    """Answers one request after the other on a connection that stays open, as AWS does. werkzeug ends it after each."""

    protocol_version = "HTTP/1.1"
    # Head and body are separate writes: with Nagle the second could wait 40 ms
    # for the client's delayed ACK.
    disable_nagle_algorithm = True

    def handle_expect_100(self) -> bool:
        """Said below, once."""
        return True

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        # Read whole: what the application left of it would be taken for the next request.
        length = None if environ.get("wsgi.input_terminated") else int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(*([] if length is None else [length])))
        held: list = []
        try:
            parts = self.server.app(environ, lambda status, headers, exc_info=None: held.extend((status, headers)))
            body = b"".join(parts)
        except Lost:
            self.close_connection = True
            return
        status, headers = held
        code, phrase = status.split(None, 1)
        bodiless = environ["REQUEST_METHOD"] == "HEAD" or code in ("204", "304")
        self.send_response(int(code), phrase)
        for name, value in headers:
            if bodiless or name.lower() != "content-length":
                self.send_header(name, value)
        if not bodiless:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not bodiless:
            self.wfile.write(body)

    def log_request(self, *_: object) -> None:
        """The access log is GET /localaws/calls."""


class Application:
    def __init__(self) -> None:
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.faults = Faults()
        self.log = Log()
        self.posted = {"faults": self.faults.add, "lifecycle": CONTROL.order, **DECLARED}

    def __call__(self, environ: dict, start_response) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith("/localaws/"):
            return self.control(environ, start_response, path.removeprefix("/localaws/"))
        if path.startswith("/moto-api"):
            answer = self.moto(environ, start_response)
            if path == "/moto-api/reset":
                self.faults.clear()
                self.log.clear()
                access.reset()
                CONTROL.reset()  # after the groups, which could still start something
                organizations.reset()
                regions.reset()
            return answer
        call = identify(environ)
        self.log.add(call)
        fault = self.faults.take(call)
        call.fault = fault is not None
        if fault and fault.code:
            return _error(environ, start_response, call, fault.status, fault.code, fault.message)
        if not regions.usable(call.account, call.region):
            model = wire.model_of(call.service)
            refusal = regions.refusal(call.service, str(model.protocol) if model else "query")
            return _error(environ, start_response, call, *refusal)
        if refusal := access.refusal(call):
            return _error(environ, start_response, call, *refusal)
        answer = self.answer(environ, start_response, call, corrupt=bool(fault and fault.corrupt))
        if fault and fault.lost:
            raise Lost
        return answer

    def answer(self, environ: dict, start_response, call: Call, corrupt: bool) -> Iterable[bytes]:
        """moto's answer, except where it is not one that AWS would give."""
        try:
            service = self.moto.get_application(environ)
        except (AttributeError, KeyError):  # how moto meets a service that it does not have
            return _error(environ, start_response, call, 400, "InvalidAction", f"No such service: {call.service}")
        held: list = []
        try:
            parts = service(environ, lambda status, headers, exc_info=None: held.extend((status, headers)))
            body = b"".join(parts)
            parts.close()
        except FilterNotImplementedError as e:
            return _error(environ, start_response, call, 400, "InvalidParameterValue", f"Unknown here: {e}")
        except (NotImplementedError, OperationNotFoundError) as e:
            # moto would send an HTML page with status 500, which an SDK retries.
            return _error(environ, start_response, call, 400, "InvalidAction", f"Not in the local AWS: {e}")
        except Exception as e:
            traceback.print_exc()
            return _error(environ, start_response, call, 400, "LocalAwsDefect", f"{type(e).__name__}: {e}")
        status, headers = held
        call.status = int(status.split()[0])
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        if call.status in (404, 405) and kind.startswith("text/html") and call.service != "s3":
            return _error(environ, start_response, call, 400, "InvalidAction", f"Not in the local AWS: {call.action}")
        if corrupt and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        start_response(status, headers)
        return [body]

    def control(self, environ: dict, start_response, name: str) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        status, answer = 200, None
        if name == "health" and method == "GET":
            answer = {"status": "ok"}
        elif name == "calls" and method == "GET":
            query = parse_qs(environ.get("QUERY_STRING", ""))
            answer = self.log.matching({key: values[0] for key, values in query.items()})
        elif name == "calls" and method == "DELETE":
            self.log.clear()
        elif name == "faults" and method == "GET":
            answer = self.faults.list()
        elif name == "faults" and method == "DELETE":
            query = parse_qs(environ.get("QUERY_STRING", ""))
            self.faults.clear(query.get("account", [""])[0])
        elif name == "lifecycle" and method == "GET":
            answer = LEDGER.shown()
        elif name == "lifecycle" and method == "DELETE":
            answer = LEDGER.forget_ended()
        elif name in self.posted and method == "POST":
            try:
                body = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
                answer = self.posted[name](body)
            except (ValueError, TypeError, ServiceException) as e:
                status, answer = 400, {"error": str(e)}
        else:
            known = (f"faults and lifecycle (GET POST DELETE), calls (GET DELETE), health (GET), "
                     f"{', '.join(DECLARED)} (POST)")
            status, answer = 404, {"error": f"controls: {known}"}
        body = json.dumps(answer).encode()
        start_response(_line(status), [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def _line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _error(environ: dict, start_response, call: Call, status: int, code: str, message: str) -> Iterable[bytes]:
    call.status = status
    headers, body = wire.error_body(call.service, status, code, message, call.resource)
    if environ["REQUEST_METHOD"] == "HEAD":
        body = b""
    start_response(_line(status), [*headers.items(), ("Content-Length", str(len(body)))])
    return [body]


def install() -> None:
    """Puts every correction in place. Later services are added here."""
    # AWS has errors that are in none of its models, and moto says so on stderr each time.
    warnings.filterwarnings("ignore", ".* does not match an error shape")
    callers.install()
    answers.install()
    for service in (autoscaling, ec2, ebs, events, kms, organizations, regions, s3, securityhub, sqs, ssm, sts,
                    templates):
        service.install()


def bind(port: int) -> BaseWSGIServer:
    """A server that is already listening, on the loopback address only."""
    install()
    return make_server("127.0.0.1", port, Application(), threaded=True, request_handler=Handler)


def serve(server: BaseWSGIServer) -> None:
    threading.current_thread().name = "localaws"
    try:
        server.serve_forever()
    finally:
        server.server_close()
        sys.stdout.flush()
