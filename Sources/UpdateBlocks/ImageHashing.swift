public import BlockDevices
import Hashing

/// The truncated leaves of an image or a slot as it is, and what could not be read of it.
public struct HashedBlocks: Sendable {
    /// The truncated leaf of each block; that of an unreadable one means nothing.
    public let leaves: [UInt64]
    /// Blocks that the medium did not give.
    public let unreadable: BlockSet

    private static let blocksPerRead = 32

    /// Reads and hashes blocks of a device: an image file, or a slot's raw partition, never dm-verity's device.
    ///
    /// A block that cannot be read is noted, and the others are hashed all the same. Blocks behind the end of the
    /// device count as unreadable.
    public init(hashing device: any BlockDevice, blockCount: Int, hasher: LeafHasher) {
        self.init(device, blockCount: blockCount, hasher: hasher) { _, _ in }
    }

    /// Hashes an image and makes the digests of its tree's lowest level on the way.
    static func withGroups(_ device: any BlockDevice, blockCount: Int, hasher: LeafHasher)
        throws(UpdateBlocksError) -> (leaves: [UInt64], groups: [SHA256Digest])
    {
        var groups: [SHA256Digest] = []
        var block: [UInt8] = []
        var last: SHA256Digest?
        let hashed = HashedBlocks(device, blockCount: blockCount, hasher: hasher) { number, bytes in
            let digest = hasher.digest(of: Array(bytes))
            last = digest
            block += digest.bytes
            guard block.count == BlockFormat.blockSize || number == blockCount - 1 else { return }
            block += [UInt8](repeating: 0, count: BlockFormat.blockSize - block.count)
            groups.append(hasher.digest(of: block))
            block.removeAll(keepingCapacity: true)
        }
        if let first = hashed.unreadable.runs.first {
            let place = UInt64(first.lowerBound * BlockFormat.blockSize)
            throw .device(.shortRead(device: device.name, offset: place, count: BlockFormat.blockSize))
        }
        // A tree over one block has no levels: the block's digest is the root hash.
        if blockCount == 1, let last { groups = [last] }
        return (hashed.leaves, groups)
    }

    private init(
        _ device: any BlockDevice,
        blockCount: Int,
        hasher: LeafHasher,
        each: (Int, UnsafeRawBufferPointer) -> Void
    ) {
        let size = BlockFormat.blockSize
        var leaves = [UInt64](repeating: 0, count: blockCount)
        var unreadable = BlockSet(capacity: blockCount)
        let present = Int(clamping: min(device.byteCount / UInt64(size), UInt64(blockCount)))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blocksPerRead * size, alignment: size)
        defer { buffer.deallocate() }
        var position = 0
        while position < present {
            let count = min(Self.blocksPerRead, present - position)
            let whole = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count * size)])
            let isRead = Self.read(device, position, whole)
            for offset in 0..<count {
                let part = UnsafeMutableRawBufferPointer(rebasing: whole[(offset * size)..<((offset + 1) * size)])
                guard isRead || Self.read(device, position + offset, part) else {
                    unreadable.insert(position + offset)
                    continue
                }
                let bytes = UnsafeRawBufferPointer(part)
                leaves[position + offset] = hasher.leaf(of: bytes)
                each(position + offset, bytes)
            }
            position += count
        }
        unreadable.insert(present..<blockCount)
        self.leaves = leaves
        self.unreadable = unreadable
    }

    private static func read(_ device: any BlockDevice, _ block: Int, _ buffer: UnsafeMutableRawBufferPointer)
        -> Bool
    {
        do throws(BlockDeviceError) {
            try device.read(at: UInt64(block * BlockFormat.blockSize), into: buffer)
            return true
        } catch {
            return false
        }
    }
}

/// Finds the blocks of a slot by their truncated leaves.
public struct BlockLookup: Sendable {
    private let leaves: [UInt64]
    /// The readable blocks, sorted by leaf, then by number.
    private let order: [UInt32]

    /// Prepares the search.
    public init(_ hashed: HashedBlocks) {
        leaves = hashed.leaves
        let leaves = hashed.leaves
        let unreadable = hashed.unreadable
        var order = (0..<UInt32(leaves.count)).filter { !unreadable.contains(Int($0)) }
        order.sort {
            let (one, other) = (leaves[Int($0)], leaves[Int($1)])
            return one == other ? $0 < $1 : one < other
        }
        self.order = order
    }

    /// Nothing can be found in it: for a machine without an old slot.
    public init() {
        leaves = []
        order = []
    }

    /// A block with a truncated leaf; the preferred one if it has it, else the first.
    public func block(with leaf: UInt64, preferring preferred: Int) -> Int? {
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if leaves[Int(order[middle])] < leaf { low = middle + 1 } else { high = middle }
        }
        guard low < order.count, leaves[Int(order[low])] == leaf else { return nil }
        if preferred >= 0, preferred < leaves.count, leaves[preferred] == leaf {
            // An unreadable block's leaf is 0 and means nothing; it is not in the order.
            var place = low
            while place < order.count, leaves[Int(order[place])] == leaf, place - low < 64 {
                if Int(order[place]) == preferred { return preferred }
                place += 1
            }
        }
        return Int(order[low])
    }
}
