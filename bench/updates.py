"""Updates: bytes, installs, memory, resume and packs, with the peers' beside them."""

from __future__ import annotations

import shutil
from pathlib import Path

import downloads
import installs
from context import Context
from downloads import PLAIN, SHIPPED, Pair
from erofs import FLAVOURS, UUID, Change, make_changes, write_tar
from machine import ToolTree, fresh, say
from releases import with_other_root
from results import Section


FOREIGN = "zstd-64K"


def measure(context: Context) -> list[Section]:
    image = context.image()
    folder = fresh(context.work / "updates")
    tools = context.bulkhead.tools()
    shutil.copyfile(image.folder / "root.erofs", folder / "built.erofs")
    tools.run(["fsck.erofs", "--extract=/work/base", "/work/built.erofs"], folder)
    notes: list[str] = []
    changes = make_changes(context, folder, tools, notes)
    trees = [folder / "base", *(path for change in changes for path in (change.old, change.new) if path)]
    pairs: dict[str, dict[str, Pair]] = {}
    for flavour in (SHIPPED, PLAIN):
        builds = {tree.name: build(context, folder, tools, tree, flavour) for tree in trees}
        pairs[flavour] = {
            change.name: Pair(
                builds[change.old.name if change.old else "base"], builds[change.new.name if change.new else "base"]
            )
            for change in changes
        }
    # The same files in other blocks: nothing of it is in the slot that runs.
    foreign = build(context, folder, tools, folder / "base", FOREIGN, "9.1.0")
    for tree in trees:
        shutil.rmtree(tree)
    result = [downloads.measure(context, changes, pairs, folder)]
    result[0].notes += notes
    result += installs.measure(context, pairs[SHIPPED], foreign, folder)
    shutil.rmtree(folder)
    return result


def build(
    context: Context, folder: Path, tools: ToolTree, tree: Path, flavour: str, version: str | None = None
) -> Path:
    """A build folder of a tree's files."""
    say(f"packing {tree.name}, {flavour}")
    time = context.bulkhead.lock()["sourceDateEpoch"]
    tar = folder / f"{tree.name}.tar"
    if not tar.exists():
        write_tar(tree, tar, time)
    command = ["mkfs.erofs", "--quiet", "-b4096", f"-T{time}", "-U", UUID, *FLAVOURS[flavour], "--tar=f"]
    root = folder / f"{tree.name}-{flavour}.erofs"
    tools.run([*command, f"/work/{root.name}", f"/work/{tar.name}"], folder)
    # A tree that the image is updated to is newer than it, the others are older.
    version = version or ("9.0.0" if tree.name.endswith("-new") else "0.0.9")
    result = with_other_root(context.image().folder, root, folder / f"{tree.name}-{flavour}", version)
    root.unlink()
    return result
