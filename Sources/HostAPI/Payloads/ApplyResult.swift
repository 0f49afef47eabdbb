public import JSON

/// What a commit or an apply did to files and services: the answer where a report is asked for.
public struct ApplyResult: Payload {
    /// The media type of the report; a client that accepts it gets it.
    public static let mediaType = "application/vnd.bulkhead.apply+json"

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
        public init(path: String, changed: Bool, error: String? = nil) {
            self.path = path
            self.changed = changed
            self.error = error
        }
    }

    /// What became of a request to systemd.
    public enum Outcome: String, Sendable, CaseIterable {
        case done, failed
        /// systemd did not finish in time; it goes on.
        case timedOut = "timed-out"
        /// Nothing it reads changed, or one of its files failed.
        case skipped
    }

    /// One service.
    public struct Service: Sendable, Equatable {
        /// The name, as in `GET /services`.
        public var name: String
        /// What was asked of systemd: "systemctl try-restart containerd.service".
        public var command: String
        /// What became of it.
        public var outcome: Outcome
        /// Why it failed; nil if it did not.
        public var error: String?

        /// What happened to a service.
        public init(name: String, command: String, outcome: Outcome, error: String? = nil) {
            self.name = name
            self.command = command
            self.outcome = outcome
            self.error = error
        }
    }

    /// The keys whose value in force changed, sorted.
    public var changed: [String]
    /// The files.
    public var files: [File]
    /// The services.
    public var services: [Service]
    /// Settings that can't take effect now, with the reason and what to do: boot parameters, for example.
    public var notices: [String]

    /// What was done.
    public init(
        changed: [String] = [],
        files: [File] = [],
        services: [Service] = [],
        notices: [String] = []
    ) {
        self.changed = changed
        self.files = files
        self.services = services
        self.notices = notices
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "ApplyResult"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "What was done to files and services.",
        [
            "changed": PayloadSchema.list(PayloadSchema.key, "The settings whose value in force changed."),
            "files": PayloadSchema.list(
                PayloadSchema.object(
                    "One file.",
                    [
                        "path": PayloadSchema.text("The path that programs use."),
                        "changed": PayloadSchema.flag("Whether its content is other than before."),
                        "error": PayloadSchema.text("Why it could not be rendered or written."),
                    ],
                    required: ["path", "changed"]
                )
            ),
            "services": PayloadSchema.list(
                PayloadSchema.object(
                    "One request to systemd.",
                    [
                        "name": PayloadSchema.text("The name of the service, as in GET /services."),
                        "command": PayloadSchema.text("What was asked of systemd."),
                        "outcome": PayloadSchema.choice(Outcome.self, "What became of it."),
                        "error": PayloadSchema.text("Why it failed."),
                    ],
                    required: ["name", "command", "outcome"]
                )
            ),
            "notices": PayloadSchema.list(
                PayloadSchema.text("A setting that can't take effect now, why, and what to do.")
            ),
        ]
    )

    /// Reads a report.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        changed = try object.texts("changed")
        files = try object.list("files") { file throws(PayloadError) in
            File(
                path: try file.text("path"),
                changed: try file.bool("changed"),
                error: try file.optionalText("error")
            )
        }
        services = try object.list("services") { service throws(PayloadError) in
            Service(
                name: try service.text("name"),
                command: try service.text("command"),
                outcome: try service.choice("outcome", Outcome.self),
                error: try service.optionalText("error")
            )
        }
        notices = try object.texts("notices")
    }

    /// The report as JSON.
    public var json: JSONValue {
        [
            "changed": .strings(changed),
            "files": .array(
                files.map {
                    .object(
                        PayloadSchema.members([
                            "path": .string($0.path), "changed": .bool($0.changed),
                            "error": $0.error.map { .string($0) },
                        ])
                    )
                }
            ),
            "services": .array(
                services.map {
                    .object(
                        PayloadSchema.members([
                            "name": .string($0.name), "command": .string($0.command),
                            "outcome": .string($0.outcome.rawValue), "error": $0.error.map { .string($0) },
                        ])
                    )
                }
            ),
            "notices": .strings(notices),
        ]
    }

    /// Whether everything that was asked for is done.
    public var succeeded: Bool {
        files.allSatisfy { $0.error == nil }
            && services.allSatisfy { $0.outcome == .done || $0.outcome == .skipped }
    }
}
