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
    for tree in trees:
        shutil.rmtree(tree)
    result = [downloads.measure(context, changes, pairs, folder)]
    result[0].notes += notes
    result += installs.measure(context, pairs[SHIPPED], folder)
    shutil.rmtree(folder)
    return result


def build(context: Context, folder: Path, tools: ToolTree, tree: Path, flavour: str) -> Path:
    """A build folder of a tree's files."""
    say(f"packing {tree.name}, {flavour}")
    time = context.bulkhead.lock()["sourceDateEpoch"]
    tar = folder / f"{tree.name}.tar"
    if not tar.exists():
        write_tar(tree, tar, time)
    command = ["mkfs.erofs", "--quiet", "-b4096", f"-T{time}", "-U", UUID, *FLAVOURS[flavour], "--tar=f"]
    root = folder / f"{tree.name}-{flavour}.erofs"
    tools.run([*command, f"/work/{root.name}", f"/work/{tar.name}"], folder)
    # The versions tell the builds apart; the image itself is the newest of them.
    version = {"base": "0.0.9", "fix-old": "0.0.8", "kernel-old": "0.0.7"}.get(tree.name, "9.0.0")
    result = with_other_root(context.image().folder, root, folder / f"{tree.name}-{flavour}", version)
    root.unlink()
    return result
