import Foundation
import Hashing
import ReleaseManifest
import SBOM
import VariantManifest

/// Fills the folder of a build.
struct OutputWriter {
    let facts: ImageFacts
    let images: [DiskFormat]

    /// Writes all files, `SHA256SUMS` last.
    ///
    /// - Returns: the files with their sizes and digests, sorted by name.
    func write(to directory: String) async throws -> [BuildOutput] {
        var outputs: [BuildOutput] = []
        func add(_ name: String, _ digest: SHA256Digest) throws {
            try Task.checkCancellation()
            let size = try FileSystem.size("\(directory)/\(name)")
            outputs.append(BuildOutput(name: name, size: size, sha256: digest))
        }
        func copy(_ path: String, _ name: String, _ digest: SHA256Digest) throws {
            try SparseFile.copy(path, to: "\(directory)/\(name)")
            try add(name, digest)
        }
        func write(_ bytes: [UInt8], _ name: String) throws {
            try FileSystem.write(bytes, to: "\(directory)/\(name)")
            try add(name, SHA256Digest(hashing: bytes))
        }

        try copy(facts.root.path, "root.erofs", facts.root.digest)
        try copy(facts.verity.path, "root.verity", SHA256Digest(hashingFile: facts.verity.path))
        try copy(facts.uki.path, "\(facts.identity.releaseName).efi", facts.uki.digest)
        try copy(facts.disk.path, "disk.raw", facts.disk.digest)
        for image in images {
            try copy(image.path, "disk.\(image.format)", SHA256Digest(hashingFile: image.path))
        }
        let files = outputs.filter { $0.name.hasPrefix("disk.") }
        let release = try facts.release(
            images: Dictionary(
                uniqueKeysWithValues: files.map {
                    (
                        String($0.name.dropFirst("disk.".count)),
                        Release.File(file: $0.name, size: $0.size, sha256: $0.sha256)
                    )
                }
            )
        )
        let inventory = try facts.inventory()
        try write(release.encoded(), "release.json")
        try write(inventory.encoded(), "packages.json")
        try write(facts.billOfMaterials().bytes, "sbom.spdx.json")
        try write(
            Array(ReportPage(release: release, inventory: inventory, outputs: outputs).html.utf8),
            "report.html"
        )
        let sums = try ChecksumList(outputs.map { ChecksumList.Entry(name: $0.name, sha256: $0.sha256) })
        try write(Array(sums.encoded().utf8), "SHA256SUMS")
        return outputs.sorted { $0.name < $1.name }
    }
}
