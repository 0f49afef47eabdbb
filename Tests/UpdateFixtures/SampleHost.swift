import BlockDevices
import Foundation
import GPT
import Hashing
import TestSupport
import UpdateEngine
import VariantManifest
import Verity

/// A release as the tests install it: a root of blocks, and the kernel image for it.
struct SampleRelease: Sendable {
    let version: String
    let root: [UInt8]
    let parameters: VerityParameters
    let rootHash: SHA256Digest
    let tree: [UInt8]
    let kernel: [UInt8]

    var label: String { "vm_\(version)" }
    var slot: SlotRelease { SlotRelease(label: label, rootHash: rootHash, parameters: parameters) }
    var index: LeafIndex { LeafIndex(self) }

    /// What the kernel of a real image is told.
    private static let words: [String] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let variant = try? Variant.load("vm-containerd", repository: root).resolved(for: .amd64)
        return variant?.kernel.commandLine ?? []
    }()

    /// Blocks that are all different; the same number of a version shares its block with a version that says so.
    ///
    /// - Parameters:
    ///   - blocks: how many blocks the root has.
    ///   - sharing: a release of which two of three blocks are taken.
    ///   - kernelSize: bytes of the part of the kernel image that counts for nothing here.
    ///   - sections: other sections of the kernel image than that part.
    init(
        version: String,
        seed: UInt64,
        blocks: Int = 140,
        sharing: SampleRelease? = nil,
        kernelSize: Int = 9000,
        sections: [(name: String, bytes: [UInt8])]? = nil
    ) throws {
        var root = sampleBytes(count: blocks * 4096, seed: seed)
        // Two of three blocks as before; and a run of zeros, which is not hashed.
        if let sharing {
            for block in 0..<min(blocks, sharing.root.count / 4096) where block % 3 != 0 {
                root.replaceSubrange(
                    block * 4096..<(block + 1) * 4096,
                    with: sharing.root[block * 4096..<(block + 1) * 4096]
                )
            }
        }
        if blocks > 20 {
            root.replaceSubrange(10 * 4096..<14 * 4096, with: [UInt8](repeating: 0, count: 4 * 4096))
        }
        try self.init(
            version: version,
            root: root,
            sections: sections ?? [(".linux", sampleBytes(count: kernelSize, seed: seed + 100))]
        )
    }

    /// A release with a root of the test's own.
    ///
    /// - Parameters:
    ///   - root: whole blocks.
    ///   - sections: the sections of the kernel image behind those that tell the version and the root.
    init(version: String, root: [UInt8], sections: [(name: String, bytes: [UInt8])]) throws {
        let parameters = try VerityParameters(
            salt: Array(repeating: 7, count: 32),
            uuid: Array(repeating: 5, count: 16),
            dataSize: UInt64(root.count)
        )
        let tree = RecordedDisk(byteCount: VerityLayout(parameters).byteCount)
        rootHash = try VerityTree.build(
            data: VeritySource(name: "root", bytes: root),
            parameters: parameters,
            workers: 1
        ) { offset, bytes throws(VerityError) in
            do throws(BlockDeviceError) { try tree.write(bytes, at: offset) } catch { throw .cancelled }
        }
        self.tree = try tree.read(at: 0, count: Int(tree.byteCount))
        self.version = version
        self.root = root
        self.parameters = parameters
        let command = (["roothash=\(rootHash.hex)", "root=/dev/mapper/root", "ro"] + Self.words)
            .joined(separator: " ")
        let release = "ID=bulkhead\nIMAGE_ID=vm\nIMAGE_VERSION=\(version)\n"
        kernel = smallPEFile([(".osrel", Array(release.utf8)), (".cmdline", Array(command.utf8))] + sections)
    }
}

/// Eight bytes of each leaf, as a release publishes them.
struct LeafIndex: BlockIndex {
    let leaves: [UInt8]

    init(_ release: SampleRelease) {
        let layout = VerityLayout(release.parameters)
        leaves = layout.levels.first.map { Array(release.tree[Int($0.byteOffset)...]) } ?? []
    }

    func isRight(_ block: UInt64, digest: UnsafeRawBufferPointer) -> Bool {
        let place = Int(block) * 32
        return leaves[place..<place + 8].elementsEqual(digest[..<8])
    }
}

/// Delivers the missing blocks of a release in runs of a few blocks, the last ones first, and counts them.
final class SampleSource: BlockSource {
    let release: SampleRelease
    let run: Int
    let log = Log()

    final class Log: @unchecked Sendable {
        private let lock = NSLock()
        private var value: [UInt64] = []
        var counts: [UInt64] { lock.withLock { value } }
        func add(_ count: UInt64) { lock.withLock { value.append(count) } }
    }

    init(_ release: SampleRelease, run: Int = 3) {
        self.release = release
        self.run = run
    }

    func deliver(_ missing: BlockSet, to sink: BlockSink) async throws {
        log.add(UInt64(missing.count))
        for range in missing.runs.reversed() {
            for first in stride(from: range.lowerBound, to: range.upperBound, by: run) {
                let end = min(first + run, range.upperBound)
                try await sink.write(Array(release.root[first * 4096..<end * 4096]), at: UInt64(first))
            }
        }
    }
}

func sampleBytes(count: Int, seed: UInt64) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    var bytes = [UInt8](repeating: 0, count: count)
    bytes.withUnsafeMutableBytes { buffer in
        for index in buffer.indices {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            buffer[index] = UInt8(truncatingIfNeeded: state >> 24)
        }
    }
    return bytes
}

/// A host's disk with one release, as it is after the first boot: ESP, slot A, empty slot B, state.
struct SampleHost: Sendable {
    let disk: RecordedDisk
    let table: PartitionTable
    let running: SampleRelease

    static let loader = smallPEFile([(".sdmagic", Array("systemd-boot".utf8))])

    /// - Parameter slotSize: bytes of a slot's root partition; its hash tree gets half of that.
    init(running: SampleRelease, withESP: Bool = true, slotSize: UInt64 = 2 << 20) throws {
        self.running = running
        let guid = { (number: UInt8) in GUID(uuidBytes: [UInt8](repeating: number, count: 16)) ?? .zero }
        var layout = try PartitionTable.Layout(diskGUID: guid(0x11), sectorSize: .bytes512)
        let identifiers = Self.identifiers(for: running.rootHash)
        try layout.add(type: .esp, guid: guid(0x22), label: "esp", size: 36 << 20)
        try layout.add(
            type: .root(.amd64),
            guid: identifiers.root,
            label: running.label,
            size: slotSize,
            attributes: .readOnly
        )
        try layout.add(
            type: .rootVerity(.amd64),
            guid: identifiers.verity,
            label: running.label,
            size: slotSize / 2,
            attributes: .readOnly
        )
        try layout.add(
            type: .root(.amd64),
            guid: guid(0x44),
            label: "_empty",
            size: slotSize,
            attributes: .readOnly
        )
        try layout.add(
            type: .rootVerity(.amd64),
            guid: guid(0x55),
            label: "_empty",
            size: slotSize / 2,
            attributes: .readOnly
        )
        try layout.add(type: .linuxGeneric, guid: guid(0x66), label: "state", size: 1 << 20)
        table = try layout.table()
        disk = RecordedDisk(name: "/dev/vda", byteCount: table.diskSize)
        for region in try table.encoded().regions { try disk.write(region.bytes, at: region.offset) }
        let parts = table.partitions
        try disk.write(running.root, at: parts[1].offset)
        try disk.write(running.tree, at: parts[2].offset)
        try disk.write(sampleBytes(count: 4096, seed: 99), at: parts[5].offset)
        if withESP { try Self.makeESP(running).load(into: disk, at: parts[0].offset) }
        disk.beginLog()
    }

    /// The PARTUUIDs of a slot with a root hash: its halves (Discoverable Partitions Specification).
    private static func identifiers(for rootHash: SHA256Digest) -> (root: GUID, verity: GUID) {
        let bytes = rootHash.bytes
        return (GUID(uuidBytes: bytes[..<16]) ?? .zero, GUID(uuidBytes: bytes[16...]) ?? .zero)
    }

    /// The disk with its slots, as a host sees it that runs a release.
    static func slots(_ disk: any BlockDevice, running: SampleRelease) throws -> SlotDisk {
        let slots = try SlotTable(disk: disk, architecture: .amd64, rootHash: running.rootHash)
        return try SlotDisk(disk, slots: slots)
    }

    /// An ESP by mkfs.vfat and mtools.
    private static func makeESP(_ release: SampleRelease) throws -> SparseImage {
        let folder = try TemporaryDirectory()
        let image = folder.file("esp")
        try Data().write(to: URL(filePath: image))
        let file = try FileHandle(forWritingTo: URL(filePath: image))
        try file.truncate(atOffset: 36 << 20)
        try file.close()
        func tool(_ name: String, _ arguments: String...) throws {
            let result = try runTool(name, arguments)
            guard result.status == 0 else { throw ToolFailure(text: "\(name): \(result.output)") }
        }
        try tool("mkfs.vfat", "-F", "32", "-s", "1", "-S", "512", "-i", "12345678", "-n", "ESP", image)
        for name in ["EFI", "EFI/BOOT", "EFI/Linux", "EFI/bulkhead", "loader"] {
            try tool("mmd", "-i", image, "::/\(name)")
        }
        try Data(loader).write(to: URL(filePath: folder.file("loader.efi")))
        try Data(release.kernel).write(to: URL(filePath: folder.file("kernel.efi")))
        try tool("mcopy", "-i", image, folder.file("loader.efi"), "::/EFI/BOOT/BOOTX64.EFI")
        try tool("mcopy", "-i", image, folder.file("kernel.efi"), "::/EFI/Linux/\(release.label).efi")
        return SparseImage(bytes: Array(try Data(contentsOf: URL(filePath: image))))
    }
}

struct ToolFailure: Error { let text: String }

/// Bytes of which only pages that are not zero are written.
struct SparseImage {
    let bytes: [UInt8]

    func load(into disk: RecordedDisk, at offset: UInt64) throws {
        try bytes.withUnsafeBytes { buffer in
            for start in stride(from: 0, to: bytes.count, by: 4096) {
                let page = UnsafeRawBufferPointer(rebasing: buffer[start..<start + 4096])
                // In words: 9216 pages are looked at.
                if page.bindMemory(to: UInt64.self).contains(where: { $0 != 0 }) {
                    try disk.write(Array(page), at: offset + UInt64(start))
                }
            }
        }
    }
}

/// No ESP: what is tested is elsewhere.
struct NoBootFiles: BootFiles {
    func checkRoom() throws {}
    func removeInactive() throws {}
    func stage() throws {}
}

extension SHA256Digest {
    /// Another root hash.
    var swapped: SHA256Digest { SHA256Digest(hashing: bytes) }
}
