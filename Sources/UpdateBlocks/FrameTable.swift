public import BlockDevices

/// How `root.zst` is cut: independent zstd frames, each of the same number of blocks but for the last.
public struct FrameTable: Sendable, Equatable {
    /// Blocks a frame.
    public let blocksPerFrame: Int
    /// Blocks of the image.
    public let blockCount: Int
    /// The compressed size of each frame in bytes.
    public let sizes: [UInt16]
    /// Where every 64th frame begins; the others are counted from there.
    private let offsets: [UInt64]
    /// The size of the whole stream in bytes.
    public let byteCount: UInt64

    private static let stride = 64

    /// Takes the sizes of all frames.
    ///
    /// - Throws: `UpdateBlocksError.damaged` where they are not as many as the blocks need, or one is 0.
    init(sizes: [UInt16], blocks: Int, blocksPerFrame: Int) throws(UpdateBlocksError) {
        let expected = Self.frameCount(blocks: blocks, blocksPerFrame: blocksPerFrame)
        guard sizes.count == expected else {
            throw .damaged(
                artefact: "root.index",
                field: "frame sizes",
                reason: "there are \(sizes.count) and not \(expected)"
            )
        }
        if let empty = sizes.firstIndex(of: 0) {
            throw .damaged(artefact: "root.index", field: "frame sizes", reason: "frame \(empty) has 0 bytes")
        }
        self.blocksPerFrame = blocksPerFrame
        self.blockCount = blocks
        self.sizes = sizes
        var offsets: [UInt64] = []
        var position: UInt64 = 0
        for (number, size) in sizes.enumerated() {
            if number % Self.stride == 0 { offsets.append(position) }
            position += UInt64(size)
        }
        self.offsets = offsets
        byteCount = position
    }

    /// The number of frames that blocks make.
    static func frameCount(blocks: Int, blocksPerFrame: Int) -> Int { (blocks - 1) / blocksPerFrame + 1 }

    /// The frame that a block is in.
    public func frame(of block: Int) -> Int { block / blocksPerFrame }

    /// The blocks of a frame.
    public func blocks(of frame: Int) -> Range<Int> {
        frame * blocksPerFrame..<min((frame + 1) * blocksPerFrame, blockCount)
    }

    /// The bytes of a run of frames in `root.zst`.
    public func bytes(of frames: Range<Int>) -> Range<UInt64> {
        let start = offset(of: frames.lowerBound)
        return start..<max(start, offset(of: frames.upperBound))
    }

    private func offset(of frame: Int) -> UInt64 {
        guard frame < sizes.count else { return byteCount }
        let base = frame / Self.stride
        return sizes[(base * Self.stride)..<frame].reduce(offsets[base]) { $0 + UInt64($1) }
    }

    /// The frames that hold blocks of a set, in runs.
    ///
    /// Runs are joined where the bytes between them cost no more than another range.
    ///
    /// - Parameter gap: most bytes between two runs that are fetched along.
    public func runs(holding blocks: BlockSet, gap: UInt64) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        for run in blocks.runs {
            let frames = frame(of: run.lowerBound)..<frame(of: run.upperBound - 1) + 1
            if let last = runs.last {
                let between = last.upperBound..<max(last.upperBound, frames.lowerBound)
                let bytes = self.bytes(of: between)
                if bytes.upperBound - bytes.lowerBound <= gap {
                    runs[runs.count - 1] = last.lowerBound..<max(last.upperBound, frames.upperBound)
                    continue
                }
            }
            runs.append(frames)
        }
        return runs
    }
}
