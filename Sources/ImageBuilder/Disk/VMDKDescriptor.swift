import Bytes
import Foundation
import Hashing

/// The text descriptor inside of a stream-optimised VMDK (VMware Virtual Disk Format 5.0), in which qemu-img puts
/// a random content identifier.
enum VMDKDescriptor {
    private static let sector = 512
    /// The header's fields: magic number, and where the descriptor lies and how long it is, in sectors.
    private static let magic = Array("KDMV".utf8)
    private static let offsetField = 28
    private static let sizeField = 36
    private static let sizeLimit: UInt64 = 128

    /// Replaces the random CID by one that follows from the disk's content.
    ///
    /// - Throws: `BuildError.tool` when the file is not laid out as expected.
    static func settle(_ path: String, digest: SHA256Digest) throws {
        let descriptor = try FileSystem.open(path, O_RDWR)
        defer { close(descriptor) }
        let header = try read(descriptor, at: 0, count: sector, path)
        guard header.starts(with: magic),
            let first = header.littleEndian(UInt64.self, at: offsetField),
            let count = header.littleEndian(UInt64.self, at: sizeField),
            (1...sizeLimit).contains(first), (1...sizeLimit).contains(count)
        else { throw unexpected("its VMDK has another header") }
        let offset = first * UInt64(sector)
        let old = try read(descriptor, at: offset, count: Int(count) * sector, path)
        let new = try settled(old, identifier: String(digest.hex.prefix(8)))
        try FileSystem.write(new, to: descriptor, at: offset, path: path)
        guard fsync(descriptor) == 0 else {
            throw BuildError.file(operation: "flush", path: path, errno: errno)
        }
    }

    /// The descriptor with another CID; zeros fill it to the old length, for the random one may have fewer digits.
    static func settled(_ bytes: [UInt8], identifier: String) throws -> [UInt8] {
        let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let place = lines.firstIndex(where: { $0.hasPrefix("CID=") }) else {
            throw unexpected("the descriptor of its VMDK has no CID")
        }
        lines[place] = "CID=\(identifier)"
        let new = Array(lines.joined(separator: "\n").utf8)
        guard new.count <= bytes.count else { throw unexpected("the descriptor of its VMDK is full") }
        return new + [UInt8](repeating: 0, count: bytes.count - new.count)
    }

    private static func read(_ descriptor: Int32, at offset: UInt64, count: Int, _ path: String) throws
        -> [UInt8]
    {
        var bytes = [UInt8](repeating: 0, count: count)
        let done = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, count, off_t(offset)) }
        guard done >= 0 else { throw BuildError.file(operation: "read", path: path, errno: errno) }
        guard done == count else { throw unexpected("its VMDK ends after \(offset + UInt64(done)) bytes") }
        return bytes
    }

    private static func unexpected(_ detail: String) -> BuildError {
        .tool(name: "qemu-img", detail: "\(detail); this version of Bulkhead does not know its format")
    }
}
