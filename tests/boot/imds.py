#!/usr/bin/env python3
"""A fake instance metadata service. What it serves, and how it misbehaves, is a world: a JSON file that is read anew at
every request. README.md has its fields. Needs `cryptography`: run it with the python that tests/cloud/venv.sh prints.
"""
import argparse
import datetime
import http.server
import json
import os
import re
import secrets
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
from identity import DOCUMENT, Keys, write  # noqa: E402

WORLD = {"document": {}, "signed": {}, "signer": "aws", "pending": "-60s", "meta": {}, "mac": "02:00:00:00:00:15",
         "network": True, "user_data": None, "credentials": None, "tokens": "required", "v1_agents": [], "faults": []}
FAULT = {"path", "method", "status", "delay", "hang", "after", "times"}
TOKEN_PATH = "/latest/api/token"
# cloud-init asks by version, of those that it knows for the newest that is there.
VERSIONS = ("2009-04-04", "2021-03-23", "latest")
CREDENTIALS = {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "testing", "SecretAccessKey": "testing",
               "Token": "testing"}


class World:
    """The world file as it is at this moment; what is not in it has its default. `+5m` counts from the first moment."""

    def __init__(self, path: Path, first: datetime.datetime):
        given = json.loads(path.read_text())
        unknown = set(given) - set(WORLD) | {key for fault in given.get("faults", []) for key in set(fault) - FAULT}
        if unknown:
            raise ValueError(f"{path}: unknown: {', '.join(sorted(unknown))}")
        self.__dict__.update(WORLD | given)
        self.launched = instant(self.pending, first)
        self.document = DOCUMENT | {"pendingTime": f"{self.launched:%Y-%m-%dT%H:%M:%SZ}"} | self.document
        self.signed = self.document | self.signed

    def tree(self, keys: Keys) -> dict:
        """Everything that can be asked for, as folders and leaves."""
        said, ip = self.document, self.document["privateIp"]
        name = f"ip-{ip.replace('.', '-')}.ec2.internal"
        meta = {"ami-id": said["imageId"], "ami-launch-index": "0", "hostname": name, "local-hostname": name,
                "instance-id": said["instanceId"], "instance-type": said["instanceType"], "local-ipv4": ip,
                "mac": self.mac, "reservation-id": "r-0123456789abcdef0", "security-groups": "default",
                "placement": {"availability-zone": said["availabilityZone"], "region": said["region"]},
                "services": {"domain": "amazonaws.com", "partition": "aws"}, "iam": {}} | self.meta
        if self.network:
            meta["network"] = {"interfaces": {"macs": {self.mac: {
                "device-number": "0", "interface-id": "eni-1", "local-ipv4s": ip, "mac": self.mac,
                "owner-id": said["accountId"], "subnet-ipv4-cidr-block": "10.0.2.0/24", "vpc-id": "vpc-1",
                "vpc-ipv4-cidr-block": "10.0.0.0/16"}}}}
        if self.credentials is not None:
            role = self.credentials.get("role", "goldseal-boot")
            until = instant("6h", datetime.datetime.now(datetime.timezone.utc))
            given = CREDENTIALS | {"Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}"} | self.credentials
            given.pop("role", None)
            meta["iam"] = {"info": json.dumps({"Code": "Success"}),
                           "security-credentials": {role: json.dumps(given, indent=2)}}
        dynamic = {"instance-identity": {
            "document": write(said).decode(),
            "rsa2048": lambda: keys.sign(self.signer, write(self.signed), self.launched),
            "pkcs7": "ZmFrZQ==", "signature": "ZmFrZQ=="}}
        whole = {"meta-data": meta, "dynamic": dynamic}
        if self.user_data:
            whole["user-data"] = Path(self.user_data).read_bytes()
        return {version: whole for version in VERSIONS}


def instant(text: str, now: datetime.datetime) -> datetime.datetime:
    """`2026-11-20T09:00:00Z`, or so long from now: `-60s`, `6h`, `36500d`."""
    match = re.fullmatch(r"([+-]?\d+)([smhd])", text)
    if not match:
        return datetime.datetime.fromisoformat(text)
    seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
    return now + datetime.timedelta(seconds=seconds)


class Service(http.server.ThreadingHTTPServer):
    """Serves one world, and keeps what a world file cannot: tokens, and how often a fault has met a request."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], world: Path, keys: Path, log: str | None):
        self.world_file, self.keys = world, Keys(keys)
        self.tokens: dict[str, float] = {}
        self.met: dict[str, int] = {}
        self.lock, self.start = threading.Lock(), time.monotonic()
        self.first = datetime.datetime.now(datetime.timezone.utc)
        self.log = open(log, "a", buffering=1) if log else None
        super().__init__(address, Handler)

    def fault(self, world: World, method: str, path: str) -> dict | None:
        """The first fault that meets a request, counted."""
        for fault in world.faults:
            if not path.startswith(fault.get("path", "/")) or fault.get("method", method) != method:
                continue
            key = json.dumps(fault, sort_keys=True)
            with self.lock:
                number = self.met[key] = self.met.get(key, 0) + 1
            first = fault.get("after", 0)
            if first < number <= first + (fault.get("times") or number):
                return fault
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, server_version, sys_version = "HTTP/1.1", "EC2ws", ""

    def do_PUT(self) -> None:
        if (world := self._world()) is None:
            return
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if self.path != TOKEN_PATH or world.tokens == "never":
            return self._say(404)
        if self.headers.get("X-Forwarded-For"):
            return self._say(403)
        if not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
            return self._say(400)
        token = "AQ" + secrets.token_urlsafe(38)
        self.server.tokens[token] = time.monotonic() + int(ttl)
        return self._say(200, token, {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": ttl})

    def do_GET(self) -> None:
        if (world := self._world()) is None:
            return
        token = self.headers.get("X-aws-ec2-metadata-token")
        if token is None:
            allowed = world.tokens != "required" or self.headers.get("User-Agent", "").startswith(tuple(world.v1_agents))
        else:
            allowed = self.server.tokens.get(token, 0) > time.monotonic()
        if not allowed:
            return self._say(401)
        found = world.tree(self.server.keys)
        for part in filter(None, self.path.split("?")[0].split("/")):
            found = found.get(part) if isinstance(found, dict) else None
        found = found() if callable(found) else found
        if found is None:
            return self._say(404)
        if isinstance(found, dict):
            found = "\n".join(name + "/" * isinstance(inner, dict) for name, inner in found.items())
        return self._say(200, found)

    def _world(self) -> World | None:
        """The world, unless a fault has already answered for it."""
        world = World(self.server.world_file, self.server.first)
        fault = self.server.fault(world, self.command, self.path)
        if fault is None:
            return world
        if fault.get("hang"):
            threading.Event().wait()
        time.sleep(fault.get("delay", 0))
        if "status" not in fault:
            return world
        self._say(fault["status"])
        return None

    def _say(self, status: int, body: str | bytes = b"", headers: dict[str, str] = {}) -> None:
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in ({"Content-Type": "text/plain", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if self.server.log:
            print(f"{time.monotonic() - self.server.start:.2f} {self.command} {self.path} {status} "
                  f"{self.headers.get('User-Agent', '-')}", file=self.server.log)

    def log_message(self, *_: object) -> None:
        """Nothing to standard error: the log says more."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--world", type=Path, required=True, help="the world file; `{}` is an instance in order")
    parser.add_argument("--keys", type=Path, required=True,
                        help="folder of the signing keys, made if absent; aws.pem in it is the certificate to pin")
    parser.add_argument("--listen", default="127.0.0.1:0", help="address and port; 0, the default, is a free one")
    parser.add_argument("--log", help="append a line for every request: seconds, method, path, status, user agent")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input closes")
    given = parser.parse_args()
    World(given.world, datetime.datetime.now(datetime.timezone.utc))  # complains now rather than at a request
    host, port = given.listen.rsplit(":", 1)
    service = Service((host, int(port)), given.world, given.keys, given.log)
    print(f"imds: http://{host}:{service.server_port}", flush=True)
    if given.exit_with_parent:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
    service.serve_forever()


if __name__ == "__main__":
    main()
