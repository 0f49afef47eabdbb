import Glibc
import SmallFiles

/// What is written down of sessions, so that a server that was killed leaves no commands behind: the next one ends them.
enum LeftOverSessions {
    private static let suffix = ".session"
    /// Entries of the folder that are looked at; far more than there can be sessions.
    private static let maximumEntries = 4096

    /// Writes down that a command is about to be started.
    static func note(id: String, target: String, folder: String) {
        // Without the note the session works just as well.
        try? replaceSmallFile(
            "\(folder)/\(id)\(suffix)",
            with: Array(target.utf8),
            mode: 0o600,
            durably: false
        )
    }

    /// The command is gone.
    static func forget(id: String, folder: String) { unlink("\(folder)/\(id)\(suffix)") }

    /// The commands that a server before this one has left; what else it left in the folder is removed.
    ///
    /// They stay written down until they are gone.
    static func found(in folder: String) -> [(id: String, target: String)] {
        var found: [(id: String, target: String)] = []
        for name in names(in: folder) {
            let path = "\(folder)/\(name)"
            if name.hasSuffix(suffix), let bytes = try? readSmallFile(path, maximumLength: 255),
                let target = String(validating: bytes, as: UTF8.self)
            {
                found.append((String(name.dropLast(suffix.count)), target))
            } else {
                unlink(path)
            }
        }
        return found
    }

    private static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while names.count < maximumEntries, let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
