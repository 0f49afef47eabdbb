import Glibc
internal import JSON

/// Why a version on trial was given up: left by the boot that failed for those that come after it.
///
/// A hang leaves none. Then the boot entry alone, with its tries used up, tells that the version failed.
public struct BootFailureRecord: Sendable, Equatable {
    /// One thing that was wrong.
    public struct Reason: Sendable, Equatable {
        /// What kind of thing it is.
        public enum Kind: String, Sendable, CaseIterable {
            /// A health check that was not passed; the name is the check's.
            case check
            /// A unit of systemd that failed; the name is the unit's.
            case unit
            /// A unit that was still being started when the time was over.
            case waiting
            /// Nothing was found wrong, but boot-complete.target was not reached in time.
            case deadline
            /// systemd could not be asked.
            case manager
        }

        /// What kind of thing was wrong.
        public let kind: Kind
        /// Which one.
        public let name: String
        /// What was seen, in a sentence.
        public let detail: String

        /// A reason; long texts are cut.
        public init(_ kind: Kind, _ name: String, _ detail: String) {
            self.kind = kind
            self.name = BootFailureRecord.cut(name, to: 256)
            self.detail = BootFailureRecord.cut(detail, to: 1000)
        }
    }

    /// Where a host keeps it.
    public static let path = "/state/updates/boot-failure.json"
    /// More reasons than these are counted, not listed.
    static let maximumReasons = 32
    private static let formatVersion: Int64 = 1

    /// The version that failed, as VERSION_ID of os-release(5) has it.
    public let version: String
    /// The path of the boot entry with its counter, as systemd-boot gave it; nil if it is not known.
    public let entry: String?
    /// The kernel's random id of the boot that failed.
    public let bootID: String
    /// When it was given up, in seconds since 1970.
    public let time: Int64
    /// How long the boot had lasted, in seconds.
    public let uptime: Int64
    /// What was wrong, the most telling first; never empty when made by `current(on:)`.
    public let reasons: [Reason]

    /// A record; of very many reasons the first ones are kept.
    public init(
        version: String,
        entry: String?,
        bootID: String,
        time: Int64,
        uptime: Int64,
        reasons: [Reason]
    ) {
        self.version = Self.cut(version, to: 256)
        self.entry = entry.map { Self.cut($0, to: 512) }
        self.bootID = Self.cut(bootID, to: 64)
        self.time = time
        self.uptime = uptime
        self.reasons = Array(reasons.prefix(Self.maximumReasons))
    }

    /// The record for people, a line each: what failed and when, the reasons, where more is.
    public var lines: [String] {
        let entry = entry.map { ", boot entry \($0)" } ?? ""
        let head = "version \(version) failed its trial at \(timeText), \(uptime) s after its start\(entry)"
        return [head] + reasons.map { "  \($0.kind.rawValue) \($0.name): \($0.detail)" }
            + ["  its journal: journalctl --boot=\(bootID)"]
    }

    /// The time in the form of RFC 3339.
    private var timeText: String {
        var seconds = time_t(time)
        var fields = tm()
        var buffer = [CChar](repeating: 0, count: 64)
        guard gmtime_r(&seconds, &fields) != nil,
            strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &fields) > 0
        else { return "second \(time)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The record as JSON text.
    var json: String {
        let list = reasons.map { reason -> JSONValue in
            [
                "kind": .string(reason.kind.rawValue), "name": .string(reason.name),
                "detail": .string(reason.detail),
            ]
        }
        var members: [String: JSONValue] = [
            "formatVersion": .integer(Self.formatVersion), "version": .string(version),
            "bootID": .string(bootID),
            "time": .integer(time), "uptime": .integer(uptime), "reasons": .array(list),
        ]
        if let entry { members["entry"] = .string(entry) }
        return JSONValue.object(members).description + "\n"
    }

    /// Reads JSON text; members that are not known are ignored.
    ///
    /// - Throws: `BootFailureRecordError.malformed`.
    init(json text: String) throws(BootFailureRecordError) {
        let json: JSONValue
        do { json = try JSONValue(parsing: text) } catch { throw .malformed("it is no JSON: \(error)") }
        guard json["formatVersion"]?.integer == Self.formatVersion else {
            throw .malformed("its formatVersion is not \(Self.formatVersion)")
        }
        guard let version = json["version"]?.string, let bootID = json["bootID"]?.string,
            let time = json["time"]?.integer, let uptime = json["uptime"]?.integer,
            let list = json["reasons"]?.elements
        else { throw .malformed("'version', 'bootID', 'time', 'uptime' or 'reasons' is missing") }
        var reasons: [Reason] = []
        for element in list.prefix(Self.maximumReasons) {
            guard let kind = element["kind"]?.string.flatMap({ Reason.Kind(rawValue: $0) }),
                let name = element["name"]?.string, let detail = element["detail"]?.string
            else { throw .malformed("a reason is not made of 'kind', 'name' and 'detail'") }
            reasons.append(Reason(kind, name, detail))
        }
        self.init(
            version: version,
            entry: json["entry"]?.string,
            bootID: bootID,
            time: time,
            uptime: uptime,
            reasons: reasons
        )
    }

    /// One line of so many bytes at most.
    private static func cut(_ text: String, to limit: Int) -> String {
        let head = String(decoding: text.utf8.prefix(limit), as: UTF8.self)
        var line = String(head.map { $0.isNewline ? " " : $0 })
        // A character that was cut in two became U+FFFD, which may be longer.
        if head.utf8.count != text.utf8.count || line.utf8.count > limit {
            while line.utf8.count > limit || line.hasSuffix("\u{FFFD}") { line.removeLast() }
        }
        return line
    }
}

/// Why the record of a failed trial can't be read or written.
public enum BootFailureRecordError: Error, Equatable, CustomStringConvertible {
    /// An operation on a file failed.
    case file(operation: String, path: String, errno: Int32)
    /// The file is larger than a record can be.
    case tooLarge(path: String)
    /// The file holds no record, for the reason given.
    case malformed(String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .file(let operation, let path, let errno):
            "could not \(operation) '\(path)': \(String(cString: strerror(errno)))"
        case .tooLarge(let path):
            "'\(path)' is too large for the record of a failed trial: remove it"
        case .malformed(let reason):
            "the record of a failed trial can't be read: \(reason); remove it"
        }
    }
}
