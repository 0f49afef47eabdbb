"""Running programs, and what they take of the machine."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class BenchError(Exception):
    """Something could not be measured; the text says why and what to do."""


@dataclass(frozen=True)
class Finished:
    """A process that ended well."""

    seconds: float
    output: str
    #: Largest resident set of the process itself, without its children, in bytes; 0 when not watched.
    peak: int = 0


def say(text: str) -> None:
    """A line of progress; the report goes to standard output."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    timeout: float = 3600,
    watch_memory: bool = False,
) -> Finished:
    """Runs a program to its end and times it.

    Standard error goes to the log file when one is named, standard output too unless it is wanted.
    """
    arguments = [str(part) for part in command]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    log = log or Path(os.devnull)
    start = time.monotonic()
    with open(log, "ab") as errors:
        process = subprocess.Popen(
            arguments, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
        peak = 0
        try:
            if watch_memory:
                peak = watch(process, start + timeout)
            output, _ = process.communicate(timeout=max(1.0, start + timeout - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise BenchError(f"'{arguments[0]}' did not end within {timeout:.0f} s; its log is {log}") from None
        finally:
            if process.poll() is None:
                stop(process)
    seconds = time.monotonic() - start
    text = output.decode("utf-8", "replace")
    if process.returncode != 0:
        tail = "" if log == Path(os.devnull) else "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise BenchError(f"'{' '.join(arguments)}' ended with {process.returncode}\n{text[-2000:]}{tail}")
    return Finished(seconds, text, peak)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that is no longer wanted, and lets it end what it started."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def watch(process: subprocess.Popen[bytes], deadline: float) -> int:
    """Follows the high-water mark of a process's own memory until it ends.

    wait4(2) would count its children too. The mark only grows, so at most the last moment is missed. The
    process must write less than a pipe holds, 64 KiB, as `bulkhead build --json` does.
    """
    peak = 0
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise subprocess.TimeoutExpired(process.args, 0)
        try:
            for line in status.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    peak = max(peak, int(line.split()[1]) * 1024)
        except OSError:
            pass
        time.sleep(0.01)
    return peak


def settle() -> None:
    """Lets nobody pay for what another left to be written."""
    os.sync()


def load() -> str:
    """The load averages of 1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float], unit: str = "s") -> str:
    """The median, and the extremes when there are several values."""
    if len(values) == 1:
        return f"{values[0]:.2f} {unit}".rstrip()
    return f"{median(values):.2f} {unit}".rstrip() + f" ({min(values):.2f}-{max(values):.2f})"


def size(count: float) -> str:
    return f"{count / (1 << 20):.1f} MiB"


def fresh(path: Path) -> Path:
    """An empty folder of this name."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


class ToolTree:
    """Programs of another Debian release, run from an unpacked tree in bubblewrap, as `bulkhead` runs them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, command: Sequence[str | Path], work: Path, timeout: float = 3600) -> Finished:
        """Runs a program that sees the tree as `/`, and the work folder as `/work`."""
        sandbox: list[str | Path] = ["bwrap", "--unshare-net", "--die-with-parent", "--ro-bind", self.root, "/"]
        sandbox += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
        sandbox += ["--bind", work, "/work", "--chdir", "/work"]
        sandbox += ["--setenv", "PATH", "/usr/sbin:/usr/bin"]
        return run([*sandbox, *command], timeout=timeout, log=work / "tool.log")
