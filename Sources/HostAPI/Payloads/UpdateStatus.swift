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

    /// A status.
    public init(
        state: State,
        availableUpdates: [String],
        chosenUpdate: Image?,
        activePartition: Slot?,
        stagingPartition: Slot?,
        mostRecentCommand: Command
    ) {
        self.state = state
        self.availableUpdates = availableUpdates
        self.chosenUpdate = chosenUpdate
        self.activePartition = activePartition
        self.stagingPartition = stagingPartition
        self.mostRecentCommand = mostRecentCommand
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
            )
        )
    }

    /// The status as JSON; what is not there is `null`, as Bottlerocket's clients expect.
    public var json: JSONValue {
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

    private static func json(_ image: Image) -> JSONValue {
        [
            "arch": .string(image.arch), "version": .string(image.version), "variant": .string(image.variant),
        ]
    }

    private static func json(_ slot: Slot) -> JSONValue {
        ["image": json(slot.image), "next_to_boot": .bool(slot.nextToBoot)]
    }
}
