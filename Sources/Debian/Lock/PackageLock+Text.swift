import Foundation
import Hashing
import JSON

extension PackageLock {
    /// The largest lock file that is read, in bytes.
    public static let maximumFileSize = 16 << 20

    /// The lock as JSON with sorted keys and one line a package, so that version control shows changes well.
    public var text: String {
        var lines = ["{"]
        lines.append("  \"formatVersion\": \(Self.formatVersion),")
        lines.append("  \"suites\": \(Self.array(suites)),")
        lines.append("  \"components\": \(Self.array(components)),")
        lines.append("  \"sourceDateEpoch\": \(sourceDateEpoch),")
        lines += Self.lines(for: "targets", targets, comma: true)
        lines += Self.lines(for: "tools", tools, comma: false)
        lines.append("}")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(for key: String, _ lists: [String: PackageList], comma: Bool) -> [String] {
        let end = comma ? "}," : "}"
        guard !lists.isEmpty else { return ["  \"\(key)\": {\(end)"] }
        var lines = ["  \"\(key)\": {"]
        let names = lists.keys.sorted()
        for name in names {
            guard let list = lists[name] else { continue }
            lines.append("    \(JSONValue.quoted(name)): {")
            lines.append("      \"requestDigest\": \"\(list.requestDigest.hex)\",")
            lines += array("requested", list.requested.map(JSONValue.quoted), comma: true)
            lines += array("packages", list.packages.map(line), comma: false)
            lines.append(name == names.last ? "    }" : "    },")
        }
        lines.append("  \(end)")
        return lines
    }

    private static func array(_ key: String, _ elements: [String], comma: Bool) -> [String] {
        var lines = ["      \"\(key)\": ["]
        for (index, element) in elements.enumerated() {
            lines.append("        \(element)\(index + 1 == elements.count ? "" : ",")")
        }
        lines.append(comma ? "      ]," : "      ]")
        return lines
    }

    private static func array(_ elements: [String]) -> String {
        "[" + elements.map(JSONValue.quoted).joined(separator: ", ") + "]"
    }

    private static func line(for package: LockedPackage) -> String {
        let fields = [
            ("name", JSONValue.quoted(package.name)),
            ("version", JSONValue.quoted(package.version)),
            ("architecture", JSONValue.quoted(package.architecture)),
            ("archive", JSONValue.quoted(package.archive.rawValue)),
            ("filename", JSONValue.quoted(package.filename)),
            ("size", "\(package.size)"),
            ("sha256", JSONValue.quoted(package.sha256.hex)),
            ("source", JSONValue.quoted(package.source)),
            ("sourceVersion", JSONValue.quoted(package.sourceVersion)),
            ("section", JSONValue.quoted(package.section)),
            ("installedSize", "\(package.installedSize)"),
        ]
        return "{" + fields.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
    }

    /// Reads a lock from the text of a file.
    ///
    /// Unknown, missing and repeated keys are errors: a lock is written by a program and must mean just what
    /// it says.
    ///
    /// - Parameter path: The file's name, for messages only.
    /// - Throws: `PackageLockError.malformed` with the line.
    public init(text: [UInt8], path: String) throws(PackageLockError) {
        do {
            self = try Self.decode(JSONText.parse(text))
        } catch {
            throw .malformed(path: path, line: error.line, problem: error.problem)
        }
    }

    private static func decode(_ root: JSONText.Value) throws(JSONText.Failure) -> PackageLock {
        var fields = try JSONText.Fields(root, "the lock")
        let version = try fields.take("formatVersion")
        guard try version.integer("formatVersion") == formatVersion else {
            throw JSONText.Failure(
                line: version.line,
                problem: "this lock has another format version than \(formatVersion), "
                    + "so another version of bulkhead wrote it"
            )
        }
        let lock = PackageLock(
            suites: try names(fields.take("suites"), "suite"),
            components: try names(fields.take("components"), "component"),
            sourceDateEpoch: try time(fields.take("sourceDateEpoch")),
            targets: try lists(fields.take("targets"), "targets"),
            tools: try lists(fields.take("tools"), "tools")
        )
        try fields.finish()
        return lock
    }

    /// A time that every format we write can hold: FAT ends in 2107.
    private static func time(_ value: JSONText.Value) throws(JSONText.Failure) -> Int {
        let time = try value.integer("sourceDateEpoch")
        guard (0...4_294_967_295).contains(time) else {
            throw JSONText.Failure(line: value.line, problem: "\(time) is no time between 1970 and 2106")
        }
        return time
    }

    private static func names(_ value: JSONText.Value, _ what: String) throws(JSONText.Failure) -> [String] {
        var names: [String] = []
        for element in try value.array("\(what)s") {
            let name = try element.string(what)
            guard DebianName.isSuite(name), !names.contains(name) else {
                throw JSONText.Failure(
                    line: element.line,
                    problem: "'\(name.prefix(80))' is not a new \(what) name"
                )
            }
            names.append(name)
        }
        guard !names.isEmpty else { throw JSONText.Failure(line: value.line, problem: "there is no \(what)") }
        return names
    }

    private static func lists(
        _ value: JSONText.Value,
        _ what: String
    ) throws(JSONText.Failure) -> [String: PackageList] {
        var lists: [String: PackageList] = [:]
        for member in try value.object(what) {
            guard DebianName.isArchitecture(member.key), member.key != "all" else {
                throw JSONText.Failure(
                    line: member.line,
                    problem: "'\(member.key.prefix(80))' is not an architecture"
                )
            }
            lists[member.key] = try list(member.value, architecture: member.key)
        }
        return lists
    }

    private static func list(
        _ value: JSONText.Value,
        architecture: String
    ) throws(JSONText.Failure) -> PackageList {
        var fields = try JSONText.Fields(value, "the list for \(architecture)")
        let digest = try fields.take("requestDigest")
        var requested: [String] = []
        for name in try fields.take("requested").array("requested") {
            requested.append(try name.string("a requested package"))
        }
        var packages: [LockedPackage] = []
        for element in try fields.take("packages").array("packages") {
            let package = try self.package(element)
            guard [architecture, "all"].contains(package.architecture) else {
                throw JSONText.Failure(
                    line: element.line,
                    problem: "'\(package.name)' is for \(package.architecture) in a list for \(architecture)"
                )
            }
            packages.append(package)
        }
        try fields.finish()
        let list: PackageList
        do {
            list = try PackageList(requested: requested, packages: packages)
        } catch {
            throw JSONText.Failure(line: value.line, problem: "\(error)")
        }
        guard try digest.string("requestDigest") == list.requestDigest.hex else {
            throw JSONText.Failure(
                line: digest.line,
                problem:
                    "the request digest does not belong to the requested names, so the file was edited by hand"
            )
        }
        return list
    }

    private static func package(_ value: JSONText.Value) throws(JSONText.Failure) -> LockedPackage {
        var fields = try JSONText.Fields(value, "a package")
        func string(_ key: String) throws(JSONText.Failure) -> String { try fields.take(key).string(key) }
        func integer(_ key: String) throws(JSONText.Failure) -> Int { try fields.take(key).integer(key) }
        let archiveText = try string("archive")
        guard let archive = ArchiveName(rawValue: archiveText) else {
            throw JSONText.Failure(
                line: value.line,
                problem: "'\(archiveText.prefix(80))' is not an archive (debian, debian-security)"
            )
        }
        let digestText = try string("sha256")
        guard let digest = SHA256Digest(hex: digestText) else {
            throw JSONText.Failure(line: value.line, problem: "'\(digestText.prefix(80))' is not a SHA-256")
        }
        let name = try string("name")
        let version = try string("version")
        let architecture = try string("architecture")
        let filename = try string("filename")
        let size = try integer("size")
        let source = try string("source")
        let sourceVersion = try string("sourceVersion")
        let section = try string("section")
        let installedSize = try integer("installedSize")
        try fields.finish()
        do {
            return try LockedPackage(
                name: name,
                version: version,
                architecture: architecture,
                archive: archive,
                filename: filename,
                size: size,
                sha256: digest,
                source: source,
                sourceVersion: sourceVersion,
                section: section,
                installedSize: installedSize
            )
        } catch {
            guard case .invalidPackage(let name, let problem) = error else {
                throw JSONText.Failure(line: value.line, problem: "\(error)")
            }
            throw JSONText.Failure(line: value.line, problem: "package '\(name)': \(problem)")
        }
    }
}

extension PackageLock {
    /// Reads a lock file.
    ///
    /// - Throws: `PackageLockError.file` when it cannot be read or is too large, `.malformed` with the line.
    public init(file path: String) throws(PackageLockError) {
        let bytes: [UInt8]
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
            guard size <= Self.maximumFileSize else {
                throw PackageLockError.file(
                    path: path,
                    reason: "\(size) bytes are more than the \(Self.maximumFileSize) a lock may have"
                )
            }
            bytes = Array(try Data(contentsOf: URL(filePath: path)))
        } catch let error as PackageLockError {
            throw error
        } catch {
            let missing = !FileManager.default.fileExists(atPath: path)
            throw .file(
                path: path,
                reason: missing
                    ? "there is no lock yet; make it with 'bulkhead lock'"
                    : "cannot be read: \(error.localizedDescription)"
            )
        }
        try self.init(text: bytes, path: path)
    }

    /// Writes the lock so that a reader sees either the old file or the new one, whole.
    ///
    /// - Throws: `PackageLockError.file`.
    public func write(to path: String) throws(PackageLockError) {
        do {
            try DurableFile.write(Array(text.utf8), to: path)
        } catch {
            throw .file(path: path, reason: "\(error)")
        }
    }
}
