public import JSON
public import SettingsModel

/// Why a request was not done: problem details (RFC 9457), the content of every answer of 400 and above.
public struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The media type of problem details.
    public static let mediaType = "application/problem+json"
    /// The type of problems that the status says all about.
    public static let blankType = "about:blank"
    /// The type of problems with values of settings; `errors` names each of them.
    public static let invalidSettingsType = "/problems/invalid-settings"
    /// The type of problems with parameters of the request; `errors` names each of them.
    public static let invalidParametersType = "/problems/invalid-parameters"

    /// One thing that is wrong: a setting or a parameter.
    public struct Fault: Sendable, Equatable {
        /// The key of the setting, or the name of the parameter.
        public var key: String
        /// The value that was given, shortened; nil when the key itself is wrong.
        public var value: String?
        /// What would be allowed.
        public var allowed: String

        /// A fault.
        public init(key: String, value: String?, allowed: String) {
            self.key = key
            self.value = value
            self.allowed = allowed
        }
    }

    /// A URI reference for the kind of problem.
    public var type: String
    /// A few words for the kind of problem; the reason phrase of the status where the type is `about:blank`.
    public var title: String
    /// The status of HTTP.
    public var status: Int
    /// What is wrong, with what value, and what to do: the text that people see.
    public var detail: String
    /// Every single fault; empty where `detail` says it all.
    public var errors: [Fault]

    /// A problem.
    public init(
        type: String = Problem.blankType,
        title: String? = nil,
        status: Int,
        detail: String,
        errors: [Fault] = []
    ) {
        self.type = type
        self.title = title ?? Self.reasonPhrase(status)
        self.status = status
        self.detail = detail
        self.errors = errors
    }

    /// The problem of settings that are not what the model allows: 400 with every fault.
    public init(_ error: InvalidSettings) {
        self.init(
            type: Self.invalidSettingsType,
            title: "Invalid settings",
            status: 400,
            detail: error.description,
            errors: error.problems.map { Fault(key: $0.key, value: $0.value, allowed: $0.allowed) }
        )
    }

    /// The problem of a body that is not the JSON document that is asked for: 400.
    public init(_ error: JSONError) {
        let isLong = if case .tooLong = error.reason { true } else { false }
        self.init(status: isLong ? 413 : 400, detail: "the body is no valid JSON: \(error)")
    }

    /// The problem of a body of another form: 400.
    public init(_ error: PayloadError) {
        self.init(status: 400, detail: "the body is not what this endpoint takes: \(error)")
    }

    /// The problem of a key that is none: 400.
    public init(_ error: InvalidKey) {
        self.init(status: 400, detail: error.description)
    }

    /// The problem of parameters that are not what the endpoint declares: 400.
    public init(invalidParameters faults: [Fault]) {
        self.init(
            type: Self.invalidParametersType,
            title: "Invalid parameters",
            status: 400,
            detail: faults.map { fault in
                "parameter '\(fault.key)'\(fault.value.map { ": '\($0)' is not allowed" } ?? ""): \(fault.allowed)"
            }.joined(separator: "\n"),
            errors: faults
        )
    }

    /// The text that people see.
    public var description: String { detail }

    /// The reason phrase of a status (RFC 9110, section 15), for those that the API answers.
    public static func reasonPhrase(_ status: Int) -> String {
        switch status {
        case 101: "Switching Protocols"
        case 200: "OK"
        case 204: "No Content"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 422: "Unprocessable Content"
        case 423: "Locked"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        default: "Status \(status)"
        }
    }

    static func shortened(_ text: String) -> String {
        text.count <= 80 ? text : text.prefix(77) + "..."
    }
}

extension Problem: Payload {
    /// The name in the OpenAPI document.
    public static let schemaName = "Problem"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "Why a request was not done: problem details (RFC 9457).",
        [
            "type": PayloadSchema.text("The kind of problem, a URI reference."),
            "title": PayloadSchema.text("The kind of problem in a few words."),
            "status": ["type": "integer", "minimum": 400, "maximum": 599],
            "detail": PayloadSchema.text("What is wrong, with what value, and what to do."),
            "errors": PayloadSchema.list(
                PayloadSchema.object(
                    "One thing that is wrong.",
                    [
                        "key": PayloadSchema.text("The key of a setting, or the name of a parameter."),
                        "value": PayloadSchema.text("What was given, shortened."),
                        "allowed": PayloadSchema.text("What would be allowed."),
                    ],
                    required: ["key", "allowed"]
                )
            ),
        ],
        required: ["type", "title", "status", "detail"]
    )

    /// Reads problem details.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        status = try object.integer("status", 400...599)
        type = try object.optionalText("type") ?? Self.blankType
        title = try object.optionalText("title") ?? Self.reasonPhrase(status)
        detail = try object.optionalText("detail") ?? title
        errors = try object.optionalList("errors") { element throws(PayloadError) in
            try Fault(
                key: element.text("key"),
                value: element.optionalText("value"),
                allowed: element.text("allowed")
            )
        }
    }

    /// The problem details as JSON.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "type": .string(type), "title": .string(title), "status": .integer(Int64(status)),
            "detail": .string(detail),
        ]
        if !errors.isEmpty {
            members["errors"] = .array(
                errors.map { fault in
                    .object(
                        PayloadSchema.members([
                            "key": .string(fault.key), "value": fault.value.map { .string($0) },
                            "allowed": .string(fault.allowed),
                        ])
                    )
                }
            )
        }
        return .object(members)
    }
}
