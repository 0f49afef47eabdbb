import HostAPIServer
import JSON
import NIOCore
import NIOHTTP1
import SettingsModel
import SettingsStore
import Synchronization

/// What readers see: one state of the settings that never changes.
struct Snapshot: Sendable {
    /// The generation in force, with what is made from it once.
    var inForce: InForce
    /// The pending transactions, by name.
    var transactions: [String: PendingTransaction]
    /// Whether settings can't be changed until the next boot.
    var isLocked: Bool

    /// A generation in force, and the answer to `GET /settings`.
    final class InForce: Sendable {
        let generation: Generation
        let settings: SettingsDocument
        /// The settings as JSON, as they are sent.
        let answer: ReadyAnswer

        init(_ generation: Generation) {
            self.generation = generation
            settings = generation.settings
            let body = ByteBuffer(string: settings.json.description)
            answer = ReadyAnswer(
                headers: ["content-type": "application/json", "content-length": "\(body.readableBytes)"],
                body: body
            )
        }
    }
}

/// The snapshot that readers take now; they never wait for a change in progress.
final class SnapshotBox: Sendable {
    private let snapshot: Mutex<Snapshot>

    init(_ snapshot: Snapshot) { self.snapshot = Mutex(snapshot) }

    var value: Snapshot { snapshot.withLock { $0 } }

    /// Changes a part of it; only the owner of the store does.
    func update(_ change: (inout Snapshot) -> Void) { snapshot.withLock { change(&$0) } }

    /// The answer to `GET /settings`, without copying the rest.
    var settingsAnswer: ReadyAnswer { snapshot.withLock { $0.inForce.answer } }
}
