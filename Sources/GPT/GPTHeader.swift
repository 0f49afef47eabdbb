import Bytes

/// The fields of one copy's header, after its own checks: signature, revision, size, CRC and place.
struct GPTHeader {
    static let signature = Array("EFI PART".utf8)
    static let revision: UInt32 = 0x0001_0000
    static let size = 92

    /// The most bytes of entries that are read: 4096 entries of 128 bytes.
    private static let maximumEntryBytes: UInt64 = 1 << 19

    let alternateSector: UInt64
    let firstUsable: UInt64
    let lastUsable: UInt64
    let diskGUID: GUID
    let entriesSector: UInt64
    let entryCount: UInt32
    let entrySize: UInt32
    let entriesChecksum: UInt32

    /// Reads the header from a whole sector.
    init(sector bytes: [UInt8], at sector: UInt64) throws(GPTDamage) {
        guard bytes.starts(with: Self.signature) else { throw .noSignature }
        let revision = try Self.field(UInt32.self, bytes, 8)
        guard revision == Self.revision else { throw .revision(revision) }
        let size = try Self.field(UInt32.self, bytes, 12)
        guard size >= Self.size, size <= bytes.count else { throw .headerSize(size) }
        let stored = try Self.field(UInt32.self, bytes, 16)
        var covered = Array(bytes[..<Int(size)])
        covered.replaceSubrange(16..<20, with: [0, 0, 0, 0])
        let computed = CRC32.checksum(covered)
        guard stored == computed else { throw .headerChecksum(stored: stored, computed: computed) }
        let position = try Self.field(UInt64.self, bytes, 24)
        guard position == sector else { throw .position(stored: position, actual: sector) }
        alternateSector = try Self.field(UInt64.self, bytes, 32)
        firstUsable = try Self.field(UInt64.self, bytes, 40)
        lastUsable = try Self.field(UInt64.self, bytes, 48)
        guard let guid = bytes.bounded(at: 56, count: GUID.byteCount).flatMap({ GUID(diskBytes: $0) }) else {
            throw .headerSize(size)
        }
        diskGUID = guid
        entriesSector = try Self.field(UInt64.self, bytes, 72)
        entryCount = try Self.field(UInt32.self, bytes, 80)
        entrySize = try Self.field(UInt32.self, bytes, 84)
        entriesChecksum = try Self.field(UInt32.self, bytes, 88)
    }

    /// The other copy's sector as a header says, which may be damaged otherwise.
    static func alternateSector(ofDamaged bytes: [UInt8]) -> UInt64? {
        guard bytes.starts(with: signature) else { return nil }
        return bytes.littleEndian(UInt64.self, at: 32)
    }

    /// Bytes of all entries, once their size and number are known to be possible.
    func entryBytes() throws(GPTDamage) -> Int {
        // UEFI: the size is 128 times a power of two.
        let total = UInt64(entryCount) * UInt64(entrySize)
        guard entrySize >= 128, entrySize & (entrySize - 1) == 0, entryCount > 0,
            total <= Self.maximumEntryBytes
        else { throw .entryLayout(size: entrySize, count: entryCount) }
        return Int(total)
    }

    private static func field<T: FixedWidthInteger & UnsignedInteger>(
        _ type: T.Type,
        _ bytes: [UInt8],
        _ index: Int
    ) throws(GPTDamage) -> T {
        guard let value = bytes.littleEndian(type, at: index) else { throw .headerSize(UInt32(bytes.count)) }
        return value
    }
}
