"""A private apt state for the release that images are made of, next to whatever the host runs."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from machine import BenchError, run, say


@dataclass(frozen=True)
class Mirrors:
    """Where the main and the security archive are."""

    main: str
    security: str


def host_mirrors() -> Mirrors:
    """The archives that this machine's apt uses, as `bulkhead` finds them too."""
    text = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)|$(RELEASE)", "Created-By: Packages"],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"},
    ).stdout  # fmt: skip
    main = security = ""
    for line in text.splitlines():
        origin, _, rest = line.partition("|")
        address, _, suite = rest.partition("|")
        if origin != "Debian":
            continue
        address = resolved(address.rstrip("/"))
        if suite.endswith("-security"):
            security = security or address
        elif "-" not in suite:
            main = main or address
    if not main:
        raise BenchError("apt names no Debian archive: run 'apt-get update', or give --mirror")
    return Mirrors(main, security or f"{main}-security")


def resolved(address: str) -> str:
    """The first address of a mirror list, which other tools than apt cannot read."""
    if not address.startswith("mirror+file:"):
        return address
    for line in Path(address.removeprefix("mirror+file:")).read_text().splitlines():
        word = line.split("#")[0].split()
        if word:
            return word[0].rstrip("/")
    raise BenchError(f"the mirror list of '{address}' is empty")


def sources(mirrors: Mirrors, release: str, extra: Sequence[str] = ()) -> str:
    """A deb822 sources file for a release with its updates."""
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    parts = [
        (mirrors.main, [release, f"{release}-updates", *extra]),
        (mirrors.security, [f"{release}-security"]),
    ]
    return "\n".join(
        f"Types: deb\nURIs: {root}\nSuites: {' '.join(suites)}\nComponents: main\nSigned-By: {keyring}\n"
        for root, suites in parts
    )


class Apt:
    """apt with an empty dpkg status and lists of its own: nothing of the host takes part."""

    def __init__(self, folder: Path, source_text: str, architecture: str) -> None:
        self.folder = folder
        for name in ("lists/partial", "cache/archives/partial", "none.d"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        (folder / "archives.sources").write_text(source_text)
        options = {
            "Dir::State": folder, "Dir::State::lists": folder / "lists", "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache", "Dir::Etc::sourcelist": folder / "archives.sources",
            "Dir::Etc::sourceparts": folder / "none.d", "Dir::Etc::preferencesparts": folder / "none.d",
            "Dir::Etc::preferences": folder / "none", "APT::Architecture": architecture,
            "APT::Install-Recommends": "false", "APT::Sandbox::User": "root", "APT::Get::Assume-Yes": "true",
            "Acquire::Languages": "none", "Acquire::Retries": "3", "Debug::NoLocking": "true",
            "APT::Update::Error-Mode": "any",
        }  # fmt: skip
        text = "#clear APT::Architectures;\n#clear APT::Default-Release;\n#clear APT::Update::Post-Invoke;\n"
        text += "#clear APT::Update::Post-Invoke-Success;\n"
        text += "".join(f'{name} "{value}";\n' for name, value in options.items())
        text += f'APT::Architectures {{ "{architecture}"; }};\n'
        self.environment = {"APT_CONFIG": str(folder / "apt.conf")}
        (folder / "apt.conf").write_text(text)

    def update(self) -> None:
        say("reading the archive's package lists")
        run(["apt-get", "--quiet", "update"], env=self.environment, log=self.folder / "apt.log")

    def install_into(self, root: Path, packages: Sequence[str]) -> None:
        """Downloads packages with all that they depend on and unpacks them; no maintainer script runs."""
        run(
            ["apt-get", "--quiet", "install", "--download-only", *packages],
            env=self.environment,
            log=self.folder / "apt.log",
        )
        root.mkdir(parents=True, exist_ok=True)
        for path in sorted((self.folder / "cache/archives").glob("*.deb")):
            run(["dpkg-deb", "--extract", path, root])

    def versions(self, packages: Sequence[str]) -> dict[str, list[str]]:
        """The versions that the archives have of each package, newest first."""
        found: dict[str, list[str]] = {}
        text = run(["apt-cache", "madison", *packages], env=self.environment).output
        for line in text.splitlines():
            fields = [field.strip() for field in line.split("|")]
            if len(fields) == 3 and fields[1] not in found.setdefault(fields[0], []):
                found[fields[0]].append(fields[1])
        return found

    def size(self, package: str, version: str) -> int:
        """Bytes of a package's compressed file."""
        archives = self.archives(package, version)
        if archives:
            return archives[0].stat().st_size
        text = run(["apt-cache", "show", f"{package}={version}"], env=self.environment).output
        found = re.search(r"^Size: ([0-9]+)$", text, re.MULTILINE)
        if not found:
            raise BenchError(f"apt does not know the size of {package} {version}")
        return int(found[1])

    def names(self, pattern: str) -> list[str]:
        """The packages whose whole name matches a regular expression."""
        text = run(["apt-cache", "pkgnames"], env=self.environment).output
        return sorted(name for name in text.split() if re.fullmatch(pattern, name))

    def archives(self, package: str, version: str) -> list[Path]:
        """The file of one version of one package, if it was downloaded."""
        return list((self.folder / "single").glob(f"{package}_{version.replace(':', '%3a')}_*.deb"))

    def download(self, packages: Sequence[tuple[str, str]]) -> None:
        """Downloads versions of packages that are not there, all at once: every start of apt takes seconds."""
        folder = self.folder / "single"
        folder.mkdir(exist_ok=True)
        missing = [f"{name}={version}" for name, version in packages if not self.archives(name, version)]
        if missing:
            run(["apt-get", "download", *missing], env=self.environment, cwd=folder, log=self.folder / "apt.log")

    def extract(self, package: str, version: str, root: Path) -> None:
        """Downloads one version of one package and unpacks it."""
        folder = self.folder / "single"
        self.download([(package, version)])
        archives = self.archives(package, version)
        if len(archives) != 1:
            raise BenchError(f"apt-get download left {len(archives)} files of {package} {version} in '{folder}'")
        root.mkdir(parents=True, exist_ok=True)
        run(["dpkg-deb", "--extract", archives[0], root])
