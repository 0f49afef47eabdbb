public import Hashing

/// The content of a `SHA256SUMS` file, in the format of `sha256sum` (GNU coreutils).
///
/// Names are those of files in the same folder; they have no spaces, slashes or backslashes, so that no line
/// needs an escape.
public struct ChecksumList: Sendable, Hashable {
    /// A line: a file and its digest.
    public struct Entry: Sendable, Hashable {
        /// The file's name, without folders.
        public let name: String
        /// The digest of the file's bytes.
        public let sha256: SHA256Digest

        /// States a file's digest.
        public init(name: String, sha256: SHA256Digest) {
            self.name = name
            self.sha256 = sha256
        }
    }

    /// Largest file that is read, in bytes.
    public static let sizeLimit = 1 << 20

    /// The entries, sorted by the bytes of their names.
    public let entries: [Entry]

    /// Takes entries in any order.
    ///
    /// - Throws: `ReleaseManifestError.badLine` (its line counted in the given order) for a name that is no plain
    ///   file name, or comes twice.
    public init(_ entries: [Entry]) throws(ReleaseManifestError) {
        var names: Set<String> = []
        for (number, entry) in entries.enumerated() {
            guard FileName.isPlain(entry.name) else {
                throw .badLine(
                    line: number + 1,
                    reason: "the name is no plain file name without folders and spaces"
                )
            }
            guard names.insert(entry.name).inserted else {
                throw .badLine(line: number + 1, reason: "'\(entry.name)' has another line already")
            }
        }
        self.entries = entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// Reads a file's bytes; text (`  `) and binary (` *`) lines mean the same.
    ///
    /// - Throws: `ReleaseManifestError.tooLarge` or `.badLine`.
    public init(parsing bytes: [UInt8]) throws(ReleaseManifestError) {
        guard bytes.count <= Self.sizeLimit else {
            throw .tooLarge(size: bytes.count, limit: Self.sizeLimit)
        }
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        guard let last = lines.popLast(), last.isEmpty else {
            throw .badLine(line: lines.count + 1, reason: "it does not end in a newline, so it may be cut")
        }
        var entries: [Entry] = []
        for (number, line) in lines.enumerated() {
            let digits = line.prefix(64)
            let separator = line.dropFirst(64).prefix(2)
            guard let text = String(validating: digits, as: UTF8.self), let digest = SHA256Digest(hex: text),
                separator.elementsEqual([0x20, 0x20]) || separator.elementsEqual([0x20, UInt8(ascii: "*")])
            else {
                throw .badLine(
                    line: number + 1,
                    reason: "64 hexadecimal digits, two spaces and a name are expected"
                )
            }
            guard let name = String(validating: line.dropFirst(66), as: UTF8.self) else {
                throw .badLine(line: number + 1, reason: "the name is not UTF-8")
            }
            entries.append(Entry(name: name, sha256: digest))
        }
        try self.init(entries)
    }

    /// The digest of a file; nil if it has no line.
    public subscript(name: String) -> SHA256Digest? {
        entries.first { $0.name == name }?.sha256
    }

    /// The file's text: a line an entry, sorted by name.
    public func encoded() -> String {
        entries.map { "\($0.sha256.hex)  \($0.name)\n" }.joined()
    }
}
