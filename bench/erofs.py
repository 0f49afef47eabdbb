"""EROFS options: what each costs in slot size, build time and update bytes.

The table is made from the files of the built image, packed with the same options that the builder gives to
mkfs.erofs. Changes are real ones: other versions of the packages that Debian's archive has at the moment.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blocks import Update, packed_size, update
from context import Context
from debian import Apt, sources
from machine import BenchError, ToolTree, fresh, load, run, say, settle, size
from results import Section
from trees import Replacement, kernel_version, replace_kernel, replace_package

#: How the root may be packed: name, and what the builder would tell mkfs.erofs.
FLAVOURS: dict[str, list[str]] = {
    "uncompressed": [],
    "lz4hc-64K": ["-zlz4hc", "-C65536"],
    "zstd-64K": ["-zzstd", "-C65536"],
    "zstd-64K level 15": ["-zzstd,15", "-C65536"],
}
UUID = "6a8b1f0e-7f6c-4f6f-9a51-2a9c7e3f7d10"
MANY = 40


@dataclass
class Change:
    """An update from one tree to another; a tree that is None is the image as built."""

    name: str
    what: str
    old: Path | None = None
    new: Path | None = None
    #: Bytes of the compressed packages that changed, in their new version.
    debs: int = 0


@dataclass
class Flavour:
    """What was measured of one way of packing."""

    size: int = 0
    #: What a first installation downloads.
    packed: int = 0
    seconds: float = 0.0
    updates: dict[str, Update] = field(default_factory=dict)


def measure(context: Context) -> list[Section]:
    image = context.image()
    tools = context.bulkhead.tools()
    folder = fresh(context.work / "erofs")
    shutil.copyfile(image.folder / "root.erofs", folder / "built.erofs")
    built = (folder / "built.erofs").stat().st_size
    tools.run(["fsck.erofs", "--extract=/work/base", "/work/built.erofs"], folder)
    notes: list[str] = []
    changes = make_changes(context, folder, tools, notes)
    for name in {"base", *(path.name for change in changes for path in (change.old, change.new) if path)}:
        write_tar(folder / name, folder / f"{name}.tar", context.bulkhead.lock()["sourceDateEpoch"])
    before = load()
    flavours = {name: pack(context, folder, tools, name, changes) for name in FLAVOURS}
    shutil.rmtree(folder)
    return [section(flavours, changes, notes, built, before)]


def pack(context: Context, folder: Path, tools: ToolTree, name: str, changes: list[Change]) -> Flavour:
    """Makes all images of a flavour; the time is that of the image as built."""
    say(f"EROFS, {name}")
    result = Flavour()
    time = context.bulkhead.lock()["sourceDateEpoch"]
    arguments = ["mkfs.erofs", "--quiet", "-b4096", f"-T{time}", "-U", UUID, *FLAVOURS[name], "--tar=f"]

    def image(tree: str) -> float:
        return tools.run([*arguments, f"/work/{tree}.erofs", f"/work/{tree}.tar"], folder).seconds

    settle()
    result.seconds = image("base")
    result.size = (folder / "base.erofs").stat().st_size
    result.packed = packed_size(folder / "base.erofs", folder)
    for change in changes:
        paths = [folder / "base.erofs", folder / "base.erofs"]
        for index, tree in enumerate((change.old, change.new)):
            if tree:
                image(tree.name)
                paths[index] = folder / f"{tree.name}.erofs"
        result.updates[change.name] = update(paths[0], paths[1], folder)
    for path in folder.glob("*.erofs"):
        path.unlink()
    return result


def make_changes(context: Context, folder: Path, tools: ToolTree, notes: list[str]) -> list[Change]:
    lock = context.bulkhead.lock()
    packages: list[dict[str, Any]] = lock["targets"][context.architecture]["packages"]
    locked = {item["name"]: item["version"] for item in packages}
    apt = context.apt()
    base = folder / "base"
    kernel = next((name for name in locked if name.startswith("linux-image-") and name[12].isdigit()), None)
    ordinary = {item["name"]: item for item in packages if not item["name"].startswith("linux-image-")}
    other: dict[str, str] = {}
    for name, versions in apt.versions(sorted(ordinary)).items():
        rest = [version for version in versions if version != locked[name]]
        if rest:
            other[name] = rest[0]
    apt.download([(name, version) for name in other for version in (locked[name], other[name])])
    changes = []

    # One CVE fix: all packages of one source that the archive has in two versions.
    owners = {name: ordinary[name]["source"] for name in other}
    source = "openssl" if "openssl" in owners.values() else min(owners.values(), default=None)
    if source:
        names = sorted(name for name in other if owners[name] == source)
        tree = copy_tree(base, folder / "fix-old")
        done = [replacement(apt, folder, tree, name, locked[name], other[name]) for name in names]
        touched = [item.package for item in done if item.files]
        step = f"{other[names[0]]} -> {locked[names[0]]}"
        debs = sum(apt.size(name, locked[name]) for name in touched)
        changes.append(Change("one fix", f"{', '.join(touched)} {step}", old=tree, debs=debs))

    # A month's worth: the other versions this release has, filled up with the next release's.
    tree = copy_tree(base, folder / "many-new")
    near = debs = 0
    for name in other:
        if replacement(apt, folder, tree, name, locked[name], other[name]).files:
            near += 1
            debs += apt.size(name, other[name])
    following = Apt(
        context.work / "apt-testing", sources(context.mirrors(), lock["suites"][0], ["testing"]), context.architecture
    )
    following.update()
    far = 0
    later = following.versions(sorted(set(ordinary) - set(other)))
    changed = [name for name, versions in later.items() if versions[0] != locked[name]]
    changed.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
    wanted = changed[: max(0, MANY - near)]
    following.download([(name, version) for name in wanted for version in (locked[name], later[name][0])])
    for name in changed:
        if near + far == MANY:
            break
        if replacement(following, folder, tree, name, locked[name], later[name][0]).files:
            far += 1
            debs += following.size(name, later[name][0])
    text = f"{near} in another version of this release, {far} in the next release's (larger steps than a month's)"
    changes.append(Change(f"{near + far} packages", text, new=tree, debs=debs))

    if kernel:
        older = older_kernel(apt, kernel)
        if older:
            tree = copy_tree(base, folder / "kernel-old")
            replace_kernel(apt, folder / "packages", tree, kernel, older)
            tools.run(["depmod", "-b", f"/work/{tree.name}", kernel_version(older)], folder)
            step = f"{kernel_version(older)} -> {kernel_version(kernel)}"
            changes.append(Change("kernel", step, old=tree, debs=apt.size(kernel, locked[kernel])))
        else:
            notes.append(f"The archive has no older {kernel}: the kernel's update is not measured.")
    return changes


def replacement(apt: Apt, folder: Path, tree: Path, name: str, old: str, new: str) -> Replacement:
    return replace_package(apt, folder / "packages", tree, name, old, new)


def older_kernel(apt: Apt, kernel: str) -> str | None:
    """The newest kernel package of the archive that is older than this one."""
    flavour = kernel.split("-", 3)[3]
    names = [name for name in apt.names(rf"linux-image-[0-9][^-]*-{flavour}") if name != kernel]
    older = None
    for name in names:
        if not newer(kernel_version(kernel), kernel_version(name)):
            continue
        if older is None or newer(kernel_version(name), kernel_version(older)):
            older = name
    return older


def newer(one: str, other: str) -> bool:
    try:
        run(["dpkg", "--compare-versions", one, "gt", other])
    except BenchError:
        return False
    return True


def copy_tree(source: Path, target: Path) -> Path:
    run(["cp", "--archive", source, target])
    return target


def write_tar(tree: Path, target: Path, time: int) -> None:
    """A tar stream in the order of the paths, as the builder writes it."""

    def normal(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = time
        member.uname = member.gname = ""
        return member

    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
        paths = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*"))
        for path in paths:
            archive.add(tree / path, arcname=path, recursive=False, filter=normal)


def section(
    flavours: dict[str, Flavour], changes: list[Change], notes: list[str], built: int, before: str
) -> Section:
    names = [change.name for change in changes]
    columns = ["Packing", "Slot", "zstd -9 of it", "mkfs.erofs"]
    for name in names:
        columns += [f"{name}: blocks", "MiB raw", "zstd -9"]
    result = Section("EROFS options and update bytes", columns)
    for name, flavour in flavours.items():
        cells = [size(flavour.size), size(flavour.packed), f"{flavour.seconds:.1f} s"]
        for change in names:
            one = flavour.updates[change]
            share = 100 * one.blocks / one.of
            cells += [f"{share:.2f} %", f"{one.raw / (1 << 20):.1f}", f"{one.packed / (1 << 20):.1f}"]
        result.row(name, *cells)
    result.notes += [f"{change.name}: {change.what}." for change in changes]
    result.notes.append(
        "Blocks of 4 KiB of the new image whose SHA-256 the old one has nowhere; their bytes raw, and as one "
        "zstd -9 pack."
    )
    result.notes.append(
        f"The builder's own root.erofs has {size(built)}. Load averages before: {before}."
    )
    result.notes += notes
    return result
