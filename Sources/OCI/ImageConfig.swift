internal import Hashing
internal import JSON

/// The configuration of an image: what to run in it, and which layers it has (image-spec, config.md).
///
/// What containers are not made from (the history, volumes, ports) is neither kept nor written.
public struct ImageConfig: Sendable, Equatable {
    /// The longest configuration that is read, in bytes.
    public static let limit = 8 << 20

    /// What the image is for.
    public var platform: Platform
    /// When it was made, as RFC 3339 writes it; nil where it does not say.
    public var created: String?
    /// The first words of the command.
    public var entrypoint: [String]
    /// The rest of the command, or all of it where there is no entrypoint; whoever starts a container may replace it.
    public var cmd: [String]
    /// The environment: NAME=VALUE.
    public var env: [String]
    /// The user: name or number, perhaps with a colon and a group; empty for root.
    public var user: String
    /// The folder that the command starts in; empty for the root.
    public var workingDirectory: String
    /// Notes.
    public var labels: [String: String]
    /// The signal that asks the command to end, such as `SIGTERM`; nil where it does not say.
    public var stopSignal: String?
    /// The digests of the layers as they are when they are not compressed, the lowest first.
    public var diffIDs: [ContentDigest]

    /// The processor.
    public var architecture: String { platform.architecture }
    /// The operating system.
    public var os: String { platform.os }

    /// States a configuration.
    public init(
        platform: Platform,
        created: String? = nil,
        entrypoint: [String] = [],
        cmd: [String] = [],
        env: [String] = [],
        user: String = "",
        workingDirectory: String = "",
        labels: [String: String] = [:],
        stopSignal: String? = nil,
        diffIDs: [ContentDigest]
    ) {
        self.platform = platform
        self.created = created
        self.entrypoint = entrypoint
        self.cmd = cmd
        self.env = env
        self.user = user
        self.workingDirectory = workingDirectory
        self.labels = labels
        self.stopSignal = stopSignal
        self.diffIDs = diffIDs
    }

    /// Reads a configuration.
    ///
    /// - Throws: `OCIError.badDocument`.
    public init(json: [UInt8]) throws(OCIError) {
        let reader = try DocumentReader("the image's configuration", parsing: json, limit: Self.limit)
        platform = try Platform(reader)
        created = try reader.optionalText("created")
        let config = try reader.object("config")
        entrypoint = try config?.texts("Entrypoint") ?? []
        cmd = try config?.texts("Cmd") ?? []
        env = try config?.texts("Env") ?? []
        user = try config?.optionalText("User") ?? ""
        workingDirectory = try config?.optionalText("WorkingDir") ?? ""
        labels = try config?.map("Labels") ?? [:]
        stopSignal = try config?.optionalText("StopSignal")
        guard let rootfs = try reader.object("rootfs") else {
            throw reader.wrong("rootfs", "is missing")
        }
        guard try rootfs.text("type") == "layers" else { throw rootfs.wrong("type", "is not 'layers'") }
        var diffIDs: [ContentDigest] = []
        for text in try rootfs.texts("diff_ids") ?? [] {
            do { diffIDs.append(try ContentDigest(parsing: text)) } catch {
                throw rootfs.wrong("diff_ids", "has a wrong element: \(error)")
            }
        }
        self.diffIDs = diffIDs
    }

    /// The configuration as JSON; equal values give equal bytes.
    public var json: [UInt8] {
        var config: [String: JSONValue] = [:]
        func set(_ name: String, _ texts: [String]) {
            if !texts.isEmpty { config[name] = .array(texts.map { .string($0) }) }
        }
        set("Entrypoint", entrypoint)
        set("Cmd", cmd)
        set("Env", env)
        if !user.isEmpty { config["User"] = .string(user) }
        if !workingDirectory.isEmpty { config["WorkingDir"] = .string(workingDirectory) }
        if !labels.isEmpty { config["Labels"] = .object(labels.mapValues { .string($0) }) }
        if let stopSignal { config["StopSignal"] = .string(stopSignal) }
        var members = platform.json.members ?? [:]
        if let created { members["created"] = .string(created) }
        members["config"] = .object(config)
        members["rootfs"] = [
            "type": "layers", "diff_ids": .array(diffIDs.map { .string($0.description) }),
        ]
        return Array(JSONValue.object(members).description.utf8)
    }

    /// The names of the layers' snapshots, the lowest first: each stands for all layers up to it (image-spec, config.md,
    /// "Layer ChainID").
    public var chainIDs: [ContentDigest] {
        var chain: [ContentDigest] = []
        for diffID in diffIDs {
            guard let last = chain.last else {
                chain.append(diffID)
                continue
            }
            chain.append(ContentDigest(SHA256Digest(hashing: "\(last) \(diffID)")))
        }
        return chain
    }
}
