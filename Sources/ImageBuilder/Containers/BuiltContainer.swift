import Debian
import FileTree
import Foundation
import Hashing
import SBOM
import VariantManifest

/// A container whose image lies in the cache.
struct BuiltContainer: Sendable {
    /// The folder of the OCI layout in a result.
    static let layoutName = "layout"
    /// The file with the manifest's digest in a result.
    static let digestName = "digest"
    private static let archiveName = "image.tar"
    private static let facts = ["digest", "packages.json", "sbom.spdx.json"]

    let manifest: ContainerManifest
    /// The packages that it was made from, with those that bring no file.
    let supply: PackageSupply
    let packages: [UnpackedPackage]
    /// The digest of the image's manifest.
    let digest: SHA256Digest

    private let directory: String

    /// The folder of the OCI layout.
    var layout: String { "\(directory)/\(Self.layoutName)" }

    /// Takes a result of the cache.
    ///
    /// - Throws: `BuildError` when it is damaged.
    init(
        manifest: ContainerManifest,
        directory: String,
        supply: PackageSupply,
        packages: [UnpackedPackage]
    ) throws {
        let text = try FileSystem.read("\(directory)/\(Self.digestName)", limit: 100)
        let line = String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard line.hasPrefix("sha256:"), let digest = SHA256Digest(hex: String(line.dropFirst(7))) else {
            throw BuildError.missing(
                what: "the digest in '\(directory)'",
                remedy: "remove that folder and build again"
            )
        }
        self.manifest = manifest
        self.directory = directory
        self.supply = supply
        self.packages = packages
        self.digest = digest
    }

    /// The packages for the bill of materials of the image that the container is embedded in.
    func entries() throws -> [SBOMPackage] {
        try ContainerFacts(manifest: manifest, supply: supply, packages: packages, time: 0)
            .entries(in: manifest.name)
    }

    /// Writes the files of a build's folder: the layout, the same as an archive, and what is known of it.
    ///
    /// - Returns: the files with their sizes and digests, sorted by name.
    func write(to folder: String) throws -> [BuildOutput] {
        let tree = try OCILayout.tree(of: layout, origin: manifest.name)
        try FileSystem.makeDirectory("\(folder)/\(Self.layoutName)/blobs/sha256")
        for (path, node) in tree where node.content != nil {
            try SparseFile.copy("\(layout)\(path)", to: "\(folder)/\(Self.layoutName)\(path)")
        }
        // The archive has the layout's files and the time of nothing else.
        try TarWriter(modificationTime: 0).write(tree, to: "\(folder)/\(Self.archiveName)")
        for name in Self.facts { try SparseFile.copy("\(directory)/\(name)", to: "\(folder)/\(name)") }
        return try ([Self.archiveName] + Self.facts).sorted().map { name in
            let path = "\(folder)/\(name)"
            return BuildOutput(
                name: name,
                size: try FileSystem.size(path),
                sha256: try SHA256Digest(hashingFile: path)
            )
        }
    }
}
