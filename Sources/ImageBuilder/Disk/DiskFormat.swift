import Foundation
import Hashing
import VariantManifest

/// Other formats of the disk image, by the locked qemu-img(1).
struct DiskFormat: Sendable {
    /// The file.
    let path: String
    /// What it is.
    let format: ImageFormat

    static func prepare(
        _ format: ImageFormat,
        of disk: DiskImage,
        toolbox: Toolbox,
        cache: StageCache
    ) async throws -> (DiskFormat, cached: Bool) {
        guard format != .raw else { return (DiskFormat(path: disk.path, format: .raw), true) }
        let stage = format.rawValue
        var key = StageKey(stage, version: 2)
        key.add("disk", disk.digest)
        key.add("tools", toolbox.digest)
        let name = "disk.\(format.rawValue)"
        if let directory = cache.lookUp(stage, key) {
            return (DiskFormat(path: "\(directory)/\(name)", format: format), true)
        }
        let directory = try await cache.fill(stage, key) { directory in
            let work = try WorkDirectory(cache: cache)
            // A name of its own in the sandbox, so that the cached image itself is out of a tool's reach.
            try SparseFile.copy(disk.path, to: work.file("disk.raw"))
            // One coroutine and writes in order: the layout of the result must not depend on the disk's speed.
            try await toolbox.run(
                ["qemu-img", "convert", "-f", "raw", "-m", "1"] + arguments(format) + [
                    "/work/disk.raw", "/work/\(name)",
                ],
                work: work.path
            )
            if format == .vmdk { try VMDKDescriptor.settle(work.file(name), digest: disk.digest) }
            try FileSystem.rename(work.file(name), to: "\(directory)/\(name)")
        }
        return (DiskFormat(path: "\(directory)/\(name)", format: format), false)
    }

    private static func arguments(_ format: ImageFormat) -> [String] {
        switch format {
        case .raw: ["-O", "raw"]
        case .qcow2: ["-O", "qcow2", "-o", "compat=1.1,cluster_size=65536"]
        case .vmdk: ["-O", "vmdk", "-o", "subformat=streamOptimized"]
        }
    }
}
