"""Writing a release to a slot: time, memory, going on after a kill, and what publishing costs."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from context import Context
from disks import host_disk
from downloads import Pair
from installers import Install, Rauc, Sysupdate, Updater, direct_write
from machine import fresh, load, median, run, say, settle, size, spread
from releases import WebServer, manifest, web_server, with_other_root
from results import Section
from verity import openssl_rate

#: What memory may be, whatever the image's size.
PEAK_LIMIT = 64 << 20
#: Bytes that differ from each other in the large image; the rest of it is zeros, which take part in all tables.
LARGE, LARGE_CONTENT = 1 << 30, 256 << 20


@dataclass(frozen=True)
class Site:
    """A repository under a folder that is served."""

    pages: Path
    folder: Path
    context: Context

    @property
    def root(self) -> Path:
        return self.pages / "metadata/1.root.json"

    def run(self, *words: str | Path, watch_memory: bool = False) -> tuple[float, int]:
        log = self.folder / "publish.log"
        done = run([self.context.bulkhead.program, *words], log=log, watch_memory=watch_memory)
        return done.seconds, done.peak

    def initialize(self) -> None:
        self.run("keys", "init", self.folder / "keys")
        self.run("repo", "init", self.pages, "--keys", self.folder / "keys")

    def publish(self, build: Path, packs: int) -> tuple[float, int]:
        """Seconds and peak memory of publishing a build with packs from earlier ones."""
        command = ["repo", "publish", self.pages, build, "--keys", self.folder / "keys", "--open"]
        return self.run(*command, f"--packs={packs}", watch_memory=True)


def measure(context: Context, pairs: dict[str, Pair], foreign: Path, folder: Path) -> list[Section]:
    """`foreign` is a build that shares next to nothing with the image."""
    image = context.image().folder
    site = Site(fresh(folder / "site"), folder, context)
    site.initialize()
    packs = packs_section(context, site, pairs, folder)
    say("publishing what is installed")
    site.publish(image, 0)
    update = next((pair.new for pair in pairs.values() if version(pair.new) > version(image)), None)
    if update:
        site.publish(update, 1)
    site.publish(foreign, 0)
    large = large_build(image, folder)
    site.publish(large, 0)
    with web_server(site.pages, folder / "nginx") as server:
        updater = Updater(context, image, server.url, site.root, folder / "updater")
        result = [install_section(context, site, server, updater, foreign, folder)]
        result += memory_sections(context, server, updater, [build for build in (update, foreign) if build], large)
    return [*result, packs]


def version(build: Path) -> str:
    return str(manifest(build)["version"])


def large_build(image: Path, folder: Path) -> Path:
    """A build with a root of 1 GiB."""
    root = folder / "large.img"
    with open(root, "wb") as file:
        for _ in range(LARGE_CONTENT >> 20):
            file.write(os.urandom(1 << 20))
            file.seek((LARGE // (LARGE_CONTENT >> 20)) - (1 << 20), os.SEEK_CUR)
        file.truncate(LARGE)
    build = with_other_root(image, root, folder / "large", "9.2.0")
    root.unlink()
    return build


@dataclass
class Times:
    """Seconds of each contender, round by round."""

    ours: list[Install] = field(default_factory=list)
    rauc: list[float] = field(default_factory=list)
    sysupdate: list[float] = field(default_factory=list)
    direct: list[float] = field(default_factory=list)
    hashing: list[float] = field(default_factory=list)


def install_section(
    context: Context, site: Site, server: WebServer, updater: Updater, build: Path, folder: Path
) -> Section:
    """A whole root that the running slot has nothing of."""
    image = context.image().folder
    root = build / "root.erofs"
    disk = folder / "disk.raw"
    rauc = Rauc(root, folder / "rauc")
    sysupdate = Sysupdate(context, image, root, site.pages, folder / "sysupdate")
    times = Times()
    before = load()
    for number in range(context.rounds):
        say(f"installs, round {number + 1} of {context.rounds}")
        settle()
        times.hashing.append(root.stat().st_size / openssl_rate(len(os.sched_getaffinity(0))))
        times.direct.append(direct_write(folder / "plain.img", root))
        with host_disk(image, disk) as device:
            settle()
            times.ours.append(updater.install(device, version(build)))
        with host_disk(image, disk) as device:
            settle()
            times.rauc.append(rauc.install(device, disk))
        with host_disk(image, disk) as device:
            settle()
            times.sysupdate.append(sysupdate.install(device, server.url))
    return show_install(times, root.stat().st_size, rauc.format, before)


def show_install(times: Times, count: int, bundle: str, before: str) -> Section:
    result = Section(f"Install of a root of {size(count)} to a loop device", ["", "Seconds: median (range)", "MB/s"])

    def row(name: str, seconds: list[float]) -> None:
        result.row(name, spread(seconds), f"{count / median(seconds) / 1e6:.0f}")

    ours = [item.root_seconds for item in times.ours]
    row("ours, over HTTP: root and hash tree, read back from the medium", ours)
    row("ours, with the kernel image on the ESP", [item.seconds for item in times.ours])
    row(f"rauc install, {bundle} bundle in a file", times.rauc)
    row("systemd-sysupdate, over HTTP", times.sysupdate)
    row("dd oflag=direct, flushed", times.direct)
    row("openssl speed, sha256, all processors", times.hashing)
    slower = [max(pair) for pair in zip(times.direct, times.hashing)]
    shares = [one / other for one, other in zip(slower, ours)]
    text = "our rate / the slower of openssl's and dd's, same round"
    result.check(text, median(shares), "{:.2f}", 0.8, at_least=True)
    for name, peer in (("rauc install's", times.rauc), ("systemd-sysupdate's", times.sysupdate)):
        ratios = [one / other for one, other in zip(ours, peer)]
        result.check(f"our time / {name}, same round", median(ratios), "{:.2f}", 1.0)
    steps = times.ours[-1].steps
    ends = [start for _, start in steps[1:]] + [times.ours[-1].seconds]
    text = "; ".join(f"{name} {end - start:.2f}" for (name, start), end in zip(steps, ends))
    result.notes += [
        f"Seconds of our steps in the last round: before them {steps[0][1]:.2f}; {text}.",
        "Every install begins with a new disk; the running slot has next to nothing of the new root. Neither peer "
        "makes a hash tree or reads back; dd writes to a loop device of its own.",
        f"Load averages before: {before}.",
    ]
    return result


def memory_sections(
    context: Context, server: WebServer, updater: Updater, builds: list[Path], large: Path
) -> list[Section]:
    """Memory of updates of several sizes, and what is fetched again after a kill in the middle."""
    image = context.image().folder
    disk = updater.folder / "disk.raw"
    memory = Section("Memory of an update", ["", "By", "Fetched", "Peak of its resident set"])
    resume = Section("Going on after a kill at half of the blocks", ["", "Fetched whole", "Before and after", "Again"])
    peaks = []
    for build in [*builds, large]:
        say(f"update to {version(build)}")
        name = f"root of {size((build / 'root.erofs').stat().st_size)}"
        with host_disk(image, disk) as device:
            server.forget()
            done = updater.install(device, version(build))
            whole = server.traffic()
        memory.row(name, done.method, size(whole.all), size(done.peak))
        peaks.append(done.peak)
        updater.repository = server.slow_url
        with host_disk(image, disk) as device:
            server.forget()
            updater.install_half(device, version(build))
            updater.go_on(device, version(build))
            both = server.traffic()
        updater.repository = server.url
        again = both.body - whole.body
        resume.row(name, f"{whole.body:,}", f"{both.body:,}", f"{100 * again / whole.body:.1f} %")
        # Most of the large root is zeros, but its index, which is fetched again, is that of all its blocks.
        if build != large:
            resume.check(f"{name}, by {done.method}: fetched again", 100 * again / whole.body, "{:.1f} %", 1.0)
    memory.check("the updater's peak", max(peaks) / (1 << 20), "{:.1f} MiB", PEAK_LIMIT / (1 << 20))
    memory.notes += [
        "VmHWM of a program that is the updater and nothing else; on a host it is part of the one program.",
        "Fetched: metadata, kernel image and root, with the headers of both directions. The largest root is made of "
        "random bytes and zeros.",
    ]
    resume.notes.append(
        "Bytes of the bodies by nginx's log: metadata, kernel image and root, at 10 MB/s a connection. What nginx had "
        "sent and the killed process had not read is among them."
    )
    return [memory, resume]


def packs_section(context: Context, site: Site, pairs: dict[str, Pair], folder: Path) -> Section:
    """Publishing a build with packs from three earlier ones, which are the three changes' other sides."""
    result = Section("Static packs from three earlier releases", ["", "Seconds", "Peak of its resident set"])
    # The fix and the kernel lead to the same build.
    target = next(iter(pairs.values())).new
    earlier = [pair.new if pair.new != target else pair.old for pair in pairs.values()]
    for number, build in enumerate(earlier):
        old = with_other_root(build, build / "root.erofs", folder / f"earlier-{number}", f"0.0.{number}")
        site.publish(old, 0)
    say("making packs from three earlier releases")
    settle()
    before = load()
    seconds, peak = site.publish(target, 3)
    result.row(f"repo publish --packs 3: frames, index and {len(earlier)} packs", f"{seconds:.1f}", size(peak))
    result.check("memory", peak / (1 << 30), "{:.2f} GiB", 1.0)
    result.notes.append(f"From: {', '.join(pairs)}. Load averages before: {before}.")
    if context.has_given_image:
        result.notes.append("Not compared with the image's build, as it was not built now (--image).")
        return result
    settle()
    build = context.bulkhead.build(context.bulkhead.warm_cache("packs-cache"), context.work / "packs-image")
    result.row("bulkhead build, packages fetched, nothing else", f"{build.seconds:.1f}", size(build.peak))
    result.check("publishing / building, side by side", seconds / build.seconds, "{:.2f}", 2.0)
    shutil.rmtree(context.work / "packs-cache")
    return result
