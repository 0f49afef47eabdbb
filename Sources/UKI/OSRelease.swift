/// The identity of an operating system, as in `/usr/lib/os-release` (os-release(5)).
public struct OSRelease: Sendable, Equatable {
    /// All assignments, with the quoting resolved; the last one of a key counts.
    public let fields: [String: String]

    /// Reads `KEY=value` lines with shell quoting; empty lines and those that start with `#` are skipped.
    ///
    /// A value is made of unquoted, single-quoted and double-quoted parts, as in a shell, but ends with its line.
    /// - Throws: `UKIError.badOSRelease` with the first line that is not valid.
    public init(parsing text: String) throws(UKIError) {
        var fields: [String: String] = [:]
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for (index, line) in lines.enumerated() {
            let content = line.drop { $0 == " " || $0 == "\t" }
            if content.isEmpty || content.hasPrefix("#") { continue }
            guard let equals = content.firstIndex(of: "="), Self.isKey(content[..<equals]),
                let value = Self.unquoted(content[content.index(after: equals)...])
            else { throw .badOSRelease(line: index + 1, text: String(line.prefix(120))) }
            fields[String(content[..<equals])] = value
        }
        self.fields = fields
    }

    /// The value of a key.
    public subscript(key: String) -> String? { fields[key] }

    /// The system's identifier, `linux` where there is none.
    public var id: String { fields["ID"] ?? "linux" }
    /// The system's version, for programs.
    public var versionID: String? { fields["VERSION_ID"] }
    /// The name of the image that the system was installed from.
    public var imageID: String? { fields["IMAGE_ID"] }
    /// The version of that image.
    public var imageVersion: String? { fields["IMAGE_VERSION"] }
    /// The system's variant, for programs.
    public var variantID: String? { fields["VARIANT_ID"] }
    /// The name that people are shown, `Linux` where there is none.
    public var prettyName: String { fields["PRETTY_NAME"] ?? "Linux" }

    private static func isKey(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, first == UInt8(ascii: "_") || isLetter(first) else { return false }
        return text.utf8.allSatisfy {
            $0 == UInt8(ascii: "_") || isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    /// The value with its quotes resolved; nil if a quote does not end or a shell would see more than one word.
    private static func unquoted(_ text: Substring) -> String? {
        enum State { case plain, single, double, end }
        var state = State.plain
        var value = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            switch (state, character) {
            case (.plain, "'"): state = .single
            case (.plain, "\""): state = .double
            case (.single, "'"), (.double, "\""): state = .plain
            case (.plain, "\\"):
                guard let next = rest.popFirst() else { return nil }
                value.append(next)
            case (.double, "\\"):
                guard let next = rest.popFirst() else { return nil }
                if !"\"\\$`".contains(next) { value.append("\\") }
                value.append(next)
            case (.plain, " "), (.plain, "\t"): state = .end
            case (.end, " "), (.end, "\t"): break
            case (.end, _): return nil
            // What a shell would expand or run is not a value.
            case (.plain, "$"), (.plain, "`"), (.plain, ";"), (.plain, "&"), (.plain, "|"), (.plain, "<"),
                (.plain, ">"), (.plain, "("), (.plain, ")"), (.double, "$"), (.double, "`"):
                return nil
            default: value.append(character)
            }
        }
        return state == .plain || state == .end ? value : nil
    }
}

extension OSRelease {
    /// The key by which systemd-boot groups entries.
    public var bootSortKey: String? { fields["IMAGE_ID"] ?? fields["ID"] }

    /// The version by which systemd-boot orders entries of one sort key.
    public var bootVersion: String? {
        fields["IMAGE_VERSION"] ?? fields["VERSION"] ?? fields["VERSION_ID"] ?? fields["BUILD_ID"]
    }
}
