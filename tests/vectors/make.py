#!/usr/bin/env python3
"""Makes the cases of tests/vectors anew.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install -r tests/vectors/requirements.in
    /tmp/venv/bin/python tests/vectors/make.py [--cosign PATH]

Keys come from fixed seeds and signatures are deterministic where the scheme lets them be, so a second run changes the
cases with RSA-PSS and ML-DSA only, and those of cosign when it is given (tests/tools/build.sh cosign prints its path).
"""

import argparse
import shutil

from making import bad, bundle, canonical, doubtful, dsse, good, real


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cosign", metavar="PATH", help="make the cases of cosign too")
    cosign = parser.parse_args().cosign
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


main()
