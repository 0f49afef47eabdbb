import HTTPFetch
import UpdateBlocks

/// A file of a release on one or more servers, as `UpdateBlocks` reads it.
struct ArtefactFile: UpdateBlocks.RemoteFile {
    let file: HTTPFetch.RemoteFile
    /// Is told of servers that are asked no more.
    let warn: @Sendable (String) -> Void
    /// So much is asked for by one request, whose bytes come in order.
    private static let bytesPerRequest = HTTPFetcher.Configuration().bytesPerRequest

    /// Thrown to end a stream of which no more is wanted; nobody else sees it.
    private struct Enough: Error {}

    func read(_ ranges: [Range<UInt64>], _ body: (RemotePiece) async throws -> Void) async throws {
        guard ranges.count == 1, let range = ranges.first, range.lowerBound == 0 else {
            do {
                return try await file.read(ranges: ranges) { try await body(Self.piece($0)) }
            } catch let error as FetchError where error.lacksRanges {
                throw RemoteFileError.noRanges(source: "\(error)")
            }
        }
        // The beginning of a file, however long: several requests at once would bring it in any order.
        var position: UInt64 = 0
        do {
            while position < range.upperBound {
                let end = min(range.upperBound, position + Self.bytesPerRequest)
                try await file.read(ranges: [position..<end]) { bytes in
                    try await body(Self.piece(bytes))
                    position = bytes.offset + UInt64(bytes.bytes.count)
                }
            }
        } catch let error as FetchError where error.lacksRanges {
            try await stream(position..<range.upperBound, body)
        }
    }

    func exclude(_ source: String) -> Bool {
        guard file.leave(source) else { return false }
        warn(
            "\(source) sent what was not signed: another mirror is asked, and this one must be repaired or removed"
        )
        return true
    }

    /// A part of a file whose server can only send all of it.
    private func stream(_ range: Range<UInt64>, _ body: (RemotePiece) async throws -> Void) async throws {
        do {
            try await file.stream(from: range.lowerBound) { bytes in
                guard bytes.offset < range.upperBound else { throw Enough() }
                let wanted = Int(clamping: range.upperBound - bytes.offset)
                try await body(Self.piece(bytes, count: min(wanted, bytes.bytes.count)))
            }
        } catch is Enough {}
    }

    private static func piece(_ bytes: FetchedBytes, count: Int? = nil) -> RemotePiece {
        RemotePiece(
            offset: bytes.offset,
            bytes: count.map { Array(bytes.bytes.prefix($0)) } ?? bytes.bytes,
            source: bytes.mirror
        )
    }
}

extension HTTPFetch.RemoteFile {
    /// Excludes a mirror, unless it is the last one.
    ///
    /// - Returns: whether it was excluded, and there is another.
    func leave(_ mirror: String) -> Bool {
        guard hasOther(than: mirror) else { return false }
        exclude(mirror)
        return true
    }
}
