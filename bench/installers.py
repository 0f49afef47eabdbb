"""Programs that write a release to a slot: ours, RAUC and systemd-sysupdate."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from context import Context
from debian import Apt, sources
from disks import HostDisk, loop
from machine import BenchError, Finished, fresh, run, say
from releases import manifest


@dataclass
class Install:
    """One run of our updater, by its own clock."""

    #: From the beginning of `prepare` to its end.
    seconds: float = 0.0
    #: The same until the kernel image is written to the ESP.
    root_seconds: float = 0.0
    #: Largest resident set in bytes.
    peak: int = 0
    method: str = ""
    #: When each step began.
    steps: list[tuple[str, float]] = field(default_factory=list)


class Updater:
    """`update-bench`: the updater of hosts, with a disk and settings of its own."""

    def __init__(self, context: Context, build: Path, repository: str, root: Path, folder: Path) -> None:
        self.program = compile_program(context)
        self.folder = fresh(folder)
        self.root = root
        self.repository = repository
        facts = manifest(build)
        (folder / "os-release").write_text(f"VARIANT_ID={facts['variant']}\nVERSION_ID={facts['version']}\n")
        (folder / "cmdline").write_text(f"roothash={facts['root']['hash']}\n")

    def command(self, disk: HostDisk, version: str) -> list[str]:
        addresses = {f"{name}-base-url": f"{self.repository}/{name}" for name in ("metadata", "targets")}
        settings = {**addresses, "version-lock": version, "ignore-waves": True}
        (self.folder / "updates.json").write_text(json.dumps(settings))
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        files = [self.folder / name for name in ("os-release", "cmdline", "updates.json")]
        return [str(part) for part in (self.program, disk.device, *files, self.root, state)]

    def install(self, disk: HostDisk, version: str) -> Install:
        shutil.rmtree(self.folder / "state", ignore_errors=True)
        return self.go_on(disk, version)

    def go_on(self, disk: HostDisk, version: str) -> Install:
        """Installs with what an earlier run has left."""
        result = Install()
        done = run(self.command(disk, version), log=self.folder / "update.log", timeout=600)
        for line in done.output.splitlines():
            word, _, rest = line.partition(" ")
            if word == "plan":
                result.method = rest.split()[1]
            elif word == "step":
                seconds, _, step = rest.partition(" ")
                result.steps.append((step, float(seconds)))
            elif word == "done":
                result.seconds = float(rest)
            elif word == "peak":
                result.peak = int(rest) * 1024
        result.root_seconds = result.steps[-1][1]
        return result

    def install_half(self, disk: HostDisk, version: str) -> None:
        """Kills the updater when half of the blocks are written."""
        shutil.rmtree(self.folder / "state", ignore_errors=True)
        process = subprocess.Popen(
            self.command(disk, version), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        reached = False
        for line in process.stdout or []:
            if line.startswith("half"):
                process.send_signal(signal.SIGKILL)
                reached = True
                break
        process.wait(60)
        if not reached:
            raise BenchError("the updater ended before half of the blocks were written")


def compile_program(context: Context) -> Path:
    say("compiling update-bench")
    swift = os.environ.get("SWIFT", "swift")
    command = [swift, "build", "--configuration", "release", "--product", "update-bench"]
    run(command, cwd=context.repository, log=context.work / "update-bench.log")
    return context.repository / ".build/release/update-bench"


class Rauc:
    """`rauc install` of a bundle into the second of two raw slots."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = fresh(folder)
        self.root = root
        run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=bench", "-days", "30"]
            + ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
        )
        # A verity bundle is mounted by dm-verity, which not every kernel has.
        self.format = "verity" if Path("/dev/mapper/control").exists() else "plain"
        self.bundle = folder / "new.raucb"
        content = fresh(folder / "content")
        os.link(root, content / "root.img")
        kind = "[bundle]\nformat=verity\n" if self.format == "verity" else ""
        (content / "manifest.raucm").write_text(
            f"[update]\ncompatible=bench\nversion=2\n{kind}[image.rootfs]\nfilename=root.img\n"
        )
        keys = [f"--cert={folder}/cert.pem", f"--key={folder}/key.pem"]
        run(["rauc", *keys, "bundle", content, self.bundle], log=folder / "bundle.log")

    def install(self, disk: HostDisk, image: Path) -> float:
        """Seconds of `rauc install`, without the start of its service."""
        slots = (disk.active, disk.inactive)
        with loop(image, slots[0].offset, slots[0].size) as one, loop(image, slots[1].offset, slots[1].size) as two:
            text = f"[system]\ncompatible=bench\nbootloader=noop\nstatusfile={self.folder}/status\n"
            text += f"mountprefix={fresh(self.folder / 'mount')}\n[keyring]\npath={self.folder}/cert.pem\n"
            for number, (name, device) in enumerate((("A", one), ("B", two))):
                text += f"[slot.rootfs.{number}]\ndevice={device}\ntype=raw\nbootname={name}\n"
            (self.folder / "system.conf").write_text(text)
            (self.folder / "status").unlink(missing_ok=True)
            with open(self.folder / "bus.log", "w+") as log:
                bus = subprocess.Popen(
                    ["dbus-daemon", "--session", "--nofork", "--print-address"],
                    stdout=subprocess.PIPE, stderr=log, text=True,
                )  # fmt: skip
                service = None
                try:
                    address = bus.stdout.readline().strip() if bus.stdout else ""
                    environment = {"DBUS_STARTER_BUS_TYPE": "session", "DBUS_SESSION_BUS_ADDRESS": address}
                    service = subprocess.Popen(
                        ["rauc", f"--conf={self.folder}/system.conf", "--override-boot-slot=A", "service"],
                        env={**os.environ, **environment}, stdout=log, stderr=log,
                    )  # fmt: skip
                    wait_for_rauc(environment)
                    done = run(
                        ["rauc", "install", self.bundle],
                        env=environment, log=self.folder / "install.log", timeout=600,
                    )  # fmt: skip
                finally:
                    for process in (service, bus):
                        if process:
                            process.terminate()
                            process.wait(20)
            compare(Path(two), self.root)
        return done.seconds


def wait_for_rauc(environment: dict[str, str]) -> None:
    """Returns when the service answers."""
    for _ in range(100):
        try:
            run(["rauc", "status"], env=environment)
            return
        except BenchError:
            time.sleep(0.1)
    raise BenchError("rauc's service does not answer")


class Sysupdate:
    """`systemd-sysupdate` of the images' own Debian release, from a web server into a partition."""

    PACKAGES = ("systemd-container", "libcurl4t64", "libzstd1", "liblzma5")

    def __init__(self, context: Context, build: Path, root: Path, pages: Path, folder: Path) -> None:
        self.folder = folder
        self.root = root
        self.variant = manifest(build)["variant"]
        folder.mkdir(exist_ok=True)
        self.tree = context.work / "sysupdate-tree"
        if not self.tree.exists():
            say("fetching systemd-sysupdate")
            release = str(context.bulkhead.lock()["suites"][0])
            apt = Apt(context.work / "apt-sysupdate", sources(context.mirrors(), release), context.architecture)
            apt.update()
            partial = fresh(context.work / "sysupdate.partial")
            apt.install_into(partial, self.PACKAGES)
            partial.rename(self.tree)
        name = f"{self.variant}_9.9.9.raw"
        os.link(root, pages / name)
        digest = run(["sha256sum", pages / name]).output.split()[0]
        (pages / "SHA256SUMS").write_text(f"{digest}  {name}\n")

    def install(self, disk: HostDisk, url: str) -> float:
        definitions = fresh(self.folder / "definitions")
        (definitions / "root.transfer").write_text(
            f"[Transfer]\nVerify=no\n[Source]\nType=url-file\nPath={url}/\nMatchPattern={self.variant}_@v.raw\n"
            f"[Target]\nType=partition\nPath={disk.device}\nMatchPattern={self.variant}_@v\nMatchPartitionType=root\n"
        )
        sandbox: list[str | Path] = ["bwrap", "--die-with-parent", "--ro-bind", self.tree, "/", "--dev-bind", "/dev"]
        sandbox += ["/dev", "--proc", "/proc", "--ro-bind", "/sys", "/sys", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp"]
        sandbox += ["--tmpfs", "/run", "--ro-bind", definitions, "/run/definitions"]
        sandbox += ["--setenv", "PATH", "/usr/sbin:/usr/bin"]
        program = "/usr/lib/systemd/systemd-sysupdate"
        done: Finished = run(
            [*sandbox, program, "--definitions=/run/definitions", "--verify=no", "update"],
            log=self.folder / "sysupdate.log",
            timeout=600,
        )
        compare(Path(disk.device), self.root, disk.inactive.offset)
        return done.seconds


def compare(device: Path, root: Path, offset: int = 0) -> None:
    """Makes sure that a slot holds a root."""
    run(["cmp", f"--bytes={root.stat().st_size}", f"--ignore-initial={offset}:0", device, root])


def direct_write(path: Path, root: Path) -> float:
    """Seconds of a plain write of a root to a new loop device, past the page cache, flushed."""
    path.unlink(missing_ok=True)
    with open(path, "wb") as file:
        file.truncate(-(-root.stat().st_size >> 20) + 1 << 20)
    with loop(path) as device:
        command: Sequence[str | Path] = ["dd", f"if={root}", f"of={device}", "bs=4M", "oflag=direct", "conv=fsync"]
        seconds = run([*command, "status=none"]).seconds
    path.unlink()
    return seconds
