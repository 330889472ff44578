#!/usr/bin/env python3
"""Makes the cases of tests/vectors anew.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install -r tests/vectors/requirements.in
    /tmp/venv/bin/python tests/vectors/make.py [--cosign PATH] [--openssl PATH]

Keys come from fixed seeds and signatures are deterministic where the scheme lets them be, so a second run changes the
cases with RSA-PSS and ML-DSA only, those of cosign when it is given (tests/tools/build.sh cosign prints its path), and
the identity documents when openssl is given: OpenSSL writes down when it signed.
"""

import argparse
import shutil

from making import bad, bundle, canonical, doubtful, dsse, good, identity, real


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cosign", metavar="PATH", help="make the cases of cosign too")
    parser.add_argument("--openssl", metavar="PATH", help="make the signed identity documents too")
    arguments = parser.parse_args()
    cosign = arguments.cosign
    for folder in ["accept", "reject", "keys"]:
        for old in (bundle.HERE / folder).glob("*"):
            if not old.name.startswith("cosign-"):
                old.unlink()
    (bundle.HERE / "image.json").write_bytes(bundle.DESCRIPTOR)
    good.make()
    bad.make()
    doubtful.make()
    canonical.make()
    dsse.make()
    if cosign:
        real.make(shutil.which(cosign) or parser.error(f"no {cosign} here"))
    if arguments.openssl:
        identity.make(shutil.which(arguments.openssl) or parser.error(f"no {arguments.openssl} here"))


main()
