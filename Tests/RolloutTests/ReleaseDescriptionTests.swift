import BootEntries
import Hashing
import JSON
import Testing

@testable import Rollout

@Suite struct ReleaseDescriptionTests {
    private static let hash = SHA256Digest(hashing: "root")
    private static let good: [String: JSONValue] = [
        "variant": "vm-containerd", "arch": "amd64", "version": "1.2.0~rc1", "rootHash": .string(hash.hex),
        "waves": ["0": "2026-01-01T01:00:00Z", "20": "2026-01-01T04:00:00Z"], "maxVersion": "1.2.0",
        "withdrawn": true, "colour": "red",
    ]

    @Test func itIsReadAndWritten() throws {
        let candidate = try Candidate(custom: .object(Self.good))
        #expect(candidate.targetName == "vm-containerd/amd64/1.2.0~rc1/release.json")
        #expect(candidate.waves.starts.map(\.seed) == [0, 20])
        // 2026-01-01T01:00:00Z, by date(1).
        #expect(candidate.waves.starts.first?.time == 1_767_229_200)
        #expect(candidate.isWithdrawn && candidate.maxVersion == UAPIVersion("1.2.0"))
        #expect(candidate.custom == .object(Self.good.filter { $0.key != "colour" }))
        #expect(try Candidate(custom: candidate.custom) == candidate)
        let plain = Candidate(variant: "a", architecture: "b", version: UAPIVersion("1"), rootHash: Self.hash)
        #expect(plain.custom.members?.keys.sorted() == ["arch", "rootHash", "variant", "version"])
        #expect(try Candidate(custom: plain.custom) == plain)
    }

    @Test(
        arguments: [
            ("variant", nil), ("variant", 3), ("variant", ""), ("variant", "../../etc"), ("variant", "a/b"),
            ("arch", "a b"), ("arch", "."), ("version", "1/2"), ("version", nil), ("version", "-1"),
            ("rootHash", "abc"), ("rootHash", nil), ("maxVersion", "\u{1b}[2J"), ("maxVersion", 1),
            ("withdrawn", "yes"),
            ("withdrawn", 1), ("waves", []), ("waves", ["1": "2026-01-01T01:00:00Z"]),
            ("waves", ["0": "soon"]),
            ("waves", ["0": 5]), ("waves", ["00": "2026-01-01T01:00:00Z"]),
            ("waves", ["+0": "2026-01-01T01:00:00Z"]),
            ("waves", ["0": "2026-01-01T01:00:00Z", "5": "2026-01-01T01:00:00Z"]),
            ("waves", ["0": "2026-01-01T01:00:00Z", "2048": "2027-01-01T01:00:00Z"]),
        ] as [(String, JSONValue?)]
    )
    func whatIsDamagedIsNamed(_ key: String, _ value: JSONValue?) {
        var members = Self.good
        members[key] = value
        if case .some(.null) = value { members[key] = nil }
        #expect {
            _ = try Candidate(custom: .object(members))
        } throws: { error in
            "\(error)".contains(key) && "\(error)".unicodeScalars.allSatisfy { $0.value >= 0x20 }
        }
    }

    @Test func tooManyWavesAreRefused() {
        var members = Self.good
        members["waves"] = .object(
            Dictionary(uniqueKeysWithValues: (0..<2000).map { ("\($0)", "2026-01-01T01:00:00Z") })
        )
        #expect(throws: RolloutError.self) { try Candidate(custom: .object(members)) }
    }
}
