public import JSON

/// One thing that is not as it should be.
public struct HealthProblem: Payload {
    /// What found it: `user-data`, `generator`, `apply`, `store`, `trial` and the like.
    public var source: String
    /// The key of the setting that it is about; nil if it is about none.
    public var key: String?
    /// The value that was refused, shortened; nil for secrets, and where there is none.
    public var value: String?
    /// What is wrong and what to do.
    public var message: String
    /// When it was found.
    public var time: Timestamp

    /// A problem.
    public init(source: String, key: String? = nil, value: String? = nil, message: String, time: Timestamp) {
        self.source = source
        self.key = key
        self.value = value
        self.message = message
        self.time = time
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "HealthProblem"

    static let maximumLength = 4096

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "One thing that is not as it should be.",
        [
            "source": ["type": "string", "maxLength": 64, "description": "What found it."],
            "key": [
                "type": "string", "maxLength": .integer(Int64(maximumLength)),
                "description": "The setting that it is about.",
            ],
            "value": [
                "type": "string", "maxLength": .integer(Int64(maximumLength)),
                "description": "The value that was refused.",
            ],
            "message": [
                "type": "string", "maxLength": .integer(Int64(maximumLength)),
                "description": "What is wrong and what to do.",
            ],
            "time": PayloadSchema.time("When it was found."),
        ],
        required: ["source", "message", "time"]
    )

    /// Reads a problem.
    public init(json: JSONValue) throws(PayloadError) { try self.init(PayloadReader(json)) }

    init(_ object: PayloadReader) throws(PayloadError) {
        try object.refuseOthers(than: ["source", "key", "value", "message", "time"])
        source = try object.text("source")
        guard source.unicodeScalars.count <= 64 else {
            throw object.wrong("source", "at most 64 characters")
        }
        key = try object.optionalText("key")
        value = try object.optionalText("value")
        message = try object.text("message")
        for (name, text) in [("key", key), ("value", value), ("message", message)]
        where (text?.unicodeScalars.count ?? 0) > Self.maximumLength {
            throw object.wrong(name, "at most \(Self.maximumLength) characters")
        }
        time = try object.time("time")
    }

    /// The problem as JSON.
    public var json: JSONValue {
        .object(
            PayloadSchema.members([
                "source": .string(source), "key": key.map { .string($0) }, "value": value.map { .string($0) },
                "message": .string(message), "time": .string(time.description),
            ])
        )
    }
}

/// What the steps of the boot found: the body of `POST /boot-report`.
///
/// Each step posts its own; a later one of the same step takes the place of the earlier one.
public struct BootReport: Payload {
    /// Problems in one report, at most.
    public static let maximumProblems = 1000

    /// The steps of the boot.
    public enum Step: String, Sendable, CaseIterable {
        case migrate
        case userData = "user-data"
        case generate
        case apply
        /// Bootstrap commands and bootstrap containers.
        case bootstrap
    }

    /// The step.
    public var step: Step
    /// What was wrong; empty if nothing was.
    public var problems: [HealthProblem]

    /// A report.
    public init(step: Step, problems: [HealthProblem]) {
        self.step = step
        self.problems = problems
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "BootReport"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "What one step of the boot found.",
        [
            "step": PayloadSchema.choice(Step.self, "The step."),
            "problems": [
                "type": "array", "items": HealthProblem.reference,
                "maxItems": .integer(Int64(maximumProblems)),
                "description": "What was wrong; empty if nothing was.",
            ],
        ]
    )

    /// Reads a report.
    public init(json: JSONValue) throws(PayloadError) { try self.init(PayloadReader(json)) }

    init(_ object: PayloadReader) throws(PayloadError) {
        try object.refuseOthers(than: ["step", "problems"])
        step = try object.choice("step", Step.self)
        problems = try object.list("problems") { problem throws(PayloadError) in
            try HealthProblem(problem)
        }
        guard problems.count <= Self.maximumProblems else {
            throw PayloadError(place: "problems", reason: "at most \(Self.maximumProblems) are taken at once")
        }
    }

    /// The report as JSON.
    public var json: JSONValue {
        ["step": .string(step.rawValue), "problems": .array(problems.map(\.json))]
    }
}

/// How the host is: the answer of `GET /health`.
public struct Health: Payload {
    /// In one word.
    public enum Status: String, Sendable, CaseIterable {
        case ok
        /// Something failed; `problems` says what.
        case degraded
        /// The boot is not through yet.
        case starting
    }

    /// In one word.
    public var status: Status
    /// Everything that is wrong now.
    public var problems: [HealthProblem]
    /// What the steps of this boot reported, in their order; a step that is missing has not run.
    public var boot: [BootReport]

    /// How a host is.
    public init(status: Status, problems: [HealthProblem], boot: [BootReport]) {
        self.status = status
        self.problems = problems
        self.boot = boot
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "Health"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "How the host is.",
        [
            "status": PayloadSchema.choice(
                Status.self,
                "ok; degraded: something failed; starting: the boot is not through yet."
            ),
            "problems": PayloadSchema.list(HealthProblem.reference, "Everything that is wrong now."),
            "boot": PayloadSchema.list(
                BootReport.reference,
                "What the steps of this boot reported; a step that is missing has not run."
            ),
        ]
    )

    /// Reads an answer.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        status = try object.choice("status", Status.self)
        problems = try object.list("problems") { problem throws(PayloadError) in
            try HealthProblem(problem)
        }
        boot = try object.list("boot") { report throws(PayloadError) in try BootReport(report) }
    }

    /// The answer as JSON.
    public var json: JSONValue {
        [
            "status": .string(status.rawValue), "problems": .array(problems.map(\.json)),
            "boot": .array(boot.map(\.json)),
        ]
    }
}
