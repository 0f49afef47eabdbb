import Bytes
import Foundation
import GPT
import Hashing
import ReleaseManifest
import SBOM
import TestSupport
import Verity

/// A small build folder, made by the same steps as a real one, with tools that know nothing of Bulkhead.
final class SampleImage {
    /// What the second slot of a disk holds.
    enum SlotB {
        /// Nothing: an update has not landed yet.
        case empty
        /// The root of another sample, started by a boot entry of this name unless it is nil.
        case image(SampleImage, entry: String?)
    }

    /// What a sample is made with.
    struct Recipe {
        var version = "1.2.0"
        var sectorSize = SectorSize.bytes512
        /// Files of the root besides those that every sample has.
        var files: [String: String] = [:]
        /// Paths of files that every sample has and this one has not.
        var without: Set<String> = []
        var packages: [(name: String, version: String)] = [("base", "1:2.0-3"), ("containerd", "1.7.24")]
        /// Names of the boot entries.
        var entries = ["vm-test_1.2.0.efi"]
        var loaderConfiguration = "timeout 0\neditor no\n"
        var commandLine = "quiet console=ttyS0"
        var kernel: [UInt8] = SampleImage.noise(40_000, seed: 3)
        /// What slot B holds: nil means that there is none yet.
        var slotB: SlotB?
        /// Changes the tree before it becomes a file system.
        var change: (URL) throws -> Void = { _ in }
        var mkfsOptions = ["-zlz4", "-C65536"]
    }

    let directory: TemporaryDirectory
    /// The build folder.
    let folder: URL
    let recipe: Recipe
    private(set) var rootHash = ""
    private(set) var partitions: [Partition] = []

    static let salt: [UInt8] = [0xca, 0xfe, 0x01]
    static let espSize: UInt64 = 16 << 20

    init(_ recipe: Recipe = Recipe()) throws {
        self.recipe = recipe
        directory = try TemporaryDirectory()
        folder = directory.url.appending(path: "vm-test-amd64-\(recipe.version)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try makeRoot()
        try makeDisk()
        try makeFacts()
    }

    func file(_ name: String) -> String { folder.appending(path: name).path }
    var disk: String { file("disk.raw") }
    var kernelImage: String { "vm-test_\(recipe.version).efi" }

    /// Bytes that no program can compress, the same for the same seed.
    static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
    }

    // MARK: Changing bytes

    /// Inverts the lowest bit of a byte of a file.
    static func flip(_ path: String, at offset: UInt64) throws {
        let handle = try FileHandle(forUpdating: URL(filePath: path))
        try handle.seek(toOffset: offset)
        let byte = try handle.read(upToCount: 1)?.first ?? 0
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: Data([byte ^ 1]))
        try handle.close()
    }

    static func write(_ bytes: [UInt8], to path: String, at offset: UInt64) throws {
        let handle = try FileHandle(forUpdating: URL(filePath: path))
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
    }

    static func truncate(_ path: String, to size: UInt64) throws {
        let handle = try FileHandle(forUpdating: URL(filePath: path))
        try handle.truncate(atOffset: size)
        try handle.close()
    }

    /// Where a pattern lies in a file.
    static func find(_ pattern: [UInt8], in path: String) throws -> UInt64? {
        let data = try Data(contentsOf: URL(filePath: path))
        return data.range(of: Data(pattern)).map { UInt64($0.lowerBound) }
    }

    // MARK: Making

    private func run(_ tool: String, _ arguments: String...) throws {
        let result = try runTool(tool, arguments)
        guard result.status == 0 else {
            throw CocoaError(.executableLoad, userInfo: ["tool": tool, "output": result.output])
        }
    }

    private var osRelease: String {
        "ID=bulkhead\nPRETTY_NAME=\"Bulkhead test\"\nIMAGE_ID=vm-test\nIMAGE_VERSION=\(recipe.version)\n"
    }

    /// Packages without files, as they lie inside the root.
    private func inventory(_ files: [PackageInventory.File]) throws -> PackageInventory {
        try PackageInventory(
            packages: recipe.packages.map {
                .init(
                    name: $0.name,
                    version: $0.version,
                    architecture: "amd64",
                    sha256: .init(hashing: $0.name)
                )
            },
            files: files
        )
    }

    private func makeRoot() throws {
        let tree = directory.url.appending(path: "tree")
        var files = [
            "usr/lib/os-release": Array(osRelease.utf8),
            "usr/bin/containerd": Self.noise(150_000, seed: 1),
            "usr/bin/runc": Self.noise(60_000, seed: 2),
            "usr/lib/text": Array(String(repeating: "the same line\n", count: 9000).utf8),
            "etc/motd": Array("hello\n".utf8),
            "usr/share/bulkhead/packages.json": try inventory([]).encoded(),
        ]
        for (path, text) in recipe.files { files[path] = Array(text.utf8) }
        for path in recipe.without { files[path] = nil }
        for (path, bytes) in files.sorted(by: { $0.key < $1.key }) {
            let url = tree.appending(path: path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(bytes).write(to: url)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: url.path)
        }
        try FileManager.default.createSymbolicLink(
            atPath: tree.appending(path: "etc/os-release").path,
            withDestinationPath: "../usr/lib/os-release"
        )
        try recipe.change(tree)
        let root = file("root.erofs")
        var arguments = recipe.mkfsOptions
        arguments += ["-T1700000000", "-U", "11111111-2222-4333-8444-555555555555", "--all-root", "--quiet"]
        let made = try runTool("mkfs.erofs", arguments + [root, tree.path])
        guard made.status == 0 else { throw CocoaError(.executableLoad, userInfo: ["output": made.output]) }
        let size = try ByteSource(file: root).size
        try Self.truncate(root, to: (size + 4095) / 4096 * 4096)
        let data = try VeritySource(path: root)
        let parameters = try VerityParameters(
            salt: Self.salt,
            uuid: Array(repeating: 7, count: 16),
            dataSize: data.byteCount
        )
        rootHash = try VerityTree.write(data: data, parameters: parameters, to: file("root.verity")).hex
        try Data(Self.inventoryFiles(of: tree, package: "containerd", with: inventory)).write(
            to: folder.appending(path: "packages.json")
        )
        let image = smallPEFile([
            (".osrel", Array(osRelease.utf8)),
            (".cmdline", Array("roothash=\(rootHash) \(recipe.commandLine)".utf8)),
            (".uname", Array("6.12.0-test".utf8)),
            (".initrd", Self.noise(5000, seed: 4)),
            (".linux", recipe.kernel),
        ])
        try Data(image).write(to: folder.appending(path: kernelImage))
    }

    /// The inventory of a tree: binaries belong to the package, everything else to none.
    private static func inventoryFiles(
        of tree: URL,
        package: String,
        with inventory: ([PackageInventory.File]) throws -> PackageInventory
    ) throws -> [UInt8] {
        var files: [PackageInventory.File] = []
        let manager = FileManager.default
        for name in try manager.subpathsOfDirectory(atPath: tree.path) {
            let path = tree.appending(path: name).path
            let attributes = try manager.attributesOfItem(atPath: path)
            let mode = (attributes[.posixPermissions] as? NSNumber)?.uint16Value ?? 0
            let owner = name.hasPrefix("usr/bin/") ? package : nil
            switch attributes[.type] as? FileAttributeType {
            case .typeDirectory:
                files.append(.init(path: "/" + name, type: .directory, mode: mode))
            case .typeSymbolicLink:
                files.append(
                    .init(
                        path: "/" + name,
                        type: .symbolicLink,
                        mode: 0o777,
                        target: try manager.destinationOfSymbolicLink(atPath: path)
                    )
                )
            default:
                files.append(
                    .init(
                        path: "/" + name,
                        type: .regular,
                        mode: mode,
                        size: (attributes[.size] as? NSNumber)?.uint64Value ?? 0,
                        sha256: try SHA256Digest(hashingFile: path),
                        package: owner
                    )
                )
            }
        }
        return try inventory(files).encoded()
    }

    private func makeDisk() throws {
        let esp = directory.file("esp.fat")
        try run(
            "mkfs.vfat",
            "-n",
            "ESP",
            "-i",
            "1234abcd",
            "-S",
            "\(recipe.sectorSize.rawValue)",
            "-C",
            esp,
            "\(Self.espSize / 1024)"
        )
        let loader = directory.file("loader.efi")
        let magic = Array("#### LoaderInfo: systemd-boot 257.9-1 ####\0".utf8)
        try Data(smallPEFile([(".text", [1, 2, 3]), (".sdmagic", magic)])).write(to: URL(filePath: loader))
        let configuration = directory.file("loader.conf")
        try Data(recipe.loaderConfiguration.utf8).write(to: URL(filePath: configuration))
        try run("mmd", "-i", esp, "::EFI", "::EFI/BOOT", "::EFI/systemd", "::EFI/Linux", "::loader")
        try run("mcopy", "-i", esp, loader, "::EFI/BOOT/BOOTX64.EFI")
        try run("mcopy", "-i", esp, loader, "::EFI/systemd/systemd-bootx64.efi")
        try run("mcopy", "-i", esp, configuration, "::loader/loader.conf")
        for entry in recipe.entries {
            try run("mcopy", "-i", esp, file(kernelImage), "::EFI/Linux/\(entry)")
        }
        if case .image(let other, let entry?) = recipe.slotB {
            try run("mcopy", "-i", esp, other.file(other.kernelImage), "::EFI/Linux/\(entry)")
        }
        var parts: [(PartitionType, String, String, UInt64)] = [
            (.esp, "esp", "00000000-0000-4000-8000-000000000001", Self.espSize),
            (.root(.amd64), "vm-test_\(recipe.version)", try Self.half(rootHash, 0), 4 << 20),
            (.rootVerity(.amd64), "vm-test_\(recipe.version)", try Self.half(rootHash, 1), 1 << 20),
        ]
        var contents = [esp, file("root.erofs"), file("root.verity")]
        switch recipe.slotB {
        case nil: break
        case .empty:
            parts.append((.root(.amd64), "_empty", "00000000-0000-4000-8000-000000000004", 4 << 20))
            parts.append((.rootVerity(.amd64), "_empty", "00000000-0000-4000-8000-000000000005", 1 << 20))
        case .image(let other, _):
            let label = "vm-test_\(other.recipe.version)"
            parts.append((.root(.amd64), label, try Self.half(other.rootHash, 0), 4 << 20))
            parts.append((.rootVerity(.amd64), label, try Self.half(other.rootHash, 1), 1 << 20))
            contents += [other.file("root.erofs"), other.file("root.verity")]
        }
        var layout = try PartitionTable.Layout(
            diskGUID: Self.guid("6a9d0b3c-1f52-4c1e-9a77-0123456789ab"),
            sectorSize: recipe.sectorSize
        )
        for (type, label, guid, size) in parts {
            try layout.add(type: type, guid: Self.guid(guid), label: label, size: size)
        }
        let table = try layout.table()
        partitions = table.partitions
        try Data().write(to: URL(filePath: disk))
        try Self.truncate(disk, to: table.diskSize)
        for region in try table.encoded().regions {
            try Self.write(region.bytes, to: disk, at: region.offset)
        }
        for (partition, source) in zip(partitions, contents) {
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: source)))
            try Self.write(bytes, to: disk, at: partition.offset)
        }
    }

    private static func guid(_ text: String) throws -> GUID {
        guard let guid = GUID(text) else { throw CocoaError(.formatting) }
        return guid
    }

    private static func half(_ hash: String, _ index: Int) throws -> String {
        guard let bytes = Hex.decode(hash),
            let guid = GUID(uuidBytes: bytes[(index * 16)..<(index * 16 + 16)])
        else { throw CocoaError(.formatting) }
        return guid.description
    }

    // MARK: Facts

    /// Writes `release.json` and `SHA256SUMS` for what is there now.
    func makeFacts(_ change: (inout Release) -> Void = { _ in }) throws {
        func facts(_ name: String) throws -> (size: UInt64, sha256: SHA256Digest) {
            (try ByteSource(file: file(name)).size, try SHA256Digest(hashingFile: file(name)))
        }
        for name in ["sbom.spdx.json", "report.html"] {
            try Data("{}".utf8).write(to: folder.appending(path: name))
        }
        let (root, tree, uki, raw) = try (
            facts("root.erofs"), facts("root.verity"), facts(kernelImage), facts("disk.raw")
        )
        guard let hash = SHA256Digest(hex: rootHash) else { throw CocoaError(.formatting) }
        var release = Release(
            variant: "vm-test",
            architecture: "amd64",
            version: recipe.version,
            sourceDateEpoch: 1_700_000_000,
            sectorSize: UInt64(recipe.sectorSize.rawValue),
            root: .init(
                hash: hash,
                salt: HexBytes(Self.salt),
                dataBlocks: root.size / 4096,
                size: root.size,
                sha256: root.sha256,
                treeSize: tree.size,
                treeSha256: tree.sha256
            ),
            uki: .init(file: kernelImage, size: uki.size, sha256: uki.sha256),
            disk: .init(
                size: raw.size,
                sha256: raw.sha256,
                partitions: partitions.map {
                    .init(
                        label: $0.label,
                        type: $0.type.guid.description,
                        uuid: $0.guid.description,
                        size: $0.size
                    )
                }
            ),
            kernelVersion: "6.12.0-test",
            commandLine: "roothash=\(rootHash) \(recipe.commandLine)",
            lock: .init(sha256: .init(hashing: "lock")),
            images: ["raw": .init(file: "disk.raw", size: raw.size, sha256: raw.sha256)],
            toolVersion: "test"
        )
        change(&release)
        try Data(release.encoded()).write(to: folder.appending(path: "release.json"))
        try makeChecksums()
    }

    /// Writes `SHA256SUMS` for what is there now.
    func makeChecksums() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
            $0 != "SHA256SUMS"
        }
        let list = try ChecksumList(
            names.map { .init(name: $0, sha256: try SHA256Digest(hashingFile: file($0))) }
        )
        try Data(list.encoded().utf8).write(to: folder.appending(path: "SHA256SUMS"))
    }
}
