"""Bundles that cosign itself wrote, offline, with the keys of this folder."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from . import keys
from .bundle import DESCRIPTOR, accept, authority, reject, statement

CONFIG = {"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}
ROOT = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}


def make(cosign):
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)

        def run(*arguments):
            environment = {"PATH": os.environ["PATH"], "HOME": folder, "COSIGN_PASSWORD": "vectors"}
            subprocess.run([cosign, *arguments], cwd=home, env=environment, check=True, capture_output=True)

        (home / "sc.json").write_text(json.dumps(CONFIG))
        (home / "tr.json").write_text(json.dumps(ROOT))
        (home / "image.json").write_bytes(DESCRIPTOR)
        (home / "statement.json").write_bytes(statement())
        (home / "predicate.json").write_text(json.dumps({"spdxVersion": "SPDX-2.3", "packages": [{"name": "a"}]}))
        # Not Ed25519: cosign 3.1.3 cannot verify the bundle that it makes with such a key, and so makes none.
        for key in ["p256.cosign", "p384.cosign", "rsa-2048.cosign"]:
            kind = key.split(".")[0]
            (home / "key.pem").write_bytes(keys.private_pem(key))
            run("import-key-pair", "--key", "key.pem", "--output-key-prefix", key, "--yes")
            common = ["--key", f"{key}.key", "--signing-config", "sc.json", "--trusted-root", "tr.json", "--yes"]
            made = {}
            for name, arguments in [
                ("statement", ["attest-blob", "--statement", "statement.json"]),
                ("predicate", ["attest-blob", "--predicate", "predicate.json", "--type", "spdxjson", "image.json"]),
                ("sign-blob", ["sign-blob", "image.json"]),
            ]:
                verb, *rest = arguments
                run(verb, *common, "--bundle", f"{name}.sigstore.json", *rest)
                made[name] = (home / f"{name}.sigstore.json").read_bytes().strip() + b"\n"
            authorities = [authority(key)]
            accept(f"cosign-{kind}-statement", "cosign attest-blob --statement", made["statement"], authorities)
            accept(
                f"cosign-{kind}-predicate",
                "cosign attest-blob --predicate writes a v0.1 statement",
                made["predicate"],
                authorities,
            )
            reject(
                f"cosign-{kind}-sign-blob",
                "bundle-content",
                "cosign sign-blob signs a file, not a statement",
                made["sign-blob"],
                authorities,
            )
