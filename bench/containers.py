"""Host containers: how fast one starts, how fast a command's output comes out of one, and what its supervisor takes.

Everything is the image's own: containerd, ctr, the host's programs and the embedded container `control`. Only runc is
the build machine's, as the image's needs a newer C library than that may have.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import settings
from context import Context
from machine import BenchError, fresh, load, median, run, say, settle, size, spread
from results import Section

#: The variant that has containers of its own.
VARIANT = "vm-host-containers"
NAME = "control"
SOURCE = f"localhost/{NAME}"
#: What containerd starts for a container; any C library is new enough for it.
SHIM = "containerd-shim-runc-v2"
#: What comes out of a container in one go.
BYTES = 256 << 20
#: The folder that lasts, as the container sees it.
STORAGE = "/.bulkhead/host-containers/current"


def measure(context: Context) -> list[Section]:
    if os.geteuid() != 0:
        raise BenchError("containers need root: run the bench as root")
    if not shutil.which("runc"):
        raise BenchError("there is no runc on this machine: install the package runc")
    build = context.image() if context.has_given_image else context.bulkhead.image(VARIANT)
    folder = fresh(context.work / "containers")
    try:
        return compare(settings.unpack(context, build, folder), folder, context.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare(root: Path, folder: Path, rounds: int) -> list[Section]:
    """The figures of the programs below a root, in a folder for everything that they write."""
    with runtime(root, folder) as host:
        host.prepare()
        image = host.image()
        ours: list[float] = []
        theirs: list[float] = []
        before = load()
        for number in range(rounds):
            say(f"starting containers, round {number + 1} of {rounds}")
            settle()
            theirs.append(host.start_with_ctr(image))
            with host.running() as (seconds, _):
                ours.append(seconds)
        starts = Section("Start of a host container", ["", "Seconds: median (range)"])
        starts.row("hostd host-container prepare and run, until it is ready", spread(ours))
        starts.row("ctr run --detach", spread(theirs))
        ratio = median([one / other for one, other in zip(ours, theirs)])
        starts.check("start / ctr run's, same round", ratio, "{:.2f}", 1.3)
        starts.notes.append(
            f"The image is there already, as at every start but the first. Load averages before: {before}."
        )
        with host.running() as (_, process):
            memory = Section("Memory of a container's supervisor", ["", "Resident set", "Its own", "At the start"])
            start = settings.status_size(process.pid, "VmRSS")
            used = settings.resident(process.pid)
            own = settings.status_size(process.pid, "RssAnon")
            memory.row("hostd host-container run, idle", size(used), size(own), size(start))
            memory.notes.append(
                "Its own: what no other process shares (RssAnon). The rest is of files, which all of the host's programs"
                " map; a kernel that takes back what is not used (DAMON) leaves less of it."
            )
            memory.check("resident set", used / (1 << 20), "{:.1f} MiB", 8)
            return [starts, throughput(host, rounds), memory]


def throughput(host: "Host", rounds: int) -> Section:
    """`cat` of a file in the running container: over the API, and by ctr."""
    with open(host.storage / "data", "wb") as data:
        for _ in range(BYTES >> 20):
            data.write(os.urandom(1 << 20))
    section = Section(f"Output of a command, {size(BYTES)}", ["", "Seconds: median (range)", "MiB/s"])
    ours: list[float] = []
    theirs: list[float] = []
    options = ["--containers-socket", str(host.socket)]
    with settings.server(host.root, host.folder, options) as (_, path):
        client: list[str | Path] = [host.program, "apiclient", "-s", path, "exec", "-T", NAME, "--"]
        for number in range(rounds):
            say(f"reading {size(BYTES)} from a container, round {number + 1} of {rounds}")
            theirs.append(drain([*host.ctr, "task", "exec", "--exec-id", f"bench-{number}", NAME, *host.cat], {}))
            ours.append(drain([*client, *host.cat], settings.environment(host.root)))
    for name, times in (("apiclient exec", ours), ("ctr task exec", theirs)):
        section.row(name, spread(times), f"{(BYTES >> 20) / median(times):.0f}")
    ratio = median([other / one for one, other in zip(ours, theirs)])
    section.check("rate / ctr task exec's, same round", ratio, "{:.2f}", 0.5, at_least=True)
    return section


def drain(command: Sequence[str | Path], environment: dict[str, str]) -> float:
    """How long a program takes to write everything to a pipe."""
    start = time.monotonic()
    arguments = [str(part) for part in command]
    process = subprocess.Popen(
        arguments, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    count = 0
    try:
        assert process.stdout
        while part := process.stdout.read(1 << 16):
            count += len(part)
        status = process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
    if status != 0 or count != BYTES:
        raise BenchError(f"'{' '.join(arguments)}' ended with {status} after {count} of {BYTES} bytes")
    return time.monotonic() - start


@contextmanager
def runtime(root: Path, folder: Path) -> Iterator["Host"]:
    """host-containerd of the image, with a mount namespace of its own; all that it started ends with it."""
    host = Host(root, folder)
    configuration = folder / "containerd.toml"
    configuration.write_text(host.configuration)
    # runc's records, whose place is fixed, are seen by this containerd alone. The group is ended as a whole.
    script = 'mkdir -p "$0" && mount -t tmpfs none "$0" && exec "$@"'
    command: list[str | Path] = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    command += ["/run/host-containerd", root / "usr/bin/containerd", "--config", configuration]
    with open(folder / "containerd.log", "wb") as log:
        process = subprocess.Popen(
            [str(part) for part in command], env=host.environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        settings.wait_for_socket(host.socket, process, folder / "containerd.log")
        yield host
    finally:
        host.sweep()
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Host:
    """The folders that `hostd --root` looks at, and the programs."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.place = fresh(folder / "host")
        self.program = root / "usr/lib/bulkhead/bulkhead-host"
        self.socket = self.place / "run/host-containerd/containerd.sock"
        self.storage = self.place / f"var/lib/bulkhead/host-containers/{NAME}"
        self.cat = ["cat", f"{STORAGE}/data"]
        self.ctr: list[str | Path] = [root / "usr/bin/ctr", "--address", self.socket, "--namespace", "host"]
        containers = root / "usr/share/bulkhead/containers"
        if not (containers / NAME / "index.json").exists():
            raise BenchError(f"the image has no container '{NAME}' below /usr/share/bulkhead/containers")
        for path in (self.socket.parent, self.storage, self.place / f"run/bulkhead/host-containers/{NAME}"):
            path.mkdir(parents=True, mode=0o700)
        (self.place / "usr/share/bulkhead").mkdir(parents=True)
        # Not all of the image's programs: most of them need a newer C library than this machine may have.
        self.shims = fresh(folder / "shims")
        (self.shims / SHIM).symlink_to(root / "usr/bin" / SHIM)
        (self.place / "usr/share/bulkhead/containers").symlink_to(containers)
        (self.place / f"run/bulkhead/host-containers/{NAME}.json").write_text(
            json.dumps(
                {
                    "kind": "host", "name": NAME, "source": SOURCE, "desired": "running", "superpowered": False,
                    "command": [], "essential": False, "user-data-digest": None,
                }
            )
        )

    @property
    def environment(self) -> dict[str, str]:
        """The shim is the image's, runc the machine's."""
        return {"PATH": f"{self.shims}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

    @property
    def configuration(self) -> str:
        """As the host's own, but for the places."""
        unused = [
            "grpc.v1.cri", "snapshotter.v1.btrfs", "snapshotter.v1.zfs", "snapshotter.v1.aufs",
            "snapshotter.v1.devmapper", "tracing.processor.v1.otlp", "internal.v1.tracing", "nri.v1.nri",
            "internal.v1.opt", "internal.v1.restart",
        ]
        plugins = ", ".join(f'"io.containerd.{name}"' for name in unused)
        return f"""
            version = 2
            root = "{self.place}/var/lib/host-containerd"
            state = "{self.place}/run/host-containerd"
            disabled_plugins = [{plugins}]
            [grpc]
              address = "{self.socket}"
            [ttrpc]
              address = "{self.socket}.ttrpc"
        """

    def step(self, *arguments: str) -> list[str | Path]:
        """A step of `hostd` for the container."""
        return [self.program, "hostd", "host-container", *arguments, NAME, "--root", self.place]

    def prepare(self) -> None:
        run(self.step("prepare"), env=settings.environment(self.root), log=self.folder / "hostd.log", timeout=120)

    def image(self) -> str:
        """The name of the image in containerd."""
        names = run([*self.ctr, "images", "ls", "--quiet"]).output.split()
        found = [name for name in names if name.startswith(SOURCE)]
        if not found:
            raise BenchError(f"'hostd host-container prepare {NAME}' brought no image {SOURCE}, but {names}")
        return found[0]

    def start_with_ctr(self, image: str) -> float:
        """How long `ctr run` takes; the container is taken away again."""
        seconds = run([*self.ctr, "run", "--detach", image, "peer"], log=self.folder / "ctr.log", timeout=60).seconds
        run([*self.ctr, "task", "rm", "--force", "peer"], log=self.folder / "ctr.log", timeout=60)
        run([*self.ctr, "containers", "rm", "peer"], log=self.folder / "ctr.log", timeout=60)
        return seconds

    @contextmanager
    def running(self) -> Iterator[tuple[float, subprocess.Popen[bytes]]]:
        """The container as its unit runs it: how long it took until it was ready, and the supervisor."""
        notifications = self.folder / "notify"
        notifications.unlink(missing_ok=True)
        environment = {**settings.environment(self.root), "NOTIFY_SOCKET": str(notifications)}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(notifications))
            listener.settimeout(60)
            start = time.monotonic()
            self.prepare()
            with open(self.folder / "hostd.log", "ab") as log:
                process = subprocess.Popen(
                    [str(part) for part in self.step("run")], env=environment, stdout=log, stderr=log
                )
            try:
                try:
                    while b"READY=1" not in listener.recv(4096):
                        pass
                except TimeoutError:
                    raise BenchError(f"'{NAME}' was not ready within 60 s; see {self.folder}/hostd.log") from None
                yield time.monotonic() - start, process
            finally:
                process.terminate()
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                run(self.step("clean"), env=environment, log=self.folder / "hostd.log", timeout=60)

    def sweep(self) -> None:
        """Ends what a failure may have left."""
        for name in (NAME, "peer"):
            for command in (["task", "rm", "--force", name], ["containers", "rm", name]):
                subprocess.run(
                    [str(part) for part in (*self.ctr, *command)], timeout=60, capture_output=True, check=False
                )
