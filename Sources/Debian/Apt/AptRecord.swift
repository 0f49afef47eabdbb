import Foundation
import Hashing

/// One paragraph of a Packages index, as `apt-cache show` prints it.
struct AptRecord {
    private var fields: [String: String] = [:]

    /// Reads paragraphs divided by empty lines; continuation lines are dropped, no field needed here has any.
    static func parse(_ text: String) -> [AptRecord] {
        var records: [AptRecord] = []
        var current = AptRecord()
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.allSatisfy(\.isWhitespace) {
                if !current.fields.isEmpty { records.append(current) }
                current = AptRecord()
            } else if !line.hasPrefix(" "), !line.hasPrefix("\t"), let colon = line.firstIndex(of: ":") {
                let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
                current.fields[line[..<colon].lowercased()] = value
            }
        }
        if !current.fields.isEmpty { records.append(current) }
        return records
    }

    /// A field by its name in lower case.
    subscript(_ name: String) -> String? { fields[name] }

    /// The names of the packages that this one cannot be without, alternatives included.
    var dependencies: [String] {
        ["depends", "pre-depends"].compactMap { fields[$0] }.flatMap { field in
            field.split(whereSeparator: { $0 == "," || $0 == "|" }).compactMap { part in
                part.split(whereSeparator: { $0 == " " || $0 == "(" || $0 == ":" }).first.map(String.init)
            }
        }
    }

    /// The path below the archive's root.
    var filename: String? {
        guard let filename = fields["filename"] else { return nil }
        return filename.hasPrefix("./") ? String(filename.dropFirst(2)) : filename
    }

    /// The record as a locked package of an archive.
    ///
    /// - Returns: nil when a field is missing or is not a number that should be one.
    func package(in archive: ArchiveName) throws(PackageLockError) -> LockedPackage? {
        guard let name = fields["package"], let version = fields["version"],
            let architecture = fields["architecture"], let filename,
            let size = fields["size"].flatMap({ Int($0) }),
            let digest = fields["sha256"].flatMap({ SHA256Digest(hex: $0) })
        else { return nil }
        let source = source(name: name, version: version)
        return try LockedPackage(
            name: name,
            version: version,
            architecture: architecture,
            archive: archive,
            filename: filename,
            size: size,
            sha256: digest,
            source: source.name,
            sourceVersion: source.version,
            section: fields["section"] ?? "unknown",
            installedSize: fields["installed-size"].flatMap { Int($0) } ?? 0
        )
    }

    /// Policy 5.6.1: `Source: name (version)`, with the parts left out that equal the binary package's.
    private func source(name: String, version: String) -> (name: String, version: String) {
        guard let field = fields["source"] else { return (name, version) }
        guard let open = field.firstIndex(of: "("), field.hasSuffix(")") else { return (field, version) }
        let sourceName = field[..<open].trimmingCharacters(in: .whitespaces)
        let sourceVersion = field[field.index(after: open)...].dropLast().trimmingCharacters(in: .whitespaces)
        return (sourceName, sourceVersion)
    }
}
