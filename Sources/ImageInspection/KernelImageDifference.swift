import Bytes
import FAT
import UKI

/// Where two copies of a unified kernel image differ.
struct KernelImageDifference: CustomStringConvertible {
    let size: UInt64
    let otherSize: UInt64
    /// The first byte that differs, if both have it.
    let firstByte: UInt64?
    /// The section that byte is in.
    let section: String?

    /// What differs.
    var description: String {
        var text = size == otherSize ? "" : "it has \(otherSize) bytes, not \(size)"
        if let firstByte {
            text += text.isEmpty ? "" : ", and "
            text += "byte \(firstByte) is the first that differs"
            text += section.map { ", in section '\($0)'" } ?? ", outside of all sections"
        }
        return text
    }

    /// Compares a file with one on an EFI system partition; nil if they are the same.
    static func between(
        _ file: String,
        and path: String,
        on partition: ImagePart
    ) throws -> KernelImageDifference? {
        let one = try ByteSource(file: file)
        let other = try FATVolume(try partition.bytes()).contents(path)
        let common = min(one.size, other.size)
        var first: UInt64?
        var offset: UInt64 = 0
        while offset < common, first == nil {
            let count = Int(min(1 << 20, common - offset))
            let left = try one.read(at: offset, count: count)
            let right = try other.read(at: offset, count: count)
            if left != right, let index = left.indices.first(where: { left[$0] != right[$0] }) {
                first = offset + UInt64(index)
            }
            offset += UInt64(count)
        }
        if first == nil, one.size == other.size { return nil }
        var section: String?
        if let first, let pe = try? PEFile(one) {
            section =
                pe.sections.first {
                    UInt64($0.fileOffset) <= first && first - UInt64($0.fileOffset) < UInt64($0.rawSize)
                }?.name
        }
        return KernelImageDifference(
            size: one.size,
            otherSize: other.size,
            firstByte: first,
            section: section
        )
    }
}
