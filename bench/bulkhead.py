"""Our own builder, driven from outside."""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import BenchError, Finished, ToolTree, fresh, run, say, settle


@dataclass(frozen=True)
class Build:
    """One run of `bulkhead build`."""

    seconds: float
    peak: int
    folder: Path
    unchanged: bool
    #: Seconds of each stage that ran.
    stages: dict[str, float]


class Bulkhead:
    """The release build of `bulkhead`, with a cache and folders of its own under the bench's work folder."""

    def __init__(self, repository: Path, work: Path, variant: str, mirror: list[str]) -> None:
        self.program = repository / ".build/release/bulkhead"
        self.repository = repository
        self.work = work
        self.variant = variant
        self.mirror = mirror
        if not self.program.exists():
            raise BenchError(f"there is no '{self.program}': run 'make bulkhead'")

    @property
    def cache(self) -> Path:
        """The cache that only gets fuller: packages, tools, every stage."""
        return self.work / "cache"

    def build(
        self,
        cache: Path,
        output: Path,
        *,
        variant: str | None = None,
        repository: Path | None = None,
        arguments: list[str] | None = None,
    ) -> Build:
        settle()
        command: list[str | Path] = [self.program, "build", variant or self.variant, "--json", "--format", "raw"]
        command += ["--cache", cache, "--output", output, "--repository", repository or self.repository]
        log = self.work / "bulkhead.log"
        done: Finished = run(
            [*command, *self.mirror, *(arguments or [])], log=log, watch_memory=True, cwd=self.work
        )
        facts: dict[str, Any] = json.loads(done.output)
        stages = {stage["name"]: float(stage["seconds"]) for stage in facts["stages"] if not stage["cached"]}
        return Build(done.seconds, done.peak, Path(facts["folder"]), bool(facts["unchanged"]), stages)

    def image(self, variant: str | None = None) -> Build:
        """The default image or a variant's, built into the bench's own cache; also what fetches all packages."""
        say("building the image once, to fetch packages and tools")
        return self.build(self.cache, self.work / "image", variant=variant)

    def warm_cache(self, name: str) -> Path:
        """A cache with packages and package lists, and nothing that was made from them.

        The files are links to those of the full cache: a build replaces files, but never writes into one.
        """
        target = fresh(self.work / name)
        for item in self.cache.iterdir():
            if item.name == "sha256" or item.name.startswith("apt-"):
                run(["cp", "--archive", "--link", item, target / item.name])
        return target

    def repository_copy(self, name: str) -> Path:
        """The repository's files without what builds made, to be changed."""
        target = self.work / name
        shutil.rmtree(target, ignore_errors=True)
        skip = shutil.ignore_patterns(".git", ".build*", "build")
        shutil.copytree(self.repository, target, symlinks=True, ignore=skip)
        return target

    def tools(self) -> ToolTree:
        """The locked tools that the builder itself unpacked; of an image that somebody else built, too."""
        if not self.tool_trees():
            self.image()
        trees = self.tool_trees()
        if not trees:
            raise BenchError(f"a build left no tools in '{self.cache}/stages'")
        return ToolTree(trees[-1])

    def tool_trees(self) -> list[Path]:
        """The trees of tools in the cache, the newest last."""
        return sorted((self.cache / "stages").glob("tools-*/root"), key=lambda path: path.stat().st_mtime)

    def lock(self) -> dict[str, Any]:
        path = self.repository / "variants" / self.variant / "packages.lock"
        value: dict[str, Any] = json.loads(path.read_text())
        return value

    def fragments(self) -> list[dict[str, Any]]:
        """The variant's manifest and the fragments that it extends, as written."""
        folder = self.repository / "variants"
        manifest = tomllib.loads((folder / self.variant / "variant.toml").read_text())
        paths = [folder / "fragments" / f"{name}.toml" for name in manifest.get("extends", [])]
        return [tomllib.loads(path.read_text()) for path in paths] + [manifest]
