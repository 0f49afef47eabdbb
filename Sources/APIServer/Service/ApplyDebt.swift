import Logging
import Synchronization

/// What was committed and is not applied yet, in a file that outlives the server, but not the boot.
///
/// The file has the number of the generation that files and services were last known to follow. It is written before a
/// commit that is to be applied and removed when all such commits are: a server that is killed in between leaves it, and the
/// next one applies what has changed since. After a boot everything is applied anyway.
final class ApplyDebt: Sendable {
    private let path: String
    private let logger: Logger
    /// Changes that are not applied yet.
    private let open = Mutex(0)

    /// The generation that the server before this one left; nil if it owed nothing.
    let inherited: UInt64?

    init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
        inherited = BoundedFile.read(path, limit: 64).map { UInt64(String(decoding: $0, as: UTF8.self)) ?? 0 }
    }

    /// Notes that a change of this generation is to be applied; `end` must follow.
    func begin(_ generation: UInt64) {
        open.withLock { open in
            open += 1
            // The first one of several counts: all of them are applied before it is forgotten.
            guard open == 1 else { return }
            do throws(APIServerError) {
                try BoundedFile.replace(path, Array("\(generation)".utf8))
            } catch {
                logger.warning("a change is not applied if the server is killed now: \(error)")
            }
        }
    }

    /// Notes that a change is applied, or was not made.
    func end() {
        open.withLock { open in
            open = max(0, open - 1)
            if open == 0 { BoundedFile.remove(path) }
        }
    }
}
