import Bytes

/// The facts of an EROFS file system as a whole: `struct erofs_super_block` at byte 1024.
public struct EROFSSuperblock: Sendable, Equatable {
    /// Bytes of a block, a power of two from 512 to 65536.
    public let blockSize: Int
    /// Number of blocks of the file system.
    public let blockCount: UInt64
    /// Number of inodes.
    public let inodeCount: UInt64
    /// The 16 bytes of the file system's UUID, in the order of RFC 4122.
    public let uuid: [UInt8]
    /// The volume's name without its padding.
    public let volumeName: [UInt8]
    /// When the image was built, in seconds since 1970; also the modification time of inodes that store none.
    public let buildTime: Int64
    /// The nanoseconds that belong to `buildTime`.
    public let buildNanoseconds: UInt32
    /// `feature_compat`: readers may ignore these.
    public let compatibleFeatures: UInt32
    /// `feature_incompat`: readers must know these.
    public let incompatibleFeatures: UInt32
    /// Whether the image has a checksum over its first block, which was then found right.
    public let isChecksumVerified: Bool

    /// Number of the root directory's inode.
    let rootNid: UInt64
    /// Where inode 0 is.
    let metadataOffset: UInt64

    /// Bytes of the file system.
    public var size: UInt64 { blockCount * UInt64(blockSize) }
    /// Whether compressed data is right-aligned in its blocks.
    var isZeroPadded: Bool { incompatibleFeatures & Self.zeroPadding != 0 }
    /// Whether compressed extents may be larger than a block.
    var hasLargeExtents: Bool { incompatibleFeatures & Self.largeExtents != 0 }

    static let offset: UInt64 = 1024
    private static let minimumSize = 128
    private static let magic: UInt32 = 0xe0f5_e1e2
    private static let checksumFeature: UInt32 = 0x1
    private static let zeroPadding: UInt32 = 0x1
    private static let largeExtents: UInt32 = 0x2
    private static let wideAddresses: UInt32 = 0x80
    private static let metabox: UInt32 = 0x100
    /// Bits up to XATTR_PREFIXES: what is not supported of them is refused where an inode uses it.
    private static let acceptable: UInt32 = 0x7f

    /// Reads and checks the superblock.
    init(_ source: ByteSource) throws(EROFSError) {
        guard source.size >= Self.offset + UInt64(Self.minimumSize) else {
            throw .truncated(size: source.size, needed: Self.offset + UInt64(Self.minimumSize))
        }
        let bytes = try source.bytes(at: Self.offset, count: Self.minimumSize)
        guard bytes.field(UInt32.self, 0) == Self.magic else { throw .notEROFS }

        let blockBits = bytes.field(UInt8.self, 12)
        guard (9...16).contains(blockBits) else {
            throw .superblock(field: "blkszbits", value: UInt64(blockBits))
        }
        blockSize = 1 << Int(blockBits)
        compatibleFeatures = bytes.field(UInt32.self, 8)
        incompatibleFeatures = bytes.field(UInt32.self, 80)
        blockCount = UInt64(bytes.field(UInt32.self, 36))

        if compatibleFeatures & Self.checksumFeature != 0 {
            try Self.verify(source, blockSize: blockSize, stored: bytes.field(UInt32.self, 4))
            isChecksumVerified = true
        } else {
            isChecksumVerified = false
        }
        try Self.checkFeatures(incompatibleFeatures)
        guard bytes.field(UInt16.self, 86) == 0 else { throw .unsupported(.multipleDevices, nid: nil) }
        guard bytes.field(UInt8.self, 90) == 0 else { throw .unsupported(.largeDirectoryBlocks, nid: nil) }

        rootNid = UInt64(bytes.field(UInt16.self, 14))
        inodeCount = bytes.field(UInt64.self, 16)
        buildTime = Int64(bitPattern: bytes.field(UInt64.self, 24))
        buildNanoseconds = bytes.field(UInt32.self, 32)
        let metadataBlock = UInt64(bytes.field(UInt32.self, 40))
        metadataOffset = metadataBlock * UInt64(blockSize)
        uuid = Array(bytes[48..<64])
        volumeName = Array(bytes[64..<80].prefix { $0 != 0 })

        guard source.size >= size else { throw .truncated(size: source.size, needed: size) }
        guard metadataBlock < blockCount else {
            throw .superblock(field: "meta_blkaddr", value: metadataBlock)
        }
    }

    private static func checkFeatures(_ features: UInt32) throws(EROFSError) {
        if features & wideAddresses != 0 { throw .unsupported(.wideAddresses, nid: nil) }
        if features & metabox != 0 { throw .unsupported(.metabox, nid: nil) }
        let unknown = features & ~acceptable
        if unknown != 0 { throw .unsupported(.unknown(bits: unknown), nid: nil) }
    }

    /// The checksum covers the superblock up to the end of its block, with its own field as zero.
    private static func verify(_ source: ByteSource, blockSize: Int, stored: UInt32) throws(EROFSError) {
        let count = blockSize > Int(offset) ? blockSize - Int(offset) : blockSize
        guard source.size >= offset + UInt64(count) else {
            throw .truncated(size: source.size, needed: offset + UInt64(count))
        }
        var covered = try source.bytes(at: offset, count: count)
        covered.replaceSubrange(4..<8, with: [0, 0, 0, 0])
        let computed = CRC32C.rawChecksum(covered)
        guard computed == stored else { throw .checksum(stored: stored, computed: computed) }
    }
}

extension ByteSource {
    /// The bytes of a range, with this module's error.
    func bytes(at offset: UInt64, count: Int) throws(EROFSError) -> [UInt8] {
        do throws(ByteSourceError) {
            return try read(at: offset, count: count)
        } catch {
            throw .unreadable(error)
        }
    }
}

extension [UInt8] {
    /// A little-endian field of a structure whose whole length was checked before; 0 outside of it.
    func field<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type, _ index: Int) -> T {
        littleEndian(type, at: index) ?? 0
    }
}
