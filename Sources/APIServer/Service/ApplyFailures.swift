import HostAPI
import JSON
import Logging

/// What the settings want and could not be applied, by file or service.
///
/// In memory, and in a file that outlives the server, but not the boot: what a boot could not apply counts until the next run
/// of the same file or service, whichever server does it.
struct ApplyFailures {
    /// The largest file that is read, in bytes.
    static let maximumSize = 1 << 20
    /// Of a message that is kept, in characters.
    private static let longestMessage = 1000

    /// Why something is not as the settings want it.
    struct Failure: Sendable, Equatable {
        var message: String
        /// Since when, in seconds since 1970.
        var time: Int64
    }

    /// The failures by the path of the file or the name of the service.
    private(set) var byName: [String: Failure] = [:]
    private let path: String
    private let logger: Logger

    /// Reads the file; one that is damaged counts as none, and the next change replaces it.
    init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
        guard let bytes = BoundedFile.read(path, limit: Self.maximumSize),
            let members = try? JSONValue(parsing: bytes).members
        else { return }
        for (name, failure) in members {
            guard let message = failure["message"]?.string, let time = failure["time"]?.integer else {
                continue
            }
            byName[name] = Failure(message: message, time: time)
        }
    }

    /// Takes what a run did, in place of what earlier ones did with the same files and services.
    mutating func note(_ report: ApplyResult, time: Int64) {
        let before = byName
        for file in report.files { note(file.path, file.error, time) }
        let services = Dictionary(grouping: report.services.filter { $0.outcome != .skipped }, by: \.name)
        for (name, commands) in services {
            // A service may have several commands: one that is done does not mend another.
            let failed = commands.first { $0.outcome != .done }
            note(name, failed.map { "\($0.command): \($0.error ?? $0.outcome.rawValue)" }, time)
        }
        if byName != before { save() }
    }

    private mutating func note(_ name: String, _ message: String?, _ time: Int64) {
        byName[name] = message.map { Failure(message: String($0.prefix(Self.longestMessage)), time: time) }
    }

    private func save() {
        let members = byName.mapValues { failure in
            JSONValue.object(["message": .string(failure.message), "time": .integer(failure.time)])
        }
        do throws(APIServerError) {
            try BoundedFile.replace(path, Array(JSONValue.object(members).description.utf8))
        } catch {
            logger.warning("what could not be applied is forgotten if the server restarts: \(error)")
        }
    }
}
