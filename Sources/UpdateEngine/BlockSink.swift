import BlockDevices
import Hashing

/// Writes delivered blocks into the inactive slot's root partition.
///
/// What was written is flushed every 32 MiB, and more often for a small root: less than 1 % of it, and of 256 MiB if it
/// is smaller, must be fetched again after a loss of power. When the delivery has ended, nothing is written any more.
public actor BlockSink {
    private let root: any BlockDevice
    private let blockCount: UInt64
    private let progress: @Sendable (SlotProgress) -> Void
    private let total: UInt64
    private var missing: BlockSet
    private var unflushed = 0
    private var isClosed = false
    private let flushSize: Int

    static let blockSize = 4096

    init(
        root: any BlockDevice,
        blockCount: UInt64,
        missing: BlockSet,
        progress: @escaping @Sendable (SlotProgress) -> Void
    ) {
        self.root = root
        self.blockCount = blockCount
        self.missing = missing
        self.progress = progress
        total = UInt64(missing.count)
        let size = min(blockCount, UInt64.max / UInt64(Self.blockSize)) * UInt64(Self.blockSize)
        flushSize = Int(max(2 << 20, min(32 << 20, size / 128)))
    }

    /// Writes blocks that follow each other.
    ///
    /// - Parameters:
    ///   - first: The number of the first block.
    ///   - bytes: Whole blocks of 4096 bytes.
    /// - Throws: `SlotError.badDelivery`, `.disk` or `.cancelled`; the last also when the delivery has ended.
    public func write(_ bytes: [UInt8], at first: UInt64) async throws(SlotError) {
        if isClosed || Task.isCancelled { throw .cancelled(.blocks) }
        let count = UInt64(bytes.count / Self.blockSize)
        guard bytes.count.isMultiple(of: Self.blockSize), first <= blockCount, count <= blockCount - first
        else { throw .badDelivery(firstBlock: first, byteCount: bytes.count, blockCount: blockCount) }
        do throws(BlockDeviceError) {
            try root.write(bytes, at: first * UInt64(Self.blockSize))
            unflushed += bytes.count
            if unflushed >= flushSize {
                unflushed = 0
                try await flush()
            }
        } catch {
            throw .disk(.blocks, error)
        }
        for block in first..<first + count { missing.remove(Int(block)) }
        let done = total - UInt64(missing.count)
        progress(SlotProgress(step: .blocks, doneBytes: done * 4096, totalBytes: total * 4096))
    }

    /// Flushes on a thread of its own: the medium takes its time, in which the next blocks are unpacked.
    private func flush() async throws(BlockDeviceError) {
        let root = root
        let result = await onThread { _ in
            Result { () throws(BlockDeviceError) in try root.flush() }
        }
        try result.get()
    }

    /// Refuses every later write.
    func close() { isClosed = true }

    /// Flushes, makes sure that nothing is missing, and refuses every later write.
    func finish() throws(SlotError) {
        close()
        if let first = missing.first {
            throw .missingBlocks(count: UInt64(missing.count), first: UInt64(first))
        }
        do throws(BlockDeviceError) { try root.flush() } catch { throw .disk(.blocks, error) }
    }
}
