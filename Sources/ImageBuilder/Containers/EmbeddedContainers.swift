import Debian
import FileTree
import Foundation
import Hashing
import JSON
import VariantManifest

/// The containers that an image brings, so that a host without network can start them.
///
/// Each lies in the root as the folder of an OCI layout, not as an archive: its files keep their places, so that an
/// update finds the blocks of layers that did not change.
struct EmbeddedContainers: Sendable {
    /// Where they lie in the image; `index.json` there names them.
    static let directory = "/usr/share/bulkhead/containers"

    let built: [BuiltContainer]
    private let launcher: ClientLauncher?

    /// No container.
    static let none = EmbeddedContainers(built: [], launcher: nil)

    init(built: [BuiltContainer], launcher: ClientLauncher?) {
        self.built = built
        self.launcher = launcher
    }

    /// The feature by which a host runs host containers, embedded or not.
    private static let feature = "host-containers"

    /// Whether a variant's hosts run containers, and so need what is mounted into all of them.
    static func areUsed(by variant: ResolvedVariant) -> Bool {
        !variant.containers.isEmpty || variant.features.contains(feature)
    }

    /// Builds containers, and what the host mounts into all of them.
    static func prepare(
        _ builds: [ContainerBuild],
        variant: ResolvedVariant,
        repository: String,
        cache: StageCache,
        archives: @escaping @Sendable () async throws -> AptArchives,
        log: StageLog
    ) async throws -> EmbeddedContainers {
        guard areUsed(by: variant) else { return .none }
        var built: [BuiltContainer] = []
        for build in builds { built.append(try await build.prepare(log, archives: archives)) }
        let launcher = try await log.run("launcher") {
            try await ClientLauncher.prepare(
                repository: repository,
                architecture: variant.architecture,
                cache: cache
            )
        }
        return EmbeddedContainers(built: built, launcher: launcher)
    }

    /// Puts the layouts and their index into a tree.
    func add(to tree: inout FileTree) throws {
        try launcher?.add(to: &tree)
        guard !built.isEmpty else { return }
        var entries: [JSONValue] = []
        for container in built.sorted(by: { $0.manifest.name < $1.manifest.name }) {
            let name = container.manifest.name
            var size: Int64 = 0
            for (path, node) in try OCILayout.tree(of: container.layout, origin: "containers") {
                guard let content = node.content else { continue }
                size += content.size
                try tree.insert(node, at: "\(Self.directory)/\(name)\(path)")
            }
            entries.append([
                "name": .string(name),
                "reference": .string(container.manifest.reference),
                "digest": .string("sha256:\(container.digest.hex)"),
                "size": .integer(size),
            ])
        }
        let index: JSONValue = ["containers": .array(entries)]
        try tree.insert(
            .file(index.prettyText + "\n", origin: "containers"),
            at: "\(Self.directory)/index.json"
        )
    }
}
