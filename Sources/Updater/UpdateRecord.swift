public import Hashing
public import HostAPI
import JSON
import SmallFiles

/// What the updater keeps over a reboot: its status, what it chose and staged, and what failed here.
public struct UpdateRecord: Sendable, Equatable {
    /// A release that was chosen: enough to fetch exactly it, and to know it again.
    public struct Choice: Sendable, Equatable {
        /// Its root hash.
        public var rootHash: SHA256Digest
        /// The digest of its signed `release.json`: what is written is what was chosen.
        public var manifest: SHA256Digest
        /// Whether the operator chose it, by its name or before its wave: a look that nobody asked for keeps it.
        public var isWish = false
    }

    /// What an update fetches, as was decided before it began.
    public struct Plan: Sendable, Equatable {
        /// Bytes that come from the network: root and kernel image.
        public var bytes: UInt64
        /// How the root comes: `none`, `pack`, `ranges` or `stream`.
        public var method: String
    }

    /// A release in the inactive slot.
    public struct Staged: Sendable, Equatable {
        /// The release.
        public var image: UpdateStatus.Image
        /// Its root hash.
        public var rootHash: SHA256Digest
        /// The size of its kernel image in bytes.
        public var kernelSize: UInt64
        /// The digest of its kernel image.
        public var kernel: SHA256Digest
        /// Whether its boot entry is about to be removed: if that is gone, nothing brings it back.
        public var isTakenBack = false
    }

    /// A release that did not prove itself on this host.
    public struct Failure: Sendable, Equatable {
        /// Its version.
        public var version: String
        /// Its root hash: another release may have the same version.
        public var rootHash: SHA256Digest
        /// Why, as far as it is known.
        public var reason: String
        /// When it was found out.
        public var time: Timestamp
        /// The boot whose word was told last, here or at a failure before of this release; nil where none left one.
        public var bootID: String?
    }

    /// What the API shows; nil before the first look for updates.
    public var status: UpdateStatus?
    /// What `status.chosenUpdate` is, exactly.
    public var choice: Choice?
    /// What `prepare` fetches for it, once that was decided.
    public var plan: Plan?
    /// What the inactive slot has, once it was written.
    public var staged: Staged?
    /// What failed here, the latest last.
    public var failures: [Failure] = []

    /// The state; idle before the first look.
    public var state: UpdateStatus.State { status?.state ?? .idle }

    private static let failureLimit = 16
    /// Bytes of a text that others have a part in.
    static let textLimit = 4096
    /// Far above what the failures and the status can have, even where JSON escapes every character.
    private static let sizeLimit = 1 << 20
    private static let format: Int64 = 1

    /// Nothing was done yet.
    public init() {}

    /// Remembers a failure; an earlier one of the same release goes, and so do the oldest of too many.
    public mutating func add(_ failure: Failure) {
        var failure = failure
        // What an earlier boot left stays known as told.
        failure.bootID = failure.bootID ?? failures.last { $0.rootHash == failure.rootHash }?.bootID
        failures.removeAll { $0.rootHash == failure.rootHash }
        failure.reason = failure.reason.bounded(to: Self.textLimit)
        failures.append(failure)
        failures.removeFirst(max(0, failures.count - Self.failureLimit))
    }

    /// Reads a record; an empty one where there is no file.
    ///
    /// - Throws: `UpdaterError.record` for a file that can't be read or has another form.
    public static func load(_ path: String) throws(UpdaterError) -> UpdateRecord {
        let bytes: [UInt8]
        do throws(SmallFileError) { bytes = try readSmallFile(path, maximumLength: sizeLimit) } catch {
            if error.isMissing { return UpdateRecord() }
            throw .record(path: path, reason: error.description)
        }
        do {
            return try UpdateRecord(json: try JSONValue(parsing: bytes))
        } catch {
            throw .record(
                path: path,
                reason: "is damaged: \(error); remove it, and look for updates again ('refresh')"
            )
        }
    }

    /// Writes the record durably.
    ///
    /// - Throws: `UpdaterError.record`.
    public func save(_ path: String) throws(UpdaterError) {
        do throws(SmallFileWriteError) {
            try replaceSmallFile(path, with: Array((json.prettyText + "\n").utf8))
        } catch {
            throw .record(path: path, reason: error.description)
        }
    }
}

extension UpdateRecord {
    init(json: JSONValue) throws {
        guard json["format"]?.integer == Self.format else {
            throw PayloadError(place: "format", reason: "must be \(Self.format)")
        }
        if let status = json["status"], status != .null { self.status = try UpdateStatus(json: status) }
        if let choice = json["choice"], choice != .null {
            self.choice = Choice(
                rootHash: try Self.digest(choice, "root-hash"),
                manifest: try Self.digest(choice, "manifest"),
                isWish: choice["wish"]?.bool ?? false
            )
        }
        if let plan = json["plan"], plan != .null {
            self.plan = Plan(
                bytes: UInt64(clamping: plan["bytes"]?.integer ?? 0),
                method: try Self.text(plan, "method")
            )
        }
        if let staged = json["staged"], staged != .null {
            self.staged = Staged(
                image: UpdateStatus.Image(
                    arch: try Self.text(staged, "arch"),
                    version: try Self.text(staged, "version"),
                    variant: try Self.text(staged, "variant")
                ),
                rootHash: try Self.digest(staged, "root-hash"),
                kernelSize: UInt64(clamping: staged["kernel-size"]?.integer ?? 0),
                kernel: try Self.digest(staged, "kernel"),
                isTakenBack: staged["taken-back"]?.bool ?? false
            )
        }
        failures = try (json["failures"]?.elements ?? []).prefix(Self.failureLimit).map { failure in
            Failure(
                version: try Self.text(failure, "version"),
                rootHash: try Self.digest(failure, "root-hash"),
                reason: try Self.text(failure, "reason"),
                time: Timestamp(try Self.text(failure, "time")) ?? Timestamp(seconds: 0),
                bootID: failure["boot-id"]?.string
            )
        }
    }

    var json: JSONValue {
        [
            "format": .integer(Self.format), "status": status?.json ?? .null,
            "choice": choice.map {
                [
                    "root-hash": .string($0.rootHash.hex), "manifest": .string($0.manifest.hex),
                    "wish": .bool($0.isWish),
                ]
            } ?? .null,
            "plan": plan.map {
                ["bytes": .integer(Int64(clamping: $0.bytes)), "method": .string($0.method)]
            } ?? .null,
            "staged": staged.map {
                [
                    "arch": .string($0.image.arch), "version": .string($0.image.version),
                    "variant": .string($0.image.variant), "root-hash": .string($0.rootHash.hex),
                    "kernel-size": .integer(Int64(clamping: $0.kernelSize)), "kernel": .string($0.kernel.hex),
                    "taken-back": .bool($0.isTakenBack),
                ]
            } ?? .null,
            "failures": .array(
                failures.map {
                    [
                        "version": .string($0.version), "root-hash": .string($0.rootHash.hex),
                        "reason": .string($0.reason), "time": .string($0.time.description),
                        "boot-id": $0.bootID.map { .string($0) } ?? .null,
                    ]
                }
            ),
        ]
    }

    private static func text(_ json: JSONValue, _ name: String) throws(PayloadError) -> String {
        guard let text = json[name]?.string else {
            throw PayloadError(place: name, reason: "must be a string")
        }
        return text
    }

    private static func digest(_ json: JSONValue, _ name: String) throws(PayloadError) -> SHA256Digest {
        guard let digest = SHA256Digest(hex: try text(json, name)) else {
            throw PayloadError(place: name, reason: "must be 64 hexadecimal digits")
        }
        return digest
    }
}
