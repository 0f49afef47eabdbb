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
        var key = StageKey(stage, version: 1)
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

/// The text descriptor inside of a VMDK: qemu-img puts a random content identifier there.
enum VMDKDescriptor {
    /// The descriptor lies in the first sectors of a stream-optimised disk.
    private static let searchLimit = 64 << 10

    /// Replaces the random CID by one that follows from the content.
    static func settle(_ path: String, digest: SHA256Digest) throws {
        let descriptor = try FileSystem.open(path, O_RDWR)
        defer { close(descriptor) }
        var head = [UInt8](repeating: 0, count: searchLimit)
        let count = head.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, searchLimit, 0) }
        guard count > 0, let place = place(of: "\nCID=", in: head[..<count]), place + 8 <= count else {
            throw BuildError.tool(
                name: "qemu-img",
                detail: "its VMDK has no CID in the first \(searchLimit) bytes"
            )
        }
        let identifier = Array(digest.hex.prefix(8).utf8)
        try FileSystem.write(identifier, to: descriptor, at: UInt64(place), path: path)
        guard fsync(descriptor) == 0 else {
            throw BuildError.file(operation: "flush", path: path, errno: errno)
        }
    }

    /// The index behind the first occurrence of a text.
    private static func place(of text: String, in bytes: ArraySlice<UInt8>) -> Int? {
        bytes.firstRange(of: Array(text.utf8))?.upperBound
    }
}
