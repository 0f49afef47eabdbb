#!/usr/bin/env python3
"""Measures what the project promises, each figure with a peer's beside it, and says which targets are met.

A missed target is reported, not punished: the exit status is 0. It is 1 when something could not be measured.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from context import Context  # noqa: E402
from machine import BenchError, load, say  # noqa: E402
from results import Section, banner  # noqa: E402

#: The figures in the order in which they are measured: name, module, what it is.
FIGURES = {
    "builds": ("builds", "whole builds against mkosi, without a change, with one change; peak memory"),
    "verity": ("verity", "the hash tree against openssl and veritysetup"),
    "erofs": ("erofs", "EROFS options: slot size, build time, update bytes"),
    "updates": ("updates", "bytes of updates, installs, memory, resume, packs; casync, RAUC, systemd-sysupdate"),
    "settings": ("settings", "the settings API against nginx, flushes, memory, size of the host's programs"),
    "containers": ("containers", "host containers: start and output against ctr, memory of the supervisor"),
    "boot": ("boot", "sizes, boot time, slowest units, and boot time by EROFS options"),
}


def options() -> argparse.Namespace:
    repository = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="figures:\n" + "\n".join(f"  {name:10} {text}" for name, (_, text) in FIGURES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", action="append", choices=FIGURES, metavar="NAME", help="measure only this figure; repeatable"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each time is taken; the median counts")
    parser.add_argument("--variant", default="vm-containerd", help="the variant to build")
    parser.add_argument(
        "--image", type=Path, help="measure this build folder of the variant instead of a new build"
    )
    parser.add_argument("--mirror", help="Debian archive to use instead of the host's own")
    parser.add_argument(
        "--work", type=Path, default=repository / ".build-bench", help="folder for caches and images (10 GB)"
    )
    parser.add_argument("--markdown", type=Path, help="write the report to this file too")
    parsed = parser.parse_args()
    if parsed.image and not (parsed.image / "release.json").exists():
        parser.error(f"--image: '{parsed.image}' has no release.json")
    if parsed.rounds < 1:
        parser.error("--rounds must be at least 1")
    return parsed


def machine_line() -> str:
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} processors ({model}), {memory:.0f} GiB, Linux {platform.release()}"


def main() -> int:
    arguments = options()
    repository = Path(__file__).resolve().parent.parent
    started = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    head = f"Measured {started} on {machine_line()}; load averages at the start: {load()}.\n"
    sections: list[Section] = []
    failed: list[str] = []
    try:
        context = Context(
            repository,
            arguments.work.resolve(),
            arguments.variant,
            arguments.rounds,
            arguments.mirror,
            arguments.image.resolve() if arguments.image else None,
        )
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    for name in arguments.only or FIGURES:
        try:
            measured = importlib.import_module(FIGURES[name][0]).measure(context)
        except BenchError as error:
            failed.append(f"'{name}' could not be measured: {error}")
            say(failed[-1])
            continue
        for section in measured:
            print(f"\n{section.markdown()}", flush=True)
        sections += measured
    if arguments.markdown:
        arguments.markdown.write_text("\n".join([head, *(section.markdown() for section in sections)]))
    checks = [check for section in sections for check in section.checks]
    print(f"{head}\n{banner(checks)}" if checks else head)
    for text in failed:
        print(f"bench: {text}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
