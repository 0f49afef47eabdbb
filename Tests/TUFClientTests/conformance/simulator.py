"""A repository that python-tuf writes, the web server that has it, and a client with its folders."""

import datetime
import glob
import http.server
import os
import subprocess
import sys
import tempfile
import threading
from urllib.parse import unquote

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
TOP_LEVEL = ["root", "timestamp", "snapshot", "targets"]
CLIENT = sys.argv[1]


def in_days(days):
    return NOW + datetime.timedelta(days=days)


class Repository:
    """The state of a repository, and all versions of metadata that it has published."""

    def __init__(self, kind="ecdsa"):
        self.kind = kind
        self.signers = {}
        self.published = {}
        self.artifacts = {}
        self.hashes = False
        self.requests = []
        self.downloads = []
        expires = in_days(30)
        self.roles = {
            "root": Root(expires=expires), "timestamp": Timestamp(expires=expires),
            "snapshot": Snapshot(expires=expires), "targets": Targets(expires=expires),
        }
        for role in TOP_LEVEL:
            self.add_key(role)
        self.publish("targets", "snapshot", "timestamp", "root")

    root = property(lambda self: self.roles["root"])
    timestamp = property(lambda self: self.roles["timestamp"])
    snapshot = property(lambda self: self.roles["snapshot"])
    targets = property(lambda self: self.roles["targets"])

    def new_signer(self):
        return {
            "ecdsa": CryptoSigner.generate_ecdsa, "ed25519": CryptoSigner.generate_ed25519,
            "rsassa-pss": lambda: CryptoSigner.generate_rsa(size=2048),
            "rsa-pkcs1v15": lambda: CryptoSigner.generate_rsa(size=2048, scheme="rsa-pkcs1v15-sha256"),
        }[self.kind]()

    def add_key(self, role, delegator=None, signer=None):
        signer = signer or self.new_signer()
        (delegator or self.root).add_key(signer.public_key, role)
        self.signers.setdefault(role, {})[signer.public_key.keyid] = signer

    def rotate(self, role):
        for keyid in list(self.signers[role]):
            self.root.revoke_key(keyid, role)
        self.signers[role] = {}
        self.add_key(role)

    def sign(self, role):
        metadata = Metadata(self.roles[role])
        for signer in self.signers[role].values():
            metadata.sign(signer, append=True)
        return metadata.to_bytes(JSONSerializer())

    def publish(self, *names, bump=True):
        for name in names:
            role = self.roles[name]
            if bump and name in self.published:
                role.version += 1
            data = self.sign(name)
            self.published.setdefault(name, {})[role.version] = data
            meta = MetaFile(role.version)
            if self.hashes:
                meta = MetaFile.from_data(role.version, data, ["sha256"])
            if name == "snapshot":
                self.timestamp.snapshot_meta = meta
            elif name not in ("root", "timestamp"):
                self.snapshot.meta[f"{name}.json"] = meta

    def publish_all(self):
        self.publish(*(n for n in self.roles if n not in TOP_LEVEL), "targets", "snapshot", "timestamp")

    def newest(self, name):
        return self.published[name][self.roles[name].version]

    def add_artifact(self, path, data, role="targets"):
        self.roles[role].targets[path] = TargetFile.from_data(path, data, ["sha256"])
        self.artifacts[path] = data

    def delegate(self, delegator, name, paths=("*",), terminating=False, expires=None):
        role = self.roles[delegator]
        if role.delegations is None:
            role.delegations = Delegations({}, {})
        role.delegations.roles[name] = DelegatedRole(name, [], 1, terminating, list(paths))
        if name not in self.roles:
            self.roles[name] = Targets(expires=expires or in_days(30))
            self.add_key(name, role)
        else:
            for signer in self.signers[name].values():
                role.add_key(signer.public_key, name)

    def fetch(self, path):
        folder, _, name = path.partition("/")
        if folder == "metadata" and name.endswith(".json"):
            name = name[: -len(".json")]
            version, _, role = name.partition(".")
            if name == "timestamp" or (not self.root.consistent_snapshot and role != "root"):
                self.requests.append((name, None))
                role = unquote(name)
                return self.newest(role) if role in self.published else None
            self.requests.append((role, int(version)))
            return self.published.get(unquote(role), {}).get(int(version))
        if folder == "targets":
            name = unquote(name)
            self.downloads.append(name)
            if self.root.consistent_snapshot:
                parent, slash, name = name.rpartition("/")
                name = parent + slash + name.partition(".")[2]
            return self.artifacts.get(name)
        return None


REPOSITORIES = {}
# Of which file a host gets no end, until it hangs up: what its path begins with.
ENDLESS = {}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name, _, path = self.path.lstrip("/").partition("/")
        if path.startswith(ENDLESS.get(name, "nothing")):
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b" " * 65536)
            except OSError:
                return
        data = REPOSITORIES[name].fetch(path)
        if data is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=SERVER.serve_forever, daemon=True).start()


class Host:
    """A client's folders, and what the client has in them."""

    def __init__(self, repository, root=None):
        Host.last = self
        self.log = ""
        self.folder = tempfile.TemporaryDirectory()
        self.metadata = os.path.join(self.folder.name, "metadata")
        self.artifacts = os.path.join(self.folder.name, "targets")
        os.mkdir(self.metadata)
        os.mkdir(self.artifacts)
        self.name = str(len(REPOSITORIES))
        self.repository = REPOSITORIES[self.name] = repository
        self.trusted = os.path.join(self.folder.name, "initial_root.json")
        self.status = self.init(root or repository.published["root"][1])

    def run(self, *arguments, days=0):
        faketime = ["faketime", "-f", f"+{days}d"] if days else []
        done = subprocess.run([*faketime, CLIENT, *arguments], capture_output=True, text=True, timeout=60)
        self.said = done.stderr
        self.log += done.stderr
        return done.returncode

    def init(self, root):
        with open(self.trusted, "wb") as file:
            file.write(root)
        return self.run("--metadata-dir", self.metadata, "init", self.trusted)

    def url(self, folder):
        return f"http://127.0.0.1:{SERVER.server_address[1]}/{self.name}/{folder}"

    def refresh(self, days=0):
        return self.run(
            "--metadata-url", self.url("metadata/"), "--metadata-dir", self.metadata, "refresh", days=days)

    def download(self, *names, days=0):
        return self.run(
            "--metadata-url", self.url("metadata"), "--metadata-dir", self.metadata,
            *(part for name in names for part in ("--target-name", name)),
            "--target-dir", self.artifacts, "--target-base-url", self.url("targets"), "download", days=days)

    def version(self, role):
        path = os.path.join(self.metadata, f"{role}.json")
        return Metadata.from_file(path).signed.version if os.path.exists(path) else None

    def versions(self):
        return [self.version(role) for role in TOP_LEVEL]

    def bytes_of(self, role):
        with open(os.path.join(self.metadata, f"{role}.json"), "rb") as file:
            return file.read()

    def contents(self):
        contents = []
        for path in glob.glob(f"{self.artifacts}/**", recursive=True, include_hidden=True):
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    contents.append(file.read())
        return sorted(contents)


SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def expect(actual, expected, what=""):
    if actual != expected:
        raise AssertionError(f"{what} expected {expected!r}, got {actual!r}")
