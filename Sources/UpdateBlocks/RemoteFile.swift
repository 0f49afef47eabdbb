/// Bytes of a file that came from a server.
public struct RemotePiece: Sendable {
    /// Where they lie in the file.
    public let offset: UInt64
    /// The bytes.
    public let bytes: [UInt8]
    /// The server that sent them, for messages: without password.
    public let source: String

    /// States a piece.
    public init(offset: UInt64, bytes: [UInt8], source: String) {
        self.offset = offset
        self.bytes = bytes
        self.source = source
    }
}

/// A published file that can be read in parts: over HTTP with several mirrors, or in a test.
public protocol RemoteFile: Sendable {
    /// Reads ranges of the file.
    ///
    /// The pieces of one range come in order and without gaps, those of different ranges in any order; `body` is
    /// never called twice at a time. One range that begins at 0 must work with every server; for others it throws
    /// `RemoteFileError.noRanges` where the server cannot do them.
    ///
    /// - Parameters:
    ///   - ranges: ascending, not empty, not overlapping.
    ///   - body: gets the bytes as they come.
    func read(_ ranges: [Range<UInt64>], _ body: (RemotePiece) async throws -> Void) async throws

    /// Asks a server no more, because what it sent was wrong.
    ///
    /// - Parameter source: as `RemotePiece.source` names it.
    /// - Returns: whether it was asked until now and another one is left. The last one is never left.
    func exclude(_ source: String) -> Bool
}

extension RemoteFile {
    /// Nothing: there is one server.
    public func exclude(_ source: String) -> Bool { false }

    /// Reads, and reads again without the server that sent something wrong, as long as there is another.
    ///
    /// - Parameter body: reads what is still missing.
    func withoutBadServers(_ body: () async throws -> Void) async throws {
        while true {
            do {
                return try await body()
            } catch let error as UpdateBlocksError {
                guard let source = error.source, exclude(source) else { throw error }
            }
        }
    }
}

/// What a remote file reports to those who read it, besides errors of its own.
public enum RemoteFileError: Error, Equatable, CustomStringConvertible {
    /// No server of the file answers to ranges.
    case noRanges(source: String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .noRanges(let source):
            "\(source) does not answer to range requests: updates take more bytes; use a server that does"
        }
    }
}
