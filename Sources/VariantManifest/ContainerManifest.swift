import Foundation
import Hashing

/// A container that is built from Debian packages: the values of `image/containers/NAME/container.toml`.
///
/// Its keys are those of a variant where they mean the same (`packages`, `filter`, `audit.allow`, `alternatives`,
/// `arch.NAME`), and `config` with what the OCI image says about the first process. It extends nothing; what lies in
/// `rootfs` beside it is laid over the packages' files.
public struct ContainerManifest: Sendable, Hashable, Codable {
    /// What the image's configuration says about the first process (OCI image specification, `config`).
    public struct Process: Sendable, Hashable, Codable {
        /// The program and the arguments it always has.
        public let entrypoint: [String]
        /// Arguments behind the entrypoint where nobody gives others.
        public let command: [String]
        /// Variables as `NAME=VALUE`.
        public let environment: [String]
        /// `UID` or `UID:GID`; nil is root.
        public let user: String?
    }

    /// The container's name, which is its folder's.
    public let name: String
    /// One line for people.
    public let description: String
    /// The architecture all this is for.
    public let architecture: Architecture
    /// The packages asked for.
    public let packages: [RequestedPackage]
    /// Packages that are resolved as dependencies, but bring no file into the image.
    public let droppedPackages: [RequestedPackage]
    /// What is taken out of the file tree.
    public let filter: ResolvedVariant.Filter
    /// Files the audit lets pass.
    public let auditExceptions: [AuditException]
    /// Links that maintainer scripts would have made, sorted by link.
    public let alternatives: [AlternativeLink]
    /// What the image's configuration says about the first process.
    public let process: Process
    /// The manifest itself.
    public let source: VariantSource

    /// The container's folder, relative to the repository's root.
    public var directory: String { Self.directory(of: name) }
    /// The folder laid over the packages' files, relative to the repository's root; it need not be there.
    public var overlay: String { "\(directory)/rootfs" }
    /// The reference under which hosts know the embedded image.
    public var reference: String { "localhost/\(name)" }

    /// Where containers are, relative to the repository's root.
    static let folder = "image/containers"

    static func directory(of name: String) -> String { "\(folder)/\(name)" }

    /// Loads a container of a repository for an architecture.
    ///
    /// - Parameters:
    ///   - name: The container's name.
    ///   - architecture: What it is built for.
    ///   - root: The repository's root folder.
    /// - Throws: `ManifestError.unknownContainer` if there is no such container, `ManifestError.invalid` with all
    ///   problems that could be found if its manifest is wrong.
    public static func load(
        _ name: String,
        for architecture: Architecture,
        repository root: String
    ) throws(ManifestError) -> ContainerManifest {
        let path = "\(directory(of: name))/container.toml"
        guard Check.name(name) == nil, exists(name, repository: root) else {
            throw .unknownContainer(name: name, known: list(repository: root))
        }
        var problems = ProblemList()
        var file: ManifestFile?
        switch ManifestText.read(URL(filePath: root).appending(path: path).path) {
        case .failure(let failure):
            problems.add(failure.kind, SourceLocation(file: path, line: 0), failure.message)
        case .success(let bytes):
            switch ManifestText.parse(bytes, file: path) {
            case .failure(let problem):
                problems.add(problem.kind, problem.location, problem.message)
            case .success(let (document, locator)):
                let source = VariantSource(path: path, sha256: SHA256Digest(hashing: bytes))
                var reader = ManifestReader(source: source, role: .container, locator: locator, root: root)
                file = reader.read(document)
                problems = reader.problems
            }
        }
        let merged = VariantMerger(files: file.map { [$0] } ?? [], extended: [:], architecture: architecture)
        for problem in merged.problems.problems {
            problems.add(problem.kind, problem.location, problem.message)
        }
        if file != nil, merged.list(.configEntrypoint).isEmpty, problems.problems.isEmpty {
            problems.add(
                .missingKey,
                SourceLocation(file: path, line: 0),
                "a container needs 'config.entrypoint'; name the program that is its first process"
            )
        }
        guard let file, problems.problems.isEmpty, let description = merged.text(.description) else {
            throw .invalid(variant: name, problems: problems.problems.sorted { $0.location < $1.location })
        }
        return ContainerManifest(
            name: name,
            description: description.value,
            architecture: architecture,
            packages: packages(merged, .packagesInclude),
            droppedPackages: packages(merged, .packagesDrop),
            filter: ResolvedVariant.Filter(
                remove: merged.list(.filterRemove),
                keep: merged.list(.filterKeep)
            ),
            auditExceptions: merged.exceptions.map(\.value),
            alternatives: merged.alternatives,
            process: Process(
                entrypoint: merged.list(.configEntrypoint),
                command: merged.list(.configCommand),
                environment: merged.list(.configEnvironment),
                user: merged.text(.configUser)?.value
            ),
            source: file.source
        )
    }

    /// The names of a repository's containers, sorted; none where there is no folder of them.
    public static func list(repository root: String) -> [String] {
        let folder = URL(filePath: root).appending(path: folder).path
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return entries.filter { Check.name($0) == nil && exists($0, repository: root) }.sorted()
    }

    private static func exists(_ name: String, repository root: String) -> Bool {
        let path = URL(filePath: root).appending(path: "\(directory(of: name))/container.toml").path
        return FileManager.default.fileExists(atPath: path)
    }

    private static func packages(_ merged: VariantMerger, _ setting: Setting) -> [RequestedPackage] {
        (merged.lists[setting] ?? []).map { RequestedPackage(name: $0.value, origin: $0.location) }
    }
}
