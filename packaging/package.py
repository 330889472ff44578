#!/usr/bin/env python3
"""Makes the .deb and the .rpm of an executable. The same executable and commit make the same bytes.

package.py EXECUTABLE [--pages-from EXECUTABLE] [--out DIR]

The architecture is read from the executable. Completions and manual pages are written by it, or, where this machine cannot
run it, by the one of --pages-from, built from the same commit. SOURCE_DATE_EPOCH is that of the last commit unless it is set.
"""
import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from contents import CONFFILES, Content, contents
from executable import Executable, WrongExecutable

ROOT = Path(__file__).resolve().parent.parent
SUMMARY = "only machine images that their own pipeline sealed may launch on AWS"
HOMEPAGE = "https://github.com/goldseal/goldseal"
LICENSE = "Apache-2.0"
DEB_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# A shell that is not installed has no folder for its completions.
OURS = frozenset({"goldseal", "bash-completion", "zsh", "fish"})
SCRIPTS = {"postinst": "after-install.sh", "prerm": "before-removal.sh", "postrm": "after-removal.sh"}
CONTROL = """\
Package: goldseal
Version: {version}
Architecture: {architecture}
Maintainer: goldseal project <goldseal@users.noreply.github.com>
Installed-Size: {size}
Depends: libc6 (>= {floor}), libgcc-s1
Recommends: ca-certificates
Section: admin
Priority: optional
Homepage: {homepage}
Description: {summary}
 Seals machine images with in-toto statements in Sigstore bundles, and judges
 them where they launch, boot and run: the launch hook, the boot guard and the
 fleet audit. Nothing is enabled by this package.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("executable", type=Path)
    parser.add_argument("--pages-from", type=Path, metavar="EXECUTABLE")
    parser.add_argument("--out", type=Path, default=ROOT / "target/package", metavar="DIR")
    arguments = parser.parse_args()
    try:
        epoch()
        executable = Executable.read(arguments.executable)
        author = arguments.pages_from or arguments.executable
        if Executable.read(author).machine != platform.machine():
            raise WrongExecutable(f"{author} does not run on this machine: give --pages-from one that does")
        version = version_of(author)
    except WrongExecutable as wrong:
        print(f"package: {wrong}", file=sys.stderr)
        return 2
    try:
        pack(arguments.executable, author, executable, version, arguments.out)
    except (subprocess.CalledProcessError, OSError) as failed:
        print(f"package: {failed}", file=sys.stderr)
        return 1
    return 0


def pack(path: Path, author: Path, executable: Executable, version: str, out: Path) -> None:
    """Makes what there are tools for."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        made = contents(ROOT, path, author)
        # The distributions differ in where zsh looks.
        print(make_deb(work / "deb", [content.path_for("deb") for content in made], executable, version, out))
        if shutil.which("rpmbuild") is None:
            print("skipped: rpm: rpmbuild is not installed")
        else:
            print(make_rpm(work / "rpm", [content.path_for("rpm") for content in made], executable, version, out))


def version_of(executable: Path) -> str:
    """Asks the executable, and fails where it is of another version than this checkout."""
    try:
        said = run([str(executable.resolve()), "--version"]).split()[-1]
    except (subprocess.CalledProcessError, OSError, IndexError) as failed:
        raise WrongExecutable(f"{executable} does not say its version: {failed}") from failed
    if f'version = "{said}"\n' not in (ROOT / "Cargo.toml").read_text():
        raise WrongExecutable(f"{executable} is version {said}, and Cargo.toml is of another")
    return said


def epoch() -> str:
    said = os.environ.get("SOURCE_DATE_EPOCH") or run(["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]).strip()
    if not said.isdecimal():
        raise WrongExecutable(f"SOURCE_DATE_EPOCH is no number of seconds: {said!r}")
    return said


def run(command: list[str], **more: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | more).stdout


def lay(stage: Path, made: list[Content]) -> None:
    """Writes everything with its mode; folders are 0755 whatever the umask is."""
    for content in made:
        path = stage / content.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.data)
        path.chmod(content.mode)
    settle(stage)


def settle(stage: Path) -> None:
    """Gives folders one mode, and everything the time of the commit."""
    when = int(epoch())
    for path in [stage, *stage.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (when, when))


def make_deb(stage: Path, made: list[Content], executable: Executable, version: str, out: Path) -> Path:
    architecture = DEB_ARCHITECTURES[executable.machine]
    stage.mkdir()
    lay(stage, made)
    control = stage / "DEBIAN"
    control.mkdir()
    size = sum(-(-len(content.data) // 1024) for content in made)
    (control / "control").write_text(CONTROL.format(
        version=version, architecture=architecture, size=size, floor=executable.glibc, homepage=HOMEPAGE, summary=SUMMARY,
    ))
    (control / "conffiles").write_text("".join(f"{path}\n" for path in CONFFILES))
    sums = sorted((content.path.lstrip("/"), hashlib.md5(content.data).hexdigest())
                  for content in made if content.path not in CONFFILES)
    (control / "md5sums").write_text("".join(f"{digest}  {path}\n" for path, digest in sums))
    for path in control.iterdir():
        path.chmod(0o644)
    for name, script in SCRIPTS.items():
        shutil.copyfile(ROOT / "packaging/scripts" / script, control / name)
        (control / name).chmod(0o755)
    settle(control)
    target = out / f"goldseal_{version}_{architecture}.deb"
    # One thread: more of them cut xz's blocks by how many there are.
    run(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(stage), str(target)],
        SOURCE_DATE_EPOCH=epoch(), DPKG_DEB_THREADS_MAX="1")
    return target


def make_rpm(work: Path, made: list[Content], executable: Executable, version: str, out: Path) -> Path:
    stage, scripts = work / "stage", work / "scripts"
    stage.mkdir(parents=True)
    lay(stage, made)
    shutil.copytree(ROOT / "packaging/scripts", scripts)
    (scripts / "files").write_text(rpm_files(made))
    defines = {
        "_topdir": work / "top", "_rpmdir": work / "rpms", "_rpmfilename": "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm",
        "stage": stage, "scripts": scripts, "release_version": version, "license_tag": LICENSE, "summary_line": SUMMARY,
        "homepage": HOMEPAGE, "floor": executable.glibc,
    }
    command = ["rpmbuild", "-bb", "--quiet", "--target", f"{executable.machine}-linux"]
    for name, value in defines.items():
        command += ["--define", f"{name} {value}"]
    run([*command, str(ROOT / "packaging/goldseal.spec")], SOURCE_DATE_EPOCH=epoch(), LC_ALL="C.UTF-8")
    (package,) = (work / "rpms").iterdir()
    return Path(shutil.copyfile(package, out / package.name))


def rpm_files(made: list[Content]) -> str:
    """Lists files, and the folders that are not there everywhere."""
    lines = ["%defattr(-,root,root,-)"]
    folders = set()
    for content in sorted(made, key=lambda content: content.path):
        kind = "%config(noreplace) " if content.path in CONFFILES else ""
        lines.append(f"{kind}%attr({content.mode:04o},root,root) {content.path}")
        folders.update(str(folder) for folder in Path(content.path).parents if OURS.intersection(folder.parts))
    lines += [f"%dir %attr(0755,root,root) {folder}" for folder in sorted(folders)]
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
