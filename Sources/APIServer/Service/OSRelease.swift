import Glibc

/// What os-release(5) and uname(2) say about the running OS.
struct OSRelease: Sendable, Equatable {
    /// The largest file that is read, in bytes.
    static let maximumSize = 64 << 10

    private var fields: [String: String] = [:]

    /// Reads a file.
    ///
    /// - Throws: `APIServerError.file` when it can't be read.
    init(path: String) throws(APIServerError) {
        guard let bytes = BoundedFile.read(path, limit: Self.maximumSize) else {
            throw .file(path: path, reason: "cannot be read, or is longer than \(Self.maximumSize) bytes")
        }
        self.init(parsing: String(decoding: bytes, as: UTF8.self))
    }

    /// Reads lines `NAME=value`, with the value in quotes or without.
    ///
    /// Other lines are passed over.
    init(parsing text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].hasPrefix("#") else { continue }
            fields[String(parts[0])] = Self.unquoted(parts[1])
        }
    }

    /// The value of a field; empty if there is none.
    subscript(_ name: String) -> String { fields[name] ?? "" }

    /// The architecture of the machine, as uname(2) names it.
    static var architecture: String {
        var name = utsname()
        guard uname(&name) == 0 else { return "unknown" }
        return withUnsafeBytes(of: &name.machine) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private static func unquoted(_ text: Substring) -> String {
        guard let quote = text.first, quote == "\"" || quote == "'" else { return String(text) }
        var result = ""
        var isEscaped = false
        for character in text.dropFirst() {
            if isEscaped {
                result.append(character)
                isEscaped = false
            } else if character == "\\", quote == "\"" {
                isEscaped = true
            } else if character == quote {
                break
            } else {
                result.append(character)
            }
        }
        return result
    }
}
