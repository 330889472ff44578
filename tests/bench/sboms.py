"""SBOMs to seal images with."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"


def sboms(folder: Path) -> list[Path]:
    """Real ones where there are any, else large ones out of the fixture."""
    corpus = Path(os.environ.get("GOLDSEAL_CORPUS") or ROOT.parent / "shared" / "corpus")
    found = [file for pattern in ("real/*.spdx.json", "real/*.cdx.json", "spdx/*.json", "cyclonedx/*.json")
             for file in sorted(corpus.glob(pattern))]
    for megabytes in () if found else (1, 2, 3, 4, 5):
        found.append(folder / f"{megabytes}.spdx.json")
        with open(found[-1], "wb") as target:
            subprocess.run([sys.executable, FIXTURES / "large_sbom.py", str(megabytes)], stdout=target, check=True)
    return found
