"""The peer of a whole build: mkosi, making a disk image of the same packages.

Same packages (by name, from the same suites; mkosi cannot pin versions), same EROFS compression, dm-verity, UKI,
systemd-boot, ESP of the same size, systemd-repart. What our manifest removes by folder mkosi removes too, and the
initrd gets the same kernel modules, so that mkosi is not slowed down by work that we do not do.
What stays different: mkosi runs the maintainer scripts, and fills its initrd from packages of its own choice,
since that is how it works; it has no SBOM to write, and no Swift program to compile.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from bulkhead import Bulkhead
from debian import Apt, Mirrors, sources
from machine import BenchError, fresh, run, say, settle

#: Debian's architecture names in mkosi's words.
ARCHITECTURES = {"amd64": "x86-64", "arm64": "arm64"}

#: What mkosi itself needs, and folders of which our manifest keeps single files that mkosi could not spare.
KEPT = ("/etc", "/usr/bin", "/usr/sbin", "/var", "/boot", "/usr/lib/systemd/boot")

REPART = {
    "00-esp.conf": """\
[Partition]
Type=esp
Format=vfat
CopyFiles=/boot:/
CopyFiles=/efi:/
SizeMinBytes={esp}
SizeMaxBytes={esp}
""",
    "10-root.conf": """\
[Partition]
Type=root
Format=erofs
Compression={compression}
CopyFiles=/
Verity=data
VerityMatchKey=root
SizeMinBytes={root}
SizeMaxBytes={root}
""",
    "11-verity.conf": """\
[Partition]
Type=root-verity
Verity=hash
VerityMatchKey=root
SizeMinBytes={verity}
SizeMaxBytes={verity}
""",
}

CONFIGURATION = """\
[Distribution]
Distribution=debian
Release={release}
Architecture={architecture}

[Output]
Format=disk
ImageId=bench
ManifestFormat=json
OutputDirectory={folder}/out
RepartDirectories={folder}/repart
Seed=6a8b1f0e-7f6c-4f6f-9a51-2a9c7e3f7d10

[Content]
Bootable=yes
Bootloader=systemd-boot
UnifiedKernelImages=yes
WithDocs=no
WithRecommends=no
CleanPackageMetadata=yes
Locale=C.UTF-8
KernelCommandLine=quiet
KernelModulesExclude={excluded}
KernelModulesInitrdExclude=.*
KernelModulesInitrdInclude={initrd}
RemoveFiles={removed}
Packages={packages}

[Build]
ToolsTree={tools}
SandboxTrees={folder}/sandbox
PackageCacheDirectory={folder}/cache
WorkspaceDirectory={workspace}
BuildSources=
Incremental=no
WithNetwork=no
Environment=SYSTEMD_REPART_MKFS_OPTIONS_EROFS=-C{cluster}
"""


class Mkosi:
    """mkosi of the image's own Debian release, with the tools it needs from there."""

    def __init__(self, work: Path, bulkhead: Bulkhead, apt: Apt, mirrors: Mirrors, architecture: str) -> None:
        self.folder = work / "mkosi"
        self.tools = self.folder / "tools"
        # mkosi refuses a workspace inside the folder that it builds from.
        self.workspace = work / "mkosi-workspace"
        self.log = work / "mkosi.log"
        self.bulkhead = bulkhead
        self.apt = apt
        self.mirrors = mirrors
        self.architecture = architecture

    def prepare(self) -> str:
        """Installs mkosi and runs it once, which fills its package cache. Returns its version."""
        if not (self.tools / "usr/bin/mkosi").exists():
            say("fetching mkosi and its tools")
            shutil.rmtree(self.tools, ignore_errors=True)
            partial = self.folder / "tools.partial"
            self.apt.install_into(fresh(partial), ["mkosi", "passwd", "?essential"])
            partial.rename(self.tools)
        self.configure()
        version = self.run(["--version"])[1].strip()
        say(f"running {version} once, to fill its package cache")
        self.run(["--force", "build"])
        return version

    def build(self) -> float:
        """Builds the image from the package cache; returns the seconds."""
        settle()
        return self.run(["--force", "--cache-only=always", "build"])[0]

    def packages(self) -> int:
        """How many packages the image has."""
        manifest: dict[str, Any] = json.loads((self.folder / "out/bench.manifest").read_text())
        return len(manifest["packages"])

    def sizes(self) -> tuple[int, int]:
        """Bytes of the UKI, and bytes that the disk image takes."""
        uki = (self.folder / "out/bench.efi").stat().st_size
        return uki, (self.folder / "out/bench.raw").stat().st_blocks * 512

    def run(self, arguments: list[str]) -> tuple[float, str]:
        path = self.tools / "usr/lib/python3/dist-packages"
        done = run(
            [sys.executable, "-m", "mkosi", *arguments],
            env={"PYTHONPATH": str(path)},
            cwd=self.folder,
            log=self.log,
        )
        return done.seconds, done.output

    def configure(self) -> None:
        """Writes mkosi's configuration from our manifest and lock."""
        lock = self.bulkhead.lock()
        fragments = self.bulkhead.fragments()
        release = str(lock["suites"][0])
        kernel = [part.get("kernel", {}) for part in fragments]
        initrd = [name for part in fragments for name in part.get("initrd", {}).get("modules", [])]
        removed = [name for part in fragments for name in part.get("filter", {}).get("remove", [])]
        layout = next(part["layout"] for part in fragments if "layout" in part)
        erofs = next(part["erofs"] for part in fragments if "erofs" in part)
        dropped = [pattern for part in kernel for pattern in part.get("drop-modules", [])]
        compression = erofs["compression"]
        if compression == "none":
            raise BenchError("mkosi is compared with a compressed root; the manifest says compression 'none'")
        if "compression-level" in erofs:
            raise BenchError("systemd-repart passes no compression level on; take it out of [erofs] to compare")
        values = {
            "release": release,
            "architecture": ARCHITECTURES[self.architecture],
            "folder": self.folder,
            "tools": self.tools,
            "workspace": self.workspace,
            "cluster": erofs["cluster-size"],
            "packages": lines(item["name"] for item in lock["targets"][self.architecture]["packages"]),
            "excluded": lines(re.escape(pattern.removesuffix("**")) for pattern in dropped),
            "initrd": lines(rf"/{re.sub('[-_]', '[-_]', name)}\.ko" for name in initrd),
            "removed": lines(name.removesuffix("/**") for name in removed if not name.startswith(KEPT)),
        }
        for name in ("out", "cache", "repart", "sandbox/etc/apt/sources.list.d"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        fresh(self.workspace)
        sizes = {name: str(layout[f"{name}-size"]).removesuffix("iB") for name in ("esp", "root", "verity")}
        for name, text in REPART.items():
            (self.folder / "repart" / name).write_text(text.format(compression=compression, **sizes))
        # mkosi's own list of sources knows one mirror only for all but security.
        path = self.folder / "sandbox/etc/apt/sources.list.d/mkosi.sources"
        path.write_text(sources(self.mirrors, release))
        (self.folder / "mkosi.conf").write_text(CONFIGURATION.format(**values))


def lines(values: Any) -> str:
    """A list as mkosi reads it: a line each, indented."""
    return "\n" + "\n".join(f"        {value}" for value in values)
