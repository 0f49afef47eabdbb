public import BlockDevices
public import Hashing
import Synchronization

/// The truncated leaves of an image or a slot as it is, and what could not be read of it.
public struct HashedBlocks: Sendable {
    /// The truncated leaf of each block; that of an unreadable one means nothing.
    public let leaves: [UInt64]
    /// Blocks that the medium did not give.
    public let unreadable: BlockSet

    /// Blocks that are read at a time: 1 MiB.
    private static let blocksPerRead = 256

    /// Reads and hashes blocks of a device, on all processors: an image file, or a slot's raw partition, never dm-verity's
    /// device.
    ///
    /// A block that cannot be read is noted, and the others are hashed all the same. Blocks behind the end of the
    /// device count as unreadable.
    ///
    /// - Parameters:
    ///   - fromMedium: reads past the page cache, where the blocks of an inactive slot are of no use to anybody.
    ///   - stop: ends it early, with a result that means nothing.
    public init(
        hashing device: any BlockDevice,
        fromMedium: Bool = false,
        blockCount: Int,
        hasher: LeafHasher,
        stop: StopFlag = StopFlag()
    ) {
        let present = Self.blocksPresent(device, blockCount)
        let pieces = (present + Self.blocksPerRead - 1) / Self.blocksPerRead
        let result = Mutex(Partial(blockCount: blockCount))
        let threads = fromMedium ? WorkerThreads.readerCount : WorkerThreads.processorCount
        WorkerThreads.run(pieces: pieces, threads: threads) { () -> (Int) throws(Never) -> Void in
            let reader = BlockReader(device, fromMedium: fromMedium, capacity: Self.blocksPerRead)
            return { piece in
                if stop.isSet { return }
                let first = piece * Self.blocksPerRead
                let blocks = first..<min(first + Self.blocksPerRead, present)
                var leaves: [(block: Int, leaf: UInt64)] = []
                leaves.reserveCapacity(blocks.count)
                reader.read(blocks) { leaves.append(($0, hasher.leaf(of: $1))) }
                result.withLock { result in
                    for (block, leaf) in leaves { result.leaves[block] = leaf }
                    guard leaves.count < blocks.count else { return }
                    let read = Set(leaves.map(\.block))
                    for block in blocks where !read.contains(block) { result.unreadable.insert(block) }
                }
            }
        }
        var whole = result.withLock { $0 }
        whole.unreadable.insert(present..<blockCount)
        (leaves, unreadable) = (whole.leaves, whole.unreadable)
    }

    /// Takes truncated leaves that are known without reading the blocks, which may be unreadable for all that.
    init(known leaves: [UInt64]) {
        self.leaves = leaves
        unreadable = BlockSet(capacity: leaves.count)
    }

    /// What the threads have found so far.
    private struct Partial {
        var leaves: [UInt64]
        var unreadable: BlockSet

        init(blockCount: Int) {
            leaves = [UInt64](repeating: 0, count: blockCount)
            unreadable = BlockSet(capacity: blockCount)
        }
    }

    private static func blocksPresent(_ device: any BlockDevice, _ blockCount: Int) -> Int {
        Int(clamping: min(device.byteCount / UInt64(BlockFormat.blockSize), UInt64(blockCount)))
    }

    /// Hashes an image and makes the digests of its tree's lowest level on the way.
    ///
    /// - Parameter stop: ends it early, with an error that means nothing.
    static func withGroups(
        _ device: any BlockDevice,
        fromMedium: Bool = false,
        blockCount: Int,
        hasher: LeafHasher,
        stop: StopFlag = StopFlag()
    ) throws(UpdateBlocksError) -> (leaves: [UInt64], groups: [SHA256Digest]) {
        var groups: [SHA256Digest] = []
        var block: [UInt8] = []
        var leaves: [UInt64] = []
        leaves.reserveCapacity(blockCount)
        var last: SHA256Digest?
        let reader = BlockReader(device, fromMedium: fromMedium, capacity: blocksPerRead)
        let present = blocksPresent(device, blockCount)
        for first in stride(from: 0, to: present, by: blocksPerRead) where !stop.isSet {
            reader.read(first..<min(first + blocksPerRead, present)) { number, bytes in
                guard number == leaves.count else { return }
                leaves.append(hasher.leaf(of: bytes))
                let digest = hasher.digest(of: Array(bytes))
                last = digest
                block += digest.bytes
                guard block.count == BlockFormat.blockSize || number == blockCount - 1 else { return }
                block += [UInt8](repeating: 0, count: BlockFormat.blockSize - block.count)
                groups.append(hasher.digest(of: block))
                block.removeAll(keepingCapacity: true)
            }
        }
        guard leaves.count == blockCount else {
            let place = UInt64(leaves.count * BlockFormat.blockSize)
            throw .device(.shortRead(device: device.name, offset: place, count: BlockFormat.blockSize))
        }
        // A tree over one block has no levels: the block's digest is the root hash.
        if blockCount == 1, let last { groups = [last] }
        return (leaves, groups)
    }
}

/// Reads blocks of a device into memory of its own.
///
/// A thread has one of its own.
private final class BlockReader {
    private let device: any BlockDevice
    private let isFromMedium: Bool
    private let buffer: UnsafeMutableRawBufferPointer

    init(_ device: any BlockDevice, fromMedium: Bool, capacity: Int) {
        self.device = device
        isFromMedium = fromMedium
        buffer = .allocate(byteCount: capacity * BlockFormat.blockSize, alignment: BlockFormat.blockSize)
    }

    deinit { buffer.deallocate() }

    /// Reads blocks, as many as the buffer has room for, and hands over those that can be read.
    func read(_ blocks: Range<Int>, _ body: (Int, UnsafeRawBufferPointer) -> Void) {
        let size = BlockFormat.blockSize
        let whole = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(blocks.count * size)])
        let isRead = read(at: blocks.lowerBound, into: whole)
        for block in blocks {
            let offset = (block - blocks.lowerBound) * size
            let part = UnsafeMutableRawBufferPointer(rebasing: whole[offset..<offset + size])
            guard isRead || read(at: block, into: part) else { continue }
            body(block, UnsafeRawBufferPointer(part))
        }
    }

    private func read(at block: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        do throws(BlockDeviceError) {
            let offset = UInt64(block * BlockFormat.blockSize)
            if isFromMedium {
                try device.readMedium(at: offset, into: buffer)
            } else {
                try device.read(at: offset, into: buffer)
            }
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
