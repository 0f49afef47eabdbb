public import Hashing
import Bytes
import Zstd

extension PackHead {
    private static let magic = Array("BHPACK_1".utf8)
    private static let startSize = 16
    private static let zeroMark = UInt32.max - 1
    private static let segmentMark = UInt32.max
    /// Most runs of old blocks that a segment may name.
    static let maximumPrefixRuns = 512

    /// The bytes of the head as they begin a pack: magic, two sizes, and one zstd frame.
    ///
    /// - Returns: nil for a head that is larger than hosts read.
    /// - Throws: `UpdateBlocksError.compression`.
    func encoded() throws(UpdateBlocksError) -> [UInt8]? {
        var raw: [UInt8] = from.bytes + to.bytes
        raw.appendLittleEndian(UInt32(oldBlockCount))
        raw.appendLittleEndian(UInt32(blockCount))
        raw += leavesDigest.bytes
        raw.appendLittleEndian(UInt32(runs.count))
        raw.appendLittleEndian(UInt32(segments.count))
        raw.appendLittleEndian(UInt32(segmentLeaves.count))
        for run in runs {
            raw.appendLittleEndian(run.count)
            switch run.source {
            case .old(let first): raw.appendLittleEndian(first)
            case .zero: raw.appendLittleEndian(Self.zeroMark)
            case .segments: raw.appendLittleEndian(Self.segmentMark)
            }
        }
        for segment in segments {
            raw.appendLittleEndian(segment.blockCount)
            raw.appendLittleEndian(segment.byteCount)
            raw += segment.sha256.bytes
            raw.appendLittleEndian(UInt32(segment.prefix.count))
            for range in segment.prefix {
                raw.appendLittleEndian(range.lowerBound)
                raw.appendLittleEndian(UInt32(range.count))
            }
        }
        for leaf in segmentLeaves { raw.appendLittleEndian(leaf) }
        guard raw.count <= Self.sizeLimit else { return nil }
        let frame: [UInt8]
        do throws(ZstdError) {
            frame = try ZstdCompressor(level: 19).compress(raw)
        } catch {
            throw .compression(error)
        }
        var bytes = Self.magic
        bytes.appendLittleEndian(UInt32(frame.count))
        bytes.appendLittleEndian(UInt32(raw.count))
        bytes += frame
        return bytes.count <= Self.sizeLimit ? bytes : nil
    }

    /// Reads the head of a pack and checks all of it.
    ///
    /// - Parameters:
    ///   - bytes: the first bytes of a pack, as many as the signed table says.
    ///   - from: the root hash of the running release.
    ///   - to: the root hash of the new release.
    ///   - byteCount: the size of the whole pack.
    /// - Throws: `UpdateBlocksError.damaged`.
    public init(decoding bytes: [UInt8], from: SHA256Digest, to: SHA256Digest, byteCount: UInt64)
        throws(UpdateBlocksError)
    {
        guard bytes.starts(with: Self.magic) else {
            throw Self.bad("magic", "it does not begin with 'BHPACK_1'")
        }
        guard let size = bytes.littleEndian(UInt32.self, at: 8).map(Int.init),
            let rawSize = bytes.littleEndian(UInt32.self, at: 12).map(Int.init)
        else { throw Self.bad("header", "only \(bytes.count) bytes are there") }
        guard bytes.count == Self.startSize + size else {
            throw Self.bad(
                "head size",
                "\(size) bytes and \(Self.startSize) are not the \(bytes.count) signed ones"
            )
        }
        guard rawSize <= Self.sizeLimit else {
            throw Self.bad("head size", "\(rawSize) bytes are more than \(Self.sizeLimit)")
        }
        let raw: [UInt8]
        do throws(ZstdError) {
            raw = try ZstdDecompressor().decompress(Array(bytes[Self.startSize...]), byteCount: rawSize)
        } catch {
            throw Self.bad("head", "\(error)")
        }
        var reader = Reader(bytes: raw)
        guard try reader.digest() == from else { throw Self.bad("from", "it is not for the running release") }
        guard try reader.digest() == to else { throw Self.bad("to", "it does not lead to the new release") }
        self.from = from
        self.to = to
        oldBlockCount = try reader.number("old block count", in: 1...BlockFormat.maximumBlockCount)
        blockCount = try reader.number("block count", in: 1...BlockFormat.maximumBlockCount)
        leavesDigest = try reader.digest()
        let runCount = try reader.number("run count", in: 1...blockCount)
        let segmentCount = try reader.number("segment count", in: 0...blockCount)
        let leafCount = try reader.number("leaf count", in: 0...blockCount)
        runs = try Self.runs(&reader, runCount, old: oldBlockCount, new: blockCount, inSegments: leafCount)
        segments = try Self.segments(
            &reader,
            segmentCount,
            old: oldBlockCount,
            blocks: leafCount,
            byteCount: byteCount - min(byteCount, UInt64(bytes.count))
        )
        var leaves: [UInt64] = []
        for _ in 0..<leafCount { leaves.append(try reader.value(UInt64.self)) }
        segmentLeaves = leaves
        guard reader.isAtEnd else { throw Self.bad("head", "bytes follow its last field") }
    }

    private static func runs(_ reader: inout Reader, _ count: Int, old: Int, new: Int, inSegments: Int)
        throws(UpdateBlocksError) -> [Run]
    {
        var runs: [Run] = []
        var total = 0
        var found = 0
        for number in 0..<count {
            let blocks = try reader.number("run \(number), count", in: 1...(max(1, new - total)))
            let mark = try reader.value(UInt32.self)
            total += blocks
            let source: Source
            switch mark {
            case segmentMark:
                found += blocks
                source = .segments
            case zeroMark: source = .zero
            default:
                guard Int(mark) < old, blocks <= old - Int(mark) else {
                    throw bad(
                        "run \(number), source",
                        "\(blocks) blocks from \(mark) on leave the \(old) old ones"
                    )
                }
                source = .old(mark)
            }
            runs.append(Run(count: UInt32(blocks), source: source))
        }
        guard total == new else { throw bad("runs", "they have \(total) blocks and not \(new)") }
        guard found == inSegments else {
            throw bad(
                "leaf count",
                "the runs take \(found) blocks from segments, and there are \(inSegments) leaves"
            )
        }
        return runs
    }

    private static func segments(
        _ reader: inout Reader,
        _ count: Int,
        old: Int,
        blocks: Int,
        byteCount: UInt64
    )
        throws(UpdateBlocksError) -> [Segment]
    {
        var segments: [Segment] = []
        var held = 0
        var size: UInt64 = 0
        for number in 0..<count {
            let name = "segment \(number)"
            let blocks = try reader.number("\(name), block count", in: 1...maximumSegmentBlocks)
            // zstd grows what it cannot compress by less than 1/128.
            let largest = blocks * BlockFormat.blockSize * 129 / 128 + 64
            let bytes = try reader.number("\(name), size", in: 1...largest)
            let digest = try reader.digest()
            let ranges = try reader.number("\(name), prefix", in: 0...maximumPrefixRuns)
            var prefix: [Range<UInt32>] = []
            var prefixBlocks = 0
            for _ in 0..<ranges {
                let start = try reader.number("\(name), prefix start", in: 0...(old - 1))
                let blocks = try reader.number("\(name), prefix count", in: 1...(old - start))
                prefixBlocks += blocks
                guard prefixBlocks <= maximumPrefixBlocks else {
                    throw bad("\(name), prefix", "it has more than \(maximumPrefixBlocks) blocks")
                }
                prefix.append(UInt32(start)..<UInt32(start + blocks))
            }
            held += blocks
            size += UInt64(bytes)
            segments.append(
                Segment(
                    blockCount: UInt32(blocks),
                    byteCount: UInt32(bytes),
                    sha256: digest,
                    prefix: prefix
                )
            )
        }
        guard held == blocks else { throw bad("segments", "they hold \(held) blocks and not \(blocks)") }
        guard size == byteCount else {
            throw bad("segments", "they have \(size) bytes, and \(byteCount) follow the head")
        }
        return segments
    }

    fileprivate static func bad(_ field: String, _ reason: String) -> UpdateBlocksError {
        .damaged(artefact: "pack", field: field, reason: reason)
    }
}

/// Reads fields one behind the other; none beyond the end.
private struct Reader {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == bytes.count }

    mutating func value<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type) throws(UpdateBlocksError) -> T
    {
        guard let value = bytes.littleEndian(type, at: position) else { throw Self.end(bytes.count) }
        position += T.bitWidth / 8
        return value
    }

    mutating func digest() throws(UpdateBlocksError) -> SHA256Digest {
        guard let digest = bytes.bounded(at: position, count: 32).flatMap({ SHA256Digest(bytes: $0) }) else {
            throw Self.end(bytes.count)
        }
        position += 32
        return digest
    }

    mutating func number(_ field: String, in range: ClosedRange<Int>) throws(UpdateBlocksError) -> Int {
        let value = Int(try value(UInt32.self))
        guard range.contains(value) else {
            throw PackHead.bad(field, "\(value) is not between \(range.lowerBound) and \(range.upperBound)")
        }
        return value
    }

    private static func end(_ count: Int) -> UpdateBlocksError {
        PackHead.bad("head", "it ends in the middle of a field, after \(count) bytes")
    }
}
