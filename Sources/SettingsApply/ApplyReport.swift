/// What applying settings did: files written, services restarted, and what went wrong.
public struct ApplyReport: Sendable, Equatable {
    /// One file.
    public struct File: Sendable, Equatable {
        /// The path that programs use.
        public var path: String
        /// Whether its content is other than before.
        public var changed: Bool
        /// Why it could not be rendered or written; nil if it was.
        ///
        /// The old content stays then.
        public var error: String?

        /// What happened to a file.
        public init(path: String, changed: Bool, error: String?) {
            self.path = path
            self.changed = changed
            self.error = error
        }
    }

    /// What became of one request to systemd.
    public enum Outcome: String, Sendable, CaseIterable {
        case done, failed
        /// systemd did not finish in time; it goes on.
        case timedOut = "timed-out"
        /// Nothing it reads changed, or one of its files failed.
        case skipped
    }

    /// One service.
    public struct Service: Sendable, Equatable {
        /// The name, as in the feature file.
        public var name: String
        /// What was asked: "systemctl try-restart containerd.service".
        public var command: String
        /// What became of it.
        public var outcome: Outcome
        /// Why it failed; nil if it did not.
        public var error: String?

        /// What happened to a service.
        public init(name: String, command: String, outcome: Outcome, error: String?) {
            self.name = name
            self.command = command
            self.outcome = outcome
            self.error = error
        }
    }

    /// The files, in order of their paths.
    public var files: [File]
    /// The services, in order of their names.
    public var services: [Service]
    /// Settings that can't take effect now, with the reason and what to do: boot parameters, for example.
    public var notices: [String]

    /// What was done.
    public init(files: [File] = [], services: [Service] = [], notices: [String] = []) {
        self.files = files
        self.services = services
        self.notices = notices
    }

    /// Whether everything that was asked for is done.
    public var succeeded: Bool {
        files.allSatisfy { $0.error == nil }
            && services.allSatisfy { $0.outcome == .done || $0.outcome == .skipped }
    }
}
