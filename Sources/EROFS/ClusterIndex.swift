import Bytes

/// What the index of a compressed file says about one logical cluster, which is a block of the file.
enum LogicalCluster: Equatable {
    /// An extent starts in it, at an offset in the cluster.
    case head(Kind, offset: Int, block: UInt32)
    /// The extent goes on; the first such cluster of an extent has the extent's number of blocks in the image.
    case continuation(blocks: Int?)

    enum Kind: UInt16 {
        case stored = 0
        case first = 1
        case second = 3
    }

    static let continuationType: UInt16 = 2
    /// Set in a distance that is a number of blocks instead.
    static let blockCountFlag = 1 << 11
}

/// Reads the index of a compressed file from its first to its last logical cluster.
///
/// Read in order, the distances to heads, which are for random access, are not needed; only their flag of block
/// counts is.
struct ClusterIndex {
    /// Number of logical clusters.
    let count: UInt64

    private let image: EROFSImage
    private let nid: UInt64
    private let format: Format
    private var nextCluster: UInt64 = 0
    private var queue: ArraySlice<LogicalCluster> = []
    private var window: (offset: UInt64, bytes: [UInt8]) = (0, [])
    private let start: UInt64
    private let end: UInt64

    private enum Format {
        /// 8 bytes a cluster.
        case full
        /// Packs of 2 clusters in 8 bytes, of 16 in 32 bytes in the middle.
        case compact(leading: UInt64, dense: UInt64, hasLargeExtents: Bool)
    }

    private static let windowSize: UInt64 = 4096

    init(_ image: EROFSImage, _ file: EROFSEntry, _ header: CompressionHeader) throws(EROFSError) {
        self.image = image
        nid = file.nid
        let blockSize = UInt64(image.superblock.blockSize)
        count = file.size / blockSize + (file.size % blockSize == 0 ? 0 : 1)
        let length: UInt64
        if file.layout == .compressedFull {
            format = .full
            // 8 bytes are reserved behind the header.
            start = header.end + 8
            length = count * 8
        } else {
            // Dense packs are aligned to their 32 bytes.
            let leading = (32 - header.end % 32) / 4 % 8
            let dense = header.hasDenseIndex && leading < count ? (count - leading) / 16 * 16 : 0
            format = .compact(leading: leading, dense: dense, hasLargeExtents: header.hasLargeFirst)
            start = header.end
            let loose = count - dense
            length = dense * 2 + (loose + loose % 2) * 4
            guard blockSize <= 1 << 14, dense == 0 || blockSize <= 1 << 12 else {
                throw .damaged(nid: nid, .compressionHeader)
            }
        }
        guard start <= image.superblock.size, length <= image.superblock.size - start else {
            throw .damaged(nid: nid, .outside(offset: start, length: length))
        }
        end = start + length
    }

    /// The next logical cluster; nil behind the last one.
    mutating func next() throws(EROFSError) -> LogicalCluster? {
        guard nextCluster < count else { return nil }
        if queue.isEmpty {
            switch format {
            case .full:
                queue = [try fullEntry()]
            case .compact(let leading, let dense, let hasLargeExtents):
                let isDense = nextCluster >= leading && nextCluster < leading + dense
                queue = try pack(isDense: isDense, leading, dense, hasLargeExtents)
            }
        }
        guard let cluster = queue.popFirst() else { throw damaged() }
        nextCluster += 1
        return cluster
    }

    private mutating func fullEntry() throws(EROFSError) -> LogicalCluster {
        let bytes = try read(at: start + nextCluster * 8, count: 8)
        let advice = bytes.field(UInt16.self, 0)
        let type = advice & 3
        if type == LogicalCluster.continuationType {
            let distance = Int(bytes.field(UInt16.self, 4))
            guard distance & LogicalCluster.blockCountFlag != 0 else { return .continuation(blocks: nil) }
            return .continuation(blocks: distance & ~LogicalCluster.blockCountFlag)
        }
        guard advice & 0x8000 == 0 else { throw .unsupported(.deduplication, nid: nid) }
        let offset = Int(bytes.field(UInt16.self, 2))
        guard let kind = LogicalCluster.Kind(rawValue: type), offset < image.superblock.blockSize else {
            throw damaged()
        }
        return .head(kind, offset: offset, block: bytes.field(UInt32.self, 4))
    }

    /// Unpacks a pack: fields of a distance or offset and a type each, and the first block at its end.
    ///
    /// Heads have no block of their own: each extent follows the one before it.
    private mutating func pack(
        isDense: Bool,
        _ leading: UInt64,
        _ dense: UInt64,
        _ hasLargeExtents: Bool
    ) throws(EROFSError) -> ArraySlice<LogicalCluster> {
        let clusters = isDense ? 16 : 2
        let size = isDense ? 32 : 8
        let fieldBits = isDense ? 14 : 16
        // 12 bits up to blocks of 4 KiB: distances need them for their flag.
        let valueBits = max(image.superblock.blockSize.trailingZeroBitCount, 12)
        // Dense entries are half as long as others.
        let denseBefore = nextCluster <= leading ? 0 : min(nextCluster - leading, dense)
        let bytes = try read(at: start + nextCluster * 4 - denseBefore * 2, count: size)
        let base = bytes.field(UInt32.self, size - 4)

        var result: [LogicalCluster] = []
        // Blocks of the extents that started in this pack. Without large extents the base is one too low.
        var blocks: UInt32 = hasLargeExtents ? 0 : 1
        var isBehindHead = false
        for index in 0..<min(clusters, Int(clamping: count - nextCluster)) {
            let at = index * fieldBits
            // Fields end before the base, so that 32 bits can always be read.
            let field = bytes.field(UInt32.self, at / 8) >> UInt32(at % 8)
            let value = Int(field & ((1 << UInt32(valueBits)) - 1))
            let type = UInt16(truncatingIfNeeded: field >> UInt32(valueBits)) & 3
            if type == LogicalCluster.continuationType {
                let isCount = value & LogicalCluster.blockCountFlag != 0
                let extentBlocks = value & ~LogicalCluster.blockCountFlag
                if hasLargeExtents {
                    if isCount {
                        blocks &+= UInt32(truncatingIfNeeded: extentBlocks)
                    } else if isBehindHead {
                        blocks &+= 1
                    }
                }
                isBehindHead = false
                result.append(.continuation(blocks: isCount ? extentBlocks : nil))
                continue
            }
            guard let kind = LogicalCluster.Kind(rawValue: type), value < image.superblock.blockSize else {
                throw damaged()
            }
            if hasLargeExtents && isBehindHead { blocks &+= 1 }
            result.append(.head(kind, offset: value, block: base &+ blocks))
            if hasLargeExtents { isBehindHead = true } else { blocks &+= 1 }
        }
        return result[...]
    }

    private mutating func read(at offset: UInt64, count: Int) throws(EROFSError) -> [UInt8] {
        let inner = offset &- window.offset
        if offset < window.offset || inner > UInt64(window.bytes.count)
            || UInt64(window.bytes.count) - inner < UInt64(count)
        {
            guard offset <= end, end - offset >= UInt64(count) else { throw damaged() }
            let length = min(end - offset, Self.windowSize)
            window = (offset, try image.source.bytes(at: offset, count: Int(length)))
        }
        guard let bytes = window.bytes.bounded(at: Int(offset - window.offset), count: count) else {
            throw damaged()
        }
        return Array(bytes)
    }

    private func damaged() -> EROFSError { .damaged(nid: nid, .cluster(nextCluster)) }
}
