public import BlockDevices
public import Hashing
import Zstd

/// Makes `root.zst` and `root.index` of a root file system, on the build machine.
public enum RootFramesWriter {
    /// Blocks a frame: 16 KiB (docs/update-format.md has the measurements).
    public static let blocksPerFrame = 4
    /// The zstd level of frames.
    public static let level = 19
    /// Frames a task.
    private static let framesPerBatch = 256

    /// What was written.
    public struct Result: Sendable, Equatable {
        /// `root.zst`.
        public let frames: ArtefactFacts
        /// `root.index`.
        public let index: ArtefactFacts
    }

    /// Reads the image twice and writes both files.
    ///
    /// The same image gives the same bytes for any number of processors. Memory is some MiB a processor.
    ///
    /// - Parameters:
    ///   - image: the root file system.
    ///   - rootHash: its root hash; the image is hashed and must have it.
    ///   - salt: the salt of its tree.
    ///   - framesPath: where `root.zst` goes; the file must not exist.
    ///   - indexPath: where `root.index` goes; the file must not exist.
    /// - Throws: `UpdateBlocksError`.
    public static func write(
        image: any BlockDevice,
        rootHash: SHA256Digest,
        salt: [UInt8],
        framesPath: String,
        indexPath: String
    ) async throws -> Result {
        try await write(
            image: image,
            rootHash: rootHash,
            salt: salt,
            hasher: LeafHasher(salt: salt),
            framesPath: framesPath,
            indexPath: indexPath
        )
    }

    static func write(
        image: any BlockDevice,
        rootHash: SHA256Digest,
        salt: [UInt8],
        hasher: LeafHasher,
        framesPath: String,
        indexPath: String
    ) async throws -> Result {
        let blocks = try BlockFormat.blockCount(of: image.byteCount, name: image.name)
        let (leaves, groups) = try HashedBlocks.withGroups(image, blockCount: blocks, hasher: hasher)
        let found = hasher.root(of: groups)
        guard found == rootHash else {
            throw UpdateBlocksError.wrongRootHash(
                name: image.name,
                found: found?.hex ?? "none",
                expected: rootHash.hex
            )
        }
        let output = try ArtefactFile(path: framesPath)
        let count = FrameTable.frameCount(blocks: blocks, blocksPerFrame: blocksPerFrame)
        let sizes = try await compress(image, blocks: blocks, frames: count, to: output)
        let index = RootIndex(
            rootHash: rootHash,
            salt: salt,
            leaves: leaves,
            groups: blocks == 1 ? [] : groups,
            frames: try FrameTable(sizes: sizes, blocks: blocks, blocksPerFrame: blocksPerFrame)
        )
        let indexFile = try ArtefactFile(path: indexPath)
        try indexFile.write(index.encoded())
        return Result(frames: try output.finish(), index: try indexFile.finish())
    }

    /// Compresses batches of frames side by side and writes them in order.
    private static func compress(_ image: any BlockDevice, blocks: Int, frames: Int, to output: ArtefactFile)
        async throws -> [UInt16]
    {
        let batches = (frames - 1) / framesPerBatch + 1
        var sizes: [UInt16] = []
        var start = 0
        while start < batches {
            // So many at a time that memory stays small, and no processor waits long.
            let end = min(start + 2 * WorkerThreads.processorCount, batches)
            let done = try await withThrowingTaskGroup(of: (Int, [[UInt8]]).self) { group in
                for batch in start..<end {
                    group.addTask {
                        let range = batch * framesPerBatch..<min((batch + 1) * framesPerBatch, frames)
                        return (batch, try compress(image, blocks: blocks, frames: range))
                    }
                }
                return try await group.reduce(into: [Int: [[UInt8]]]()) { $0[$1.0] = $1.1 }
            }
            for batch in start..<end {
                for frame in done[batch] ?? [] {
                    guard let size = UInt16(exactly: frame.count) else {
                        throw UpdateBlocksError.compression(
                            .refused(reason: "a frame has \(frame.count) bytes")
                        )
                    }
                    sizes.append(size)
                    try output.write(frame)
                }
            }
            start = end
        }
        return sizes
    }

    private static func compress(_ image: any BlockDevice, blocks: Int, frames: Range<Int>) throws
        -> [[UInt8]]
    {
        let compressor = try ZstdCompressor(level: level)
        return try frames.map { frame in
            let first = frame * blocksPerFrame
            let count = min(blocksPerFrame, blocks - first)
            let bytes = try image.read(
                at: UInt64(first * BlockFormat.blockSize),
                count: count * BlockFormat.blockSize
            )
            return try compressor.compress(bytes)
        }
    }
}
