import Bytes
import Verity

/// A run of bytes of a file: a partition of a disk image, or a whole file.
struct ImagePart: Sendable {
    /// What it is called in messages: `disk.raw, partition 2`.
    let name: String
    /// The file it lies in.
    let path: String
    /// The first byte in the file.
    let offset: UInt64
    /// Bytes that are there, which a truncated image may have fewer of than the table says.
    let size: UInt64

    /// The bytes for parsers.
    func bytes() throws(ByteSourceError) -> ByteSource {
        try ByteSource(file: path).slice(at: offset, size: size)
    }

    /// The bytes for hashing.
    func veritySource() throws(VerityError) -> VeritySource {
        try VeritySource(path: path, offset: offset, byteCount: size)
    }

    /// A whole file.
    static func file(_ path: String, name: String) throws(ByteSourceError) -> ImagePart {
        ImagePart(name: name, path: path, offset: 0, size: try ByteSource(file: path).size)
    }
}

extension ByteSource {
    /// All bytes, where there are no more than a limit; nil where there are.
    func readAll(limit: UInt64) throws(ByteSourceError) -> [UInt8]? {
        size <= limit ? try read(at: 0, count: Int(size)) : nil
    }

    /// This source with zeros behind its end, up to a size.
    func padded(to newSize: UInt64) -> ByteSource {
        guard newSize > size else { return self }
        let real = self
        return ByteSource(size: newSize) { offset, count in
            guard offset < real.size else { return [UInt8](repeating: 0, count: count) }
            let there = Int(min(UInt64(count), real.size - offset))
            return try real.read(at: offset, count: there) + [UInt8](repeating: 0, count: count - there)
        }
    }
}
