import Foundation
import GPT
import Hashing
import VariantManifest

/// The disk as it is delivered: a GPT with the EFI system partition and slot A.
///
/// Slot B, state and data are made by systemd-repart on the first boot.
struct DiskImage: Sendable {
    /// The raw image, a sparse file.
    let path: String
    /// Its size in bytes.
    let size: UInt64
    /// The partitions in the order of the table.
    let partitions: [Partition]
    /// The digest of the whole image.
    let digest: SHA256Digest

    static func prepare(
        esp: ESPImage,
        root: ErofsImage,
        verity: VerityImage,
        variant: ResolvedVariant,
        identity: DerivedIdentity,
        cache: StageCache
    ) async throws -> (DiskImage, cached: Bool) {
        let table = try table(rootHash: verity.rootHash, variant: variant, identity: identity)
        let regions = try table.encoded().regions
        var key = StageKey("disk", version: 1)
        key.add("esp", esp.inputs)
        key.add("root", root.digest)
        key.add("root hash", verity.rootHash)
        key.add("table", regions.map { "\($0.offset) \(SHA256Digest(hashing: $0.bytes).hex)" })
        let cached = cache.lookUp("disk", key)
        let directory: String
        if let cached {
            directory = cached
        } else {
            directory = try await cache.fill("disk", key) { directory in
                let path = directory + "/disk.raw"
                let descriptor = try FileSystem.open(path, O_WRONLY | O_CREAT | O_EXCL)
                defer { close(descriptor) }
                try SparseFile.setSize(descriptor, table.diskSize, path)
                for (partition, file) in zip(table.partitions, [esp.path, root.path, verity.path]) {
                    try SparseFile.copy(file, to: descriptor, at: partition.offset, path: path)
                }
                for region in regions {
                    try FileSystem.write(region.bytes, to: descriptor, at: region.offset, path: path)
                }
                guard fsync(descriptor) == 0 else {
                    throw BuildError.file(operation: "flush", path: path, errno: errno)
                }
                let digest = try SHA256Digest(hashingFile: path)
                try FileSystem.write(Array(digest.hex.utf8), to: directory + "/disk.sha256")
            }
        }
        let text = String(decoding: try FileSystem.read(directory + "/disk.sha256", limit: 64), as: UTF8.self)
        guard let digest = SHA256Digest(hex: text) else {
            throw BuildError.missing(what: "the digest in '\(directory)'", remedy: "remove that directory")
        }
        let image = DiskImage(
            path: directory + "/disk.raw",
            size: table.diskSize,
            partitions: table.partitions,
            digest: digest
        )
        return (image, cached != nil)
    }

    /// The partition table of an image as built.
    static func table(rootHash: SHA256Digest, variant: ResolvedVariant, identity: DerivedIdentity) throws
        -> PartitionTable
    {
        let sectorSize: SectorSize = variant.image.sectorSize == 4096 ? .bytes4096 : .bytes512
        let slot = DerivedIdentity.slotGUIDs(rootHash: rootHash)
        let layout = variant.layout
        var disk = try PartitionTable.Layout(diskGUID: identity.diskGUID, sectorSize: sectorSize)
        try disk.add(type: .esp, guid: identity.espGUID, label: "esp", size: layout.espSize)
        try disk.add(
            type: .root(variant.architecture.partitionArchitecture),
            guid: slot.root,
            label: identity.releaseName,
            size: layout.rootSize,
            attributes: .readOnly
        )
        try disk.add(
            type: .rootVerity(variant.architecture.partitionArchitecture),
            guid: slot.verity,
            label: identity.releaseName,
            size: layout.veritySize,
            attributes: .readOnly
        )
        return try disk.table()
    }
}

extension VariantManifest.Architecture {
    /// The architecture by the name of partition types.
    fileprivate var partitionArchitecture: PartitionType.Architecture {
        switch self {
        case .amd64: .amd64
        case .arm64: .arm64
        }
    }
}
