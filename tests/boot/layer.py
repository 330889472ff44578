"""What is laid over a Debian to make an image of it: the guard as it is installed, the probes, and what a case adds."""
import os
from pathlib import Path

import probes
from places import Place

HERE = Path(__file__).resolve().parent
UNITS = HERE.parents[1] / "systemd" / "boot"


class Layer:
    """Files with their modes, and links."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, int]] = {}
        self.links: dict[str, str] = {}

    def file(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        self.files[path] = (content.encode() if isinstance(content, str) else content, mode)

    def link(self, path: str, target: str) -> None:
        self.files.pop(path, None)
        self.links[path] = target

    def without(self, path: str) -> None:
        """Takes a path, or a folder with all in it, out again."""
        under = path.rstrip("/") + "/"
        for kept in (self.files, self.links):
            for one in [one for one in kept if one == path or one.startswith(under)]:
                del kept[one]

    def tree(self, folder: Path, at: str) -> None:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.file(f"{at}/{path.relative_to(folder)}", path.read_bytes())

    def write(self, folder: Path) -> None:
        for path, (content, mode) in self.files.items():
            file = folder / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(mode)
        for path, target in self.links.items():
            link = folder / path.lstrip("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(target, link)


def image(place: Place, guard: bytes | None) -> Layer:
    """An image with the guard and every probe on it. The units are installed as `goldseal boot install` installs them."""
    made = Layer()
    for folder in place.recipe:
        made.tree(UNITS / folder, probes.UNITS)
    if "default-target" in place.recipe:
        made.link(f"{probes.UNITS}/default.target", "goldseal-boot.target")
    files, links = probes.files()
    for path, content in (files | place.files).items():
        made.file(path, content)
    for path, target in (links | place.links).items():
        made.link(path, target)
    if guard is not None:
        made.file("/usr/bin/goldseal", guard, 0o755)
    return made
