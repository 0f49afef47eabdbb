"""The settings API: requests a second against nginx, flushes of a commit, memory, and what the programs weigh."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bulkhead import Build
from context import Context
from machine import BenchError, fresh, load, median, run, say, size, stop
from results import Section

CONNECTIONS = 32
SECONDS = 5
PROGRAMS = "/usr/lib/bulkhead"
RUNTIME = "/usr/lib/swift/linux"


def measure(context: Context) -> list[Section]:
    build = context.image()
    folder = fresh(context.work / "settings")
    root = unpack(context, build, folder)
    with server(root, folder) as (process, path):
        client = Client(root, path)
        # What a host has: the defaults of its features, and some settings of its own.
        client.run("set", *[f'kernel.sysctl."net.bench.key-{number}"={number}' for number in range(50)])
        idle = resident(process.pid)
        flushes = count_flushes(process.pid, client, folder)
        body = client.run("raw", "-u", "/settings")
        requests = against_nginx(context, path, body, folder)
        used = resident(process.pid)
    return [requests, memory(idle, used, flushes), weight(root)]


def unpack(context: Context, build: Build, folder: Path) -> Path:
    """The image's own files: what is measured is what is shipped."""
    shutil.copyfile(build.folder / "root.erofs", folder / "root.erofs")
    context.bulkhead.tools().run(["fsck.erofs", "--extract=/work/root", "/work/root.erofs"], folder)
    (folder / "root.erofs").unlink()
    return folder / "root"


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "LD_LIBRARY_PATH": f"{root}{RUNTIME}", "LC_ALL": "C.UTF-8"}


@contextmanager
def server(
    root: Path, folder: Path, options: Sequence[str] = ()
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The API server on a socket of its own, which restarts nothing."""
    path = folder / "api.sock"
    command: list[str | Path] = [root / PROGRAMS[1:] / "bulkhead-host", "apiserver", "--no-systemd"]
    command += ["--socket", path, "--state", fresh(folder / "state"), "--root", fresh(folder / "run")]
    command += ["--features", root / "usr/share/bulkhead/features"]
    command += ["--templates", root / "usr/share/bulkhead/templates"]
    command += ["--os-release", root / "usr/lib/os-release", *options]
    with open(folder / "apiserver.log", "wb") as log:
        process = subprocess.Popen(command, env=environment(root), stdout=log, stderr=log)
    try:
        wait_for_socket(path, process, folder / "apiserver.log")
        yield process, path
    finally:
        stop(process)


def wait_for_socket(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        time.sleep(0.05)
    raise BenchError(f"'{path}' did not answer within 20 s; see {log}")


class Client:
    """apiclient of the image."""

    def __init__(self, root: Path, path: Path) -> None:
        self.command: list[str | Path] = [root / PROGRAMS[1:] / "bulkhead-host", "apiclient", "-s", path]
        self.environment = environment(root)

    def run(self, *arguments: str) -> str:
        return run([*self.command, *arguments], env=self.environment, timeout=60).output


def resident(pid: int) -> int:
    """The resident set of a process that has done nothing for a while, in bytes."""
    time.sleep(50)
    return status_size(pid, "VmRSS")


def status_size(pid: int, name: str) -> int:
    """A field of proc_pid_status(5) that is a size, in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    if not found:
        raise BenchError(f"/proc/{pid}/status has no {name}")
    return int(found[1]) << 10


def count_flushes(pid: int, client: Client, folder: Path) -> int:
    """How often the server calls fsync(2) or fdatasync(2) while ten keys are set and committed."""
    log = folder / "strace.log"
    tracer = subprocess.Popen(
        ["strace", "-f", "-e", "trace=fsync,fdatasync,sync,syncfs", "-o", str(log), "-p", str(pid)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(1)
    if tracer.poll() is not None:
        raise BenchError("strace could not watch the server: it may need root")
    try:
        client.run("set", *[f'kernel.sysctl."net.flush.key-{number}"={number}' for number in range(10)])
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(20)
    return len(re.findall(r"\b(?:fsync|fdatasync|sync|syncfs)\(", log.read_text()))


@contextmanager
def nginx(body: str, folder: Path) -> Iterator[Path]:
    """nginx that serves the same bytes from a file, on a Unix socket."""
    pages = fresh(folder / "pages")
    (pages / "settings").write_text(body)
    path = folder / "nginx.sock"
    path.unlink(missing_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"""
        user root; worker_processes auto; pid {folder}/nginx.pid; error_log {folder}/nginx.log; daemon off;
        events {{ worker_connections 1024; }}
        http {{
            access_log off; sendfile on; default_type application/json; keepalive_requests 100000000;
            server {{ listen unix:{path}; root {pages}; }}
        }}
        """
    )
    process = subprocess.Popen(["nginx", "-c", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        wait_for_socket(path, process, folder / "nginx.log")
        yield path
    finally:
        stop(process)


def against_nginx(context: Context, path: Path, body: str, folder: Path) -> Section:
    result = Section(
        f"GET /settings over a Unix socket, {CONNECTIONS} connections, {len(body.encode())} bytes",
        ["", "requests/s: median", "p99: median"],
    )
    rates: dict[str, list[float]] = {"ours": [], "nginx": []}
    tails: dict[str, list[float]] = {"ours": [], "nginx": []}
    before = load()
    with nginx(body, folder) as peer:
        for number in range(context.rounds):
            say(f"requests, round {number + 1} of {context.rounds}")
            for name, socket_path in (("ours", path), ("nginx", peer)):
                rate, tail = request_rate(socket_path, folder)
                rates[name].append(rate)
                tails[name].append(tail)
    for name in ("ours", "nginx"):
        result.row(name, f"{median(rates[name]):.0f}", f"{median(tails[name]) / 1000:.2f} ms")
    shares = [one / other for one, other in zip(rates["ours"], rates["nginx"])]
    result.check("our requests/s / nginx's, same round", median(shares), "{:.2f}", 0.5, at_least=True)
    ratios = [one / other for one, other in zip(tails["ours"], tails["nginx"])]
    result.check("our p99 / nginx's, same round", median(ratios), "{:.2f}", 4.0)
    result.notes.append(f"h2load with one thread on the same {os.cpu_count()} processors; load before: {before}.")
    return result


def request_rate(path: Path, folder: Path) -> tuple[float, float]:
    """Requests a second, and the 99th percentile of their times in microseconds."""
    log = folder / "h2load.log"
    log.unlink(missing_ok=True)
    command: list[str | Path] = ["h2load", "--h1", "-c", str(CONNECTIONS), "-t", "1", "-D", str(SECONDS)]
    command += [f"--base-uri=unix:{path}", f"--log-file={log}", "http://localhost/settings"]
    output = run(command, timeout=60).output
    found = re.search(r"finished in [0-9.]+\w+, ([0-9.]+) req/s", output)
    failed = re.search(r"requests: .* (\d+) failed, (\d+) errored", output)
    if not found or not failed or failed[1] != "0" or failed[2] != "0":
        raise BenchError(f"h2load: {output[-500:]}")
    times = sorted(int(line.split()[2]) for line in log.read_text().splitlines())
    if not times:
        raise BenchError("h2load noted no request")
    return float(found[1]), float(times[len(times) * 99 // 100])


def memory(idle: int, used: int, flushes: int) -> Section:
    result = Section("API server: memory and flushes", ["", "resident"])
    result.row("idle, after 50 settings", size(idle))
    result.row("idle, after the requests above", size(used))
    result.check("resident while idle", idle / (1 << 20), "{:.1f} MiB", 20)
    result.check("fsync calls for a commit of 10 keys", float(flushes), "{:.0f}", 3)
    return result


def weight(root: Path) -> Section:
    result = Section("Programs of the host", ["", "size"])
    total = 0
    for name, folder in (("programs", PROGRAMS), ("Swift runtime", RUNTIME)):
        files = [path for path in (root / folder[1:]).iterdir() if path.is_file() and not path.is_symlink()]
        count = sum(path.stat().st_size for path in files)
        total += count
        result.row(f"{name} ({', '.join(sorted(path.name for path in files))})", size(count))
    heavy = [path.name for path in (root / RUNTIME[1:]).iterdir() if "ICU" in path.name or path.name == "libFoundation.so"]
    if heavy:
        raise BenchError(f"the programs need {', '.join(heavy)}")
    result.check("programs and their Swift runtime", total / (1 << 20), "{:.1f} MiB", 45)
    return result
