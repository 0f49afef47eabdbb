public import JSON

/// What a runtime such as runc is told of one container: the `config.json` of the OCI Runtime Specification 1.1.
///
/// Only what our containers use. https://github.com/opencontainers/runtime-spec/blob/v1.1.0/config.md
public struct RuntimeSpec: Sendable, Equatable {
    /// The version of the specification that is written.
    public static let version = "1.1.0"

    /// The first process.
    public var process: Process
    /// The host name in the container's own UTS namespace; nil leaves it as it is.
    public var hostname: String?
    /// The mounts, in the order in which they are made.
    public var mounts: [Mount]
    /// The namespaces that are the container's own; all others are the host's.
    public var namespaces: [Namespace]
    /// The control group, as an absolute path below the root of the hierarchy; nil lets the runtime choose.
    public var cgroupsPath: String?
    /// The device nodes that may be used, later rules before earlier ones; nil sets no control group limits at all.
    public var devices: [DeviceRule]?
    /// Paths that look empty in the container.
    public var maskedPaths: [String]
    /// Paths that cannot be written in the container.
    public var readonlyPaths: [String]
    /// How mounts of the container and of the host reach each other, such as `rslave`; nil for the runtime's own way.
    public var rootPropagation: String?
    /// The system calls that are allowed; nil allows all.
    public var seccomp: SeccompProfile?

    /// A container that is nothing but its process.
    public init(process: Process) {
        self.process = process
        mounts = []
        namespaces = []
        maskedPaths = []
        readonlyPaths = []
    }

    /// A process of a container.
    public struct Process: Sendable, Equatable {
        /// The program and its arguments.
        public var arguments: [String]
        /// The environment, each `NAME=value`.
        public var environment: [String]
        /// The working directory, an absolute path.
        public var workingDirectory: String
        /// The number of the user.
        public var user: UInt32
        /// The number of the user's group.
        public var group: UInt32
        /// The numbers of more groups.
        public var additionalGroups: [UInt32]
        /// Names such as `CAP_KILL`: what the process has and may keep.
        public var capabilities: [String]
        /// Whether no program may give it more rights than it has.
        public var noNewPrivileges: Bool
        /// How much the kernel prefers to end it when memory is short, -1000 to 1000; nil keeps the runtime's own value.
        public var memoryScore: Int32?

        /// A process of root without capabilities.
        public init(arguments: [String]) {
            self.arguments = arguments
            environment = []
            workingDirectory = "/"
            user = 0
            group = 0
            additionalGroups = []
            capabilities = []
            noNewPrivileges = true
        }
    }

    /// Something that is mounted in the container.
    public struct Mount: Sendable, Equatable {
        /// Where, an absolute path in the container.
        public var destination: String
        /// The file system's type; `bind` for a path of the host.
        public var type: String
        /// What is mounted.
        public var source: String
        /// Options of mount(8), and those of the specification such as `rbind` and `rslave`.
        public var options: [String]

        /// A mount.
        public init(_ destination: String, type: String, source: String, options: [String]) {
            self.destination = destination
            self.type = type
            self.source = source
            self.options = options
        }

        /// A file or folder of the host at another place in the container.
        public static func bind(_ source: String, at destination: String, options: [String]) -> Mount {
            Mount(destination, type: "bind", source: source, options: options)
        }
    }

    /// The kinds of namespaces(7).
    public enum Namespace: String, Sendable, CaseIterable {
        case pid, ipc, uts, mount, network, cgroup
    }

    /// Whether device nodes may be used.
    public struct DeviceRule: Sendable, Equatable {
        /// The kinds of device nodes, as runtimes name them.
        public enum Kind: String, Sendable {
            case block = "b"
            case character = "c"
        }

        /// Whether they may.
        public var isAllowed: Bool
        /// Letters of `rwm`: read, write, make the node.
        public var access: String
        /// Which kind it is about; nil for both.
        public var kind: Kind?
        /// The number of the driver; nil for all.
        public var major: Int64?
        /// The driver's number of the device; nil for all.
        public var minor: Int64?

        /// A rule about all devices, those of a kind, or one.
        public init(
            isAllowed: Bool,
            access: String,
            kind: Kind? = nil,
            major: Int64? = nil,
            minor: Int64? = nil
        ) {
            self.isAllowed = isAllowed
            self.access = access
            (self.kind, self.major, self.minor) = (kind, major, minor)
        }
    }
}

extension RuntimeSpec {
    /// The specification as JSON.
    public var json: JSONValue {
        var linux: [String: JSONValue] = [
            "namespaces": .array(namespaces.map { ["type": .string($0.rawValue)] }),
            "maskedPaths": .strings(maskedPaths), "readonlyPaths": .strings(readonlyPaths),
        ]
        if let cgroupsPath { linux["cgroupsPath"] = .string(cgroupsPath) }
        if let rootPropagation { linux["rootfsPropagation"] = .string(rootPropagation) }
        if let seccomp { linux["seccomp"] = seccomp.json }
        if let devices {
            linux["resources"] = ["devices": .array(devices.map(\.json))]
        }
        var members: [String: JSONValue] = [
            "ociVersion": .string(Self.version), "process": process.json, "root": ["path": "rootfs"],
            "mounts": .array(mounts.map(\.json)), "linux": .object(linux),
        ]
        if let hostname { members["hostname"] = .string(hostname) }
        return .object(members)
    }

    /// The specification as the bytes that a runtime reads; equal values give equal bytes.
    public var bytes: [UInt8] { Array(json.description.utf8) }
}

extension RuntimeSpec.Process {
    /// The process as JSON: also what is asked for when a process is added to a running container.
    public var json: JSONValue {
        let names = JSONValue.strings(capabilities)
        var user: [String: JSONValue] = ["uid": .integer(Int64(user)), "gid": .integer(Int64(group))]
        if !additionalGroups.isEmpty {
            user["additionalGids"] = .array(additionalGroups.map { .integer(Int64($0)) })
        }
        var members: [String: JSONValue] = [
            "terminal": false, "user": .object(user), "args": .strings(arguments),
            "env": .strings(environment),
            "cwd": .string(workingDirectory), "noNewPrivileges": .bool(noNewPrivileges),
            // Not inheritable, and so not ambient: a program gets them from its own file only.
            "capabilities": ["bounding": names, "effective": names, "permitted": names],
        ]
        if let memoryScore { members["oomScoreAdj"] = .integer(Int64(memoryScore)) }
        return .object(members)
    }
}

extension RuntimeSpec.DeviceRule {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = ["allow": .bool(isAllowed), "access": .string(access)]
        if let kind { members["type"] = .string(kind.rawValue) }
        if let major { members["major"] = .integer(major) }
        if let minor { members["minor"] = .integer(minor) }
        return .object(members)
    }
}

extension RuntimeSpec.Mount {
    fileprivate var json: JSONValue {
        [
            "destination": .string(destination), "type": .string(type), "source": .string(source),
            "options": .strings(options),
        ]
    }
}

extension JSONValue {
    /// A list of texts.
    static func strings(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
}
