"""Sizes of the default image, its boot, and the boot by EROFS options."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from context import Context
from machine import BenchError, fresh, load, median, run, say, settle, size, spread
from results import Section

#: Ways of packing the root, as [erofs] of the manifest.
FLAVOURS = {
    "uncompressed": 'compression = "none"\n',
    "lz4hc-64K": 'compression = "lz4hc"\ncluster-size = 65536\n',
    "zstd-64K level 15": 'compression = "zstd"\ncompression-level = 15\ncluster-size = 65536\n',
}

#: The guest has no shell and no echo; systemctl shows the id of any unit, whether it exists or not.
MARK = "ExecStart=-/usr/bin/systemctl show -p Id bench-{}.service\n"

REPORT = """\
[Unit]
Description=Report to the Bench
[Service]
Type=oneshot
StandardOutput=tty
StandardError=null
TTYPath=/dev/ttyS0
""" + "".join(
    MARK.format(name) + f"ExecStart=-{command}\n"
    for name, command in {
        "time": "/usr/bin/systemd-analyze --no-pager time",
        "containerd": "/usr/bin/systemctl show -p ActiveState,ActiveEnterTimestampMonotonic containerd.service",
        "blame": "/usr/bin/systemd-analyze --no-pager blame",
        "end": "/usr/bin/systemctl poweroff --no-block",
    }.items()
)

#: Starts the report when the last job of the boot has ended, well or not.
TRIGGER = """\
[Unit]
Description=Wait for the End of the Boot
OnSuccess=bench-report.service
OnFailure=bench-report.service
[Service]
Type=exec
ExecStart=/usr/bin/systemctl is-system-running --wait
SuccessExitStatus=1
"""

CREDENTIALS = {
    "systemd.extra-unit.bench-report.service": REPORT,
    "systemd.extra-unit.bench-trigger.service": TRIGGER,
    "systemd.unit-dropin.multi-user.target": "[Unit]\nWants=bench-trigger.service\n",
}


@dataclass(frozen=True)
class Boot:
    """One first boot: seconds, by the guest's clock where nothing else is said."""

    #: From the kernel's first moment to containerd's readiness.
    containerd: float
    #: From the start of the virtual machine to its end, by the host's clock.
    whole: float
    #: `systemd-analyze time`.
    times: str
    #: `systemd-analyze blame`: seconds and unit, the slowest first.
    slowest: list[tuple[float, str]]


def measure(context: Context) -> list[Section]:
    image = context.image()
    sections = [sizes_section(image.folder)]
    folders = {name: flavour(context, name, text) for name, text in FLAVOURS.items()}
    before = load()
    boots: dict[str, list[Boot]] = {name: [] for name in ["as built", *folders]}
    for number in range(context.rounds):
        for name, folder in {"as built": image.folder, **folders}.items():
            if name == "as built" and number > 0:
                continue
            say(f"boot, {name}, round {number + 1} of {context.rounds}")
            boots[name].append(boot(context, folder))
    sections.append(boot_section(boots.pop("as built")[0], before))
    sections.append(flavours_section(boots, before))
    return sections


def sizes_section(folder: Path) -> Section:
    section = Section("Sizes of the default image", ["File", "Size"])
    root = (folder / "root.erofs").stat().st_size
    ukis = list(folder.glob("*.efi"))
    if len(ukis) != 1:
        raise BenchError(f"'{folder}' has {len(ukis)} UKIs")
    uki = ukis[0].stat().st_size
    section.row("root.erofs", size(root))
    section.row("UKI", size(uki))
    section.row("disk.raw, as stored", size((folder / "disk.raw").stat().st_blocks * 512))
    section.check("root.erofs", root / (1 << 20), "{:.1f} MiB", 140)
    section.check("UKI", uki / (1 << 20), "{:.1f} MiB", 32)
    return section


def flavour(context: Context, name: str, text: str) -> Path:
    """Builds the image with other EROFS options, from a changed copy of the repository."""
    say(f"building the image with {name}")
    word = name.split()[0]
    copy = context.bulkhead.repository_copy(f"repository-{word}")
    base = copy / "variants/fragments/base.toml"
    changed, count = re.subn(r"(?ms)^\[erofs\]\n.*?(?=^\[|\Z)", f"[erofs]\n{text}\n", base.read_text())
    if count != 1:
        raise BenchError(f"'{base}' has {count} sections [erofs]; one is needed")
    base.write_text(changed)
    done = context.bulkhead.build(
        context.bulkhead.cache, context.work / f"image-{word}", repository=copy
    )
    shutil.rmtree(copy)
    return done.folder


def boot(context: Context, folder: Path) -> Boot:
    """Boots an image for the first time, emulated, lets it report, and waits until it is off."""
    settle()
    work = fresh(context.work / "boot")
    arguments: list[str | Path] = []
    for name, text in CREDENTIALS.items():
        path = work / name
        path.write_text(text)
        arguments += ["--credential-file", f"{name}={path}"]
    command = [context.bulkhead.program, "run", folder, "--acceleration", "tcg", *arguments]
    command += ["--repository", context.repository, "--memory", "2G", "--cpus", "2"]
    start = time.monotonic()
    output = run(command, timeout=900, log=work / "run.log", cwd=work).output
    whole = time.monotonic() - start
    (context.work / "console.log").write_text(output)
    return parse(output, whole)


def parse(output: str, whole: float) -> Boot:
    """Reads what the guest wrote to its console."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.replace("\r", ""))
    parts = re.split(r"^Id=bench-([a-z]+)\.service$", text, flags=re.MULTILINE)
    report = dict(zip(parts[1::2], parts[2::2]))
    if not {"time", "containerd", "blame", "end"} <= set(report):
        raise BenchError(f"the guest did not report; the end of its console:\n{text[-1500:]}")
    fields = dict(line.split("=", 1) for line in report["containerd"].splitlines() if "=" in line)
    if fields.get("ActiveState") != "active":
        raise BenchError(f"containerd is '{fields.get('ActiveState')}' at the end of the boot")
    slowest = []
    for line in report["blame"].splitlines():
        found = re.fullmatch(r"\s*((?:[0-9.]+(?:min|ms|us|s)\s+)+)(\S+)", line)
        # A device's time is when it was found, not what it took.
        if found and not found[2].startswith(("dev-", "sys-")):
            slowest.append((seconds(found[1]), found[2]))
    times = next((line for line in report["time"].splitlines() if "finished" in line), "")
    return Boot(int(fields["ActiveEnterTimestampMonotonic"]) / 1e6, whole, times, slowest)


def seconds(text: str) -> float:
    """Reads a time as systemd writes it, such as `1min 2.345s`."""
    units = {"min": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([0-9.]+)(min|ms|us|s)", text))


def boot_section(first: Boot, before: str) -> Section:
    section = Section("First boot, emulated (TCG, 2 processors, 2 GiB)", ["", "Seconds"])
    section.row("containerd ready, from the kernel's start", f"{first.containerd:.1f}")
    section.row("from power-on to power-off, by the host's clock", f"{first.whole:.1f}")
    for time_taken, unit in first.slowest[:10]:
        section.row(unit, f"{time_taken:.2f}")
    section.notes.append(f"systemd-analyze: {first.times or 'gave no times'}")
    section.notes.append("Units: the ten slowest of systemd-analyze blame, without devices; they overlap.")
    section.notes.append(f"Load averages before: {before}.")
    return section


def flavours_section(boots: dict[str, list[Boot]], before: str) -> Section:
    section = Section(
        "First boot by EROFS options", ["Packing", "containerd ready, s: median (range)", "Of lz4hc-64K"]
    )
    base = median([item.containerd for item in boots["lz4hc-64K"]])
    for name, items in boots.items():
        values = [item.containerd for item in items]
        section.row(name, spread(values, ""), f"{median(values) / base:.2f}")
    section.notes.append("Emulated: decompression costs far more here than on a real processor.")
    section.notes.append(f"Load averages before: {before}.")
    return section
