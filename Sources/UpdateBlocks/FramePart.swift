import Synchronization
import Zstd

/// Some frames of `root.zst` that follow each other, as they came, to be decompressed and checked by any task.
struct FramePart: Sendable {
    /// A frame: its blocks, and where its bytes lie among those of the part; nil where none of its blocks is wanted.
    struct Frame: Sendable {
        let blocks: Range<Int>
        let bytes: Range<Int>?
    }

    /// At least one, in order and without gaps.
    let frames: [Frame]
    let bytes: [UInt8]
    /// The server that sent the last of them.
    let source: String
    /// The truncated leaf of every block of the root.
    let leaves: [UInt64]
    let hasher: LeafHasher
    let decompressor: Decompressor

    /// A decompressor for one part after the other.
    ///
    /// Unchecked: one part has it at a time.
    final class Decompressor: @unchecked Sendable {
        fileprivate let zstd: ZstdDecompressor

        init() throws(UpdateBlocksError) {
            do throws(ZstdError) { zstd = try ZstdDecompressor() } catch { throw .compression(error) }
        }
    }

    /// A part that another task unpacks.
    final class Unpacking: Sendable {
        /// The part's, which is free again when the content is there.
        let decompressor: Decompressor
        /// The part's.
        let source: String
        private let task: Task<CheckedBlocks, Never>
        private let finished: Flag

        /// Begins.
        init(_ part: FramePart) {
            let flag = Flag()
            finished = flag
            decompressor = part.decompressor
            source = part.source
            task = Task.detached {
                let blocks = part.content()
                flag.value.store(true, ordering: .releasing)
                return blocks
            }
        }

        /// Whether nobody has to wait for the content: where the network is slow, it is not held back.
        var isFinished: Bool { finished.value.load(ordering: .acquiring) }

        /// All blocks of the frames, as soon as they are known.
        var content: CheckedBlocks { get async { await task.value } }
    }

    private final class Flag: Sendable {
        let value = Atomic<Bool>(false)
    }

    /// Decompresses the frames that are wanted and compares each of their blocks with its leaf.
    ///
    /// A damaged frame has no right blocks.
    func content() -> CheckedBlocks {
        let size = BlockFormat.blockSize
        let first = frames.first?.blocks.lowerBound ?? 0
        let blocks = first..<max(first, frames.last?.blocks.upperBound ?? 0)
        var isRight = [Bool](repeating: false, count: blocks.count)
        let content = [UInt8](unsafeUninitializedCapacity: blocks.count * size) { buffer, filled in
            let all = UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: blocks.count * size)
            for frame in frames {
                let start = (frame.blocks.lowerBound - first) * size
                let target = UnsafeMutableRawBufferPointer(
                    rebasing: all[start..<start + frame.blocks.count * size]
                )
                guard decompress(frame, into: target) else {
                    target.initializeMemory(as: UInt8.self, repeating: 0)
                    continue
                }
                for block in frame.blocks {
                    let place = (block - frame.blocks.lowerBound) * size
                    let leaf = hasher.leaf(of: UnsafeRawBufferPointer(rebasing: target[place..<place + size]))
                    isRight[block - first] = leaf == leaves[block]
                }
            }
            filled = blocks.count * size
        }
        return CheckedBlocks(numbers: blocks, bytes: content, isRight: isRight)
    }

    /// Whether a frame is wanted and whole.
    private func decompress(_ frame: Frame, into target: UnsafeMutableRawBufferPointer) -> Bool {
        guard let range = frame.bytes else { return false }
        return bytes.withUnsafeBytes { bytes in
            do throws(ZstdError) {
                try decompressor.zstd.decompress(UnsafeRawBufferPointer(rebasing: bytes[range]), into: target)
                return true
            } catch {
                return false
            }
        }
    }
}
