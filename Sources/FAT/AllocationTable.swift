import BlockDevices
import Glibc

/// A copy of the allocation table in memory, with the changes that are to go to all copies.
struct AllocationTable {
    /// The largest table that is read: that of 16 GiB in clusters of 4 KiB.
    static let maximumSize: UInt64 = 16 << 20

    let geometry: FATGeometry
    /// All entries with FAT32's reserved bits.
    private var entries: [UInt32]
    /// How many clusters are free.
    private(set) var freeCount = 0
    private var changedSectors: Set<Int> = []
    private let width: Int

    /// Reads a copy, which exists, from the medium.
    init(_ device: any BlockDevice, _ geometry: FATGeometry, copy: Int) throws(FATError) {
        guard geometry.kind != .fat12 else { throw .unsupported("it is FAT12") }
        guard geometry.isMirrored else { throw .unsupported("only one copy of its table is kept") }
        guard geometry.tableSize <= Self.maximumSize else {
            throw .unsupported("its table has more than \(Self.maximumSize) bytes")
        }
        self.geometry = geometry
        let width = geometry.kind == .fat32 ? 4 : 2
        self.width = width
        let offset = geometry.tableOffset + UInt64(copy) * geometry.tableSize
        let bytes: [UInt8]
        do throws(BlockDeviceError) {
            bytes = try device.readMedium(at: offset, count: Int(geometry.tableSize))
        } catch {
            throw .device(error)
        }
        entries = Self.decoded(bytes, width: width)
        let mask = mask
        let last = Int(geometry.lastCluster)
        freeCount = entries.withUnsafeBufferPointer { entries in
            var count = 0
            var index = 2
            while index <= last {
                if entries[index] & mask == 0 { count += 1 }
                index += 1
            }
            return count
        }
    }

    private static func decoded(_ bytes: [UInt8], width: Int) -> [UInt32] {
        let count = bytes.count / width
        return [UInt32](unsafeUninitializedCapacity: count) { entries, filled in
            bytes.withUnsafeBytes { buffer in
                var index = 0
                while index < count {
                    entries[index] =
                        width == 4
                        ? UInt32(
                            littleEndian: buffer.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                        )
                        : UInt32(
                            UInt16(
                                littleEndian: buffer.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
                            )
                        )
                    index += 1
                }
            }
            filled = count
        }
    }

    private var mask: UInt32 { width == 4 ? 0x0fff_ffff : 0xffff }

    /// The value that ends a chain that we write.
    var endMark: UInt32 { width == 4 ? 0x0fff_ffff : 0xffff }
    /// Whether the file system was unmounted, as the entry of cluster 1 says.
    var isMarkedClean: Bool { entries[1] & cleanBit != 0 }

    private var cleanBit: UInt32 { width == 4 ? 0x0800_0000 : 0x8000 }
    private var badMark: UInt32 { width == 4 ? 0x0fff_fff7 : 0xfff7 }

    /// What follows a cluster of 2...lastCluster.
    func value(_ cluster: UInt32) -> UInt32 { entries[Int(cluster)] & mask }

    /// Whether a value ends a chain.
    func isEnd(_ value: UInt32) -> Bool { value > badMark }

    /// Whether a value marks a cluster that must not be used.
    func isBad(_ value: UInt32) -> Bool { value == badMark }

    /// Changes an entry of 2...lastCluster.
    mutating func set(_ cluster: UInt32, to value: UInt32) {
        change(Int(cluster), to: width == 4 ? entries[Int(cluster)] & 0xf000_0000 | value : value)
    }

    /// Says that the file system was unmounted.
    mutating func markClean() { change(1, to: entries[1] | cleanBit) }

    private mutating func change(_ index: Int, to value: UInt32) {
        guard entries[index] != value else { return }
        if index > 1 { freeCount += (value & mask == 0 ? 1 : 0) - (entries[index] & mask == 0 ? 1 : 0) }
        entries[index] = value
        changedSectors.insert(index * width / geometry.sectorSize)
    }

    /// Links clusters to a chain with an end.
    mutating func makeChain(_ clusters: [UInt32]) {
        for (index, cluster) in clusters.enumerated() {
            set(cluster, to: index + 1 < clusters.count ? clusters[index + 1] : endMark)
        }
    }

    /// Free clusters outside of a set: the first that are neighbours, else the first there are; fewer if there are
    /// not enough.
    func free(_ count: Int, except pinned: Set<UInt32>) -> [UInt32] {
        guard count > 0 else { return [] }
        var first: [UInt32] = []
        var run: UInt32 = 0
        var cluster: UInt32 = 2
        while cluster <= geometry.lastCluster {
            if value(cluster) == 0, pinned.isEmpty || !pinned.contains(cluster) {
                run += 1
                if run == UInt32(count) { return Array(cluster + 1 - run...cluster) }
                if first.count < count { first.append(cluster) }
            } else {
                run = 0
            }
            cluster += 1
        }
        return first
    }

    /// The numbers of sectors in which another copy differs; all of them, if that one could not be read.
    func differences(from other: AllocationTable?) -> Set<Int> {
        guard let other else { return Set(0..<Int(geometry.tableSize) / geometry.sectorSize) }
        let count = entries.count * 4
        if memcmp(entries, other.entries, count) == 0 { return [] }
        var sectors: Set<Int> = []
        for index in entries.indices where entries[index] != other.entries[index] {
            sectors.insert(index * width / geometry.sectorSize)
        }
        return sectors
    }

    /// Writes the changed sectors to all copies, without a flush.
    mutating func write(to device: any BlockDevice) throws(FATError) {
        for copy in 0..<geometry.tableCount { try write(changedSectors, to: device, copy: copy) }
        changedSectors = []
    }

    /// Writes sectors to one copy, neighbours together.
    func write(_ sectors: Set<Int>, to device: any BlockDevice, copy: Int) throws(FATError) {
        var pending = sectors.sorted()[...]
        let start = geometry.tableOffset + UInt64(copy) * geometry.tableSize
        while let first = pending.first {
            var bytes: [UInt8] = []
            var next = first
            while pending.first == next, bytes.count < 1 << 17 {
                bytes += encoded(next)
                pending.removeFirst()
                next += 1
            }
            do {
                try device.write(bytes, at: start + UInt64(first) * UInt64(geometry.sectorSize))
            } catch {
                throw .device(error)
            }
        }
    }

    private func encoded(_ sector: Int) -> [UInt8] {
        let count = geometry.sectorSize / width
        var bytes: [UInt8] = []
        bytes.reserveCapacity(geometry.sectorSize)
        for entry in entries[sector * count..<(sector + 1) * count] {
            for index in 0..<width { bytes.append(UInt8(truncatingIfNeeded: entry >> (8 * UInt32(index)))) }
        }
        return bytes
    }
}
