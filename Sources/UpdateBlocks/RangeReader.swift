/// Reads parts of a remote file with bounded memory and hands each over when it is complete.
struct RangeReader {
    let file: any RemoteFile
    /// What the file is called in messages.
    let name: String
    /// Bytes of parts that are asked for at a time.
    static let batchBytes: UInt64 = 4 << 20
    /// Parts that are asked for at a time.
    static let batchParts = 256

    /// Reads parts.
    ///
    /// - Parameters:
    ///   - parts: ascending, not overlapping; each has at most `batchBytes`.
    ///   - inOneStream: asks for the file from its beginning to the last part, and drops what is between the parts.
    ///   - received: is told about all bytes that came.
    ///   - deliver: gets each part by its number, with the server that sent its last byte.
    func read(
        _ parts: [Range<UInt64>],
        inOneStream: Bool,
        received: (Int) -> Void,
        deliver: (Int, [UInt8], String) async throws -> Void
    ) async throws {
        guard let last = parts.last else { return }
        if inOneStream {
            try await read(parts[...], asking: [0..<last.upperBound], received, deliver)
            return
        }
        var start = 0
        while start < parts.count {
            var end = start
            var bytes: UInt64 = 0
            while end < parts.count, end - start < Self.batchParts {
                let size = parts[end].upperBound - parts[end].lowerBound
                if end > start, bytes + size > Self.batchBytes { break }
                bytes += size
                end += 1
            }
            try await read(parts[start..<end], asking: Self.joined(parts[start..<end]), received, deliver)
            start = end
        }
    }

    private static func joined(_ parts: ArraySlice<Range<UInt64>>) -> [Range<UInt64>] {
        var result: [Range<UInt64>] = []
        for part in parts {
            if let last = result.last, last.upperBound == part.lowerBound {
                result[result.count - 1] = last.lowerBound..<part.upperBound
            } else {
                result.append(part)
            }
        }
        return result
    }

    private func read(
        _ parts: ArraySlice<Range<UInt64>>,
        asking ranges: [Range<UInt64>],
        _ received: (Int) -> Void,
        _ deliver: (Int, [UInt8], String) async throws -> Void
    ) async throws {
        // The next byte that each range lacks, and what came of each part.
        var positions = ranges.map(\.lowerBound)
        var buffers: [Int: [UInt8]] = [:]
        var source = name
        try await file.read(ranges) { piece in
            source = piece.source
            received(piece.bytes.count)
            guard let range = ranges.firstIndex(where: { $0.contains(piece.offset) }) else {
                throw wrong(piece.source, "it sent bytes at \(piece.offset), which nobody asked for")
            }
            guard positions[range] == piece.offset,
                UInt64(piece.bytes.count) <= ranges[range].upperBound - piece.offset
            else {
                throw wrong(
                    piece.source,
                    "\(piece.bytes.count) bytes at \(piece.offset) do not follow \(positions[range])"
                )
            }
            let end = piece.offset + UInt64(piece.bytes.count)
            positions[range] = end
            var number = Self.firstPart(parts, endingAfter: piece.offset)
            while number < parts.endIndex, parts[number].lowerBound < end {
                let part = parts[number]
                let from = max(part.lowerBound, piece.offset)
                let to = min(part.upperBound, end)
                buffers[number, default: Self.buffer(part)] +=
                    piece.bytes[Int(from - piece.offset)..<Int(to - piece.offset)]
                if to == part.upperBound, let bytes = buffers.removeValue(forKey: number) {
                    try await deliver(number, bytes, piece.source)
                }
                number += 1
            }
        }
        for (range, position) in zip(ranges, positions) where position < range.upperBound {
            throw wrong(source, "it ended at \(position) instead of \(range.upperBound)")
        }
    }

    /// Room for a part, taken once; the caller has bounded it.
    private static func buffer(_ part: Range<UInt64>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(clamping: min(part.upperBound - part.lowerBound, batchBytes)))
        return bytes
    }

    private static func firstPart(_ parts: ArraySlice<Range<UInt64>>, endingAfter offset: UInt64) -> Int {
        var low = parts.startIndex
        var high = parts.endIndex
        while low < high {
            let middle = (low + high) / 2
            if parts[middle].upperBound <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func wrong(_ source: String, _ reason: String) -> UpdateBlocksError {
        .wrongAnswer(file: name, source: source, reason: reason)
    }
}
