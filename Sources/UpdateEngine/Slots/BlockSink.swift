import BlockDevices

/// Writes delivered blocks into the inactive slot's root partition.
///
/// What was written is flushed every 32 MiB: no more than that must be fetched again after a loss of power.
public actor BlockSink {
    private let root: any BlockDevice
    private let blockCount: UInt64
    private let progress: @Sendable (SlotProgress) -> Void
    private let total: UInt64
    private var missing: BlockSet
    private var unflushed = 0

    static let flushSize = 32 << 20
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
        total = missing.count
    }

    /// Writes blocks that follow each other.
    ///
    /// - Parameters:
    ///   - first: The number of the first block.
    ///   - bytes: Whole blocks of 4096 bytes.
    /// - Throws: `SlotError.badDelivery`, `.disk` or `.cancelled`.
    public func write(_ bytes: [UInt8], at first: UInt64) throws(SlotError) {
        if Task.isCancelled { throw .cancelled(.blocks) }
        let count = UInt64(bytes.count / Self.blockSize)
        guard bytes.count.isMultiple(of: Self.blockSize), first <= blockCount, count <= blockCount - first
        else { throw .badDelivery(firstBlock: first, byteCount: bytes.count, blockCount: blockCount) }
        do throws(BlockDeviceError) {
            try root.write(bytes, at: first * UInt64(Self.blockSize))
            unflushed += bytes.count
            if unflushed >= Self.flushSize {
                unflushed = 0
                try root.flush()
            }
        } catch {
            throw .disk(.blocks, error)
        }
        for block in first..<first + count { missing.remove(block) }
        let done = total - missing.count
        progress(SlotProgress(step: .blocks, doneBytes: done * 4096, totalBytes: total * 4096))
    }

    /// Flushes, and makes sure that nothing is missing.
    func finish() throws(SlotError) {
        if let first = missing.first { throw .missingBlocks(count: missing.count, first: first) }
        do throws(BlockDeviceError) { try root.flush() } catch { throw .disk(.blocks, error) }
    }
}
