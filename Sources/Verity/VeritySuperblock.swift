/// The 512 bytes with which a hash device begins (cryptsetup, lib/verity/verity.c, `struct verity_sb`).
///
/// All numbers are little-endian. Only what `VerityFormat` names is accepted; unused bytes must be zero.
public enum VeritySuperblock {
    /// Size of the structure in bytes.
    public static let byteCount = 512

    /// "verity" and two zero bytes.
    static let signature: [UInt8] = Array("verity".utf8) + [0, 0]
    static let algorithm: [UInt8] = Array("sha256".utf8)

    private enum Offset {
        static let version = 8
        static let hashType = 12
        static let uuid = 16
        static let algorithm = 32
        static let dataBlockSize = 64
        static let hashBlockSize = 68
        static let dataBlocks = 72
        static let saltSize = 80
        static let padding = 82
        static let salt = 88
        static let saltEnd = 344
    }

    /// The 512 bytes for these parameters.
    public static func serialise(_ parameters: VerityParameters) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        func put(_ value: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in value.enumerated() { bytes[offset + index] = byte }
        }
        put(signature, at: 0)
        put(littleEndian(UInt32(1)), at: Offset.version)
        put(littleEndian(UInt32(1)), at: Offset.hashType)
        put(parameters.uuid, at: Offset.uuid)
        put(algorithm, at: Offset.algorithm)
        put(littleEndian(UInt32(VerityFormat.blockSize)), at: Offset.dataBlockSize)
        put(littleEndian(UInt32(VerityFormat.blockSize)), at: Offset.hashBlockSize)
        put(littleEndian(parameters.dataBlockCount), at: Offset.dataBlocks)
        put(littleEndian(UInt16(parameters.salt.count)), at: Offset.saltSize)
        put(parameters.salt, at: Offset.salt)
        return bytes
    }

    /// Reads a superblock from the first bytes of a hash device; bytes after the first 512 are not looked at.
    ///
    /// - Throws: `VerityError.superblock` with the first field that is wrong.
    public static func parse(_ bytes: [UInt8]) throws(VerityError) -> VerityParameters {
        guard bytes.count >= byteCount else { throw .superblock(.tooShort(bytes.count)) }
        guard bytes[..<8].elementsEqual(signature) else { throw .superblock(.signature) }

        func number(at offset: Int, size: Int) -> UInt64 {
            bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        let version = number(at: Offset.version, size: 4)
        guard version == 1 else { throw .superblock(.version(version)) }
        let hashType = number(at: Offset.hashType, size: 4)
        guard hashType == 1 else { throw .superblock(.hashType(hashType)) }
        let name = bytes[Offset.algorithm..<Offset.dataBlockSize]
        guard name.starts(with: algorithm), name.dropFirst(algorithm.count).allSatisfy({ $0 == 0 }) else {
            throw .superblock(.algorithm)
        }
        let dataBlockSize = number(at: Offset.dataBlockSize, size: 4)
        let hashBlockSize = number(at: Offset.hashBlockSize, size: 4)
        guard dataBlockSize == VerityFormat.blockSize, hashBlockSize == VerityFormat.blockSize else {
            throw .superblock(.blockSize(data: dataBlockSize, hash: hashBlockSize))
        }
        let dataBlocks = number(at: Offset.dataBlocks, size: 8)
        guard dataBlocks > 0, dataBlocks <= VerityFormat.maximumDataBlockCount else {
            throw .superblock(.dataBlocks(dataBlocks))
        }
        let saltSize = Int(number(at: Offset.saltSize, size: 2))
        guard saltSize <= VerityFormat.maximumSaltSize else { throw .superblock(.saltSize(saltSize)) }
        let saltEnd = Offset.salt + saltSize
        guard bytes[Offset.padding..<Offset.salt].allSatisfy({ $0 == 0 }),
            bytes[saltEnd..<byteCount].allSatisfy({ $0 == 0 })
        else { throw .superblock(.padding) }
        return try VerityParameters(
            salt: Array(bytes[Offset.salt..<saltEnd]),
            uuid: Array(bytes[Offset.uuid..<Offset.algorithm]),
            dataBlockCount: dataBlocks
        )
    }

    private static func littleEndian(_ value: some FixedWidthInteger & UnsignedInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
