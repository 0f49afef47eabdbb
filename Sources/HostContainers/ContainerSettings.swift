import HostAPI
import Hashing
public import JSON
public import SettingsModel
import SmallFiles

/// What settings say of host containers, bootstrap containers and bootstrap commands.
///
/// Read from the one file that is rendered of them; `image/templates/host-containers.json` is its other end.
public struct ContainerSettings: Sendable {
    /// The longest file that is read: what one transaction of settings may hold at most.
    static let maximumLength = 32 << 20

    /// Host containers by their names.
    public var hostContainers: [String: HostContainer]
    /// Bootstrap containers by their names.
    public var bootstrapContainers: [String: BootstrapContainer]
    /// Bootstrap commands by their names.
    public var bootstrapCommands: [String: BootstrapCommands]

    /// Nothing at all.
    public init() {
        hostContainers = [:]
        bootstrapContainers = [:]
        bootstrapCommands = [:]
    }

    /// Reads the document.
    ///
    /// - Throws: `HostContainersError.badDefinitions` when it is none that the template makes of settings.
    public init(json: JSONValue, path: String) throws(HostContainersError) {
        guard let members = json.members else {
            throw .badDefinitions(path: path, reason: "it is a \(json.kind), not an object")
        }
        var reader = SettingReader()
        func group<Group: SettingsGroup>(_ name: String, _ reader: inout SettingReader) -> [String: Group] {
            guard let json = members[name], json != .null else { return [:] }
            let map = reader.inside(name) { SettingMap<Identifier, Group>.read(json, &$0) }
            return Dictionary(uniqueKeysWithValues: (map?.entries ?? [:]).map { ($0.key.text, $0.value) })
        }
        hostContainers = group("host-containers", &reader)
        bootstrapContainers = group("bootstrap-containers", &reader)
        bootstrapCommands = group("bootstrap-commands", &reader)
        if let problem = reader.problems.first {
            // Not the value: it may be a secret.
            throw .badDefinitions(path: path, reason: "\(problem.key) must be \(problem.allowed)")
        }
    }

    /// Reads the file; no file is no container.
    ///
    /// - Throws: `HostContainersError.badDefinitions`, `.cannotRead`.
    public init(reading path: String) throws(HostContainersError) {
        let bytes: [UInt8]
        do throws(SmallFileError) {
            bytes = try readSmallFile(path, maximumLength: Self.maximumLength)
        } catch {
            guard error.isMissing else { throw .cannotRead(path: path, error) }
            self.init()
            return
        }
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes, limits: JSONLimits(bytes: Self.maximumLength))
        } catch {
            throw .badDefinitions(path: path, reason: error.description)
        }
        try self.init(json: json, path: path)
    }
}

/// A container that settings define, with its user data.
public struct DefinedContainer: Sendable, Equatable {
    /// What may be known.
    public var definition: HostContainerDefinition
    /// What only the container may read; nil without data.
    public var userData: [UInt8]?
}

extension ContainerSettings {
    /// A host container, whether it is enabled or not.
    ///
    /// - Throws: `HostContainersError.noSource`.
    func hostContainer(_ name: String, _ settings: HostContainer) throws(HostContainersError)
        -> DefinedContainer
    {
        guard let source = settings.source?.text else { throw .noSource(name: name) }
        let userData = settings.userData?.bytes
        return DefinedContainer(
            definition: HostContainerDefinition(
                kind: .host,
                name: name,
                source: source,
                desired: settings.enabled == true ? .running : .stopped,
                isSuperpowered: settings.superpowered == true,
                command: (settings.command ?? []).map(\.text),
                userDataDigest: userData.map { SHA256Digest(hashing: $0).hex }
            ),
            userData: userData
        )
    }

    /// A bootstrap container, whatever its mode is.
    ///
    /// - Throws: `HostContainersError.noSource`.
    func bootstrapContainer(_ name: String, _ settings: BootstrapContainer) throws(HostContainersError)
        -> DefinedContainer
    {
        guard let source = settings.source?.text else { throw .noSource(name: name) }
        let userData = settings.userData?.bytes
        let desired: HostContainerStatus.Desired =
            switch settings.mode {
            case .always: .always
            case .once: .once
            case .off, nil: .stopped
            }
        return DefinedContainer(
            definition: HostContainerDefinition(
                kind: .bootstrap,
                name: name,
                source: source,
                desired: desired,
                command: (settings.command ?? []).map(\.text),
                isEssential: settings.essential == true,
                userDataDigest: userData.map { SHA256Digest(hashing: $0).hex }
            ),
            userData: userData
        )
    }
}
