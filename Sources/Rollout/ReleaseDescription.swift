import BootEntries
import Hashing
public import JSON
import TUF

/// How a release is described in TUF's targets metadata: the member `custom` of its `release.json`.
///
/// ```json
/// {"variant": "vm-containerd", "arch": "amd64", "version": "1.2.0", "rootHash": "...",
///  "waves": {"0": "2026-01-01T01:00:00Z", "20": "2026-01-01T04:00:00Z"}, "maxVersion": "1.2.0", "withdrawn": true}
/// ```
///
/// `waves` names the first seed of each wave and its start; without waves the release is open to everybody.
/// `maxVersion` and `withdrawn` are left out where they say nothing. Members that are not listed here mean nothing.
extension Candidate {
    /// The name of a release's manifest among the targets of a repository.
    public var targetName: String { "\(variant)/\(architecture)/\(version.text)/release.json" }

    /// Reads a description.
    ///
    /// - Throws: `RolloutError.badTable` or `.badDescription`.
    public init(custom: JSONValue) throws(RolloutError) {
        func text(_ key: String, limit: Int = 64) throws(RolloutError) -> String {
            guard let text = custom[key]?.string, Self.isName(text), text.utf8.count <= limit else {
                throw .badDescription(
                    key: key,
                    value: custom[key]?.description ?? "nothing",
                    allowed: "1 to \(limit) letters, digits and '.', '~', '^', '-'"
                )
            }
            return text
        }
        guard let hash = custom["rootHash"]?.string, let digest = SHA256Digest(hex: hash) else {
            throw .badDescription(
                key: "rootHash",
                value: custom["rootHash"]?.description ?? "nothing",
                allowed: "64 hexadecimal digits"
            )
        }
        var maximum: UAPIVersion?
        if custom["maxVersion"] != nil { maximum = UAPIVersion(try text("maxVersion")) }
        var isWithdrawn = false
        if let value = custom["withdrawn"] {
            guard let bool = value.bool else {
                throw .badDescription(key: "withdrawn", value: value.description, allowed: "true or false")
            }
            isWithdrawn = bool
        }
        self.init(
            variant: try text("variant"),
            architecture: try text("arch"),
            version: UAPIVersion(try text("version")),
            rootHash: digest,
            waves: try WaveTable(json: custom["waves"]),
            maxVersion: maximum,
            isWithdrawn: isWithdrawn
        )
    }

    /// The description; ``init(custom:)`` reads it.
    public var custom: JSONValue {
        var members: [String: JSONValue] = [
            "variant": .string(variant), "arch": .string(architecture), "version": .string(version.text),
            "rootHash": .string(rootHash.hex),
        ]
        if !waves.starts.isEmpty { members["waves"] = waves.json }
        if let maxVersion { members["maxVersion"] = .string(maxVersion.text) }
        if isWithdrawn { members["withdrawn"] = true }
        return .object(members)
    }

    /// Names are parts of paths: nothing that could lead elsewhere.
    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, isAlphanumeric(first) else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || ".~^-".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte)
    }
}

extension WaveTable {
    /// Reads a table: an object from first seeds to RFC 3339 times; nil is a release that is open to everybody.
    ///
    /// - Throws: `RolloutError.badTable`.
    public init(json: JSONValue?) throws(RolloutError) {
        guard let json else {
            self = .open
            return
        }
        guard let members = json.members, members.count <= WaveSchedule.waveLimit else {
            throw .badTable(value: json.kind, allowed: "an object of at most \(WaveSchedule.waveLimit) waves")
        }
        var starts: [Start] = []
        for (name, value) in members {
            // One text for each seed, so that no two members can mean the same.
            guard let seed = Int(name), String(seed) == name, Fleet.isSeed(seed) else {
                throw .badTable(value: name, allowed: "a seed from 0 to \(Fleet.seedCount - 1)")
            }
            guard let text = value.string, let time = MetadataTime(text) else {
                throw .badTable(value: value.description, allowed: "a time such as 2026-01-31T12:00:00Z")
            }
            starts.append(Start(seed: seed, time: time.seconds))
        }
        try self.init(starts.sorted { $0.seed < $1.seed })
    }

    /// The table as ``init(json:)`` reads it.
    public var json: JSONValue {
        .object(
            Dictionary(
                starts.map {
                    (String($0.seed), JSONValue.string(MetadataTime(seconds: $0.time).description))
                },
                uniquingKeysWith: { first, _ in first }
            )
        )
    }
}
