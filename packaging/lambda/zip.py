#!/usr/bin/env python3
"""Puts an executable into a zip as `bootstrap`, which is what Lambda's provided.al2023 runtime starts.

zip.py EXECUTABLE ZIP
"""
import sys
import zipfile
from pathlib import Path

if len(sys.argv) != 3:
    sys.exit(__doc__)
entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
entry.external_attr = 0o100755 << 16
entry.compress_type = zipfile.ZIP_DEFLATED
with zipfile.ZipFile(sys.argv[2], "w") as zipped:
    zipped.writestr(entry, Path(sys.argv[1]).read_bytes())
print(sys.argv[2])
