public import Bytes

/// Where a kernel image is cut into parts, so that a host finds what it has of a new one.
///
/// A function of the file's bytes alone: whoever publishes a release cuts its image, hosts cut those that they have, and
/// parts of the same bytes are found by their digests. It cuts at every section, and in the initrd behind every
/// compressed archive (`ZstdFrames`), of which the build makes one for each package.
public enum KernelImageCut {
    /// More parts than this are never made.
    public static let maximumCount = 1024
    /// Neighbours that are smaller are one part: each costs some bytes in a release's description.
    static let smallSize: UInt64 = 4096

    /// The parts of a file in their order, without gaps, and none of them empty.
    ///
    /// A file that is no kernel image, or is damaged, gives fewer parts, at least one: what can't be told apart is one part.
    /// A file without bytes has none.
    public static func parts(of image: ByteSource) -> [Range<UInt64>] {
        guard image.size > 0 else { return [] }
        var parts: [Range<UInt64>] = []
        var start: UInt64 = 0
        for mark in marks(in: image) + [image.size] {
            let isSmall = mark - start < smallSize
            if let last = parts.last, isSmall, last.upperBound - last.lowerBound < smallSize {
                // Together they may not be small any more, and end there.
                parts[parts.count - 1] = last.lowerBound..<mark
            } else {
                parts.append(start..<mark)
            }
            start = mark
        }
        guard parts.count > maximumCount else { return parts }
        return parts[..<(maximumCount - 1)] + [parts[maximumCount - 1].lowerBound..<image.size]
    }

    /// Every place inside of a file where something begins or ends, ascending.
    private static func marks(in image: ByteSource) -> [UInt64] {
        guard let file = try? PEFile(image) else { return [] }
        var marks: Set<UInt64> = []
        for section in file.sections where section.rawSize > 0 {
            let start = UInt64(section.fileOffset)
            marks.formUnion([start, start + UInt64(section.rawSize)])
            guard section.name == ".initrd",
                let contents = try? image.slice(at: start, size: section.contentSize)
            else { continue }
            marks.formUnion(ZstdFrames.ends(in: contents).map { start + $0 })
            // What pads the section depends on all of it.
            marks.insert(start + section.contentSize)
        }
        return marks.filter { $0 > 0 && $0 < image.size }.sorted()
    }
}
