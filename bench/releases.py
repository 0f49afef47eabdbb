"""Builds made of other roots, and a web server that counts what is fetched from it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import BenchError, fresh, run, stop


def manifest(build: Path) -> dict[str, Any]:
    """The release.json of a build folder."""
    value: dict[str, Any] = json.loads((build / "release.json").read_text())
    return value


def with_other_root(base: Path, root: Path, folder: Path, version: str) -> Path:
    """A build folder like another one, with other bytes in its root.

    The hash tree is veritysetup's. The kernel image is the other one with the new root hash in its command line,
    and with the new version where it has as many digits: that is how the updater knows it.
    """
    facts = manifest(base)
    fresh(folder)
    os.link(root, folder / "root.erofs")
    salt = facts["root"]["salt"]
    tree = folder / "root.verity"
    output = run(["veritysetup", "format", root, tree, f"--salt={salt}", f"--uuid={'0' * 8}-0000-4000-8000-{'0' * 12}"])
    found = re.search(r"^Root hash:\s*([0-9a-f]{64})$", output.output, re.MULTILINE)
    if not found:
        raise BenchError(f"veritysetup printed no root hash: {output.output[-300:]}")
    old = facts["root"]["hash"]
    kernel = (base / facts["uki"]["file"]).read_bytes()
    if kernel.count(old.encode()) != 1:
        raise BenchError(f"'{facts['uki']['file']}' does not have its root hash once")
    kernel = kernel.replace(old.encode(), found[1].encode())
    if len(version) == len(facts["version"]):
        kernel = kernel.replace(f"VERSION={facts['version']}\n".encode(), f"VERSION={version}\n".encode())
        kernel = kernel.replace(f"VERSION_ID={facts['version']}\n".encode(), f"VERSION_ID={version}\n".encode())
    name = f"{facts['variant']}_{version}.efi"
    (folder / name).write_bytes(kernel)
    size = root.stat().st_size
    facts["root"] |= {"hash": found[1], "dataBlocks": size // 4096, "size": size, "sha256": sha256(root)}
    facts["root"] |= {"treeSize": tree.stat().st_size, "treeSha256": sha256(tree)}
    facts["uki"] |= {"file": name, "sha256": sha256(folder / name)}
    facts["commandLine"] = facts["commandLine"].replace(old, found[1])
    facts["version"] = version
    facts["images"] = {}
    (folder / "release.json").write_text(json.dumps(facts))
    return folder


def sha256(path: Path) -> str:
    return run(["openssl", "dgst", "-sha256", "-r", path]).output.split()[0]


@dataclass(frozen=True)
class Traffic:
    """What a web server sent."""

    requests: int
    #: Bytes of the bodies, and with the headers of both directions.
    body: int
    all: int


class WebServer:
    """nginx over one folder, on the loopback interface."""

    def __init__(self, port: int, slow_port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        #: The same at 10 MB/s a connection, so that little is on its way which nobody has read yet.
        self.slow_url = f"http://127.0.0.1:{slow_port}"
        self.log = log

    def forget(self) -> None:
        """Counts from here."""
        os.truncate(self.log, 0)

    def traffic(self) -> Traffic:
        """What was sent since; a request is written down when it has ended."""
        time.sleep(0.3)
        lines = [[int(word) for word in line.split()] for line in self.log.read_text().splitlines()]
        body = sum(line[0] for line in lines)
        return Traffic(len(lines), body, sum(line[1] + line[2] for line in lines))


@contextmanager
def web_server(pages: Path, folder: Path) -> Iterator[WebServer]:
    """Serves a folder; nothing is limited or compressed."""
    with socket.socket() as one, socket.socket() as two:
        for probe in (one, two):
            probe.bind(("127.0.0.1", 0))
        port, slow_port = one.getsockname()[1], two.getsockname()[1]
    fresh(folder)
    log = folder / "access.log"
    log.touch()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"""
        user root; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log; daemon off;
        events {{ worker_connections 256; }}
        http {{
            log_format bytes '$body_bytes_sent $bytes_sent $request_length';
            access_log {log} bytes; sendfile on; default_type application/octet-stream; keepalive_requests 1000000;
            server {{ listen 127.0.0.1:{port}; root {pages}; }}
            server {{ listen 127.0.0.1:{slow_port} sndbuf=128k; root {pages}; limit_rate 10m; }}
        }}
        """
    )
    process = subprocess.Popen(["nginx", "-c", str(configuration)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if process.poll() is not None:
                raise BenchError(f"nginx ended: {(folder / 'nginx.log').read_text()[-500:]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield WebServer(port, slow_port, log)
    finally:
        stop(process)
