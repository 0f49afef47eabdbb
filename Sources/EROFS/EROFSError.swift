public import Bytes

/// Why an EROFS image, or something in it, could not be read.
public enum EROFSError: Error, Equatable, CustomStringConvertible {
    /// The bytes could not be read.
    case unreadable(ByteSourceError)
    /// There is no superblock with the magic number of EROFS.
    case notEROFS
    /// The image ends before the file system does.
    case truncated(size: UInt64, needed: UInt64)
    /// The CRC-32C of the superblock's block is another than the stored one.
    case checksum(stored: UInt32, computed: UInt32)
    /// A field of the superblock has a value that is not possible.
    case superblock(field: String, value: UInt64)
    /// The image (`nid` is nil) or one inode uses something that this reader does not know.
    case unsupported(EROFSFeature, nid: UInt64?)
    /// An inode, or what it leads to, is damaged.
    case damaged(nid: UInt64, EROFSDamage)
    /// The operation is for another kind of entry.
    case wrongKind(nid: UInt64, EROFSEntry.Kind, wanted: EROFSEntry.Kind)
    /// The file is larger than the caller allows or than the reader follows.
    case tooLarge(nid: UInt64, size: UInt64, limit: UInt64)
    /// A directory is reachable by two paths, of which this is the second.
    case directoryLoop(path: String)
    /// The tree has more entries, or longer paths, than the reader follows.
    case treeTooLarge(path: String)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .unreadable(let error):
            "the EROFS image cannot be read: \(error)"
        case .notEROFS:
            "there is no EROFS superblock at byte 1024; this is not an EROFS image, or not its start"
        case .truncated(let size, let needed):
            "the EROFS image has \(size) bytes but the file system needs \(needed); fetch or build it again in full"
        case .checksum(let stored, let computed):
            "the CRC of the EROFS superblock is 0x\(String(computed, radix: 16)) instead of "
                + "0x\(String(stored, radix: 16)); the image is damaged: fetch or build it again"
        case .superblock(let field, let value):
            "the EROFS superblock has the impossible value \(value) in its field '\(field)'; "
                + "the image is damaged: fetch or build it again"
        case .unsupported(let feature, nil):
            "the EROFS image uses \(feature), which this reader does not support; build it without, or mount it"
        case .unsupported(let feature, let nid?):
            "inode \(nid) of the EROFS image uses \(feature), which this reader does not support; "
                + "build the image without, or mount it"
        case .damaged(let nid, let damage):
            "inode \(nid) of the EROFS image is damaged: \(damage); fetch or build the image again"
        case .wrongKind(let nid, let kind, let wanted):
            "inode \(nid) of the EROFS image is a \(kind) and not a \(wanted); ask for another path"
        case .tooLarge(let nid, let size, let limit):
            "inode \(nid) of the EROFS image has \(size) bytes but at most \(limit) are allowed here; "
                + "read it in pieces or raise the limit"
        case .directoryLoop(let path):
            "the directory '\(path)' of the EROFS image is also found at another path; "
                + "the image is damaged: fetch or build it again"
        case .treeTooLarge(let path):
            "the EROFS image has more entries or longer paths than are followed (at '\(path)'); "
                + "mount it to look at them, if you trust it"
        }
    }
}

/// Features of EROFS that this reader refuses, by the names the kernel's documentation uses.
public enum EROFSFeature: Equatable, Sendable, CustomStringConvertible {
    /// Bits of `feature_incompat` without a name here.
    case unknown(bits: UInt32)
    /// Data on further devices.
    case multipleDevices
    /// Addresses of 48 bits.
    case wideAddresses
    /// Inodes in a metadata inode, possibly compressed.
    case metabox
    /// Directory blocks of another size than the file system's blocks.
    case largeDirectoryBlocks
    /// Files as tables of chunks.
    case chunkedFiles
    /// Data in the packed inode.
    case fragments
    /// Extents that use a part of another file's compressed data.
    case deduplication
    /// The last compressed data beside the inode.
    case inlineCompressedTails
    /// The compression extent table that replaces the index of logical clusters.
    case extentTable
    /// Stored clusters that are rotated within their block.
    case interlacedClusters
    /// Logical clusters of another size than a block.
    case largeClusters
    /// Directories or symlinks whose data is compressed.
    case compressedMetadata
    /// Zstandard data that is not padded in front.
    case unpaddedCompression
    /// A compression algorithm other than LZ4 and Zstandard, by its number.
    case compression(algorithm: UInt8)

    /// The feature's name.
    public var description: String {
        switch self {
        case .unknown(let bits): "unknown features (bits 0x\(String(bits, radix: 16)))"
        case .multipleDevices: "multiple devices"
        case .wideAddresses: "48-bit addresses"
        case .metabox: "a metadata inode (metabox)"
        case .largeDirectoryBlocks: "directory blocks larger than a block"
        case .chunkedFiles: "chunk-based files"
        case .fragments: "fragments (the packed inode)"
        case .deduplication: "deduplicated extents"
        case .inlineCompressedTails: "inline compressed tails (ztailpacking)"
        case .extentTable: "compression extent tables"
        case .interlacedClusters: "interlaced clusters"
        case .largeClusters: "logical clusters larger than a block"
        case .compressedMetadata: "compressed directories or symlinks"
        case .unpaddedCompression: "Zstandard compression without zero padding"
        case .compression(1): "LZMA compression"
        case .compression(2): "DEFLATE compression"
        case .compression(let algorithm): "compression algorithm number \(algorithm)"
        }
    }
}

/// What is wrong with an inode, or with what it leads to.
public enum EROFSDamage: Error, Equatable, Sendable, CustomStringConvertible {
    /// The inode's number leads out of the image.
    case number
    /// The format field has unknown bits or an unknown layout.
    case format(UInt16)
    /// The mode has no known file type.
    case mode(UInt16)
    /// The size does not fit the kind of entry or is negative.
    case size(UInt64)
    /// The data, or its index, lies outside of the image.
    case outside(offset: UInt64, length: UInt64)
    /// The end of the data, which lies beside the inode, crosses a block.
    case inlineTail(offset: UInt64, length: UInt64)
    /// The structure of a block of the directory is not possible.
    case directoryBlock(UInt64)
    /// A name in the directory is empty, too long, not UTF-8, or has a slash or NUL.
    case name([UInt8])
    /// The directory's names are not in ascending order.
    case order(String)
    /// The directory says that an entry is of another kind than its inode.
    case kind(name: String)
    /// The symlink's target is not UTF-8 or has a NUL.
    case target
    /// The header of the compression index has values that are not possible.
    case compressionHeader
    /// The entry of the compression index for a logical cluster is not possible.
    case cluster(UInt64)
    /// The compressed data that starts at an offset of the file is damaged.
    case compressedData(fileOffset: UInt64, reason: String)

    /// What is wrong.
    public var description: String {
        switch self {
        case .number: "its number leads out of the image"
        case .format(let format): "it has the unknown format \(format)"
        case .mode(let mode): "its mode 0o\(String(mode, radix: 8)) has no known file type"
        case .size(let size): "its size \(size) is not possible"
        case .outside(let offset, let length):
            "its data (\(length) bytes at \(offset)) lies outside of the image"
        case .inlineTail(let offset, let length): "its tail (\(length) bytes at \(offset)) crosses a block"
        case .directoryBlock(let index): "block \(index) of the directory is malformed"
        case .name(let bytes):
            "the directory has the impossible name "
                + String(reflecting: String(decoding: bytes, as: UTF8.self))
        case .order(let name): "the directory is not sorted at '\(name)'"
        case .kind(let name): "the directory gives '\(name)' another type than its inode has"
        case .target: "the symlink's target is not text"
        case .compressionHeader: "the header of its compression index is malformed"
        case .cluster(let index): "entry \(index) of its compression index is malformed"
        case .compressedData(let offset, let reason):
            "its compressed data for byte \(offset) cannot be unpacked: \(reason)"
        }
    }
}
