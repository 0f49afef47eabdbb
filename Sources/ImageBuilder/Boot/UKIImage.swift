import FileTree
import Foundation
import Hashing
import UKI
import VariantManifest

/// The unified kernel image: stub, kernel, initrd, os-release and command line in one EFI program, put together
/// by the locked ukify(1).
struct UKIImage: Sendable {
    /// The largest UKI that is accepted, which is also the largest that hosts install.
    static func sizeLimit(_ architecture: Architecture) -> UInt64 {
        switch architecture {
        case .amd64: UKISizeLimit.amd64
        case .arm64: UKISizeLimit.arm64
        }
    }

    /// The file.
    let path: String
    /// Its size in bytes.
    let size: UInt64
    /// The digest of its bytes.
    let digest: SHA256Digest
    /// The kernel command line inside.
    let commandLine: String

    static func prepare(
        root: RootTree,
        initrd: Initrd,
        variant: ResolvedVariant,
        version: String,
        rootHash: SHA256Digest,
        toolbox: Toolbox,
        cache: StageCache
    ) async throws -> (UKIImage, cached: Bool) {
        let commandLine = commandLine(rootHash: rootHash, variant: variant)
        let osRelease = ReleaseFile.text(variant: variant, version: version)
        var key = StageKey("uki", version: 1)
        key.add("command line", commandLine)
        key.add("os-release", osRelease)
        key.add("kernel", root.kernel.digest)
        key.add("stub", root.stub.digest)
        key.add("initrd", try SHA256Digest(hashingFile: initrd.path))
        key.add("tools", toolbox.digest)
        let cached = cache.lookUp("uki", key)
        let directory: String
        if let cached {
            directory = cached
        } else {
            directory = try await cache.fill("uki", key) { directory in
                let work = try WorkDirectory(cache: cache)
                try FileSystem.write(root.kernel.bytes(limit: 256 << 20), to: work.file("linux"))
                try FileSystem.write(root.stub.bytes(limit: 16 << 20), to: work.file("stub"))
                try FileSystem.write(Array(osRelease.utf8), to: work.file("osrel"))
                try FileSystem.write(Array(commandLine.utf8), to: work.file("cmdline"))
                try FileSystem.copy(initrd.path, to: work.file("initrd"))
                try await toolbox.run(
                    [
                        "python3", "/usr/bin/ukify", "build", "--linux=/work/linux", "--initrd=/work/initrd",
                        "--stub=/work/stub", "--os-release=@/work/osrel", "--cmdline=@/work/cmdline",
                        "--uname=\(root.kernelRelease)", "--efi-arch=\(variant.architecture.efiSuffix)",
                        "--output=/work/uki.efi",
                    ],
                    work: work.path
                )
                try FileSystem.rename(work.file("uki.efi"), to: directory + "/uki.efi")
            }
        }
        let path = directory + "/uki.efi"
        let size = try FileSystem.size(path)
        let limit = sizeLimit(variant.architecture)
        guard size <= limit else {
            throw BuildError.tooLarge(
                what: "the UKI",
                size: size,
                limit: limit,
                remedy: "name fewer modules and files under initrd"
            )
        }
        let digest = try SHA256Digest(hashingFile: path)
        return (UKIImage(path: path, size: size, digest: digest, commandLine: commandLine), cached != nil)
    }

    /// What the kernel is told: which root, then the manifest's words.
    static func commandLine(rootHash: SHA256Digest, variant: ResolvedVariant) -> String {
        (["roothash=\(rootHash.hex)", "root=/dev/mapper/root", "rootfstype=erofs", "ro"]
            + variant.kernel.commandLine)
            .joined(separator: " ")
    }
}
