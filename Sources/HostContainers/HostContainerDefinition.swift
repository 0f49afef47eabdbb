public import HostAPI
import Hashing
public import JSON

/// One container as its own processes need to know it: what settings say, without secrets.
///
/// Kept in `/run/bulkhead/host-containers/ID.json`, where the unit's processes read it.
public struct HostContainerDefinition: Sendable, Equatable {
    /// The longest file that is read.
    static let maximumLength = 4 << 20

    /// Host or bootstrap.
    public var kind: HostContainerStatus.Kind
    /// Its name in the settings.
    public var name: String
    /// The reference of its image, as it is in the settings.
    public var source: String
    /// What settings ask for.
    public var desired: HostContainerStatus.Desired
    /// Whether it has the rights of the host's root user.
    public var isSuperpowered: Bool
    /// What it runs instead of its image's own command; empty if it does not.
    public var command: [String]
    /// Whether the boot stops when it fails: of bootstrap containers.
    public var isEssential: Bool
    /// The digest of its user data, in hexadecimal digits, as other data need a restart; nil without data.
    public var userDataDigest: String?

    /// A container.
    public init(
        kind: HostContainerStatus.Kind,
        name: String,
        source: String,
        desired: HostContainerStatus.Desired,
        isSuperpowered: Bool = false,
        command: [String] = [],
        isEssential: Bool = false,
        userDataDigest: String? = nil
    ) {
        self.kind = kind
        self.name = name
        self.source = source
        self.desired = desired
        self.isSuperpowered = isSuperpowered
        self.command = command
        self.isEssential = isEssential
        self.userDataDigest = userDataDigest
    }

    /// What containerd, the folder and the unit call it.
    public var id: String { HostContainerStatus.id(of: name, kind) }

    /// The name of the unit that runs it.
    public var unit: String { Self.unit(kind, name) }

    /// The name of the unit that runs a container.
    public static func unit(_ kind: HostContainerStatus.Kind, _ name: String) -> String {
        kind == .host ? "host-container@\(name).service" : "bootstrap-container@\(name).service"
    }

    /// What differs where one of two definitions needs a new start.
    public var digest: String { SHA256Digest(hashing: json.description).hex }

    /// The definition as JSON.
    public var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "name": .string(name), "source": .string(source),
            "desired": .string(desired.rawValue), "superpowered": .bool(isSuperpowered),
            "command": .array(command.map { .string($0) }), "essential": .bool(isEssential),
            "user-data-digest": userDataDigest.map { .string($0) } ?? .null,
        ]
    }

    /// Reads a definition; nil if it is none.
    public init?(json: JSONValue) {
        guard let kind = json["kind"]?.string.flatMap(HostContainerStatus.Kind.init(rawValue:)),
            let name = json["name"]?.string, let source = json["source"]?.string,
            let desired = json["desired"]?.string.flatMap(HostContainerStatus.Desired.init(rawValue:)),
            let isSuperpowered = json["superpowered"]?.bool, let words = json["command"]?.elements,
            let isEssential = json["essential"]?.bool
        else { return nil }
        let command = words.compactMap(\.string)
        guard command.count == words.count else { return nil }
        self.init(
            kind: kind,
            name: name,
            source: source,
            desired: desired,
            isSuperpowered: isSuperpowered,
            command: command,
            isEssential: isEssential,
            userDataDigest: json["user-data-digest"]?.string
        )
    }
}
