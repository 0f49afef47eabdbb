/// The CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), which EROFS stores without the final inversion.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in
            value & 1 == 1 ? 0x82f6_3b78 ^ (value >> 1) : value >> 1
        }
    }

    static func rawChecksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(~0) { value, byte in
            table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] ^ (value >> 8)
        }
    }
}
