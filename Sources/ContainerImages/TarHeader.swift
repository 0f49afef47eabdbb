/// The header of a file in a tar archive (POSIX.1-1988, "ustar").
enum TarHeader {
    static let blockSize = 512
    /// The two empty blocks that an archive ends with.
    static let end = [UInt8](repeating: 0, count: 2 * blockSize)

    /// A regular file that everybody may read, of root, from 1970.
    ///
    /// - Parameter name: at most 100 bytes.
    static func file(_ name: String, size: Int64) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: blockSize)
        func put(_ bytes: some Collection<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int64, digits: Int) -> [UInt8] {
            let text = String(value, radix: 8)
            return Array(String(repeating: "0", count: max(digits - text.utf8.count, 0)).utf8)
                + Array(text.utf8)
        }
        put(name.utf8.prefix(100), at: 0)
        put(octal(0o644, digits: 7), at: 100)
        put(octal(0, digits: 7), at: 108)
        put(octal(0, digits: 7), at: 116)
        if size < 1 << 33 {
            put(octal(size, digits: 11), at: 124)
        } else {
            // GNU's form of what eleven octal digits cannot hold: big-endian, the first bit set. All readers know it.
            block[124] = 0x80
            put((0..<8).map { UInt8(truncatingIfNeeded: size >> (56 - 8 * Int64($0))) }, at: 128)
        }
        put(octal(0, digits: 11), at: 136)
        block[156] = UInt8(ascii: "0")
        put("ustar\u{0}00".utf8, at: 257)
        // The sum is taken with blanks in its own place.
        put([UInt8](repeating: 0x20, count: 8), at: 148)
        let sum = block.reduce(0) { $0 + Int64($1) }
        put(octal(sum, digits: 6) + [0, 0x20], at: 148)
        return block
    }

    /// What fills up the last block of a file.
    static func padding(size: Int64) -> [UInt8] {
        let rest = Int(size % Int64(blockSize))
        return rest == 0 ? [] : [UInt8](repeating: 0, count: blockSize - rest)
    }
}
