public import JSON

/// How far an update is: the answer of `GET /updates/status`, in Bottlerocket's form.
public struct UpdateStatus: Payload {
    /// The states of the updater.
    public enum State: String, Sendable, CaseIterable {
        case idle = "Idle"
        case available = "Available"
        case staged = "Staged"
        case ready = "Ready"
    }

    /// One image of the OS.
    public struct Image: Sendable, Equatable {
        /// The processor's architecture.
        public var arch: String
        /// The version of the OS.
        public var version: String
        /// The variant.
        public var variant: String

        /// An image.
        public init(arch: String, version: String, variant: String) {
            self.arch = arch
            self.version = version
            self.variant = variant
        }
    }

    /// One slot of the disk.
    public struct Slot: Sendable, Equatable {
        /// What is in it.
        public var image: Image
        /// Whether the next boot takes it.
        public var nextToBoot: Bool

        /// A slot.
        public init(image: Image, nextToBoot: Bool) {
            self.image = image
            self.nextToBoot = nextToBoot
        }
    }

    /// The last command that was done, and what became of it.
    public struct Command: Sendable, Equatable {
        /// The commands.
        public enum Kind: String, Sendable, CaseIterable { case refresh, prepare, activate, deactivate }

        /// What became of a command.
        public enum Status: String, Sendable, CaseIterable {
            case success = "Success"
            case failed = "Failed"
            case unknown = "Unknown"
        }

        /// The command.
        public var kind: Kind
        /// What became of it.
        public var status: Status
        /// When it ended.
        public var timestamp: Timestamp
        /// The exit status; nil if there is none.
        public var exitStatus: Int32?
        /// What it said; nil if nothing.
        public var stderr: String?

        /// A command.
        public init(kind: Kind, status: Status, timestamp: Timestamp, exitStatus: Int32?, stderr: String?) {
            self.kind = kind
            self.status = status
            self.timestamp = timestamp
            self.exitStatus = exitStatus
            self.stderr = stderr
        }
    }

    /// A release that did not prove itself on this host.
    public struct FailedUpdate: Sendable, Equatable {
        /// Its version.
        public var version: String
        /// Why, as far as it is known.
        public var reason: String
        /// When it was found out.
        public var time: Timestamp

        /// A failure.
        public init(version: String, reason: String, time: Timestamp) {
            self.version = version
            self.reason = reason
            self.time = time
        }
    }

    /// What `prepare` fetches, as it was decided before anything was fetched.
    public struct Plan: Sendable, Equatable {
        /// Bytes.
        public var bytes: UInt64
        /// From where, in a word or two.
        public var method: String

        /// A plan.
        public init(bytes: UInt64, method: String) {
            self.bytes = bytes
            self.method = method
        }
    }

    /// How far `prepare` is.
    public struct Progress: Sendable, Equatable {
        /// What is being done.
        public var phase: String
        /// Bytes done in this phase; 0 where a phase is not counted in bytes.
        public var done: UInt64
        /// Bytes to do in this phase; 0 where a phase is not counted in bytes.
        public var total: UInt64

        /// A progress.
        public init(phase: String, done: UInt64, total: UInt64) {
            self.phase = phase
            self.done = done
            self.total = total
        }
    }

    /// The state.
    public var state: State
    /// Versions that could be installed, the newest first.
    public var availableUpdates: [String]
    /// What `prepare` would write, or has written.
    public var chosenUpdate: Image?
    /// The slot that runs.
    public var activePartition: Slot?
    /// The other slot; nil while nothing is staged.
    public var stagingPartition: Slot?
    /// The last command.
    public var mostRecentCommand: Command
    /// The release that was tried last and did not prove itself; nil once a release has proved itself after it.
    public var failedUpdate: FailedUpdate?
    /// Why the last look for updates chose none; nil if it chose one.
    public var noUpdateReason: String?
    /// What `prepare` fetches, or fetched; nil before that was decided.
    public var plan: Plan?
    /// How far `prepare` is; nil while it is not at work.
    public var progress: Progress?

    /// A status.
    public init(
        state: State,
        availableUpdates: [String],
        chosenUpdate: Image?,
        activePartition: Slot?,
        stagingPartition: Slot?,
        mostRecentCommand: Command,
        failedUpdate: FailedUpdate? = nil,
        noUpdateReason: String? = nil,
        plan: Plan? = nil,
        progress: Progress? = nil
    ) {
        self.state = state
        self.availableUpdates = availableUpdates
        self.chosenUpdate = chosenUpdate
        self.activePartition = activePartition
        self.stagingPartition = stagingPartition
        self.mostRecentCommand = mostRecentCommand
        self.failedUpdate = failedUpdate
        self.noUpdateReason = noUpdateReason
        self.plan = plan
        self.progress = progress
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "UpdateStatus"

    private static let imageSchema = PayloadSchema.object(
        "One image of the OS.",
        [
            "arch": PayloadSchema.text("The processor's architecture."),
            "version": PayloadSchema.text("The version of the OS."),
            "variant": PayloadSchema.text("The variant."),
        ]
    )
    private static let slotSchema = PayloadSchema.object(
        "One slot of the disk.",
        ["image": imageSchema, "next_to_boot": PayloadSchema.flag("Whether the next boot takes it.")]
    )

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "How far an update is.",
        [
            "update_state": PayloadSchema.choice(State.self, "The state."),
            "available_updates": PayloadSchema.list(["type": "string"], "Versions that could be installed."),
            "chosen_update": PayloadSchema.nullable(imageSchema),
            "active_partition": PayloadSchema.nullable(slotSchema),
            "staging_partition": PayloadSchema.nullable(slotSchema),
            "most_recent_command": PayloadSchema.object(
                "The last command that was done.",
                [
                    "cmd_type": PayloadSchema.choice(Command.Kind.self, "The command."),
                    "cmd_status": PayloadSchema.choice(Command.Status.self, "What became of it."),
                    "timestamp": PayloadSchema.time("When it ended."),
                    "exit_status": PayloadSchema.nullable(["type": "integer"]),
                    "stderr": PayloadSchema.nullable(["type": "string"]),
                ]
            ),
            "failed_update": PayloadSchema.object(
                "The release that was tried last and did not prove itself.",
                [
                    "version": PayloadSchema.text("Its version."),
                    "reason": PayloadSchema.text("Why, as far as it is known."),
                    "time": PayloadSchema.time("When it was found out."),
                ]
            ),
            "no_update_reason": PayloadSchema.text("Why the last look for updates chose none."),
            "plan": PayloadSchema.object(
                "What `prepare` fetches, or fetched, as it was decided before.",
                [
                    "bytes": PayloadSchema.count("Bytes."),
                    "method": PayloadSchema.text("From where, in a word or two."),
                ]
            ),
            "progress": PayloadSchema.object(
                "How far `prepare` is.",
                [
                    "phase": PayloadSchema.text("What is being done."),
                    "done": PayloadSchema.count("Bytes done in this phase; 0 if it is not counted in bytes."),
                    "total": PayloadSchema.count(
                        "Bytes to do in this phase; 0 if it is not counted in bytes."
                    ),
                ]
            ),
        ],
        // The others are Bulkhead's own, and there only when there is something to say.
        required: [
            "update_state", "available_updates", "chosen_update", "active_partition", "staging_partition",
            "most_recent_command",
        ]
    )

    /// Reads a status.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        let command = try object.object("most_recent_command")
        self.init(
            state: try object.choice("update_state", State.self),
            availableUpdates: try object.texts("available_updates"),
            chosenUpdate: try object.optionalObject("chosen_update").map(Self.image),
            activePartition: try object.optionalObject("active_partition").map(Self.slot),
            stagingPartition: try object.optionalObject("staging_partition").map(Self.slot),
            mostRecentCommand: Command(
                kind: try command.choice("cmd_type", Command.Kind.self),
                status: try command.choice("cmd_status", Command.Status.self),
                timestamp: try command.time("timestamp"),
                exitStatus: try command.optionalInteger("exit_status", Int32.min...Int32.max),
                stderr: try command.optionalText("stderr")
            ),
            failedUpdate: try object.optionalObject("failed_update").map { failure throws(PayloadError) in
                try FailedUpdate(
                    version: failure.text("version"),
                    reason: failure.text("reason"),
                    time: failure.time("time")
                )
            },
            noUpdateReason: try object.optionalText("no_update_reason"),
            plan: try object.optionalObject("plan").map { plan throws(PayloadError) in
                try Plan(bytes: plan.integer("bytes", 0...Self.maximum), method: plan.text("method"))
            },
            progress: try object.optionalObject("progress").map { progress throws(PayloadError) in
                try Progress(
                    phase: progress.text("phase"),
                    done: progress.integer("done", 0...Self.maximum),
                    total: progress.integer("total", 0...Self.maximum)
                )
            }
        )
    }

    /// The largest number of bytes that JSON text keeps exactly (RFC 8259, section 6).
    private static let maximum: UInt64 = 1 << 53

    /// The status as JSON; of Bottlerocket's members, what is not there is `null`, as its clients expect.
    public var json: JSONValue {
        var members = bottlerocketMembers
        if let failedUpdate {
            members["failed_update"] = [
                "version": .string(failedUpdate.version), "reason": .string(failedUpdate.reason),
                "time": .string(failedUpdate.time.description),
            ]
        }
        if let noUpdateReason { members["no_update_reason"] = .string(noUpdateReason) }
        if let plan {
            members["plan"] = ["bytes": Self.json(plan.bytes), "method": .string(plan.method)]
        }
        if let progress {
            members["progress"] = [
                "phase": .string(progress.phase), "done": Self.json(progress.done),
                "total": Self.json(progress.total),
            ]
        }
        return .object(members)
    }

    private var bottlerocketMembers: [String: JSONValue] {
        [
            "update_state": .string(state.rawValue), "available_updates": .strings(availableUpdates),
            "chosen_update": chosenUpdate.map(Self.json) ?? .null,
            "active_partition": activePartition.map(Self.json) ?? .null,
            "staging_partition": stagingPartition.map(Self.json) ?? .null,
            "most_recent_command": [
                "cmd_type": .string(mostRecentCommand.kind.rawValue),
                "cmd_status": .string(mostRecentCommand.status.rawValue),
                "timestamp": .string(mostRecentCommand.timestamp.description),
                "exit_status": mostRecentCommand.exitStatus.map { .integer(Int64($0)) } ?? .null,
                "stderr": mostRecentCommand.stderr.map { .string($0) } ?? .null,
            ],
        ]
    }

    private static func image(_ object: PayloadReader) throws(PayloadError) -> Image {
        Image(
            arch: try object.text("arch"),
            version: try object.text("version"),
            variant: try object.text("variant")
        )
    }

    private static func slot(_ object: PayloadReader) throws(PayloadError) -> Slot {
        Slot(image: try image(object.object("image")), nextToBoot: try object.bool("next_to_boot"))
    }

    private static func json(_ bytes: UInt64) -> JSONValue { .integer(Int64(min(bytes, maximum))) }

    private static func json(_ image: Image) -> JSONValue {
        [
            "arch": .string(image.arch), "version": .string(image.version), "variant": .string(image.variant),
        ]
    }

    private static func json(_ slot: Slot) -> JSONValue {
        ["image": json(slot.image), "next_to_boot": .bool(slot.nextToBoot)]
    }
}
