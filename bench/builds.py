"""Figures about whole builds: against mkosi, without a change, with one changed file, and memory."""

from __future__ import annotations

from pathlib import Path

from bulkhead import Build, Bulkhead
from context import Context
from machine import load, median, say, size, spread
from mkosi import Mkosi
from results import Section

#: An overlay file that every image has, and whose change only adds a comment.
CHANGED_FILE = "image/rootfs/usr/lib/sysctl.d/50-bulkhead.conf"


def measure(context: Context) -> list[Section]:
    """Rounds of: build from packages only, build again, build with one file changed, mkosi."""
    bulkhead = context.bulkhead
    context.image()
    mkosi = Mkosi(context.work, bulkhead, context.apt(), context.mirrors(), context.architecture)
    version = mkosi.prepare()
    warm: list[Build] = []
    unchanged: list[Build] = []
    overlay: list[Build] = []
    peer: list[float] = []
    copy = bulkhead.repository_copy("changed-repository")
    output = context.work / "warm-image"
    loads = []
    for number in range(context.rounds):
        say(f"builds, round {number + 1} of {context.rounds}")
        cache = bulkhead.warm_cache("warm-cache")
        loads.append(load())
        warm.append(bulkhead.build(cache, output))
        unchanged.append(bulkhead.build(cache, output))
        change(copy / CHANGED_FILE, number)
        overlay.append(bulkhead.build(cache, context.work / "changed-image", repository=copy))
        peer.append(mkosi.build())
    return [
        builds_section(bulkhead, context, mkosi, version, warm, unchanged, overlay, peer, loads),
        memory_section(warm),
    ]


def change(path: Path, number: int) -> None:
    with open(path, "a") as file:
        file.write(f"# change {number} of the bench\n")


def builds_section(
    bulkhead: Bulkhead,
    context: Context,
    mkosi: Mkosi,
    version: str,
    warm: list[Build],
    unchanged: list[Build],
    overlay: list[Build],
    peer: list[float],
    loads: list[str],
) -> Section:
    section = Section("Build time", ["Build", "Seconds: median (range)", "Of the warm build"])
    base = median([build.seconds for build in warm])
    section.row("bulkhead, packages fetched, nothing else", spread([build.seconds for build in warm]), "1.00")
    for name, builds in (("bulkhead, no change", unchanged), ("bulkhead, one overlay file changed", overlay)):
        seconds = [build.seconds for build in builds]
        section.row(name, spread(seconds), f"{median(seconds) / base:.3f}")
    section.row(f"{version}, packages fetched, not incremental", spread(peer), f"{median(peer) / base:.2f}")

    # Ours and the peer's of the same round saw the same load.
    ratios = [ours.seconds / theirs for ours, theirs in zip(warm, peer)]
    section.check("warm build / mkosi's, same round", median(ratios), "{:.2f}", 0.5)
    section.check("no change", median([build.seconds for build in unchanged]), "{:.2f} s", 1.0)
    changed = [one.seconds / whole.seconds for one, whole in zip(overlay, warm)]
    section.check("one overlay file / warm build", median(changed), "{:.2f}", 0.5)
    if not all(build.unchanged for build in unchanged):
        section.notes.append("WRONG: a build without a change did something")

    stages = sorted(warm[-1].stages.items(), key=lambda item: -item[1])
    text = ", ".join(f"{name} {seconds:.1f}" for name, seconds in stages if seconds >= 0.1)
    section.notes.append(f"Seconds of our stages in the last round ('programs' and 'unpack' side by side): {text}.")
    uki, disk = mkosi.sizes()
    ours = len(bulkhead.lock()["targets"][context.architecture]["packages"])
    section.notes.append(
        f"Packages: {ours} in our lock; mkosi's image has those and essential ones, {mkosi.packages()}; "
        f"its UKI has {size(uki)}, its disk takes {size(disk)}."
    )
    section.notes.append(f"Load averages (1, 5, 15 minutes) before each round: {'; '.join(loads)}.")
    return section


def memory_section(warm: list[Build]) -> Section:
    section = Section("Memory of the builder", ["", "Peak of its own resident set"])
    peaks = [build.peak for build in warm]
    section.row("bulkhead, warm build", size(max(peaks)))
    section.check("bulkhead's own peak", max(peaks) / (1 << 30), "{:.2f} GiB", 1.0)
    section.notes.append("VmHWM of the process, without the tools it runs.")
    return section
