"""Measures an admitted boot: `goldseal boot --enforce` in a network namespace, before fakes that answer at once.

Alone, without the rest of the bench: boot.py --binary PATH --probe PATH (README.md says what the probe is)
"""
import argparse
import atexit
import dataclasses
import datetime
import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from table import Table

ROOT = Path(__file__).resolve().parents[2]
FIXTURES, FAKES = ROOT / "tests" / "fixtures", ROOT / "tests" / "boot"
sys.path[len(sys.path):] = [str(FAKES), str(ROOT / "tests" / "cloud")]
import harness  # noqa: E402
import imds  # noqa: E402

AMI, REGION, ROUNDS = "ami-0123456789abcdef0", "eu-west-1", 20
BUCKET, WEB, AWS = "boot-bench", 8443, 5566
IMAGE = {"ImageId": AMI, "OwnerId": "123456789012", "Name": "golden", "CreationDate": "2026-11-20T09:20:31.000Z",
         "State": "available", "Public": False, "Architecture": "x86_64", "RootDeviceType": "ebs", "Hypervisor": "xen",
         "RootDeviceName": "/dev/xvda", "VirtualizationType": "hvm", "BootMode": "uefi", "BlockDeviceMappings": [
             {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": "snap-0123456789abcdef0", "VolumeSize": 8}}]}
POLICY = """version = 1
no_match = "enforce"
dangerous_without_gate = true
authority = [{name = "bench", key_file = "bench.pub"}]
require = [{attestation = "provenance", authorities = ["bench"]}, {attestation = "sbom", authorities = ["bench"]}]
"""
SETTINGS = """store = "{store}"
policy = "policy.toml"
ca_file = "ca.pem"
[boot]
certificates = "keys/aws.pem"
state = "file://{folder}/state"
describe_images = "{describe}"
"""
# Root of a user namespace may not call reboot(2), and sees no systemd: a boot that is refused ends nothing.
NAMESPACE = ("unshare", "-rnm", "sh", "-c", 'ip link set lo up && ip address add 169.254.169.254/32 dev lo &&\n'
             'mount -t tmpfs none /run && mkdir /run/goldseal && exec "$@"', "sh")


@dataclasses.dataclass
class Sealed:
    """An image, where its evidence is, and whether EC2 is asked."""

    what: str
    image: str
    store: str
    describe: str = "never"


def run(folder: Path, *command: object) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "AWS_ENDPOINT_URL": harness.endpoint(), "AWS_REGION": REGION,
           "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    done = subprocess.run([*map(str, command)], cwd=folder, check=False, capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")


def key(folder: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    file = folder / "bench.key"
    file.touch(mode=0o600)
    file.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "bench.pub").write_bytes(private.public_key().public_bytes(pem, spki))


def seal(goldseal: str, folder: Path) -> list[Sealed]:
    """An image with a small SBOM and with a large one behind https, and one with a large one in S3 that EC2 describes."""
    key(folder)
    (folder / "policy.toml").write_text(POLICY)
    (folder / "image.json").write_text(json.dumps({"Images": [IMAGE]}))
    # No time in it: the clock of this machine does not matter.
    build = json.loads((FIXTURES / "build.json").read_text())
    build.pop("finishedOn", None)
    (folder / "build.json").write_text(json.dumps(build))
    with open(folder / "large.spdx.json", "wb") as file:
        subprocess.run([sys.executable, FIXTURES / "large_sbom.py", "5"], stdout=file, check=True)
    sealed = []

    def sign(sbom: Path | str, store: str, *image: str) -> None:
        run(folder, goldseal, "sign", *image, "--region", REGION, "--dangerous-local-key", "bench.key", "--store", store,
            "--sbom", sbom, "--scan", FIXTURES / "golden.grype.json", "--provenance", "build.json",
            "--policy", FIXTURES / "ungated.toml", "--without-content")

    for name, what, sbom in (("small", "https, SBOM of 0.07 MB", FIXTURES / "golden.spdx.json"),
                             ("large", "https, SBOM of 5 MB", "large.spdx.json")):
        (folder / "stores" / name).mkdir(parents=True)
        sign(sbom, f"file://{folder}/stores/{name}", AMI, "--image", "image.json")
        sealed.append(Sealed(what, AMI, f"https://localhost:{WEB}/{name}"))
    harness.client("s3").create_bucket(Bucket=BUCKET)
    snapshot = harness.snapshot({0: b"boot"}, ebs=harness.client("ebs", REGION))
    ami = harness.register(snapshot, "boot-bench", harness.client("ec2", REGION))
    sign("large.spdx.json", f"s3://{BUCKET}", ami)
    return [*sealed, Sealed("S3 and EC2, SBOM of 5 MB", ami, f"s3://{BUCKET}", "try")]


def certify(folder: Path) -> None:
    """An authority in ca.pem, and in server.pem what it signed for localhost."""
    def made(name: str, issuer: str, who: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, authority: bool):
        names = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)]) for one in (name, issuer))
        start = datetime.datetime(2020, 1, 1)
        one = x509.CertificateBuilder(*reversed([*names]), who.public_key(), x509.random_serial_number(), start,
                                      start + datetime.timedelta(days=36500))
        one = one.add_extension(x509.BasicConstraints(authority, None), critical=True)
        if not authority:
            one = one.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        return one.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    (folder / "ca.pem").write_bytes(made("bench", "bench", authority, authority, True))
    private = server.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + made("localhost", "bench", server, authority, False))


class Waits:
    """How long the guard has waited for answers, in milliseconds: from a request that is read to an answer that is sent."""

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def of(self, handler: type) -> type:
        waits = self

        def timed(answer):
            def do(self) -> None:
                started = time.monotonic()
                answer(self)
                waits.total += (time.monotonic() - started) * 1000
                waits.count += 1
            return do

        # Head and body are separate writes, and the second would wait for an acknowledgement of the first.
        quiet = {"log_message": lambda *_: None, "protocol_version": "HTTP/1.1", "disable_nagle_algorithm": True}
        answers = {name: timed(getattr(handler, name)) for name in ("do_GET", "do_PUT") if hasattr(handler, name)}
        return type("Timed", (handler,), answers | quiet)


def serve(folder: Path, waits: Waits) -> None:
    """IMDS and the store, in the background, and a way to the local AWS."""
    (folder / "world.json").write_text("{}")
    metadata = imds.Service(("169.254.169.254", 80), folder / "world.json", folder / "keys", None)
    metadata.RequestHandlerClass = waits.of(imds.Handler)
    files = waits.of(http.server.SimpleHTTPRequestHandler)
    store = http.server.ThreadingHTTPServer(("127.0.0.1", WEB), lambda *given: files(*given, directory=folder / "stores"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    store.socket = context.wrap_socket(store.socket, server_side=True)
    for server in (metadata, store):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    relay(f"tcp:127.0.0.1:{AWS}", f"unix:{folder}/aws")


def relay(here: str, there: str) -> None:
    process = subprocess.Popen([sys.executable, FAKES / "relay.py", here, there], stdin=subprocess.DEVNULL)
    atexit.register(process.kill)


def boot(goldseal: str, probe: str, folder: Path, sealed: Sealed, waits: Waits) -> dict:
    """First boots of an instance, one after the other."""
    (folder / "settings.toml").write_text(SETTINGS.format(store=sealed.store, describe=sealed.describe, folder=folder))
    document = {"imageId": sealed.image, "region": REGION, "availabilityZone": f"{REGION}a"}
    (folder / "world.json").write_text(json.dumps({"document": document, "credentials": {}}))
    env = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder), "INVOCATION_ID": "0" * 32,
           "AWS_ENDPOINT_URL": f"http://127.0.0.1:{AWS}"}
    found = {"own": [], "wall": [], "cpu": [], "peak": []}
    for _ in range(ROUNDS):
        shutil.rmtree(folder / "state", ignore_errors=True)
        before = waits.total
        done = subprocess.run([probe, "process", "1", goldseal, "boot", "--enforce", "--config", "settings.toml"], cwd=folder,
                              env=env, check=False, capture_output=True, text=True)
        if done.returncode:
            again = subprocess.run([goldseal, "boot", "--config", "settings.toml"], cwd=folder, env=env, check=False,
                                   capture_output=True, text=True)
            sys.exit(f"{done.stderr}{again.stdout}{again.stderr}")
        one = json.loads(done.stdout)
        found["wall"] += one["wall"]
        found["own"].append(one["wall"][0] - (waits.total - before))
        found["cpu"] += one["cpu"]
        found["peak"].append(one["peak_kib"] * 1024 / 1e6)
    return found


def inside(goldseal: str, probe: str, folder: Path) -> None:
    waits = Waits()
    serve(folder, waits)
    (folder / "bin").mkdir()
    # A boot that is refused is a failure here, and asks for nothing.
    (folder / "bin" / "systemctl").write_text("#!/bin/sh\nexit 0\n")
    (folder / "bin" / "systemctl").chmod(0o755)
    sealed = [Sealed(**one) for one in json.loads((folder / "sealed.json").read_text())]
    print(json.dumps([boot(goldseal, probe, folder, one, waits) for one in sealed]))


def measure(table: Table, goldseal: str, probe: str) -> None:
    goldseal, probe = (str(Path(one).resolve()) for one in (goldseal, probe))
    can = subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True, text=True)
    if can.returncode:
        return table.skip("boot, admitted", f"no namespace with 169.254.169.254: {can.stderr.strip()}")
    with tempfile.TemporaryDirectory(prefix="goldseal-bench-boot-") as name:
        folder = Path(name)
        certify(folder)
        sealed = seal(goldseal, folder)
        (folder / "sealed.json").write_text(json.dumps([dataclasses.asdict(one) for one in sealed]))
        relay(f"unix:{folder}/aws", f"tcp:{harness.endpoint().removeprefix('http://')}")
        command = [*NAMESPACE, sys.executable, __file__, "--binary", goldseal, "--probe", probe, "--inside", folder]
        done = subprocess.run([*map(str, command)], check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit("boot: no figures, see above")
        rows(table, sealed, json.loads(done.stdout))


def rows(table: Table, sealed: list[Sealed], found: list[dict]) -> None:
    def median(figures: list[float]) -> float:
        return sorted(figures)[len(figures) // 2]

    for image, one in zip(sealed, found, strict=True):
        name = f"boot, {image.what}"
        table.note(f"{name}: wall", median(one["wall"]), "ms")
        # How long the local AWS takes is not known here.
        if image.describe == "never":
            table.add(f"{name}: own time", median(one["own"]), None, "ms", "ours <= 100")
        table.add(f"{name}: CPU", median(one["cpu"]), None, "ms", "ours <= 100")
        table.add(f"{name}: peak memory", max(one["peak"]), None, "MB", "ours <= 30")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--probe", required=True, help="target/…/examples/bench")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        inside(chosen.binary, chosen.probe, chosen.inside)
    else:
        measure(Table(), chosen.binary, chosen.probe)


if __name__ == "__main__":
    main()
