import Foundation
import Hashing
import ReleaseManifest
import TestSupport
import Verity

extension SampleRelease {
    /// Writes a build folder, as `bulkhead build` makes them, in a folder; returns its path.
    ///
    /// - Parameters:
    ///   - kernel: the bytes of another kernel image than its own.
    ///   - name: the name of another folder than a build's own.
    func writeBuild(
        in folder: TemporaryDirectory,
        variant: String = "vm",
        architecture: String = "amd64",
        kernel: [UInt8]? = nil,
        name: String? = nil
    ) throws -> String {
        let path = folder.file(name ?? "\(variant)-\(architecture)-\(version)")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let kernel = kernel ?? self.kernel
        let release = Release(
            variant: variant,
            architecture: architecture,
            version: version,
            sourceDateEpoch: 1_700_000_000,
            sectorSize: 512,
            root: .init(
                hash: rootHash,
                salt: HexBytes(parameters.salt),
                dataBlocks: parameters.dataBlockCount,
                size: UInt64(root.count),
                sha256: SHA256Digest(hashing: root),
                treeSize: UInt64(tree.count),
                treeSha256: SHA256Digest(hashing: tree)
            ),
            uki: .init(
                file: "\(variant)_\(version).efi",
                size: UInt64(kernel.count),
                sha256: SHA256Digest(hashing: kernel)
            ),
            disk: .init(
                size: 1 << 30,
                sha256: rootHash,
                partitions: [
                    .init(
                        label: "esp",
                        type: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
                        uuid: "00000000-0000-4000-8000-000000000001",
                        size: 1 << 28
                    )
                ]
            ),
            kernelVersion: "6.12",
            commandLine: "roothash=\(rootHash.hex)",
            lock: .init(sha256: rootHash),
            images: [:],
            toolVersion: "0.1.0"
        )
        try Data(root).write(to: URL(filePath: "\(path)/root.erofs"))
        try Data(kernel).write(to: URL(filePath: "\(path)/\(release.uki.file)"))
        try Data(release.encoded()).write(to: URL(filePath: "\(path)/release.json"))
        return path
    }
}
