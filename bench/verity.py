"""The hash tree: our code against what the processors' SHA-256 allows, and against veritysetup(8)."""

from __future__ import annotations

import os
import re
from pathlib import Path

from context import Context
from machine import BenchError, load, median, run, say, settle, spread
from results import Section

#: Large enough that starting threads does not count, small enough for the page cache of a small machine.
DATA_SIZE = 1 << 30
SALT = "5c" * 32
UUID = "6a8b1f0e-7f6c-4f6f-9a51-2a9c7e3f7d10"


def measure(context: Context) -> list[Section]:
    program = compile_program(context)
    folder = context.work / "verity"
    folder.mkdir(exist_ok=True)
    data = random_file(folder / "data")
    processors = len(os.sched_getaffinity(0))
    ours: list[float] = []
    whole: list[float] = []
    peer: list[float] = []
    limits: list[float] = []
    before = load()
    # Short figures, so they are taken more often than those of builds.
    for number in range(context.rounds * 3):
        say(f"hash tree, round {number + 1} of {context.rounds * 3}")
        settle()
        # Before and after ours: the load may change meanwhile.
        rates = [openssl_rate(processors)]
        tree = folder / "ours"
        done = run([program, data, tree, SALT, UUID.replace("-", "")])
        rates.append(openssl_rate(processors))
        limits.append(sum(rates) / len(rates))
        inside, root_hash = done.output.split()
        ours.append(float(inside))
        whole.append(done.seconds)
        hashes = folder / "theirs"
        hashes.unlink(missing_ok=True)
        settle()
        format_command: list[str | Path] = ["veritysetup", "format", data, hashes, f"--salt={SALT}", f"--uuid={UUID}"]
        done = run(format_command)
        peer.append(done.seconds)
        if root_hash not in done.output or tree.read_bytes() != hashes.read_bytes():
            raise BenchError("our hash tree is not veritysetup's: run the tests of Verity")
    return [section(ours, whole, peer, limits, processors, before)]


def section(
    ours: list[float],
    whole: list[float],
    peer: list[float],
    limits: list[float],
    processors: int,
    before: str,
) -> Section:
    result = Section(f"Verity tree of {DATA_SIZE >> 20} MiB", ["", "Seconds: median (range)", "GB/s"])

    def rate(seconds: float) -> str:
        return f"{DATA_SIZE / seconds / 1e9:.2f}"

    result.row("our tree, written and flushed", spread(ours), rate(median(ours)))
    result.row("our whole process", spread(whole), rate(median(whole)))
    result.row("veritysetup format", spread(peer), rate(median(peer)))
    result.row(f"openssl speed, sha256, 4096 bytes, {processors} processes", "", f"{median(limits) / 1e9:.2f}")
    shares = [DATA_SIZE / seconds / limit for seconds, limit in zip(ours, limits)]
    result.check("our rate / openssl's, same round", median(shares), "{:.2f}", 0.8, at_least=True)
    ratios = [one / other for one, other in zip(whole, peer)]
    result.check("our process's time / veritysetup's, same round", median(ratios), "{:.2f}", 1.0)
    result.notes.append("Data in the page cache; both trees are compared byte for byte in every round.")
    result.notes.append(f"Load averages before: {before}.")
    return result


def openssl_rate(processors: int) -> float:
    """Bytes a second that all processors hash in blocks of 4096 bytes."""
    output = run(
        ["openssl", "speed", "-seconds", "1", "-evp", "sha256", "-multi", str(processors), "-bytes", "4096"]
    ).output
    found = re.search(r"^sha256\s+([0-9.]+)k$", output, re.MULTILINE)
    if not found:
        raise BenchError(f"'openssl speed' printed no rate: {output[-300:]}")
    return float(found[1]) * 1000


def random_file(path: Path) -> Path:
    if not path.exists() or path.stat().st_size != DATA_SIZE:
        with open(path, "wb") as file:
            for _ in range(DATA_SIZE >> 24):
                file.write(os.urandom(1 << 24))
    # Into the page cache.
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 24):
            pass
    return path


def compile_program(context: Context) -> Path:
    say("compiling verity-bench")
    scratch = context.work / "verity-build"
    package = context.repository / "bench/VerityBench"
    swift = os.environ.get("SWIFT", "swift")
    command: list[str | Path] = [swift, "build", "-c", "release"]
    command += ["--package-path", package, "--scratch-path", scratch]
    run(command, log=context.work / "verity-build.log")
    return scratch / "release/verity-bench"
