public import JSON

/// A service that follows settings: a member of the answer of `GET /services`.
public struct ServiceInfo: Payload {
    /// The names of its files, as in `GET /configuration-files`.
    public var configurationFiles: [String]
    /// What is done when one of them changed.
    public var restartCommands: [String]

    /// A service.
    public init(configurationFiles: [String], restartCommands: [String]) {
        self.configurationFiles = configurationFiles
        self.restartCommands = restartCommands
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "Service"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "A service that follows settings.",
        [
            "configuration-files": PayloadSchema.list(["type": "string"], "The names of its files."),
            "restart-commands": PayloadSchema.list(
                ["type": "string"],
                "What is done when one of its files changed."
            ),
        ]
    )

    /// Reads a service.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        configurationFiles = try object.texts("configuration-files")
        restartCommands = try object.texts("restart-commands")
    }

    /// The service as JSON.
    public var json: JSONValue {
        [
            "configuration-files": .strings(configurationFiles),
            "restart-commands": .strings(restartCommands),
        ]
    }
}

/// A file that is rendered from settings: a member of the answer of `GET /configuration-files`.
public struct ConfigurationFileInfo: Payload {
    /// Where programs find it.
    public var path: String
    /// Where its template is.
    public var templatePath: String
    /// Its permission bits, in octal digits: "0644".
    public var mode: String

    /// A file.
    public init(path: String, templatePath: String, mode: String) {
        self.path = path
        self.templatePath = templatePath
        self.mode = mode
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "ConfigurationFile"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "A file that is rendered from settings.",
        [
            "path": PayloadSchema.text("Where programs find it."),
            "template-path": PayloadSchema.text("Where its template is."),
            "mode": [
                "type": "string", "pattern": "^[0-7]{3,4}$",
                "description": "Its permission bits, in octal digits.",
            ],
        ]
    )

    /// Reads a file.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        path = try object.text("path")
        templatePath = try object.text("template-path")
        mode = try object.text("mode")
    }

    /// The file as JSON.
    public var json: JSONValue {
        ["path": .string(path), "template-path": .string(templatePath), "mode": .string(mode)]
    }
}

/// A command that makes the value of a setting: a member of the answers of `GET /metadata/setting-generators`.
public struct GeneratorInfo: Payload {
    /// The command, its parts separated by spaces.
    public var command: String
    /// How long its value lives.
    public var strength: TransactionView.Strength

    /// A generator.
    public init(command: String, strength: TransactionView.Strength) {
        self.command = command
        self.strength = strength
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "Generator"

    /// The form, as JSON Schema: of version 2, a command for strong values and an object for others.
    public static let schema: JSONValue = [
        "description": "A command that makes a value; a plain string if the value is strong.",
        "anyOf": [
            ["type": "string"],
            PayloadSchema.object(
                "A command that makes a value.",
                [
                    "command": PayloadSchema.text("The command, its parts separated by spaces."),
                    "strength": PayloadSchema.choice(
                        TransactionView.Strength.self,
                        "How long the value lives."
                    ),
                ]
            ),
        ],
    ]

    /// Reads a generator of version 1 or 2.
    public init(json: JSONValue) throws(PayloadError) {
        if let command = json.string {
            self.init(command: command, strength: .strong)
        } else {
            let object = try PayloadReader(json)
            self.init(
                command: try object.text("command"),
                strength: try object.choice("strength", TransactionView.Strength.self)
            )
        }
    }

    /// The generator as version 2 answers it.
    public var json: JSONValue {
        strength == .strong
            ? .string(command)
            : ["command": .string(command), "strength": .string(strength.rawValue)]
    }

    /// The generator as version 1 answers it: the command.
    public var version1: JSONValue { .string(command) }
}
