import HTTPFetch
import UpdateBlocks

/// A file of a release on a server, as `UpdateBlocks` reads it.
struct ArtefactFile: UpdateBlocks.RemoteFile {
    let file: HTTPFetch.RemoteFile

    /// Thrown to end a stream of which no more is wanted; nobody else sees it.
    private struct Enough: Error {}

    func read(_ ranges: [Range<UInt64>], _ body: (RemotePiece) async throws -> Void) async throws {
        do {
            try await file.read(ranges: ranges) { try await body(Self.piece($0)) }
        } catch let error as FetchError where error.lacksRanges {
            guard ranges.count == 1, let range = ranges.first, range.lowerBound == 0 else {
                throw RemoteFileError.noRanges(source: "\(error)")
            }
            try await readBeginning(range.upperBound, body)
        }
    }

    /// The first bytes of a file whose server can only send all of it.
    private func readBeginning(_ end: UInt64, _ body: (RemotePiece) async throws -> Void) async throws {
        do {
            try await file.stream { bytes in
                guard bytes.offset < end else { throw Enough() }
                let piece = Self.piece(bytes)
                let wanted = Int(clamping: end - piece.offset)
                try await body(
                    piece.bytes.count <= wanted
                        ? piece
                        : RemotePiece(
                            offset: piece.offset,
                            bytes: Array(piece.bytes[..<wanted]),
                            source: piece.source
                        )
                )
            }
        } catch is Enough {}
    }

    private static func piece(_ bytes: FetchedBytes) -> RemotePiece {
        RemotePiece(offset: bytes.offset, bytes: Array(bytes.bytes), source: bytes.mirror)
    }
}
