"""Scenarios about targets and delegations."""

import os
from urllib.parse import quote

from simulator import ENDLESS, Host, Repository, expect, in_days, scenario
from tuf.api.metadata import Delegations, SuccinctRoles, Targets

@scenario
def downloads():
    repository = Repository()
    host = Host(repository)
    repository.add_artifact("file.txt", b"file")
    repository.add_artifact("path/to/a/file.txt", b"deep")
    repository.add_artifact("a b?#\u00e9", b"odd")
    repository.add_artifact("..", b"up")
    repository.add_artifact("empty", b"")
    repository.publish_all()
    expect(host.refresh(), 0)
    expect(host.contents(), [])
    for path, content in (
        ("file.txt", b"file"), ("path/to/a/file.txt", b"deep"), ("a b?#\u00e9", b"odd"), ("empty", b""),
    ):
        expect(host.download(path), 0, path)
        assert content in host.contents()
    expect(host.download("nothing"), 1)
    assert "no trusted role" in host.said, host.said
    expect(len(host.contents()), 4)
    # The client uses what it has, and asks for what has changed.
    repository.downloads.clear()
    expect(host.download("file.txt", "empty"), 0)
    expect(repository.downloads, [])
    repository.add_artifact("file.txt", b"changed")
    repository.publish_all()
    expect(host.download("file.txt"), 0)
    assert b"changed" in host.contents() and b"file" not in host.contents()
    expect(len(repository.downloads), 1)


@scenario
def several_downloads_of_one_operation():
    repository = Repository()
    repository.delegate("targets", "role")
    for name in ("one", "three"):
        repository.add_artifact(name, name.encode(), "role")
    repository.publish_all()
    host = Host(repository)
    expect(host.download("one", "two", "three"), 1)
    expect(host.contents(), [b"one"])
    expect(len([r for r in repository.requests if r[0] == "timestamp"]), 1)
    expect(host.download("one", "three"), 0)
    expect(host.contents(), [b"one", b"three"])
    expect(len([r for r in repository.requests if r[0] == "role"]), 1)


@scenario
def substituted_artifacts():
    repository = Repository()
    host = Host(repository)
    repository.add_artifact("one", b"one")
    repository.add_artifact("two", b"two")
    repository.publish_all()
    expect(host.download("one"), 0)
    for malicious in (b"eno", b"", b"malicious" * 100):
        repository.artifacts = {"one": malicious, "two": malicious}
        host.download("one")
        expect(host.download("two"), 1)
        expect(host.contents(), [b"one"])


@scenario
def without_consistent_snapshots():
    repository = Repository()
    host = Host(repository)
    repository.root.consistent_snapshot = False
    repository.delegate("targets", "..", ["path/*"])
    repository.add_artifact("path/file", b"content", "..")
    repository.publish("root")
    repository.publish_all()
    expect(host.download("path/file"), 0)
    names = ["timestamp", "snapshot", "targets", ".."]
    expect(repository.requests, [("root", 2), ("root", 3), *((name, None) for name in names)])
    expect(repository.downloads, ["path/file"])
    expect(host.contents(), [b"content"])


@scenario
def unusual_names_of_roles():
    for name in ("?", "#", "/role", "../role", "a b", "100%", "\u00e9"):
        repository = Repository()
        repository.delegate("targets", name)
        repository.publish_all()
        host = Host(repository)
        expect(host.download("nothing"), 1, name)
        assert (quote(name, ""), 1) in repository.requests, (name, repository.requests)
        expect(len([f for f in os.listdir(host.metadata) if f.endswith(".json")]), 5, name)


@scenario
def order_of_delegations():
    for edges, order in (
        ([("targets", "A"), ("targets", "B"), ("A", "C"), ("A", "D")], "ACDB"),
        ([("targets", "A"), ("targets", "B"), ("A", "C", True), ("A", "D")], "AC"),
        ([("targets", "A"), ("A", "B"), ("B", "C"), ("C", "A")], "ABC"),
        ([("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C")], "ACB"),
    ):
        repository = Repository()
        for delegator, name, *terminating in edges:
            repository.delegate(delegator, name, terminating=bool(terminating))
        repository.publish_all()
        host = Host(repository)
        expect(host.download("nothing"), 1)
        expect([name for name, _ in repository.requests[4:]], list(order))


@scenario
def targets_of_delegated_roles():
    repository = Repository()
    repository.delegate("targets", "A", ["*.doc", "*.md"])
    repository.delegate("targets", "B", ["releases/*/*"])
    repository.delegate("B", "C", ["releases/x/*"])
    repository.delegate("B", "D", ["releases/y/*.zip"])
    for role, path in (
        ("targets", "file"), ("A", "README.md"), ("C", "releases/x/x_v1"), ("D", "releases/y/y.zip"),
        ("D", "releases/z/z.zip"),
    ):
        repository.add_artifact(path, path.encode(), role)
    repository.publish_all()
    for path, order in (
        ("file", ""), ("README.md", "A"), ("releases/x/x_v1", "BC"), ("releases/y/y.zip", "BD"),
        ("releases/z/z.zip", "B"),
    ):
        host = Host(repository)
        repository.requests.clear()
        expect(host.download(path), 1 if path.startswith("releases/z") else 0, path)
        expect([name for name, _ in repository.requests[4:]], list(order), path)


@scenario
def hash_bins():
    for bits in (1, 3, 4):
        repository = Repository()
        signer = repository.new_signer()
        bins = SuccinctRoles([], 1, bits, "bin")
        repository.targets.delegations = Delegations({}, None, bins)
        repository.targets.add_key(signer.public_key)
        for name in bins.get_roles():
            repository.roles[name] = Targets(expires=in_days(30))
            repository.signers[name] = {0: signer}
        paths = [f"path/{index}" for index in range(4)]
        for path in paths:
            repository.add_artifact(path, path.encode(), bins.get_role_for_target(path))
        repository.publish_all()
        host = Host(repository)
        expect(host.download(*paths), 0)
        expect(host.contents(), [path.encode() for path in paths])


@scenario
def wrong_usage():
    host = Host(Repository())
    folder = ("--metadata-dir", host.metadata)
    for arguments in (
        (), ("refresh",), folder, (*folder, "refresh"), (*folder, "init"), (*folder, "--nothing", "x", "refresh"),
        (*folder, "--metadata-url", host.url("metadata"), "download"),
    ):
        expect(host.run(*arguments), 1, arguments)
        assert "Usage:" in host.said, host.said
    expect(host.run("--metadata-dir", host.metadata, "init", "/nonexistent"), 1)
    assert "/nonexistent" in host.said, host.said


@scenario
def endless_files():
    repository = Repository()
    repository.hashes = True
    repository.add_artifact("file", b"content")
    repository.publish_all()
    for endless in ("metadata/2.root.json", "metadata/timestamp.json", "metadata/2.snapshot.json", "targets/"):
        host = Host(repository)
        ENDLESS[host.name] = endless
        expect(host.download("file"), 1, endless)
        assert "ytes" in host.said, host.said
        expect(host.contents(), [])
    del ENDLESS[host.name]
    expect(host.download("file"), 0)
