"""Scenarios about keys, their rotation and thresholds."""

from securesystemslib.signer import CryptoSigner
from simulator import Host, Repository, expect, scenario

@scenario
def key_kinds():
    for kind in ("ecdsa", "ed25519", "rsassa-pss", "rsa-pkcs1v15"):
        repository = Repository(kind)
        host = Host(repository)
        expect(host.refresh(), 0, kind)
        old = dict(repository.signers["root"])
        repository.rotate("root")
        repository.publish("root")
        expect(host.refresh(), 1, kind)
        repository.signers["root"].update(old)
        repository.publish("root", bump=False)
        repository.rotate("timestamp")
        repository.publish("root", "timestamp")
        expect(host.refresh(), 0, kind)
        expect(host.versions(), [3, 2, 1, 1])


ROOT_ROTATIONS = {
    # Each version: keys, threshold, signers.
    "one of one": (True, [([1], 1, [1]), ([2], 1, [2, 1]), ([2], 1, [2])]),
    "unused signatures": (True, [([1], 1, [3, 1, 4]), ([2], 1, [3, 2, 1, 4]), ([2], 1, [3, 2, 4])]),
    "three of five": (True, [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 2, 3, 4], 3, [0, 4, 1])]),
    "one of five rotated": (True, [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 1])]),
    "all rotated": (
        True,
        [
            ([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([5, 6, 7, 8, 9], 3, [0, 2, 4, 5, 6, 7]),
            ([5, 6, 7, 8, 9], 3, [5, 6, 7]),
        ],
    ),
    "threshold up": (True, [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [1, 2])]),
    "threshold down": (True, [([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1, 2]), ([1, 2, 3], 1, [1])]),
    "without the old key": (False, [([1], 1, [1]), ([2], 1, [2, 3, 4])]),
    "without the new key": (False, [([1], 1, [1]), ([2], 1, [1, 3, 4])]),
    "two new keys of three": (False, [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 2, 4])]),
    "two old keys of three": (False, [([0, 1, 2, 3, 4], 3, [0, 2, 4]), ([0, 1, 3, 4, 5], 3, [0, 4, 5])]),
    "new threshold not reached": (False, [([1, 2, 3], 1, [1]), ([1, 2, 3], 2, [2])]),
    "old threshold not reached": (False, [([1, 2, 3], 2, [1, 2]), ([1, 2, 3], 1, [1])]),
}


def set_keys(repository, role, signers, keys, threshold, signing):
    repository.root.roles[role].keyids.clear()
    repository.root.roles[role].threshold = threshold
    for index in keys:
        repository.root.add_key(signers[index].public_key, role)
    repository.signers[role] = {index: signers[index] for index in signing}


@scenario
def root_rotations():
    signers = [CryptoSigner.generate_ed25519() for _ in range(10)]
    for name, (succeeds, versions) in ROOT_ROTATIONS.items():
        repository = Repository("ed25519")
        repository.published["root"] = {}
        repository.root.version = 0
        for version in versions:
            set_keys(repository, "root", signers, *version)
            repository.root.version += 1
            repository.publish("root", bump=False)
        host = Host(repository)
        expect(host.status, 0, name)
        expect(host.refresh(), 0 if succeeds else 1, name)
        expected = len(versions) if succeeds else len(versions) - 1
        expect(host.bytes_of("root"), repository.published["root"][expected], name)


@scenario
def rotations_of_other_roles():
    signers = [CryptoSigner.generate_ed25519() for _ in range(6)]
    for succeeds, keys, threshold, signing in (
        (True, [2], 1, [2]), (True, [1], 1, [3, 1, 4]), (False, [2], 1, [1, 3, 4]),
        (False, [0, 1, 3, 4, 5], 3, [0, 2, 4]), (False, [0, 1, 3, 4, 5], 3, [0, 4]),
        (True, [0, 1, 2, 3, 4], 3, [0, 2, 4]), (True, [0, 1, 2, 3, 4], 3, [4, 2, 3]),
        (False, [0, 1], 3, [0, 1]),
    ):
        for role in ("timestamp", "snapshot", "targets"):
            repository = Repository("ed25519")
            host = Host(repository)
            set_keys(repository, role, signers, keys, threshold, signing)
            repository.publish("root", "targets", "snapshot", "timestamp")
            expect(host.refresh(), 0 if succeeds else 1, f"{role} {keys} {signing}")
            if succeeds:
                expect(host.bytes_of(role), repository.newest(role))


@scenario
def one_key_listed_several_times():
    repository = Repository()
    host = Host(repository)
    expect(host.refresh(), 0)
    keyid = repository.root.roles["snapshot"].keyids[0]
    repository.root.roles["snapshot"].keyids = [keyid] * 3
    repository.root.roles["snapshot"].threshold = 3
    repository.publish("root", "snapshot", "timestamp")
    expect(host.refresh(), 1)
    expect(host.version("snapshot"), 1)
