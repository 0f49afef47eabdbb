"""Scenarios about metadata of the top-level roles."""

from simulator import TOP_LEVEL, Host, Repository, expect, in_days, scenario
from tuf.api.metadata import Metadata

@scenario
def refresh_and_implicit_refresh():
    for act in (Host.refresh, lambda host: 1 - host.download("no such artifact")):
        repository = Repository()
        host = Host(repository)
        expect(host.status, 0)
        expect(repository.requests, [])
        expect(act(host), 0)
        expect(repository.requests, [("root", 2), ("timestamp", None), ("snapshot", 1), ("targets", 1)])
        expect(host.versions(), [1, 1, 1, 1])
        for role in TOP_LEVEL:
            expect(host.bytes_of(role), repository.newest(role))


@scenario
def bad_initial_roots():
    for old, new in ((b'"version": 1', b'"versio": 1'), (b'"sig": "30', b'"sig": "31'), (b"{", b"")):
        repository = Repository()
        root = repository.newest("root")
        assert old in root
        host = Host(repository, root.replace(old, new))
        expect(host.refresh(), 1)
        expect(repository.requests, [])


@scenario
def unsigned_roles():
    for role, versions in (
        ("root", [1, None, None, None]), ("timestamp", [1, None, None, None]), ("snapshot", [1, 1, None, None]),
        ("targets", [1, 1, 1, None]),
    ):
        repository = Repository()
        host = Host(repository)
        repository.signers[role] = {}
        repository.publish(role, bump=role == "root")
        expect(host.refresh(), 1, role)
        expect(host.versions(), versions, role)


@scenario
def timestamp_changes_without_a_new_version():
    repository = Repository()
    host = Host(repository)
    expect(host.refresh(), 0)
    repository.timestamp.snapshot_meta.version = 100
    repository.publish("timestamp", bump=False)
    expect(host.refresh(), 0)
    expect(repository.requests[-1], ("timestamp", None))
    expect(Metadata.from_bytes(host.bytes_of("timestamp")).signed.snapshot_meta.version, 1)


@scenario
def hashes_of_metadata():
    repository = Repository()
    repository.hashes = True
    repository.publish("targets", "snapshot", "timestamp")
    host = Host(repository)
    expect(host.refresh(), 0)
    repository.publish("targets")
    repository.snapshot.meta["targets.json"].hashes["sha256"] = "46" * 32
    repository.publish("snapshot", "timestamp")
    expect(host.refresh(), 1)
    expect(host.versions(), [1, 3, 3, 2])


@scenario
def custom_fields():
    repository = Repository()
    host = Host(repository)
    repository.root.unrecognized_fields["custom-field"] = "value"
    keyid = repository.root.roles["root"].keyids[0]
    repository.root.keys[keyid].unrecognized_fields["extra-field"] = {"a": 1, "b": "\u00e9\U0001f600\n\"\\"}
    repository.root.roles["root"].unrecognized_fields["another-field"] = [True, None, -5]
    repository.root.keys[keyid].unrecognized_fields["keyid_hash_algorithms"] = ["md5"]
    repository.publish("root")
    expect(host.refresh(), 0)
    expect(host.version("root"), 2)


@scenario
def rollbacks():
    for hashes in (False, True):
        repository = Repository()
        repository.hashes = hashes
        repository.publish("targets", "snapshot", "timestamp")
        host = Host(repository)
        expect(host.refresh(), 0)
        repository.timestamp.version = 1
        repository.publish("timestamp", bump=False)
        expect(host.refresh(), 1, "timestamp")
        expect(host.versions(), [1, 2, 2, 2])

        repository.timestamp.version = 2
        repository.snapshot.version = 1
        repository.publish("snapshot", bump=False)
        repository.publish("timestamp")
        expect(host.refresh(), 1, "snapshot")
        expect(repository.requests[-1], ("timestamp", None))
        expect(host.versions(), [1, 2, 2, 2])

        repository.snapshot.version = 2
        repository.targets.version = 1
        repository.publish("targets", bump=False)
        repository.publish("snapshot", "timestamp")
        expect(host.refresh(), 1, "targets")
        expect(host.versions(), [1, 4, 2, 2])


@scenario
def snapshot_of_another_version_than_announced():
    repository = Repository()
    host = Host(repository)
    repository.snapshot.version = 2
    repository.published["snapshot"][1] = repository.sign("snapshot")
    expect(host.refresh(), 1)
    expect(host.versions(), [1, 1, None, None])
    expect(repository.requests[-1], ("snapshot", 1))


@scenario
def fast_forward_recovery():
    for role, rotated in (
        ("targets", ["snapshot"]), ("snapshot", ["snapshot", "timestamp"]), ("timestamp", ["timestamp"]),
    ):
        repository = Repository()
        host = Host(repository)
        repository.roles[role].version = 99998
        repository.publish_all()
        expect(host.refresh(), 0)
        expect(host.version(role), 99999)
        for name in rotated:
            repository.rotate(name)
        repository.publish("root")
        repository.roles[role].version = 1
        repository.publish_all()
        expect(host.refresh(), 0, role)
        expect(host.version(role), 2)


@scenario
def expired_roles():
    for role, versions in (
        ("root", [2, 1, 1, 1]), ("timestamp", [1, 1, 1, 1]), ("snapshot", [1, 2, 1, 1]), ("targets", [1, 2, 2, 1]),
    ):
        repository = Repository()
        host = Host(repository)
        expect(host.refresh(), 0)
        repository.roles[role].expires = in_days(-5)
        if role == "root":
            repository.publish("root")
        else:
            repository.publish_all()
        expect(host.refresh(), 1, role)
        expect(host.versions(), versions, role)


@scenario
def expired_local_metadata_are_updated():
    repository = Repository()
    repository.timestamp.expires = in_days(7)
    repository.publish("timestamp")
    host = Host(repository)
    expect(host.refresh(), 0)
    repository.publish("targets", "snapshot")
    repository.timestamp.expires = in_days(21)
    repository.publish("timestamp")
    expect(host.refresh(days=18), 0)
    expect(host.versions(), [1, 3, 2, 2])
    expect(host.refresh(days=22), 1)
    # What the clock said when everything was right; now it is two weeks behind.
    expect(host.refresh(), 1)
    assert "clock" in host.said, host.said


@scenario
def expired_delegated_roles():
    repository = Repository()
    repository.delegate("targets", "role", ["path/*"], expires=in_days(7))
    repository.add_artifact("path/first", b"first", "role")
    repository.add_artifact("path/second", b"second", "role")
    repository.publish_all()
    host = Host(repository)
    expect(host.download("path/first"), 0)
    expect(host.download("path/second", days=18), 1)
    expect(host.contents(), [b"first"])
    repository.roles["role"].expires = in_days(21)
    repository.publish_all()
    expect(host.download("path/second", days=18), 0)
    expect(host.contents(), [b"first", b"second"])
