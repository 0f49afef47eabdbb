import Archive
import Bytes

/// Unpacking of compressed extents.
enum Unpacking {
    private static let lz4: UInt8 = 0
    private static let zstandard: UInt8 = 3

    /// The bytes that an extent stands for.
    static func contents(
        of extent: EROFSExtent,
        _ file: EROFSEntry,
        _ image: EROFSImage
    ) throws(EROFSError) -> [UInt8] {
        let input = try image.source.bytes(at: extent.imageOffset, count: Int(extent.imageLength))
        let size = Int(extent.fileLength)
        guard case .compressed(let algorithm) = extent.encoding else { return Array(input.prefix(size)) }
        func damaged(_ reason: String) -> EROFSError {
            .damaged(nid: file.nid, .compressedData(fileOffset: extent.fileOffset, reason: reason))
        }
        guard algorithm == lz4 || algorithm == zstandard else {
            throw .unsupported(.compression(algorithm: algorithm), nid: file.nid)
        }
        // Compressed data ends with its last block; the padding is in front, and in the first block only. Before
        // Linux 5.3 it was behind, and the data could stand for more than the extent.
        let isPadded = image.superblock.isZeroPadded
        let firstBlock = input.prefix(image.superblock.blockSize)
        guard let start = isPadded ? firstBlock.firstIndex(where: { $0 != 0 }) : 0 else {
            throw damaged("its first block is empty")
        }
        if algorithm == lz4 {
            guard let output = LZ4Block.decode(input[start...], size: size, isExact: isPadded) else {
                throw damaged("it is not an LZ4 block of \(size) bytes")
            }
            return output
        }
        guard isPadded else { throw .unsupported(.unpaddedCompression, nid: file.nid) }
        let output: [UInt8]
        do throws(ArchiveError) {
            output = try unpackZstandard(input[start...], size: size)
        } catch {
            throw damaged("\(error)")
        }
        guard output.count == size else { throw damaged("it gives \(output.count) bytes instead of \(size)") }
        return output
    }

    /// A Zstandard frame of the one byte 0, uncompressed (RFC 8878).
    ///
    /// libarchive also looks for compression inside of compression: the contents of a `.gz` file in a Zstandard frame
    /// would look so. With this frame in front, contents never start with a magic number.
    private static let zeroFrame: [UInt8] = [
        0x28, 0xb5, 0x2f, 0xfd,  // magic
        0x20, 0x01,  // single segment; content size 1
        0x09, 0x00, 0x00, 0x00,  // last block, raw, 1 byte; the byte
    ]

    private static func unpackZstandard(
        _ frame: ArraySlice<UInt8>,
        size: Int
    ) throws(ArchiveError) -> [UInt8] {
        let output = try CompressedStream.decompress(
            zeroFrame + frame,
            name: "Zstandard extent",
            limit: size + 1
        )
        return Array(output.dropFirst())
    }
}
