import Archive
import Foundation

/// What a `.deb` file says about itself (deb(5)): control fields and what its scripts and triggers are.
///
/// Reading it does not look at the package's files; `UnpackedPackage` does.
public struct DebPackage: Sendable, Equatable {
    /// The control fields.
    public let control: ControlParagraph
    /// Configuration files, as absolute paths.
    public let conffiles: [String]
    /// The names of the maintainer scripts it has (`preinst`, `postinst`, `prerm`, `postrm`, `config`), sorted.
    public let scripts: [String]
    /// The lines of the triggers file, without comments.
    public let triggers: [String]

    /// The field `Package`.
    public var name: String { control["Package"] ?? "" }
    /// The field `Version`.
    public var version: String { control["Version"] ?? "" }
    /// The field `Architecture`.
    public var architecture: String { control["Architecture"] ?? "" }
    /// The packages whose files this one may take over.
    public var replaces: Set<String> { control.packageNames(in: "Replaces") }

    /// Reads the control part of a package file.
    ///
    /// - Throws: `DebError`, which names the file.
    public init(path: String) throws(DebError) {
        var package: DebPackage?
        try Self.read(path) { (part, reader) throws(DebError) in
            if part == .control { package = try DebPackage(controlArchive: &reader, of: path) }
        }
        guard let package else { throw .malformed(package: path, reason: "it has no control.tar member") }
        self = package
    }

    // MARK: Parts

    enum Part { case control, data }

    private static let outerLimits = ArchiveLimits(maximumEntries: 16, maximumBytes: 8 << 30)
    private static let controlLimits = ArchiveLimits(maximumEntries: 256, maximumBytes: 64 << 20)
    private static let dataLimits = ArchiveLimits(maximumEntries: 1 << 20, maximumBytes: 16 << 30)
    private static let suffixes = ["", ".xz", ".zst", ".gz"]

    /// Hands out the control and the data archive, in this order, and reads the file to its end.
    static func read(
        _ path: String,
        _ body: (Part, inout ArchiveReader) throws(DebError) -> Void
    ) throws(DebError) {
        do {
            var outer = try ArchiveReader(path: path, format: .ar, limits: outerLimits)
            var expected: [Part] = [.data, .control]
            guard try outer.next()?.path == "debian-binary" else {
                throw DebError.malformed(package: path, reason: "its first member is not debian-binary")
            }
            let version = String(decoding: try outer.readAll(limit: 1024), as: UTF8.self)
            guard version.hasPrefix("2."), version.contains("\n") else {
                let shown = version.prefix(20).filter { !$0.isNewline }
                throw DebError.malformed(
                    package: path,
                    reason: "it has the format version '\(shown)', not 2.0"
                )
            }
            while let member = try outer.next() {
                // deb(5): a name with an underscore may stand anywhere and means nothing; others only at the end.
                guard let part = expected.last else { continue }
                if member.path.hasPrefix("_") { continue }
                let stem = part == .control ? "control.tar" : "data.tar"
                guard suffixes.contains(where: { member.path == stem + $0 }) else {
                    let reason =
                        "its member '\(member.path)' stands where \(stem) (.xz, .zst, .gz) is expected"
                    throw DebError.malformed(package: path, reason: reason)
                }
                expected.removeLast()
                var inner = try ArchiveReader(
                    nestedIn: outer,
                    name: "\(path)(\(member.path))",
                    format: .tar,
                    limits: part == .control ? controlLimits : dataLimits
                )
                try body(part, &inner)
            }
            if let part = expected.last {
                let stem = part == .control ? "control.tar" : "data.tar"
                throw DebError.malformed(package: path, reason: "it has no \(stem) member")
            }
        } catch let error as ArchiveError {
            throw .malformed(package: path, reason: error.problem)
        } catch let error as DebError {
            throw error
        } catch {
            throw .malformed(package: path, reason: "\(error)")
        }
    }

    init(controlArchive reader: inout ArchiveReader, of path: String) throws(DebError) {
        var texts: [String: String] = [:]
        do throws(ArchiveError) {
            while let entry = try reader.next() {
                guard entry.kind == .file else { continue }
                let name = entry.path.hasPrefix("./") ? String(entry.path.dropFirst(2)) : entry.path
                if Self.scriptNames.contains(name) {
                    texts[name] = ""
                } else if ["control", "conffiles", "triggers"].contains(name) {
                    texts[name] = String(decoding: try reader.readAll(limit: 16 << 20), as: UTF8.self)
                }
            }
        } catch {
            throw .malformed(package: path, reason: error.problem)
        }
        guard let text = texts["control"] else {
            throw .malformed(package: path, reason: "it has no control file")
        }
        let control = try ControlParagraph(parsing: text, source: "\(path)(control)")
        for field in ["Package", "Version", "Architecture"] where control[field]?.isEmpty ?? true {
            throw .malformed(package: path, reason: "its control file has no field '\(field)'")
        }
        self.init(
            control: control,
            // A line "remove-on-upgrade /etc/x" names a file that is no longer shipped.
            conffiles: Self.lines(texts["conffiles"]).filter { $0.hasPrefix("/") },
            scripts: Self.scriptNames.filter { texts[$0] != nil },
            triggers: Self.lines(texts["triggers"]).filter { !$0.hasPrefix("#") }
        )
    }

    init(control: ControlParagraph, conffiles: [String], scripts: [String], triggers: [String]) {
        self.control = control
        self.conffiles = conffiles
        self.scripts = scripts
        self.triggers = triggers
    }

    private static let scriptNames = ["config", "postinst", "postrm", "preinst", "prerm"]

    private static func lines(_ text: String?) -> [String] {
        (text ?? "").split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }
}
