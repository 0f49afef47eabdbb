import Bytes
import FAT
import FileTree
import Foundation
import Hashing
import VariantManifest

/// The EFI system partition: FAT32 by the locked mkfs.vfat(8), filled by the locked mtools(1).
///
/// Clusters are 4 KiB and the data area begins at a multiple of 4 KiB, so that a file's cluster is one page of
/// the disk. Firmware starts EFI/BOOT, which is the guard of the loader in EFI/systemd. The entry of the image as built carries no boot counter: it is the known-good one (DESIGN.md,
/// section 4).
struct ESPImage: Sendable {
    /// The file system, a sparse file.
    let path: String
    /// Its size in bytes.
    let size: UInt64
    /// The digest of all that it is made from, which stands for its bytes.
    let inputs: SHA256Digest

    static func prepare(
        root: RootTree,
        loaderGuard: LoaderGuard,
        uki: UKIImage,
        variant: ResolvedVariant,
        identity: DerivedIdentity,
        toolbox: Toolbox,
        cache: StageCache
    ) async throws -> (ESPImage, cached: Bool) {
        let files = try contents(
            root: root,
            loaderGuard: loaderGuard,
            uki: uki,
            variant: variant,
            identity: identity
        )
        var key = StageKey("esp", version: 2)
        key.add("tools", toolbox.digest)
        key.add("time", String(toolbox.sourceDateEpoch))
        key.add("format", formatArguments(variant, identity: identity))
        key.add("size", String(variant.layout.espSize))
        key.add("files", files.map { "\($0.path) \($0.digest.hex)" })
        let size = variant.layout.espSize
        if let directory = cache.lookUp("esp", key) {
            return (ESPImage(path: directory + "/esp.img", size: size, inputs: key.digest), true)
        }
        let directory = try await cache.fill("esp", key) { directory in
            let work = try WorkDirectory(cache: cache)
            try SparseFile.create(work.file("esp.img"), size: size)
            try await toolbox.run(
                ["mkfs.vfat"] + formatArguments(variant, identity: identity) + ["/work/esp.img"],
                work: work.path
            )
            // One directory and one file after the other: the order decides where things lie.
            for folder in folders(of: files.map(\.path)) {
                try await toolbox.run(["mmd", "-i", "/work/esp.img", "::\(folder)"], work: work.path)
            }
            for file in files {
                try file.write(work.file("file"))
                try await toolbox.run(
                    ["mcopy", "-b", "-i", "/work/esp.img", "/work/file", "::\(file.path)"],
                    work: work.path
                )
                FileSystem.remove(work.file("file"))
            }
            try settle(work.file("esp.img"))
            try FileSystem.rename(work.file("esp.img"), to: directory + "/esp.img")
        }
        return (ESPImage(path: directory + "/esp.img", size: size, inputs: key.digest), false)
    }

    /// What mkfs.vfat is told besides the file.
    static func formatArguments(_ variant: ResolvedVariant, identity: DerivedIdentity) -> [String] {
        let volume = String(identity.espVolumeID, radix: 16)
        return [
            "-F", "32", "-S", String(variant.image.sectorSize), "-s", String(4096 / variant.image.sectorSize),
            "-n", "ESP", "--invariant", "-i", String(repeating: "0", count: 8 - volume.count) + volume,
        ]
    }

    /// Clears what mtools leaves of its memory behind the ends of files, and checks the alignment we rely on.
    private static func settle(_ path: String) throws {
        let volume = try FATVolume(ByteSource(file: path))
        guard volume.geometry.clusterSize == 4096, volume.geometry.dataOffset.isMultiple(of: 4096) else {
            throw BuildError.tool(
                name: "mkfs.vfat",
                detail: "the data area begins at \(volume.geometry.dataOffset), no multiple of 4096"
            )
        }
        let descriptor = try FileSystem.open(path, O_WRONLY)
        defer { close(descriptor) }
        for (name, entry) in try volume.tree() where !entry.isFolder {
            let slack = try volume.slack(of: entry, path: name)
            let zeros = [UInt8](repeating: 0, count: slack.count)
            try FileSystem.write(zeros, to: descriptor, at: slack.lowerBound, path: path)
        }
        guard fsync(descriptor) == 0 else {
            throw BuildError.file(operation: "flush", path: path, errno: errno)
        }
    }

    private struct File {
        let path: String
        let digest: SHA256Digest
        let write: (String) throws -> Void
    }

    private static func contents(
        root: RootTree,
        loaderGuard: LoaderGuard,
        uki: UKIImage,
        variant: ResolvedVariant,
        identity: DerivedIdentity
    ) throws -> [File] {
        let suffix = variant.architecture.efiSuffix
        // Only the entries in EFI/Linux: nothing else that lies about is ever started.
        let configuration = Array("timeout 0\neditor no\nauto-entries no\nauto-firmware no\n".utf8)
        let loader = try root.bootLoader.bytes(limit: 16 << 20)
        return [
            File(
                path: "/EFI/BOOT/BOOT\(suffix.uppercased()).EFI",
                digest: SHA256Digest(hashing: loaderGuard.bytes)
            ) {
                try FileSystem.write(loaderGuard.bytes, to: $0)
            },
            File(path: "/EFI/systemd/systemd-boot\(suffix).efi", digest: root.bootLoader.digest) {
                try FileSystem.write(loader, to: $0)
            },
            File(path: "/loader/loader.conf", digest: SHA256Digest(hashing: configuration)) {
                try FileSystem.write(configuration, to: $0)
            },
            File(path: "/EFI/Linux/\(identity.releaseName).efi", digest: uki.digest) {
                try FileSystem.copy(uki.path, to: $0)
            },
        ]
    }

    /// All folders above files, parents first.
    private static func folders(of paths: [String]) -> [String] {
        var folders: [String] = []
        for path in paths {
            var folder = ""
            for part in path.split(separator: "/").dropLast() {
                folder += "/\(part)"
                if !folders.contains(folder) { folders.append(folder) }
            }
        }
        return folders
    }
}
