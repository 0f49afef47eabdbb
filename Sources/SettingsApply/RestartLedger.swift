internal import Features
internal import Synchronization

/// The services that have not taken up what changed in their files.
///
/// Kept in a file beside the rendered ones, so that a server that is killed between writing a file and restarting what
/// reads it owes the restart still when it comes back. At boot nothing is owed: the folder lies in memory.
final class RestartLedger: Sendable {
    private static let path = "/restarts-owed"
    private static let maximumLength = 1 << 20

    private let folder: TargetFolder
    private let known: Set<String>
    private let owed: Mutex<Set<String>?>

    /// - Parameter known: the names of all services; a file may have others, of another version.
    init(folder: TargetFolder, known: Set<String>) {
        self.folder = folder
        self.known = known
        owed = Mutex(nil)
    }

    /// The services that are owed a restart.
    var services: Set<String> {
        owed.withLock { load(&$0) }
    }

    /// Notes services before a file of theirs changes.
    func add(_ names: some Sequence<String>) {
        change { $0.union(names) }
    }

    /// Forgets services that have taken up their files.
    func remove(_ names: some Sequence<String>) {
        change { $0.subtracting(names) }
    }

    private func change(_ body: (Set<String>) -> Set<String>) {
        owed.withLock { owed in
            let old = load(&owed)
            let new = body(old)
            guard new != old else { return }
            owed = new
            if new.isEmpty { return folder.remove(Self.path) }
            let text = new.sorted().map { $0 + "\n" }.joined()
            // Without the file only a kill at the wrong moment costs a restart; the files' own errors are reported.
            try? folder.replace(Self.path, content: Array(text.utf8), mode: 0o600)
        }
    }

    private func load(_ owed: inout Set<String>?) -> Set<String> {
        if let owed { return owed }
        let bytes = folder.read(Self.path, maximumLength: Self.maximumLength) ?? []
        let names = bytes.split(separator: 0x0a).map { String(decoding: $0, as: UTF8.self) }
        let loaded = known.intersection(names)
        owed = loaded
        return loaded
    }
}
