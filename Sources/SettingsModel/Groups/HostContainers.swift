import JSON

/// A container for people and agents that look after the host.
public struct HostContainer: SettingsGroup {
    /// Its image.
    public var source: ImageReference?
    /// Whether it runs.
    public var enabled: Bool?
    /// Whether it has the rights of the host's root user.
    public var superpowered: Bool?
    /// What it finds in its file `user-data`.
    public var userData: Base64Data?
    /// What it runs instead of its image's own command.
    public var command: [CommandWord]?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<HostContainer>] = [
        Field("source", \.source, "The image.", example: "registry.example.org/bulkhead/admin:1.0.0"),
        Field("enabled", \.enabled, "Whether the container runs.", example: true),
        Field(
            "superpowered",
            \.superpowered,
            "Whether the container has all capabilities and sees the host's processes and files.",
            example: false
        ),
        Field(
            "user-data",
            \.userData,
            "What the container finds in the file `user-data` of its folder, in Base64.",
            example: "eyJzc2giOnsiYXV0aG9yaXplZC1rZXlzIjpbXX19",
            secret: true
        ),
        Field(
            "command",
            \.command,
            "What the container runs instead of its image's own command.",
            example: ["/usr/bin/agent", "--verbose"]
        ),
    ]
}

/// When a container or a command of the boot runs.
public enum BootstrapMode: String, ChoiceSetting {
    case off, once, always

    /// The name of the type.
    public static let name = "bootstrap mode"
}

/// A container that runs at boot, before workloads, and prepares the host.
public struct BootstrapContainer: SettingsGroup {
    /// Its image.
    public var source: ImageReference?
    /// When it runs.
    public var mode: BootstrapMode?
    /// What it finds in its file `user-data`.
    public var userData: Base64Data?
    /// Whether the boot stops when it fails.
    public var essential: Bool?
    /// What it runs instead of its image's own command.
    public var command: [CommandWord]?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<BootstrapContainer>] = [
        Field("source", \.source, "The image.", example: "registry.example.org/team/format-disks:1.0.0"),
        Field(
            "mode",
            \.mode,
            "When the container runs: never, at the next boot only, or at every boot.",
            example: "once"
        ),
        Field(
            "user-data",
            \.userData,
            "What the container finds in the file `user-data` of its folder, in Base64.",
            example: "ZGlza3M9L2Rldi92ZGI=",
            secret: true
        ),
        Field(
            "essential",
            \.essential,
            "Whether workloads are not started when the container fails.",
            example: true
        ),
        Field(
            "command",
            \.command,
            "What the container runs instead of its image's own command.",
            example: ["/usr/bin/format", "/dev/vdb"]
        ),
    ]
}

/// One call of `apiclient`: the program's name and its arguments.
public struct APIClientCommand: SettingValue {
    /// The words, the first of which is `apiclient`.
    public let words: [CommandWord]

    /// What is allowed.
    public static var shape: ValueShape {
        let program = ValueShape(name: "program", allowed: "apiclient", form: .choice(["apiclient"]))
        return ValueShape(
            name: "API command",
            allowed: "a list of words, the first of which is apiclient",
            form: .tuple([program], rest: CommandWord.shape, maximumCount: maximumCount)
        )
    }

    /// Reads a list of words.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> APIClientCommand? {
        guard let first = json.elements?.first, first.string == "apiclient" else {
            reader.refuse(json, allowed: shape.allowed)
            return nil
        }
        return [CommandWord].read(json, &reader).map { APIClientCommand(words: $0) }
    }

    /// The words as JSON.
    public var json: JSONValue { words.json }
}

/// Calls of the API at boot, before workloads.
public struct BootstrapCommands: SettingsGroup {
    /// The calls, in their order.
    public var commands: [APIClientCommand]?
    /// When they are made.
    public var mode: BootstrapMode?
    /// Whether the boot stops when one fails.
    public var essential: Bool?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<BootstrapCommands>] = [
        Field(
            "commands",
            \.commands,
            "The calls, in their order: each is `apiclient` with its arguments.",
            example: [["apiclient", "set", "motd=prepared"]]
        ),
        Field(
            "mode",
            \.mode,
            "When the calls are made: never, at the next boot only, or at every boot.",
            example: "always"
        ),
        Field(
            "essential",
            \.essential,
            "Whether workloads are not started when a call fails.",
            example: false
        ),
    ]
}
