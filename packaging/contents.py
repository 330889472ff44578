"""What is in the packages, and where."""
import gzip
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

CONFFILES = ("/etc/goldseal/goldseal.toml",)
DOC = "/usr/share/doc/goldseal"
COMPLETIONS = {
    "bash": "/usr/share/bash-completion/completions/goldseal",
    "zsh": "/usr/share/zsh/vendor-completions/_goldseal",
    "fish": "/usr/share/fish/vendor_completions.d/goldseal.fish",
}
# Only Debian looks into vendor-completions.
RPM_PATHS = {COMPLETIONS["zsh"]: "/usr/share/zsh/site-functions/_goldseal"}


@dataclass(frozen=True)
class Content:
    """A file of a package."""

    path: str
    data: bytes
    mode: int = 0o644

    def path_for(self, package: str) -> "Content":
        """The same where this kind of package has it."""
        return replace(self, path=RPM_PATHS.get(self.path, self.path)) if package == "rpm" else self


def contents(root: Path, executable: Path, author: Path) -> list[Content]:
    """Everything that is installed. `author` writes completions and manual pages: it is `executable`, or runs here at least."""
    made = [Content("/usr/bin/goldseal", executable.read_bytes(), 0o755)]
    made += [Content(path, (root / source).read_bytes()) for path, source in {
        "/etc/goldseal/goldseal.toml": "packaging/goldseal.toml",
        "/usr/lib/sysusers.d/goldseal.conf": "systemd/goldseal.sysusers",
        "/usr/lib/tmpfiles.d/goldseal.conf": "systemd/goldseal.tmpfiles",
        "/usr/lib/systemd/system-preset/80-goldseal.preset": "systemd/goldseal.preset",
        f"{DOC}/copyright": "LICENSE",
        f"{DOC}/CHANGELOG.md": "CHANGELOG.md",
    }.items()]
    # The boot guard's units are no part: `goldseal boot install` has them, and puts them into images.
    for kind in ("service", "timer"):
        made += folder(root / "systemd", f"*.{kind}", "/usr/lib/systemd/system")
    made += folder(root / "docs", "*.md", DOC)
    made += folder(root / "docs/examples", "*.toml", f"{DOC}/examples/policies")
    made += folder(root / "packaging/prometheus", "*.rules.yml", f"{DOC}/examples/prometheus")
    made += folder(root / "packaging/grafana", "*.json", f"{DOC}/examples/grafana")
    made += [Content(path, asked(author, "completions", shell)) for shell, path in COMPLETIONS.items()]
    return made + pages(author)


def folder(source: Path, pattern: str, target: str) -> list[Content]:
    found = [Content(f"{target}/{path.name}", path.read_bytes()) for path in sorted(source.glob(pattern))]
    if not found:
        raise FileNotFoundError(f"{source}/{pattern}")
    return found


def asked(author: Path, *arguments: str) -> bytes:
    # Help must not show the environment of whoever packs.
    return subprocess.run([author.resolve(), *arguments], check=True, stdout=subprocess.PIPE, env={}).stdout


def pages(author: Path) -> list[Content]:
    with tempfile.TemporaryDirectory() as written:
        asked(author, "manual", written)
        return [Content(f"/usr/share/man/man1/{page.name}.gz", gzip.compress(page.read_bytes(), mtime=0))
                for page in sorted(Path(written).iterdir())]
