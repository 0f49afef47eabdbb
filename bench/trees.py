"""Other versions of packages, put into a tree of files that the builder has filtered."""

from __future__ import annotations

import lzma
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from debian import Apt


@dataclass(frozen=True)
class Replacement:
    """A package whose files were replaced, and how many they were."""

    package: str
    files: int


def kernel_version(package: str) -> str:
    """`6.12.1+deb13-cloud-amd64` of the package `linux-image-6.12.1+deb13-cloud-amd64`."""
    return package.removeprefix("linux-image-")


def package_files(apt: Apt, folder: Path, name: str, version: str) -> dict[str, Path]:
    """A package's files and symlinks by their path in a merged-/usr system."""
    root = folder / f"{name}_{version}"
    if not root.exists():
        apt.extract(name, version, root)
    files = {}
    for path in root.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            continue
        inside = path.relative_to(root).as_posix()
        if inside.startswith(("bin/", "sbin/", "lib/", "lib64/")):
            inside = f"usr/{inside}"
        files[inside] = path
    return files


def replace_package(apt: Apt, folder: Path, tree: Path, name: str, old: str, new: str) -> Replacement:
    """Puts a package's other version into the tree.

    What the filters left of the old version goes. Of the new one comes what has the same path, and what is new
    in a folder that had files of the old one, such as a library whose name carries its version.
    """
    before = package_files(apt, folder, name, old)
    after = package_files(apt, folder, name, new)
    present = {path for path in before if is_file(tree / path)}
    folders = {os.path.dirname(path) for path in present}
    for path in present:
        (tree / path).unlink()
    count = 0
    for path, source in after.items():
        if path in present or (path not in before and os.path.dirname(path) in folders):
            count += put(source, tree / path)
    return Replacement(name, count)


def replace_kernel(apt: Apt, folder: Path, tree: Path, locked: str, other: str) -> None:
    """Replaces the modules by those of another kernel, as far as the tree has them, and stores them as it does."""
    version = apt.versions([other])[other][0]
    modules = tree / "usr/lib/modules"
    target = modules / kernel_version(other)
    (modules / kernel_version(locked)).rename(target)
    files = package_files(apt, folder, other, version)
    prefix = f"usr/lib/modules/{kernel_version(other)}/"
    for path in [path for path in target.rglob("*.ko*") if path.is_file()]:
        inside = prefix + path.relative_to(target).as_posix()
        path.unlink()
        if inside in files:
            put(files[inside], path)
        elif f"{inside}.xz" in files:
            path.write_bytes(lzma.decompress(files[f"{inside}.xz"].read_bytes()))
            path.chmod(0o644)


def is_file(path: Path) -> bool:
    """Whether a file or symlink is there."""
    return path.is_symlink() or path.is_file()


def put(source: Path, target: Path) -> bool:
    """Copies a file or symlink; false when a folder of the tree is in its place."""
    if target.is_dir() and not target.is_symlink():
        return False
    target.unlink(missing_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)
    return True
