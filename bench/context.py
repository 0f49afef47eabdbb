"""What the figures share: folders, the builder, the image, and apt's private state, each made once."""

from __future__ import annotations

import platform
from pathlib import Path

from bulkhead import Build, Bulkhead
from debian import Apt, Mirrors, host_mirrors, sources

#: The machine's architecture in Debian's words.
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class Context:
    """One run of the bench."""

    def __init__(
        self,
        repository: Path,
        work: Path,
        variant: str,
        rounds: int,
        mirror: str | None,
        image: Path | None = None,
    ) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.repository = repository
        self.work = work
        self.rounds = rounds
        self.variant = variant
        self.architecture = MACHINES[platform.machine()]
        self.mirror = mirror
        self.bulkhead = Bulkhead(repository, work, variant, ["--mirror", mirror] if mirror else [])
        #: Whether the image was built by somebody else, before this run.
        self.has_given_image = image is not None
        self._image = Build(0, 0, image, True, {}) if image else None
        self._apt: Apt | None = None
        self._mirrors: Mirrors | None = None

    def image(self) -> Build:
        """The default image, as built for this run unless one was given."""
        if self._image is None:
            self._image = self.bulkhead.image()
        return self._image

    def mirrors(self) -> Mirrors:
        if self._mirrors is None:
            named = self.mirror
            self._mirrors = Mirrors(named, f"{named}-security") if named else host_mirrors()
        return self._mirrors

    def apt(self) -> Apt:
        """apt for the image's release."""
        if self._apt is None:
            release = str(self.bulkhead.lock()["suites"][0])
            self._apt = Apt(self.work / "apt", sources(self.mirrors(), release), self.architecture)
            self._apt.update()
        return self._apt
