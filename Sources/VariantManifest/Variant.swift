import Foundation

/// A variant of the operating system: the values of `variants/NAME/variant.toml` and of the fragments it extends.
///
/// The manifest is read once, and checked for every architecture it names; a `Variant` is always whole.
public struct Variant: Sendable, Hashable {
    /// Largest size of a manifest file, in bytes.
    public static let fileSizeLimit = 1 << 20

    /// Most characters of a GPT partition label, which is `NAME_VERSION` for a slot (UEFI 2.10, 5.3.3).
    static let labelLimit = 36

    /// The variant's name, which is its folder's.
    public let name: String
    /// The variant's folder, relative to the repository's root.
    public let directory: String
    /// One line for people.
    public let description: String
    /// The version of a build that names none.
    public let version: String
    /// The architectures the variant is made for, in the manifest's order.
    public let architectures: [Architecture]
    /// The files that took part, what is extended first; the variant's own is the last.
    public let sources: [VariantSource]

    private let resolved: [Architecture: ResolvedVariant]

    /// Loads a variant of a repository.
    ///
    /// - Parameters:
    ///   - name: The variant's name.
    ///   - root: The repository's root folder.
    /// - Throws: `ManifestError.unknownVariant` if there is no such variant, `ManifestError.invalid` with all
    ///   problems that could be found if it is wrong.
    public static func load(_ name: String, repository root: String) throws(ManifestError) -> Variant {
        let file = URL(filePath: root).appending(path: FragmentLoader.variantPath(name)).path
        guard Check.name(name) == nil, name != "fragments", FileManager.default.fileExists(atPath: file)
        else {
            throw .unknownVariant(name: name, known: (try? list(repository: root)) ?? [])
        }
        var loader = FragmentLoader(root: root)
        loader.load(variant: name)
        var builder = VariantBuilder(name: name, loader: loader)
        return try builder.build()
    }

    /// The names of a repository's variants, sorted.
    ///
    /// - Throws: `ManifestError.unreadableFolder` if the folder of the variants cannot be listed.
    public static func list(repository root: String) throws(ManifestError) -> [String] {
        let folder = URL(filePath: root).appending(path: "variants").path
        let entries: [String]
        do {
            entries = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw .unreadableFolder(path: folder, reason: "it is not there or cannot be read")
        }
        return entries.filter {
            let file = URL(filePath: root).appending(path: FragmentLoader.variantPath($0)).path
            return $0 != "fragments" && Check.name($0) == nil && FileManager.default.fileExists(atPath: file)
        }.sorted()
    }

    /// What the variant is on an architecture.
    ///
    /// - Throws: `ManifestError.unknownArchitecture` if the variant is not made for it.
    public func resolved(for architecture: Architecture) throws(ManifestError) -> ResolvedVariant {
        guard let value = resolved[architecture] else {
            throw .unknownArchitecture(name: architecture.rawValue, variant: name, known: architectures)
        }
        return value
    }

    /// Checks a version that a build is to have.
    ///
    /// It must follow the UAPI version format and leave `NAME_VERSION` short enough for a partition's label.
    ///
    /// - Throws: `ManifestError.invalidVersion`.
    public func checkVersion(_ version: String) throws(ManifestError) {
        if let problem = Check.version(version) {
            throw .invalidVersion(version: version, reason: problem)
        }
        if let problem = Self.labelProblem(name: name, version: version) {
            throw .invalidVersion(version: version, reason: problem)
        }
    }

    static func labelProblem(name: String, version: String) -> String? {
        let length = name.utf8.count + 1 + version.utf8.count
        guard length > labelLimit else { return nil }
        return "makes the partition label '\(name)_\(version)' of \(length) characters, and GPT has room for"
            + " \(labelLimit); use a shorter version or variant name"
    }

    init(
        name: String,
        description: String,
        version: String,
        architectures: [Architecture],
        sources: [VariantSource],
        resolved: [Architecture: ResolvedVariant]
    ) {
        self.name = name
        directory = "variants/\(name)"
        self.description = description
        self.version = version
        self.architectures = architectures
        self.sources = sources
        self.resolved = resolved
    }
}
