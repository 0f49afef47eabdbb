import Bytes

/// A file, directory or other object of an EROFS image: what its inode says.
///
/// Hard links are entries with the same `nid`.
public struct EROFSEntry: Sendable, Equatable {
    /// What an entry can be.
    public enum Kind: String, Sendable, Equatable, CustomStringConvertible {
        case regular, directory, symlink, characterDevice, blockDevice, fifo, socket

        /// The kind in words.
        public var description: String {
            switch self {
            case .regular: "regular file"
            case .directory: "directory"
            case .symlink: "symlink"
            case .characterDevice: "character device"
            case .blockDevice: "block device"
            case .fifo: "FIFO"
            case .socket: "socket"
            }
        }
    }

    /// Number of the inode, which also says where it is.
    public let nid: UInt64
    /// What the entry is.
    public let kind: Kind
    /// Permissions with the set-user-ID, set-group-ID and sticky bits: the lower 12 bits of the mode.
    public let mode: UInt16
    /// The owner.
    public let uid: UInt32
    /// The group.
    public let gid: UInt32
    /// Bytes of the file's contents, the directory's blocks or the symlink's target.
    public let size: UInt64
    /// Number of names.
    public let linkCount: UInt32
    /// When the contents were changed, in seconds since 1970.
    public let modificationTime: Int64
    /// The nanoseconds that belong to `modificationTime`.
    public let modificationNanoseconds: UInt32
    /// Major and minor number of a device; zero for other kinds.
    public let device: Device
    /// Where the inode and its extended attributes lie in the image, without inline data and indexes.
    public let metadata: Range<UInt64>
    /// Whether there are extended attributes.
    public let hasExtendedAttributes: Bool

    /// The number of a device.
    public struct Device: Sendable, Equatable {
        /// The driver.
        public let major: UInt32
        /// The device among the driver's.
        public let minor: UInt32
    }

    /// How the data is stored.
    let layout: Layout
    /// First block of flat data.
    let startBlock: UInt32

    enum Layout: UInt16 {
        case flatPlain, compressedFull, flatInline, compressedCompact, chunked
    }

    private static let compactSize = 32
    private static let extendedSize = 64

    /// Reads the inode with a number.
    init(nid: UInt64, superblock: EROFSSuperblock, source: ByteSource) throws(EROFSError) {
        self.nid = nid
        let (inner, overflow) = nid.multipliedReportingOverflow(by: UInt64(Self.compactSize))
        let (start, overflow2) = inner.addingReportingOverflow(superblock.metadataOffset)
        guard !overflow, !overflow2, start < superblock.size,
            superblock.size - start >= UInt64(Self.compactSize)
        else { throw .damaged(nid: nid, .number) }
        let available = min(superblock.size - start, UInt64(Self.extendedSize))
        let bytes = try source.bytes(at: start, count: Int(available))

        let format = bytes.field(UInt16.self, 0)
        let isExtended = format & 1 != 0
        // Bit 4 came with 48-bit addresses, which are refused as a whole.
        guard format >> 1 <= 7, let layout = Layout(rawValue: format >> 1) else {
            throw .damaged(nid: nid, .format(format))
        }
        self.layout = layout
        let inodeSize = isExtended ? Self.extendedSize : Self.compactSize
        guard bytes.count >= inodeSize else { throw .damaged(nid: nid, .number) }

        // A header of 12 bytes counts as one unit, all others are of 4 bytes.
        let units = UInt64(bytes.field(UInt16.self, 2))
        hasExtendedAttributes = units > 0
        let end = start + UInt64(inodeSize) + (units == 0 ? 0 : 12 + 4 * (units - 1))
        guard end <= superblock.size else { throw .damaged(nid: nid, .number) }
        metadata = start..<end

        let fullMode = bytes.field(UInt16.self, 4)
        guard let kind = Kind(mode: fullMode) else { throw .damaged(nid: nid, .mode(fullMode)) }
        self.kind = kind
        mode = fullMode & 0o7777
        let union: UInt32
        if isExtended {
            size = bytes.field(UInt64.self, 8)
            union = bytes.field(UInt32.self, 16)
            uid = bytes.field(UInt32.self, 24)
            gid = bytes.field(UInt32.self, 28)
            modificationTime = Int64(bitPattern: bytes.field(UInt64.self, 32))
            modificationNanoseconds = bytes.field(UInt32.self, 40)
            linkCount = bytes.field(UInt32.self, 44)
        } else {
            linkCount = UInt32(bytes.field(UInt16.self, 6))
            size = UInt64(bytes.field(UInt32.self, 8))
            union = bytes.field(UInt32.self, 16)
            uid = UInt32(bytes.field(UInt16.self, 24))
            gid = UInt32(bytes.field(UInt16.self, 26))
            modificationTime = superblock.buildTime
            modificationNanoseconds = superblock.buildNanoseconds
        }
        guard size <= UInt64(Int64.max) else { throw .damaged(nid: nid, .size(size)) }
        startBlock = union
        let isDevice = kind == .characterDevice || kind == .blockDevice
        device = isDevice ? Device(encoded: union) : Device(major: 0, minor: 0)
    }
}

extension EROFSEntry.Kind {
    init?(mode: UInt16) {
        switch mode >> 12 {
        case 0o10: self = .regular
        case 0o04: self = .directory
        case 0o12: self = .symlink
        case 0o02: self = .characterDevice
        case 0o06: self = .blockDevice
        case 0o01: self = .fifo
        case 0o14: self = .socket
        default: return nil
        }
    }

    /// The type that directories give for the kind, which is one of the kernel's `FT_*`.
    var directoryType: UInt8 {
        switch self {
        case .regular: 1
        case .directory: 2
        case .characterDevice: 3
        case .blockDevice: 4
        case .fifo: 5
        case .socket: 6
        case .symlink: 7
        }
    }
}

extension EROFSEntry.Device {
    /// Splits the kernel's 32-bit encoding (`new_encode_dev`).
    init(encoded: UInt32) {
        self.init(major: (encoded >> 8) & 0xfff, minor: (encoded & 0xff) | ((encoded >> 12) & 0xf_ff00))
    }
}
