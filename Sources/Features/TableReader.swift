internal import JSON

/// Reads the values of a feature file's tables and gathers what is wrong with them.
struct TableReader {
    /// More problems than anybody mends at once.
    private static let maximumProblems = 100

    private(set) var problems: [String] = []

    mutating func refuse(_ key: String, _ reason: String) {
        if problems.count < Self.maximumProblems { problems.append("\(key): \(reason)") }
    }

    /// The members of a table that may not be there; names other than the known ones are problems.
    mutating func table(_ value: JSONValue?, _ key: String, known: [String]? = nil) -> [String: JSONValue] {
        guard let value else { return [:] }
        guard let members = value.members else {
            refuse(key, "must be a table")
            return [:]
        }
        if let known {
            let prefix = key.isEmpty ? "" : "\(key)."
            for name in members.keys.sorted() where !known.contains(name) {
                refuse(
                    "\(prefix)\(name)",
                    "there is no such key; here there is: \(known.joined(separator: ", "))"
                )
            }
        }
        return members
    }

    /// A text that must be there.
    mutating func text(_ value: JSONValue?, _ key: String) -> String? {
        guard let text = value?.string, !text.isEmpty else {
            refuse(key, value == nil ? "is missing: it must be a text" : "must be a text that is not empty")
            return nil
        }
        return text
    }

    /// A list of texts; nil, and no problem, where there is none.
    mutating func texts(_ value: JSONValue?, _ key: String) -> [String]? {
        guard let value else { return nil }
        let texts = value.elements?.compactMap(\.string)
        guard let texts, texts.count == value.elements?.count, !texts.contains("") else {
            refuse(key, "must be a list of texts that are not empty")
            return nil
        }
        return texts
    }

    /// Whether a name has the form that clients and files can count on.
    mutating func check(name: String, _ key: String) {
        guard !Self.isName(name) else { return }
        refuse(key, "the name must be 1 to 64 of a-z, 0-9, '-' and '.', a letter or digit first")
    }

    static func isName(_ name: String) -> Bool {
        let bytes = name.utf8
        let isAlphanumeric = { (byte: UInt8) in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard (1...64).contains(bytes.count), let first = bytes.first, isAlphanumeric(first) else {
            return false
        }
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }
}
