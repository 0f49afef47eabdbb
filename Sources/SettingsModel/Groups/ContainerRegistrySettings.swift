public import JSON

/// Servers that are asked instead of a registry.
public struct RegistryMirror: SettingsGroup {
    /// The registry.
    public var registry: RegistryName?
    /// The servers, in the order in which they are asked.
    public var endpoint: [WebURL]?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<RegistryMirror>] = [
        Field("registry", \.registry, "The registry.", example: "docker.io", required: true),
        Field(
            "endpoint",
            \.endpoint,
            "The servers to ask instead, in this order.",
            example: ["https://mirror.example.org"],
            required: true
        ),
    ]
}

/// Mirrors: a list, or an object of registries with their servers, which Bottlerocket took at first.
public struct RegistryMirrors: SettingValue {
    /// The mirrors, in their order.
    public let mirrors: [RegistryMirror]

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "list of mirrors",
            allowed: "a list of {registry, endpoint}, or an object of registries, each with a list of URLs",
            form: .either([[RegistryMirror].shape, SettingMap<RegistryName, [WebURL]>.shape])
        )
    }

    /// Reads either form.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> RegistryMirrors? {
        switch json {
        case .array: return [RegistryMirror].read(json, &reader).map { RegistryMirrors(mirrors: $0) }
        case .object:
            guard let map = SettingMap<RegistryName, [WebURL]>.read(json, &reader) else { return nil }
            let entries = map.entries.sorted { $0.key.text < $1.key.text }
            return RegistryMirrors(
                mirrors: entries.map { name, urls in
                    var mirror = RegistryMirror()
                    (mirror.registry, mirror.endpoint) = (name, urls)
                    return mirror
                }
            )
        default:
            reader.refuse(json, allowed: shape.allowed)
            return nil
        }
    }

    /// The mirrors as a list.
    public var json: JSONValue { mirrors.json }
}

/// Who this host is to a registry.
public struct RegistryCredential: SettingsGroup {
    /// The registry.
    public var registry: RegistryName?
    /// The user's name.
    public var username: SingleLineText?
    /// The user's password.
    public var password: SingleLineText?
    /// Name, colon and password, in Base64.
    public var auth: Base64Data?
    /// A token instead of name and password.
    public var identitytoken: SingleLineText?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<RegistryCredential>] = [
        Field(
            "registry",
            \.registry,
            "The registry. Credentials for `*` are sent to nobody.",
            example: "registry.example.org",
            required: true
        ),
        Field("username", \.username, "The user's name.", example: "worker"),
        Field("password", \.password, "The user's password.", example: "correct horse", secret: true),
        Field(
            "auth",
            \.auth,
            "The user's name, a colon and the password, in Base64, instead of both.",
            example: "d29ya2VyOnNlY3JldA==",
            secret: true
        ),
        Field(
            "identitytoken",
            \.identitytoken,
            "A token instead of name and password.",
            example: "d0a7c1",
            secret: true
        ),
    ]

    /// The container runtime refuses to pull with a credential that is none.
    public static let alternatives = [["auth"], ["username", "password"], ["identitytoken"]]
}

/// Mirrors of container registries, and credentials for them.
public struct ContainerRegistrySettings: SettingsGroup {
    /// Mirrors of registries.
    public var mirrors: RegistryMirrors?
    /// Credentials for registries.
    public var credentials: [RegistryCredential]?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<ContainerRegistrySettings>] = [
        Field(
            "mirrors",
            \.mirrors,
            "Servers that are asked instead of a registry.",
            example: [["registry": "docker.io", "endpoint": ["https://mirror.example.org"]]]
        ),
        Field(
            "credentials",
            \.credentials,
            "Who this host is to a registry: name and password, or both in Base64, or a token.",
            example: [
                ["registry": "registry.example.org", "username": "worker", "password": "correct horse"]
            ]
        ),
    ]
}
