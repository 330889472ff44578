"""What an executable says of itself: its machine, and what it needs of glibc.

executable.py machine EXECUTABLE             prints the machine
executable.py check EXECUTABLE FLOOR BYTES   fails when it needs a newer glibc, another library, or is larger
"""
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MACHINES = {62: "x86_64", 183: "aarch64"}
# Other libraries are not in the packages' dependencies.
GLIBC = re.compile(r"(libc|libm|libdl|librt|libpthread)\.so\.\d|ld-linux-.*\.so\.\d")
LIBGCC = "libgcc_s.so.1"


class WrongExecutable(Exception):
    """It cannot be packed, and why."""


@dataclass(frozen=True)
class Executable:
    """An executable for Linux."""

    machine: str
    glibc: str
    size: int

    @classmethod
    def read(cls, path: Path) -> "Executable":
        """Reads one; it is not run."""
        try:
            head = path.open("rb").read(20)
        except OSError as error:
            raise WrongExecutable(f"{path}: {error.strerror}") from error
        machine = MACHINES.get(int.from_bytes(head[18:20], "little")) if head[:4] == b"\x7fELF" else None
        if machine is None:
            raise WrongExecutable(f"{path} is no executable for {' or '.join(MACHINES.values())}")
        try:
            said = subprocess.run(["readelf", "-W", "--dynamic", "--version-info", path],
                                  check=True, stdout=subprocess.PIPE, text=True).stdout
        except FileNotFoundError as error:
            raise WrongExecutable("readelf (binutils) is not installed") from error
        for library in re.findall(r"\(NEEDED\).*\[(.+)\]", said):
            if not GLIBC.fullmatch(library) and library != LIBGCC:
                raise WrongExecutable(f"{path} needs {library}, which the packages do not ask for")
        versions = set(re.findall(r"Name: GLIBC_([\d.]+)", said))
        if not versions:
            raise WrongExecutable(f"{path} names no version of glibc")
        return cls(machine, max(versions, key=number), path.stat().st_size)


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def check(path: Path, floor: str, limit: int) -> str:
    """Says what it needs, or why that is too much."""
    executable = Executable.read(path)
    if number(executable.glibc) > number(floor):
        raise WrongExecutable(f"{path} needs glibc {executable.glibc}; {floor} is the floor")
    if executable.size > limit:
        raise WrongExecutable(f"{path} has {executable.size} bytes; {limit} is the limit")
    return f"{path}: {executable.machine}, glibc {executable.glibc} at least, {executable.size} bytes"


def main(arguments: list[str]) -> str:
    match arguments:
        case ["machine", path]:
            return Executable.read(Path(path)).machine
        case ["check", path, floor, limit]:
            return check(Path(path), floor, int(limit))
        case _:
            raise WrongExecutable(f"usage:\n{__doc__}")


if __name__ == "__main__":
    try:
        print(main(sys.argv[1:]))
    except WrongExecutable as wrong:
        sys.exit(f"executable: {wrong}")
