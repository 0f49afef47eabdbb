import JSON

/// A library that a program or library loads at run time with `dlopen`, by its own account.
///
/// https://systemd.io/ELF_DLOPEN_METADATA/
public struct DlopenNote: Sendable, Equatable {
    /// How much the library matters.
    public enum Priority: String, Sendable, Equatable {
        /// Without it the file does not work.
        case required
        /// Without it something usual does not work.
        case recommended
        /// Without it something special does not work.
        case suggested
    }

    /// The names of which the first that can be loaded is taken.
    public let sonames: [String]
    /// How much the library matters; `recommended` where the note does not say.
    public let priority: Priority
    /// What it is needed for, as an identifier.
    public let feature: String?

    /// A note from its parts.
    public init(sonames: [String], priority: Priority, feature: String? = nil) {
        self.sonames = sonames
        self.priority = priority
        self.feature = feature
    }

    static let noteType: UInt32 = 0x407c_0c0a
    static let noteName = Array("FDO\0".utf8)

    /// Reads a note's text: a JSON array of objects, followed by NULs.
    static func parse(_ text: ArraySlice<UInt8>) throws(ELFError) -> [DlopenNote] {
        guard let end = text.lastIndex(where: { $0 != 0 }) else { return [] }
        let document = try? JSONValue(parsing: text[...end], limits: JSONLimits(bytes: 1 << 16, depth: 16))
        guard let elements = document?.elements else {
            throw .malformed("a .note.dlopen is not a JSON array")
        }
        var notes: [DlopenNote] = []
        for element in elements {
            guard case .object(let members) = element, case .array(let names)? = members["soname"] else {
                throw .malformed("a .note.dlopen has an element without sonames")
            }
            var sonames: [String] = []
            for name in names {
                guard case .string(let soname) = name else {
                    throw .malformed("a .note.dlopen has a soname that is not a string")
                }
                sonames.append(soname)
            }
            var priority = Priority.recommended
            if case .string(let word)? = members["priority"] {
                // A word that came into use later must not make a file unreadable.
                priority = Priority(rawValue: word) ?? .recommended
            }
            var feature: String?
            if case .string(let word)? = members["feature"] { feature = word }
            notes.append(DlopenNote(sonames: sonames, priority: priority, feature: feature))
        }
        return notes
    }
}
