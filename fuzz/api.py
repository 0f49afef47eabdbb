#!/usr/bin/env python3
"""Runs schemathesis against the API server of this checkout, on a socket and a state folder of its own.

Exit status: 0 nothing found, 1 schemathesis found something or the server failed, 2 wrong usage.
"""

import argparse
import asyncio
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "allow_header_conformance",
    "unsupported_method",
]

# Not part of the first pass, with the reason.
APART = {
    "lockdown": "every change is refused from then on: it has a pass of its own, the last one",
    "watch-events": "each answer takes as long as 'timeout' says: a pass of its own with timeout=1",
}

# The settings that bodies of PATCH /settings are made of.
FUZZED_SETTINGS = ["motd", "ntp", "updates", "host-containers", "metrics"]

# `timeout` is always sent, else the answer would never end.
EVENTS_CONFIGURATION = """
[[operations]]
include-operation-id = "watch-events"
parameters = { timeout = 1 }
"""


def main() -> int:
    options = parse_options()
    with tempfile.TemporaryDirectory(prefix="bulkhead-fuzz-") as folder:
        server = Server(options.server, pathlib.Path(folder))
        try:
            server.start()
            port = forward(server.socket)
            server.set_something()
            write_document(server, pathlib.Path(folder) / "openapi.json")
            found = run_passes(options, port, pathlib.Path(folder), server)
        except Failure as failure:
            print(f"fuzz: {failure}", file=sys.stderr)
            found = True
        failure = server.stop()
        if failure:
            print(f"fuzz: {failure}", file=sys.stderr)
            found = True
    print("fuzz: " + ("something was found" if found else "nothing was found"))
    return 1 if found else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default=str(CHECKOUT / ".build/debug/bulkhead-host"), help="bulkhead-host")
    parser.add_argument("--examples", type=int, default=20, help="examples for each operation")
    parser.add_argument("--time-limit", type=int, default=300, help="seconds for everything")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run; printed by schemathesis")
    parser.add_argument(
        "--coverage", action="store_true", help="also try every border of every parameter, which takes minutes"
    )
    parser.add_argument("--report", metavar="FOLDER", help="keep every request and answer there (ndjson)")
    parser.add_argument("--include", action="append", default=[], metavar="OPERATION", help="only these operations")
    return parser.parse_args()


class Failure(Exception):
    """Why fuzzing can't go on."""


class Server:
    """The API server, run as in the image but for systemd."""

    def __init__(self, program: str, folder: pathlib.Path):
        self.program = program
        self.folder = folder
        self.socket = folder / "api.sock"
        self.log = folder / "server.log"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        if not os.access(self.program, os.X_OK):
            raise Failure(f"there is no program '{self.program}': run 'swift build' first")
        arguments = [self.program, "apiserver", "--no-systemd", "--socket", str(self.socket)]
        for option, source in [("state", None), ("root", None), ("features", "features"), ("templates", "templates")]:
            path = CHECKOUT / "image" / source if source else self.folder / option
            if not path.is_dir():
                path = self.folder / option
                path.mkdir()
            arguments += [f"--{option}", str(path)]
        release = self.folder / "os-release"
        release.write_text(
            'NAME=Bulkhead\nPRETTY_NAME="Bulkhead 1.2.0 (fuzz)"\nVERSION_ID=1.2.0\nVARIANT_ID=fuzz\nBUILD_ID=0\n'
        )
        arguments += ["--os-release", str(release)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A crash is found by the exit status; the tool that prints it would only take time.
                env={**os.environ, "SWIFT_BACKTRACE": "enable=no"},
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            self.check()
            try:
                if self.request("GET", "/os")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise Failure(f"the server does not answer within 30 seconds\n{self.tail()}")

    def request(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("localhost", timeout=30)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(30)
        connection.sock.connect(str(self.socket))
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    def set_something(self) -> None:
        """Makes a first change, so that there is something to read."""
        for method, path, body in [
            ("PATCH", "/settings", {"motd": "fuzz"}),
            ("POST", "/tx/commit_and_apply", None),
        ]:
            status, answer = self.request(method, path, body)
            if status >= 300:
                raise Failure(f"{method} {path} answers {status}: {answer.decode(errors='replace')}")

    def check(self) -> None:
        if self.process is not None and self.process.poll() is not None:
            raise Failure(f"the server ended with status {self.process.returncode}\n{self.tail()}")

    def stop(self) -> str | None:
        """Ends the server; what was wrong with it, if anything was."""
        if self.process is None:
            return None
        if self.process.poll() is not None:
            return f"the server ended by itself with status {self.process.returncode}\n{self.tail()}"
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"the server does not end within 20 seconds of SIGTERM\n{self.tail()}"
        return None if status == 0 else f"the server ended with status {status} after SIGTERM\n{self.tail()}"

    def tail(self) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])
        except OSError:
            return ""


def run_passes(options: argparse.Namespace, port: int, folder: pathlib.Path, server: Server) -> bool:
    deadline = time.monotonic() + options.time_limit
    (folder / "none.toml").write_text("")
    (folder / "events.toml").write_text(EVENTS_CONFIGURATION)
    apart = [argument for name in APART for argument in ("--exclude-operation-id", name)]
    few = max(3, options.examples // 5)
    phases = "examples,coverage,fuzzing" if options.coverage else "examples,fuzzing"
    passes = [
        ("every operation", "none.toml", apart, options.examples, phases),
        ("events", "events.toml", ["--include-operation-id", "watch-events"], 3, "fuzzing"),
        ("a host that is locked down", "none.toml", ["--exclude-operation-id", "watch-events"], few, "fuzzing"),
    ]
    if options.include:
        chosen = [argument for name in options.include for argument in ("--include-operation-id", name)]
        passes = [("chosen operations", "none.toml", chosen, options.examples, phases)]
    found = False
    for title, configuration, selection, examples, phases in passes:
        left = deadline - time.monotonic()
        if left < 5:
            raise Failure(f"the time limit of {options.time_limit} seconds is over before the pass '{title}'")
        if title.endswith("locked down"):
            server.request("POST", "/actions/lockdown")
        print(f"fuzz: {title}", flush=True)
        command = [str(pathlib.Path(sys.executable).parent / "schemathesis"), "--config-file", str(folder / configuration)]
        command += ["run", str(folder / "openapi.json"), "--url", f"http://127.0.0.1:{port}"]
        command += ["--checks", ",".join(CHECKS), "--max-examples", str(examples), "--phases", phases]
        command += ["--continue-on-failure", "--no-color", "--request-timeout", "20", "--generation-database", "none"]
        command += ["--warnings", "off", "--suppress-health-check", "all"] + selection
        if options.report:
            command += ["--report", "ndjson", "--report-dir", os.path.abspath(options.report)]
        if options.seed is not None:
            command += ["--seed", str(options.seed)]
        try:
            status = subprocess.run(command, cwd=folder, timeout=left, check=False).returncode
        except subprocess.TimeoutExpired:
            raise Failure(f"the pass '{title}' takes longer than the {options.time_limit} seconds for everything")
        server.check()
        found = found or status != 0
    return found


def write_document(server: Server, path: pathlib.Path) -> None:
    """Writes the server's own document for schemathesis, with fewer settings in the body of PATCH /settings.

    Making examples for the hundreds of patterns of all settings takes hypothesis minutes; the model's own tests hold the
    schema of each setting against its checks. Answers are still held against the whole schema, but for tuples:
    schemathesis 4.32 rewrites `prefixItems` in a way that its own check of schemas then refuses.
    """
    document = without_tuples(json.loads(server.request("GET", "/openapi.json")[1]))
    settings = document["components"]["schemas"]["Settings"]
    fewer = {name: settings["properties"][name] for name in FUZZED_SETTINGS if name in settings["properties"]}
    content = document["paths"]["/settings"]["patch"]["requestBody"]["content"]["application/json"]
    content["schema"] = {"type": "object", "properties": fewer, "additionalProperties": False}
    path.write_text(json.dumps(document))


def without_tuples(value: object) -> object:
    if isinstance(value, list):
        return [without_tuples(element) for element in value]
    if not isinstance(value, dict):
        return value
    if "prefixItems" in value:
        return {"type": "array"}
    return {name: without_tuples(member) for name, member in value.items()}


def forward(target: pathlib.Path) -> int:
    """Passes on the connections of a TCP port, which it returns, to a Unix socket: schemathesis speaks only TCP."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        except OSError:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            other_reader, other_writer = await asyncio.open_unix_connection(str(target))
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, other_writer), copy(other_reader, writer), return_exceptions=True)
        writer.close()
        other_writer.close()

    ready: list[int] = []
    is_ready = threading.Event()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        ready.append(server.sockets[0].getsockname()[1])
        is_ready.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    if not is_ready.wait(10):
        raise Failure("no TCP port on the loopback interface can be opened")
    return ready[0]


if __name__ == "__main__":
    sys.exit(main())
