/// Constants of the one dm-verity format that Bulkhead writes and reads.
///
/// Hash type 1 ("normal"), SHA-256, data and hash blocks of 4096 bytes: the kernel's
/// Documentation/admin-guide/device-mapper/verity.rst, and cryptsetup's on-disk superblock.
public enum VerityFormat {
    /// Size of a data block and of a hash block, in bytes.
    public static let blockSize = 4096
    /// Size of a digest in a hash block, in bytes.
    public static let digestSize = 32
    /// Number of digests in one hash block.
    public static let digestsPerBlock = blockSize / digestSize
    /// Largest salt that a superblock can hold, in bytes.
    public static let maximumSaltSize = 256
    /// Largest number of data blocks accepted, 16 TiB of data: it bounds the memory that a tree takes.
    public static let maximumDataBlockCount: UInt64 = 1 << 32
}

/// What decides the bytes of a hash tree besides the data: salt, identity and length.
public struct VerityParameters: Sendable, Hashable {
    /// Hashed before the content of every block; at most 256 bytes, may be empty.
    public let salt: [UInt8]
    /// Identity of the hash device, 16 bytes in the order they are printed.
    public let uuid: [UInt8]
    /// Number of data blocks of 4096 bytes; at least 1.
    public let dataBlockCount: UInt64

    /// Takes the parameters after checking them.
    ///
    /// - Throws: `VerityError.saltSize`, `.uuidSize` or `.dataBlockCount`.
    public init(salt: [UInt8], uuid: [UInt8], dataBlockCount: UInt64) throws(VerityError) {
        guard salt.count <= VerityFormat.maximumSaltSize else { throw .saltSize(salt.count) }
        guard uuid.count == 16 else { throw .uuidSize(uuid.count) }
        guard dataBlockCount > 0, dataBlockCount <= VerityFormat.maximumDataBlockCount else {
            throw .dataBlockCount(dataBlockCount)
        }
        self.salt = salt
        self.uuid = uuid
        self.dataBlockCount = dataBlockCount
    }

    /// Takes the parameters for data of a size in bytes, which must be a multiple of 4096.
    ///
    /// - Throws: `VerityError.dataSize` besides the errors of `init(salt:uuid:dataBlockCount:)`.
    public init(salt: [UInt8], uuid: [UInt8], dataSize: UInt64) throws(VerityError) {
        let blockSize = UInt64(VerityFormat.blockSize)
        guard dataSize > 0, dataSize.isMultiple(of: blockSize) else { throw .dataSize(dataSize) }
        try self.init(salt: salt, uuid: uuid, dataBlockCount: dataSize / blockSize)
    }
}
