"""How many bytes an update downloads: ours by every means, casync, RAUC, and patches of whole images."""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

from blocks import BLOCK, digests
from context import Context
from erofs import Change
from machine import BenchError, fresh, run, say
from releases import web_server
from results import Section

#: RAUC reads its image out of a squashfs, in mksquashfs's default blocks unless it is told otherwise.
SQUASHFS_BLOCK = 128 << 10
#: The packing that the manifest asks for, and the one whose blocks zstd can compare.
SHIPPED, PLAIN = "lz4hc-64K", "uncompressed"


@dataclass(frozen=True)
class Pair:
    """Two roots, and the builds made of them."""

    old: Path
    new: Path

    @property
    def roots(self) -> tuple[Path, Path]:
        return self.old / "root.erofs", self.new / "root.erofs"


def plan(context: Context, pair: Pair) -> dict[str, int]:
    """Bytes of the root by `bulkhead repo plan`: `pack`, `ranges`, `full`, and seconds of making them."""
    facts = json.loads(run([context.bulkhead.program, "repo", "plan", "--json", pair.old, pair.new]).output)
    by_host = {item["host"]: item for item in facts["downloads"]}
    result = {
        "ranges": by_host["runs OLD, without a pack"]["rootBytes"],
        "parts": by_host["runs OLD, without a pack"]["parts"],
        "full": by_host["has nothing of NEW"]["rootBytes"],
        "blocks": by_host["runs OLD, without a pack"]["blocks"],
    }
    packed = by_host.get("runs OLD, with a pack")
    # Where no pack is worth it, hosts do without.
    result["pack"] = packed["rootBytes"] if packed else result["ranges"]
    return result


def casync(pair: Pair, folder: Path) -> int:
    """Bytes that casync fetches with the old image as its seed: chunks of about 64 KiB, and the index."""
    fresh(folder)
    pages = fresh(folder / "pages")
    old, new = pair.roots
    run(["casync", "make", f"--store={pages}/store", pages / "new.caibx", new])
    with web_server(pages, folder / "nginx") as server:
        out = folder / "out"
        command: list[str | Path] = ["casync", "extract", f"--store={server.url}/store", f"--seed={old}"]
        run([*command, f"{server.url}/new.caibx", out])
        if digests(out) != digests(new):
            raise BenchError("casync made another image than it was given")
        count = server.traffic().body
    shutil.rmtree(folder)
    return count


def rauc(pair: Pair) -> int:
    """Bytes that RAUC's adaptive block-hash-index fetches at least, by its documentation.

    The index has a SHA-256 for each 4 KiB of the new image. Chunks that the running slot has are copied. The others
    are read from the image inside the bundle, a squashfs: each of its blocks that holds such a chunk is fetched once,
    as zlib -9 packs it. The bundle's own tree, signature and file system metadata come on top.
    """
    old, new = pair.roots
    known = digests(old)
    known.add(hashlib.sha256(bytes(BLOCK)).digest())
    count = 0
    with open(new, "rb") as file:
        while data := file.read(SQUASHFS_BLOCK):
            count += 32 * (-(-len(data) // BLOCK))
            chunks = (data[start : start + BLOCK] for start in range(0, len(data), BLOCK))
            missing = [chunk for chunk in chunks if hashlib.sha256(chunk).digest() not in known]
            if missing:
                # The slot that is written is a source too.
                known.update(hashlib.sha256(chunk).digest() for chunk in missing)
                count += min(len(data), len(zlib.compress(data, 9)))
    return count


def patch(pair: Pair, scratch: Path) -> int:
    """Bytes of one zstd patch from the old to the new image."""
    old, new = pair.roots
    output = scratch / "patch.zst"
    run(["zstd", "-9", "--long=30", "--quiet", "--force", f"--patch-from={old}", new, "-o", output])
    count = output.stat().st_size
    output.unlink()
    return count


def measure(
    context: Context, changes: list[Change], pairs: dict[str, dict[str, Pair]], folder: Path
) -> Section:
    """One table for all changes; `pairs` has them by packing, then by name."""
    names = [change.name for change in changes]
    result = Section("Bytes that an update downloads", ["", *names])
    ours: dict[str, dict[str, int]] = {}
    plain: dict[str, dict[str, int]] = {}
    chunks: dict[str, int] = {}
    indexed: dict[str, int] = {}
    patches: dict[str, int] = {}
    for name in names:
        say(f"bytes of an update: {name}")
        ours[name] = plan(context, pairs[SHIPPED][name])
        plain[name] = plan(context, pairs[PLAIN][name])
        chunks[name] = casync(pairs[SHIPPED][name], folder / "casync")
        indexed[name] = rauc(pairs[SHIPPED][name])
        patches[name] = patch(pairs[PLAIN][name], folder)

    def row(title: str, counts: list[int]) -> None:
        result.row(title, *[f"{count:,}" for count in counts])

    row("compressed packages that changed", [change.debs for change in changes])
    row("whole root: root.zst with index", [ours[name]["full"] for name in names])
    row("ours, with a static pack", [ours[name]["pack"] for name in names])
    row("ours, by ranges", [ours[name]["ranges"] for name in names])
    row("casync, the old image as seed", [chunks[name] for name in names])
    row("RAUC, adaptive block-hash-index (computed)", [indexed[name] for name in names])
    row("uncompressed EROFS: zstd -9 --patch-from", [patches[name] for name in names])
    row("uncompressed EROFS: ours, with a static pack", [plain[name]["pack"] for name in names])
    row("uncompressed EROFS: ours, by ranges", [plain[name]["ranges"] for name in names])
    row("uncompressed EROFS: whole root", [plain[name]["full"] for name in names])

    for change in changes:
        name = change.name
        pack, ranges = ours[name]["pack"], ours[name]["ranges"]
        if name == names[0]:
            result.check(f"{name}, with a pack / packages", pack / change.debs, "{:.2f}", 1.0)
            result.check(f"{name}, by ranges / packages", ranges / change.debs, "{:.2f}", 2.0)
        else:
            static, dynamic = patches[name], plain[name]["ranges"]
            result.check(f"{name}, with a pack / static row of peers.md, same change", pack / static, "{:.2f}", 1.0)
            result.check(f"{name}, by ranges / dynamic row, same change", ranges / dynamic, "{:.2f}", 1.0)
        peer = min(chunks[name], indexed[name])
        result.check(f"{name}, by ranges / the better of casync and RAUC", ranges / peer, "{:.2f}", 1.0)
        result.check(f"{name}, the most / whole root", max(pack, ranges) / ours[name]["full"], "{:.2f}", 1.0)
    result.notes += [f"{change.name}: {change.what}." for change in changes]
    result.notes += [
        "Bytes of the root; what changed of the kernel image comes on top. Ours by `bulkhead repo plan`, which does each "
        "update on files and checks the root that comes out; casync's by nginx's log.",
        "The static row of reference/peers.md 2d is `zstd -9 --patch-from` of uncompressed images, the dynamic one "
        "ranges of 16 KiB zstd frames over them; both are made anew here from the same files.",
        "RAUC streams through NBD and mounts with dm-verity: its bytes are computed, without the bundle's overhead.",
    ]
    return result
