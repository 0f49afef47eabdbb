public import JSON

/// One committed state of the settings, without its content: an element of the answer of `GET /generations`.
public struct GenerationSummary: Payload {
    /// Its number.
    public var number: UInt64
    /// Whether it is in force.
    public var isCurrent: Bool
    /// When it was committed.
    public var time: Timestamp
    /// The version of the OS that wrote it.
    public var osVersion: String
    /// Who made it.
    public var author: Author
    /// Why it exists: `commit`, `restore`, `unconfirmed`, `confirm`, `os-version`, `boot` or `first`.
    public var reason: String
    /// Set while it must still be confirmed.
    public var trial: Trial?

    /// Who made a generation, as the kernel told (SO_PEERCRED, unix(7)).
    public struct Author: Sendable, Equatable {
        /// The number of the user.
        public var uid: UInt32
        /// The number of the group.
        public var gid: UInt32
        /// The number of the process.
        public var pid: Int32
        /// The name of the program.
        public var program: String

        /// A client.
        public init(uid: UInt32, gid: UInt32, pid: Int32, program: String) {
            self.uid = uid
            self.gid = gid
            self.pid = pid
            self.program = program
        }
    }

    /// A commit that is taken back unless it is confirmed.
    public struct Trial: Sendable, Equatable {
        /// How much time is left, in seconds.
        public var secondsLeft: Int64
        /// The generation that comes back.
        public var previous: UInt64

        /// A trial.
        public init(secondsLeft: Int64, previous: UInt64) {
            self.secondsLeft = secondsLeft
            self.previous = previous
        }
    }

    /// A generation.
    public init(
        number: UInt64,
        isCurrent: Bool,
        time: Timestamp,
        osVersion: String,
        author: Author,
        reason: String,
        trial: Trial? = nil
    ) {
        self.number = number
        self.isCurrent = isCurrent
        self.time = time
        self.osVersion = osVersion
        self.author = author
        self.reason = reason
        self.trial = trial
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "GenerationSummary"

    static let properties: [String: JSONValue] = [
        "number": PayloadSchema.count("The number; it grows by one with each commit."),
        "current": PayloadSchema.flag("Whether it is in force."),
        "time": PayloadSchema.time("When it was committed."),
        "os_version": PayloadSchema.text("The version of the OS that wrote it."),
        "author": PayloadSchema.object(
            "Who made it, as the kernel told (SO_PEERCRED).",
            [
                "uid": PayloadSchema.count("The number of the user."),
                "gid": PayloadSchema.count("The number of the group."),
                "pid": ["type": "integer", "description": "The number of the process."],
                "program": PayloadSchema.text("The name of the program."),
            ]
        ),
        "reason": PayloadSchema.text(
            "Why it exists: first, commit, restore, unconfirmed, confirm, os-version or boot."
        ),
        "trial": PayloadSchema.object(
            "There while the commit must still be confirmed.",
            [
                "seconds_left": PayloadSchema.count("How much time is left."),
                "previous": PayloadSchema.count("The generation that comes back."),
            ]
        ),
    ]
    static let required = ["author", "current", "number", "os_version", "reason", "time"]

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "One committed state of the settings.",
        properties,
        required: required
    )

    /// Reads a generation.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        let author = try object.object("author")
        let trial = try object.optionalObject("trial")
        self.init(
            number: UInt64(try object.integer("number", 0...Int64.max)),
            isCurrent: try object.bool("current"),
            time: try object.time("time"),
            osVersion: try object.text("os_version"),
            author: Author(
                uid: try author.integer("uid", 0...UInt32.max),
                gid: try author.integer("gid", 0...UInt32.max),
                pid: try author.integer("pid", Int32.min...Int32.max),
                program: try author.text("program")
            ),
            reason: try object.text("reason")
        )
        if let trial {
            self.trial = Trial(
                secondsLeft: try trial.integer("seconds_left", 0...Int64.max),
                previous: UInt64(try trial.integer("previous", 0...Int64.max))
            )
        }
    }

    var members: [String: JSONValue] {
        PayloadSchema.members([
            "number": .integer(Int64(clamping: number)), "current": .bool(isCurrent),
            "time": .string(time.description), "os_version": .string(osVersion),
            "author": [
                "uid": .integer(Int64(author.uid)), "gid": .integer(Int64(author.gid)),
                "pid": .integer(Int64(author.pid)), "program": .string(author.program),
            ],
            "reason": .string(reason),
            "trial": trial.map {
                [
                    "seconds_left": .integer(max(0, $0.secondsLeft)),
                    "previous": .integer(Int64(clamping: $0.previous)),
                ]
            },
        ])
    }

    /// The generation as JSON.
    public var json: JSONValue { .object(members) }
}

/// One committed state of the settings with its content: the answer of `GET /generations/{number}`.
public struct GenerationDetail: Payload {
    /// Everything but the content.
    public var summary: GenerationSummary
    /// The settings in force in it: strong over weak over defaults.
    public var settings: JSONValue
    /// What was set by people and programs.
    public var strong: JSONValue
    /// What generators made, until the next boot.
    public var weak: JSONValue
    /// The defaults of the image that wrote it.
    public var defaults: JSONValue

    /// A generation.
    public init(
        summary: GenerationSummary,
        settings: JSONValue,
        strong: JSONValue,
        weak: JSONValue,
        defaults: JSONValue
    ) {
        self.summary = summary
        self.settings = settings
        self.strong = strong
        self.weak = weak
        self.defaults = defaults
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "Generation"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "One committed state of the settings with its content.",
        GenerationSummary.properties.merging(
            Dictionary(
                uniqueKeysWithValues: ["settings", "strong", "weak", "defaults"].map {
                    ($0, OpenAPI.settingsReference)
                }
            )
        ) { $1 },
        required: GenerationSummary.required + ["settings", "strong", "weak", "defaults"]
    )

    /// Reads a generation.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        summary = try GenerationSummary(json: json)
        settings = .object(try object.object("settings").members)
        strong = .object(try object.object("strong").members)
        weak = .object(try object.object("weak").members)
        defaults = .object(try object.object("defaults").members)
    }

    /// The generation as JSON.
    public var json: JSONValue {
        .object(
            summary.members.merging([
                "settings": settings, "strong": strong, "weak": weak, "defaults": defaults,
            ]) { $1 }
        )
    }
}

/// What differs between two generations: the answer of `GET /generations/compare`.
public struct GenerationComparison: Payload {
    /// One setting that differs.
    public struct Change: Sendable, Equatable {
        /// The key of the setting.
        public var key: String
        /// Its value in the first generation; nil if it was not set.
        public var before: JSONValue?
        /// Its value in the second one; nil if it is not set.
        public var after: JSONValue?

        /// A difference; a setting whose value is secret is given as `"***"`.
        public init(key: String, before: JSONValue?, after: JSONValue?) {
            self.key = key
            self.before = before
            self.after = after
        }
    }

    /// The first generation.
    public var from: UInt64
    /// The second one.
    public var to: UInt64
    /// What differs, in order of the keys.
    public var changes: [Change]

    /// A comparison.
    public init(from: UInt64, to: UInt64, changes: [Change]) {
        self.from = from
        self.to = to
        self.changes = changes
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "GenerationComparison"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "What differs between two generations.",
        [
            "from": PayloadSchema.count("The first generation."),
            "to": PayloadSchema.count("The second generation."),
            "changes": PayloadSchema.list(
                PayloadSchema.object(
                    "One setting that differs; one that is not set has no member. Secrets are shown as ***.",
                    [
                        "key": PayloadSchema.key,
                        "before": ["description": "The value in the first generation."],
                        "after": ["description": "The value in the second generation."],
                    ],
                    required: ["key"]
                )
            ),
        ]
    )

    /// Reads a comparison.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        from = UInt64(try object.integer("from", 0...Int64.max))
        to = UInt64(try object.integer("to", 0...Int64.max))
        changes = try object.list("changes") { change throws(PayloadError) in
            Change(
                key: try change.text("key"),
                before: change.optionalValue("before"),
                after: change.optionalValue("after")
            )
        }
    }

    /// The comparison as JSON.
    public var json: JSONValue {
        [
            "from": .integer(Int64(clamping: from)), "to": .integer(Int64(clamping: to)),
            "changes": .array(
                changes.map {
                    .object(
                        PayloadSchema.members([
                            "key": .string($0.key), "before": $0.before, "after": $0.after,
                        ])
                    )
                }
            ),
        ]
    }
}
