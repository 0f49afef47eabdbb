"""A host's disk with two slots, as a loop device."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from machine import run
from releases import manifest

SECTOR = 512
#: The second slot and its tree, as systemd-repart makes them on first boot.
EMPTY = "_empty"


@dataclass(frozen=True)
class Slot:
    """A root partition."""

    offset: int
    size: int


@dataclass(frozen=True)
class HostDisk:
    """A disk that runs the image in its first slot; the second one is empty."""

    device: str
    active: Slot
    inactive: Slot


@contextmanager
def loop(path: Path, offset: int = 0, size: int = 0) -> Iterator[str]:
    """A loop device over a file, past the page cache of the file."""
    command: list[str | Path] = ["losetup", "--find", "--show", "--direct-io=on"]
    if size:
        command += [f"--offset={offset}", f"--sizelimit={size}"]
    device = run([*command, path]).output.strip()
    try:
        yield device
    finally:
        run(["losetup", "--detach", device])


def make_disk(build: Path, path: Path) -> None:
    """The built disk with a second slot."""
    path.unlink(missing_ok=True)
    run(["cp", "--sparse=always", build / "disk.raw", path])
    parts = manifest(build)["disk"]["partitions"]
    slot = [(part["type"], part["size"]) for part in parts[1:3]]
    os.truncate(path, path.stat().st_size + sum(size for _, size in slot) + (4 << 20))
    # To the end with the backup table, so that there is room for more.
    run(["sfdisk", "--quiet", "--relocate", "gpt-bak-std", path])
    for kind, size in slot:
        line = path.parent / "sfdisk.txt"
        line.write_text(f'size={size // SECTOR}, type={kind}, name="{EMPTY}"\n')
        run(["bash", "-c", f"sfdisk --quiet --append {path} < {line}"])


def slots(path: Path) -> tuple[Slot, Slot]:
    """Where the two root partitions of a disk are."""
    table = json.loads(run(["sfdisk", "--json", path]).output)["partitiontable"]["partitions"]
    found = [Slot(part["start"] * SECTOR, part["size"] * SECTOR) for part in table]
    return found[1], found[3]


@contextmanager
def host_disk(build: Path, path: Path) -> Iterator[HostDisk]:
    """The disk as a loop device, new for each use: nothing of an earlier install is on it."""
    make_disk(build, path)
    active, inactive = slots(path)
    try:
        with loop(path) as device:
            yield HostDisk(device, active, inactive)
    finally:
        path.unlink()
