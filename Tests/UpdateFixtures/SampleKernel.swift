/// Sections of a kernel image as the image build makes them: a kernel, and an initrd of several archives.
struct SampleKernel: Sendable {
    /// The bytes of the kernel.
    var linux: [UInt8]
    /// The contents of the initrd's archives, none of which compresses.
    var archives: [[UInt8]]

    /// A kernel of 400,000 bytes, and archives of these sizes.
    init(seed: UInt64, archives sizes: [Int]) {
        linux = sampleBytes(count: 400_000, seed: seed)
        archives = sizes.enumerated().map {
            sampleBytes(count: $0.element, seed: seed + 1 + UInt64($0.offset))
        }
    }

    /// The sections for `SampleRelease`.
    var sections: [(name: String, bytes: [UInt8])] {
        [(".linux", linux), (".initrd", archives.flatMap(Self.frame))]
    }

    /// A zstd frame (RFC 8878) of blocks that are not compressed, padded to a multiple of 4 bytes.
    static func frame(_ content: [UInt8]) -> [UInt8] {
        // One segment, and the content's size in 4 bytes.
        var bytes: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xA0]
        bytes += withUnsafeBytes(of: UInt32(content.count).littleEndian) { Array($0) }
        for start in stride(from: 0, to: content.count, by: 128 << 10) {
            let end = min(start + (128 << 10), content.count)
            let header = UInt32(end - start) << 3 | (end == content.count ? 1 : 0)
            bytes += withUnsafeBytes(of: header.littleEndian) { Array($0.prefix(3)) } + content[start..<end]
        }
        return bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
    }
}
