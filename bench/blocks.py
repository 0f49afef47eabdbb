"""What an update must move: the 4 KiB blocks of a new image that the old one does not have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from machine import run

BLOCK = 4096


@dataclass(frozen=True)
class Update:
    """The missing blocks of an update."""

    blocks: int
    of: int
    #: Bytes of the missing blocks as they are, and of all of them as one file through zstd -9.
    raw: int
    packed: int


def digests(image: Path) -> set[bytes]:
    known = set()
    with open(image, "rb") as file:
        while block := file.read(BLOCK):
            known.add(hashlib.sha256(block).digest())
    return known


def update(old: Path, new: Path, scratch: Path) -> Update:
    """Compares two images as the update agent will: by content, wherever a block lies; zeros are free."""
    known = digests(old)
    known.add(hashlib.sha256(bytes(BLOCK)).digest())
    missing = total = 0
    pack = scratch / "pack"
    with open(new, "rb") as file, open(pack, "wb") as output:
        while block := file.read(BLOCK):
            total += 1
            digest = hashlib.sha256(block).digest()
            if digest not in known:
                known.add(digest)
                missing += 1
                output.write(block)
    result = Update(missing, total, missing * BLOCK, packed_size(pack, scratch))
    pack.unlink()
    return result


def packed_size(path: Path, scratch: Path) -> int:
    """Bytes of a file as zstd -9 packs it."""
    packed = scratch / "pack.zst"
    run(["zstd", "-9", "--quiet", "--force", path, "-o", packed])
    count = packed.stat().st_size
    packed.unlink()
    return count
