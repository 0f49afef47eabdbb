/// A paragraph of Debian control data (deb822(5)): fields in order, found by name without regard to case.
public struct ControlParagraph: Sendable, Equatable {
    /// One field.
    public struct Field: Sendable, Equatable {
        /// The name as written.
        public var name: String
        /// The value: lines separated by newlines, without the space that marks a continuation.
        public var value: String

        /// Takes a field.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// All fields in the order of the text.
    public private(set) var fields: [Field]

    /// A paragraph of fields whose names differ.
    public init(fields: [Field] = []) {
        self.fields = fields
    }

    /// The value of a field; nil when there is none.
    public subscript(name: String) -> String? {
        let name = name.lowercased()
        return fields.first { $0.name.lowercased() == name }?.value
    }

    /// Reads the only paragraph of a text; `source` is what errors call it.
    ///
    /// - Throws: `DebError.control` with the line when the text is malformed or has not exactly one paragraph.
    public init(parsing text: String, source: String) throws(DebError) {
        let all = try Self.parseAll(text, source: source)
        guard let first = all.first, all.count == 1 else {
            let reason = "one paragraph of control fields is expected, here are \(all.count)"
            throw .control(source: source, line: 1, reason: reason)
        }
        self = first
    }

    /// Reads all paragraphs of a text, which empty lines separate; lines that start with `#` are comments.
    ///
    /// - Throws: `DebError.control` with the line when the text is malformed.
    public static func parseAll(_ text: String, source: String) throws(DebError) -> [ControlParagraph] {
        var result: [ControlParagraph] = []
        var fields: [Field] = []
        var seen: Set<String> = []
        var number = 0
        for line in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            if line.first == UInt8(ascii: "#") { continue }
            if line.allSatisfy({ isBlank($0) }) {
                if !fields.isEmpty { result.append(ControlParagraph(fields: fields)) }
                fields = []
                seen = []
                continue
            }
            if let first = line.first, isBlank(first) {
                guard !fields.isEmpty else {
                    throw .control(
                        source: source,
                        line: number,
                        reason: "a continuation line without a field"
                    )
                }
                fields[fields.count - 1].value += "\n" + trimmed(line.dropFirst(), front: false)
                continue
            }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else {
                let shown = String(Substring(line)).prefix(60)
                throw .control(
                    source: source,
                    line: number,
                    reason: "'\(shown)' is not a field: 'Name: value'"
                )
            }
            let name = String(Substring(line[..<colon]))
            guard name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), name.utf8.first != UInt8(ascii: "-")
            else {
                throw .control(
                    source: source,
                    line: number,
                    reason: "'\(name.prefix(60))' is not a field name"
                )
            }
            guard seen.insert(name.lowercased()).inserted else {
                throw .control(source: source, line: number, reason: "the field '\(name)' is there twice")
            }
            let value = trimmed(line[line.index(after: colon)...], front: true)
            fields.append(Field(name: name, value: value))
        }
        if !fields.isEmpty { result.append(ControlParagraph(fields: fields)) }
        return result
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private static func trimmed(_ bytes: Substring.UTF8View, front: Bool) -> String {
        var bytes = bytes
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        while front, let first = bytes.first, isBlank(first) { bytes.removeFirst() }
        return String(Substring(bytes))
    }

    /// The package names in a relationship field such as `Replaces`, without versions and architectures.
    public func packageNames(in field: String) -> Set<String> {
        guard let value = self[field] else { return [] }
        var names: Set<String> = []
        for alternative in value.split(whereSeparator: { $0 == "," || $0 == "|" }) {
            let words = alternative.split(whereSeparator: { " \t\n(:[<".contains($0) })
            if let name = words.first { names.insert(String(name)) }
        }
        return names
    }
}
